// Quarter hours and days of points, made from raw rows once an hour. Idempotent: what is to be done stands in `wl_todo`.

import {addDays, dayStart, localDay} from '../core/flow/slots.ts';
import type {Db} from './connect.ts';
import {msOfSlot, SLOT_S, slotOfMs} from './schema.ts';
import {quoted} from './views.ts';

export type Rolled = {readonly device: string; readonly slot: number; readonly points: Readonly<Record<string, RolledPoint>>};
type RolledPoint = {readonly n: number; readonly avg: number; readonly min: number; readonly max: number; readonly last: number};

type DeviceRow = {id: number; key: string; raw: string};
type PointRow = {id: number; name: string; col: string; per_unit: number};

/** A device whose turn it is: an hour's worth of its quarter hours is complete, or some lie ahead, of a clock that was set back. */
export function rollupDue(db: Db, running: number): number | null {
  const ripe = db.prepare('SELECT 1 FROM wl_todo WHERE slot <= ? OR slot > ? LIMIT 1').get(running - 4, running);
  if (!ripe) return null;
  return (db.prepare('SELECT device FROM wl_todo WHERE slot <> ? LIMIT 1').pluck().get(running) as number | undefined) ?? null;
}

/**
 * Rolls up the waiting quarter hours of one device, except the running one where that is named. Returns them in units of the names.
 * In a transaction of its own: a device takes a few milliseconds.
 */
export function rollUp(db: Db, deviceId: number, running: number | null, zone: string): Rolled[] {
  const device = db.prepare('SELECT id, key, raw FROM wl_device WHERE id = ?').get(deviceId) as DeviceRow;
  const points = db
    .prepare("SELECT id, name, col, per_unit FROM wl_point WHERE device = ? AND kind <> 'text' ORDER BY id")
    .all(deviceId) as PointRow[];
  const slots = db
    .prepare('SELECT slot FROM wl_todo WHERE device = ? AND slot IS NOT ? ORDER BY slot')
    .pluck()
    .all(deviceId, running) as number[];
  if (slots.length === 0 || points.length === 0) return [];
  const select = db
    .prepare(`SELECT ${points.map(point => quoted(point.col)).join()} FROM ${quoted(device.raw)} WHERE ts >= ? AND ts < ? ORDER BY ts`)
    .raw();
  const put = db.prepare('INSERT OR REPLACE INTO wl_point_15m VALUES (?, ?, ?, ?, ?, ?, ?)');
  const clear = db.prepare('DELETE FROM wl_todo WHERE device = ? AND slot = ?');
  return db
    .transaction(() => {
      const rolled: Rolled[] = [];
      const days = new Set<string>();
      for (const slot of slots) {
        const sums = summarise(select.all(slot * SLOT_S, (slot + 1) * SLOT_S) as (number | null)[][], points.length);
        const shown: Record<string, RolledPoint> = {};
        sums.forEach((sum, index) => {
          if (!sum) return;
          const point = points[index] as PointRow;
          const avg = Math.round(sum.sum / sum.n);
          put.run(point.id, slot, sum.n, avg, sum.min, sum.max, sum.last);
          const unit = (value: number): number => value / point.per_unit;
          shown[point.name] = {n: sum.n, avg: unit(avg), min: unit(sum.min), max: unit(sum.max), last: unit(sum.last)};
        });
        clear.run(deviceId, slot);
        days.add(localDay(zone, msOfSlot(slot)));
        if (Object.keys(shown).length > 0) rolled.push({device: device.key, slot, points: shown});
      }
      for (const day of days) rollUpDay(db, deviceId, day, zone);
      return rolled;
    })
    .immediate();
}

type Sum = {n: number; sum: number; min: number; max: number; last: number};

function summarise(rows: readonly (readonly (number | null)[])[], count: number): (Sum | undefined)[] {
  const sums: (Sum | undefined)[] = new Array(count);
  for (const row of rows) {
    for (let index = 0; index < count; index++) {
      const value = row[index];
      if (value === null || value === undefined) continue;
      const sum = sums[index];
      if (!sum) {
        sums[index] = {n: 1, sum: value, min: value, max: value, last: value};
        continue;
      }
      sum.n++;
      sum.sum += value;
      if (value < sum.min) sum.min = value;
      if (value > sum.max) sum.max = value;
      sum.last = value;
    }
  }
  return sums;
}

/** A local day of all points of a device, from its quarter hours. Inside the caller's transaction. */
export function rollUpDay(db: Db, deviceId: number, day: string, zone: string): void {
  const from = slotOfMs(dayStart(zone, day));
  const to = slotOfMs(dayStart(zone, addDays(day, 1)));
  db.prepare(
    `INSERT OR REPLACE INTO wl_point_day
SELECT a.point, ?, a.n, a.avg, a.min, a.max, b.last FROM (
  SELECT point, sum(n) AS n, CAST(round(sum(1.0 * avg * n) / sum(n)) AS INTEGER) AS avg, min(min) AS min, max(max) AS max, max(slot) AS slot
  FROM wl_point_15m WHERE point IN (SELECT id FROM wl_point WHERE device = ?) AND slot >= ? AND slot < ? GROUP BY point
) a JOIN wl_point_15m b ON b.point = a.point AND b.slot = a.slot`,
  ).run(day, deviceId, from, to);
}
