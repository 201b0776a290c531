// The daemon on recorded registers of real devices, a real broker and a real database; its life from a dead start to an orderly end.

import {writeFileSync} from 'node:fs';
import path from 'node:path';
import {describe, expect, test} from 'vitest';
import {openReader} from '../../src/store/queries.ts';
import {afterTest} from '../support/after.ts';
import {captureFile, haveCaptures, WITHOUT} from '../support/captures.ts';
import {start, tempFolder} from '../support/cli.ts';
import {type Broker, freePort, haveMosquitto, mosquitto, WITHOUT_MOSQUITTO} from '../support/programs.ts';
import {subscribe} from '../support/subscriber.ts';

/** The libraries' own time-outs, which the end must not wait for, are 20 seconds and more. */
const STOP_MS = 15_000;
const withBroker = async (port?: number): Promise<Broker> => {
  const broker = await mosquitto([], port);
  afterTest(() => broker.kill());
  return broker;
};

const site = (facts: {port: number; second: number; broker: string; every?: string; extra?: string}): string => `version: 1
site: {id: house, timezone: Europe/Berlin}
links:
  bus: {url: "tcp://127.0.0.1:${facts.port}"}
  other: {url: "tcp://127.0.0.1:${facts.second}"}
devices:
  meter: {profile: eastron-sdm230, link: bus, unit: 1}
  roof: {profile: sunspec, link: bus, unit: 126}
  hybrid: {profile: goodwe-et, link: bus, unit: 247}
  sungrow: {profile: sungrow-sh, link: other, unit: 1}
map:
  grid: meter
  solar: roof
  hybrid: [{id: goodwe, pv: hybrid.pv, battery: hybrid.battery, ac: hybrid.inverter}]
poll: {every: ${facts.every ?? '1s'}}
store: {path: wattledger.db, commit_every: 1s}
mqtt: {url: "${facts.broker}"}
http: false
${facts.extra ?? ''}`;

/** On this port and the next one: captures that share a unit id get one each. */
const simulated = (port: number) =>
  start([
    'simulate',
    captureFile('eastron-sdm230-0'),
    captureFile('sma-sb36-day'),
    captureFile('goodwe-GW10K_ET'),
    captureFile('frames-sungrow-18473-charge'),
    '--listen',
    `127.0.0.1:${port}`,
  ]);

describe.skipIf(!haveCaptures || !haveMosquitto)(`the daemon${WITHOUT}${WITHOUT_MOSQUITTO}`, () => {
  test('several recorded devices at once: database and broker have their values', async () => {
    const broker = await withBroker();
    const listener = await subscribe(broker.url, 'wattledger/#', 'homeassistant/#');
    const port = await freePort();
    const devices = simulated(port);
    await devices.saying('serving');
    const folder = tempFolder();
    const config = path.join(folder, 'site.yaml');
    writeFileSync(config, site({port, second: port + 1, broker: broker.url}));
    const daemon = start(['run', '--config', config]);

    const roof = JSON.parse(await listener.until('wattledger/device/roof/state', text => JSON.parse(text).inverter_power_w !== null));
    expect(roof).toMatchObject({inverter_power_w: 1080, inverter_voltage_l1_v: 239.2});
    expect(JSON.parse(await listener.until('wattledger/device/sungrow/state'))).toMatchObject({battery_power_w: -7977});
    expect(JSON.parse(await listener.until('wattledger/device/hybrid/state'))).toMatchObject({grid_power_w: 110, pv_power_w: 3456});
    const state = JSON.parse(await listener.until('wattledger/site/state'));
    expect(state.grid_power_w).toBeCloseTo(5.3, 1);
    expect(state.solar_power_w).toBeCloseTo(1080 + 3456, 0);
    expect(state.battery_power_w).toBeCloseTo(-2512, 0);
    const energy = JSON.parse(await listener.until('wattledger/device/meter/energy'));
    expect(energy.meter_import_energy_kwh).toBe(291.627);
    expect(await listener.until('wattledger/status')).toBe('online');
    expect(JSON.parse(await listener.until('wattledger/bridge/devices'))).toHaveLength(4);
    await listener.until('homeassistant/device/wattledger_house_house/config');

    const asked = performance.now();
    daemon.child.kill('SIGTERM');
    const ended = await daemon.ended;
    expect(ended.code).toBe(0);
    expect(performance.now() - asked).toBeLessThan(STOP_MS);
    expect(await listener.until('wattledger/status', text => text === 'offline')).toBe('offline');

    const reader = openReader(path.join(folder, 'wattledger.db'));
    const cells = reader.flows({fromMs: 0, toMs: 4e12, step: '15m', policy: 'solar-first', zone: 'Europe/Berlin'});
    expect(cells.some(cell => cell.source === 'solar' && cell.energyMilliWh > 0)).toBe(true);
    expect(reader.latestRaw('roof')?.values['inverter.power_w']).toBe(1080);
    reader.close();
    await listener.end();
    devices.child.kill();
  });

  test('everything dead at the start: devices and broker are picked up when they come', async () => {
    const port = await freePort();
    const brokerPort = await freePort();
    const config = path.join(tempFolder(), 'site.yaml');
    writeFileSync(config, site({port, second: port + 1, broker: `mqtt://127.0.0.1:${brokerPort}`}));
    const daemon = start(['run', '--config', config]);
    await daemon.saying('meter does not answer');
    await daemon.saying('broker:');
    const devices = simulated(port);
    await devices.saying('serving');
    await daemon.saying('meter is back');
    const broker = await withBroker(brokerPort);
    await daemon.saying('connected to the broker');
    const listener = await subscribe(broker.url, 'wattledger/#');
    expect(JSON.parse(await listener.until('wattledger/site/state')).grid_power_w).not.toBeNull();
    // And a device that goes away is told, while the others go on.
    devices.child.kill();
    await listener.until('wattledger/device/meter/availability', text => text === 'offline');
    expect(
      listener.heard.some(({topic, payload}) => topic === 'wattledger/bridge/event' && JSON.parse(payload).kind === 'device-lost'),
    ).toBe(true);
    daemon.child.kill('SIGINT');
    const {code, stdout} = await daemon.ended;
    expect(code).toBe(0);
    // One line for each change, however often it was asked meanwhile.
    const changes = [...stdout.matchAll(/"(meter (?:does not answer|is back)|broker: [^"]*|connected to the broker)"/g)].map(
      match => match[1],
    );
    expect(changes.length).toBeGreaterThan(3);
    expect(changes).toEqual(changes.filter((one, index) => one !== changes[index - 1]));
    expect(stdout).not.toContain('"kind":"device-');
    await listener.end();
  });

  test('SIGHUP reads the configuration again; a wrong one changes nothing', async () => {
    const port = await freePort();
    const devices = simulated(port);
    await devices.saying('serving');
    const broker = await withBroker();
    const config = path.join(tempFolder(), 'site.yaml');
    const facts = {port, second: port + 1, broker: broker.url};
    writeFileSync(config, site(facts));
    const daemon = start(['run', '--config', config]);
    await daemon.saying('first tick done');
    writeFileSync(config, site({...facts, extra: 'nonsense: true\n'}));
    daemon.child.kill('SIGHUP');
    await daemon.saying('the old one stays');
    writeFileSync(config, site({...facts, every: '2s'}));
    daemon.child.kill('SIGHUP');
    await daemon.saying(/"everyMs":2000.*"starting"/);
    // In the middle of a start, with a login at the broker under way.
    const asked = performance.now();
    daemon.child.kill('SIGTERM');
    expect((await daemon.ended).code).toBe(0);
    expect(performance.now() - asked).toBeLessThan(STOP_MS);
    devices.child.kill();
  });
});
