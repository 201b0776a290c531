// Points over time, from whatever resolution answers the question with the fewest rows read.

import {dayStart} from '../core/flow/slots.ts';
import type {Db} from './connect.ts';
import {getMeta} from './meta.ts';
import type {LatestRaw, PointQuery, PointSeries, RawQuery, RawRow} from './queries.ts';
import {SLOT_S} from './schema.ts';
import {quoted} from './views.ts';

const DAY_MS = 86_400_000;
/** Raw rows of all devices lie interleaved in the file: beyond two days the quarter hours are read instead. */
const RAW_SPAN_MS = 2 * DAY_MS;

type Point = {
  readonly id: number;
  readonly device: number;
  readonly raw: string;
  readonly col: string;
  readonly unit: string;
  readonly kind: string;
  readonly perUnit: number;
};

const pointOf = (db: Db, device: string, point: string): Point | null =>
  (db
    .prepare(
      'SELECT p.id, p.device, d.raw, p.col, p.unit, p.kind, p.per_unit AS perUnit FROM wl_point p JOIN wl_device d ON d.id = p.device WHERE d.key = ? AND p.name = ?',
    )
    .get(device, point) as Point | undefined) ?? null;

type Bucket = {startMs: number; n: number; sum: number; min: number; max: number; last: number};

/** An unknown device or point gives no rows. */
export function points(db: Db, query: PointQuery): PointSeries {
  const {device, fromMs, toMs} = query;
  const point = pointOf(db, device, query.point);
  const maxPoints = Math.max(1, Math.floor(query.maxPoints));
  if (!point || point.kind === 'text' || toMs <= fromMs)
    return {device, point: query.point, unit: point?.unit ?? 'none', resolution: 'raw', bucketMs: 1000, rows: []};
  const spanMs = toMs - fromMs;
  const resolution = chooseResolution(db, point, fromMs, spanMs, maxPoints);
  const smallest = {raw: 1000, '15m': SLOT_S * 1000, '1d': DAY_MS}[resolution];
  // One bucket more than asked for could be cut off at both ends.
  const bucketMs = smallest * Math.max(1, Math.ceil(spanMs / smallest / Math.max(1, maxPoints - 1)));
  const buckets: Bucket[] = [];
  const add = collector(buckets, bucketMs);
  if (resolution === 'raw') addRaw(db, point, fromMs, toMs, add);
  else if (resolution === '15m') addQuarters(db, point, fromMs, toMs, add);
  else addDays(db, point, fromMs, toMs, add);
  const {perUnit} = point;
  return {
    device,
    point: query.point,
    unit: point.unit,
    resolution,
    bucketMs,
    rows: buckets.map(({startMs, n, sum, min, max, last}) => ({
      startMs,
      n,
      avg: sum / n / perUnit,
      min: min / perUnit,
      max: max / perUnit,
      last: last / perUnit,
    })),
  };
}

/** Joins what falls into one bucket; told in order of time. */
function collector(buckets: Bucket[], bucketMs: number): Add {
  return (atMs, n, avg, min, max, last) => {
    const startMs = Math.floor(atMs / bucketMs) * bucketMs;
    const bucket = buckets.at(-1);
    if (!bucket || bucket.startMs !== startMs) {
      buckets.push({startMs, n, sum: avg * n, min, max, last});
      return;
    }
    bucket.n += n;
    bucket.sum += avg * n;
    bucket.min = Math.min(bucket.min, min);
    bucket.max = Math.max(bucket.max, max);
    bucket.last = last;
  };
}

function chooseResolution(db: Db, point: Point, fromMs: number, spanMs: number, maxPoints: number): PointSeries['resolution'] {
  if (spanMs <= RAW_SPAN_MS) {
    const first = db
      .prepare(`SELECT min(ts) FROM ${quoted(point.raw)}`)
      .pluck()
      .get() as number | null;
    const firstQuarter = db.prepare('SELECT min(slot) FROM wl_point_15m WHERE point = ?').pluck().get(point.id) as number | null;
    // Before the raw values begin, quarter hours are all there is.
    if (firstQuarter === null || (first !== null && (first * 1000 <= fromMs || first <= firstQuarter * SLOT_S + SLOT_S))) return 'raw';
  }
  return spanMs / (SLOT_S * 1000) <= maxPoints * 30 ? '15m' : '1d';
}

type Add = (atMs: number, n: number, avg: number, min: number, max: number, last: number) => void;

function addRaw(db: Db, point: Point, fromMs: number, toMs: number, add: Add): void {
  const col = quoted(point.col);
  const select = db
    .prepare(`SELECT ts, ${col} FROM ${quoted(point.raw)} WHERE ts >= ? AND ts < ? AND ${col} IS NOT NULL ORDER BY ts`)
    .raw();
  for (const [ts, value] of select.iterate(Math.ceil(fromMs / 1000), Math.ceil(toMs / 1000)) as IterableIterator<[number, number]>)
    add(ts * 1000, 1, value, value, value, value);
}

function addQuarters(db: Db, point: Point, fromMs: number, toMs: number, add: Add): void {
  for (const [slot, ...row] of quarters(db, point, Math.floor(fromMs / 1000 / SLOT_S), Math.ceil(toMs / 1000 / SLOT_S)))
    add(slot * SLOT_S * 1000, ...row);
}

/** A quarter hour or a day, in whole multiples of the point's step. */
export type Rolled<K> = readonly [key: K, n: number, avg: number, min: number, max: number, last: number];

/** Slots of [from, to) in order of time; those that are not rolled up yet come straight from the raw rows. */
export function* quarters(
  db: Db,
  point: Pick<Point, 'id' | 'device' | 'raw' | 'col'>,
  from: number,
  to: number,
): Generator<Rolled<number>> {
  const waiting = db
    .prepare('SELECT slot FROM wl_todo WHERE device = ? AND slot >= ? AND slot < ? ORDER BY slot')
    .pluck()
    .all(point.device, from, to) as number[];
  const col = quoted(point.col);
  const fresh = db
    .prepare(
      `SELECT count(*), round(avg(${col})), min(${col}), max(${col}), (SELECT ${col} FROM ${quoted(point.raw)} WHERE ts >= :from AND ts < :to AND ${col} IS NOT NULL ORDER BY ts DESC LIMIT 1) FROM ${quoted(point.raw)} WHERE ts >= :from AND ts < :to AND ${col} IS NOT NULL`,
    )
    .raw();
  function* waitingBelow(border: number): Generator<Rolled<number>> {
    while (waiting.length > 0 && (waiting[0] as number) < border) {
      const slot = waiting.shift() as number;
      const [n, avg, min, max, last] = fresh.get({from: slot * SLOT_S, to: (slot + 1) * SLOT_S}) as [
        number,
        number,
        number,
        number,
        number,
      ];
      if (n > 0) yield [slot, n, avg, min, max, last];
    }
  }
  const select = db
    .prepare('SELECT slot, n, avg, min, max, last FROM wl_point_15m WHERE point = ? AND slot >= ? AND slot < ? ORDER BY slot')
    .raw();
  for (const row of select.iterate(point.id, from, to) as IterableIterator<Rolled<number>>) {
    yield* waitingBelow(row[0]);
    if (row[0] === waiting[0]) yield* waitingBelow(row[0] + 1);
    else yield row;
  }
  yield* waitingBelow(to);
}

function addDays(db: Db, point: Point, fromMs: number, toMs: number, add: Add): void {
  const zone = getMeta(db, 'zone') ?? 'UTC';
  const dayOf = (ms: number): string => new Date(ms).toISOString().slice(0, 10);
  const select = db
    .prepare('SELECT day, n, avg, min, max, last FROM wl_point_day WHERE point = ? AND day BETWEEN ? AND ? ORDER BY day')
    .raw();
  for (const [day, n, avg, min, max, last] of select.all(point.id, dayOf(fromMs - DAY_MS), dayOf(toMs + DAY_MS)) as [
    string,
    number,
    number,
    number,
    number,
    number,
  ][]) {
    const startMs = dayStart(zone, day);
    if (startMs + DAY_MS > fromMs && startMs < toMs) add(startMs, n, avg, min, max, last);
  }
}

type RawTable = {readonly raw: string; readonly points: readonly {id: number; name: string; col: string; kind: string; perUnit: number}[]};

function rawTable(db: Db, device: string): RawTable | null {
  const row = db.prepare('SELECT id, raw FROM wl_device WHERE key = ?').get(device) as {id: number; raw: string} | undefined;
  if (!row) return null;
  return {
    raw: row.raw,
    points: db
      .prepare('SELECT id, name, col, kind, per_unit AS perUnit FROM wl_point WHERE device = ? ORDER BY id')
      .all(row.id) as RawTable['points'][number][],
  };
}

export function latestRaw(db: Db, device: string): LatestRaw | null {
  const table = rawTable(db, device);
  if (!table) return null;
  const points = table.points.filter(point => point.kind !== 'text');
  const row = db
    .prepare(`SELECT ${['ts', ...points.map(point => quoted(point.col))].join()} FROM ${quoted(table.raw)} ORDER BY ts DESC LIMIT 1`)
    .raw()
    .get() as (number | null)[] | undefined;
  if (!row) return null;
  const values = points.map((point, index) => [point.name, inUnit(row[index + 1] ?? null, point.perUnit)] as const);
  return {device, atMs: (row[0] as number) * 1000, values: Object.fromEntries(values)};
}

const inUnit = (value: number | null, perUnit: number): number | null => (value === null ? null : value / perUnit);

/** Raw rows of a device with their texts, oldest first, at most `limit`. */
export const rawAround = (db: Db, query: RawQuery): RawRow[] => [...eachRaw(db, query)];

/** The same as a stream, in constant memory. */
export function* eachRaw(db: Db, {device, fromMs, toMs, limit}: RawQuery): Generator<RawRow> {
  const table = rawTable(db, device);
  if (!table) return;
  const columns = table.points.map(point =>
    point.kind === 'text'
      ? `(SELECT s.value FROM wl_state s WHERE s.point = ${point.id} AND s.ts <= r.ts ORDER BY s.ts DESC LIMIT 1)`
      : `r.${quoted(point.col)}`,
  );
  const select = db
    .prepare(`SELECT ${['r.ts', ...columns].join()} FROM ${quoted(table.raw)} r WHERE r.ts >= ? AND r.ts < ? ORDER BY r.ts LIMIT ?`)
    .raw();
  for (const [ts, ...row] of select.iterate(Math.ceil(fromMs / 1000), Math.ceil(toMs / 1000), limit) as IterableIterator<
    (number | string | null)[]
  >) {
    const values = table.points.map((point, index) => {
      const value = row[index] ?? null;
      return [point.name, typeof value === 'number' ? inUnit(value, point.perUnit) : value] as const;
    });
    yield {atMs: (ts as number) * 1000, values: Object.fromEntries(values)};
  }
}
