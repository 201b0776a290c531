// Points as a stream for exports: any length of history in constant memory.

import {addDays, dayStart, localDay} from '../core/flow/slots.ts';
import type {Db} from './connect.ts';
import {quarters, type Rolled} from './read-points.ts';
import {msOfSlot, SLOT_S, slotOfMs} from './schema.ts';
import {firstDay, hourSlots, KEPT_LENGTH} from './steps.ts';
import {quoted} from './views.ts';

type SampleStep = 'raw' | '1m' | '15m' | '1h' | '1d' | '1mo';
export type SampleQuery = {
  /** Null: every device, every point. */
  readonly device: string | null;
  readonly point: string | null;
  readonly fromMs: number;
  readonly toMs: number;
  readonly step: SampleStep;
  readonly zone: string;
};
export type Sample = {
  readonly device: string;
  readonly point: string;
  readonly unit: string;
  /** Begin of the step; the moment itself for raw values. */
  readonly startMs: number;
  readonly n: number;
  readonly avg: number;
  readonly min: number;
  readonly max: number;
  readonly last: number;
};

type PointRow = {id: number; deviceId: number; device: string; raw: string; name: string; col: string; unit: string; perUnit: number};

/** Point after point, each in order of time. Steps without a sample are left out. */
export function* eachSample(db: Db, query: SampleQuery): Generator<Sample> {
  const points = db
    .prepare(
      `SELECT p.id, p.device AS deviceId, d.key AS device, d.raw, p.name, p.col, p.unit, p.per_unit AS perUnit FROM wl_point p JOIN wl_device d ON d.id = p.device
WHERE p.kind <> 'text' AND (:device IS NULL OR d.key = :device) AND (:point IS NULL OR p.name = :point) ORDER BY d.key, p.id`,
    )
    .all({device: query.device, point: query.point}) as PointRow[];
  for (const point of points) yield* samplesOf(db, point, query);
}

type Row = readonly [at: number, n: number, avg: number, min: number, max: number, last: number];

function* samplesOf(db: Db, point: PointRow, {fromMs, toMs, step, zone}: SampleQuery): Generator<Sample> {
  const {device, name, unit, perUnit} = point;
  const shown = (startMs: number, n: number, avg: number, min: number, max: number, last: number): Sample => ({
    device,
    point: name,
    unit,
    startMs,
    n,
    avg: avg / perUnit,
    min: min / perUnit,
    max: max / perUnit,
    last: last / perUnit,
  });
  if (step === 'raw' || step === '1m') {
    const col = quoted(point.col);
    const sql =
      step === 'raw'
        ? `SELECT ts, 1, ${col}, ${col}, ${col}, ${col} FROM ${quoted(point.raw)} WHERE ts >= ? AND ts < ? AND ${col} IS NOT NULL ORDER BY ts`
        : `SELECT minute * 60, n, avg, low, high, (SELECT ${col} FROM ${quoted(point.raw)} WHERE ts = newest) FROM (
SELECT ts / 60 AS minute, count(*) AS n, avg(${col}) AS avg, min(${col}) AS low, max(${col}) AS high, max(ts) AS newest
FROM ${quoted(point.raw)} WHERE ts >= ? AND ts < ? AND ${col} IS NOT NULL GROUP BY minute)`;
    for (const [ts, n, avg, min, max, last] of db
      .prepare(sql)
      .raw()
      .iterate(Math.ceil(fromMs / 1000), Math.ceil(toMs / 1000)) as IterableIterator<Row>)
      yield shown(ts * 1000, n, avg, min, max, last);
    return;
  }
  const one = {id: point.id, device: point.deviceId, raw: point.raw, col: point.col};
  if (step === '15m' || step === '1h') {
    const rows = quarters(db, one, Math.ceil(fromMs / 1000 / SLOT_S), Math.ceil(toMs / 1000 / SLOT_S));
    const hourOf = hourSlots(zone, fromMs);
    for (const [slot, ...row] of joined(rows, ([slot]) => (step === '15m' ? slot : hourOf(slot)))) yield shown(msOfSlot(slot), ...row);
    return;
  }
  const rows = daysOf(db, one, localDay(zone, fromMs), localDay(zone, toMs - 1), zone);
  for (const [day, ...row] of joined(rows, ([day]) => firstDay(day.slice(0, KEPT_LENGTH[step]))))
    yield shown(Date.parse(`${day}T00:00:00Z`), ...row);
}

/** Days in order; those with quarter hours that wait to be rolled up are made from their quarter hours here. */
function* daysOf(db: Db, point: Parameters<typeof quarters>[1], from: string, to: string, zone: string): Generator<Rolled<string>> {
  const slots = db.prepare('SELECT slot FROM wl_todo WHERE device = ? ORDER BY slot').pluck().all(point.device) as number[];
  const waiting = [...new Set(slots.map(slot => localDay(zone, msOfSlot(slot))))].filter(day => day >= from && day <= to);
  const fresh = (day: string): Iterable<Rolled<string>> =>
    joined(quarters(db, point, slotOfMs(dayStart(zone, day)), slotOfMs(dayStart(zone, addDays(day, 1)))), () => day);
  const select = db
    .prepare('SELECT day, n, avg, min, max, last FROM wl_point_day WHERE point = ? AND day BETWEEN ? AND ? ORDER BY day')
    .raw();
  for (const row of select.iterate(point.id, from, to) as IterableIterator<Rolled<string>>) {
    while (waiting.length > 0 && (waiting[0] as string) < row[0]) yield* fresh(waiting.shift() as string);
    if (waiting[0] === row[0]) yield* fresh(waiting.shift() as string);
    else yield row;
  }
  for (const day of waiting) yield* fresh(day);
}

/** Neighbouring rows of one step as one. */
function* joined<R, K>(rows: Iterable<Rolled<R>>, stepOf: (row: Rolled<R>) => K): Generator<Rolled<K>> {
  let current: {step: K; n: number; sum: number; min: number; max: number; last: number} | null = null;
  for (const row of rows) {
    const [, n, avg, min, max, last] = row;
    const step = stepOf(row);
    if (current && current.step === step) {
      current = {
        step,
        n: current.n + n,
        sum: current.sum + avg * n,
        min: Math.min(current.min, min),
        max: Math.max(current.max, max),
        last,
      };
      continue;
    }
    if (current) yield [current.step, current.n, current.sum / current.n, current.min, current.max, current.last];
    current = {step, n, sum: avg * n, min, max, last};
  }
  if (current) yield [current.step, current.n, current.sum / current.n, current.min, current.max, current.last];
}
