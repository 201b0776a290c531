// The simulated house: pure physics in whole milliwatts, one second a step, the same for the same seed.

import {type Books, book, emptyBooks, type Flows} from './books.ts';
import {after, type BatteryPlan, possible, socPct, startMilliJ} from './cell.ts';
import {demandAt, hourOfDay, inThirds, type Living, live, newLiving, type Phases, sumOf} from './living.ts';
import {diceFrom} from './random.ts';
import {type Clouds, clearSky, cloudsAt} from './sun.ts';

export type HousePlan = {
  readonly pvPeakW: number;
  /** `ac`: solar inverter and battery stand on the AC bus. `dc`: both hang behind one hybrid inverter. */
  readonly coupling: 'ac' | 'dc';
  readonly battery: BatteryPlan;
  /** How the battery and the solar inverter are connected. */
  readonly batteryPhases: 'one' | 'three';
  readonly heatPump: boolean;
  /** Buys this much at night until the battery is that full. Hours by the house's habits. */
  readonly nightCharge: {readonly fromHour: number; readonly toHour: number; readonly powerW: number; readonly untilPct: number} | null;
  /** Sells this much beyond what the house takes. */
  readonly eveningExport: {readonly fromHour: number; readonly toHour: number; readonly powerW: number; readonly downToPct: number} | null;
  /** The grid fails: first after so many seconds, then again and again. Only a `dc` house can live on. */
  readonly outage: {readonly firstS: number; readonly everyS: number; readonly lastsS: number} | null;
};

/** The house during one second. Powers are mW, positive into the AC bus as the daemon's points are; a load is a magnitude. */
export type Moment = {
  readonly epochS: number;
  readonly solar: number;
  /** On the DC side in a hybrid. */
  readonly battery: number;
  /** AC port of the hybrid; in an AC house the same as solar. */
  readonly inverter: number;
  readonly grid: number;
  readonly gridPhases: Phases;
  readonly home: number;
  readonly heatPump: number;
  readonly heatPumpPhases: Phases;
  readonly socPct: number;
  readonly gridOn: boolean;
  readonly flows: Flows;
};

/** Everything that is needed to go on; plain JSON. */
export type HouseState = {
  readonly startS: number;
  readonly dice: number;
  readonly clouds: Clouds;
  readonly living: Living;
  readonly storedMilliJ: number;
  /** What the battery's control saw in the last seconds, oldest first: demand less sun, mW. */
  readonly seen: readonly number[];
  readonly moment: Moment;
  readonly books: Books;
};

/** The battery follows the house this many seconds late. */
const CONTROL_LAG_S = 2;
/** A hybrid takes this much for itself, and this share of what goes through. */
const STANDBY_MILLI_W = 25_000;
const CONVERSION_PCT = 3;

const NOTHING: Flows = {
  solar: 0,
  discharge: 0,
  charge: 0,
  gridImport: 0,
  gridExport: 0,
  home: 0,
  heatPump: 0,
  loss: 0,
  acOut: 0,
  acIn: 0,
};

/** A house on its first second, with empty books. */
export function buildHouse(plan: HousePlan, seed: number, startS: number): HouseState {
  const before: HouseState = {
    startS,
    dice: seed,
    clouds: {share: 1, untilS: startS + 75},
    living: newLiving(startS),
    storedMilliJ: startMilliJ(plan.battery),
    seen: [],
    moment: {
      epochS: startS - 1,
      solar: 0,
      battery: 0,
      inverter: 0,
      grid: 0,
      gridPhases: [0, 0, 0],
      home: 0,
      heatPump: 0,
      heatPumpPhases: [0, 0, 0],
      socPct: socPct(plan.battery, startMilliJ(plan.battery)),
      gridOn: true,
      flows: NOTHING,
    },
    books: emptyBooks(),
  };
  return {...nextSecond(plan, before), books: emptyBooks()};
}

/** One second later. The books hold everything up to the end of `moment.epochS`. */
export function nextSecond(plan: HousePlan, before: HouseState): HouseState {
  const epochS = before.moment.epochS + 1;
  const dice = diceFrom(before.dice);
  const clouds = cloudsAt(before.clouds, epochS, dice);
  const living = live(before.living, epochS, dice);
  const {home: wanted, heatPump} = demandAt(living, epochS, plan.heatPump);
  const sun = Math.round(plan.pvPeakW * 1000 * clearSky(epochS) * clouds.share);
  const gridOn = !isOutage(plan, epochS - before.startS);
  const demand = sumOf(wanted) + sumOf(heatPump);
  const seen = [...before.seen, demand - sun].slice(-1 - CONTROL_LAG_S);
  const soc = socPct(plan.battery, before.storedMilliJ);
  // Alone, the inverter makes the grid itself and meets its load at once.
  const follows = gridOn ? (seen[0] as number) : demand - sun;
  const wish = gridOn ? wishAt(plan, epochS, soc, follows) : follows;
  const scene: Scene = {plan, epochS, sun, wanted, heatPump, wish, storedMilliJ: before.storedMilliJ, gridOn};
  const {moment, storedMilliJ} = plan.coupling === 'ac' ? onAcBus(scene) : behindHybrid(scene);
  return {
    startS: before.startS,
    dice: dice.state(),
    clouds,
    living,
    storedMilliJ,
    seen,
    moment,
    books: book(before.books, moment.flows),
  };
}

function isOutage({outage}: HousePlan, sinceS: number): boolean {
  return outage !== null && sinceS >= outage.firstS && (sinceS - outage.firstS) % outage.everyS < outage.lastsS;
}

/** What the battery is told to do on its AC side: follow the house, buy at night, sell in the evening. */
function wishAt({nightCharge, eveningExport}: HousePlan, epochS: number, soc: number, demandLessSun: number): number {
  const hour = hourOfDay(epochS);
  const inside = (window: {fromHour: number; toHour: number}): boolean => hour >= window.fromHour && hour < window.toHour;
  if (nightCharge && inside(nightCharge)) return soc < nightCharge.untilPct ? -nightCharge.powerW * 1000 : 0;
  if (eveningExport && inside(eveningExport) && soc > eveningExport.downToPct) return demandLessSun + eveningExport.powerW * 1000;
  return demandLessSun;
}

type Scene = {
  readonly plan: HousePlan;
  readonly epochS: number;
  readonly sun: number;
  readonly wanted: Phases;
  readonly heatPump: Phases;
  readonly wish: number;
  readonly storedMilliJ: number;
  readonly gridOn: boolean;
};
type Outcome = {readonly moment: Moment; readonly storedMilliJ: number};

function onAcBus({plan, epochS, sun, wanted, heatPump, wish, storedMilliJ}: Scene): Outcome {
  const battery = possible(plan.battery, storedMilliJ, wish);
  return outcome({
    plan,
    epochS,
    solar: sun,
    battery,
    inverter: sun,
    fromPlant: plusPhases(inThirds(sun), plan.batteryPhases === 'one' ? [battery, 0, 0] : inThirds(battery)),
    wanted,
    heatPump,
    storedMilliJ,
    loss: 0,
    gridOn: true,
  });
}

/** Sun and battery meet on the DC bus; what the AC port gives or takes differs from them by the inverter's loss. */
function behindHybrid(scene: Scene): Outcome {
  const {plan, epochS, wanted, heatPump, wish, storedMilliJ, gridOn} = scene;
  let {sun} = scene;
  const demand = sumOf(wanted) + sumOf(heatPump);
  // The wish is told as if the sun were on the AC bus; the inverter adds what it takes for itself.
  const target = wish + sun;
  const onDc = target + lossOf(target) - sun;
  const battery = possible(plan.battery, storedMilliJ, onDc);
  if (!gridOn && battery > onDc) sun -= Math.min(sun, battery - onDc); // full, and nobody to take it: the modules are held back
  const port = acOf(sun + battery);
  const inverter = gridOn ? port : battery >= onDc ? demand : Math.max(0, Math.min(demand, port));
  // Alone with too little: appliances are shed until it suffices.
  const served = inverter < demand && !gridOn ? shed(wanted, heatPump, inverter) : {wanted, heatPump};
  const loss = sun + battery - inverter;
  return outcome({plan, epochS, solar: sun, battery, inverter, fromPlant: inThirds(inverter), ...served, storedMilliJ, loss, gridOn});
}

/** Loss that belongs to an AC power in either direction. */
const lossOf = (acMilliW: number): number => STANDBY_MILLI_W + Math.round((Math.abs(acMilliW) * CONVERSION_PCT) / 100);

/** AC power for what the DC bus gives (+) or wants (-): the inverse of lossOf. */
function acOf(dcMilliW: number): number {
  const rest = dcMilliW - STANDBY_MILLI_W;
  return Math.floor((rest * 100) / (rest >= 0 ? 100 + CONVERSION_PCT : 100 - CONVERSION_PCT));
}

function shed(wanted: Phases, heatPump: Phases, available: number): {wanted: Phases; heatPump: Phases} {
  const forHome = Math.min(sumOf(wanted), available);
  return {wanted: inThirds(forHome), heatPump: inThirds(Math.min(sumOf(heatPump), available - forHome))};
}

const plusPhases = (a: Phases, b: Phases): Phases => [a[0] + b[0], a[1] + b[1], a[2] + b[2]];

function outcome(one: {
  plan: HousePlan;
  epochS: number;
  solar: number;
  battery: number;
  inverter: number;
  fromPlant: Phases;
  wanted: Phases;
  heatPump: Phases;
  storedMilliJ: number;
  loss: number;
  gridOn: boolean;
}): Outcome {
  const {plan, epochS, solar, battery, inverter, fromPlant, wanted, heatPump, loss, gridOn} = one;
  const taken = plusPhases(wanted, heatPump);
  const gridPhases: Phases = gridOn ? [taken[0] - fromPlant[0], taken[1] - fromPlant[1], taken[2] - fromPlant[2]] : [0, 0, 0];
  const grid = sumOf(gridPhases);
  const storedMilliJ = after(plan.battery, one.storedMilliJ, battery);
  const hybrid = plan.coupling === 'dc';
  return {
    storedMilliJ,
    moment: {
      epochS,
      solar,
      battery,
      inverter,
      grid,
      gridPhases,
      home: sumOf(wanted),
      heatPump: sumOf(heatPump),
      heatPumpPhases: heatPump,
      socPct: socPct(plan.battery, storedMilliJ),
      gridOn,
      flows: {
        solar,
        discharge: Math.max(0, battery),
        charge: Math.max(0, -battery),
        gridImport: Math.max(0, grid),
        gridExport: Math.max(0, -grid),
        home: sumOf(wanted),
        heatPump: sumOf(heatPump),
        loss: hybrid ? loss : 0,
        acOut: hybrid ? Math.max(0, inverter) : 0,
        acIn: hybrid ? Math.max(0, -inverter) : 0,
      },
    },
  };
}
