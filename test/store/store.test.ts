// The store as the daemon uses it: what goes in comes out, also after a restart, and never twice.

import {existsSync} from 'node:fs';
import {describe, expect, test} from 'vitest';
import type {SlotRecord} from '../../src/core/flow/model.ts';
import type {TickRecord} from '../../src/core/sink.ts';
import {openReader} from '../../src/store/queries.ts';
import type {Store} from '../../src/store/store.ts';
import {type Bench, bench, never, stored, until, ZONE} from './harness.ts';
import {cell, good, record, SLOT_MS, START_MS, silent, slot} from './house.ts';

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
      // Whole local days.
      const range = {fromMs: Date.parse('2026-03-27T23:00:00Z'), toMs: Date.parse('2026-04-01T22:00:00Z'), policy, zone: ZONE};
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

test('a range that cuts days has what lies in it, by whatever step: begin included, end excluded', async () => {
  const place = bench();
  await stored(place, [slots(Array.from({length: 500}, (_, n) => slot(START_MS + n * SLOT_MS, n * n)))]);
  const reader = openReader(place.file);
  const sumOf = (fromMs: number, toMs: number, step: '15m' | '1h' | '1d' | '1mo' | '1y', zone: string): readonly number[] => {
    const sum = (rows: readonly {energyMilliWh: number}[]): number => rows.reduce((total, row) => total + row.energyMilliWh, 0);
    const range = {fromMs, toMs, step, zone};
    return [sum(reader.flows({...range, policy: 'solar-first'})), sum(reader.totals(range))];
  };
  const borders = [0, 1, 4, 97, 288, 499, 700].map(n => START_MS + n * SLOT_MS);
  for (const zone of [ZONE, 'Pacific/Chatham'])
    for (const [index, fromMs] of borders.entries())
      for (const toMs of borders.slice(index + 1)) {
        const exact = sumOf(fromMs, toMs, '15m', zone);
        for (const step of ['1h', '1d', '1mo', '1y'] as const)
          expect(sumOf(fromMs, toMs, step, zone), `${fromMs} ${toMs} ${step}`).toEqual(exact);
      }
  // A step that is cut inside the range is one row all the same, in order of time.
  const days = reader.totals({fromMs: START_MS + SLOT_MS, toMs: START_MS + 300 * SLOT_MS, step: '1d', zone: ZONE}).map(({day}) => day);
  expect([...new Set(days)]).toEqual(['2026-03-28', '2026-03-29', '2026-03-30', '2026-03-31', '2026-04-01']);
  const months = reader.totals({fromMs: START_MS + SLOT_MS, toMs: START_MS + 470 * SLOT_MS, step: '1mo', zone: ZONE});
  expect(months.map(({day, name}) => `${day} ${name}`)).toEqual([
    ...['grid_import', 'solar', 'home'].map(name => `2026-03-01 ${name}`),
    ...['grid_import', 'solar', 'home'].map(name => `2026-04-01 ${name}`),
  ]);
  reader.close();
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
  const days = reader.flows({fromMs: firstMs, toMs: autumnMs + 100 * SLOT_MS, step: '1d', policy: 'solar-first', zone: ZONE});
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
