// Store and forward: what the broker is still to get stands in the same file, written in the same transaction as its slot.

import type {SlotRecord} from '../core/flow/model.ts';
import {utcText} from '../core/time.ts';
import {pointKey} from '../core/vocabulary.ts';
import type {Db} from './connect.ts';
import {qualityText} from './ledger.ts';
import {getMeta, setMeta} from './meta.ts';
import type {Rolled} from './rollup.ts';
import {msOfSlot} from './schema.ts';
import type {OutboxRow} from './store.ts';

const MAX_ROWS = 50_000;
const MAX_AGE_MS = 60 * 86_400_000;

/** Energies by cell name, in Wh: origins and ways of one source and sink are one cell, as in `site/state`. */
function sitePayload(record: SlotRecord, startMs: number): string {
  const start = utcText(startMs);
  const flows = Object.entries(record.cells).map(([policy, cells]) => {
    const sums: Record<string, number> = {};
    for (const cell of cells ?? []) {
      const name = `${cell.source}_to_${cell.sink}_wh`;
      sums[name] = (sums[name] ?? 0) + cell.energyMilliWh;
    }
    return [policy, Object.fromEntries(Object.entries(sums).map(([name, energy]) => [name, energy / 1000]))];
  });
  const labels = Object.entries(record.cells).map(([policy, cells]) => {
    const sums: Record<string, number> = {};
    for (const cell of cells ?? []) sums[cell.label] = (sums[cell.label] ?? 0) + cell.energyMilliWh;
    return [policy, Object.fromEntries(Object.entries(sums).map(([name, energy]) => [`${name}_wh`, energy / 1000]))];
  });
  return JSON.stringify({
    key: `site/${start}`,
    slot_start_utc: start,
    quality: qualityText(record.quality),
    totals: Object.fromEntries(record.totals.map(total => [`${total.name}_wh`, total.energyMilliWh / 1000])),
    cells: Object.fromEntries(flows),
    labels: Object.fromEntries(labels),
  });
}

/** A closed, dated slot. Told again, it takes the place of the copy that still waits. Inside the caller's transaction. */
export function enqueueSlot(db: Db, record: SlotRecord, wallMs: number): void {
  if (!record.closed || record.slot.kind !== 'utc') return;
  enqueue(db, `site/${record.slot.startMs}`, 'site/15m', sitePayload(record, record.slot.startMs), wallMs);
}

/** A quarter hour of a device's points. Inside the caller's transaction. */
export function enqueueRolled(db: Db, rolled: Rolled, wallMs: number): void {
  const start = utcText(msOfSlot(rolled.slot));
  const points = Object.fromEntries(Object.entries(rolled.points).map(([name, point]) => [pointKey(name), point]));
  const payload = JSON.stringify({key: `device/${rolled.device}/${start}`, slot_start_utc: start, device: rolled.device, points});
  enqueue(db, `${rolled.device}/${rolled.slot}`, `device/${rolled.device}/15m`, payload, wallMs);
}

function enqueue(db: Db, key: string, topic: string, payload: string, wallMs: number): void {
  db.prepare('DELETE FROM wl_outbox WHERE key = ?').run(key);
  db.prepare('INSERT INTO wl_outbox (key, topic, payload, created_ms) VALUES (?, ?, ?, ?)').run(key, topic, payload, Math.round(wallMs));
}

export const nextOutbox = (db: Db, afterId: number, limit: number): OutboxRow[] =>
  db.prepare('SELECT id, topic, payload FROM wl_outbox WHERE id > ? ORDER BY id LIMIT ?').all(afterId, limit) as OutboxRow[];

export function deleteOutbox(db: Db, ids: readonly number[]): void {
  const remove = db.prepare('DELETE FROM wl_outbox WHERE id = ?');
  for (const id of ids) remove.run(id);
}

/** What waits too long or too numerously is dropped, oldest first, and counted in `wl_meta`. Returns the number dropped now. */
export function trimOutbox(db: Db, wallMs: number): number {
  // Age only counts against the newest row as well: a clock set ahead must not empty the outbox.
  const newest = (db.prepare('SELECT max(created_ms) FROM wl_outbox').pluck().get() as number | null) ?? wallMs;
  const border = Math.min(wallMs, newest) - MAX_AGE_MS;
  const {changes} = db
    .prepare('DELETE FROM wl_outbox WHERE id <= (SELECT max(id) FROM wl_outbox) - ? OR created_ms < ?')
    .run(MAX_ROWS, border);
  if (changes > 0) setMeta(db, 'outbox_dropped', String(Number(getMeta(db, 'outbox_dropped') ?? 0) + changes));
  return changes;
}
