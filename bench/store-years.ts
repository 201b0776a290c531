// A database of ten full years, and what it costs to ask it something.

import Database from 'better-sqlite3';
import {openReader} from '../src/store/queries.ts';
import {DAY_S, START_MS, ZONE} from './store-world.ts';

const YEARS = 10;
/** Points with quarter hours over all years; a house has more, and each has its own place in the index. */
export const LONG_POINTS = 20;

/** Ten years of ledger and roll-ups and a month of raw rows, multiplied inside the database from the day that is in it. */
export function fill(file: string): void {
  const db = new Database(file);
  db.pragma('journal_mode = OFF');
  db.pragma('synchronous = OFF');
  const slots = YEARS * 365 * 96;
  const first = Math.floor(START_MS / 900_000) - slots;
  db.exec(`
    BEGIN;
    CREATE TEMP TABLE n AS WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < ${slots - 1}) SELECT i FROM n;
    INSERT OR IGNORE INTO wl_slot SELECT ${first} + i, strftime('%Y-%m-%dT%H:%M:%SZ', (${first} + i) * 900, 'unixepoch'), strftime('%Y-%m-%d', (${first} + i) * 900, 'unixepoch', '+1 hour'), 1, 'ok', NULL, NULL FROM n;
    INSERT OR IGNORE INTO wl_cell SELECT ${first} + i, p.id, c.id, 1000 + (i * 31 + c.id * 977) % 200000 FROM n, wl_policy p, wl_cell_name c WHERE p.id < 3;
    INSERT OR IGNORE INTO wl_total SELECT ${first} + i, t.id, 1000 + i % 900, 1000 + i % 900, i, NULL FROM n, wl_total_name t;
    INSERT OR IGNORE INTO wl_day SELECT c.policy, s.day, c.cell, sum(c.energy_mwh) FROM wl_slot s CROSS JOIN wl_cell c ON c.slot = s.slot WHERE s.slot < ${first + slots} GROUP BY 1, 2, 3;
    INSERT OR IGNORE INTO wl_total_day SELECT s.day, t.name, sum(t.energy_mwh), sum(t.raw_mwh) FROM wl_slot s CROSS JOIN wl_total t ON t.slot = s.slot WHERE s.slot < ${first + slots} GROUP BY 1, 2;
    INSERT OR IGNORE INTO wl_point_15m SELECT p.id, ${first} + i, 180, 1000 + i % 700, i % 500, 2000 + i % 900, i % 1000 FROM (SELECT id FROM wl_point LIMIT ${LONG_POINTS}) p, n;
    INSERT OR IGNORE INTO wl_point_day SELECT p.id, d.day, 17280, 1000, 1, 2000, 3 FROM wl_point p, (SELECT DISTINCT day FROM wl_slot) d;
    COMMIT;`);
  for (const {raw} of db.prepare('SELECT raw FROM wl_device').all() as {raw: string}[]) {
    const columns = (db.prepare(`SELECT name FROM pragma_table_info('${raw}')`).pluck().all() as string[]).filter(name => name !== 'ts');
    const list = columns.map(name => `"${name}"`).join(', ');
    for (let day = 1; day < 30; day++)
      db.exec(
        `INSERT OR IGNORE INTO "${raw}" (ts, ${list}) SELECT ts - ${day * DAY_S}, ${list} FROM "${raw}" WHERE ts > ${START_MS / 1000}`,
      );
  }
  db.exec('ANALYZE');
  db.close();
}

export function questions(file: string, line: (name: string, value: string, note?: string) => void): void {
  const reader = openReader(file);
  const day = 86_400_000;
  const timed = (name: string, ask: () => readonly unknown[]): void => {
    const took: number[] = [];
    let rows = 0;
    for (let round = 0; round < 7; round++) {
      const began = performance.now();
      rows = ask().length;
      took.push(performance.now() - began);
    }
    took.sort((a, b) => a - b);
    line(name, `${took[3]?.toFixed(1)} ms`, `${rows} rows, aim 50 ms`);
  };
  timed(
    'a raw day of one point',
    () => reader.points({device: 'device0', point: 'grid.power_w', fromMs: START_MS, toMs: START_MS + day, maxPoints: 1500}).rows,
  );
  const flows = {policy: 'solar-first', zone: ZONE} as const;
  timed('a month by the quarter hour', () => reader.flows({...flows, fromMs: START_MS - 30 * day, toMs: START_MS, step: '15m'}));
  timed('a year by day', () => reader.flows({...flows, fromMs: START_MS - 365 * day, toMs: START_MS, step: '1d'}));
  timed('ten years by month', () => reader.flows({...flows, fromMs: START_MS - 3650 * day, toMs: START_MS, step: '1mo'}));
  timed(
    'a year of one point by day',
    () => reader.points({device: 'device0', point: 'inverter.power_w', fromMs: START_MS - 365 * day, toMs: START_MS, maxPoints: 400}).rows,
  );
  reader.close();
}
