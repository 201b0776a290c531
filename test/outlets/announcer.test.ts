// Discovery over the years: what was published by earlier runs, under other settings, by neighbours on the same broker.

import {setTimeout as sleep} from 'node:timers/promises';
import mqtt from 'mqtt';
import {describe, expect, test} from 'vitest';
import type {Health} from '../../src/core/health.ts';
import type {Site} from '../../src/core/site.ts';
import {haveMosquitto, WITHOUT_MOSQUITTO} from '../support/programs.ts';
import {HEALTH, record, SITE} from './house.ts';
import {brokerWith, listener, never, outlet, untilOpen} from './outlet.ts';

const device = HEALTH.devices[0] as Health['devices'][number];
const withDevices = (...devices: Health['devices'][number][]) => ({health: () => ({...HEALTH, devices})});
const topicOf = (id: string): string => `homeassistant/device/wattledger_house_${id}/config`;

/** The daemon for a moment. */
async function run(url: string, changes: NonNullable<Parameters<typeof outlet>[1]>): Promise<void> {
  const health = `${changes.base ?? 'wattledger'}/bridge/health`; // the last one of a round
  const heard = await listener(url, health);
  const sink = outlet(url, changes);
  await sink.open(never);
  await untilOpen(sink);
  await sink.write([record(1, 10)], never);
  while (!heard.heard.some(one => !one.retain)) await sleep(20);
  await sleep(500); // what moves to another topic does so in several steps
  await sink.close(never);
}
/** What a newcomer finds retained below Home Assistant's prefix. */
async function retained(url: string): Promise<ReadonlyMap<string, string>> {
  const heard = await listener(url, 'homeassistant/#');
  await sleep(300);
  return new Map(heard.heard.filter(one => one.payload !== '').map(({topic, payload}) => [topic, payload]));
}

describe.skipIf(!haveMosquitto)(`discovery on a real broker${WITHOUT_MOSQUITTO}`, () => {
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
