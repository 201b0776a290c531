// The store as the daemon uses it: what goes in comes out, also after a restart, and never twice.

import {existsSync} from 'node:fs';
import Database from 'better-sqlite3';
import {describe, expect, test} from 'vitest';
import type {SlotRecord} from '../../src/core/flow/model.ts';
import type {TickRecord} from '../../src/core/sink.ts';
import {openReader} from '../../src/store/queries.ts';
import type {Store} from '../../src/store/store.ts';
import {type Bench, bench, never, until, ZONE} from './harness.ts';
import {cell, good, record, SLOT_MS, START_MS, silent, slot} from './house.ts';

/** Starts a store, writes the records, stops it in order. */
async function stored(place: Bench, records: readonly TickRecord[], more: Parameters<Bench['open']>[0] = {}, zone = ZONE): Promise<void> {
  const store = place.open(more, zone);
  await store.start();
  await store.write(records, never);
  await store.close(never);
}
/** What is stored of texts: the beat and the text, or null from where it could not be read. */
function stateRows(place: Bench): (readonly [number, string | null])[] {
  const db = new Database(place.file, {readonly: true});
  const rows = db.prepare('SELECT ts, value FROM wl_state ORDER BY ts').raw().all() as [number, string | null][];
  db.close();
  return rows.map(([ts, value]) => [(ts * 1000 - START_MS) / 2000, value]);
}
const slots = (records: readonly SlotRecord[], wallMs = START_MS): TickRecord => record(0, wallMs, {slots: records});
const energies = (place: Bench, startMs = START_MS, policy: 'solar-first' | 'proportional' = 'solar-first'): number[] => {
  const reader = openReader(place.file);
  try {
    return reader
      .flows({fromMs: startMs, toMs: startMs + SLOT_MS, step: '15m', policy, zone: ZONE})
      .map(row => row.energyMilliWh)
      .sort((a, b) => b - a);
  } finally {
    reader.close();
  }
};

describe('a stop in order', () => {
  test('what was told before it is there after it', async () => {
    const place = bench();
    const store = place.open();
    expect(await store.start()).toEqual({flowState: null, energy: null, newestSlotMs: null, uncleanStop: false});
    await store.write(
      [
        record(0, START_MS, {
          readings: [good('meter', 'grid.power_w', -1234.5), good('meter', 'grid.import_energy_wh', 987_654)],
          slots: [slot(START_MS, 1)],
        }),
        record(1, START_MS + 2000, {
          readings: [good('meter', 'grid.power_w', 77.7), silent('meter', 'grid.import_energy_wh')],
          flowState: '{"state":1}',
          energy: {grid_import_kwh: 12.5},
        }),
      ],
      never,
    );
    await store.close(never);
    const again = place.open();
    expect(await again.start()).toEqual({
      flowState: '{"state":1}',
      energy: {grid_import_kwh: 12.5},
      newestSlotMs: START_MS,
      uncleanStop: false,
    });
    expect(await again.query('latestRaw', 'meter')).toEqual({
      device: 'meter',
      atMs: START_MS + 2000,
      values: {'grid.power_w': 77.7, 'grid.import_energy_wh': null},
    });
    expect(await again.query('slot', START_MS + 5)).toMatchObject({startMs: START_MS, day: '2026-03-28', closed: true, quality: 'ok'});
    // All of it is in the one file, even after questions: whoever copies that has everything.
    await again.close(never);
    expect(existsSync(`${place.file}-wal`)).toBe(false);
  });

  test('closing twice, or without ever having started, is harmless', async () => {
    const place = bench();
    const store = place.open();
    await store.close(never);
    await stored(place, [slots([slot(START_MS, 1)])]);
    expect(energies(place)).toHaveLength(4);
  });
});

describe('a slot that is told again', () => {
  test.each<[string, Partial<SlotRecord>, number[], number[]]>([
    [
      'replaces its cells',
      {cells: {'solar-first': [cell('solar', 'direct', 'solar', 'home', 42, 'btm_consumed')]}},
      [42],
      [100_002, 20_002, 3_002, 702],
    ],
    ['leaves policies alone that it does not name', {cells: {}}, [100_001, 20_001, 3_001, 701], [100_002, 20_002, 3_002, 702]],
    ['is added where it says so', {adds: true}, [200_002, 40_002, 6_002, 1_402], [200_004, 40_004, 6_004, 1_404]],
    ['loses cells that became zero', {cells: {proportional: []}}, [100_001, 20_001, 3_001, 701], []],
    [
      'sums a cell that is told twice',
      {
        cells: {
          'solar-first': [cell('grid', 'direct', 'grid', 'home', 5, 'imported'), cell('grid', 'direct', 'grid', 'home', 6, 'imported')],
        },
      },
      [11],
      [100_002, 20_002, 3_002, 702],
    ],
  ])('%s', async (_what, change, solarFirst, proportional) => {
    const place = bench();
    const other = bench();
    // In two commits, and both in one.
    await stored(place, [slots([slot(START_MS, 1, {closed: false})])]);
    await stored(place, [slots([slot(START_MS, 1, change)])]);
    await stored(other, [slots([slot(START_MS, 1, {closed: false})]), slots([slot(START_MS, 1, change)])]);
    expect(energies(other)).toEqual(solarFirst);
    expect(energies(place)).toEqual(solarFirst);
    expect(energies(place, START_MS, 'proportional')).toEqual(proportional);
  });

  test('days stay the exact sum of their slots, whatever is told again and in whatever order', async () => {
    const place = bench();
    const store = place.open({commitEveryMs: 1000});
    await store.start();
    // Three local days; every slot is told up to three times with other figures.
    for (let round = 0; round < 3; round++) {
      for (let n = 0; n < 300; n++) {
        if ((n * 7 + round * 5) % 3 === 0) await store.write([slots([slot(START_MS + n * SLOT_MS, n * 11 + round * 1000)])], never);
      }
      await store.write([record(9, START_MS, {flowState: `${round}`})], never);
    }
    await store.close(never);
    const reader = openReader(place.file);
    for (const policy of ['solar-first', 'proportional'] as const) {
      const range = {fromMs: START_MS, toMs: START_MS + 300 * SLOT_MS, policy, zone: ZONE};
      const byDay = reader.flows({...range, step: '1d'});
      const summed = new Map<string, number>();
      for (const row of reader.flows({...range, step: '15m'})) {
        const day = reader.slot(row.startMs)?.day;
        const key = [day, row.origin, row.via, row.source, row.sink].join();
        summed.set(key, (summed.get(key) ?? 0) + row.energyMilliWh);
      }
      expect(new Map(byDay.map(row => [[row.day, row.origin, row.via, row.source, row.sink].join(), row.energyMilliWh]))).toEqual(summed);
    }
    reader.close();
  });
});

test('local days have 92, 96 and 100 quarter hours', async () => {
  const place = bench();
  const firstMs = Date.parse('2026-03-27T23:00:00Z'); // local midnight of 28 March
  const autumnMs = Date.parse('2026-10-24T22:00:00Z'); // local midnight of 25 October
  const quarter = (startMs: number): SlotRecord =>
    slot(startMs, 0, {cells: {'solar-first': [cell('grid', 'direct', 'grid', 'home', 1, 'imported')]}, totals: []});
  const many = (startMs: number, count: number): SlotRecord[] => Array.from({length: count}, (_, n) => quarter(startMs + n * SLOT_MS));
  await stored(place, [slots([...many(firstMs, 192), ...many(autumnMs, 100)])]);
  const reader = openReader(place.file);
  const days = reader.flows({fromMs: firstMs, toMs: autumnMs + 1, step: '1d', policy: 'solar-first', zone: ZONE});
  expect(days.map(row => [row.day, row.energyMilliWh])).toEqual([
    ['2026-03-28', 96],
    ['2026-03-29', 92],
    ['2026-03-30', 4],
    ['2026-10-25', 100],
  ]);
  // Another zone than the stored one is summed from the quarter hours.
  const utc = reader.flows({
    fromMs: Date.parse('2026-03-28'),
    toMs: Date.parse('2026-03-29'),
    step: '1d',
    policy: 'solar-first',
    zone: 'UTC',
  });
  expect(utc.map(row => [row.day, row.energyMilliWh])).toEqual([['2026-03-28', 96]]);
  reader.close();
});

test('a configuration with another time zone gets its days made anew', async () => {
  const place = bench();
  const lateMs = Date.parse('2026-03-28T23:30:00Z'); // already the 29th in Berlin, still the 28th in Lisbon
  await stored(place, [slots([slot(lateMs, 5)])]);
  await stored(place, [], {}, 'Europe/Lisbon');
  const reader = openReader(place.file);
  expect(reader.ledgerBounds()).toMatchObject({zone: 'Europe/Lisbon', firstDay: '2026-03-28', lastDay: '2026-03-28'});
  expect(
    reader.totals({fromMs: lateMs, toMs: lateMs + 1, step: '1d', zone: 'Europe/Lisbon'}).find(row => row.name === 'grid_import'),
  ).toMatchObject({
    day: '2026-03-28',
    energyMilliWh: 3005,
  });
  reader.close();
});

test('undated slots leave with the quarter hour that takes them in; all others stay', async () => {
  const place = bench();
  const named = (bootId: string, startMonoMs: number) => ({
    kind: 'undated' as const,
    bootId,
    startMonoMs,
    endMonoMs: startMonoMs + 900_000,
  });
  const undated = (bootId: string, startMonoMs: number): SlotRecord => slot(0, 9, {slot: named(bootId, startMonoMs), quality: ['undated']});
  await stored(place, [slots([undated('old', 0)])]);
  const store = place.open();
  await store.start();
  await store.write([record(0, 12_345, {slots: [undated('new', 0), undated('new', 900_000)]})], never);
  await store.write(
    [
      {
        ...record(1, 0),
        tick: {seq: 1, monoMs: 1_800_000, wallMs: START_MS + 1_800_000},
        slots: [{...slot(START_MS, 1), takes: [named('new', 900_000)]}],
        flowState: '{}',
      },
    ],
    never,
  );
  await store.close(never);
  const reader = openReader(place.file);
  expect(reader.ledgerBounds().undated).toBe(2);
  expect(energies(place)).toEqual([100_001, 20_001, 3_001, 701]);
  reader.close();
});

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

describe('the outbox', () => {
  test('rows come in order, stay until they are done, and survive a restart', async () => {
    const place = bench();
    const first = place.open({history: true});
    await first.start();
    await first.write([slots([slot(START_MS, 1), slot(START_MS + SLOT_MS, 2), slot(START_MS + 2 * SLOT_MS, 3, {closed: false})])], never);
    await first.backup(`${place.file}.copy`);
    const rows = await first.history.next(10);
    expect(rows.map(row => [row.topic, JSON.parse(row.payload).key])).toEqual([
      ['site/15m', 'site/2026-03-28T22:00:00.000Z'],
      ['site/15m', 'site/2026-03-28T22:15:00.000Z'],
    ]);
    expect(JSON.parse(rows[0]?.payload ?? '')).toMatchObject({
      totals: {grid_import_wh: 3.001},
      cells: {'solar-first': {solar_to_home_wh: 100.001}},
      labels: {'solar-first': {imported_wh: 3.001}},
    });
    await first.history.done([rows[0]?.id ?? 0]);
    expect(await first.history.next(10)).toHaveLength(1);
    await first.close(never);
    const second = place.open({history: true});
    await second.start();
    expect((await second.history.next(10)).map(row => row.id)).toEqual([rows[1]?.id]);
  });

  test('a slot that is told again takes the place of the copy that still waits', async () => {
    const place = bench();
    await stored(place, [slots([slot(START_MS, 1)])], {history: true});
    const store = place.open({history: true});
    await store.start();
    await store.write([slots([slot(START_MS, 500)])], never);
    await store.backup(`${place.file}.copy`);
    const rows = await store.history.next(10);
    expect(rows.map(row => JSON.parse(row.payload).totals.grid_import_wh)).toEqual([3.5]);
  });

  test('without mqtt.history nothing is kept for a broker', async () => {
    const place = bench();
    const store = place.open();
    await store.start();
    await store.write([slots([slot(START_MS, 1)])], never);
    await store.backup(`${place.file}.copy`);
    expect(await store.history.next(10)).toEqual([]);
  });
});

describe('what people should know', () => {
  test('a second daemon on the same file is refused in words, the first goes on', async () => {
    const place = bench();
    const first = place.open();
    await first.start();
    await expect(place.open().start()).rejects.toMatchObject({code: 'STORE_BUSY', what: 'is in use by another wattledger'});
    await first.write([slots([slot(START_MS, 1)])], never);
    await first.close(never);
    expect(energies(place)).toHaveLength(4);
  });

  test('health tells what waits, what was written and how large the file is', async () => {
    const place = bench();
    const store: Store = place.open();
    await store.start();
    await store.write([record(0, START_MS, {readings: [good('meter', 'grid.power_w', 1)]})], never);
    expect(store.health()).toMatchObject({name: 'store', state: 'open', queued: 1, dropped: 0, lastError: null});
    await store.backup(`${place.file}.copy`);
    expect(store.health()).toMatchObject({queued: 0, details: {commits: 1}});
    expect(store.health().details?.['file_mb']).toBeGreaterThan(0);
  });

  test('a commit is asked for when it is due, and happens on the record that carries the flow state', async () => {
    const place = bench();
    const store = place.open({commitEveryMs: 50});
    await store.start();
    expect(store.flushDue()).toBe(false);
    await until(
      () => store.flushDue(),
      due => due,
    );
    await store.write([record(0, START_MS, {readings: [good('meter', 'grid.power_w', 1)], flowState: '{"n":1}'})], never);
    await until(
      () => store.health().details?.['commits'],
      commits => commits === 1,
    );
    expect(store.health().queued).toBe(0);
  });
});
