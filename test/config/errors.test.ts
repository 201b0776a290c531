// A wrong configuration gets one clear error: file, line, key, what was found, what was expected, the nearest known word.

import {mkdtempSync, writeFileSync} from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import {describe, expect, test, vi} from 'vitest';
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
      'a path with a bare % in it',
      ['tcp://192.0.2.11:502', 'rtu:///dev/tty%zz'],
      5,
      'LINK_INVALID',
      ['links.roof.url: found "/dev/tty%zz"', 'a % in it is written %25'],
    ],
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
    ['a load called like a total', ['heat_pump: heating', 'grid_import: heating'], 13, 'SITE_INCONSISTENT', ['"grid_import"', 'total']],
    ['a load called like a cell', ['heat_pump: heating', 'solar_to_home: heating'], 13, 'SITE_INCONSISTENT', ['"solar_to_home"', 'cell']],
    ['a load called like a label', ['heat_pump: heating', 'imported: heating'], 13, 'SITE_INCONSISTENT', ['"imported"', 'choose another']],
    ['a link called like what every object has', ['link: roof', 'link: constructor'], 9, 'SITE_INCONSISTENT', ['no link "constructor"']],
    ['a port that does not exist', ['127.0.0.1:8080', '127.0.0.1:80800'], 16, 'CONFIG_INVALID', ['http.listen', 'up to 65535']],
    [
      'the port of a shared link that does not exist',
      ['http:', 'proxy: {cellar: {listen: "127.0.0.1:70000"}}\nhttp:'],
      16,
      'CONFIG_INVALID',
      ['proxy.cellar.listen', 'up to 65535'],
    ],
    [
      'a further name of the page with its port',
      ['8080"}', '8080", hosts: ["pi.local:8080"]}'],
      16,
      'CONFIG_INVALID',
      ['http.hosts.0', 'without a port'],
    ],
    [
      'a proxy by its network',
      ['8080"}', '8080", trust_proxy: [10.0.0.0/8]}'],
      16,
      'CONFIG_INVALID',
      ['http.trust_proxy.0', 'address of one machine'],
    ],
    [
      'topics of the broker itself',
      ['http:', 'mqtt: {url: "mqtt://a", base: $SYS/w}\nhttp:'],
      16,
      'CONFIG_INVALID',
      ['mqtt.base', 'home/wattledger'],
    ],
    [
      'topics with an empty level',
      ['http:', 'mqtt: {url: "mqtt://a", base: a/}\nhttp:'],
      16,
      'CONFIG_INVALID',
      ['mqtt.base', 'empty levels'],
    ],
    [
      'discovery under a wildcard',
      ['http:', 'mqtt: {url: "mqtt://a", homeassistant: {prefix: "ha/#"}}\nhttp:'],
      16,
      'CONFIG_INVALID',
      ['mqtt.homeassistant.prefix', 'wildcards'],
    ],
    ['a broker without a host', ['http:', 'mqtt: {url: "mqtt:///a"}\nhttp:'], 16, 'CONFIG_INVALID', ['mqtt.url', 'no URL']],
    [
      'a plausible range turned around',
      ['unit: 2}', 'unit: 2, plausible: {meter.power_w: [5, 1]}}'],
      8,
      'CONFIG_INVALID',
      ['plausible.meter.power_w', 'least'],
    ],
    ['a zone that quarter hours do not fit', ['Europe/Berlin', '"+01:07"'], 2, 'CONFIG_INVALID', ['site.timezone', 'IANA']],
    ['a database without a name', ['path: ledger.db', 'path: ""'], 15, 'CONFIG_INVALID', ['store.path', 'found "", expected some text']],
    ['no version', ['version: 1\n', ''], 1, 'CONFIG_INVALID', ['version: found nothing, expected 1\n']],
    ['a unit above 255', ['unit: 2', 'unit: 256'], 8, 'CONFIG_INVALID', ['found 256, expected at most 255']],
    ['half a unit', ['unit: 2', 'unit: 1.5'], 8, 'CONFIG_INVALID', ['found 1.5, expected a whole number']],
    [
      'a list where a word or a table stands',
      ['grid: meter', 'grid: [meter]'],
      11,
      'CONFIG_INVALID',
      ['found ["meter"], expected a string or keys with values'],
    ],
    [
      'one word of several kinds',
      ['http:', 'mqtt: {url: "mqtt://a", protocol: 3}\nhttp:'],
      16,
      'CONFIG_INVALID',
      ['expected auto or 5 or 4'],
    ],
    [
      'a secret from two places',
      ['8080"}', '8080", password: {file: a, env: B}}'],
      16,
      'CONFIG_INVALID',
      ['http.password.', 'cannot stand together with'],
    ],
    ['a second document', ['map:', '---\nmap:'], 10, 'CONFIG_INVALID', ['second document']],
    ['no YAML', ['map:', 'map: [}'], 10, 'CONFIG_INVALID', []],
    [
      'a key twice',
      ['unit: 2}', 'unit: 2, profile: eastron-sdm72}'],
      8,
      'CONFIG_INVALID',
      ['devices.heating.profile: is here a second time', 'first in line 8'],
    ],
    ['a section twice', ['http:', 'poll: {every: 5s}\nhttp:'], 16, 'CONFIG_INVALID', ['poll: is here a second time', 'first in line 14']],
    [
      'a zone with a slip of the pen',
      ['Europe/Berlin', 'Europe/Berln'],
      2,
      'CONFIG_INVALID',
      ['did you mean "Europe/Berlin"', 'found "Europe/Berln"'],
    ],
    ['what a range does not hold', ['every: 2s', 'every: 3h'], 14, 'CONFIG_INVALID', ['from 500ms to 1h', 'found "3h"']],
    ['a number for a text', ['name: Our house', 'name: 12'], 2, 'CONFIG_INVALID', ['found 12', 'in quotes it is one: "12"']],
    [
      'a profile by its model alone',
      ['unit: 2}', 'unit: 2}\n  pump: {profile: SDM120, link: cellar, unit: 3}'],
      9,
      'PROFILE_UNKNOWN',
      ['did you mean "eastron-sdm120"?'],
    ],
    [
      'a profile by its maker alone',
      ['profile: sungrow-sh', 'profile: sungrow'],
      9,
      'PROFILE_UNKNOWN',
      ['did you mean "sungrow-sg" or "sungrow-sh"?'],
    ],
    [
      'a device whose name is a number',
      ['  sungrow:', '  12: {profile: eastron-sdm630, link: cellar, unit: 300}\n  sungrow:'],
      9,
      'CONFIG_INVALID',
      ['devices.12.unit: found 300, expected at most 255'],
    ],
    [
      'the page and a link on one port',
      ['http:', 'proxy: {cellar: {listen: "0.0.0.0:8080"}}\nhttp:'],
      16,
      'CONFIG_INVALID',
      ['proxy.cellar.listen', 'where http.listen listens'],
    ],
    [
      'two links on one port',
      ['http:', 'proxy: {cellar: {listen: "localhost:1502"}, roof: {listen: "127.0.0.1:1502"}}\nhttp:'],
      16,
      'CONFIG_INVALID',
      ['proxy.roof.listen', 'where proxy.cellar.listen listens'],
    ],
    ['another version', ['version: 1', 'version: 7'], 1, 'CONFIG_INVALID', ['version']],
  ] as const)('%s', (_what, [from, to], line, code, words) => {
    expect(GOOD).toContain(from);
    const error = errorOf(GOOD.replace(from, to));
    expect(error.code).toBe(code);
    expect(error.where).toMatch(/^site\.yaml:\d+/);
    expect(Number(/:(\d+)/.exec(error.where)?.[1])).toBe(line);
    for (const word of words) expect(`${error.where}: ${error.what}\n`).toContain(word);
    expect(error.exitCode).toBe(2);
    expect(error.hint).not.toBe('');
  });
});

test('an id is refused only where a total or a cell has its name', () => {
  const {map} = parseConfig(GOOD.replace('heat_pump: heating', 'car_charge: heating'), 'site.yaml').site;
  expect(map.loads[0]?.id).toBe('car_charge');
});

test('an option of a profile may be written as a number or in quotes', () => {
  for (const step of ['0.1', '"0.1"'])
    expect(
      parseConfig(
        GOOD.replace('profile: sungrow-sh, link: roof, unit: 1', `profile: deye-3p, link: roof, options: {energy_step: ${step}}`),
        'site.yaml',
      ).devices.find(({id}) => id === 'sungrow')?.options,
    ).toEqual({energy_step: '0.1'});
});

test('the scheme of a link may be in capitals', () => {
  expect(parseConfig(GOOD.replace('tcp://192.0.2.11', 'TCP://192.0.2.11'), 'site.yaml').links[1]?.url).toMatchObject({kind: 'tcp'});
});

test('a folder of profiles that is not there is told with its line', () => {
  expect(errorOf(`${GOOD}profiles: [nowhere]\n`)).toMatchObject({
    where: 'site.yaml:17:12',
    what: expect.stringMatching(/nowhere: no such file/),
  });
});

test('a secret that is empty opens nothing', () => {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'wattledger-empty-'));
  writeFileSync(path.join(folder, 'pw'), '\n');
  vi.stubEnv('WATTLEDGER_TEST_EMPTY', '');
  for (const secret of ['{file: pw}', '{env: WATTLEDGER_TEST_EMPTY}', '""'])
    for (const key of ['password', 'token'])
      expect(
        () => parseConfig(GOOD.replace('127.0.0.1:8080"', `0.0.0.0:8080", ${key}: ${secret}`), path.join(folder, 'site.yaml')),
        `${key}: ${secret}`,
      ).toThrow(expect.objectContaining({code: 'SECRET_MISSING', what: `http.${key}: the secret is empty`}));
  vi.unstubAllEnvs();
});

test('a file in another encoding than UTF-8 is told as such', () => {
  const file = path.join(mkdtempSync(path.join(os.tmpdir(), 'wattledger-latin-')), 'site.yaml');
  writeFileSync(file, GOOD.replace('Our house', 'Häuschen'), 'latin1');
  expect(() => loadConfig(file)).toThrow(/site\.yaml:2: is no text in UTF-8/);
});

test('links on ports of their own, or on free ones, are no error', () => {
  const {proxies} = parseConfig(`${GOOD}proxy: {cellar: {listen: "127.0.0.1:0"}, roof: {listen: "127.0.0.1:0"}}\n`, 'site.yaml');
  expect(proxies.map(({link}) => link)).toEqual(['cellar', 'roof']);
});

test('an address that is none does not show the password in it', () => {
  expect(errorOf(`${GOOD}mqtt: {url: "mqtt://user:gehe im@a b"}\n`).what).not.toMatch(/gehe/);
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

test.each([
  ['an address of the wrong kind', 'mqtt: {url: "http://user:geheim@host"}'],
  ['an address in the place of the section', 'mqtt: "mqtt://user:geheim@host"'],
  ['an address in a list', 'mqtt: {url: ["mqtt://user:geheim@host"]}'],
  ['a section that is a list', 'mqtt: [[{password: geheim}]]'],
  ['a section of the page that is a list', 'http: [{token: "gehe\\"im", password: geheim}]'],
])('what is found is shown without the secrets in it: %s', (_what, line) => {
  const {what} = errorOf(`${GOOD.replace(/^http:.*\n/m, '')}${line}\n`);
  expect(what).toMatch(/found .*\*\*\*\*/);
  expect(what).not.toMatch(/gehe/);
});

test('the keys that are known beside an unknown one are those of its place', () => {
  const {what} = errorOf(GOOD.replace('8080"}', '8080", password: {file: a, xyzzy: b}}'));
  expect(what).toMatch(/xyzzy: unknown key; known here: file, env, credential$/);
});

test('an error about a secret does not show it', () => {
  const error = errorOf(`${GOOD}mqtt: {url: "mqtt://localhost", password: 31415926}\n`);
  expect(error.what).toContain('expected {file: PATH}');
  expect(error.what).not.toContain('31415926');
});
