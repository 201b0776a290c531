// A meter mounted the other way round: `invert:` turns its powers and swaps its counters; nothing else moves.

import {expect, test} from 'vitest';
import {realClock} from '../../src/app/clock.ts';
import {loadConfig, parseConfig} from '../../src/config/load.ts';
import {silentLog} from '../../src/core/log.ts';
import {bankOf, readCapture} from '../../src/device/capture.ts';
import {createDevice} from '../../src/device/device.ts';
import {openLink} from '../../src/link/open.ts';
import {startModbusServer} from '../../src/link/server.ts';
import {afterTest} from '../support/after.ts';

/** Every number of a device on its capture, by point. */
async function valuesOf(profile: string, grid: string, invert: string): Promise<Record<string, number>> {
  const server = await startModbusServer({
    host: '127.0.0.1',
    port: 0,
    units: bankOf(readCapture(`test/captures/${profile}.json`), () => 0),
  });
  afterTest(() => server.close());
  const unit = [...bankOf(readCapture(`test/captures/${profile}.json`), () => 0).keys()][0];
  const config = parseConfig(
    `version: 1\nlinks: {bus: {url: "tcp://127.0.0.1:${server.port}"}}\ndevices: {one: {profile: ${profile}, link: bus, unit: ${unit}${invert}}}\nmap: {grid: ${grid}}\n`,
    'site.yaml',
  );
  const [{url}, device] = [config.links[0] as (typeof config.links)[number], config.devices[0] as (typeof config.devices)[number]];
  const link = openLink('bus', url, {clock: realClock, timeoutMs: 30_000});
  afterTest(() => link.close());
  const {readings} = await createDevice(
    {...device, link, linkUrl: url, everyMs: 0, slowEveryMs: 0},
    {clock: realClock, log: silentLog, note() {}, localHour: () => 12},
  ).sweep(new AbortController().signal);
  return Object.fromEntries(
    readings.flatMap(({point, measured}) =>
      measured.kind === 'good' && typeof measured.value === 'number' ? [[point, measured.value]] : [],
    ),
  );
}

test.each([
  // profile          grid      part      sign                                   counters that change places                      stays
  [
    'eastron-sdm630',
    'one',
    'meter',
    ['meter.power_w', 'meter.power_l2_w'],
    ['meter.import_energy_wh', 'meter.export_energy_wh'],
    'meter.voltage_l1_v',
  ],
  ['sungrow-sh', 'one', 'battery', ['battery.power_w'], ['battery.charge_energy_wh', 'battery.discharge_energy_wh'], 'grid.power_w'],
])('%s', async (profile, grid, part, signs, [one, other], stays) => {
  const plain = await valuesOf(profile, grid, '');
  const turned = await valuesOf(profile, grid, `, invert: ${part}`);
  for (const name of signs) expect([name, turned[name]]).toEqual([name, 0 - (plain[name] as number)]);
  expect(plain[one as string]).not.toBe(plain[other as string]);
  expect([turned[one as string], turned[other as string]]).toEqual([plain[other as string], plain[one as string]]);
  expect(turned[stays]).toBe(plain[stays]);
  expect(Object.keys(turned).sort()).not.toEqual([]);
});

test('points that a SunSpec device tells itself are turned as well', async () => {
  const plain = await valuesOf('sunspec', 'one.inverter', '');
  const turned = await valuesOf('sunspec', 'one.inverter', ', invert: [inverter]');
  expect(plain['inverter.power_w']).toBeGreaterThan(0);
  expect(turned['inverter.power_w']).toBe(0 - (plain['inverter.power_w'] as number));
});

test('a part that the device has not is an error with its line', () => {
  expect(() =>
    parseConfig(
      'version: 1\nlinks: {bus: {url: "tcp://192.0.2.1"}}\ndevices:\n  one:\n    profile: eastron-sdm630\n    link: bus\n    invert: gird\nmap: {grid: one}\n',
      'site.yaml',
    ),
  ).toThrow(/site\.yaml:7.*no part "gird"; it has meter/);
  expect(() => loadConfig('config/site.example.yaml')).not.toThrow();
});
