// A quarter hour whose cells cannot be moved to its counters: divided by its totals, without a guess, and marked.

import fc from 'fast-check';
import {describe, expect, test} from 'vitest';
import {cellOf, columnSum, rowSum, total} from '../../src/core/flow/cells.ts';
import {houseOf} from '../../src/core/flow/channels.ts';
import {attributeAnew, closeSlot, openSlot} from '../../src/core/flow/openslot.ts';
import {sinkOrder, sourceOrder} from '../../src/core/flow/orders.ts';
import {siteOf} from '../pipeline/house.ts';

const BATTERIES = ['b1', 'b2'];
const SOURCES = sourceOrder(BATTERIES);
const SINKS = [...sinkOrder(['car'], BATTERIES), 'loss'];
const energy = fc.oneof(fc.nat(5_000_000), fc.nat(3), fc.constant(0));
const both = fc.record({grid: energy, b1: energy, b2: energy, unexplained: energy});

describe('margins that no instant has shown', () => {
  test('are divided exactly, and nothing serves itself but what can only have passed through', () => {
    fc.assert(
      fc.property(both, both, energy, energy, energy, energy, (giving, taking, solar, car, standby, loss) => {
        const rows: Record<string, number> = {...giving, solar};
        const columns: Record<string, number> = {...taking, car, standby, loss};
        const home = total(rows) - total(columns);
        if (home >= 0) columns['home'] = home;
        else rows['unexplained'] = (rows['unexplained'] ?? 0) - home;
        const cells = attributeAnew(rows, columns, SOURCES, SINKS);
        for (const source of SOURCES) expect(rowSum(cells, source)).toBe(rows[source] ?? 0);
        for (const sink of SINKS) expect(columnSum(cells, sink)).toBe(columns[sink] ?? 0);
        for (const port of ['grid', ...BATTERIES, 'unexplained'])
          expect(cellOf(cells, port, port)).toBe(Math.max(0, (rows[port] ?? 0) + (columns[port] ?? 0) - total(rows)));
        for (const source in cells)
          for (const sink in cells[source]) if (!(cellOf(cells, source, sink) > 0)) throw new Error(`${source} ${sink}`);
      }),
      {numRuns: 10_000},
    );
  });

  test('give the home last: over a stretch the charge is the sun’s before the house’s', () => {
    const cells = attributeAnew({solar: 3000, grid: 2000}, {b1: 2500, home: 2500}, SOURCES, SINKS);
    expect(cells).toEqual({solar: {b1: 2500, home: 500}, grid: {home: 2000}});
  });

  test('mark the quarter hour as suspect, with the reason', () => {
    const site = siteOf();
    const house = houseOf(site);
    const slot = openSlot({kind: 'utc', startMs: 0});
    const mWh = 7_200_000;
    // At its instants the sun fed the battery; the counters know of no sun, and of a house that was fed by the grid.
    slot.units['solar-first'] = {solar: {battery: 500 * mWh}};
    slot.margins['pv>out'] = 500 * mWh;
    slot.margins['battery>in'] = 500 * mWh;
    slot.corrections['pv>out'] = -500;
    slot.corrections['battery>out'] = 700;
    const {record} = closeSlot(site, house, slot, {registers: {}, pools: {}, rests: {}}, ['solar-first'], true);
    expect(record.quality).toContain('suspect');
    expect(record.reason).toMatch(/divided by its totals/);
    expect(record.cells['solar-first']?.map(({source, sink, energyMilliWh}) => [source, sink, energyMilliWh])).toEqual([
      ['battery', 'battery', 500],
      ['battery', 'home', 200],
    ]);
  });
});
