// Defects of other systems that concern flows and counters, each as the test that ours passes. The systems and places are named.

import {describe, expect, test} from 'vitest';
import {decode} from '../../src/core/codec.ts';
import {advance, createFlow} from '../../src/core/flow/advance.ts';
import {attribute} from '../../src/core/flow/attribute.ts';
import {cellOf} from '../../src/core/flow/cells.ts';
import {newCounter, stepCounter} from '../../src/core/flow/counter.ts';
import {solveInstant} from '../../src/core/flow/instant.ts';
import {splitTrapezoid} from '../../src/core/flow/integrate.ts';
import {labelOf} from '../../src/core/flow/labels.ts';
import type {Matrix} from '../../src/core/flow/model.ts';
import {charge, discharge} from '../../src/core/flow/origin.ts';
import {daySpan} from '../../src/core/flow/slots.ts';
import type {Topology} from '../../src/core/flow/topology.ts';
import type {Reading} from '../../src/core/reading.ts';
import {exchangesOf, type MoneyCell, slotMoney} from '../../src/core/tariff/value.ts';
import {siteOf} from '../pipeline/house.ts';
import {configured} from '../tariff/configured.ts';

const topology: Topology = {
  generation: [{id: 'pv', kind: 'solar'}],
  batteries: ['battery'],
  hybrids: [],
  loads: [],
  netting: 'net',
  homeMeter: false,
  cascade: null,
};
const sigma = {pv: 10_000, battery: 10_000, grid: 2000};
const solve = (pv: number, battery: number, grid: number, phases: readonly number[] | null = null, netting: 'net' | 'per-phase' = 'net') =>
  solveInstant(
    {...topology, netting},
    {generation: {pv}, batteries: {battery}, hybrids: {}, loads: {}, grid, gridPhases: phases, gridOn: true, home: null, cascade: null},
    sigma,
    ['solar-first', 'proportional'],
  );

test('D1 evcc core/site.go: an impossible balance is not clamped to zero and lost', () => {
  const {home, unexplained, quality} = solve(1_000_000, 0, -2_500_000);
  expect([home, unexplained, quality]).toEqual([0, 1_500_000, 'suspect']);
});

test('D2 Victron dbus_systemcalc: phases that import and export at once do not inflate the consumption of a netting meter', () => {
  const {home, matrix} = solve(3_000_000, 0, -500_000, [1_000_000, -2_000_000, 500_000]);
  expect(home).toBe(2_500_000);
  expect(cellOf(matrix['solar-first'] as Matrix, 'grid', 'home')).toBe(0);
});

test('D3 solaredge2mqtt powerflow: a wrong sign of the meter does not look plausible', () => {
  // Sun 5 kW, house 1 kW: the meter should say -4 kW and says +4 kW. The house seems to draw 9 kW, not |4 - 5| = 1.
  expect(solve(5_000_000, 0, 4_000_000).home).toBe(9_000_000);
  // And the other way round the contradiction is named.
  expect(solve(1_000_000, 0, -4_000_000).unexplained).toBe(3_000_000);
});

test('D4 Home Assistant energy.ts: 2 kWh exported from 1 kWh of sun leave no negative consumption', () => {
  const {matrix, unexplained, home} = solve(1_000_000, 0, -2_000_000);
  expect(home).toBe(0);
  expect(unexplained).toBe(1_000_000);
  const flows = matrix['solar-first'] as Matrix;
  expect([cellOf(flows, 'solar', 'grid'), cellOf(flows, 'unexplained', 'grid')]).toEqual([1_000_000, 1_000_000]);
});

test('D5 OpenEMS PowerDistribution: no negative cell where the meter exports more than is made', () => {
  for (const battery of [0, 500_000]) {
    const {matrix} = solve(1_000_000, battery, -2_000_000);
    for (const policy of ['solar-first', 'proportional'] as const)
      for (const row of Object.values(matrix[policy] as Matrix)) for (const amount of Object.values(row)) expect(amount).toBeGreaterThan(0);
  }
});

test('D6 evcc accumulator.go: 13,423.7 → 5.0 → 13,423.7 kWh adds nothing', () => {
  const spec = {quantum: 100_000, maxPower: 30_000_000};
  let state = newCounter;
  let booked = 0;
  for (const [minute, kwh] of [
    [0, 13_423.7],
    [1, 5.0],
    [2, 13_423.7],
    [3, 13_423.8],
  ] as const) {
    const step = stepCounter(state, spec, minute * 60_000, Math.round(kwh * 1_000_000));
    state = step.state;
    booked += step.booked;
  }
  expect(booked).toBe(100_000);
});

test('D7 evcc db_history.go: a day of 23, 24 or 25 hours has its own number of quarter hours', () => {
  expect(['2026-03-29', '2026-03-30', '2026-10-25'].map(day => daySpan('Europe/Berlin', day).quarterHours)).toEqual([92, 96, 100]);
});

test('D8 evcc collector.process: what crosses the border of a quarter hour is cut at the border', () => {
  // 10 s at 3.6 kW, 4 s of them before the border: 4 Wh and 6 Wh.
  const {before, after} = splitTrapezoid(3_600_000, 3_600_000, 10_000, 4000);
  expect([before / 7_200_000, after / 7_200_000]).toEqual([4000, 6000]);
});

test('D9 OpenEMS EnergyValuesHandler: a register that falls back is not energy', () => {
  const spec = {quantum: 1000, maxPower: 10_000_000};
  const first = stepCounter(newCounter, spec, 0, 5_000_000);
  const step = stepCounter(first.state, spec, 60_000, 4_000_000);
  expect([step.status, step.booked]).toEqual(['pending', 0]);
});

test('D10 OpenEMS Sum: the first minute counts like any other', () => {
  const site = siteOf();
  let state = createFlow(site, 'boot');
  let kwh = 0;
  for (let t = 0; t <= 60; t += 2) {
    const monoMs = 1000 * t;
    const good = (device: string, point: string, value: number): Reading => ({device, point, measured: {kind: 'good', value, monoMs}});
    const step = advance(site, state, {
      tick: {seq: t, monoMs, wallMs: Date.UTC(2026, 5, 1) + monoMs},
      readings: [good('meter', 'meter.power_w', 1800), good('pv', 'inverter.power_w', 0), good('bat', 'battery.power_w', 0)],
      clockTrusted: true,
      flush: false,
    });
    state = step.state;
    kwh = (step.energy?.['grid_import_kwh'] as number | undefined) ?? kwh;
  }
  expect(kwh).toBe(0.03);
});

test('D13 evcc decode: "not implemented" is absent, never 0 W', () => {
  const field = {
    fc: 3,
    at: 0,
    type: 'f32',
    words: 2,
    wordOrder: 'high-first',
    swapBytes: false,
    wordsAt: null,
    bits: null,
    scale: {kind: 'factor', by: 1},
    offset: 0,
    invert: false,
    absent: [],
  } as const;
  const words = [0x7fc0, 0x0000]; // the NaN of SunSpec's float models
  expect(decode(field, at => words[at])).toEqual({kind: 'absent'});
});

describe('D14, D15: a battery that was charged from the grid', () => {
  test('keeps its origin, whatever day it is asked for (Home Assistant gauge; evcc greenShare)', () => {
    // Charged on Monday with 3 kWh of grid and 1 kWh of sun; on Tuesday nothing is charged and 2 kWh are drawn.
    const monday = charge(charge([], {grid: 3_000_000}), {solar: 1_000_000});
    const tuesday = discharge(monday, 2_000_000, 1_000_000, 'proportional');
    expect(tuesday.delivered).toEqual({solar: 500_000, grid: 1_500_000});
    expect(labelOf('grid', 'battery', 'home', false)).toBe('imported_earlier');
  });

  test('is not priced at the feed-in rate', () => {
    const [tariff] = configured('- {import: 0.3, export: 0.08, paid_origins: [solar]}').list;
    const prices = {import: 300_000, export: 80_000, co2: null, bucket: 'all day', suspended: false};
    const moneyOf = (one: MoneyCell) => slotMoney([one], tariff ?? null, prices, exchangesOf([one], tariff ?? null, ['battery']));
    const cell = {
      origin: 'grid',
      via: 'battery',
      source: 'battery',
      sink: 'home',
      energyMilliWh: 1_000_000,
      label: 'imported_earlier',
    } as const;
    expect(moneyOf(cell).saved).toBe(0n);
    expect(moneyOf({...cell, sink: 'grid', label: 're_exported'}).credit).toBe(0n);
  });
});

test('an attribution that cannot be completed is an error, not a guess', () => {
  expect(() => attribute({solar: 5}, {home: 4}, 'solar-first', ['solar'], ['home'])).toThrow(RangeError);
});
