// The broker outlet against a real broker: logins, kills, sleeps, an older protocol, a birth, questions, history.

import {createServer} from 'node:net';
import {setTimeout as sleep} from 'node:timers/promises';
import {Aedes} from 'aedes';
import {describe, expect, test} from 'vitest';
import {replyTo} from '../../src/outlets/mqtt/requests.ts';
import {slot} from '../store/house.ts';
import {haveMosquitto, WITHOUT_MOSQUITTO} from '../support/programs.ts';
import {HEALTH, record} from './house.ts';
import {brokerWith, listener, never, outlet, untilOpen} from './outlet.ts';

// They mostly wait.
describe.skipIf(!haveMosquitto).concurrent(`a real broker${WITHOUT_MOSQUITTO}`, () => {
  test('the tree: status, bridge, device and site, retained, and offline at the end', async () => {
    const {url} = await brokerWith();
    const sink = outlet(url);
    await sink.open(never);
    await untilOpen(sink);
    await sink.write([record(1, 10)], never);
    const first = await listener(url, 'wattledger/bridge/health');
    await first.until('wattledger/bridge/health'); // the last one of a round
    await sleep(100);
    const heard = await listener(url, 'wattledger/#', 'homeassistant/#');
    expect(await heard.until('wattledger/status')).toBe('online');
    expect(JSON.parse(await heard.until('wattledger/site/state'))).toMatchObject({grid_power_w: 420.5, grid_to_home_w: 420.5});
    expect(JSON.parse(await heard.until('wattledger/site/energy')).grid_import_kwh).toBe(10);
    expect(JSON.parse(await heard.until('wattledger/device/meter/state'))).toMatchObject({
      meter_power_w: 420.5,
      meter_import_energy_wh: 10_000,
    });
    expect(JSON.parse(await heard.until('wattledger/device/meter/energy'))).toMatchObject({meter_import_energy_kwh: 10});
    expect(await heard.until('wattledger/device/meter/availability')).toBe('online');
    expect(JSON.parse(await heard.until('wattledger/bridge/info'))).toMatchObject({schema: 1, site: {id: 'house'}, mqtt: {protocol: 5}});
    expect(JSON.parse(await heard.until('wattledger/bridge/health'))).toMatchObject({ok: true, problem: false});
    expect(heard.heard.filter(one => !one.retain)).toEqual([]);
    await sink.close(never);
    expect(await heard.until('wattledger/status', text => text === 'offline')).toBe('offline');
  });

  test('a counter that nobody could read yet is null among its siblings: Home Assistant complains of a key that is not there', async () => {
    const {url} = await brokerWith();
    const devices = HEALTH.devices.map(device => ({...device, points: [...device.points, 'meter.export_energy_wh']}));
    const sink = outlet(url, {health: () => ({...HEALTH, devices})});
    await sink.open(never);
    await untilOpen(sink);
    await sink.write([record(1, 10)], never);
    const heard = await listener(url, 'wattledger/device/meter/energy');
    expect(JSON.parse(await heard.until('wattledger/device/meter/energy'))).toEqual({
      ts: '2026-11-24T12:00:01.000Z',
      meter_import_energy_kwh: 10,
      meter_export_energy_kwh: null,
    });
  });

  test('a cell that was there once and is empty now is a zero', async () => {
    const {url} = await brokerWith();
    const sink = outlet(url);
    await sink.open(never);
    await untilOpen(sink);
    const heard = await listener(url, 'wattledger/site/state');
    const strange = record(1, 10);
    await sink.write([{...strange, state: {...strange.state, ts: 'first', unexplained_to_home_w: 7}}], never);
    await heard.until('wattledger/site/state', text => JSON.parse(text).unexplained_to_home_w === 7);
    await sink.write([record(2, 10)], never);
    await heard.until('wattledger/site/state', text => JSON.parse(text).unexplained_to_home_w === 0);
  });

  test('prices on a topic of somebody else arrive, retained or new, and again after the broker was away', async () => {
    const broker = await brokerWith();
    const other = await listener(broker.url, 'prices/#');
    await other.publish('prices/spot', 'first', {retain: true});
    const heard: string[] = [];
    const listens = {
      topics: ['prices/spot'],
      receive: (topic: string, payload: string) => {
        if (topic !== 'prices/spot') return false;
        heard.push(payload);
        return true;
      },
    };
    const sink = outlet(broker.url, {listens});
    await sink.open(never);
    await untilOpen(sink);
    const until = async (payload: string): Promise<void> => {
      for (let tries = 0; tries < 3000 && !heard.includes(payload); tries++) await sleep(20);
      expect(heard).toContain(payload);
    };
    await until('first');
    await other.publish('prices/spot', 'second');
    await until('second');
    await broker.kill('SIGTERM');
    await untilOpen(sink, 'failing');
    await broker.start();
    await untilOpen(sink);
    const back = await listener(broker.url, 'prices/#');
    for (let tries = 0; tries < 600 && !heard.includes('third'); tries++) {
      await back.publish('prices/spot', 'third');
      await sleep(100);
    }
    expect(heard).toContain('third');
  });

  test('killed and started again: everything is there again, with the newest values', async () => {
    const broker = await brokerWith();
    const sink = outlet(broker.url);
    await sink.open(never);
    await untilOpen(sink);
    await sink.write([record(1, 10)], never);
    await broker.kill('SIGTERM');
    await untilOpen(sink, 'failing');
    for (let seq = 2; seq < 500; seq++) await sink.write([record(seq, 10 + seq)], never);
    await broker.start();
    const heard = await listener(broker.url, 'wattledger/#');
    expect(JSON.parse(await heard.until('wattledger/site/energy')).grid_import_kwh).toBe(509);
    // Nothing of the time in between is sent as if it were news.
    expect(heard.heard.filter(one => one.topic === 'wattledger/site/energy')).toHaveLength(1);
    expect(await heard.until('wattledger/status')).toBe('online');
  });

  test('beats without a new picture of the house change nothing for those who look; a long silence does', async () => {
    const {url} = await brokerWith();
    const sink = outlet(url);
    await sink.open(never);
    await untilOpen(sink);
    const heard = await listener(url, 'wattledger/site/#', 'homeassistant/device/wattledger_house_house/config');
    const blind = (seq: number) => ({...record(seq, 10), state: null, energy: null, day: null});
    await sink.write([record(1, 10)], never);
    await heard.until('wattledger/site/availability', text => text === 'online');
    for (let seq = 2; seq < 30; seq++) await sink.write([seq % 3 === 0 ? record(seq, 10) : blind(seq)], never);
    await heard.until('wattledger/site/state', text => JSON.parse(text).ts === record(27, 10).state?.['ts']);
    expect(heard.heard.filter(one => one.topic === 'wattledger/site/availability').map(one => one.payload)).toEqual(['online']);
    expect(heard.heard.filter(one => one.topic.endsWith('/config'))).toHaveLength(1);
    await sink.write([blind(70)], never);
    await heard.until('wattledger/site/availability', text => text === 'offline');
    // What nobody knows any more is null for those who do not look at the availability, and said once.
    const unknown = JSON.parse(await heard.until('wattledger/site/state', text => JSON.parse(text).grid_power_w === null));
    expect(Object.keys(unknown).sort()).toEqual(Object.keys(record(27, 10).state ?? {}).sort());
    expect(Object.values(unknown).filter(value => value !== null)).toEqual([new Date(record(70, 10).tick.wallMs).toISOString()]);
    await sink.write([blind(71)], never);
    await sink.write([record(72, 10)], never);
    await heard.until('wattledger/site/availability', text => text === 'online');
    await heard.until('wattledger/site/state', text => JSON.parse(text).grid_power_w !== null);
    expect(heard.heard.filter(({topic, payload}) => topic.endsWith('/state') && JSON.parse(payload).grid_power_w === null)).toHaveLength(1);
  });

  test('totals come at their own pace: at once when a quarter hour closes, and once more at the end', async () => {
    const {url} = await brokerWith();
    const sink = outlet(url, {energyIntervalMs: 3_600_000});
    await sink.open(never);
    await untilOpen(sink);
    await sink.write([record(1, 10)], never);
    const heard = await listener(url, 'wattledger/site/+');
    const total = (kwh: number) => heard.until('wattledger/site/energy', text => JSON.parse(text).grid_import_kwh === kwh);
    const state = (seq: number) => heard.until('wattledger/site/state', text => JSON.parse(text).ts === record(seq, 0).state?.['ts']);
    await total(10);
    await sink.write([record(2, 11)], never);
    await state(2);
    await sink.write([{...record(3, 12), slots: [slot(0, 1)]}], never);
    await total(12);
    await sink.write([record(4, 13)], never);
    await state(4);
    await sink.close(never);
    await total(13);
    const told = heard.heard.filter(one => one.topic === 'wattledger/site/energy').map(one => JSON.parse(one.payload).grid_import_kwh);
    expect(told).toEqual([10, 12, 13]);
  });

  test('totals are asked for when they are due, and a beat without them changes nothing', async () => {
    const {url} = await brokerWith();
    const sink = outlet(url, {energyIntervalMs: 3_600_000});
    const without = (seq: number) => ({...record(seq, 99), energy: null, day: null});
    expect(sink.wantsTotals?.()).toBe(false);
    await sink.open(never);
    await untilOpen(sink);
    const heard = await listener(url, 'wattledger/site/+');
    await sink.write([without(1)], never);
    await heard.until('wattledger/site/state');
    // Nothing to tell yet: they stay due, however many beats go by.
    expect(sink.wantsTotals?.()).toBe(true);
    await sink.write([record(2, 10)], never);
    await heard.until('wattledger/site/energy', text => JSON.parse(text).grid_import_kwh === 10);
    expect(sink.wantsTotals?.()).toBe(false);
    // The border of a quarter hour asks as well, and takes no old ones for new.
    await sink.write([{...without(3), slots: [slot(0, 1)]}], never);
    expect(sink.wantsTotals?.()).toBe(true);
    await sink.write([record(4, 11)], never);
    await heard.until('wattledger/site/energy', text => JSON.parse(text).grid_import_kwh === 11);
    expect(sink.wantsTotals?.()).toBe(false);
    expect(heard.heard.filter(one => one.topic === 'wattledger/site/energy')).toHaveLength(2);
  });

  test('a wrong password is told; the daemon goes on trying', async () => {
    const {url} = await brokerWith(['allow_anonymous false']);
    const sink = outlet(url, {username: 'me', password: 'wrong'});
    await sink.open(never);
    await untilOpen(sink, 'failing');
    expect(sink.health?.().lastError).toMatch(/refuses the login/);
  });

  test('a broker that sleeps does not hold up the end', async () => {
    const broker = await brokerWith();
    const sink = outlet(broker.url);
    await sink.open(never);
    await untilOpen(sink);
    broker.pause();
    const asked = performance.now();
    await sink.write([record(1, 10)], never);
    await sink.close(never);
    // The library's own time-outs are 20 seconds and more.
    expect(performance.now() - asked).toBeLessThan(15_000);
    broker.resume();
  });

  test('after a birth of Home Assistant everything comes again', async () => {
    const {url} = await brokerWith();
    const sink = outlet(url);
    await sink.open(never);
    await untilOpen(sink);
    await sink.write([record(1, 10)], never);
    const heard = await listener(url, 'homeassistant/#', 'wattledger/#');
    await heard.until('homeassistant/device/wattledger_house_house/config');
    const before = heard.heard.length;
    await heard.publish('homeassistant/status', 'online');
    const again = (topic: string): boolean => heard.heard.slice(before).some(one => one.topic === topic && !one.retain);
    for (
      let tries = 0;
      tries < 3000 &&
      !(again('homeassistant/device/wattledger_house_house/config') && again('wattledger/site/state') && again('wattledger/status'));
      tries++
    )
      await sleep(20);
    expect(again('homeassistant/device/wattledger_house_house/config')).toBe(true);
    expect(again('wattledger/site/state')).toBe(true);
    expect(again('wattledger/site/energy')).toBe(true);
  });

  test('published totals never go back behind what the broker still holds, as long as the ledger goes on', async () => {
    const {url} = await brokerWith();
    const first = outlet(url);
    await first.open(never);
    await untilOpen(first);
    await first.write([record(1, 100)], never);
    const heard = await listener(url, 'wattledger/#');
    await heard.until('wattledger/site/energy');
    await first.close(never);
    const second = outlet(url, {continued: true});
    await second.open(never);
    await untilOpen(second);
    for (let seq = 2; seq < 60; seq++) {
      await second.write([record(seq, 99.9)], never);
      await heard.until('wattledger/site/state', text => JSON.parse(text).ts === record(seq, 99.9).state?.['ts']);
    }
    const published = heard.heard.filter(one => one.topic === 'wattledger/site/energy').map(one => JSON.parse(one.payload).grid_import_kwh);
    expect(published.length).toBeGreaterThan(1);
    expect(Math.min(...published)).toBe(100);
    const counters = heard.heard
      .filter(one => one.topic === 'wattledger/device/meter/energy')
      .map(one => JSON.parse(one.payload).meter_import_energy_kwh);
    expect(Math.min(...counters)).toBe(100);
  });

  test('questions are answered, wrong ones too, retained ones not', async () => {
    const {url} = await brokerWith();
    const sink = outlet(url);
    await sink.open(never);
    await untilOpen(sink);
    await sink.write([record(1, 10)], never);
    const heard = await listener(url, 'wattledger/bridge/response/#');
    await heard.publish('wattledger/bridge/request/info', '{"transaction": 7}');
    expect(JSON.parse(await heard.until('wattledger/bridge/response/info'))).toMatchObject({
      status: 'ok',
      transaction: 7,
      data: {site: {id: 'house'}},
    });
    await heard.publish('wattledger/bridge/request/set', '{"transaction": "x"}');
    expect(JSON.parse(await heard.until('wattledger/bridge/response/set'))).toMatchObject({status: 'error', transaction: 'x'});
    await heard.publish('wattledger/bridge/request/health', 'not json');
    expect(JSON.parse(await heard.until('wattledger/bridge/response/health'))).toMatchObject({status: 'error'});
  });

  test('a hundred questions at once are all answered', async () => {
    const {url} = await brokerWith();
    const sink = outlet(url);
    await sink.open(never);
    await untilOpen(sink);
    const heard = await listener(url, 'wattledger/bridge/response/#');
    const asked = Array.from({length: 100}, (_, n) => n);
    for (const n of asked) void heard.publish(`wattledger/bridge/request/${n % 2 ? 'info' : 'health'}`, `{"transaction": ${n}}`);
    while (heard.heard.length < asked.length) await sleep(20);
    const replies = heard.heard.map(({payload}) => JSON.parse(payload));
    expect(replies.map(({status}) => status)).toEqual(asked.map(() => 'ok'));
    expect(replies.map(({transaction}) => transaction).sort((a, b) => a - b)).toEqual(asked);
  });

  test('money of a configuration that has no tariffs any more leaves the broker', async () => {
    const {url} = await brokerWith();
    const heard = await listener(url, 'wattledger/#');
    for (const tariffs of [true, false]) {
      const sink = outlet(url, {tariffs, continued: true});
      await sink.open(never);
      await untilOpen(sink);
      await sink.write([{...record(1, 10), ...(tariffs ? {money: {ts: '2026-11-24T12:00:00.000Z', today_cost: 1.5}} : {})}], never);
      await heard.until('wattledger/site/money', text => (text !== '') === tariffs);
      await sink.close(never);
    }
  });

  test('history: in order, deleted once the broker has it, nothing lost over an outage', async () => {
    const broker = await brokerWith();
    // Stands in for the store's outbox, which has tests of its own: here it is the order on the wire that counts.
    const rows = Array.from({length: 200}, (_, id) => ({id, topic: 'site/15m', payload: JSON.stringify({key: `site/${id}`})}));
    const memory = {
      next: async (limit: number) => rows.slice(0, limit),
      done: async (ids: readonly number[]) => void rows.splice(0, rows.findIndex(row => row.id === ids.at(-1)) + 1),
    };
    const sink = outlet(broker.url, {history: true, outbox: memory});
    const heard = await listener(broker.url, 'wattledger/history/#');
    await sink.open(never);
    await untilOpen(sink);
    await heard.until('wattledger/history/site/15m', text => JSON.parse(text).key === 'site/199');
    for (let tries = 0; tries < 3000 && rows.length > 0; tries++) await sleep(20);
    expect(rows).toHaveLength(0);
    const keys = [...new Set(heard.heard.map(one => JSON.parse(one.payload).key))];
    expect(keys).toEqual(Array.from({length: 200}, (_, id) => `site/${id}`));
  });
});

test('a broker that knows 3.1.1 only', async () => {
  const broker = await Aedes.createBroker();
  const server = createServer(socket => broker.handle(socket));
  await new Promise<void>(resolve => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const url = `mqtt://127.0.0.1:${(server.address() as {port: number}).port}`;
  const sink = outlet(url);
  await sink.open(never);
  await untilOpen(sink);
  expect(sink.health?.().details).toMatchObject({protocol: 4});
  await sink.close(never);
  broker.close();
  server.close();
});

test.each([
  ['my/answers', 'my/answers'],
  ['wattledger/bridge/response/me', 'wattledger/bridge/response/me'],
  ['wattledger2/x', 'wattledger2/x'],
  ['wattledger/site/energy', 'wattledger/bridge/response/info'],
  ['wattledger/bridge/request/info', 'wattledger/bridge/response/info'],
  ['wattledger', 'wattledger/bridge/response/info'],
  ['homeassistant/device/wattledger_home_house/config', 'wattledger/bridge/response/info'],
  ['my/#', 'wattledger/bridge/response/info'],
])('an answer wanted on %s comes on %s', async (responseTopic, topic) => {
  const question = {topic: 'wattledger/bridge/request/info', payload: '', retain: false, responseTopic};
  expect(await replyTo(question, 'wattledger', {info: () => 1}, ['wattledger', 'homeassistant'])).toMatchObject({topic});
});
