// The broker outlet against a real broker: logins, kills, sleeps, an older protocol, a birth, questions, history.

import {createServer} from 'node:net';
import {setTimeout as sleep} from 'node:timers/promises';
import {Aedes} from 'aedes';
import {afterEach, describe, expect, test} from 'vitest';
import type {Board} from '../../src/core/board.ts';
import type {Health} from '../../src/core/health.ts';
import {silentLog} from '../../src/core/log.ts';
import type {TickRecord} from '../../src/core/sink.ts';
import type {Site} from '../../src/core/site.ts';
import {discoveryProblems} from '../../src/outlets/mqtt/discovery-rules.ts';
import {Floors} from '../../src/outlets/mqtt/floors.ts';
import {createMqtt, type MqttSettings} from '../../src/outlets/mqtt.ts';
import {type Broker, haveMosquitto, mosquitto, WITHOUT_MOSQUITTO} from '../support/programs.ts';
import {type Subscriber, subscribe} from '../support/subscriber.ts';

const ref = (device: string, part: string, id: string) => ({device, part, id, side: 'ac' as const, points: ['power_w', 'soc_pct']});
const SITE: Site = {
  id: 'house',
  name: 'Our house',
  timezone: 'Europe/Berlin',
  currency: 'EUR',
  pollEveryMs: 1000,
  map: {
    grid: {meter: ref('meter', 'meter', 'grid'), at: 'grid', state: null, energyNetting: 'net'},
    hybrids: [],
    solar: [ref('roof', 'inverter', 'roof')],
    wind: [],
    generator: [],
    batteries: [ref('wall', 'battery', 'battery')],
    loads: [ref('pump', 'meter', 'heat_pump')],
    home: null,
    cascade: null,
  },
  flows: {
    policy: 'solar-first',
    netting: 'net',
    withdrawal: 'proportional',
    sourceOrder: [],
    sinkOrder: [],
    efficiencyPpm: 850_000,
    limitsW: {},
    sigma: {},
    ageMs: {},
  },
};
const device = (id: string, points: readonly string[]) => ({
  id,
  link: 'bus',
  identity: {profile: 'eastron-sdm630', unit: 1, manufacturer: 'Eastron', model: 'SDM630', serial: '4711', firmware: null},
  state: 'good' as const,
  sinceMs: 0,
  lastGoodMs: 1,
  polls: 1,
  faults: {},
  latencyMs: 5,
  lastFault: null,
  points,
});
const HEALTH: Health = {
  ok: true,
  problems: [],
  version: '0',
  startedMs: 0,
  uptimeS: 1,
  rssMb: 50,
  tick: {seq: 1, everyMs: 1000, lastMs: 0, lateMs: 0, missed: 0},
  devices: [
    device('meter', [
      'meter.power_w',
      'meter.power_l1_w',
      'meter.voltage_l1_v',
      'meter.import_energy_wh',
      'meter.frequency_hz',
      'meter.power_factor',
    ]),
  ],
  links: [],
  sinks: [],
  store: null,
  clock: {trusted: true, steps: 0},
};

function record(seq: number, importKwh: number): TickRecord {
  const wallMs = Date.UTC(2026, 10, 24, 12) + seq * 1000;
  const ts = new Date(wallMs).toISOString();
  const good = (value: number) => ({kind: 'good' as const, value, monoMs: seq * 1000});
  const board: Board = new Map(
    [
      ['meter.power_w', 420.5],
      ['meter.import_energy_wh', importKwh * 1000],
    ].map(([point, value]) => [`meter/${point}`, {device: 'meter', point: point as string, measured: good(value as number)}]),
  );
  return {
    tick: {seq, monoMs: seq * 1000, wallMs},
    readings: [],
    board,
    nodes: [],
    slots: [],
    events: [],
    state: {
      ts,
      grid_power_w: 420.5,
      solar_power_w: 0,
      battery_power_w: 0,
      home_power_w: 420.5,
      battery_soc_pct: 55,
      grid_to_home_w: 420.5,
      btm_consumed_w: 0,
      unexplained_w: 0,
      quality: 'ok',
      skew_ms: 12,
      reason: null,
    },
    energy: {
      ts,
      grid_import_kwh: importKwh,
      grid_export_kwh: 0,
      solar_kwh: 1,
      battery_charge_kwh: 1,
      battery_discharge_kwh: 1,
      home_kwh: 2,
      grid_to_home_kwh: 1,
      solar_via_battery_to_home_kwh: 0.5,
    },
    day: {ts, day: '2026-11-24', home_kwh: 1, self_sufficiency_pct: 50},
    flowState: null,
  };
}

const never = new AbortController().signal;
const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

const outbox = {next: async () => [], done: async () => {}};
function outlet(url: string, more: Partial<MqttSettings> & {continued?: boolean; outbox?: typeof outbox} = {}) {
  const {continued = false, outbox: own = outbox, ...settings} = more;
  const sink = createMqtt(
    {
      url,
      base: 'wattledger',
      protocol: 'auto',
      history: false,
      minIntervalMs: 0,
      tls: {verify: true},
      homeassistant: {prefix: 'homeassistant', statusTopic: 'homeassistant/status', style: 'device'},
      ...settings,
    },
    {log: silentLog, site: SITE, health: () => HEALTH, continued, outbox: own as never},
  );
  cleanups.push(async () => sink.close(never));
  return sink;
}
async function brokerWith(lines: readonly string[] = []): Promise<Broker> {
  const broker = await mosquitto(lines);
  cleanups.push(() => broker.kill('SIGKILL'));
  return broker;
}
async function listener(url: string, ...topics: string[]): Promise<Subscriber> {
  const one = await subscribe(url, ...topics);
  cleanups.push(() => one.end());
  return one;
}
async function untilOpen(sink: ReturnType<typeof outlet>, state = 'open'): Promise<void> {
  for (let tries = 0; tries < 1000 && sink.health?.().state !== state; tries++) await sleep(20);
  expect(sink.health?.().state).toBe(state);
}

describe.skipIf(!haveMosquitto)(`a real broker${WITHOUT_MOSQUITTO}`, () => {
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
    expect(performance.now() - asked).toBeLessThan(4000);
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
      tries < 600 &&
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
      await sleep(20);
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

  test('history: in order, deleted once the broker has it, nothing lost over an outage', async () => {
    const broker = await brokerWith();
    // Stands in for the store's outbox, which has tests of its own: here it is the order on the wire that counts.
    const rows = Array.from({length: 200}, (_, id) => ({id, topic: 'site/15m', payload: JSON.stringify({key: `site/${id}`})}));
    const memory = {
      next: async (limit: number) => rows.slice(0, limit),
      done: async (ids: readonly number[]) => void rows.splice(0, rows.findIndex(row => row.id === ids.at(-1)) + 1),
    };
    const sink = outlet(broker.url, {history: true, outbox: memory as never});
    const heard = await listener(broker.url, 'wattledger/history/#');
    await sink.open(never);
    await untilOpen(sink);
    await heard.until('wattledger/history/site/15m', text => JSON.parse(text).key === 'site/199');
    for (let tries = 0; tries < 250 && rows.length > 0; tries++) await sleep(20);
    expect(rows).toHaveLength(0);
    const keys = [...new Set(heard.heard.map(one => JSON.parse(one.payload).key))];
    expect(keys).toEqual(Array.from({length: 200}, (_, id) => `site/${id}`));
  });

  test('an entity that went away is taken out of Home Assistant', async () => {
    const {url} = await brokerWith();
    const topic = 'homeassistant/device/wattledger_house_device_old/config';
    const heard = await listener(url, 'homeassistant/#');
    await heard.publish(topic, '');
    const writer = await listener(url, 'nothing');
    await writer.publish(
      topic,
      JSON.stringify({device: {identifiers: ['wattledger_house_device_old']}, origin: {name: 'wattledger'}, components: {}}),
    );
    const client = await (await import('mqtt')).default.connectAsync(url);
    await client.publishAsync(topic, '{"components":{}}', {retain: true, qos: 1});
    await client.endAsync();
    const sink = outlet(url);
    await sink.open(never);
    await untilOpen(sink);
    await sleep(900);
    await sink.write([record(1, 10)], never);
    expect(await heard.until(topic, text => text === '')).toBe('');
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

test('a broker that drops everybody before it greets is tried with the older protocol as well', async () => {
  let visits = 0;
  const server = createServer(socket => {
    visits++;
    socket.on('data', () => socket.destroy());
    socket.on('error', () => {});
  });
  await new Promise<void>(resolve => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const sink = outlet(`mqtt://127.0.0.1:${(server.address() as {port: number}).port}`);
  await sink.open(never);
  for (let tries = 0; tries < 900 && sink.health?.().details?.['protocol'] !== 4; tries++) await sleep(20);
  expect(sink.health?.().details).toMatchObject({protocol: 4});
  expect(visits).toBeGreaterThanOrEqual(3);
  await sink.close(never);
  server.close();
});

describe('a counter that dips or restarts', () => {
  test.each([
    ['a zero in between is held back', [5, 0, 5.1], [5, 5, 5.1]],
    ['a zero at the start is not believed at once', [0, 7], [null, 7]],
    ['a new meter that stays at zero is', [0, 0, 0], [null, null, 0]],
    ['a dip is waited out', [10, 9.5, 9.9, 10.2], [10, 10, 10, 10.2]],
  ] as const)('%s', (_name, raw, published) => {
    const floors = new Floors();
    expect(raw.map(kwh => floors.counter('x', kwh))).toEqual(published);
  });

  test('a replaced meter goes on from the last value', () => {
    const floors = new Floors();
    floors.counter('x', 1000);
    for (let i = 0; i < 30; i++) expect(floors.counter('x', 3)).toBe(1000);
    expect(floors.counter('x', 3.5)).toBeCloseTo(1000.5, 6);
  });
});

describe('the rules of discovery', () => {
  const valid = {
    device: {identifiers: ['a'], name: 'A'},
    origin: {name: 'wattledger'},
    components: {
      p: {
        platform: 'sensor',
        unique_id: 'u',
        state_topic: 't',
        value_template: '{{ value_json.p }}',
        device_class: 'power',
        unit_of_measurement: 'W',
        state_class: 'measurement',
      },
    },
  };
  const change = (with_: object): string => JSON.stringify({...valid, components: {p: {...valid.components.p, ...with_}}});
  test('a good one passes', () => expect(discoveryProblems('homeassistant/device/a/config', JSON.stringify(valid))).toEqual([]));
  test.each([
    ['a unit of another class', {unit_of_measurement: 'kWh'}],
    ['energy as a measurement', {device_class: 'energy', unit_of_measurement: 'kWh'}],
    ['object_id', {object_id: 'x'}],
    ['an entity of another domain', {default_entity_id: 'binary_sensor.x'}],
    ['a template with logic', {value_template: '{{ value_json.p | float }}'}],
    ['a battery without statistics', {device_class: 'battery', unit_of_measurement: '%', state_class: undefined}],
    ['enum without options', {device_class: 'enum', unit_of_measurement: undefined, state_class: undefined}],
    ['two availabilities in mode latest', {availability: [{topic: 'a'}, {topic: 'b'}]}],
    ['no unique id', {unique_id: undefined}],
  ] as const)('%s is found', (_name, mistake) => {
    expect(discoveryProblems('homeassistant/device/a/config', change(mistake))).not.toEqual([]);
  });
  test('a device number that is no string, a topic with a space', () => {
    expect(
      discoveryProblems('homeassistant/device/a b/config', JSON.stringify({...valid, device: {...valid.device, serial_number: 5}})),
    ).toHaveLength(2);
  });
});
