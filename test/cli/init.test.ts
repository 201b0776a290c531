// `init` as a person has it who never saw Modbus: at a terminal, with every question answered wrong once, left at any of them; and as a script.

import {spawnSync} from 'node:child_process';
import {chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync} from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import {beforeEach, describe, expect, test} from 'vitest';
import {loadConfig} from '../../src/config/load.ts';
import {bankOf, readCapture} from '../../src/device/capture.ts';
import {startSerialServer} from '../../src/link/line-server.ts';
import {type RegisterSource, startModbusServer} from '../../src/link/server.ts';
import {afterTest} from '../support/after.ts';
import {run, tempFolder} from '../support/cli.ts';
import {sitDown} from '../support/person.ts';
import {haveMosquitto, mosquitto, WITHOUT_MOSQUITTO} from '../support/programs.ts';
import {cable, haveSocat, WITHOUT_SOCAT} from '../support/pty.ts';

const sourceOf = (profile: string): RegisterSource =>
  [...bankOf(readCapture(`test/captures/${profile}.json`), () => 0).values()][0] as RegisterSource;
/** Serves a capture under one unit; gives HOST:PORT. */
async function device(profile: string, unit: number): Promise<string> {
  const server = await startModbusServer({host: '127.0.0.1', port: 0, units: new Map([[unit, sourceOf(profile)]])});
  afterTest(() => server.close());
  return `127.0.0.1:${server.port}`;
}

let folder = '';
let file = '';
beforeEach(() => {
  folder = tempFolder();
  file = path.join(folder, 'etc', 'wattledger.yaml');
});
const written = (): string[] => (existsSync(path.dirname(file)) ? readdirSync(path.dirname(file)).sort() : []);

describe.skipIf(!haveSocat || !haveMosquitto)(`at a terminal${WITHOUT_SOCAT}${WITHOUT_MOSQUITTO}`, () => {
  /** A broker that knows anna only. */
  async function guarded(): Promise<string> {
    const passwords = path.join(folder, 'passwords');
    writeFileSync(passwords, 'anna:open sesame\n', {mode: 0o600});
    spawnSync('mosquitto_passwd', ['-U', passwords]);
    const broker = await mosquitto(['allow_anonymous false', `password_file ${passwords}`, `user ${os.userInfo().username}`]);
    afterTest(() => broker.kill());
    return `127.0.0.1:${broker.port}`;
  }

  test('every answer wrong once, a sign turned, and a file that the daemon takes', async () => {
    const [hybrid, meter, broker] = [await device('goodwe-et', 247), await device('eastron-sdm630', 1), await guarded()];
    const person = sitDown(['init', '-o', file, '--units', '1,247']);
    for (const [question, keys] of [
      ['Name of the site', '?'],
      ['Name of the site', 'Our "house"'],
      ['Time zone', 'berlin'],
      ['Time zone', 'europe/berlin'],
      ['Where is a device', '7'],
      ['Where is a device', 'no such thing'],
      ['Where is a device', ''],
      ['Try another address', 'perhaps'],
      ['Try another address', 'yes'],
      ['Where is a device', '127.0.0.1:9'],
      ['Where is a device', hybrid],
      ['Where is another device', hybrid],
      ['Where is another device', meter],
      ['Where is another device', ''],
      ['What does model_1 measure', '9'],
      ['Number or word', 'load'],
      ['Number or word', 'hybrid'],
      ['What does sdm630 measure', '1'],
      // A person looks at the house: the sun is right, the battery is the other way round, the meter is neither.
      ['Is the sun making 4.9 kW right now', 'perhaps'],
      ['Is the sun making 4.9 kW right now', 'again'],
      ['Is the sun making 4.9 kW right now', 'y'],
      ['Is the battery of model_1 giving 13.5 kW right now', 'no'],
      ['being charged with 13.5 kW', ''],
      ['Is the house buying 2.5 kW right now', 'no'],
      ['the house is selling 2.5 kW', 'no'],
      ['It would add up with the battery of model_1 turned around', 'no'],
      ['Broker', 'not/a broker'],
      ['Broker', '127.0.0.1:9'],
      ['Keep it all the same', 'no'],
      ['Broker', broker],
      ['User name', 'anna'],
      ['Password', 'open barley'],
      ['User name', ''],
      ['Password', 'open sesame'],
      ['Open the page', 'perhaps'],
      ['Open the page', 'yes'],
      ['Password of the page', 'short'],
      ['Password of the page', 'a long one'],
      ['Write ', 'maybe'],
      ['Write ', ''],
    ] as const)
      await person.answer(question, keys);
    await person.ended;
    const screen = person.screen();
    for (const words of [
      'did you mean Europe/Berlin?',
      'there is no list of serial ports',
      '"no such thing" is no host',
      'refuses the connection',
      'was looked at already',
      '"load" is none of these',
      'gets `invert: battery`',
      'noted as a comment',
      'More leaves the house than comes in, by 6.1 kW',
      'refuses the login',
      'the broker takes it',
      'that is too short',
      `${file} is written.`,
    ])
      expect(screen).toContain(words);
    expect(screen).not.toMatch(/open sesame|a long one/);

    const config = loadConfig(file);
    expect(config.site).toMatchObject({name: 'Our "house"', timezone: 'Europe/Berlin'});
    expect(config.devices.map(one => [one.profile.id, one.profile.turned ?? []])).toEqual([
      ['goodwe-et', ['battery']],
      ['eastron-sdm630', []],
    ]);
    expect(config.site.map).toMatchObject({grid: {meter: {part: 'meter'}}, hybrids: [{ac: {part: 'inverter'}}]});
    expect(config.http).toMatchObject({listen: '0.0.0.0:8080', password: 'a long one'});
    expect(config.mqtt).toMatchObject([{url: `mqtt://${broker}`, username: 'anna', password: 'open sesame'}]);
    const text = readFileSync(file, 'utf8');
    expect(text).toContain('called wrong: compare with');
    expect(text).not.toMatch(/open sesame|a long one/);
    expect(text.match(/^\s*# /gm)?.length).toBeGreaterThan(8);
    expect(written()).toEqual(['mqtt-password', 'page-password', 'wattledger.yaml']);
    for (const name of written()) expect(statSync(path.join(path.dirname(file), name)).mode & 0o777).toBe(0o640);
  });

  test.each([
    // left at            after answering                                                              with
    ['the name', [], 'Name of the site', '\u0003'],
    ['the zone', [['Name of the site', '']], 'Time zone', '\u0004'],
    [
      'the address',
      [
        ['Name of the site', ''],
        ['Time zone', ''],
      ],
      'Where is a device',
      '\u0003',
    ],
    [
      'the role',
      [
        ['Name of the site', ''],
        ['Time zone', ''],
        ['Where is a device', 'METER'],
        ['Where is another', ''],
      ],
      'What does',
      '\u0003',
    ],
    [
      'the last question',
      [
        ['Name of the site', ''],
        ['Time zone', ''],
        ['Where is a device', 'METER'],
        ['Where is another', ''],
        ['What does', ''],
        ['buying', 'skip'],
        ['Broker', ''],
        ['Open the page', ''],
      ],
      'Write ',
      '\u0003',
    ],
  ] as const)('left at %s: nothing is written', async (_, answers, last, key) => {
    const meter = await device('eastron-sdm630', 1);
    const person = sitDown(['init', '-o', file, '--units', '1']);
    for (const [question, keys] of answers) await person.answer(question, keys.replace('METER', meter));
    await person.press(last, key);
    await person.ended;
    expect(person.screen()).toContain('stopped; nothing was written');
    expect(person.screen()).not.toMatch(/\n\s+at /);
    expect(written()).toEqual([]);
  });
});

describe('as a script', () => {
  const script = (...args: string[]) => run(['init', '--yes', '-o', file, '--timezone', 'Europe/Berlin', ...args]);

  test('roles, broker and page come from options; the live values are told; the service is started', async () => {
    const [hybrid, meter] = [await device('goodwe-et', 247), await device('eastron-sdm630', 1)];
    writeFileSync(path.join(folder, 'page'), 'a long one\n');
    // systemd as far as `init` meets it.
    const bin = path.join(folder, 'bin');
    mkdirSync(bin);
    writeFileSync(
      path.join(bin, 'systemctl'),
      `#!/bin/sh\necho "$*" >>${folder}/systemctl.log\n[ "$1" != cat ] || echo "ExecStart=wattledger run --config ${file}"\n`,
    );
    chmodSync(path.join(bin, 'systemctl'), 0o755);
    const {code, stdout, stderr} = await run(
      [
        ...['init', '--yes', '--start', '-o', file, '--link', `tcp://${hybrid}`, '--link', `tcp://${meter}`, '--units', '1,247'],
        ...['--role', 'model_1=grid and hybrid', '--role', 'sdm630=load', '--page-password-file', path.join(folder, 'page')],
      ],
      {PATH: `${bin}:${process.env['PATH']}`},
    );
    expect([code, stderr]).toEqual([0, expect.stringContaining('the sun is making 4.9 kW')]);
    expect(stderr).toContain('sdm630 is drawing 2.5 kW');
    expect(stdout).toContain('The service runs');
    expect(readFileSync(path.join(folder, 'systemctl.log'), 'utf8').trim().split('\n')).toEqual([
      'cat wattledger.service',
      'enable wattledger.service',
      'restart wattledger.service',
    ]);
    const config = loadConfig(file);
    expect(config.site.map).toMatchObject({grid: {meter: {device: 'model_1', part: 'grid'}}, loads: [{id: 'sdm630'}]});
    expect(config.http?.password).toBe('a long one');
    expect(written()).toEqual(['wattledger.yaml']);
  });

  test.each([
    [
      'a file that is there',
      1,
      /there is a configuration already/,
      async () => {
        mkdirSync(path.dirname(file));
        writeFileSync(file, 'mine');
        return [];
      },
    ],
    ['no device', 1, /no device was found/, async () => ['--link', 'tcp://127.0.0.1:9']],
    [
      'no meter at the utility connection',
      2,
      /none of these is the meter/,
      async () => ['--link', `tcp://${await device('eastron-sdm630', 1)}`, '--role', 'sdm630=load'],
    ],
    [
      'a role it cannot play',
      2,
      /sdm630 cannot be "battery"; it can be grid/,
      async () => ['--link', `tcp://${await device('eastron-sdm630', 1)}`, '--role', 'sdm630=battery'],
    ],
    [
      'a device that is not there',
      2,
      /did you mean "sdm630"/,
      async () => ['--link', `tcp://${await device('eastron-sdm630', 1)}`, '--role', 'sdm360=grid'],
    ],
    ['a link that is none', 2, /did you mean "tcp"/, async () => ['--link', 'tpc://127.0.0.1']],
    ['a zone that is none', 2, /did you mean Europe\/Berlin/, async () => ['--timezone', 'Berlin', '--link', 'tcp://127.0.0.1:9']],
    [
      'a secret that is not there',
      2,
      /nowhere.*no such file/s,
      async () => ['--link', `tcp://${await device('eastron-sdm630', 1)}`, '--mqtt-password-file', '/nowhere'],
    ],
  ] as const)('%s: exit code, words, and nothing is written', async (what, code, words, args) => {
    const ended = await script('--units', '1', ...(await args()));
    expect([ended.code, ended.stderr]).toEqual([code, expect.stringMatching(words)]);
    expect(written()).toEqual(what === 'a file that is there' ? ['wattledger.yaml'] : []);
    if (what === 'a file that is there') expect(readFileSync(file, 'utf8')).toBe('mine');
  });

  test('a place where nothing can be written is told before anything is asked or looked for', async () => {
    writeFileSync(path.join(folder, 'occupied'), '');
    const closed = path.join(folder, 'closed');
    mkdirSync(closed, {mode: 0o555});
    const places = [
      [path.join(folder, 'occupied', 'etc', 'site.yaml'), `${folder}/occupied is no directory`],
      // To root no folder is closed.
      ...(process.getuid?.() === 0 ? [] : [[path.join(closed, 'etc', 'site.yaml'), `${closed} cannot be written by this user`]]),
    ] as const;
    for (const [place, told] of places) {
      const {code, stderr} = await run(['init', '-o', place, '--link', 'tcp://127.0.0.1:1', '--yes']);
      expect(stderr.split('\n')[0]).toBe(`${place}: ${told}; name another place with -o FILE`);
      expect(code).toBe(1);
    }
  });

  test('without a terminal and without answers it says what to give', async () => {
    const {code, stderr} = await run(['init', '-o', file]);
    expect([code, stderr]).toEqual([2, expect.stringContaining('give --link LINK and --yes')]);
  });
});

test.skipIf(!haveSocat)(`a serial bus at a speed that nobody remembers${WITHOUT_SOCAT}`, async () => {
  const one = await cable(folder);
  afterTest(() => one.pull());
  const meter = sourceOf('eastron-sdm630');
  // The far end hears us only at its own speed.
  const hears = (): boolean => spawnSync('stty', ['-F', one.b, 'speed'], {encoding: 'utf8'}).stdout.trim() === '19200';
  const server = await startSerialServer(
    one.a,
    {baud: 19_200, parity: 'none', stop: 1, data: 8},
    new Map([[1, {read: (fc, at, words) => (hears() ? meter.read(fc, at, words) : 'silent')}]]),
  );
  afterTest(() => server.close());
  const person = sitDown(['init', '-o', file, '--units', '1', '--name', 'Home', '--timezone', 'Europe/Berlin']);
  for (const [question, keys] of [
    ['Where is a device', one.b],
    ['Try other speeds', ''],
    ['Where is another device', ''],
    ['What does', ''],
    ['buying 2.5 kW', ''],
    ['Broker', ''],
    ['Open the page', ''],
    ['Write ', ''],
  ] as const) {
    await person.answer(question, keys);
  }
  await person.ended;
  expect(readFileSync(file, 'utf8')).toContain(`rtu://${one.b}?baud=19200`);
});
