// Takes over from a damaged database what can still be read, in small steps between commits; what the new one has already, stands.

import Database from 'better-sqlite3';
import {type Db, isDamage, troubleOf} from './connect.ts';
import type {Ledger} from './ledger.ts';
import {readState} from './meta.ts';
import type {Raw} from './raw.ts';
import type {StartState} from './store.ts';
import {quoted} from './views.ts';

export type Salvage = {
  /** Flow state and published totals, where readable. */
  state(): StartState | null;
  /** Some rows; true while there is more. Throws only for the new database. */
  step(db: Db, raw: Raw, ledger: Ledger): boolean;
  summary(): string;
  readonly savedSlots: number;
  close(): void;
};

const CHUNK_ROWS = 2000;

/** `file` is only read. A file that cannot be opened at all gives nothing, and says so in the summary. */
export function salvageFrom(file: string): Salvage {
  let old: Db | null = null;
  let trouble: string | null = null;
  let saved = 0;
  let lost = 0;
  let savedSlots = 0;
  let work: Generator<void> | null = null;
  try {
    old = new Database(file, {readonly: true, fileMustExist: true});
    old.pragma('cache_size = -2000');
    old.prepare('SELECT count(*) FROM sqlite_schema').get();
  } catch (error) {
    trouble = troubleOf(error);
    old?.close();
    old = null;
  }

  /** Rows of `sql` whose first parameter pair bounds an integer key, halving the range around whatever cannot be read. */
  function* ranges(sql: string, from: number, to: number, put: (row: unknown[]) => void, db: Db): Generator<void> {
    const select = (old as Db).prepare(sql).raw();
    const stack: [number, number][] = [[from, to]];
    for (let range = stack.pop(); range; range = stack.pop()) {
      const [low, high] = range;
      let rows: unknown[][];
      try {
        rows = [];
        for (const row of select.iterate(low, high) as IterableIterator<unknown[]>) {
          rows.push(row);
          if (rows.length > CHUNK_ROWS && high - low > 1) break;
        }
      } catch (error) {
        if (!isDamage(error) && !/IOERR/.test(String((error as {code?: string}).code))) throw error;
        if (high - low <= 1) {
          lost++;
          continue;
        }
        rows = new Array(CHUNK_ROWS + 1);
      }
      if (rows.length > CHUNK_ROWS && high - low > 1) {
        const middle = low + Math.floor((high - low) / 2);
        stack.push([middle, high], [low, middle]);
        continue;
      }
      db.transaction(() => {
        for (const row of rows) put(row);
      }).immediate();
      saved += rows.length;
      yield;
    }
  }

  /** Smallest and largest key, found from the ends; a damaged edge falls back to all possible keys. */
  function span(table: string, column: string, widest: readonly [number, number]): [number, number] {
    try {
      const [low, high] = (old as Db).prepare(`SELECT min(${column}), max(${column}) FROM ${table}`).raw().get() as [
        number | null,
        number | null,
      ];
      return low === null || high === null ? [0, 0] : [low, high + 1];
    } catch {
      return [widest[0], widest[1]];
    }
  }
  /** A small table, read as far as it can be. */
  function small<T>(sql: string): T[] {
    const rows: T[] = [];
    try {
      for (const row of (old as Db).prepare(sql).iterate() as IterableIterator<T>) rows.push(row);
    } catch {
      lost++;
    }
    return rows;
  }

  function* all(db: Db, raw: Raw): Generator<void> {
    const slots: readonly [number, number] = [0, 8_000_000];
    const seconds: readonly [number, number] = [0, 7_200_000_000];

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

    // Only slots the new file does not have; theirs are told again by the flow state.
    const taken = new Set<number>();
    const known = new Set(db.prepare('SELECT slot FROM wl_slot').pluck().all() as number[]);
    const putSlot = db.prepare('INSERT OR IGNORE INTO wl_slot VALUES (?, ?, ?, ?, ?, ?, ?)');
    yield* ranges(
      'SELECT * FROM wl_slot WHERE slot >= ? AND slot < ?',
      ...span('wl_slot', 'slot', slots),
      row => {
        const slot = row[0] as number;
        if (known.has(slot)) return;
        taken.add(slot);
        savedSlots++;
        putSlot.run(...row);
      },
      db,
    );
    const putCell = db.prepare('INSERT OR IGNORE INTO wl_cell VALUES (?, ?, ?, ?)');
    yield* ranges(
      'SELECT slot, policy, cell, energy_mwh FROM wl_cell WHERE slot >= ? AND slot < ?',
      ...span('wl_cell', 'slot', slots),
      ([slot, policy, cell, energy]) => {
        const id = cells.get(cell as number);
        if (id !== undefined && taken.has(slot as number)) putCell.run(slot, policy, id, energy);
      },
      db,
    );
    const putTotal = db.prepare('INSERT OR IGNORE INTO wl_total VALUES (?, ?, ?, ?, ?, ?)');
    yield* ranges(
      'SELECT slot, name, energy_mwh, raw_mwh, counter_wh, quality FROM wl_total WHERE slot >= ? AND slot < ?',
      ...span('wl_total', 'slot', slots),
      ([slot, name, ...rest]) => {
        const id = totals.get(name as number);
        if (id !== undefined && taken.has(slot as number)) putTotal.run(slot, id, ...rest);
      },
      db,
    );

    const putEvent = db.prepare('INSERT INTO wl_event (at_ms, kind, about, detail, evidence) VALUES (?, ?, ?, ?, ?)');
    yield* ranges(
      'SELECT at_ms, kind, about, detail, evidence FROM wl_event WHERE id >= ? AND id < ?',
      ...span('wl_event', 'id', [0, 100_000_000]),
      row => void putEvent.run(...row),
      db,
    );
    const putCorrection = db.prepare('INSERT INTO wl_correction (at_ms, who, why, what, slot, before, after) VALUES (?, ?, ?, ?, ?, ?, ?)');
    yield* ranges(
      'SELECT at_ms, who, why, what, slot, before, after FROM wl_correction WHERE id >= ? AND id < ?',
      ...span('wl_correction', 'id', [0, 100_000_000]),
      row => void putCorrection.run(...row),
      db,
    );

    for (const device of small<{id: number; key: string; raw: string}>('SELECT id, key, raw FROM wl_device')) {
      const points = small<{id: number; name: string; col: string; kind: string}>(
        `SELECT id, name, col, kind FROM wl_point WHERE device = ${Number(device.id)}`,
      );
      const ids = new Map<number, number>();
      db.transaction(() => {
        const owner = raw.deviceOf(device.key);
        for (const point of points) ids.set(point.id, raw.pointOf(owner, point.name).id);
      }).immediate();
      const owner = raw.deviceOf(device.key);
      const columns = points.filter(point => point.kind !== 'text').map(point => quoted(point.col));
      const putRow = db.prepare(
        `INSERT OR IGNORE INTO ${quoted(owner.raw)} (${['ts', ...columns].join()}) VALUES (${['?', ...columns.map(() => '?')].join()})`,
      );
      const addDay = db.prepare('INSERT OR IGNORE INTO wl_raw_day VALUES (?)');
      yield* ranges(
        `SELECT ${['ts', ...columns].join()} FROM ${quoted(device.raw)} WHERE ts >= ? AND ts < ?`,
        ...span(quoted(device.raw), 'ts', seconds),
        row => {
          putRow.run(...row);
          addDay.run(Math.floor((row[0] as number) / 86_400));
        },
        db,
      );
      for (const [oldId, id] of ids) {
        const putRolled = db.prepare('INSERT OR IGNORE INTO wl_point_15m VALUES (?, ?, ?, ?, ?, ?, ?)');
        yield* ranges(
          `SELECT slot, n, avg, min, max, last FROM wl_point_15m WHERE point = ${Number(oldId)} AND slot >= ? AND slot < ?`,
          ...span('wl_point_15m', 'slot', slots),
          row => void putRolled.run(id, ...row),
          db,
        );
        const putText = db.prepare('INSERT OR IGNORE INTO wl_state VALUES (?, ?, ?)');
        yield* ranges(
          `SELECT ts, value FROM wl_state WHERE point = ${Number(oldId)} AND ts >= ? AND ts < ?`,
          ...span('wl_state', 'ts', seconds),
          row => void putText.run(id, ...row),
          db,
        );
      }
      db.prepare(
        'INSERT OR IGNORE INTO wl_todo SELECT DISTINCT ?, CAST(ts / 900 AS INTEGER) FROM ' +
          quoted(owner.raw) +
          ' WHERE ts >= (SELECT max(ts) FROM ' +
          quoted(owner.raw) +
          ') - 7200',
      ).run(owner.id);
      yield;
    }
  }

  return {
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
        ? `nothing could be read from the damaged file (${trouble}); it is kept`
        : `${saved} rows and ${savedSlots} quarter hours were taken over from the damaged file, ${lost} places in it could not be read`,
    get savedSlots() {
      return savedSlots;
    },
    close() {
      old?.close();
      old = null;
    },
  };
}
