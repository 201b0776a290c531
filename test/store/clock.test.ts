// A clock that is wrong, is set, or jumps: rows and events get the time they happened at, and housekeeping stays what it costs.

import Database from 'better-sqlite3';
import {expect, test} from 'vitest';
import {createBatch} from '../../src/store/batch.ts';
import {createWriter} from '../../src/store/writer.ts';
import {type Bench, bench, never, ZONE} from './harness.ts';
import {good, markEvent, record, SLOT_MS, START_MS, silent} from './house.ts';

const rows = (place: Bench, sql: string): unknown[] => {
  const db = new Database(place.file, {readonly: true});
  try {
    return db.prepare(sql).raw().all();
  } finally {
    db.close();
  }
};
/** A poll at `monoS` seconds of a run whose clock shows 1970 plus `aheadS` until it is set to the true time. */
const poll = (monoS: number, clock: {trusted: boolean; aheadS?: number}) => ({
  ...record(0, 0, {
    readings: [
      good('meter', 'grid.power_w', 100 + monoS),
      monoS < 10 ? good('meter', 'inverter.state', 'asleep') : silent('meter', 'inverter.state'),
    ],
    events: [markEvent(monoS * 1000, `${monoS}`)],
    flowState: '{}',
  }),
  tick: {seq: 0, monoMs: monoS * 1000, wallMs: clock.trusted ? START_MS + monoS * 1000 : ((clock.aheadS ?? 0) + monoS) * 1000},
  clockTrusted: clock.trusted,
});

test('rows, texts and events from before the clock is set get their time when it is', async () => {
  const place = bench();
  const store = place.open();
  await store.start();
  const early = [poll(1, {trusted: false}), poll(5, {trusted: false}), poll(9, {trusted: false, aheadS: 40_000})];
  for (const one of early) await store.write([one], never);
  await store.backup(`${place.file}.early`);
  const tables = new Database(`${place.file}.early`, {readonly: true});
  expect(tables.prepare("SELECT count(*) FROM sqlite_schema WHERE name = 'meter'").pluck().get()).toBe(0);
  tables.close();
  await store.write([poll(12, {trusted: true})], never);
  await store.close(never);
  const at = (monoS: number): number => START_MS / 1000 + monoS;
  expect(rows(place, 'SELECT ts, grid_power_w FROM meter ORDER BY ts')).toEqual([1, 5, 9, 12].map(monoS => [at(monoS), 100 + monoS]));
  expect(rows(place, 'SELECT ts, value FROM wl_state ORDER BY ts')).toEqual([
    [at(1), 'asleep'],
    [at(12), null],
  ]);
  expect(rows(place, "SELECT at_ms, detail FROM wl_event WHERE kind = 'mark' ORDER BY at_ms")).toEqual(
    [1, 5, 9, 12].map(monoS => [at(monoS) * 1000, `${monoS}`]),
  );
});

test('a clock that is never set: rows are dropped in words, none gets a date it did not have', async () => {
  const place = bench();
  const store = place.open();
  await store.start();
  for (const monoS of [1, 5, 9]) await store.write([poll(monoS, {trusted: false})], never);
  await store.close(never);
  expect(rows(place, "SELECT count(*) FROM sqlite_schema WHERE name = 'meter'")).toEqual([[0]]);
  expect(rows(place, "SELECT evidence FROM events WHERE kind = 'rows-undated'")).toEqual([['{"rows":3}']]);
});

test('rows without a time count against the memory there is', () => {
  const batch = createBatch(2);
  for (const monoS of [1, 5, 9]) batch.add(poll(monoS, {trusted: false}));
  expect([batch.dropped, batch.giveUpUndated()]).toEqual([1, 2]);
});

test('after a clock that ran a month ahead and was set back, the running quarter hour is rolled up once, not with every commit', () => {
  const place = bench();
  const writer = createWriter({path: place.file, zone: ZONE, efficiencyPpm: null, rawDays: 3650, archive: false, history: true}, () => {});
  writer.start(START_MS);
  let rolledUp = 0;
  const commit = (wallMs: number): void => {
    const batch = createBatch(1000);
    batch.add(record(0, wallMs, {readings: [good('meter', 'grid.power_w', 1)]}));
    writer.commit(batch.take() as NonNullable<ReturnType<typeof batch.take>>);
    while (writer.upkeep(wallMs)) rolledUp++;
  };
  commit(START_MS);
  const ahead = START_MS + 30 * 96 * SLOT_MS;
  commit(ahead);
  for (let minute = 1; minute < 15; minute++) commit(START_MS + minute * 60_000);
  // Once for each jump: what it left behind is complete.
  expect(rolledUp).toBe(2);
  commit(START_MS + SLOT_MS * 5);
  writer.close();
  expect(rows(place, 'SELECT slot_start_utc, n FROM point_15m')).toEqual([
    ['2026-03-28T22:00:00Z', 15],
    ['2026-03-28T23:15:00Z', 1],
    ['2026-04-27T22:00:00Z', 1],
  ]);
  // Told to the broker once, and never before it is over.
  expect(rows(place, 'SELECT key FROM wl_outbox ORDER BY 1')).toEqual(
    [`meter/${ahead / SLOT_MS}`, `meter/${START_MS / SLOT_MS}`].sort().map(key => [key]),
  );
});
