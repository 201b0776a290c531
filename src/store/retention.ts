// Raw values leave after a while, oldest first and a little at a time; quarter hours, days and the ledger stay.

import {gzipSync} from 'node:zlib';
import type {Db} from './connect.ts';
import {quoted} from './views.ts';

const DAY_S = 86_400;
const MAX_EVENTS = 100_000;
const SLOTS_A_DAY = 96;

type DeviceRow = {readonly id: number; readonly key: string; readonly raw: string; readonly view: string};

/**
 * Removes the oldest raw day of one device where more than `keepDays` days with data are stored; true where there may be more to do.
 * Days with data are counted, not days of the calendar: a clock that once ran a month ahead must not take the month behind it along.
 */
export function expireRaw(db: Db, keepDays: number, archive: boolean): boolean {
  const days = db
    .prepare('SELECT day FROM wl_raw_day ORDER BY day DESC LIMIT 1 OFFSET ?')
    .pluck()
    .get(Math.max(1, Math.round(keepDays))) as number | undefined;
  if (days === undefined) return false;
  const oldest = db.prepare('SELECT min(day) FROM wl_raw_day').pluck().get() as number;
  const fromTs = oldest * DAY_S;
  const toTs = fromTs + DAY_S;
  const devices = db.prepare('SELECT id, key, raw, view FROM wl_device').all() as DeviceRow[];
  for (const device of devices) {
    const waiting = db.prepare('SELECT 1 FROM wl_todo WHERE device = ? AND slot < ? LIMIT 1').get(device.id, toTs / 900);
    if (waiting) return false; // first the roll-up, then the raw rows it is made from
    if (!db.prepare(`SELECT 1 FROM ${quoted(device.raw)} WHERE ts < ? LIMIT 1`).get(toTs)) continue;
    db.transaction(() => {
      if (archive) archiveDay(db, device, fromTs);
      db.prepare(`DELETE FROM ${quoted(device.raw)} WHERE ts < ?`).run(toTs);
      // The newest text before the border stays: it still holds after it.
      db.prepare(
        'DELETE FROM wl_state WHERE ts < ? AND point IN (SELECT id FROM wl_point WHERE device = ?) AND EXISTS (SELECT 1 FROM wl_state s WHERE s.point = wl_state.point AND s.ts > wl_state.ts AND s.ts <= ?)',
      ).run(toTs, device.id, toTs);
    }).immediate();
    return true;
  }
  db.prepare('DELETE FROM wl_raw_day WHERE day <= ?').run(oldest);
  return true;
}

/** One UTC day of a device as gzip of CSV in units, as its view shows it: `sqlite3 FILE "SELECT writefile('day.csv.gz', csv_gz) FROM wl_archive …"`. */
function archiveDay(db: Db, device: DeviceRow, fromTs: number): void {
  const select = db.prepare(`SELECT * FROM ${quoted(device.view)} WHERE ts < ? ORDER BY ts`).raw();
  const columns = select.columns().map(column => column.name);
  const lines = [columns.join()];
  for (const row of select.iterate(fromTs + DAY_S) as IterableIterator<unknown[]>) lines.push(row.map(csvField).join());
  const day = new Date(fromTs * 1000).toISOString().slice(0, 10);
  db.prepare('INSERT INTO wl_archive VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING').run(
    device.id,
    day,
    lines.length - 1,
    gzipSync(`${lines.join('\n')}\n`, {level: 9}),
  );
}

/** A field by RFC 4180; null is empty. */
export function csvField(value: unknown): string {
  if (value === null || value === undefined) return '';
  const text = String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/**
 * Removes the quarter hours of one point that are older than `keepDays` days of the ledger; true where there may be more to do. A day of
 * them leaves at once, so that most calls find nothing. Days with slots are counted, for the same reason as above.
 */
export function expireQuarters(db: Db, keepDays: number | null): boolean {
  if (keepDays === null) return false;
  const oldest = db.prepare('SELECT min(slot) FROM wl_slot').pluck().get() as number | null;
  const newest = db.prepare('SELECT max(slot) FROM wl_slot').pluck().get() as number | null;
  if (oldest === null || newest === null || newest - oldest < keepDays * SLOTS_A_DAY) return false;
  const border = db
    .prepare('SELECT slot FROM wl_slot ORDER BY slot DESC LIMIT 1 OFFSET ?')
    .pluck()
    .get(Math.round(keepDays) * SLOTS_A_DAY) as number | undefined;
  if (border === undefined) return false;
  const day = Math.floor(border / SLOTS_A_DAY) * SLOTS_A_DAY;
  const point = db
    .prepare('SELECT p.id FROM wl_point p WHERE EXISTS (SELECT 1 FROM wl_point_15m a WHERE a.point = p.id AND a.slot < ?) LIMIT 1')
    .pluck()
    .get(day) as number | undefined;
  if (point === undefined) return false;
  db.prepare('DELETE FROM wl_point_15m WHERE point = ? AND slot < ?').run(point, day);
  return true;
}

/** The log of events is bounded by number: a fault that repeats itself for years must not fill the card. */
export function expireEvents(db: Db): void {
  db.prepare('DELETE FROM wl_event WHERE id <= (SELECT max(id) FROM wl_event) - ?').run(MAX_EVENTS);
}
