// The demo's closing comparison on a machine that reads one device long after another: each total over the time in which its counter was read.

import {expect, test} from 'vitest';
import type {TickRecord} from '../../src/core/sink.ts';
import {TOTALS, type Total} from '../../src/demo/books.ts';
import {createComparison} from '../../src/demo/comparison.ts';
import {scenarioNamed} from '../../src/demo/scenarios.ts';
import {createSimulation} from '../../src/demo/simulation.ts';
import {summaryLines} from '../../src/demo/summary.ts';
import {siteOf} from '../pipeline/house.ts';
import {bench, never} from '../store/harness.ts';
import {good, record} from '../store/house.ts';

const START_S = Date.UTC(2026, 5, 21, 10) / 1000;
const COUNTERS: Readonly<Record<string, readonly string[]>> = {
  meter: ['meter.import_energy_wh', 'meter.export_energy_wh'],
  pv: ['inverter.energy_wh'],
  bat: ['battery.charge_energy_wh', 'battery.discharge_energy_wh'],
};

test('a device that is read late begins late and may end early; home goes with each of the others', async () => {
  const place = bench();
  const store = place.open();
  await store.start();
  await store.close(never);
  const {plan} = scenarioNamed('villa');
  const simulation = createSimulation({
    plan,
    scenario: 'villa',
    seed: 1,
    startS: START_S,
    saved: null,
    strideS: 10,
    store: () => {},
  });
  const wallOf = (monoMs: number): number => START_S * 1000 + monoMs;
  const comparison = createComparison(siteOf(), simulation, wallOf, (_device, _value, nearMs) => nearMs);
  const tell = (second: number, devices: readonly string[]): void => {
    const monoMs = second * 1000;
    const readings = devices.flatMap(device => (COUNTERS[device] ?? []).map(point => good(device, point, 1, monoMs)));
    const nodes = [{monoMs, powersMilliW: {}}] as unknown as TickRecord['nodes'];
    comparison.take(record(second, wallOf(monoMs), {readings, nodes}));
  };
  tell(10, ['meter']);
  tell(40, ['bat']);
  tell(70, ['meter', 'pv']);
  tell(500, ['meter', 'pv', 'bat']);
  tell(560, ['meter', 'pv']);
  tell(600, ['meter']);

  const {totals} = comparison.result(place.file);
  const grown = (total: Total, from: number, to: number): number =>
    (simulation.booksAt(wallOf(to * 1000)).totals[total] - simulation.booksAt(wallOf(from * 1000)).totals[total]) / 3_600_000;
  const expected: Readonly<Record<string, number>> = {
    grid_import: grown('grid_import', 10, 600),
    grid_export: grown('grid_export', 10, 600),
    solar: grown('solar', 70, 560),
    battery_charge: grown('battery_charge', 40, 500),
    battery_discharge: grown('battery_discharge', 40, 500),
  };
  const of = (name: string): number => expected[name] as number;
  expect(TOTALS.filter(total => total in expected)).toHaveLength(5);
  for (const name of Object.keys(expected)) expect(totals[name]?.house_wh ?? 0, name).toBeCloseTo(of(name), 2);
  const given = of('grid_import') + of('solar') + of('battery_discharge');
  const taken = of('grid_export') + of('battery_charge') + (totals['heat_pump']?.house_wh ?? 0);
  expect(totals['home']?.house_wh).toBeCloseTo(given - taken, 1);
  expect(of('solar')).toBeGreaterThan(10);
});

test('what is apart by less than can be shown has no sign', () => {
  const text = summaryLines({
    schema: 1,
    scenario: 'villa',
    seed: 1,
    simulated_s: 6,
    resolution_wh: 1,
    totals: {grid_export: {ledger_wh: 0, house_wh: 0.04}},
    cells: {solar_to_grid: {ledger_wh: 1.2, house_wh: 1.9, latest_wh: 1.88}},
    data: {database: '', dashboard: '', mqtt: ''},
  }).join('\n');
  expect(text).not.toContain('-0.0');
  expect(text).toContain('-0.7');
});
