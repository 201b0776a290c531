// Evidence: sums, and intervals that hold the ledger's own figure and what plain rules of withdrawal give.

import fc from 'fast-check';
import {describe, expect, test} from 'vitest';
import {type Evidence, startEvidence} from '../../src/core/tariff/evidence.ts';
import type {MoneyCell} from '../../src/core/tariff/value.ts';

const QUARTER_MS = 900_000;
const cell = (origin: string, via: string, source: string, sink: string, energyMilliWh: number): MoneyCell =>
  ({origin, via, source, sink, energyMilliWh, label: 'imported'}) as MoneyCell;
const walked = (quarters: readonly (readonly MoneyCell[])[], efficiencyPpm = 1_000_000): Evidence[] => {
  const step = startEvidence({batteries: ['battery'], efficiencyPpm});
  return quarters.map((cells, index) => step({startMs: index * QUARTER_MS, cells}));
};

describe('grid energy that is exported again', () => {
  // 3 kWh of sun and 1 kWh of grid are charged; then 2 kWh go to the street, half a kWh to the home.
  const charged = [cell('solar', 'direct', 'solar', 'battery', 3_000_000), cell('grid', 'direct', 'grid', 'battery', 1_000_000)];
  const given = (grid: number): MoneyCell[] => [
    cell('solar', 'battery', 'battery', 'grid', 2_000_000 - grid),
    cell('grid', 'battery', 'battery', 'grid', grid),
    cell('solar', 'battery', 'battery', 'home', 500_000),
  ];
  test('as attributed, had all else gone first, and had it gone first', () => {
    const [first, second] = walked([charged, given(500_000)]);
    expect(first).toMatchObject({
      generation: 3_000_000,
      solar: 3_000_000,
      wind: 0,
      import: 1_000_000,
      charge: 4_000_000,
      gridCharged: 1_000_000,
    });
    expect(second).toMatchObject({
      export: 2_000_000,
      discharge: 2_500_000,
      gridReexported: 500_000,
      gridReexportedMin: 0,
      gridReexportedMax: 1_000_000,
      unknownExported: 0,
    });
  });

  test('of unknown origin counts as unknown, and into the most', () => {
    const [only] = walked([[cell('unknown', 'battery', 'battery', 'grid', 700)]]);
    expect(only).toMatchObject({unknownExported: 700, gridReexported: 0, gridReexportedMin: 0, gridReexportedMax: 700});
  });
});

test('a battery that was found empty can give no grid energy of before', () => {
  const step = startEvidence({batteries: ['battery'], efficiencyPpm: 1_000_000});
  step({startMs: 0, cells: [cell('grid', 'direct', 'grid', 'battery', 1_000_000)]});
  const notes = [{kind: 'empty', battery: 'battery'}] as const;
  const cells = [cell('solar', 'direct', 'solar', 'battery', 600_000), cell('solar', 'battery', 'battery', 'grid', 600_000)];
  expect(step({startMs: QUARTER_MS, notes, cells})).toMatchObject({gridReexportedMin: 0, gridReexportedMax: 0});
});

test.each([
  // solar home battery: rows solar and grid, columns home and battery
  ['sun enough for the battery: it may all be from the sun, or none', 500, 900, 700, 300, [0, 300]],
  ['more charged than the sun gave', 500, 900, 400, 1000, [500, 900]],
  ['no sun', 0, 900, 400, 500, [500, 500]],
])('grid energy into the battery lies in its bounds: %s', (_, sun, bought, home, stored, bounds) => {
  const toHome = Math.min(sun, home);
  const toBattery = Math.min(sun - toHome, stored);
  const [one] = walked([
    [
      cell('solar', 'direct', 'solar', 'home', toHome),
      cell('solar', 'direct', 'solar', 'battery', toBattery),
      cell('grid', 'direct', 'grid', 'home', home - toHome),
      cell('grid', 'direct', 'grid', 'battery', stored - toBattery),
      cell('solar', 'direct', 'solar', 'grid', sun - toHome - toBattery),
    ].filter(({energyMilliWh}) => energyMilliWh > 0),
  ]);
  expect(one?.import).toBeLessThanOrEqual(bought);
  expect([one?.gridChargedMin, one?.gridChargedMax]).toEqual(bounds);
});

test('the ledger’s own figure is never outside its interval, and nothing exported is more than what was', () => {
  const amount = fc.nat(2_000_000);
  const quarter = fc.tuple(amount, amount, amount, amount, amount);
  fc.assert(
    fc.property(fc.array(quarter, {minLength: 1, maxLength: 60}), fc.integer({min: 600_000, max: 1_000_000}), (quarters, eta) => {
      const evidence = walked(
        quarters.map(([sun, grid, sold, used, resold]) => [
          cell('solar', 'direct', 'solar', 'battery', sun),
          cell('grid', 'direct', 'grid', 'battery', grid),
          cell('solar', 'battery', 'battery', 'grid', sold),
          cell('grid', 'battery', 'battery', 'grid', resold),
          cell('solar', 'battery', 'battery', 'home', used),
        ]),
        eta,
      );
      for (const one of evidence) {
        expect(one.gridReexportedMin).toBeLessThanOrEqual(one.gridReexported);
        expect(one.gridReexported).toBeLessThanOrEqual(one.gridReexportedMax);
        expect(one.gridReexportedMax).toBeLessThanOrEqual(one.export);
        expect(one.gridChargedMin).toBeLessThanOrEqual(one.gridCharged);
        expect(one.gridCharged).toBeLessThanOrEqual(one.gridChargedMax);
      }
    }),
    {numRuns: 60},
  );
});
