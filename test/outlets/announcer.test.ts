// Discovery over the years: what was published by earlier runs, under other settings, by neighbours on the same broker.

import {setTimeout as sleep} from 'node:timers/promises';
import mqtt from 'mqtt';
import {describe, expect, test} from 'vitest';
import type {Health} from '../../src/core/health.ts';
import type {TickRecord} from '../../src/core/sink.ts';
import type {Site} from '../../src/core/site.ts';
import {haveMosquitto, WITHOUT_MOSQUITTO} from '../support/programs.ts';
import {HEALTH, record, SITE} from './house.ts';
import {brokerWith, listener, never, outlet, untilOpen} from './outlet.ts';

const device = HEALTH.devices[0] as Health['devices'][number];
const withDevices = (...devices: Health['devices'][number][]) => ({health: () => ({...HEALTH, devices})});
const topicOf = (id: string): string => `homeassistant/device/wattledger_house_${id}/config`;

/** The daemon for a moment. */
async function run(url: string, changes: NonNullable<Parameters<typeof outlet>[1]>, beat = record(1, 10)): Promise<void> {
  const health = `${changes.base ?? 'wattledger'}/bridge/health`; // the last one of a round
  const heard = await listener(url, health);
  const sink = outlet(url, changes);
  await sink.open(never);
  await untilOpen(sink);
  await sink.write([beat], never);
  while (!heard.heard.some(one => !one.retain)) await sleep(20);
  // What moves to another topic does so in several steps.
  const published = () => sink.health?.().details?.['published'];
  for (let still = 0, before = published(); still < 10; still++, before = published()) {
    await sleep(50);
    if (published() !== before) still = 0;
  }
  await sink.close(never);
}
/** What a newcomer finds retained below Home Assistant's prefix. */
async function retained(url: string): Promise<ReadonlyMap<string, string>> {
  const heard = await listener(url, 'homeassistant/#', 'end');
  await heard.publish('end', '');
  await heard.until('end'); // what was retained came before
  return new Map(heard.heard.filter(one => one.payload !== '').map(({topic, payload}) => [topic, payload]));
}

// They mostly wait.
describe.skipIf(!haveMosquitto).concurrent(`discovery on a real broker${WITHOUT_MOSQUITTO}`, () => {
  test('a device that left the configuration leaves Home Assistant; one that is not reached yet stays', async () => {
    const {url} = await brokerWith();
    await run(url, withDevices(device, {...device, id: 'cellar'}, {...device, id: 'attic'}));
    expect([...(await retained(url)).keys()]).toContain(topicOf('device_cellar'));
    await run(url, withDevices(device, {...device, id: 'attic', state: 'starting', points: [], lastGoodMs: null}));
    const left = [...(await retained(url)).keys()];
    expect(left).not.toContain(topicOf('device_cellar'));
    expect(left).toEqual(expect.arrayContaining([topicOf('device_meter'), topicOf('device_attic'), topicOf('house'), topicOf('bridge')]));
  });

  test('a point that went away is told as gone before the message without it', async () => {
    const {url} = await brokerWith();
    await run(url, {});
    const heard = await listener(url, topicOf('device_meter'));
    await run(url, withDevices({...device, points: device.points.filter(point => point !== 'meter.frequency_hz')}));
    const told = heard.heard.filter(one => !one.retain).map(one => JSON.parse(one.payload).components.meter_frequency_hz);
    expect(told).toEqual([{platform: 'sensor'}, undefined]);
  });

  test('what is only not there yet is not told as gone: money before its first sums, a ratio before the first use, an empty cell', async () => {
    const {url} = await brokerWith();
    const plain = record(1, 10);
    const {self_sufficiency_pct: _, ...day} = plain.day as Record<string, number>;
    const {solar_via_battery_to_home_kwh: __, ...energy} = plain.energy as Record<string, number>;
    const money = {ts: 'x', import_price: 0.3, today_from: 'x', today_cost: 1} as unknown as NonNullable<TickRecord['money']>;
    await run(url, {tariffs: true}, {...plain, money});
    const heard = await listener(url, topicOf('house'));
    const tombs = () => heard.heard.flatMap(({payload}) => payload.match(/"\w+":\{"platform":"sensor"\}/g) ?? []);
    await run(url, {tariffs: true}, {...plain, day: day as TickRecord['day'], energy: energy as TickRecord['energy']});
    expect(tombs()).toEqual([]);
    await run(url, {tariffs: false}, plain);
    expect(tombs()).toEqual(['"import_price":{"platform":"sensor"}', '"today_cost":{"platform":"sensor"}']);
  });

  test.each(['device', 'single'] as const)('a load that left the house, in style %s: its power, its total and its cells', async style => {
    const {url} = await brokerWith();
    const homeassistant = {prefix: 'homeassistant', statusTopic: 'homeassistant/status', style};
    const plain = record(1, 10);
    const energy = {...(plain.energy as object), grid_to_heat_pump_kwh: 1, heat_pump_kwh: 1} as unknown as TickRecord['energy'];
    const state = {...plain.state, heat_pump_power_w: 5, grid_to_heat_pump_w: 5} as unknown as TickRecord['state'];
    const uniqueIds = async () =>
      [...(await retained(url)).values()].flatMap(text => text.match(/"unique_id":"wattledger_house_(\w+_)?heat_pump\w*"/g) ?? []).sort();
    await run(url, {homeassistant}, {...plain, state, energy});
    expect(await uniqueIds()).toHaveLength(4);
    // Its power is not told any more; its totals are, by a ledger that forgets nothing.
    await run(url, {homeassistant, site: {...SITE, map: {...SITE.map, loads: []}}}, {...plain, energy});
    expect(await uniqueIds()).toEqual([]);
  });

  test('a device that left the configuration leaves no messages behind', async () => {
    const {url} = await brokerWith();
    await run(url, withDevices(device, {...device, id: 'cellar'}));
    await run(url, withDevices(device));
    const heard = await listener(url, 'wattledger/device/#', 'end');
    await heard.publish('end', '');
    await heard.until('end');
    expect(heard.heard.map(({topic}) => topic).filter(topic => topic !== 'end' && !topic.startsWith('wattledger/device/meter/'))).toEqual(
      [],
    );
  });

  test('neighbours on the same broker are left alone, however much their ids resemble ours', async () => {
    const {url} = await brokerWith();
    const site: Site = {...SITE, id: 'house_device'};
    await run(url, {site, base: 'other'});
    const other = await mqtt.connectAsync(url);
    await other.publishAsync('homeassistant/sensor/0x00158d/power/config', '{"unique_id": "0x00158d"}', {retain: true, qos: 1});
    await other.endAsync();
    const before = [...(await retained(url)).keys()];
    await run(url, {});
    expect([...(await retained(url)).keys()]).toEqual(expect.arrayContaining(before));
  });

  test.each([
    ['single', 'device'],
    ['device', 'single'],
  ] as const)('from style %s to %s: entities move with their history, and nothing is there twice', async (from, to) => {
    const {url} = await brokerWith();
    const settings = (style: 'device' | 'single') => ({
      homeassistant: {prefix: 'homeassistant', statusTopic: 'homeassistant/status', style},
    });
    await run(url, settings(from));
    const before = [...(await retained(url)).keys()];
    const heard = await listener(url, 'homeassistant/#');
    await run(url, settings(to));
    const after = await retained(url);
    expect(before.length).toBeGreaterThan(2);
    expect(before.filter(topic => after.has(topic))).toEqual([]);
    const live = heard.heard.filter(one => !one.retain);
    for (const topic of before)
      expect(live.filter(one => one.topic === topic).map(one => one.payload)).toEqual(['{"migrate_discovery":true}', '']);
    const firstNew = live.findIndex(one => after.has(one.topic));
    expect(live.slice(0, firstNew).filter(one => one.payload.includes('migrate_discovery')).length).toBe(before.length);
    const uniqueIds = [...after.values()].flatMap(text => [...text.matchAll(/"unique_id":"([^"]+)"/g)].map(match => match[1]));
    expect(new Set(uniqueIds).size).toBe(uniqueIds.length);
  });
});
