// History changed on purpose: new totals for a quarter hour, its cells made to agree, and a record of who, why, before and after.

import {AppError} from '../core/errors.ts';
import {cellOf, type MutableMatrix} from '../core/flow/cells.ts';
import type {LedgerCorrection} from '../core/flow/corrections.ts';
import {labelOf} from '../core/flow/labels.ts';
import {type Matrix, ORIGINS, type Origin, type SlotCell, type SlotRecord} from '../core/flow/model.ts';
import {sinkOrder, sourceOrder} from '../core/flow/orders.ts';
import {rebalance} from '../core/flow/rebalance.ts';
import {localDay} from '../core/flow/slots.ts';
import {largestRemainder} from '../core/flow/split.ts';
import {sumKey} from '../core/flow/timeline.ts';
import {type Said, say} from '../core/sentences/say.ts';
import type {Policy} from '../core/site.ts';
import {utcText} from '../core/time.ts';
import {type Db, identify, openReadWrite, refuseNewer, storeError, versionOf} from './connect.ts';
import {createLedger, rebuildDays} from './ledger.ts';
import {getMeta, setUncounted, uncounted} from './meta.ts';
import {storedRecord} from './record.ts';
import {rollUp} from './rollup.ts';
import {msOfSlot, SCHEMA_VERSION, SLOT_S, slotOfMs} from './schema.ts';
import {quoted} from './views.ts';

/** Totals that can be set, and the margin of the matrix each of them is. Home is what is left and takes the difference. */
export const CORRECTABLE = ['grid_import', 'grid_export', 'solar', 'wind', 'generator', 'battery_charge', 'battery_discharge'] as const;
export type Correctable = (typeof CORRECTABLE)[number];

export type Audit = {readonly who: string; readonly why: string; readonly what: string; readonly atMs: number};
export type SlotChange = {readonly startMs: number; readonly before: number; readonly after: number};
type Correction = {
  readonly total: Correctable;
  readonly fromMs: number;
  readonly toMs: number;
  /** Energy of the whole range after the correction, mWh. */
  readonly energyMilliWh: number;
};

/** A connection for changing history; the daemon may run, its commits and these take turns. Throws AppError. */
export function openForChange(file: string): Db {
  const kind = identify(file);
  if (kind !== 'ours') throw new AppError('STORE_UNUSABLE', file, kind === 'absent' ? 'no such file' : 'is not a database of wattledger');
  let db: Db | null = null;
  try {
    db = openReadWrite(file);
    refuseNewer(db, file);
    if (versionOf(db) < SCHEMA_VERSION)
      throw new AppError('STORE_UNUSABLE', file, 'was written by an earlier version; start the daemon once, it brings the file up to date');
    return db;
  } catch (error) {
    db?.close();
    throw storeError(error, file);
  }
}

/**
 * Sets one total over a range of quarter hours. The difference goes to them in proportion to what they had (evenly where they had nothing),
 * to the mWh, as far as their home, which takes it, can give; and each slot's cells are rebalanced under every stored policy. All in one
 * transaction, or nothing. Throws AppError FAILED where a slot cannot meet its new total, or the range holds none that is closed.
 */
export function correct(db: Db, correction: Correction, audit: Audit): SlotChange[] {
  const {total, fromMs, toMs, energyMilliWh} = correction;
  const [from, to] = [Math.ceil(fromMs / 1000 / SLOT_S), Math.ceil(toMs / 1000 / SLOT_S)];
  return db
    .transaction(() => {
      const slots = db.prepare('SELECT slot, closed FROM wl_slot WHERE slot >= ? AND slot < ? ORDER BY slot').raw().all(from, to) as [
        number,
        number,
      ][];
      if (slots.length === 0) throw new AppError('FAILED', utcText(fromMs), 'no quarter hour is stored in this range');
      const running = slots.find(([, closed]) => closed === 0);
      if (running)
        throw new AppError('FAILED', utcText(msOfSlot(running[0])), 'this quarter hour is still running; correct it when it is over');
      const records = slots.map(([slot]) => readRecord(db, slot));
      const before = records.map(record => record.totals.find(one => one.name === total)?.energyMilliWh ?? 0);
      const homes = records.map(({cells}) => homeOf(matrixOf(Object.values(cells)[0] ?? [])));
      const after = sharedOut(total, energyMilliWh, before, homes);
      const zone = getMeta(db, 'zone') ?? 'UTC';
      const ledger = createLedger(db, zone);
      const changes: SlotChange[] = [];
      records.forEach((record, index) => {
        const change = {
          startMs: msOfSlot((slots[index] as [number, number])[0]),
          before: before[index] as number,
          after: after[index] as number,
        };
        if (change.before === change.after) return;
        const mended = corrected(record, total, change.after, audit.why);
        ledger.put(mended);
        addAudit(db, audit, slotOfMs(change.startMs), figuresOf(record), figuresOf(mended));
        setUncounted(db, [...uncounted(db), differenceOf(db, record, mended, localDay(zone, change.startMs))]);
        changes.push(change);
      });
      if (changes.length > 0)
        tellOf(db, audit, 'corrected', total, say('{what}: {n} quarter hours; {who}: {why}', {...audit, n: changes.length}), {
          quarter_hours: changes.length,
          before_mwh: before.reduce((a, b) => a + b, 0),
          after_mwh: energyMilliWh,
        });
      return changes;
    })
    .immediate();
}

/** More of these leaves less for the home; more of the others leaves more. */
const AT_HOMES_COST: readonly Correctable[] = ['grid_export', 'battery_charge'];

/** New totals, in proportion to the old ones; what would take more than a home has goes to where there is room. Throws AppError FAILED. */
function sharedOut(total: Correctable, energyMilliWh: number, before: readonly number[], homes: readonly number[]): number[] {
  const sum = before.reduce((a, b) => a + b, 0);
  const sign = AT_HOMES_COST.includes(total) ? -1 : 1;
  const wanted = largestRemainder(energyMilliWh, sum > 0 ? before : before.map(() => 1));
  let excess = 0;
  const room: number[] = [];
  const fitting = wanted.map((energy, index) => {
    const fall = sign * ((before[index] as number) - energy);
    const over = Math.max(0, fall - (homes[index] as number));
    excess += over;
    room.push(over > 0 ? 0 : Math.min((homes[index] as number) - fall, sign > 0 ? energy : Number.MAX_SAFE_INTEGER));
    return energy + sign * over;
  });
  if (excess === 0) return fitting;
  const most = room.reduce((a, b) => a + b, 0);
  if (most < excess)
    throw new AppError(
      'FAILED',
      total,
      `cannot become ${energyMilliWh / 1000} Wh: the home would be left with ${(most - excess) / 1000} Wh; is another total wrong as well?`,
    );
  const more = largestRemainder(excess, room);
  return fitting.map((energy, index) => energy - sign * (more[index] as number));
}

/** Every energy of a slot, mWh: enough to put it back by hand. */
const figuresOf = ({totals, cells}: SlotRecord): unknown => ({
  ...Object.fromEntries(totals.map(one => [one.name, one.energyMilliWh])),
  cells: Object.fromEntries(
    Object.entries(cells).map(([policy, list]) => [
      policy,
      Object.fromEntries(list.map(({origin, via, source, sink, energyMilliWh}) => [`${origin} ${via} ${source} ${sink}`, energyMilliWh])),
    ]),
  ),
});

/** For the daemon, whose lifetime sums go on from what it knows. */
function differenceOf(db: Db, before: SlotRecord, after: SlotRecord, day: string): LedgerCorrection {
  const changes = (pairs: (record: SlotRecord) => readonly (readonly [string, number])[]): Record<string, number> => {
    const sums: Record<string, number> = {};
    for (const [key, energy] of pairs(after)) sums[key] = (sums[key] ?? 0) + energy;
    for (const [key, energy] of pairs(before)) sums[key] = (sums[key] ?? 0) - energy;
    return Object.fromEntries(Object.entries(sums).filter(([, change]) => change !== 0));
  };
  return {
    seq: db.prepare('SELECT max(id) FROM wl_correction').pluck().get() as number,
    day,
    cells: Object.fromEntries(
      (Object.keys(after.cells) as Policy[]).map(policy => [
        policy,
        changes(({cells}) => (cells[policy] ?? []).map(cell => [sumKey(cell), cell.energyMilliWh] as const)),
      ]),
    ),
    totals: changes(({totals}) => totals.map(one => [one.name, one.energyMilliWh] as const)),
  };
}

/** The slot as the ledger knows it. Throws AppError FAILED where it knows none. */
function readRecord(db: Db, slot: number): SlotRecord {
  const record = storedRecord(db, msOfSlot(slot));
  if (!record) throw new AppError('FAILED', utcText(msOfSlot(slot)), 'no such quarter hour is stored');
  return record;
}

/** The record with one total set and its cells in agreement. Throws AppError FAILED. */
export function corrected(record: SlotRecord, total: Correctable, energyMilliWh: number, why: string): SlotRecord {
  const startMs = record.slot.kind === 'utc' ? record.slot.startMs : 0;
  let homeChange: number | null = null;
  const cells: Partial<Record<Policy, readonly SlotCell[]>> = {};
  for (const [policy, before] of Object.entries(record.cells) as [Policy, readonly SlotCell[]][]) {
    const matrix = matrixOf(before);
    const batteries = batteriesOf(before);
    const target = targetOf(total, energyMilliWh, batteries, matrix);
    const known = new Set(['home', 'standby', 'loss', 'grid', 'unexplained', ...batteries]);
    const loads = [...new Set(before.map(cell => cell.sink))].filter(sink => !known.has(sink));
    let after: Matrix;
    try {
      after = rebalance(matrix, target, sourceOrder(batteries), [...sinkOrder(loads, batteries, []), 'loss']);
    } catch (error) {
      throw new AppError('FAILED', utcText(startMs), `${total} cannot become ${energyMilliWh / 1000} Wh: ${(error as Error).message}`, {
        cause: error,
      });
    }
    homeChange ??= homeOf(after) - homeOf(matrix);
    cells[policy] = spread(before, after, batteries);
  }
  const totals = record.totals.map(one => {
    if (one.name === total) return {...one, energyMilliWh};
    return one.name === 'home' ? {...one, energyMilliWh: one.energyMilliWh + (homeChange ?? 0)} : one;
  });
  if (!totals.some(one => one.name === total)) totals.push({name: total, energyMilliWh, rawMilliWh: 0, counterWh: null, quality: []});
  return {...record, cells, totals, reason: [record.reason, `corrected: ${why}`].filter(Boolean).join('; ')};
}

const homeOf = (matrix: Matrix): number => Object.keys(matrix).reduce((sum, source) => sum + cellOf(matrix, source, 'home'), 0);
const ORIGIN_WORDS: readonly string[] = [...ORIGINS, 'unexplained'];
const batteriesOf = (cells: readonly SlotCell[]): string[] => [
  ...new Set([
    ...cells.filter(cell => cell.via !== 'direct').map(cell => cell.via),
    ...cells.filter(cell => cell.label === 'stored').map(cell => cell.sink),
    ...cells.map(cell => cell.source).filter(id => !ORIGIN_WORDS.includes(id)),
  ]),
];

function matrixOf(cells: readonly SlotCell[]): Matrix {
  const matrix: MutableMatrix = {};
  for (const {source, sink, energyMilliWh} of cells) {
    matrix[source] ??= {};
    const row = matrix[source];
    row[sink] = (row[sink] ?? 0) + energyMilliWh;
  }
  return matrix;
}

/**
 * Rows and columns to meet: what every source gave stays, but for what is corrected, so that home alone takes the difference. Several
 * batteries share their total in proportion to what they had.
 */
function targetOf(
  total: Correctable,
  energy: number,
  batteries: readonly string[],
  matrix: Matrix,
): {rows: Record<string, number>; cols: Record<string, number>} {
  const sum = (pick: (source: string, sink: string) => boolean): number => {
    let result = 0;
    for (const [source, row] of Object.entries(matrix))
      for (const [sink, cell] of Object.entries(row)) if (pick(source, sink)) result += cell;
    return result;
  };
  const shared = (had: readonly number[]): Record<string, number> => {
    if (batteries.length === 0) throw new AppError('FAILED', total, 'this quarter hour knows no battery');
    const parts = largestRemainder(energy, had.some(one => one > 0) ? had : had.map(() => 1));
    return Object.fromEntries(batteries.map((id, index) => [id, parts[index] as number]));
  };
  const rows = Object.fromEntries(Object.keys(matrix).map(id => [id, sum(source => source === id)]));
  switch (total) {
    case 'grid_import':
      return {rows: {...rows, grid: energy}, cols: {}};
    case 'grid_export':
      return {rows, cols: {grid: energy}};
    case 'battery_charge':
      return {rows, cols: shared(batteries.map(id => sum((_, sink) => sink === id)))};
    case 'battery_discharge':
      return {rows: {...rows, ...shared(batteries.map(id => sum(source => source === id)))}, cols: {}};
    default:
      return {rows: {...rows, [total]: energy}, cols: {}};
  }
}

/** New energies per source and sink over the cells that were there, by origin; a new cell comes straight from its source. */
function spread(before: readonly SlotCell[], after: Matrix, batteries: readonly string[]): SlotCell[] {
  const cells: SlotCell[] = [];
  for (const [source, row] of Object.entries(after)) {
    for (const [sink, energyMilliWh] of Object.entries(row)) {
      const same = before.filter(cell => cell.source === source && cell.sink === sink && cell.energyMilliWh > 0);
      if (same.length > 0) {
        const parts = largestRemainder(
          energyMilliWh,
          same.map(cell => cell.energyMilliWh),
        );
        same.forEach((cell, index) => void cells.push({...cell, energyMilliWh: parts[index] as number}));
        continue;
      }
      const origin = ORIGIN_WORDS.includes(source) ? (source as Origin) : 'unknown';
      const via = batteries.includes(source) ? source : 'direct';
      cells.push({origin, via, source, sink, energyMilliWh, label: labelOf(origin, via, sink, batteries.includes(sink))});
    }
  }
  return cells.filter(cell => cell.energyMilliWh !== 0);
}

export function addAudit(db: Db, {who, why, what, atMs}: Audit, slot: number | null, before: unknown, after: unknown): void {
  db.prepare('INSERT INTO wl_correction (at_ms, who, why, what, slot, before, after) VALUES (?, ?, ?, ?, ?, ?, ?)').run(
    Math.round(atMs),
    who,
    why,
    what,
    slot,
    JSON.stringify(before),
    JSON.stringify(after),
  );
}

/** The same in the list of what happened. Inside the caller's transaction. */
export function tellOf(
  db: Db,
  {atMs}: Audit,
  kind: 'corrected' | 'recomputed' | 'rescaled',
  about: string,
  detail: Said,
  evidence: Readonly<Record<string, number>>,
): void {
  db.prepare('INSERT INTO wl_event (at_ms, kind, about, detail, evidence) VALUES (?, ?, ?, ?, ?)').run(
    Math.round(atMs),
    kind,
    about,
    detail,
    JSON.stringify(evidence),
  );
}

type Recomputed = {readonly quarterHours: number; readonly days: boolean};

/**
 * Quarter hours and days of points again from the raw rows that are kept, and the ledger's days again from its quarter hours.
 * What no raw row covers stays as it is. Audited with the figures that changed.
 */
export function recompute(db: Db, fromMs: number, toMs: number, audit: Audit): Recomputed {
  const zone = getMeta(db, 'zone') ?? 'UTC';
  const [fromTs, toTs] = [Math.floor(fromMs / 1000 / SLOT_S) * SLOT_S, Math.ceil(toMs / 1000 / SLOT_S) * SLOT_S];
  const fingerprint = (): unknown => ({
    point_rows: db
      .prepare('SELECT count(*) FROM wl_point_15m WHERE slot >= ? AND slot < ?')
      .pluck()
      .get(fromTs / SLOT_S, toTs / SLOT_S),
    point_sum: db
      .prepare('SELECT coalesce(sum(avg + min + max + last + n), 0) FROM wl_point_15m WHERE slot >= ? AND slot < ?')
      .pluck()
      .get(fromTs / SLOT_S, toTs / SLOT_S),
    energy_days_mwh: db.prepare('SELECT coalesce(sum(energy_mwh), 0) FROM wl_day').pluck().get(),
  });
  return db
    .transaction(() => {
      const before = fingerprint();
      const {quarterHours} = recomputeIn(db, fromMs, toMs, null);
      rebuildDays(db, zone);
      addAudit(db, audit, null, before, fingerprint());
      tellOf(db, audit, 'recomputed', 'store', say('{what}: {n} quarter hours of points; {who}: {why}', {...audit, n: quarterHours}), {
        quarter_hours: quarterHours,
      });
      return {quarterHours, days: true};
    })
    .immediate();
}

/** Quarter hours and days of the points of one device, or of all, from the raw rows that are kept. */
export function recomputeIn(db: Db, fromMs: number, toMs: number, device: string | null): {readonly quarterHours: number} {
  const zone = getMeta(db, 'zone') ?? 'UTC';
  const [fromTs, toTs] = [Math.floor(fromMs / 1000 / SLOT_S) * SLOT_S, Math.ceil(toMs / 1000 / SLOT_S) * SLOT_S];
  let quarterHours = 0;
  for (const {id, raw} of db.prepare('SELECT id, raw FROM wl_device WHERE ? IS NULL OR key = ?').all(device, device) as {
    id: number;
    raw: string;
  }[]) {
    db.prepare(
      `INSERT OR IGNORE INTO wl_todo SELECT DISTINCT ?, CAST(ts / 900 AS INTEGER) FROM ${quoted(raw)} WHERE ts >= ? AND ts < ?`,
    ).run(id, fromTs, toTs);
    quarterHours += rollUp(db, id, null, zone).filter(({slot}) => slot >= fromTs / SLOT_S && slot < toTs / SLOT_S).length;
  }
  return {quarterHours};
}
