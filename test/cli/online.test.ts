// `check --online` and `doctor`: what devices, brokers, the running daemon and the house as a whole tell; each finding with evidence and a remedy.

import {readFileSync, writeFileSync} from 'node:fs';
import path from 'node:path';
import {expect, test} from 'vitest';
import {balanceOf} from '../../src/cli/balance.ts';
import {bankOf, readCapture} from '../../src/device/capture.ts';
import {type RegisterSource, startModbusServer} from '../../src/link/server.ts';
import {afterTest} from '../support/after.ts';
import {run, start, tempFolder} from '../support/cli.ts';
import {freePort, haveMosquitto, mosquitto, WITHOUT_MOSQUITTO} from '../support/programs.ts';

/** A house of a hybrid and a meter on captures; `invert` for the hybrid, `meter` for the profile the configuration has for it. */
async function house(facts: {broker?: string; invert?: string; http?: string; meter?: string}): Promise<string> {
  const ports = [];
  for (const [profile, unit] of [
    ['sungrow-sh', 1],
    ['eastron-sdm630', 1],
  ] as const) {
    const source = [...bankOf(readCapture(`test/captures/${profile}.json`), () => 0).values()][0] as RegisterSource;
    const server = await startModbusServer({host: '127.0.0.1', port: 0, units: new Map([[unit, source]])});
    afterTest(() => server.close());
    ports.push(server.port);
  }
  const folder = tempFolder();
  const file = path.join(folder, 'site.yaml');
  writeFileSync(
    file,
    `version: 1
site: {id: pair}
links: {a: {url: "tcp://127.0.0.1:${ports[0]}"}, b: {url: "tcp://127.0.0.1:${ports[1]}"}}
devices:
  sungrow: {profile: sungrow-sh, link: a${facts.invert ?? ''}}
  meter: {profile: ${facts.meter ?? 'eastron-sdm630'}, link: b}
map: {grid: meter, hybrid: [{id: sungrow, pv: sungrow.pv, battery: sungrow.battery, ac: sungrow.inverter}]}
store: {path: ${folder}/w.db, commit_every: 1s}
${facts.broker ? `mqtt: {url: "${facts.broker}"}` : ''}
http: ${facts.http ?? 'false'}
`,
  );
  return file;
}
type Checked = {
  findings: {where: string; what: string; todo: string}[];
  devices: {id: string; latencyMs: number}[];
  brokers: string[];
  home_w: number;
};
/** What `check --online` says, asked until it is `good`: on a machine that stands still for seconds a device may have been asked in vain. */
async function checked(file: string, good: (told: Checked) => boolean = () => true): Promise<Checked> {
  for (;;) {
    const {stdout, stderr} = await run(['check', '--config', file, '--online', '--json']);
    expect(stderr).not.toMatch(/\n\s+at /);
    const told = JSON.parse(stdout) as Checked;
    if (good(told)) return told;
  }
}
const balanced = ({home_w}: Checked): boolean => home_w !== null;

test.skipIf(!haveMosquitto)(`a house that adds up, its latencies, its broker before and after the start${WITHOUT_MOSQUITTO}`, async () => {
  const broker = await mosquitto();
  afterTest(() => broker.kill());
  const file = await house({broker: broker.url});
  const before = await checked(file, balanced);
  expect(before.findings.filter(({where}) => where !== 'store.path')).toEqual([]);
  expect(before.devices.map(one => [one.id, one.latencyMs >= 0]).sort()).toEqual([
    ['meter', true],
    ['sungrow', true],
  ]);
  expect(before.home_w).toBeGreaterThan(0);
  expect(before.brokers).toEqual([expect.stringMatching(/MQTT 5; the daemon is not online; Home Assistant finds 0 devices/)]);
  const daemon = start(['run', '--config', file]);
  await daemon.saying('connected to the broker');
  await daemon.saying('first tick done');
  let line = '';
  while (!/finds [1-9]/.test(line)) [line = ''] = (await checked(file)).brokers;
  expect(line).toMatch(/the daemon is online; Home Assistant finds \d+ devices of this house/);
});

test('more leaves the house than comes in: which sign would mend it, with the figures', async () => {
  const {findings, home_w} = await checked(await house({invert: ', invert: inverter', broker: 'mqtt://127.0.0.1:9'}), balanced);
  expect(home_w).toBe(-1496);
  const balance = findings.find(({where}) => where === 'map');
  expect(balance?.what).toBe('1496 W more leave the house than come in (meter.meter 2477 W, sungrow.inverter -3973 W)');
  expect(balance?.todo).toContain('add up with sungrow.inverter under');
  expect(findings.find(({where}) => where === 'mqtt')).toMatchObject({
    what: expect.stringContaining('ECONNREFUSED'),
    todo: expect.stringContaining('host and port'),
  });
  for (const {what, todo} of findings) expect([what.length > 0, todo.length > 0]).toEqual([true, true]);
});

test.each([
  // powers into the house                    left   whose sign would mend it
  [{grid: 500, sun: 0}, 500, []],
  [{grid: -2000, sun: 1500}, -500, ['grid']],
  [{grid: -500, sun: 300, battery: -2000}, -2200, ['battery']],
  [{grid: -60, sun: 0}, -60, []],
])('balance of %j', (powers, homeW, suspects) => {
  expect(balanceOf(Object.entries(powers).map(([name, watts]) => ({name, watts})))).toEqual({homeW, suspects});
});

test('a profile on another device: said by `check --online`, `read` and the daemon, and the device is read', async () => {
  // Two meters with some registers in common: an SDM630 has its voltages where a PAC2200 has halves of them.
  const file = await house({meter: 'siemens-pac2200'});
  const {findings, devices} = await checked(file, ({findings}) => findings.some(({what}) => what.startsWith('may be another device')));
  const [finding] = findings.filter(({where, what}) => where === 'devices.meter' && what.startsWith('may be another device'));
  expect(finding?.what).toMatch(/^may be another device than siemens-pac2200: register 1 says /);
  expect(finding?.todo).toContain('`wattledger scan` tells which profile fits');
  expect(devices.map(({id}) => id).sort()).toEqual(['meter', 'sungrow']);
  const daemon = start(['run', '--config', file]);
  await daemon.saying('meter may be another device: register 1 says ');
  const link = /b: {url: "([^"]+)"}/.exec(readFileSync(file, 'utf8'))?.[1] as string;
  const asked = ['read', '--link', link, '--unit', '1', '--profile', 'siemens-pac2200'];
  await expect
    .poll(async () => (await run(asked)).stdout)
    .toMatch(/! this may be another device: register 1 says .*`wattledger scan` tells which profile fits/);
  let told: {warnings?: string[]} = {};
  while (!told.warnings) told = JSON.parse((await run([...asked, '--json'])).stdout);
  expect(told.warnings?.[0]).toMatch(/^register 1 says /);
  const right = await run(['read', '--link', link, '--unit', '1', '--profile', 'eastron-sdm630', '--json']);
  expect(right.stdout).not.toContain('warnings');
});

test('a second meter without a power is named: the house needs it', async () => {
  const source = [...bankOf(readCapture('test/captures/eastron-sdm630.json'), () => 0).values()][0] as RegisterSource;
  // Its total power is not a number.
  const [POWER_AT, NAN] = [0x34, [0x7fc0, 0]];
  const without: RegisterSource = {
    async read(fc, at, words) {
      const answer = await source.read(fc, at, words);
      return Array.isArray(answer) ? answer.map((word, index) => NAN[at + index - POWER_AT] ?? word) : answer;
    },
  };
  const server = await startModbusServer({
    host: '127.0.0.1',
    port: 0,
    units: new Map([
      [1, source],
      [2, without],
    ]),
  });
  afterTest(() => server.close());
  const folder = tempFolder();
  const file = path.join(folder, 'site.yaml');
  writeFileSync(
    file,
    `version: 1
links: {bus: {url: "tcp://127.0.0.1:${server.port}"}}
devices: {meter: {profile: eastron-sdm630, link: bus, unit: 1}, second: {profile: eastron-sdm630, link: bus, unit: 2}}
map: {grid: meter, cascade: {meter: second, loads: [heat_pump]}}
store: {path: ${folder}/w.db}
http: false
`,
  );
  const {findings} = await checked(file, ({devices}) => devices.length === 2);
  expect(findings.filter(({where}) => where === 'devices.second').map(({what}) => what)).toContainEqual(
    expect.stringMatching(/^meter\.power_w is missing .*the house needs it/),
  );
});

test('doctor asks the running daemon for what it measured, and says where it does not run', async () => {
  const file = await house({http: `{listen: "127.0.0.1:${await freePort()}", token: "a token of length"}`});
  expect((await run(['doctor', '--config', file])).stdout).toMatch(/## daemon\n\ndoes not run/);
  const daemon = start(['run', '--config', file]);
  await daemon.saying('first tick done');
  const {stdout} = await run(['doctor', '--config', file, '--online']);
  expect(stdout).toMatch(/device meter: good, [\d.]+ ms an answer, \d+ polls, faults none/);
  expect(stdout).toMatch(/link a: \S+, busy \d+ %/);
  expect(stdout).toMatch(/## devices\n\n.* values, \d+ ms an answer/);
  expect(stdout).toMatch(/the house takes -?\d+ W right now/);
  expect(stdout).not.toContain('a token of length');
});
