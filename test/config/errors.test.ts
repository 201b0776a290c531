// A wrong configuration gets one clear error: file, line, key, what was found, what was expected, the nearest known word.

import {mkdtempSync, writeFileSync} from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import {describe, expect, test} from 'vitest';
import {loadConfig, parseConfig} from '../../src/config/load.ts';
import {AppError} from '../../src/core/errors.ts';

const GOOD = `version: 1
site: {id: home, name: Our house, timezone: Europe/Berlin, currency: EUR}
links:
  cellar: {url: "tcp://192.0.2.10:502"}
  roof: {url: "tcp://192.0.2.11:502"}
devices:
  meter: {profile: eastron-sdm630, link: cellar, unit: 1}
  heating: {profile: eastron-sdm630, link: cellar, unit: 2}
  sungrow: {profile: sungrow-sh, link: roof, unit: 1}
map:
  grid: meter
  hybrid: [{id: sungrow, pv: sungrow.pv, battery: sungrow.battery, ac: sungrow.inverter}]
  loads: {heat_pump: heating}
poll: {every: 2s}
store: {path: ledger.db}
http: {listen: "127.0.0.1:8080"}
`;

function errorOf(text: string): AppError {
  try {
    parseConfig(text, 'site.yaml');
  } catch (error) {
    if (error instanceof AppError) return error;
    throw error;
  }
  throw new Error('no error');
}

test('the good one is good', () => {
  const config = parseConfig(GOOD, '/etc/wattledger/site.yaml');
  expect(config.site.map.grid?.meter).toMatchObject({device: 'meter', part: 'meter', id: 'grid'});
  expect(config.site.map.hybrids[0]?.battery[0]).toMatchObject({device: 'sungrow', part: 'battery', id: 'battery', side: 'dc'});
  expect(config.site.map.loads[0]).toMatchObject({id: 'heat_pump', device: 'heating'});
  expect(config.site.pollEveryMs).toBe(2000);
  expect(config.store.path).toBe('/etc/wattledger/ledger.db');
});

describe('a wrong one says where, what and what to do', () => {
  test.each([
    // what is wrong                   change                                                          line  code                    words in the message
    ['an unknown key', ['poll: {every: 2s}', 'polll: {every: 2s}'], 14, 'CONFIG_INVALID', ['polll', 'did you mean "poll"']],
    ['an unknown key inside', ['every: 2s', 'everry: 2s'], 14, 'CONFIG_INVALID', ['everry', 'did you mean "every"']],
    ['a wrong type', ['unit: 1}\n  heating', 'unit: one}\n  heating'], 7, 'CONFIG_INVALID', ['devices.meter.unit', '"one"', 'number']],
    ['a duration without a unit', ['every: 2s', 'every: 2'], 14, 'CONFIG_INVALID', ['poll.every', '2s, 500ms']],
    ['a poll rate out of range', ['every: 2s', 'every: 10ms'], 14, 'CONFIG_INVALID', ['poll.every', 'from 500ms']],
    ['an unknown profile', ['profile: sungrow-sh', 'profile: sungrow-hs'], 9, 'PROFILE_UNKNOWN', ['devices.sungrow.profile', 'sungrow-sh']],
    ['an unknown link', ['link: roof', 'link: rof'], 9, 'SITE_INCONSISTENT', ['devices.sungrow.link', '"rof"', 'roof']],
    ['two devices on one unit', ['unit: 2', 'unit: 1'], 8, 'SITE_INCONSISTENT', ['devices.heating', 'unit 1', '"meter"']],
    [
      'an unknown device in the map',
      ['grid: meter', 'grid: metre'],
      11,
      'SITE_INCONSISTENT',
      ['map.grid', '"metre"', 'did you mean "meter"'],
    ],
    [
      'a part mapped twice',
      ['  loads:', '  battery: [sungrow.battery]\n  loads:'],
      13,
      'SITE_INCONSISTENT',
      ['sungrow.battery', 'counted once'],
    ],
    ['a part the device has not', ['pv: sungrow.pv', 'pv: sungrow.wind'], 12, 'SITE_INCONSISTENT', ['no part "wind"']],
    ['no grid meter', ['  grid: meter\n', ''], 11, 'SITE_INCONSISTENT', ['grid meter', 'grid:']],
    ['a zone that is none', ['Europe/Berlin', 'Europe/Bärlin'], 2, 'CONFIG_INVALID', ['site.timezone', 'IANA']],
    ['a link that is none', ['tcp://192.0.2.11:502', 'tpc://192.0.2.11'], 5, 'LINK_INVALID', ['links.roof.url', 'did you mean "tcp"']],
    [
      'a page open to the network without a password',
      ['127.0.0.1:8080', '0.0.0.0:8080'],
      16,
      'HTTP_UNPROTECTED',
      ['0.0.0.0:8080', 'password'],
    ],
    [
      'a secret that is not there',
      ['http:', 'mqtt: {url: "mqtt://localhost", password: {file: nowhere}}\nhttp:'],
      16,
      'SECRET_MISSING',
      ['nowhere', 'no such file'],
    ],
    [
      'history for two brokers',
      ['http:', 'mqtt:\n  - {url: "mqtt://a", history: true}\n  - {url: "mqtt://b", history: true}\nhttp:'],
      18,
      'CONFIG_INVALID',
      ['mqtt.1.history', 'mqtt.0 has it'],
    ],
    ['an address that is none', ['http:', 'mqtt: {url: "mqtt://a b"}\nhttp:'], 16, 'CONFIG_INVALID', ['mqtt.url', 'no URL']],
    ['an id with a capital letter', ['heat_pump: heating', 'HeatPump: heating'], 13, 'CONFIG_INVALID', ['HeatPump', 'a-z, 0-9']],
    ['a load called grid', ['heat_pump: heating', 'grid: heating'], 13, 'SITE_INCONSISTENT', ['"grid"', 'choose another']],
    ['no YAML', ['map:', 'map: [}'], 10, 'CONFIG_INVALID', []],
    ['another version', ['version: 1', 'version: 7'], 1, 'CONFIG_INVALID', ['version']],
  ] as const)('%s', (_what, [from, to], line, code, words) => {
    expect(GOOD).toContain(from);
    const error = errorOf(GOOD.replace(from, to));
    expect(error.code).toBe(code);
    expect(error.where).toMatch(/^site\.yaml:\d+/);
    expect(Number(/:(\d+)/.exec(error.where)?.[1])).toBe(line);
    for (const word of words) expect(`${error.where}: ${error.what}`).toContain(word);
    expect(error.exitCode).toBe(2);
    expect(error.hint).not.toBe('');
  });
});

test('a file that is not there', () => {
  expect(() => loadConfig('/nowhere/site.yaml')).toThrow(/nowhere.*no such file/);
});

test('secrets come from a file, the environment or a credential, and are masked where the configuration is shown', () => {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'wattledger-secret-'));
  writeFileSync(path.join(folder, 'pw'), 'from-a-file\n');
  process.env['WATTLEDGER_TEST_SECRET'] = 'from-the-environment';
  const brokers = parseConfig(
    `${GOOD}mqtt:\n  - {url: "mqtt://u:in-the-url@localhost", password: {file: pw}}\n  - {url: "mqtt://localhost", password: {env: WATTLEDGER_TEST_SECRET}}\n  - {url: "mqtt://localhost", password: in-clear-text}\n`,
    path.join(folder, 'site.yaml'),
  );
  expect(brokers.mqtt.map(one => one.password)).toEqual(['from-a-file', 'from-the-environment', 'in-clear-text']);
  expect(brokers.clearSecrets).toEqual(['mqtt.0.url', 'mqtt.2.password']);
  expect(brokers.shownText).not.toMatch(/in-clear-text|in-the-url/);
});

test.each([
  ['quotes and escapes', String.raw`"hid\"den\\for all"  # once it was hid"den\for all`],
  ['doubled quotes', "'it''s hidden'"],
  ['a block', '|-\n    hidden on a line'],
  ['an anchor', '&p hidden-with-an-anchor'],
])('a secret in clear text is masked whatever its spelling: %s', (_, written) => {
  const {shownText} = parseConfig(`${GOOD}mqtt:\n  url: "mqtt://localhost"\n  password: ${written}\n`, 'site.yaml');
  expect(shownText).toMatch(/password: (&p )?\*{8}/);
  expect(shownText).not.toMatch(/hid|den/);
});

test('an error about a secret does not show it', () => {
  const error = errorOf(`${GOOD}mqtt: {url: "mqtt://localhost", password: 31415926}\n`);
  expect(error.what).toContain('expected {file: PATH}');
  expect(error.what).not.toContain('31415926');
});
