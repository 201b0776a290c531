// A world whose every figure follows from the number of the cycle, so that a database can be checked without knowing its history.

import type {SlotRecord} from '../../../src/core/flow/model.ts';
import type {TickRecord} from '../../../src/core/sink.ts';
import {cell, good, markEvent, record, SLOT_MS, slot, total} from '../house.ts';

/** Local midnight in Berlin; a cycle is a quarter hour, so that a few thousand of them touch every kind of table. */
export const WORLD_START_MS = Date.parse('2025-12-31T23:00:00Z');
export const WORLD_ZONE = 'Europe/Berlin';
/** A point that appears late: its column is added while the world runs. */
export const LATE_POINT_CYCLE = 150;

export const powerOf = (n: number): number => ((n * 7919) % 20_011) / 10 - 1000;
export const lateOf = (n: number): number => 230 + (n % 97) / 100;
export const stateOf = (n: number): string => `state ${Math.floor(n / 5)}`;
export const startOf = (n: number): number => WORLD_START_MS + n * SLOT_MS;
export const cellsOf = (n: number): {solarHome: number; solarBattery: number; gridHome: number} => ({
  solarHome: (n * 104_729) % 1_000_003,
  solarBattery: n % 3 === 0 ? 1 + (n % 1009) : 0,
  // Two at least: half of it, in a slot that still runs, is a cell of its own.
  gridHome: 2 + ((n * 31) % 50_021),
});

/** Every third quarter hour is told while it runs, with half of its energy, and then again. */
export function worldSlot(n: number, closed: boolean): SlotRecord {
  const {solarHome, solarBattery, gridHome} = cellsOf(n);
  const part = (energy: number): number => (closed ? energy : Math.floor(energy / 2));
  const cells = [
    cell('solar', 'direct', 'solar', 'home', part(solarHome), 'btm_consumed'),
    cell('solar', 'direct', 'solar', 'battery', part(solarBattery), 'stored'),
    cell('grid', 'direct', 'grid', 'home', part(gridHome), 'imported'),
  ];
  return slot(startOf(n), n, {
    closed,
    cells: {'solar-first': cells, proportional: cells},
    totals: [total('solar', part(solarHome) + part(solarBattery)), total('grid_import', part(gridHome), 5000 + n)],
    quality: n % 10 === 0 ? ['unanchored'] : ['ok'],
  });
}

export function worldRecord(n: number): TickRecord {
  const before = n > 0 && n % 3 === 1 ? [worldSlot(n - 1, true)] : [];
  return record(n, startOf(n), {
    readings: [
      good('meter', 'grid.power_w', powerOf(n)),
      good('meter', 'grid.import_energy_wh', 5000 + n),
      good('hp', 'load.power_w', n % 3000),
      good('inv', 'inverter.state', stateOf(n)),
      ...(n >= LATE_POINT_CYCLE ? [good('meter', 'grid.voltage_l1_v', lateOf(n))] : []),
    ],
    slots: [...before, worldSlot(n, n % 3 !== 0)],
    events: n % 20 === 0 ? [markEvent(n * 2000, `cycle ${n}`)] : [],
    flowState: JSON.stringify({n}),
    energy: {grid_import_kwh: n},
  });
}
