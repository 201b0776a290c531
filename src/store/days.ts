// A range of time over days that are kept as sums: whole days as they are kept, what is cut at its ends from the quarter hours.

import {addDays, dayStart, localDay} from '../core/flow/slots.ts';
import {joinQualities} from './ledger.ts';

type Range = {readonly fromMs: number; readonly toMs: number; readonly zone: string};
export type Part = {readonly fromMs: number; readonly toMs: number; readonly whole: boolean};

/** The range in up to three parts, those without length left out. */
export function partsOf({fromMs, toMs, zone}: Range): Part[] {
  if (toMs <= fromMs) return [];
  const begin = dayStart(zone, localDay(zone, fromMs));
  const first = begin === fromMs ? begin : dayStart(zone, addDays(localDay(zone, fromMs), 1));
  const last = dayStart(zone, localDay(zone, toMs));
  if (last <= first) return [{fromMs, toMs, whole: fromMs === first && toMs === last}];
  return [
    {fromMs, toMs: first, whole: false},
    {fromMs: first, toMs: last, whole: true},
    {fromMs: last, toMs, whole: false},
  ].filter(part => part.toMs > part.fromMs);
}

type Row = {readonly startMs: number; readonly energyMilliWh: number; readonly quality: string};

/** Rows of the parts as rows of the range: a step that was cut is one row again. In order of time. */
export function joined<T extends Row>(parts: readonly (readonly T[])[], nameOf: (row: T) => string, add: (a: T, b: T) => Partial<T>): T[] {
  if (parts.length === 1) return [...(parts[0] as readonly T[])];
  const rows = new Map<string, T>();
  for (const row of parts.flat()) {
    const key = `${row.startMs}|${nameOf(row)}`;
    const before = rows.get(key);
    rows.set(
      key,
      before
        ? {
            ...before,
            energyMilliWh: before.energyMilliWh + row.energyMilliWh,
            quality: joinQualities([before.quality, row.quality]),
            ...add(before, row),
          }
        : row,
    );
  }
  return [...rows.values()].sort((a, b) => a.startMs - b.startMs);
}
