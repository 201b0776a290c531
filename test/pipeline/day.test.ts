// A simulated day through the pipeline: conservation to the mWh, totals equal to the counters, whatever the clock, the bus or the process does.

import fc from 'fast-check';
import {describe, expect, test} from 'vitest';
import {advance, createFlow, type FlowState, type FlowStep, restoreFlow, serialiseFlow} from '../../src/core/flow/advance.ts';
import {merged} from '../../src/core/flow/merge.ts';
import type {FlowEvent, SiteEnergy, SlotRecord} from '../../src/core/flow/model.ts';
import type {Reading} from '../../src/core/reading.ts';
import type {Site} from '../../src/core/site.ts';
import {cut, random, readingsAt, simulate, siteOf} from './house.ts';

const WALL = Date.UTC(2026, 4, 10, 0, 0, 0);
const MONO = 1_000_000;

type Run = {slots: SlotRecord[]; events: FlowEvent[]; last: FlowStep | null; state: FlowState; energies: SiteEnergy[]};
type Options = {
  seconds: number;
  seed?: number;
  pollS?: number;
  skewMs?: number;
  resolutionWh?: number;
  site?: Site;
  startHour?: number;
  wall?: (t: number) => number;
  trusted?: (t: number) => boolean;
  readings?: (readings: Reading[], t: number) => Reading[];
  restartAt?: readonly number[];
  deadFor?: (t: number) => boolean;
};

function run(options: Options): Run & {house: ReturnType<typeof simulate>} {
  const {seconds, pollS = 2, skewMs = 1000, resolutionWh = 1, site = siteOf({}, pollS * 1000)} = options;
  const house = simulate(seconds + 120, options.seed ?? 7, options.startHour ?? 0);
  let state = createFlow(site, 'boot-0');
  const result: Run = {slots: [], events: [], last: null, state, energies: []};
  let monoBase = MONO;
  let boot = 0;
  let lastCounters = -Infinity;
  for (let t = 0; t <= seconds; t += pollS) {
    if (options.deadFor?.(t)) continue;
    if (options.restartAt?.includes(t)) {
      const json = serialiseFlow(state);
      monoBase = 5000 + 17 * ++boot - t * 1000; // another boot, another monotonic clock
      state = restoreFlow(json, site, `boot-${boot}`) as FlowState;
      lastCounters = -Infinity;
    }
    const counters = t - lastCounters >= 60 || Math.floor(t / 900) !== Math.floor(lastCounters / 900) || t + pollS > seconds;
    if (counters) lastCounters = t;
    const monoMs = monoBase + t * 1000;
    const tick = {seq: t, monoMs: monoMs + skewMs + 5, wallMs: (options.wall?.(t) ?? WALL + t * 1000) + skewMs + 5};
    let readings = readingsAt(house, t, monoMs, {skewMs, counters, resolutionWh});
    if (options.readings) readings = options.readings(readings, t);
    const step = advance(site, state, {tick, readings, clockTrusted: options.trusted?.(t) ?? true, flush: t + pollS > seconds});
    state = step.state;
    result.slots.push(...step.slots.filter(slot => slot.closed || t + pollS > seconds));
    result.events.push(...step.events);
    if (step.energy) result.energies.push(step.energy);
    result.last = step;
  }
  return {...result, state, house};
}

/** The last word on each slot. */
function final(slots: readonly SlotRecord[]): SlotRecord[] {
  const byName = new Map<string, SlotRecord>();
  const nameOf = ({slot}: Pick<SlotRecord, 'slot'>): string =>
    slot.kind === 'utc' ? `utc ${slot.startMs}` : `${slot.bootId} ${slot.startMonoMs}`;
  for (const record of slots) {
    const before = byName.get(nameOf(record));
    byName.set(nameOf(record), record.adds && before ? merged(before, [record]) : record);
    for (const slot of record.takes ?? []) byName.delete(nameOf({slot}));
  }
  return [...byName.values()];
}
const sumOf = (slots: readonly SlotRecord[], name: string): number =>
  final(slots).reduce((sum, slot) => sum + (slot.totals.find(total => total.name === name)?.energyMilliWh ?? 0), 0);

/** Each slot and policy adds up exactly: per source to what it gave, per sink to what it took. */
function expectConserved(slots: readonly SlotRecord[]): void {
  for (const slot of slots) {
    const total = (name: string): number => slot.totals.find(one => one.name === name)?.energyMilliWh ?? 0;
    for (const [policy, cells] of Object.entries(slot.cells)) {
      const by = (side: 'source' | 'sink', id: string): number =>
        (cells ?? []).filter(cell => cell[side] === id).reduce((sum, cell) => sum + cell.energyMilliWh, 0);
      const label = `${policy} ${JSON.stringify(slot.slot)}`;
      expect(by('source', 'grid'), `${label} import`).toBe(total('grid_import'));
      expect(by('sink', 'grid'), `${label} export`).toBe(total('grid_export'));
      expect(by('source', 'solar'), `${label} solar`).toBe(total('solar'));
      expect(by('source', 'battery'), `${label} discharge`).toBe(total('battery_discharge'));
      expect(by('sink', 'battery'), `${label} charge`).toBe(total('battery_charge'));
      expect(by('sink', 'home'), `${label} home`).toBe(total('home'));
      for (const cell of cells ?? [])
        expect(Number.isSafeInteger(cell.energyMilliWh) && cell.energyMilliWh > 0, `${label} ${JSON.stringify(cell)}`).toBe(true);
    }
  }
}

/** Totals taken at the registers' resolution are the difference of the registers' own readings. */
function expectCounters(result: ReturnType<typeof run>, seconds: number, resolutionWh: number, skewS = 1, what = ''): void {
  const first = result.house.counters;
  const at = (second: number, name: keyof (typeof first)[number]): number =>
    cut((first[Math.min(second, first.length - 1)] as (typeof first)[number])[name], resolutionWh);
  for (const [name, register, later] of [
    ['grid_import', 'import', 0],
    ['grid_export', 'export', 0],
    ['solar', 'solar', skewS],
    ['battery_charge', 'charge', skewS],
    ['battery_discharge', 'discharge', skewS],
  ] as const) {
    const start = at(later, register);
    const wanted = at(seconds + later, register) - start;
    const booked = sumOf(result.slots, name) / 1000;
    expect(Math.floor((start + booked) / resolutionWh + 1e-9) * resolutionWh - start, `${name} ${what}`).toBeCloseTo(wanted, 6);
  }
}

describe('a day', () => {
  test.each([
    // poll s, skew ms, resolution Wh
    [2, 1000, 1],
    [10, 4000, 1],
    [30, 5000, 100],
  ])('at %i s polling, %i ms skew and %i Wh counters, all totals are exact and every slot adds up', (pollS, skewMs, resolutionWh) => {
    const seconds = 86_400;
    const result = run({seconds, pollS, skewMs, resolutionWh});
    expect(final(result.slots).filter(slot => slot.slot.kind === 'utc')).toHaveLength(97);
    expectConserved(result.slots);
    expectCounters(result, seconds, resolutionWh, skewMs / 1000);
    const truth = result.house.at.slice(0, seconds).reduce((sum, one) => sum + one.loadW / 3.6, 0);
    const home = sumOf(result.slots, 'home');
    // Home is the difference of five registers, each known to its resolution.
    expect(Math.abs(home - truth)).toBeLessThan(5 * resolutionWh * 1000);
  });

  test('cells are near the truth at 1 s, nearer than the latest values clamped at zero', () => {
    const seconds = 6 * 3600;
    const result = run({seconds, startHour: 9, seed: 3});
    const truth: Record<string, number> = {};
    const naive: Record<string, number> = {};
    const add = (
      cells: Record<string, number>,
      {solarW, batteryW, gridW}: {solarW: number; batteryW: number; gridW: number},
      hours: number,
    ): void => {
      let home = Math.max(0, solarW + batteryW + gridW);
      const sources: [string, number][] = [
        ['solar', solarW],
        ['battery', Math.max(0, batteryW)],
        ['grid', Math.max(0, gridW)],
      ];
      const sinks: [string, number][] = [
        ['home', home],
        ['battery', Math.max(0, -batteryW)],
        ['grid', Math.max(0, -gridW)],
      ];
      for (const sink of sinks)
        for (const source of sources) {
          if (source[0] === sink[0]) continue;
          const x = Math.min(source[1], sink[1]);
          cells[`${source[0]}_${sink[0]}`] = (cells[`${source[0]}_${sink[0]}`] ?? 0) + x * hours;
          source[1] -= x;
          sink[1] -= x;
        }
      home = 0;
    };
    for (let t = 0; t < seconds; t++) add(truth, result.house.at[t] as (typeof result.house.at)[number], 1 / 3600);
    for (let t = 0; t < seconds; t += 2) {
      const [now, later] = [result.house.at[t], result.house.at[t + 1]] as (typeof result.house.at)[number][] as [
        (typeof result.house.at)[number],
        (typeof result.house.at)[number],
      ];
      add(naive, {gridW: now.gridW, solarW: later.solarW, batteryW: later.batteryW}, 2 / 3600);
    }
    const ours: Record<string, number> = {};
    for (const slot of final(result.slots))
      for (const cell of slot.cells['solar-first'] ?? [])
        ours[`${cell.source}_${cell.sink}`] = (ours[`${cell.source}_${cell.sink}`] ?? 0) + cell.energyMilliWh / 1000;
    const error = (cells: Record<string, number>): number =>
      Object.keys(truth).reduce((sum, key) => sum + Math.abs((cells[key] ?? 0) - (truth[key] ?? 0)), 0);
    expect(error(ours)).toBeLessThan(error(naive));
  });
});

describe('time', () => {
  test('any sequence of wall clocks gives the same energy', () => {
    const seconds = 3 * 3600;
    const plain = run({seconds, startHour: 10});
    for (const seed of [1, 2, 3, 4]) {
      const next = random(seed);
      const steps = Array.from({length: 5}, () => ({at: Math.floor(next() * seconds), by: (next() - 0.5) * 60 * 86_400_000}));
      const wall = (t: number): number => WALL + t * 1000 + steps.filter(step => step.at <= t).reduce((sum, step) => sum + step.by, 0);
      const result = run({seconds, startHour: 10, wall});
      expectConserved(result.slots);
      for (const name of ['grid_import', 'grid_export', 'solar', 'battery_charge', 'battery_discharge'])
        expect(sumOf(result.slots, name), `${name}, seed ${seed}`).toBe(sumOf(plain.slots, name));
      expect(result.events.some(event => event.kind === 'clock-step')).toBe(true);
    }
  });

  test('slots before the clock is trusted have no date, and get it afterwards', () => {
    const seconds = 3 * 3600;
    const trustedFrom = 2 * 3600;
    const wall = (t: number): number => (t < trustedFrom ? 1000 * t : WALL + t * 1000); // 1970 until the time server answers
    const result = run({seconds, startHour: 10, wall, trusted: t => t >= trustedFrom});
    const plain = run({seconds, startHour: 10});
    expect(result.slots.some(slot => slot.slot.kind === 'undated' && slot.quality.includes('undated'))).toBe(true);
    const dated = final(result.slots).filter(slot => slot.slot.kind === 'utc');
    for (const name of ['grid_import', 'grid_export', 'solar']) expect(sumOf(dated, name)).toBe(sumOf(plain.slots, name));
    expectConserved(result.slots);
  });
});

describe('counters', () => {
  test('a counter that reads 0 once adds nothing (evcc accumulator: 13,418.8 kWh)', () => {
    const seconds = 2 * 3600;
    const lying = run({
      seconds,
      startHour: 10,
      readings: (readings, t) =>
        readings.map(one =>
          one.point.endsWith('import_energy_wh') && t >= 3000 && t < 3100
            ? {...one, measured: {kind: 'good', value: 0, monoMs: MONO}}
            : one,
        ),
    });
    expectConserved(lying.slots);
    expectCounters(lying, seconds, 1);
    expect(lying.events.map(event => event.kind)).toContain('counter-held-back');
  });

  test('a published total never goes back and is never a placeholder zero', () => {
    const result = run({seconds: 4 * 3600, startHour: 8, resolutionWh: 100, pollS: 10, skewMs: 4000});
    const seen: Record<string, number> = {};
    for (const energy of result.energies) {
      for (const [key, value] of Object.entries(energy)) {
        if (typeof value !== 'number') continue;
        expect(value, key).toBeGreaterThanOrEqual(seen[key] ?? 0);
        seen[key] = value;
      }
    }
    expect(seen['grid_import_kwh']).toBeGreaterThan(0);
  });
});

describe('what the process goes through', () => {
  test('killed and restarted anywhere, the margins equal the counters', () => {
    const seconds = 3 * 3600;
    for (const restartAt of [[600], [1798, 1800, 1802], [4000, 4002, 9000], [10_798]]) {
      const result = run({seconds, startHour: 10, restartAt});
      expectConserved(result.slots);
      expectCounters(result, seconds, 1, 1, `restarted at ${restartAt}`);
    }
  });

  test('after hours without the daemon the counters fill the hole, flagged, with bounds', () => {
    const seconds = 6 * 3600;
    const result = run({seconds, startHour: 8, deadFor: t => t > 3700 && t < 3 * 3600 + 130, restartAt: [3 * 3600 + 130]});
    expectConserved(result.slots);
    expectCounters(result, seconds, 1);
    const filled = final(result.slots).filter(slot => slot.quality.includes('gap'));
    expect(filled.length).toBeGreaterThan(6);
    expect(filled[2]?.bounds).not.toBeNull();
  });

  test('the same hole without a restart', () => {
    const seconds = 4 * 3600;
    const result = run({seconds, startHour: 8, deadFor: t => t > 3700 && t < 2 * 3600 + 130});
    expectConserved(result.slots);
    expectCounters(result, seconds, 1);
  });

  test('a hole inside one quarter hour stays in it: no second slot, nothing undated', () => {
    const seconds = 2 * 3600;
    const result = run({seconds, startHour: 10, deadFor: t => t > 1000 && t < 1150});
    expectConserved(result.slots);
    expectCounters(result, seconds, 1);
    expect(result.slots.filter(slot => slot.slot.kind === 'undated')).toEqual([]);
    const starts = final(result.slots).map(slot => (slot.slot.kind === 'utc' ? slot.slot.startMs : 0));
    expect(new Set(starts).size).toBe(starts.length);
    expect(final(result.slots).filter(slot => slot.quality.includes('gap'))).toHaveLength(1);
  });

  test('a dead inverter is named, and its energy is known when it is back', () => {
    const seconds = 2 * 3600;
    const dead = (t: number): boolean => t > 1000 && t < 3000;
    const result = run({
      seconds,
      startHour: 10,
      readings: (readings, t) =>
        dead(t)
          ? readings.map(one =>
              one.device === 'pv' ? {...one, measured: {kind: 'missing', fault: {kind: 'timeout', afterMs: 1000}}} : one,
            )
          : readings,
    });
    expectConserved(result.slots);
    expectCounters(result, seconds, 1);
    expect(final(result.slots).some(slot => slot.quality.includes('suspect') && /pv/.test(slot.reason ?? ''))).toBe(true);
  });

  test('whatever the readings say, nothing throws and nothing is negative or not a number', () => {
    const device = fc.constantFrom('meter', 'pv', 'bat', 'stranger');
    const point = fc.constantFrom(
      'meter.power_w',
      'inverter.power_w',
      'battery.power_w',
      'battery.soc_pct',
      'meter.import_energy_wh',
      'meter.export_energy_wh',
      'inverter.energy_wh',
      'battery.charge_energy_wh',
      'nonsense',
    );
    const value = fc.oneof(
      fc.double(),
      fc.integer({min: -200_000, max: 200_000}),
      fc.constantFrom(Number.NaN, Infinity, -Infinity, 1e300, -0, 65_535, -32_768),
      fc.string(),
    );
    const measured: fc.Arbitrary<Reading['measured']> = fc.oneof(
      fc.record({kind: fc.constant('good' as const), value, monoMs: fc.oneof(fc.integer({min: -1e9, max: 1e9}), fc.double())}),
      fc.record({
        kind: fc.constant('missing' as const),
        fault: fc.constantFrom({kind: 'timeout' as const, afterMs: 1}, {kind: 'asleep' as const}, {kind: 'absent' as const}),
      }),
    );
    const tick = fc.record({
      readings: fc.array(fc.record({device, point, measured}), {maxLength: 8}),
      monoMs: fc.integer({min: 0, max: 10_000_000}),
      wallMs: fc.integer({min: 0, max: 4_000_000_000_000}),
      trusted: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(tick, {maxLength: 25}), ticks => {
        const site = siteOf();
        let state = createFlow(site, 'b');
        ticks.forEach((one, seq) => {
          const step = advance(site, state, {
            tick: {seq, monoMs: one.monoMs, wallMs: one.wallMs},
            readings: one.readings,
            clockTrusted: one.trusted,
            flush: seq % 3 === 0,
          });
          state = step.state;
          for (const slot of step.slots)
            for (const cells of Object.values(slot.cells))
              for (const cell of cells ?? [])
                if (!(Number.isSafeInteger(cell.energyMilliWh) && cell.energyMilliWh > 0)) throw new Error(JSON.stringify(cell));
          expectConserved(step.slots);
          if (!restoreFlow(serialiseFlow(state), site, 'c')) throw new Error('cannot be restored');
        });
      }),
      {numRuns: 300},
    );
  });
});
