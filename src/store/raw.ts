// Raw values: a wide table of whole numbers per device, a row per poll; texts only when they change.

import {type PointName, parsePoint, pointInfo, pointKey} from '../core/vocabulary.ts';
import type {RawRows, TextChange} from './batch.ts';
import type {Db} from './connect.ts';
import {SLOT_S} from './schema.ts';
import {createDeviceView, createViews, freeView, quoted} from './views.ts';

type Point = {readonly id: number; readonly col: string; readonly perUnit: number};
type Device = {readonly id: number; readonly key: string; readonly view: string; readonly raw: string; readonly points: Map<string, Point>};
type Statement = {run(...values: (number | null)[]): unknown};

export type Raw = {
  put(rows: RawRows): void;
  putText(change: TextChange): void;
  /** After a rollback: what was made in the transaction is gone. */
  forget(): void;
  deviceOf(key: string): Device;
  pointOf(device: Device, name: string): Point;
};

/** Whole numbers per unit: a step of 0.1 is kept as tenths. */
const perUnitOf = (name: string): number => Math.max(1, Math.round(1 / pointInfo(name).step));

/** Writes inside the caller's transaction. */
export function createRaw(db: Db): Raw {
  let devices = new Map<string, Device>();
  let inserts = new Map<string, {readonly points: readonly Point[]; readonly statement: Statement}>();
  const addTodo = db.prepare('INSERT OR IGNORE INTO wl_todo VALUES (?, ?)');
  const addDay = db.prepare('INSERT OR IGNORE INTO wl_raw_day VALUES (?)');
  const lastText = db.prepare('SELECT value FROM wl_state WHERE point = ? AND ts <= ? ORDER BY ts DESC LIMIT 1').pluck();
  const addText = db.prepare('INSERT INTO wl_state VALUES (?, ?, ?) ON CONFLICT (point, ts) DO UPDATE SET value = excluded.value');

  function deviceOf(key: string): Device {
    const known = devices.get(key);
    if (known) return known;
    type Row = {id: number; view: string; raw: string};
    let row = db.prepare('SELECT id, view, raw FROM wl_device WHERE key = ?').get(key) as Row | undefined;
    if (!row) {
      const raw = `wl_raw_${key}`;
      const view = freeView(db, key);
      const {lastInsertRowid} = db.prepare('INSERT INTO wl_device (key, view, raw) VALUES (?, ?, ?)').run(key, view, raw);
      row = {id: Number(lastInsertRowid), view, raw};
      db.exec(`CREATE TABLE ${quoted(raw)} (ts INTEGER PRIMARY KEY) STRICT`);
      // All anew, so that the catalogue of the file has its tables first: one bad page among the long texts of the views costs no table.
      createViews(db);
    }
    const points = new Map<string, Point>();
    for (const point of db.prepare('SELECT id, name, col, per_unit FROM wl_point WHERE device = ?').all(row.id) as {
      id: number;
      name: string;
      col: string;
      per_unit: number;
    }[])
      points.set(point.name, {id: point.id, col: point.col, perUnit: point.per_unit});
    const device = {...row, key, points};
    devices.set(key, device);
    return device;
  }

  function pointOf(device: Device, name: string): Point {
    const known = device.points.get(name);
    if (known) return known;
    const {unit, behaves} = pointInfo(name);
    const col = pointKey(name);
    const perUnit = perUnitOf(name);
    const {lastInsertRowid} = db
      .prepare('INSERT INTO wl_point (device, name, col, unit, kind, per_unit) VALUES (?, ?, ?, ?, ?, ?)')
      .run(device.id, name, col, unit, behaves, perUnit);
    if (behaves !== 'text') db.exec(`ALTER TABLE ${quoted(device.raw)} ADD COLUMN ${quoted(col)} INTEGER`);
    const point = {id: Number(lastInsertRowid), col, perUnit};
    device.points.set(name, point);
    createDeviceView(db, device);
    return point;
  }

  function insertOf(device: Device, names: readonly string[]): {readonly points: readonly Point[]; readonly statement: Statement} {
    const key = `${device.key}:${names.join()}`;
    let insert = inserts.get(key);
    if (!insert) {
      const points = names.map(name => pointOf(device, name));
      const columns = points.map(point => quoted(point.col));
      // A row that is there already keeps its values: after a clock that was set back, what was measured first stands.
      const merge = columns.map(column => `${column} = coalesce(${column}, excluded.${column})`);
      const statement = db.prepare(
        `INSERT INTO ${quoted(device.raw)} (${['ts', ...columns].join()}) VALUES (${['?', ...columns.map(() => '?')].join()}) ON CONFLICT (ts) DO UPDATE SET ${merge.join()}`,
      );
      insert = {points, statement};
      if (inserts.size > 200) inserts = new Map();
      inserts.set(key, insert);
    }
    return insert;
  }

  return {
    put({device: key, points: told, rows}) {
      const names = told.filter(name => isNumber(parsePoint(name)));
      if (names.length === 0) return;
      const positions = names.map(name => told.indexOf(name));
      const device = deviceOf(key);
      const {points, statement} = insertOf(device, names);
      let lastSlot = -1;
      for (const [ts, row] of rows) {
        statement.run(
          ts,
          ...positions.map((position, index) => {
            const value = row[position];
            return value === undefined ? null : scaled(value, (points[index] as Point).perUnit);
          }),
        );
        const slot = Math.floor(ts / SLOT_S);
        if (slot === lastSlot) continue;
        lastSlot = slot;
        addTodo.run(device.id, slot);
        addDay.run(Math.floor(slot / 96));
      }
    },
    putText({device: key, point: name, ts, value}) {
      const point = pointOf(deviceOf(key), name);
      const before = lastText.get(point.id, ts);
      if ((before ?? null) !== value) addText.run(point.id, ts, value);
    },
    forget() {
      devices = new Map();
      inserts = new Map();
    },
    deviceOf,
    pointOf,
  };
}

const isNumber = (name: PointName | null): boolean => name !== null && name.quantity !== 'state';

/** The stored integer, or null where the value is beyond what an integer holds exactly. */
function scaled(value: number, perUnit: number): number | null {
  const whole = Math.round(value * perUnit);
  return Number.isSafeInteger(whole) ? whole : null;
}
