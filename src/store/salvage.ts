// Takes over from a damaged database what can still be read, in small steps between commits; what the new one has already, stands.

import Database from 'better-sqlite3';
import {localDay} from '../core/flow/slots.ts';
import {type Said, say} from '../core/sentences/say.ts';
import {parsePoint} from '../core/vocabulary.ts';
import {codeOf, type Db, isDamage, troubleOf} from './connect.ts';
import {readState} from './meta.ts';
import type {Raw} from './raw.ts';
import {rollUpDay} from './rollup.ts';
import {msOfSlot} from './schema.ts';
import type {StartState} from './store.ts';
import {quoted} from './views.ts';

export type Salvage = {
  readonly file: string;
  /** Flow state and published totals, where readable. */
  state(): StartState | null;
  /** Some rows; true while there is more. Throws only for the new database. */
  step(db: Db, raw: Raw): boolean;
  summary(): Said;
  close(): void;
};

const MAX_FAILURES = 5000;
/** Failures in a row after which twice as much is given up at once; a single bad page takes fewer. */
const PATIENCE = 32;

type OldDevice = {readonly id: number; readonly key: string; readonly raw: string};
type OldPoint = {readonly id: number; readonly name: string; readonly col: string; readonly kind: string};

/** Tables whose rows have a number that means nothing outside this file, the column with an index first. */
const NUMBERED = {
  wl_event: ['at_ms', 'kind', 'about', 'detail', 'evidence'],
  wl_correction: ['at_ms', 'who', 'why', 'what', 'slot', 'before', 'after'],
  wl_outbox: ['key', 'topic', 'payload', 'created_ms'],
  wl_bill: ['month', 'from_day', 'to_day', 'computed_ms', 'currency', 'due_pico', 'result'],
};

/** A slot of which some cells were lost: its policies no longer divide the same energy, or totals have no cells at all. */
const PARTIAL_SLOT = `
UPDATE wl_slot SET quality = 'suspect', reason = 'some of its cells were lost with a damaged file' WHERE slot = @slot AND (
  (SELECT count(DISTINCT energy) FROM (SELECT sum(energy_mwh) AS energy FROM wl_cell WHERE slot = @slot GROUP BY policy)) > 1
  OR (SELECT count(DISTINCT policy) FROM wl_cell WHERE slot = @slot) < 2 AND EXISTS (SELECT 1 FROM wl_total WHERE slot = @slot AND energy_mwh <> 0)
)`;

/** Slots whose own row was lost, from what they gave and took; their day is made with all the others. */
const ORPHANS = `
INSERT INTO wl_slot SELECT slot, strftime('%Y-%m-%dT%H:%M:%SZ', slot * 900, 'unixepoch'), '', 1, 'suspect', 'its own record was lost with a damaged file', NULL
FROM (SELECT slot FROM wl_cell UNION SELECT slot FROM wl_total) WHERE slot NOT IN (SELECT slot FROM wl_slot)`;

/** Range of an integer key, how many neighbouring keys are given up together, and how many rows are held in memory. */
type Keys = {readonly span: readonly [number, number]; readonly grain: number; readonly rows: number};
const SLOTS: Keys = {span: [1_700_000, 4_500_000], grain: 1, rows: 2000};
const SECONDS: Keys = {span: [1_530_000_000, 4_050_000_000], grain: 60, rows: 2000};
const NUMBERS: Keys = {span: [0, 10_000_000], grain: 1, rows: 2000};
/** A row is a compressed day. */
const DAYS: Keys = {span: [0, 1_000_000], grain: 1, rows: 20};

type RawSelect = {iterate(low: number, high: number): Iterable<unknown[]>};

/**
 * SQLite refuses a file whose end is missing, or whose catalogue of tables has one bad page; with a writable schema it takes both for
 * what they still are. Throws what SQLite throws where not even the ledger's own table is known.
 */
function openDamaged(file: string): Db {
  const db = new Database(file, {readonly: true, fileMustExist: true});
  try {
    db.unsafeMode();
    db.pragma('writable_schema = ON');
    db.pragma('cache_size = -2000');
    try {
      db.prepare('SELECT 1 FROM wl_slot');
    } catch {
      // The first statement tells of the damage; the next one has the tables that were found up to it.
      db.prepare('SELECT 1 FROM wl_slot');
    }
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
}

/** `file` is only read. A file that cannot be opened at all gives nothing, and says so in the summary. */
export function salvageFrom(file: string, zone: string): Salvage {
  let old: Db | null = null;
  let trouble: Said | null = null;
  let saved = 0;
  let lost = 0;
  let savedSlots = 0;
  let work: Generator<void> | null = null;
  try {
    old = openDamaged(file);
  } catch (error) {
    trouble = troubleOf(error);
  }

  /**
   * Rows of `sql`, whose two parameters bound an integer key, halving the range around whatever cannot be read down to `grain` keys.
   * Gives way after every chunk and every few failures; a table that fails everywhere is given up.
   */
  function* ranges(db: Db, sql: string, {span: [from, to], grain, rows: most}: Keys, put: (row: unknown[]) => void): Generator<void> {
    const select = prepared(sql);
    if (select === null) return;
    const stack: [number, number][] = [[from, to]];
    let failures = 0;
    /** Failures since something could last be read: the longer the hole, the larger the pieces of it that are given up. */
    let streak = 0;
    for (let range = stack.pop(); range && failures < MAX_FAILURES; range = stack.pop()) {
      const [low, high] = range;
      const rows = readChunk(select, low, high, most);
      streak = rows === null ? streak + 1 : 0;
      if (rows === null && ++failures % 50 === 0) yield;
      if (rows === null && high - low <= grain * 2 ** Math.floor(streak / PATIENCE)) {
        lost++;
      } else if (rows === null || rows.length > most) {
        const middle = low + Math.floor((high - low) / 2);
        stack.push([middle, high], [low, middle]);
      } else if (rows.length > 0) {
        db.transaction(() => {
          for (const row of rows) put(row);
        }).immediate();
        saved += rows.length;
        yield;
      }
    }
  }

  /** Null for a table whose entry in the catalogue is destroyed. */
  function prepared(sql: string): RawSelect | null {
    try {
      return (old as Db).prepare<[number, number], unknown[]>(sql).raw();
    } catch {
      lost++;
      return null;
    }
  }

  /** Null where the range touches something unreadable. A range of one key is read whole; else one row more than a chunk is enough to know. */
  function readChunk(select: RawSelect, low: number, high: number, most: number): unknown[][] | null {
    const rows: unknown[][] = [];
    try {
      for (const row of select.iterate(low, high)) {
        rows.push(row);
        if (rows.length > most && high - low > 1) break;
      }
      return rows;
    } catch (error) {
      if (isDamage(error) || /IOERR/.test(codeOf(error))) return null;
      throw error;
    }
  }

  /** Smallest and largest key, found from the ends; where an end is damaged, everything that is thinkable. */
  function keys(table: string, column: string, thinkable: Keys, where = '1'): Keys {
    try {
      const [low, high] = (old as Db)
        .prepare(`SELECT (SELECT min(${column}) FROM ${table} WHERE ${where}), (SELECT max(${column}) FROM ${table} WHERE ${where})`)
        .raw()
        .get() as [number | null, number | null];
      return {...thinkable, span: low === null || high === null ? [0, 0] : [low, high + 1]};
    } catch {
      return thinkable;
    }
  }
  /** A small table, read as far as it can be. */
  function small<T>(sql: string, raw = false): T[] {
    const rows: T[] = [];
    try {
      for (const row of (old as Db).prepare(sql).raw(raw).iterate() as IterableIterator<T>) rows.push(row);
    } catch {
      lost++;
    }
    return rows;
  }

  function* all(db: Db, raw: Raw): Generator<void> {
    // Names first: their numbers differ between the two files.
    const cells = new Map<number, number>();
    const totals = new Map<number, number>();
    db.transaction(() => {
      for (const row of small<Record<'origin' | 'via' | 'source' | 'sink' | 'label', string> & {id: number}>(
        'SELECT * FROM wl_cell_name',
      )) {
        const key = [row.origin, row.via, row.source, row.sink, row.label];
        db.prepare('INSERT OR IGNORE INTO wl_cell_name (origin, via, source, sink, label) VALUES (?, ?, ?, ?, ?)').run(...key);
        const id = db
          .prepare('SELECT id FROM wl_cell_name WHERE origin = ? AND via = ? AND source = ? AND sink = ? AND label = ?')
          .pluck()
          .get(...key);
        cells.set(row.id, id as number);
      }
      for (const {id, name} of small<{id: number; name: string}>('SELECT * FROM wl_total_name')) {
        db.prepare('INSERT OR IGNORE INTO wl_total_name (name) VALUES (?)').run(name);
        totals.set(id, db.prepare('SELECT id FROM wl_total_name WHERE name = ?').pluck().get(name) as number);
      }
    }).immediate();
    yield;

    // Cells and totals before their slots: a rescue that is cut short and begun again then knows which slots are whole.
    const known = new Set(db.prepare('SELECT slot FROM wl_slot').pluck().all() as number[]);
    const putCell = db.prepare('INSERT OR IGNORE INTO wl_cell VALUES (?, ?, ?, ?)');
    const cellSql = 'SELECT slot, policy, cell, energy_mwh FROM wl_cell WHERE slot >= ? AND slot < ?';
    yield* ranges(db, cellSql, keys('wl_cell', 'slot', SLOTS), ([slot, policy, cell, energy]) => {
      const id = cells.get(cell as number);
      if (id !== undefined && !known.has(slot as number)) putCell.run(slot, policy, id, energy);
    });
    const putTotal = db.prepare('INSERT OR IGNORE INTO wl_total VALUES (?, ?, ?, ?, ?, ?)');
    const totalSql = 'SELECT slot, name, energy_mwh, raw_mwh, counter_wh, quality FROM wl_total WHERE slot >= ? AND slot < ?';
    yield* ranges(db, totalSql, keys('wl_total', 'slot', SLOTS), ([slot, name, ...rest]) => {
      const id = totals.get(name as number);
      if (id !== undefined && !known.has(slot as number)) putTotal.run(slot, id, ...rest);
    });
    const putSlot = db.prepare('INSERT OR IGNORE INTO wl_slot VALUES (?, ?, ?, ?, ?, ?, ?)');
    const markPartial = db.prepare(PARTIAL_SLOT);
    yield* ranges(db, 'SELECT * FROM wl_slot WHERE slot >= ? AND slot < ?', keys('wl_slot', 'slot', SLOTS), row => {
      const slot = row[0] as number;
      // The new file's own are newer.
      if (known.has(slot)) return;
      savedSlots++;
      putSlot.run(...row);
      markPartial.run({slot});
    });

    savedSlots += db.prepare(ORPHANS).run().changes;

    for (const row of small<unknown[]>('SELECT * FROM wl_undated', true))
      db.prepare('INSERT OR IGNORE INTO wl_undated VALUES (?, ?, ?, ?, ?, ?, ?)').run(...row);
    for (const [boot, start, policy, cell, energy] of small<unknown[]>('SELECT * FROM wl_undated_cell', true)) {
      const id = cells.get(cell as number);
      if (id !== undefined) db.prepare('INSERT OR IGNORE INTO wl_undated_cell VALUES (?, ?, ?, ?, ?)').run(boot, start, policy, id, energy);
    }
    yield;
    for (const [table, columns] of Object.entries(NUMBERED)) yield* numbered(db, table, columns);
    const putPrice = db.prepare('INSERT OR IGNORE INTO wl_price VALUES (?, ?, ?)');
    for (const {series} of small<{series: string}>('SELECT DISTINCT series FROM wl_price')) {
      const mine = `series = '${series.replaceAll("'", "''")}'`;
      const sql = `SELECT series, slot, micro FROM wl_price WHERE ${mine} AND slot >= ? AND slot < ?`;
      yield* ranges(db, sql, keys('wl_price', 'slot', SLOTS, mine), row => void putPrice.run(...row));
    }

    for (const device of small<OldDevice>('SELECT id, key, raw FROM wl_device')) yield* oneDevice(db, raw, device);
  }

  /** Rows that a number of their own tells apart; those that are there already, whatever their number, are not added again. */
  function* numbered(db: Db, table: string, columns: readonly string[]): Generator<void> {
    const list = columns.join();
    const same = columns.map(column => `${column} IS @${column}`).join(' AND ');
    const put = db.prepare(
      `INSERT INTO ${table} (${list}) SELECT ${columns.map(column => `@${column}`).join()} WHERE NOT EXISTS (SELECT 1 FROM ${table} WHERE ${same})`,
    );
    yield* ranges(
      db,
      `SELECT ${list} FROM ${table} WHERE id >= ? AND id < ?`,
      keys(table, 'id', NUMBERS),
      row => void put.run(Object.fromEntries(columns.map((column, index) => [column, row[index]]))),
    );
  }

  function* oneDevice(db: Db, raw: Raw, device: OldDevice): Generator<void> {
    const points = small<OldPoint>(`SELECT id, name, col, kind FROM wl_point WHERE device = ${Number(device.id)}`).filter(point =>
      parsePoint(point.name),
    );
    const ids = new Map<number, number>();
    db.transaction(() => {
      const owner = raw.deviceOf(device.key);
      for (const point of points) ids.set(point.id, raw.pointOf(owner, point.name).id);
    }).immediate();
    const owner = raw.deviceOf(device.key);
    const columns = ['ts', ...points.filter(point => point.kind !== 'text').map(point => quoted(point.col))];
    const putRow = db.prepare(`INSERT OR IGNORE INTO ${quoted(owner.raw)} (${columns.join()}) VALUES (${columns.map(() => '?').join()})`);
    const addDay = db.prepare('INSERT OR IGNORE INTO wl_raw_day VALUES (?)');
    const rowSql = `SELECT ${columns.join()} FROM ${quoted(device.raw)} WHERE ts >= ? AND ts < ?`;
    yield* ranges(db, rowSql, keys(quoted(device.raw), 'ts', SECONDS), row => {
      putRow.run(...row);
      addDay.run(Math.floor((row[0] as number) / 86_400));
    });
    const putRolled = db.prepare('INSERT OR IGNORE INTO wl_point_15m VALUES (?, ?, ?, ?, ?, ?, ?)');
    const putText = db.prepare('INSERT OR IGNORE INTO wl_state VALUES (?, ?, ?)');
    for (const [oldId, id] of ids) {
      const mine = `point = ${Number(oldId)}`;
      const rolledSql = `SELECT slot, n, avg, min, max, last FROM wl_point_15m WHERE ${mine} AND slot >= ? AND slot < ?`;
      yield* ranges(db, rolledSql, keys('wl_point_15m', 'slot', SLOTS, mine), row => void putRolled.run(id, ...row));
      const textSql = `SELECT ts, value FROM wl_state WHERE ${mine} AND ts >= ? AND ts < ?`;
      yield* ranges(db, textSql, keys('wl_state', 'ts', SECONDS, mine), row => void putText.run(id, ...row));
    }
    const putArchive = db.prepare('INSERT OR IGNORE INTO wl_archive (device, day, row_count, csv_gz) VALUES (?, ?, ?, ?)');
    const archived = `device = ${Number(device.id)}`;
    const archiveSql = `SELECT day, row_count, csv_gz FROM wl_archive WHERE ${archived} AND rowid >= ? AND rowid < ?`;
    yield* ranges(db, archiveSql, keys('wl_archive', 'rowid', DAYS, archived), row => void putArchive.run(owner.id, ...row));
    // Quarter hours without a roll-up are made from the raw rows again; the days follow from them.
    db.prepare(
      `INSERT OR IGNORE INTO wl_todo SELECT DISTINCT ?, ts / 900 FROM ${quoted(owner.raw)} r WHERE NOT EXISTS (SELECT 1 FROM wl_point_15m a JOIN wl_point p ON p.id = a.point WHERE p.device = ? AND a.slot = r.ts / 900)`,
    ).run(owner.id, owner.id);
    for (const day of new Set(
      (
        db
          .prepare('SELECT DISTINCT slot FROM wl_point_15m WHERE point IN (SELECT id FROM wl_point WHERE device = ?)')
          .pluck()
          .all(owner.id) as number[]
      ).map(slot => localDay(zone, msOfSlot(slot))),
    )) {
      rollUpDay(db, owner.id, day, zone);
      yield;
    }
  }

  return {
    file,
    state() {
      if (!old) return null;
      try {
        return readState(old);
      } catch {
        return null;
      }
    },
    step(db, raw) {
      if (!old) return false;
      work ??= all(db, raw);
      return work.next().done !== true;
    },
    summary: () =>
      trouble !== null
        ? say('nothing could be read from the damaged file ({trouble}); it is kept', {trouble})
        : say('{rows} rows and {slots} quarter hours were taken over from the damaged file, {lost} places in it could not be read', {
            rows: saved,
            slots: savedSlots,
            lost,
          }),
    close() {
      old?.close();
      old = null;
    },
  };
}
