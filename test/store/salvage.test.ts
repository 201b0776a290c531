// What is taken over from a damaged file: everything that can still be read, once, however often the rescue is cut short.

import {copyFileSync, readdirSync, statSync, truncateSync} from 'node:fs';
import path from 'node:path';
import Database from 'better-sqlite3';
import {expect, test} from 'vitest';
import {createWriter} from '../../src/store/writer.ts';
import {type Bench, bench, never, until, ZONE} from './harness.ts';
import {cell, good, markEvent, record, SLOT_MS, START_MS, slot, total} from './house.ts';
import {overwrite} from './overwrite.ts';

const SLOTS = 400;
const DAY_ROWS = `SELECT day, policy, sum(energy_mwh) FROM energy_day GROUP BY 1, 2 ORDER BY 1, 2`;

/** Two policies that divide the same energy. */
function whole(n: number): ReturnType<typeof slot> {
  const cells = [
    cell('solar', 'direct', 'solar', 'home', 1000 + n, 'btm_consumed'),
    cell('grid', 'direct', 'grid', 'home', 500, 'imported'),
  ];
  return slot(START_MS + n * SLOT_MS, n, {
    cells: {'solar-first': cells, proportional: cells},
    totals: [total('solar', 1000 + n), total('grid_import', 500), total('home', 1500 + n)],
  });
}

/** A file with something in every table that holds facts. */
async function filled(place: Bench): Promise<void> {
  const store = place.open({bufferRows: 1_000_000, history: true, rawDays: 1, archive: true});
  await store.start();
  for (let n = 0; n < SLOTS; n++) {
    await store.write(
      [
        record(n, START_MS + n * SLOT_MS, {
          readings: [good('meter', 'grid.power_w', n), good('events', 'pv.power_w', 2 * n), good('meter', 'inverter.state', `s${n % 5}`)],
          slots: [whole(n)],
          events: n % 50 === 0 ? [markEvent(n * 2000, `slot ${n}`)] : [],
          flowState: `{"n":${n}}`,
          energy: {grid_import_kwh: n},
        }),
      ],
      never,
    );
  }
  const undated = {...whole(1), slot: {kind: 'undated' as const, bootId: 'other', startMonoMs: 0, endMonoMs: 900_000}};
  await store.write([record(SLOTS, START_MS + SLOTS * SLOT_MS, {slots: [undated], flowState: `{"n":${SLOTS - 1}}`})], never);
  await store.putPrices('spot', [{startMs: START_MS, micro: 300_000}]);
  await store.close(never);
  const db = new Database(place.file);
  db.exec("INSERT INTO wl_bill VALUES (1, '2026-03', '2026-03-01', '2026-04-01', 7, 'EUR', '12', '{}')");
  db.exec("INSERT INTO wl_correction VALUES (1, 7, 'me', 'why', 'what', NULL, '1', '2')");
  db.close();
}

const rows = (file: string, sql: string): unknown[] => {
  const db = new Database(file, {readonly: true});
  try {
    return db.prepare(sql).raw().all();
  } finally {
    db.close();
  }
};
const TABLES = ['wl_slot', 'wl_cell', 'wl_total', 'wl_undated', 'wl_undated_cell', 'wl_price', 'wl_bill', 'wl_correction', 'wl_archive'];
const counts = (file: string): unknown[] => [
  ...TABLES.map(table => [table, rows(file, `SELECT count(*) FROM ${table}`)]),
  ...["wl_event WHERE kind = 'mark'", 'wl_outbox', 'meter', 'events_device', 'wl_state', 'wl_point_15m', 'wl_point_day'].map(table => [
    table,
    rows(file, `SELECT count(*) FROM ${table}`),
  ]),
];

/** Opens the file anew until the rescue has said its last word. Returns that. */
async function rescued(place: Bench): Promise<string> {
  const store = place.open({commitEveryMs: 30, history: true, rawDays: 1000});
  await store.start();
  const events = await until(
    async () => {
      await store.write([record(0, START_MS + 1_000_000 * SLOT_MS, {flowState: '{}'})], never);
      return store.query('events', {fromMs: 0, toMs: Number.MAX_SAFE_INTEGER, limit: 100}).catch(() => []);
    },
    list => list.some(event => event.kind === 'store-salvaged'),
  );
  await store.close(never);
  return events.find(event => event.kind === 'store-salvaged')?.detail ?? '';
}

test('a bad page among the texts of the views: everything is taken over', async () => {
  const place = bench();
  await filled(place);
  const before = counts(place.file);
  const days = rows(place.file, DAY_ROWS);
  const db = new Database(place.file, {readonly: true});
  const last = db
    .prepare("SELECT pageno FROM dbstat WHERE name = 'sqlite_schema' AND pagetype = 'leaf' ORDER BY path DESC LIMIT 1")
    .pluck()
    .get();
  db.close();
  overwrite(place.file, (Number(last) - 1) * 4096, Buffer.alloc(4096, 0xa5));
  expect(await rescued(place)).toContain(`${SLOTS} quarter hours`);
  expect(counts(place.file)).toEqual(before);
  expect(rows(place.file, DAY_ROWS)).toEqual(days);
});

test('a file whose end is missing: what stands before the cut is taken over', async () => {
  const place = bench();
  await filled(place);
  truncateSync(place.file, Math.floor((statSync(place.file).size * 0.8) / 4096) * 4096);
  await rescued(place);
  expect(rows(place.file, 'SELECT count(*) > 50 FROM wl_slot')).toEqual([[1]]);
  // No slot is shown as whole of which cells are missing.
  const wrong = `SELECT slot_start_utc FROM totals_15m t WHERE name = 'home' AND quality = 'ok'
AND (SELECT quality FROM wl_slot s WHERE s.start_utc = t.slot_start_utc) = 'ok'
AND energy_mwh <> (SELECT coalesce(sum(energy_mwh), 0) FROM energy_15m e WHERE e.slot_start_utc = t.slot_start_utc AND policy = 'proportional')`;
  expect(rows(place.file, wrong)).toEqual([]);
});

test('a rescue cut short at any moment is finished by the next start, and nothing is there twice', async () => {
  const place = bench();
  await filled(place);
  const before = counts(place.file);
  const aside = path.join(place.folder, 'aside.db');
  copyFileSync(place.file, aside);
  for (const steps of [1, 4, 7, 11, 16]) {
    copyFileSync(aside, place.file);
    const writer = createWriter(
      {path: place.file, zone: ZONE, efficiencyPpm: null, rawDays: 1000, archive: false, history: true},
      () => {},
    );
    writer.start(START_MS);
    writer.setAside('told so by the test', START_MS);
    for (let step = 0; step < steps; step++) writer.upkeep(START_MS);
    writer.close();
    expect(readdirSync(place.folder).some(name => name.includes('.corrupt-'))).toBe(true);
    await rescued(place);
    expect(counts(place.file)).toEqual(before);
  }
});
