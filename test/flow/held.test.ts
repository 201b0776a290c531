// A device that falls silent and comes back: its counter tells how much flowed meanwhile, and nothing is counted twice.

import {describe, expect, test} from 'vitest';
import {advance, createFlow, type FlowState, restoreFlow, serialiseFlow} from '../../src/core/flow/advance.ts';
import type {SlotRecord} from '../../src/core/flow/model.ts';
import type {Reading} from '../../src/core/reading.ts';
import {readingsAt, simulate, siteOf} from '../pipeline/house.ts';

const WALL = Date.UTC(2026, 4, 10, 8);
const MONO = 1_000_000;
const SLOT_S = 900;
const POLL_S = 2;
const SKEW_MS = 1000;

type Silent = {device: 'pv' | 'bat'; fromS: number; toS: number};
type Told = SlotRecord & {toldAtS: number};

/** Hours from ten in the morning: sun, clouds, a battery that charges. The last word on each quarter hour, and all words. */
function live(seconds: number, silent: Silent | null, change: (readings: Reading[], t: number) => Reading[] = readings => readings) {
  const house = simulate(seconds + 120, 7, 10);
  const site = siteOf({}, POLL_S * 1000);
  let state: FlowState = createFlow(site, 'boot-0');
  const slots = new Map<number, Told>();
  const closed: Told[] = [];
  const events: string[] = [];
  let countersS = -Infinity;
  let monoBase = MONO;
  const step = (t: number): void => {
    const counters = t - countersS >= 60 || Math.floor(t / SLOT_S) !== Math.floor(countersS / SLOT_S);
    if (counters) countersS = t;
    const monoMs = monoBase + t * 1000;
    const all = readingsAt(house, t, monoMs, {skewMs: SKEW_MS, counters, resolutionWh: 1});
    const away = silent !== null && t >= silent.fromS && t < silent.toS;
    const readings = change(away ? all.filter(one => one.device !== silent.device) : all, t);
    const tick = {seq: t, monoMs: monoMs + SKEW_MS + 5, wallMs: WALL + t * 1000 + SKEW_MS + 5};
    const next = advance(site, state, {tick, readings, clockTrusted: true, flush: t % 60 === 0});
    state = next.state;
    events.push(...next.events.map(event => event.kind));
    for (const slot of next.slots) {
      if (slot.slot.kind !== 'utc') continue;
      slots.set((slot.slot.startMs - WALL) / 1000, {...slot, toldAtS: t});
      if (slot.closed) closed.push({...slot, toldAtS: t});
    }
  };
  return {
    house,
    slots,
    closed,
    events,
    until(fromS: number, toS: number): void {
      for (let t = fromS; t <= toS; t += POLL_S) step(t);
    },
    /** Another boot, another monotonic clock. */
    restart(atS: number): void {
      monoBase = 77_000 - atS * 1000;
      state = restoreFlow(serialiseFlow(state), site, 'boot-1') as FlowState;
    },
  };
}

const totalOf = (slot: SlotRecord, name: string): number => slot.totals.find(one => one.name === name)?.energyMilliWh ?? 0;
const unexplainedOf = (slot: SlotRecord): number =>
  (slot.cells['solar-first'] ?? [])
    .filter(cell => cell.source === 'unexplained' || cell.sink === 'unexplained')
    .reduce((sum, cell) => sum + cell.energyMilliWh, 0);
const homeOf = (house: ReturnType<typeof simulate>, fromS: number): number =>
  house.at.slice(fromS, fromS + SLOT_S).reduce((sum, one) => sum + one.loadW / 3.6, 0);

/** Every quarter hour is closed, adds up and explains itself; together the home got what it used. */
function expectHomeOnce(run: ReturnType<typeof live>, seconds: number): void {
  let home = 0;
  let truth = 0;
  for (let start = 0; start < seconds; start += SLOT_S) {
    const slot = run.slots.get(start) as Told;
    expect(slot.closed).toBe(true);
    // The registers have explained what the instants could not, but for their own steps.
    expect(unexplainedOf(slot), `${start} s`).toBeLessThan(5000);
    for (const policy of ['solar-first', 'proportional'] as const)
      for (const name of ['home', 'battery', 'grid'])
        expect((slot.cells[policy] ?? []).filter(cell => cell.sink === name).reduce((sum, cell) => sum + cell.energyMilliWh, 0)).toBe(
          totalOf(slot, name === 'home' ? 'home' : name === 'grid' ? 'grid_export' : 'battery_charge'),
        );
    home += totalOf(slot, 'home');
    truth += homeOf(run.house, start);
  }
  // The difference of five registers of 1 Wh each.
  expect(Math.abs(home - truth)).toBeLessThan(5_000);
}

describe('a device is silent, and comes back', () => {
  test.each([
    ['an inverter for forty seconds over the end of a quarter hour', 'pv', 5380, 5420],
    ['an inverter for ten minutes', 'pv', 4000, 4600],
    ['an inverter for most of an hour', 'pv', 4000, 7200],
    ['a charging battery for ten minutes', 'bat', 4000, 4600],
    ['a charging battery for two hours', 'bat', 1000, 9000],
  ] as const)('%s: the home gets what it used, once', (_when, device, fromS, toS) => {
    const seconds = 10_800;
    const run = live(seconds, {device, fromS, toS});
    run.until(0, seconds + 60);
    expectHomeOnce(run, seconds);
    const told = [...run.slots.values()].filter(slot => slot.reason?.includes(`${device} was silent`));
    expect(told.length).toBeGreaterThan(0);
    for (const slot of told) expect(slot.quality).toContain('suspect');
  });

  test('meanwhile the quarter hours are shown as they stand, and each is closed once', () => {
    const run = live(9000, {device: 'pv', fromS: 1000, toS: 6000});
    run.until(0, 5400);
    expect([...run.slots.keys()]).toEqual([0, 900, 1800, 2700, 3600, 4500, 5400]);
    expect(run.closed.map(slot => slot.slot.kind === 'utc' && (slot.slot.startMs - WALL) / 1000)).toEqual([0]);
    // What is missing is known: nobody is told of an unmetered generator.
    expect(run.events).not.toContain('hint');
    run.until(5402, 9000);
    expect(run.closed).toHaveLength(new Set(run.closed.map(slot => JSON.stringify(slot.slot))).size);
    expect(run.closed.map(slot => slot.slot.kind === 'utc' && (slot.slot.startMs - WALL) / 1000)).toEqual(
      [...Array(10).keys()].map(index => index * SLOT_S),
    );
  });

  test('one that stays away is waited for four hours', () => {
    const run = live(20_000, {device: 'bat', fromS: 1000, toS: Infinity});
    run.until(0, 15_000);
    expect(run.closed).toHaveLength(1);
    run.until(15_002, 19_800);
    expect(run.closed.length).toBeGreaterThan(18);
    expect(
      (run.closed.at(-1) as Told).toldAtS - ((run.closed.at(-1) as Told).slot as {startMs: number; kind: 'utc'}).startMs / 1000,
    ).toBeLessThan(SLOT_S + 60);
  });

  test('an inverter that says it sleeps is not waited for', () => {
    const asleep = (readings: Reading[], t: number): Reading[] =>
      t < 1000
        ? readings
        : readings.map(reading =>
            reading.device === 'pv' ? {...reading, measured: {kind: 'missing', fault: {kind: 'asleep'}} as const} : reading,
          );
    const run = live(4000, null, asleep);
    run.until(0, 3660);
    expect(run.closed).toHaveLength(4);
  });

  test.each([
    ['a reload', 3002],
    ['a restart of half a minute', 3030],
  ])('%s meanwhile changes nothing', (_what, againS) => {
    const seconds = 7200;
    const run = live(seconds, {device: 'pv', fromS: 1000, toS: 4600});
    run.until(0, 3000);
    run.restart(againS);
    run.until(againS, seconds + 60);
    expectHomeOnce(run, seconds);
  });
});
