// A small house whose life is written down beforehand: powers, kills, silences, lies of registers, a clock that steps. Its registers are the truth.

import fc from 'fast-check';
import {advance, createFlow, type FlowState, restoreFlow, serialiseFlow} from '../../src/core/flow/advance.ts';
import {merged} from '../../src/core/flow/merge.ts';
import type {FlowEvent, SiteEnergy, SlotRecord} from '../../src/core/flow/model.ts';
import type {Measured, Reading} from '../../src/core/reading.ts';
import {siteOf} from '../pipeline/house.ts';

export type Life = {
  readonly resolutionWh: number;
  readonly pollS: number;
  /** Seconds between two readings of the registers. */
  readonly countersS: number;
  /** Powers of ten minutes each, repeated. */
  readonly powers: readonly {readonly solarW: number; readonly loadW: number; readonly batteryW: number}[];
  /** By how much the powers told are wrong. */
  readonly errorPermille: number;
  readonly beginWallMs: number;
  readonly beats: number;
  /** Kills before a beat: the last `lost` beats are forgotten, nothing runs for `downS`. */
  readonly kills: readonly {readonly beat: number; readonly lost: number; readonly downS: number; readonly sameClock: boolean}[];
  readonly silences: readonly {readonly device: Device; readonly beat: number; readonly beats: number}[];
  readonly lies: readonly {readonly register: Register; readonly beat: number; readonly beats: number; readonly lie: keyof typeof LIES}[];
  /** Steps of the wall clock, and whether it is trusted. */
  readonly steps?: readonly {readonly beat: number; readonly byS: number}[];
  readonly distrust?: readonly {readonly beat: number; readonly beats: number}[];
};
/** Any small house on any clock, without anything that happens to it. */
export const anyHouse = (beginWallMs: number, mostBeats: number, mostPowers: number) => ({
  resolutionWh: fc.constantFrom(1, 10, 100),
  pollS: fc.constantFrom(10, 30, 60),
  countersS: fc.constantFrom(10, 60),
  powers: fc.array(
    fc.record({solarW: fc.nat(6000), loadW: fc.integer({min: 100, max: 5000}), batteryW: fc.integer({min: -3000, max: 3000})}),
    {minLength: 1, maxLength: mostPowers},
  ),
  errorPermille: fc.integer({min: -30, max: 30}),
  beginWallMs: fc.nat(899).map(second => beginWallMs + second * 1000),
  beats: fc.integer({min: 5, max: mostBeats}),
});
export const DEVICES = ['meter', 'pv', 'bat'] as const;
export type Device = (typeof DEVICES)[number];
export const REGISTERS = ['grid_import', 'grid_export', 'solar', 'battery_charge', 'battery_discharge'] as const;
export type Register = (typeof REGISTERS)[number];
const POINTS: Readonly<Record<Register, readonly [device: Device, point: string]>> = {
  grid_import: ['meter', 'meter.import_energy_wh'],
  grid_export: ['meter', 'meter.export_energy_wh'],
  solar: ['pv', 'inverter.energy_wh'],
  battery_charge: ['bat', 'battery.charge_energy_wh'],
  battery_discharge: ['bat', 'battery.discharge_energy_wh'],
};
/** What the registers stood at in the beginning, Wh. */
const BEGUN: Readonly<Record<Register, number>> = {
  grid_import: 8_211_402.3,
  grid_export: 9_120_770.8,
  solar: 15_432_118.1,
  battery_charge: 3_012_440.6,
  battery_discharge: 2_788_010.9,
};
export const LIES = {
  zero: () => 0,
  ones: () => 4_294_967_295,
  back: (wh: number) => wh - 300_000,
  peak: (wh: number) => wh + 85_900_000,
  tenfold: (wh: number) => wh * 10,
  none: () => null,
} as const satisfies Record<string, (wh: number) => number | null>;

const SEGMENT_S = 600;
const flowsOf = ({solarW, loadW, batteryW}: Life['powers'][number]): Readonly<Record<Register, number>> => {
  const gridW = loadW - solarW - batteryW;
  return {
    grid_import: Math.max(0, gridW),
    grid_export: Math.max(0, -gridW),
    solar: solarW,
    battery_charge: Math.max(0, -batteryW),
    battery_discharge: Math.max(0, batteryW),
  };
};

/** What each register shows, Wh, after so many seconds. */
export function shownAt(life: Life, register: Register, second: number): number {
  const flows = life.powers.map(power => flowsOf(power)[register]);
  const round = flows.reduce((sum, watts) => sum + watts, 0) * SEGMENT_S;
  const segments = Math.floor(second / SEGMENT_S);
  let wattSeconds = Math.floor(segments / flows.length) * round;
  for (let i = 0; i < segments % flows.length; i++) wattSeconds += (flows[i] as number) * SEGMENT_S;
  wattSeconds += (flows[segments % flows.length] as number) * (second % SEGMENT_S);
  const wh = BEGUN[register] + wattSeconds / 3600;
  return Math.floor(wh / life.resolutionWh + 1e-9) * life.resolutionWh;
}

export type Lived = {
  /** The newest word on each slot that survived the kills, by name. */
  readonly ledger: ReadonlyMap<string, SlotRecord>;
  /** What each register showed at first, and at last, Wh. */
  readonly first: Readonly<Partial<Record<Register, number>>>;
  readonly last: Readonly<Partial<Record<Register, number>>>;
  readonly events: readonly FlowEvent[];
  readonly state: FlowState;
  /** What was last told of today. */
  readonly day: SiteEnergy | null;
  readonly endS: number;
};

export const nameOf = ({slot}: Pick<SlotRecord, 'slot'>): string =>
  slot.kind === 'utc' ? new Date(slot.startMs).toISOString().slice(0, 16) : `${slot.bootId} ${slot.startMonoMs}`;

/** Lives it. The last beats read every register, honestly. */
export function live(life: Life, inspect?: (slots: readonly SlotRecord[], second: number) => void): Lived {
  const site = siteOf({}, life.pollS * 1000);
  let state = createFlow(site, 'boot-0');
  let ledger = new Map<string, SlotRecord>();
  const kept: {json: string; ledger: Map<string, SlotRecord>; first: Partial<Record<Register, number>>}[] = [];
  const events: FlowEvent[] = [];
  let first: Partial<Record<Register, number>> = {};
  let day: SiteEnergy | null = null;
  const last: Partial<Record<Register, number>> = {};
  let monoBaseMs = 3_000_000;
  let stepMs = 0;
  let second = 0;
  let countedS = -Infinity;
  const settling = Math.ceil(400 / life.pollS);
  let boots = 0;
  for (let beat = 0; beat <= life.beats + settling; beat++, second += life.pollS) {
    for (const kill of life.kills) {
      if (kill.beat !== beat || kept.length === 0) continue;
      const [saved] = kept.slice(-1 - kill.lost) as [(typeof kept)[number]];
      ledger = new Map(saved.ledger);
      first = {...saved.first};
      second += kill.downS;
      if (!kill.sameClock) monoBaseMs = 50_000 + 1717 * ++boots - second * 1000;
      state = restoreFlow(saved.json, site, `boot-${boots}`) as FlowState;
      kept.length = 0;
      countedS = -Infinity;
    }
    for (const step of life.steps ?? []) if (step.beat === beat) stepMs += step.byS * 1000;
    const calm = beat > life.beats;
    const isIn = (one: {readonly beat: number; readonly beats: number}): boolean =>
      !calm && beat >= one.beat && beat < one.beat + one.beats;
    const counters = calm || second - countedS >= life.countersS;
    if (counters) countedS = second;
    const monoMs = monoBaseMs + second * 1000;
    const wallMs = life.beginWallMs + second * 1000 + stepMs;
    const powers = life.powers[Math.floor(second / SEGMENT_S) % life.powers.length] as Life['powers'][number];
    const wrong = (watts: number): number => Math.round(watts * (1 + life.errorPermille / 1000));
    const readings: Reading[] = [];
    const put = (device: Device, point: string, measured: Measured): void => {
      if (!life.silences.some(one => one.device === device && isIn(one))) readings.push({device, point, measured});
    };
    put('meter', 'meter.power_w', {kind: 'good', value: wrong(powers.loadW - powers.solarW - powers.batteryW), monoMs});
    put('pv', 'inverter.power_w', {kind: 'good', value: wrong(powers.solarW), monoMs});
    put('bat', 'battery.power_w', {kind: 'good', value: wrong(powers.batteryW), monoMs});
    if (counters)
      for (const register of REGISTERS) {
        const [device, point] = POINTS[register];
        const wh = shownAt(life, register, second);
        const lie = life.lies.find(one => one.register === register && isIn(one));
        const known = state.registers[REGISTER_KEYS[register]]?.anchor;
        const told = lie && known ? LIES[lie.lie](wh) : wh;
        put(device, point, told === null ? {kind: 'missing', fault: {kind: 'absent'}} : {kind: 'good', value: told, monoMs});
        last[register] = wh;
      }
    const survives = life.kills.some(kill => beat < kill.beat && beat >= kill.beat - 1 - kill.lost);
    const isLast = beat === life.beats + settling;
    // What flowed before the first instant is nobody's.
    const begun = state.running ? {} : bookedBy(state);
    const step = advance(site, state, {
      tick: {seq: beat, monoMs: monoMs + 5, wallMs: wallMs + 5},
      readings,
      clockTrusted: !(life.distrust ?? []).some(isIn),
      flush: survives || isLast || REGISTERS.some(register => first[register] === undefined),
    });
    state = step.state;
    events.push(...step.events);
    day = step.day ?? day;
    inspect?.(step.slots, second);
    write(ledger, step.slots);
    if (state.running)
      for (const register of REGISTERS) {
        // A register that was read later than the first instant: what was integrated before is booked already.
        const at = bookedBy(state)[register];
        if (at !== undefined) first[register] ??= begun[register] ?? at - sumOf(ledger, register) / 1000;
      }
    if (survives) kept.push({json: serialiseFlow(state), ledger: new Map(ledger), first: {...first}});
  }
  return {ledger, first, last, events, state, day, endS: second - life.pollS};
}

const REGISTER_KEYS: Readonly<Record<Register, string>> = {
  grid_import: 'grid>out',
  grid_export: 'grid>in',
  solar: 'pv>out',
  battery_charge: 'battery>in',
  battery_discharge: 'battery>out',
};

/** What was booked of each register, on its own scale, Wh. */
const bookedBy = (state: FlowState): Partial<Record<Register, number>> =>
  Object.fromEntries(
    REGISTERS.flatMap(register => {
      const anchor = state.registers[REGISTER_KEYS[register]]?.anchor;
      return anchor ? [[register, anchor.booked / 1000]] : [];
    }),
  );

/** As the store does: a newer word on a slot takes the place of the older one or is added to it, and slots without a date leave with theirs. */
function write(ledger: Map<string, SlotRecord>, slots: readonly SlotRecord[]): void {
  for (const record of slots) {
    const before = ledger.get(nameOf(record));
    ledger.set(nameOf(record), record.adds && before ? merged(before, [record]) : record);
    for (const slot of record.takes ?? []) ledger.delete(nameOf({slot}));
  }
}

export const totalOf = (slot: SlotRecord, name: string): number => slot.totals.find(one => one.name === name)?.energyMilliWh ?? 0;
export const sumOf = (ledger: Lived['ledger'], name: string): number =>
  [...ledger.values()].reduce((sum, slot) => sum + totalOf(slot, name), 0);

/** What a register took back in quarter hours that had less to give, mWh: the next energy bears it. */
export const owed = (state: FlowState, register: Register): number =>
  [...state.held.map(held => held.slot), ...(state.running ? [state.running] : [])]
    .map(slot => Math.floor((slot.margins[REGISTER_KEYS[register]] ?? 0) / 7_200_000) + (slot.corrections[REGISTER_KEYS[register]] ?? 0))
    .reduce((sum, energy) => sum + Math.min(0, energy), 0);

/** By how much what is booked misses the register, Wh, at the resolution that its readings have shown. */
export function missing(lived: Lived, register: Register): number {
  const step = lived.state.registers[REGISTER_KEYS[register]]?.resolution ?? 1;
  const booked = Math.round((lived.first[register] ?? 0) * 1000) + sumOf(lived.ledger, register) + owed(lived.state, register);
  // Where a register was read later than the first instant, what is no whole mWh yet rounds one way or the other.
  const [exact, less] = [booked, booked - 1].map(one => (lived.last[register] ?? 0) - (Math.floor(one / step) * step) / 1000);
  return less === 0 ? 0 : (exact as number);
}
