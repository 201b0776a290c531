// Records of one quarter hour as one: energies are added, and what is to be known of any of them is to be known of the whole.

import type {Policy} from '../site.ts';
import {type SlotCell, type SlotRecord, type SlotTotal, worseFirst} from './model.ts';

/** The name, the state and the counters of the first where it has them; sums of all. */
export function merged(first: SlotRecord, more: readonly SlotRecord[]): SlotRecord {
  const all = [first, ...more];
  const policies = [...new Set(all.flatMap(record => Object.keys(record.cells) as Policy[]))];
  const quality = [...new Set(all.flatMap(record => record.quality))].filter(word => word !== 'ok').sort(worseFirst);
  return {
    ...first,
    cells: Object.fromEntries(policies.map(policy => [policy, cellsOf(all.flatMap(record => record.cells[policy] ?? []))])),
    totals: totalsOf(all),
    quality,
    reason: all.find(record => record.reason !== null)?.reason ?? null,
    bounds: boundsOf(all),
  };
}

function cellsOf(cells: readonly SlotCell[]): SlotCell[] {
  const sums = new Map<string, SlotCell>();
  for (const cell of cells) {
    const key = `${cell.origin}|${cell.via}|${cell.source}|${cell.sink}|${cell.label}`;
    sums.set(key, {...cell, energyMilliWh: cell.energyMilliWh + (sums.get(key)?.energyMilliWh ?? 0)});
  }
  return [...sums.values()].filter(cell => cell.energyMilliWh !== 0);
}

function totalsOf(records: readonly SlotRecord[]): SlotTotal[] {
  const sums = new Map<string, SlotTotal>();
  for (const {totals} of records) {
    // A battery called "battery" beside another one has the name of their sum: the first of a name is added to the first.
    const seen = new Map<string, number>();
    for (const one of totals) {
      const nth = (seen.get(one.name) ?? 0) + 1;
      seen.set(one.name, nth);
      const key = `${one.name} ${nth}`;
      const before = sums.get(key);
      sums.set(key, before ? sumOf(before, one) : one);
    }
  }
  return [...sums.values()];
}

const sumOf = (a: SlotTotal, b: SlotTotal): SlotTotal => ({
  ...a,
  energyMilliWh: a.energyMilliWh + b.energyMilliWh,
  rawMilliWh: a.rawMilliWh + b.rawMilliWh,
  counterWh: a.counterWh ?? b.counterWh,
  quality: [...new Set([...a.quality, ...b.quality])],
});

/** What was measured is certain: both its bounds are the energy itself. */
function boundsOf(records: readonly SlotRecord[]): SlotRecord['bounds'] {
  if (records.every(record => record.bounds === null)) return null;
  const sums: Record<string, readonly [number, number]> = {};
  for (const cell of new Set(records.flatMap(record => Object.keys(record.bounds ?? {})))) {
    const parts = records.map(record => record.bounds?.[cell] ?? certain(record, cell));
    sums[cell] = [parts.reduce((sum, [least]) => sum + least, 0), parts.reduce((sum, [, most]) => sum + most, 0)];
  }
  return sums;
}

function certain(record: SlotRecord, cell: string): readonly [number, number] {
  const energy = (Object.values(record.cells)[0] ?? [])
    .filter(one => `${one.source}->${one.sink}` === cell)
    .reduce((sum, one) => sum + one.energyMilliWh, 0);
  return [energy, energy];
}
