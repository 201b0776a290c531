// A quarter hour read back from the tables, as the flow once told it.

import {merged} from '../core/flow/merge.ts';
import type {SlotCell, SlotQuality, SlotRecord, SlotTotal} from '../core/flow/model.ts';
import type {Policy} from '../core/site.ts';
import type {Db} from './connect.ts';
import {settled} from './late.ts';
import {cellsOf, slotOf, totalsOf} from './read-flows.ts';
import {batteries} from './read-rest.ts';
import {POLICY_IDS} from './schema.ts';

/** Null where nothing is stored of it. */
export function storedRecord(db: Db, startMs: number): SlotRecord | null {
  const info = slotOf(db, startMs);
  if (!info) return null;
  const words = (text: string): SlotQuality[] => text.split(',') as SlotQuality[];
  const cells: Partial<Record<Policy, SlotCell[]>> = {};
  for (const policy of Object.keys(POLICY_IDS) as Policy[]) {
    const rows = cellsOf(db, startMs, policy);
    if (rows.length > 0) cells[policy] = rows;
  }
  const totals: SlotTotal[] = totalsOf(db, startMs).map(({name, energyMilliWh, rawMilliWh, counterWh, quality}) => ({
    name,
    energyMilliWh,
    rawMilliWh,
    counterWh,
    quality: words(quality),
  }));
  return {
    slot: {kind: 'utc', startMs},
    closed: info.closed,
    cells,
    totals,
    quality: words(info.quality),
    reason: info.reason,
    bounds: info.bounds,
  };
}

/** What the quarter hour is with this record: itself, or the sum of what is stored and what is added. */
export function wholeRecord(db: Db, record: SlotRecord): SlotRecord {
  const before = record.adds && record.slot.kind === 'utc' ? storedRecord(db, record.slot.startMs) : null;
  return before
    ? {...settled(merged(before, [record]), record, new Set(batteries(db))), closed: record.closed, takes: record.takes ?? []}
    : record;
}
