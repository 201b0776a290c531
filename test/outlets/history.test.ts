// Store and forward: a real database and a real broker, and a day on which they did not see each other.

import {setTimeout as sleep} from 'node:timers/promises';
import Database from 'better-sqlite3';
import {describe, expect, test} from 'vitest';
import {trimOutbox} from '../../src/store/outbox.ts';
import {bench} from '../store/harness.ts';
import {good, SLOT_MS, START_MS, slot, record as stored} from '../store/house.ts';
import {haveMosquitto, WITHOUT_MOSQUITTO} from '../support/programs.ts';
import {record} from './house.ts';
import {brokerWith, listener, never, outlet, untilOpen} from './outlet.ts';

const DAY_SLOTS = 96;
const keyOf = (payload: string): string => (JSON.parse(payload) as {key: string}).key;
const siteKey = (n: number): string => `site/${new Date(START_MS + n * SLOT_MS).toISOString()}`;

describe.skipIf(!haveMosquitto)(`a day without the broker${WITHOUT_MOSQUITTO}`, () => {
  test('nothing is lost, nothing is out of order, and nothing is twice once repetitions are struck out', async () => {
    const broker = await brokerWith();
    const place = bench();
    const open = async () => {
      const store = place.open({history: true, commitEveryMs: 50});
      await store.start();
      const sink = outlet(broker.url, {history: true, outbox: store.history});
      await sink.open(never);
      return {store, sink};
    };
    let daemon = await open();
    const closeSlot = async (n: number): Promise<void> => {
      const startMs = START_MS + n * SLOT_MS;
      const readings = [good('meter', 'grid.power_w', 100 + n, n * SLOT_MS)];
      await daemon.store.write([stored(n, startMs + SLOT_MS, {readings, slots: [slot(startMs, n)]})], never);
      await daemon.sink.write([{...record(n, 10 + n), slots: [slot(startMs, n)]}], never);
    };
    await untilOpen(daemon.sink);
    let heard = await listener(broker.url, 'wattledger/history/#');
    for (let n = 0; n < 4; n++) await closeSlot(n);
    while (heard.heard.filter(one => one.topic.endsWith('site/15m')).length < 4) {
      await daemon.sink.write([record(900, 14)], never);
      await sleep(50);
      await closeSlot(3); // told again, as a corrected one is; a consumer knows it by its key
    }
    const before = heard.heard.map(one => one.payload);

    await broker.kill('SIGKILL');
    await untilOpen(daemon.sink, 'failing');
    for (let n = 4; n < 4 + DAY_SLOTS; n++) {
      await closeSlot(n);
      // In the middle of it the daemon is started again.
      if (n === 50) {
        await daemon.sink.close(never);
        await daemon.store.close(never);
        daemon = await open();
      }
    }
    await broker.start();
    heard = await listener(broker.url, 'wattledger/history/#');
    await heard.until('wattledger/history/site/15m', text => keyOf(text) === siteKey(3 + DAY_SLOTS));

    // Those of devices follow an hour at a time.
    const ofDevices = (): number => new Set(heard.heard.map(one => keyOf(one.payload)).filter(key => key.startsWith('device/'))).size;
    for (let tries = 0; tries < 1200 && ofDevices() < DAY_SLOTS - 8; tries++) {
      await closeSlot(3 + DAY_SLOTS);
      await sleep(50);
    }

    const all = [...before, ...heard.heard.map(one => one.payload)].map(keyOf);
    const site = [...new Set(all.filter(key => key.startsWith('site/')))];
    expect(site).toEqual(Array.from({length: 4 + DAY_SLOTS}, (_, n) => siteKey(n)));
    const devices = [...new Set(all.filter(key => key.startsWith('device/meter/')))];
    expect(devices).toEqual([...devices].sort());
    expect(devices.length).toBeGreaterThanOrEqual(DAY_SLOTS - 8);
    expect(heard.heard.every(one => !one.retain)).toBe(true);
    for (let tries = 0; tries < 3000 && (await daemon.store.history.next(1)).length > 0; tries++) await sleep(20);
    expect(await daemon.store.history.next(1)).toEqual([]);
  });
});

test('what waits is bounded by number and by age; what is dropped is counted', () => {
  const db = new Database(':memory:');
  db.exec(`CREATE TABLE wl_outbox (id INTEGER PRIMARY KEY AUTOINCREMENT, key TEXT, topic TEXT, payload TEXT, created_ms INTEGER);
    CREATE TABLE wl_meta (key TEXT PRIMARY KEY, value TEXT) WITHOUT ROWID;`);
  const dayMs = 86_400_000;
  const put = db.prepare("INSERT INTO wl_outbox (key, topic, payload, created_ms) VALUES ('k', 't', 'p', ?)");
  const wait = (count: number, createdMs: number): void =>
    db.transaction(() => {
      for (let n = 0; n < count; n++) put.run(createdMs);
    })();
  const dropped = (): unknown => db.prepare("SELECT value FROM wl_meta WHERE key = 'outbox_dropped'").pluck().get();
  wait(10, 0);
  wait(20, 61 * dayMs);
  expect(trimOutbox(db, 61 * dayMs)).toBe(10);
  // A clock that is set ahead empties nothing.
  expect(trimOutbox(db, 1000 * dayMs)).toBe(0);
  wait(50_000, 61 * dayMs);
  expect(trimOutbox(db, 61 * dayMs)).toBe(20);
  expect(dropped()).toBe('30');
});
