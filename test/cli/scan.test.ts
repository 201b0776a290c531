// `scan` as its user has it: on a bus whose speed nobody remembers, behind a gateway that answers for everybody, at devices nobody described.

import {execFileSync} from 'node:child_process';
import {describe, expect, test} from 'vitest';
import {bankOf, readCapture} from '../../src/device/capture.ts';
import {startSerialServer} from '../../src/link/line-server.ts';
import {type RegisterSource, startModbusServer} from '../../src/link/server.ts';
import {afterTest} from '../support/after.ts';
import {run, tempFolder} from '../support/cli.ts';
import {cable, haveSocat, WITHOUT_SOCAT} from '../support/pty.ts';

const deviceOf = (id: string): RegisterSource =>
  [...bankOf(readCapture(`test/captures/${id}.json`), () => 0).values()][0] as RegisterSource;
async function host(units: ReadonlyMap<number, RegisterSource>): Promise<string> {
  const server = await startModbusServer({host: '127.0.0.1', port: 0, units});
  afterTest(() => server.close());
  return `tcp://127.0.0.1:${server.port}`;
}
type Told = {
  devices: {id: string; unit: number; also_units: number[]; profile: string; serial: string | null}[];
  unknown_units: number[];
  yaml: string;
};
async function scanned(...args: string[]): Promise<Told> {
  const {code, stdout, stderr} = await run(['scan', '--json', ...args]);
  expect(code, stderr).toBe(0);
  return JSON.parse(stdout) as Told;
}

describe.skipIf(!haveSocat)(`a serial bus${WITHOUT_SOCAT}`, () => {
  test('its speed is found, and stands in the lines to paste', async () => {
    const one = await cable(tempFolder());
    afterTest(() => one.pull());
    const meter = deviceOf('eastron-sdm630');
    const asked: string[] = [];
    // The far end hears us only at its own speed.
    const hears = (): boolean => {
      const speed = execFileSync('stty', ['-F', one.b, 'speed'], {encoding: 'utf8'}).trim();
      asked.push(speed);
      return speed === '19200';
    };
    const server = await startSerialServer(
      one.a,
      {baud: 19_200, parity: 'none', stop: 1, data: 8},
      new Map([[1, {read: (fc, at, words) => (hears() ? meter.read(fc, at, words) : 'silent')}]]),
    );
    afterTest(() => server.close());
    const {code, stdout, stderr} = await run(['scan', '--link', `rtu://${one.b}`, '--bauds', '9600,19200,38400', '--units', '1']);
    expect(code, stderr).toBe(0);
    expect(stdout).toContain('profile eastron-sdm630');
    expect(stdout).toContain(`bus: {url: "rtu://${one.b}?baud=19200"}`);
    expect(new Set(asked)).toEqual(new Set(['9600', '19200']));
    expect(stderr).toMatch(/baud=9600 unit 1 \(1 of 1\)/);
    expect(stderr).toMatch(/baud=19200 unit 1 \(1 of 1\)/);
    expect(stderr).not.toContain('baud=38400');
  });
});

test('a gateway that answers on every unit is one device, with a serial number or without', async () => {
  const inverter = deviceOf('goodwe-et');
  const told = await scanned('--link', await host(new Map([1, 2, 3].map(unit => [unit, inverter]))), '--units', '1-3');
  expect(told.devices).toMatchObject([{unit: 1, also_units: [2, 3], profile: 'goodwe-et'}]);

  // A meter by its counters, an inverter that has not even those by its values.
  for (const profile of ['chint-dtsu666', 'fox-h1']) {
    const plain = deviceOf(profile);
    const found = await scanned('--link', await host(new Map([1, 2, 3].map(unit => [unit, plain]))), '--units', '1-3');
    expect(found.devices).toMatchObject([{unit: 1, also_units: [2, 3], profile, serial: null}]);
  }
});

test('two meters of one kind are two, also without serial numbers', async () => {
  const meter = deviceOf('chint-dtsu666');
  const other: RegisterSource = {
    // Its import counter stands elsewhere: 0x101E is a float.
    async read(fc, at, words) {
      const answer = await meter.read(fc, at, words);
      return Array.isArray(answer) ? answer.map((word, index) => (at + index === 0x101e && word !== 0 ? word + 1 : word)) : answer;
    },
  };
  const told = await scanned(
    '--link',
    await host(
      new Map([
        [1, meter],
        [2, other],
      ]),
    ),
    '--units',
    '1-4',
  );
  expect(told.devices.map(({unit, also_units}) => [unit, also_units])).toEqual([
    [1, []],
    [2, []],
  ]);
  expect(told.yaml).toMatch(/unit: 1\}\n.*unit: 2\}/);
});

test('SunSpec by its list, a stranger by its voice', async () => {
  const stranger: RegisterSource = {read: (_fc, at, words) => (at < 10 ? new Array(words).fill(at) : {exception: 2})};
  const link = await host(
    new Map([
      [126, deviceOf('sunspec')],
      [9, stranger],
    ]),
  );
  const told = await scanned('--link', link, '--units', '9,126');
  expect(told.devices).toMatchObject([{unit: 126, profile: 'sunspec'}]);
  expect(told.unknown_units).toEqual([9]);
});

test('nobody there: exit code 1, and what was tried', async () => {
  const {code, stderr} = await run(['scan', '--link', await host(new Map()), '--units', '1-3']);
  expect(code).toBe(1);
  expect(stderr).toContain('nobody answers at unit 1, 2, 3');
});
