// The people of the simulated house: what they switch on and when, second by second, on three phases.

import type {Dice} from './random.ts';

/** Powers of the three phases, whole mW. */
export type Phases = readonly [number, number, number];

type Appliance = {readonly powerMilliW: number; readonly phase: 0 | 1 | 2; readonly untilS: number};
export type Living = {
  readonly appliances: readonly Appliance[];
  readonly kettle: {readonly fromS: number; readonly untilS: number};
  /** `on` since or until: the heat pump works in runs. */
  readonly heatPump: {readonly on: boolean; readonly untilS: number; readonly powerMilliW: number};
};

type Demand = {
  /** Everything but the heat pump. */
  readonly home: Phases;
  readonly heatPump: Phases;
};

const BASE: Phases = [80_000, 60_000, 40_000];
const EVENING: Phases = [900_000, 500_000, 400_000];
const FRIDGE_MILLI_W = 150_000;
const FRIDGE_ON_S = 500;
const FRIDGE_CYCLE_S = 1500;
const KETTLE_MILLI_W = 2_150_000;
const KETTLE_S = 140;
/** Somebody switches something on this often while the house is awake, and while it sleeps. */
const SWITCH_EVERY_S = 240;
const SWITCH_EVERY_NIGHT_S = 2400;
const MOST_AT_ONCE = 4;

/** The house's clocks stay on winter time: a habit has no daylight saving. */
const HABIT_OFFSET_S = 3600;
const DAY_S = 86_400;

/** Seconds since local midnight by the house's habits. */
const secondOfDay = (epochS: number): number => (epochS + HABIT_OFFSET_S) % DAY_S;
export const hourOfDay = (epochS: number): number => secondOfDay(epochS) / 3600;

/** A house in which the kettle is about to be switched on, so that something happens soon. */
export const newLiving = (epochS: number): Living => ({
  appliances: [{powerMilliW: 120_000, phase: 2, untilS: epochS + 900}],
  kettle: {fromS: epochS + 40, untilS: epochS + 40 + KETTLE_S},
  heatPump: {on: true, untilS: epochS + 420, powerMilliW: 1_150_000},
});

/** One second of living. */
export function live(before: Living, epochS: number, dice: Dice): Living {
  const awake = hourOfDay(epochS) >= 6 && hourOfDay(epochS) < 23;
  let appliances = before.appliances.some(one => one.untilS <= epochS)
    ? before.appliances.filter(one => one.untilS > epochS)
    : before.appliances;
  if (dice.next() < 1 / (awake ? SWITCH_EVERY_S : SWITCH_EVERY_NIGHT_S) && appliances.length < MOST_AT_ONCE)
    appliances = [...appliances, switchedOn(epochS, dice)];

  let {kettle, heatPump} = before;
  if (epochS >= kettle.untilS) {
    const nextS = epochS + dice.whole(20 * 60, 90 * 60);
    const hour = hourOfDay(nextS);
    const fromS = hour >= 6 && hour < 22 ? nextS : nextS + 8 * 3600;
    kettle = {fromS, untilS: fromS + KETTLE_S};
  }
  if (epochS >= heatPump.untilS) {
    heatPump = heatPump.on
      ? {on: false, untilS: epochS + dice.whole(15 * 60, 40 * 60), powerMilliW: 0}
      : {on: true, untilS: epochS + dice.whole(10 * 60, 30 * 60), powerMilliW: dice.whole(900, 1900) * 1000};
  }
  return {appliances, kettle, heatPump};
}

/** Small things often and long, strong ones seldom and short: 90 to 3,200 W for 20 seconds to 15 minutes. */
function switchedOn(epochS: number, dice: Dice): Appliance {
  const strength = dice.next() ** 2.5;
  return {
    powerMilliW: Math.round(90 + strength * 3110) * 1000,
    phase: dice.whole(0, 2) as 0 | 1 | 2,
    untilS: epochS + Math.round(20 + dice.next() * (1 - 0.8 * strength) * 880),
  };
}

/** What the living takes at that second. */
export function demandAt(living: Living, epochS: number, heated: boolean): Demand {
  const home: [number, number, number] = [...BASE];
  const hour = hourOfDay(epochS);
  if (hour >= 18 && hour < 22) for (const phase of [0, 1, 2] as const) home[phase] += EVENING[phase];
  if (epochS % FRIDGE_CYCLE_S < FRIDGE_ON_S) home[0] += FRIDGE_MILLI_W;
  if (epochS >= living.kettle.fromS && epochS < living.kettle.untilS) home[1] += KETTLE_MILLI_W;
  for (const one of living.appliances) home[one.phase] += one.powerMilliW;
  return {home, heatPump: heated && living.heatPump.on ? inThirds(living.heatPump.powerMilliW) : [0, 0, 0]};
}

/** Split over three phases, exactly: the first phases take what does not divide. Negative amounts too. */
export function inThirds(milliW: number): Phases {
  const third = Math.trunc(milliW / 3);
  const rest = milliW - 3 * third;
  const sign = Math.sign(rest);
  return [third + (Math.abs(rest) > 0 ? sign : 0), third + (Math.abs(rest) > 1 ? sign : 0), third];
}

export const sumOf = (phases: Phases): number => phases[0] + phases[1] + phases[2];
