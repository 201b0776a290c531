// What else the database tells: devices, events, corrections, its own size and span.

import {statfsSync, statSync} from 'node:fs';
import path from 'node:path';
import {type Db, versionOf} from './connect.ts';
import {getMeta} from './meta.ts';
import type {BillRow, CorrectionRow, EventQuery, EventRow, LedgerBounds, SizeInfo, StoredDevice} from './queries.ts';
import {msOfSlot} from './schema.ts';
import {quoted} from './views.ts';

export function events(db: Db, {fromMs, toMs, limit}: EventQuery): EventRow[] {
  const rows = db
    .prepare(
      'SELECT id, at_ms AS atMs, kind, about, detail, evidence FROM wl_event WHERE at_ms >= ? AND at_ms < ? ORDER BY at_ms DESC, id DESC LIMIT ?',
    )
    .all(fromMs, toMs, limit) as (Omit<EventRow, 'evidence'> & {evidence: string | null})[];
  return rows.map(row => ({...row, evidence: row.evidence === null ? null : (JSON.parse(row.evidence) as EventRow['evidence'])}));
}

export function corrections(db: Db, {fromMs, toMs, limit}: EventQuery): CorrectionRow[] {
  const rows = db
    .prepare(
      'SELECT id, at_ms AS atMs, who, why, what, slot, before, after FROM wl_correction WHERE at_ms >= ? AND at_ms < ? ORDER BY id DESC LIMIT ?',
    )
    .all(fromMs, toMs, limit) as (Omit<CorrectionRow, 'slotMs'> & {slot: number | null})[];
  return rows.map(({slot, ...row}) => ({...row, slotMs: slot === null ? null : msOfSlot(slot)}));
}

export const bills = (db: Db): BillRow[] =>
  db
    .prepare(
      'SELECT id, month, from_day AS fromDay, to_day AS toDay, computed_ms AS computedMs, currency, due_pico AS duePico, result FROM wl_bill ORDER BY id DESC',
    )
    .all() as BillRow[];

export function devices(db: Db): StoredDevice[] {
  const rows = db.prepare('SELECT id, key, view, raw FROM wl_device ORDER BY key').all() as {
    id: number;
    key: string;
    view: string;
    raw: string;
  }[];
  const points = db.prepare('SELECT name, unit, kind FROM wl_point WHERE device = ? ORDER BY id');
  return rows.map(({id, key, view, raw}) => {
    const first = db
      .prepare(`SELECT min(ts) FROM ${quoted(raw)}`)
      .pluck()
      .get() as number | null;
    return {id: key, view, points: points.all(id) as StoredDevice['points'][number][], firstRawMs: first === null ? null : first * 1000};
  });
}

export function size(db: Db): SizeInfo {
  const file = db.name;
  const pageBytes = Number(db.pragma('page_size', {simple: true}));
  return {
    path: file,
    fileBytes: statSync(file).size,
    walBytes: statSync(`${file}-wal`, {throwIfNoEntry: false})?.size ?? 0,
    freeBytes: Number(db.pragma('freelist_count', {simple: true})) * pageBytes,
    diskFreeBytes: diskFree(file),
    slots: db.prepare('SELECT count(*) FROM wl_slot').pluck().get() as number,
    schemaVersion: versionOf(db),
  };
}

function diskFree(file: string): number | null {
  try {
    const {bavail, bsize} = statfsSync(path.dirname(path.resolve(file)));
    return bavail * bsize;
  } catch {
    return null; // not every system tells
  }
}

export function ledgerBounds(db: Db): LedgerBounds {
  const [first, last] = db.prepare('SELECT (SELECT min(slot) FROM wl_slot), (SELECT max(slot) FROM wl_slot)').raw().get() as [
    number | null,
    number | null,
  ];
  const [firstDay, lastDay] = db.prepare('SELECT (SELECT min(day) FROM wl_slot), (SELECT max(day) FROM wl_slot)').raw().get() as [
    string | null,
    string | null,
  ];
  return {
    firstSlotMs: first === null ? null : msOfSlot(first),
    lastSlotMs: last === null ? null : msOfSlot(last),
    firstDay,
    lastDay,
    undated: db.prepare('SELECT count(*) FROM wl_undated').pluck().get() as number,
    zone: getMeta(db, 'zone') ?? 'UTC',
  };
}

export const batteries = (db: Db): string[] =>
  db
    .prepare(
      "SELECT via AS id FROM wl_cell_name WHERE via <> 'direct' UNION SELECT sink FROM wl_cell_name WHERE label = 'stored' ORDER BY 1",
    )
    .pluck()
    .all() as string[];

export const coverage = (db: Db, {fromMs, toMs}: {readonly fromMs: number; readonly toMs: number}): number =>
  db
    .prepare('SELECT count(*) FROM wl_slot WHERE slot >= ? AND slot < ?')
    .pluck()
    .get(Math.ceil(fromMs / msOfSlot(1)), Math.ceil(toMs / msOfSlot(1))) as number;
