// History changed on purpose: every change has its record, sums stay exact, and what was published never goes down.

import {gunzipSync} from 'node:zlib';
import Database from 'better-sqlite3';
import {describe, expect, test} from 'vitest';
import {createFlow} from '../../src/core/flow/advance.ts';
import {type LedgerCorrection, takeCorrection} from '../../src/core/flow/corrections.ts';
import {newSums} from '../../src/core/flow/state.ts';
import type {TickRecord} from '../../src/core/sink.ts';
import {createBatch} from '../../src/store/batch.ts';
import {correct, openForChange, recompute} from '../../src/store/correction.ts';
import {readState} from '../../src/store/meta.ts';
import {openReader} from '../../src/store/queries.ts';
import {rescale} from '../../src/store/rescale.ts';
import {createWriter} from '../../src/store/writer.ts';
import {siteOf} from '../pipeline/house.ts';
import {run} from '../support/cli.ts';
import {type Bench, bench, never, ZONE} from './harness.ts';
import {cell, good, record, SLOT_MS, START_MS, slot, total} from './house.ts';

const SLOTS = 12;
const audit = {who: 'ann', why: 'the meter was read by hand', what: 'a test', atMs: START_MS + 1_000_000_000};

async function stored(records: readonly TickRecord[]): Promise<Bench> {
  const place = bench();
  const store = place.open();
  await store.start();
  await store.write(records, never);
  await store.close(never);
  return place;
}
const quarters = (): TickRecord[] =>
  Array.from({length: SLOTS}, (_, n) =>
    record(n, START_MS + n * SLOT_MS, {
      slots: [slot(START_MS + n * SLOT_MS, n)],
      readings: [good('meter', 'grid.power_w', 1000 + n), good('meter', 'grid.voltage_l1_v', 230)],
      energy: {grid_import_kwh: 1 + n},
      flowState: '{}',
    }),
  );
const all = (file: string, sql: string): unknown[][] => {
  const db = new Database(file, {readonly: true});
  try {
    return db.prepare(sql).raw().all() as unknown[][];
  } finally {
    db.close();
  }
};

describe('correct', () => {
  test('the range has its new total to the mWh, cells and days agree, and each change is on record', async () => {
    const place = await stored(quarters());
    const db = openForChange(place.file);
    const changes = correct(db, {total: 'grid_import', fromMs: START_MS, toMs: START_MS + 5 * SLOT_MS, energyMilliWh: 77_777}, audit);
    expect(changes.reduce((sum, one) => sum + one.after, 0)).toBe(77_777);
    expect(changes.map(one => one.before)).toEqual([3000, 3001, 3002, 3003, 3004]);
    expect(readState(db).energy).toEqual({grid_import_kwh: SLOTS});
    db.close();
    const [sums] = all(
      place.file,
      `SELECT (SELECT sum(energy_mwh) FROM energy_15m WHERE policy = 'solar-first' AND source = 'grid'),
(SELECT sum(energy_mwh) FROM energy_day WHERE policy = 'solar-first' AND source = 'grid'),
(SELECT sum(energy_mwh) FROM totals_15m WHERE name = 'grid_import')`,
    );
    const untouched = Array.from({length: SLOTS - 5}, (_, n) => 3005 + n).reduce((a, b) => a + b, 0);
    expect(sums).toEqual([77_777 + untouched, 77_777 + untouched, 77_777 + untouched]);
    const rows = all(place.file, 'SELECT who, why, before, after FROM corrections ORDER BY 1, 3');
    expect(rows.length).toBe(5);
    // Every figure of the slot before and after: enough to put it back.
    const [who, why, before, after] = rows[0] as [string, string, string, string];
    expect([who, why]).toEqual(['ann', audit.why]);
    const change = (changes[0]?.after ?? 0) - 3000;
    expect(JSON.parse(before)).toMatchObject({
      grid_import: 3000,
      home: 103_700,
      cells: {'solar-first': {'grid direct grid home': 3000, 'solar direct solar home': 100_000}},
    });
    expect(JSON.parse(after)).toMatchObject({
      grid_import: 3000 + change,
      home: 103_700 + change,
      cells: {'solar-first': {'grid direct grid home': 3000 + change, 'solar direct solar home': 100_000}},
    });
    expect(all(place.file, "SELECT about, evidence FROM events WHERE kind = 'corrected'")).toEqual([
      ['grid_import', '{"quarter_hours":5,"before_mwh":15010,"after_mwh":77777}'],
    ]);
    expect((await run(['correct', '--db', place.file, '--list'])).stdout).toContain('5 quarter hours');
  });

  test.each([
    ['grid_import', 5000],
    ['grid_import', 0],
    ['solar', 90_000],
    ['solar', 300_000],
    ['battery_charge', 1],
    ['battery_charge', 60_000],
    ['battery_discharge', 9_000],
    ['battery_discharge', 1],
    ['grid_export', 50_000],
  ] as const)('%s becomes %i: home takes the difference, every other source and sink keeps what it had', async (name, energyMilliWh) => {
    const place = await stored([record(0, START_MS, {slots: [slot(START_MS, 0)]})]);
    const margins = (): Record<string, number> =>
      Object.fromEntries(
        all(
          place.file,
          `SELECT policy || ' from ' || source, sum(energy_mwh) FROM energy_15m GROUP BY 1
UNION ALL SELECT policy || ' to ' || sink, sum(energy_mwh) FROM energy_15m GROUP BY 1`,
        ) as [string, number][],
      );
    const margin = {
      grid_import: 'from grid',
      grid_export: 'to grid',
      solar: 'from solar',
      battery_charge: 'to battery',
      battery_discharge: 'from battery',
    }[name];
    const before = margins();
    const db = openForChange(place.file);
    correct(db, {total: name, fromMs: START_MS, toMs: START_MS + SLOT_MS, energyMilliWh}, audit);
    db.close();
    const after = margins();
    for (const policy of ['solar-first', 'proportional']) {
      const key = `${policy} ${margin}`;
      expect(after[key] ?? 0).toBe(energyMilliWh);
      const change = (energyMilliWh - (before[key] ?? 0)) * (margin.startsWith('from') ? 1 : -1);
      expect(after[`${policy} to home`]).toBe((before[`${policy} to home`] ?? 0) + change);
      for (const other of Object.keys({...before, ...after}))
        if (other.startsWith(policy) && other !== key && !other.endsWith('to home'))
          expect([other, after[other]]).toEqual([other, before[other]]);
    }
  });

  test('more than the home could give up is refused, and nothing is changed', async () => {
    const place = await stored([record(0, START_MS, {slots: [slot(START_MS, 0)]})]);
    const db = openForChange(place.file);
    const wanted = {total: 'grid_export' as const, fromMs: START_MS, toMs: START_MS + SLOT_MS, energyMilliWh: 200_000};
    expect(() => correct(db, wanted, audit)).toThrow(/grid_export: cannot become 200 Wh/);
    expect(db.prepare('SELECT count(*) FROM wl_correction').pluck().get()).toBe(0);
    db.close();
  });

  test('nothing happens where there is nothing, or where the quarter hour still runs', async () => {
    const place = await stored([
      ...quarters(),
      record(99, START_MS + SLOTS * SLOT_MS, {slots: [slot(START_MS + SLOTS * SLOT_MS, 1, {closed: false})]}),
    ]);
    const db = openForChange(place.file);
    const wanted = (from: number, to: number) => ({
      total: 'solar' as const,
      fromMs: START_MS + from * SLOT_MS,
      toMs: START_MS + to * SLOT_MS,
      energyMilliWh: 1,
    });
    expect(() => correct(db, wanted(500, 501), audit)).toThrow(/no quarter hour/);
    expect(() => correct(db, wanted(0, SLOTS + 1), audit)).toThrow(/still running/);
    expect(db.prepare('SELECT count(*) FROM wl_correction').pluck().get()).toBe(0);
    db.close();
  });
});

test('what would take more than a home has goes to quarter hours with room; where there is none it says so and changes nothing', async () => {
  const night = slot(START_MS, 0, {
    cells: {
      'solar-first': [
        cell('grid', 'direct', 'grid', 'battery', 1_000_000, 'imported'),
        cell('grid', 'direct', 'grid', 'home', 10_000, 'imported'),
      ],
    },
    totals: [total('grid_import', 1_010_000), total('battery_charge', 1_000_000), total('home', 10_000)],
  });
  const day = slot(START_MS + SLOT_MS, 0, {
    cells: {'solar-first': [cell('grid', 'direct', 'grid', 'home', 1_000_000, 'imported')]},
    totals: [total('grid_import', 1_000_000), total('home', 1_000_000)],
  });
  const place = await stored([record(0, START_MS, {slots: [night, day]})]);
  const db = openForChange(place.file);
  const to = (energyMilliWh: number) =>
    correct(db, {total: 'grid_import', fromMs: START_MS, toMs: START_MS + 2 * SLOT_MS, energyMilliWh}, audit);
  expect(() => to(999_999)).toThrow(/home would be left with -0\.001 Wh/);
  expect(to(1_910_000).map(one => one.after)).toEqual([1_000_000, 910_000]);
  expect(to(1_000_000).map(one => one.after)).toEqual([0]);
  db.close();
});

describe('what a correction means for the published sums', () => {
  const wanted = {total: 'grid_import' as const, fromMs: START_MS, toMs: START_MS + 2 * SLOT_MS, energyMilliWh: 7_001};
  const change = (place: Bench): void => {
    const db = openForChange(place.file);
    correct(db, wanted, audit);
    db.close();
  };
  const sumOf = (corrections: readonly LedgerCorrection[]): number =>
    corrections.reduce((sum, {totals}) => sum + (totals['grid_import'] ?? 0), 0);

  test('the running daemon is told once, and again after a restart until its state knows of it', async () => {
    const place = await stored(quarters());
    const running = place.open();
    await running.start();
    expect(running.takeCorrections()).toEqual([]);
    change(place);
    await running.write([record(50, START_MS + SLOTS * SLOT_MS, {flowState: '{"n":50}'})], never);
    await running.backup(`${place.file}.1`); // commits
    const told = running.takeCorrections();
    expect(sumOf(told)).toBe(1000);
    expect(told[0]).toMatchObject({day: '2026-03-28', cells: {'solar-first': {'grid|direct|grid|home': expect.any(Number)}}});
    expect(running.takeCorrections()).toEqual([]);
    // The state that was stored knows nothing of it yet.
    await running.close(never);
    const again = place.open();
    await again.start();
    expect(again.takeCorrections()).toEqual(told);
    await again.write([record(51, START_MS + SLOTS * SLOT_MS + 1000, {flowState: '{"n":51}'})], never);
    await again.close(never);
    const last = place.open();
    await last.start();
    expect(last.takeCorrections()).toEqual([]);
  });

  test('the sums of the lifetime and of its day take it; a day that is over has no sums', () => {
    const site = siteOf();
    const state = createFlow(site, 'boot');
    state.lifetime.totals['grid_import'] = 10_000;
    state.day = {day: '2026-03-28', sums: newSums()};
    const one = {seq: 1, cells: {[site.flows.policy]: {'grid|direct|grid|home': -400}}, totals: {grid_import: -400}};
    takeCorrection(site, state, {...one, day: '2026-03-27'});
    takeCorrection(site, state, {...one, seq: 2, day: '2026-03-28'});
    expect(state.lifetime).toMatchObject({totals: {grid_import: 9200}, cells: {'grid|direct|grid|home': -800}});
    expect(state.day.sums).toMatchObject({totals: {grid_import: -400}, cells: {'grid|direct|grid|home': -400}});
  });
});

test('a quarter hour of a silence that was corrected meanwhile: what the device tells later finds what came from nowhere where it is now', async () => {
  const nowhere = (sink: string, energyMilliWh: number) => cell('unexplained', 'direct', 'unexplained', sink, energyMilliWh, 'unexplained');
  const sun = (sink: string, energyMilliWh: number) =>
    cell('solar', 'direct', 'solar', sink, energyMilliWh, sink === 'grid' ? 'exported' : 'btm_consumed');
  const whileSilent = slot(START_MS, 0, {
    cells: {'solar-first': [nowhere('home', 250_000), nowhere('grid', 500_000), cell('grid', 'direct', 'grid', 'home', 7000, 'imported')]},
    totals: [total('grid_import', 7000), total('grid_export', 500_000), total('home', 257_000)],
  });
  const place = await stored([record(0, START_MS, {slots: [whileSilent]})]);
  const db = openForChange(place.file);
  correct(db, {total: 'grid_export', fromMs: START_MS, toMs: START_MS + SLOT_MS, energyMilliWh: 100_000}, audit);
  db.close();
  const store = place.open();
  await store.start();
  const told = slot(START_MS, 0, {
    cells: {'solar-first': [nowhere('home', -250_000), sun('home', 250_000), nowhere('grid', -500_000), sun('grid', 500_000)]},
    totals: [total('solar', 750_000)],
    adds: true,
  });
  await store.write([record(1, START_MS + SLOT_MS, {slots: [told]})], never);
  await store.close(never);
  expect(all(place.file, 'SELECT source, sink, label, energy_mwh FROM energy_15m ORDER BY 1, 2')).toEqual([
    ['grid', 'home', 'imported', 7000],
    ['solar', 'grid', 'exported', 100_000],
    ['solar', 'home', 'btm_consumed', 650_000],
  ]);
  expect(all(place.file, 'SELECT name, energy_mwh FROM totals_15m ORDER BY 1')).toEqual([
    ['grid_export', 100_000],
    ['grid_import', 7000],
    ['home', 657_000],
    ['solar', 750_000],
  ]);
});

describe('recompute', () => {
  test('figures that were spoilt are made again from raw values, on record', async () => {
    const place = await stored(quarters());
    const good15 = all(place.file, 'SELECT * FROM point_15m ORDER BY 1, 2, 3');
    const goodDays = all(place.file, 'SELECT * FROM energy_day ORDER BY 1, 2, 3, 4, 5, 6');
    const db = openForChange(place.file);
    db.exec('UPDATE wl_point_15m SET avg = avg + 5; UPDATE wl_day SET energy_mwh = energy_mwh + 1');
    expect(all(place.file, 'SELECT * FROM point_15m ORDER BY 1, 2, 3')).not.toEqual(good15);
    recompute(db, START_MS, START_MS + SLOTS * SLOT_MS, audit);
    db.close();
    expect(all(place.file, 'SELECT * FROM point_15m ORDER BY 1, 2, 3')).toEqual(good15);
    expect(all(place.file, 'SELECT * FROM energy_day ORDER BY 1, 2, 3, 4, 5, 6')).toEqual(goodDays);
    expect(all(place.file, 'SELECT who, before <> after FROM corrections')).toEqual([['ann', 1]]);
  });

  test('a point whose profile had tenths for units: its values of that time only, its quarter hours, an event and a record', async () => {
    const place = await stored(quarters());
    const args = ['recompute', '--db', place.file, '--point', 'meter/grid.power_w', '--factor', '0.1', '--why', 'profile mended'];
    const range = ['--from', new Date(START_MS).toISOString(), '--to', new Date(START_MS + 4 * SLOT_MS).toISOString()];
    const done = await run([...args, ...range]);
    expect(done).toMatchObject({code: 0, stderr: ''});
    expect(done.stdout).toContain('4 raw values');
    expect(all(place.file, 'SELECT grid_power_w, grid_voltage_l1_v FROM meter ORDER BY ts LIMIT 5')).toEqual([
      [100, 230],
      [100.1, 230],
      [100.2, 230],
      [100.3, 230],
      [1004, 230],
    ]);
    expect(all(place.file, "SELECT avg FROM point_15m WHERE point = 'grid.power_w' ORDER BY slot_start_utc LIMIT 5").flat()).toEqual([
      100, 100.1, 100.2, 100.3, 1004,
    ]);
    expect(all(place.file, "SELECT about FROM events WHERE kind = 'rescaled'")).toEqual([['meter/grid.power_w']]);
    expect(all(place.file, 'SELECT why, before, after FROM corrections')).toEqual([
      ['profile mended', '{"n":4,"min":10000,"max":10030}', '{"n":4,"min":1000,"max":1003}'],
    ]);
  });

  test('a factor that destroys, a point that is none, a range without values: refused, nothing changed', async () => {
    const place = await stored(quarters());
    const db = openForChange(place.file);
    const wanted = {device: 'meter', point: 'grid.power_w', factor: 2, fromMs: START_MS, toMs: START_MS + SLOT_MS};
    for (const wrong of [
      {factor: 0},
      {factor: Number.NaN},
      {factor: 1e300},
      {point: 'grid.power'},
      {device: 'x"; DROP TABLE wl_slot'},
      {fromMs: 0, toMs: 1},
    ])
      expect(() => rescale(db, {...wanted, ...wrong}, audit)).toThrow();
    expect(db.prepare('SELECT count(*) FROM wl_correction').pluck().get()).toBe(0);
    expect(db.prepare('SELECT grid_power_w FROM meter ORDER BY ts LIMIT 1').pluck().get()).toBe(1000);
    db.close();
  });
});

test('a year of raw days comes and goes: the newest stay, and the file uses the freed pages again', () => {
  const place = bench();
  const KEEP = 10;
  const writer = createWriter(
    {path: place.file, zone: ZONE, efficiencyPpm: null, rawDays: KEEP, quarterDays: 30, archive: true, history: false},
    () => {},
  );
  const batch = createBatch(100_000);
  writer.start(START_MS);
  const pages = (): number =>
    all(
      place.file,
      "SELECT (SELECT count(*) FROM dbstat WHERE name = 'wl_raw_meter') + (SELECT * FROM pragma_freelist_count())",
    )[0]?.[0] as number;
  let early = 0;
  for (let day = 0; day < 365; day++) {
    for (let n = 0; n < 96; n += 4) {
      const wallMs = START_MS + day * 86_400_000 + n * SLOT_MS;
      batch.add(record(n, wallMs, {readings: [good('meter', 'grid.power_w', (n * day) % 5000)], slots: [slot(wallMs, n)]}));
    }
    const data = batch.take();
    if (data) writer.commit(data);
    while (writer.upkeep(START_MS + day * 86_400_000));
    if (day === 3 * KEEP) early = pages();
  }
  expect(pages()).toBeLessThanOrEqual(early + 4);
  writer.close();
  const reader = openReader(place.file);
  const rows = reader.rawAround({device: 'meter', fromMs: 0, toMs: Number.MAX_SAFE_INTEGER, limit: 10_000});
  expect(new Set(rows.map(row => Math.floor(row.atMs / 86_400_000))).size).toBe(KEEP);
  expect(reader.coverage({fromMs: 0, toMs: Number.MAX_SAFE_INTEGER})).toBe(365 * 24);
  reader.close();
  // 30 days of the ledger, which has 24 slots a day here, and what is left of the day at the border; all days stay.
  const kept = all(place.file, 'SELECT count(*), (SELECT count(*) FROM point_day) FROM point_15m')[0] as [number, number];
  expect(kept[0]).toBeGreaterThanOrEqual(30 * 96);
  expect(kept[0]).toBeLessThan(31 * 96);
  expect(kept[1]).toBe(366);
  // UTC days begin two hours after the first one here: there is one more of them than rounds.
  const archived = all(place.file, 'SELECT day, row_count, csv_gz FROM wl_archive ORDER BY day') as [string, number, Buffer][];
  expect(archived.length).toBe(366 - KEEP);
  for (const [day, rowCount, csv] of archived) {
    const lines = gunzipSync(csv).toString().trimEnd().split('\n');
    expect(lines[0]).toBe('ts,utc,grid_power_w');
    expect(lines.length - 1).toBe(rowCount);
    expect(lines.slice(1).every(line => line.split(',')[1]?.startsWith(day))).toBe(true);
  }
  expect(archived.reduce((sum, [, rowCount]) => sum + rowCount, rows.length)).toBe(365 * 24);
});
