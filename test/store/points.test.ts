// Measured values in the store: rows as they were polled, quarter hours and days made from them, and when each leaves.

import Database from 'better-sqlite3';
import {describe, expect, test} from 'vitest';
import type {TickRecord} from '../../src/core/sink.ts';
import {openReader} from '../../src/store/queries.ts';
import {type Bench, bench, never, stored, until, ZONE} from './harness.ts';
import {good, record, SLOT_MS, START_MS, silent, slot} from './house.ts';

/** What is stored of texts: the beat and the text, or null from where it could not be read. */
function stateRows(place: Bench): (readonly [number, string | null])[] {
  const db = new Database(place.file, {readonly: true});
  const rows = db.prepare('SELECT ts, value FROM wl_state ORDER BY ts').raw().all() as [number, string | null][];
  db.close();
  return rows.map(([ts, value]) => [(ts * 1000 - START_MS) / 2000, value]);
}

describe('raw values', () => {
  test('several ticks in one second: the last value of each point stands', async () => {
    const place = bench();
    await stored(place, [
      record(0, START_MS, {readings: [good('meter', 'grid.power_w', 1), good('meter', 'grid.frequency_hz', 50.012)]}),
      record(1, START_MS + 400, {readings: [good('meter', 'grid.power_w', 2.25)]}),
    ]);
    const reader = openReader(place.file);
    expect(reader.latestRaw('meter')?.values).toEqual({'grid.power_w': 2.3, 'grid.frequency_hz': 50.012});
    reader.close();
  });

  test('polls a second apart have a row each, however long each of them took', async () => {
    const place = bench();
    const late = [3, 998, 10, 700, 999, 0];
    await stored(
      place,
      late.map((lateMs, n) => {
        const wallMs = START_MS + 400 + n * 1000 + lateMs;
        return {
          ...record(n, wallMs, {readings: [good('meter', 'grid.power_w', n)]}),
          tick: {seq: n, monoMs: n * 1000 + lateMs, wallMs, lateMs},
        };
      }),
    );
    const reader = openReader(place.file);
    const rows = reader.rawAround({device: 'meter', fromMs: 0, toMs: Number.MAX_SAFE_INTEGER, limit: 100});
    expect(rows.map(row => [row.atMs - START_MS, row.values['grid.power_w']])).toEqual(late.map((_, n) => [n * 1000, n]));
    reader.close();
  });

  test('a clock that was set back does not overwrite what was measured first', async () => {
    const place = bench();
    await stored(place, [record(0, START_MS, {readings: [good('meter', 'grid.power_w', 100)]})]);
    await stored(place, [
      record(0, START_MS, {readings: [good('meter', 'grid.power_w', 200), good('meter', 'grid.voltage_l1_v', 230.11)]}),
    ]);
    const reader = openReader(place.file);
    expect(reader.latestRaw('meter')?.values).toEqual({'grid.power_w': 100, 'grid.voltage_l1_v': 230.11});
    reader.close();
  });

  test('texts are stored when they change, and end where they can no longer be read', async () => {
    const place = bench();
    const tick = (n: number, state: string | null): TickRecord =>
      record(n, START_MS + n * 2000, {
        readings: [
          state === null ? silent('inv', 'inverter.state') : good('inv', 'inverter.state', state),
          good('inv', 'inverter.power_w', n),
        ],
      });
    await stored(place, [tick(0, 'waiting'), tick(1, 'waiting'), tick(2, 'running'), tick(3, null), tick(4, 'running')]);
    const reader = openReader(place.file);
    expect(
      reader.rawAround({device: 'inv', fromMs: START_MS, toMs: START_MS + 60_000, limit: 10}).map(row => row.values['inverter.state']),
    ).toEqual(['waiting', 'waiting', 'running', null, 'running']);
    reader.close();
    expect(stateRows(place)).toEqual([
      [0, 'waiting'],
      [2, 'running'],
      [3, null],
      [4, 'running'],
    ]);
  });

  test('a value that no integer holds, and a point that is no point, are left out without hurting the rest', async () => {
    const place = bench();
    await stored(place, [
      record(0, START_MS, {
        readings: [
          good('meter', 'grid.power_w', 1e300),
          good('meter', 'grid.frequency_hz', 50),
          good('meter', 'nonsense', 1),
          good('meter', 'grid.voltage_l1_v', Number.NaN),
        ],
      }),
    ]);
    const reader = openReader(place.file);
    expect(reader.latestRaw('meter')?.values).toEqual({'grid.power_w': null, 'grid.frequency_hz': 50});
    reader.close();
  });
});

describe('roll-ups', () => {
  /** A sample every ten seconds over five hours: 10·n W rising, so that every quarter hour differs. */
  const ticks = (hours: number, startMs = START_MS): TickRecord[] =>
    Array.from({length: hours * 360}, (_, n) =>
      record(n, startMs + n * 10_000, {
        readings: [good('meter', 'grid.power_w', n / 10), good('meter', 'grid.import_energy_wh', 1000 + n)],
      }),
    );

  test('quarter hours and days agree with the raw values they are made from', async () => {
    const place = bench();
    await stored(place, ticks(5));
    const reader = openReader(place.file);
    const quarters = [
      ...reader.eachSample({
        device: 'meter',
        point: 'grid.power_w',
        fromMs: START_MS,
        toMs: START_MS + 5 * 3_600_000,
        step: '15m',
        zone: ZONE,
      }),
    ];
    expect(quarters).toHaveLength(20);
    expect(quarters[3]).toEqual({
      device: 'meter',
      point: 'grid.power_w',
      unit: 'w',
      startMs: START_MS + 3 * SLOT_MS,
      n: 90,
      avg: 31.5,
      min: 27,
      max: 35.9,
      last: 35.9,
    });
    const days = [
      ...reader.eachSample({
        device: 'meter',
        point: 'grid.import_energy_wh',
        fromMs: START_MS,
        toMs: START_MS + 5 * 3_600_000,
        step: '1d',
        zone: ZONE,
      }),
    ];
    // 22:00 UTC is 23:00 in Berlin: one hour belongs to the 28th.
    expect(days.map(({startMs, n, min, last}) => [new Date(startMs).toISOString().slice(0, 10), n, min, last])).toEqual([
      ['2026-03-28', 360, 1000, 1359],
      ['2026-03-29', 1440, 1360, 2799],
    ]);
    reader.close();
  });

  test('a chart is the same whether its quarter hours are rolled up yet or not', async () => {
    const place = bench();
    const store = place.open();
    await store.start();
    await store.write([...ticks(3), record(1, START_MS, {flowState: '{}'})], never);
    await store.backup(`${place.file}.copy`); // commits
    const question = {
      device: 'meter',
      point: 'grid.power_w',
      fromMs: START_MS - 90 * 86_400_000,
      toMs: START_MS + 3 * 3_600_000,
      maxPoints: 1500,
    } as const;
    const before = await store.query('points', question);
    await store.close(never);
    const reader = openReader(place.file);
    const after = reader.points(question);
    expect(after.resolution).toBe('15m');
    expect(after.rows.reduce((sum, row) => sum + row.n, 0)).toBe(1080);
    expect(before).toEqual(after);
    reader.close();
  });

  test.each(['15m', '1h', '1d', '1mo'] as const)('an export by %s is the same whether it is rolled up yet or not', async step => {
    const place = bench();
    const store = place.open({bufferRows: 20_000});
    await store.start();
    // Across midnight and the end of a month, with days before that are rolled up already.
    await store.write([...ticks(30, START_MS + 2 * 86_400_000)], never);
    await store.close(never);
    const more = place.open({bufferRows: 20_000});
    await more.start();
    await more.write([...ticks(30, START_MS + 3 * 86_400_000 + 6 * 3_600_000), record(1, START_MS, {flowState: '{}'})], never);
    await more.backup(`${place.file}.copy`); // commits
    const copy = openReader(`${place.file}.copy`);
    const span = {device: 'meter', point: null, fromMs: START_MS, toMs: START_MS + 9 * 86_400_000, step, zone: ZONE};
    const before = [...copy.eachSample(span)];
    copy.close();
    await more.close(never);
    const reader = openReader(place.file);
    expect(before).toEqual([...reader.eachSample(span)]);
    expect(before.filter(one => one.point === 'grid.power_w').reduce((sum, one) => sum + one.n, 0)).toBe(60 * 360);
    reader.close();
  });

  test.each([10, 100, 1500])('at most %i points come back, none without a sample, over any span', async maxPoints => {
    const place = bench();
    await stored(place, ticks(4));
    const reader = openReader(place.file);
    for (const spanMs of [60_000, 3_600_000, 86_400_000, 40 * 86_400_000, 4000 * 86_400_000]) {
      const {rows} = reader.points({
        device: 'meter',
        point: 'grid.power_w',
        fromMs: START_MS - spanMs / 3,
        toMs: START_MS + spanMs,
        maxPoints,
      });
      expect(rows.length).toBeLessThanOrEqual(maxPoints);
      expect(rows.length).toBeGreaterThan(0);
      expect(rows.every(row => row.n > 0 && row.min <= row.avg + 0.1 && row.avg <= row.max + 0.1)).toBe(true);
    }
    reader.close();
  });
});

describe('retention', () => {
  const day = (n: number): TickRecord =>
    record(n, START_MS + n * 86_400_000, {readings: [good('meter', 'grid.power_w', n)], slots: [slot(START_MS + n * 86_400_000, n)]});
  const rawDays = (place: Bench): number[] => {
    const reader = openReader(place.file);
    try {
      return reader
        .rawAround({device: 'meter', fromMs: 0, toMs: Number.MAX_SAFE_INTEGER, limit: 1000})
        .map(row => (row.atMs - START_MS) / 86_400_000);
    } finally {
      reader.close();
    }
  };

  test('raw days leave, quarter hours and the ledger stay', async () => {
    const place = bench();
    const store = place.open({rawDays: 3, archive: true});
    await store.start();
    for (let n = 0; n < 8; n++) await store.write([day(n)], never);
    await store.backup(`${place.file}.copy`);
    await until(
      () => rawDays(place),
      days => days.length === 3,
    );
    await store.close(never);
    expect(rawDays(place)).toEqual([5, 6, 7]);
    const reader = openReader(place.file);
    expect(reader.coverage({fromMs: 0, toMs: Number.MAX_SAFE_INTEGER})).toBe(8);
    expect(
      [...reader.eachSample({device: null, point: null, fromMs: START_MS, toMs: START_MS + 9 * 86_400_000, step: '15m', zone: ZONE})].map(
        one => one.last,
      ),
    ).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
    reader.close();
  });

  test('a clock that once ran a month ahead does not take the days behind it along', async () => {
    const place = bench();
    const store = place.open({rawDays: 5});
    await store.start();
    for (const n of [0, 1, 2, 33, 3]) await store.write([day(n)], never);
    await store.close(never);
    expect(rawDays(place)).toEqual([0, 1, 2, 3, 33]);
  });
});
