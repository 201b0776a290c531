// `capture`, `simulate` and `plan` as their users have them.

import {readFileSync, writeFileSync} from 'node:fs';
import path from 'node:path';
import {setTimeout as sleep} from 'node:timers/promises';
import {describe, expect, test} from 'vitest';
import {bankOf, type Capture, readCapture} from '../../src/device/capture.ts';
import {type RegisterSource, startModbusServer} from '../../src/link/server.ts';
import {afterTest} from '../support/after.ts';
import {run, start, tempFolder} from '../support/cli.ts';
import {cable, haveSocat, WITHOUT_SOCAT} from '../support/pty.ts';

const capture = (id: string): string => `test/captures/${id}.json`;

type Planned = {fc: number; start: number; count: number; class: string; ms: number; variant?: string};
/** The device of a capture, and what it was asked. */
async function device(id: string): Promise<{link: string; asked: string[]}> {
  const asked: string[] = [];
  const units = new Map(
    [...bankOf(readCapture(capture(id)), () => 0)].map(([unit, source]) => [
      unit,
      {
        read(fc: 3 | 4, at: number, words: number) {
          asked.push(`${fc}/${at}/${words}`);
          return source.read(fc, at, words);
        },
      },
    ]),
  );
  const server = await startModbusServer({host: '127.0.0.1', port: 0, units});
  afterTest(() => server.close());
  return {link: `tcp://127.0.0.1:${server.port}`, asked};
}

test('a capture of somebody else says nothing to the terminal', () => {
  const told = {...readCapture(capture('eastron-sdm630')), device: 'Meter\u001b[2J\u0007 7'};
  const file = path.join(tempFolder(), 'capture.json');
  writeFileSync(file, JSON.stringify(told));
  expect(readCapture(file).device).toBe('Meter [2J  7');
});

describe('plan', () => {
  test.each(['eastron-sdm630', 'solaredge-hybrid', 'sigenergy', 'eastron-sdm72', 'sunspec'])(
    '%s: lists every request that read sends, and its sums are those of what is listed',
    async id => {
      const {link, asked} = await device(id);
      const {code, stdout, stderr} = await run(['plan', '--profile', id, '--link', link, '--json']);
      expect(code, stderr).toBe(0);
      const plan = JSON.parse(stdout) as {requests: Planned[]; sweep_ms: Record<string, number>};
      const listed = new Set(plan.requests.map(one => `${one.fc}/${one.start}/${one.count}`));
      for (const pace of ['fast', 'slow', 'once'])
        expect(plan.sweep_ms[pace]).toBeCloseTo(
          plan.requests.filter(one => one.class === pace).reduce((sum, one) => sum + one.ms, 0),
          6,
        );
      asked.length = 0;
      expect((await run(['read', '--profile', id, '--link', link, '--json'])).code).toBe(0);
      expect(asked.length).toBeGreaterThan(2);
      expect(asked.filter(one => !listed.has(one))).toEqual([]);
    },
  );

  test('the milliseconds of the formula, the pauses of the profile beside them, and a bus of two', async () => {
    const {stdout} = await run(['plan', '--profile', 'growatt-sph', '--link', 'rtu:///dev/x?baud=9600&parity=even', '--json']);
    const plan = JSON.parse(stdout) as {requests: Planned[]; pauses_ms: {fast: number}; min_interval_ms: number; sweep_ms: {fast: number}};
    // 11 bits a character, two silences of 3.5 characters, 30 ms of turnaround.
    for (const one of plan.requests) expect(one.ms).toBeCloseTo(((13 + 2 * one.count + 7) * 11_000) / 9600 + 30, 0);
    const ascii = JSON.parse((await run(['plan', '--profile', 'growatt-sph', '--link', 'ascii:///dev/x', '--json'])).stdout) as typeof plan;
    // 9 bits at 7N1; both frames in two characters a byte, no silences.
    for (const one of ascii.requests) expect(one.ms).toBeCloseTo(((28 + 4 * one.count) * 9000) / 9600 + 30, 0);
    expect(plan.pauses_ms.fast).toBeGreaterThan(200);
    expect(plan.min_interval_ms).toBeGreaterThan(plan.sweep_ms.fast + plan.pauses_ms.fast);
  });
});

test('a capture holds each unit of a profile, and a simulator made of it reads the same', async () => {
  const folder = tempFolder();
  const file = path.join(folder, 'one.json');
  const {link} = await device('sigenergy');
  const before = JSON.parse((await run(['read', '--profile', 'sigenergy', '--link', link, '--json'])).stdout) as {points: unknown};
  expect((await run(['capture', '--profile', 'sigenergy', '--link', link, '-o', file])).code).toBe(0);
  const taken = JSON.parse(readFileSync(file, 'utf8')) as Capture;
  expect(new Set(taken.blocks.map(block => block.unit))).toEqual(new Set([1, 247]));
  const simulator = start(['simulate', file, '--listen', '127.0.0.1:0']);
  const own = await simulator.saying(/(tcp:\/\/\S+)/);
  const after = JSON.parse((await run(['read', '--profile', 'sigenergy', '--link', own, '--json'])).stdout) as {points: unknown};
  expect(after.points).toEqual(before.points);
});

test('what cannot be served is told before anything is', async () => {
  const file = capture('goodwe-et');
  for (const [args, told] of [
    [['--listen', '127.0.0.1:65535'], '--listen: these captures need 2 ports from 65535 on; there is none above 65535'],
    [['--listen', '127.0.0.1:0', '--serial', '/dev/null'], 'wattledger simulate: expected one of --listen and --serial'],
  ] as const) {
    const {code, stdout, stderr} = await run(['simulate', file, file, ...args]);
    expect([code, stdout, stderr.split('\n')[0]]).toEqual([2, '', told]);
  }
});

test('a capture saved by an editor that marks its encoding is read', () => {
  const file = path.join(tempFolder(), 'marked.json');
  writeFileSync(file, `\uFEFF${readFileSync(capture('goodwe-et'), 'utf8')}`);
  expect(readCapture(file).blocks).not.toEqual([]);
});

test('digits of a serial number are taken out; what a range lacks is left out register by register', async () => {
  const folder = tempFolder();
  const {link} = await device('goodwe-et');
  const file = path.join(folder, 'redacted.json');
  expect((await run(['capture', '--profile', 'goodwe-et', '--link', link, '--redact', '-o', file])).code).toBe(0);
  const [unit] = bankOf(readCapture(file), () => 0).values();
  const words = (await unit?.read(3, 35_003, 8)) as number[];
  expect(String.fromCharCode(...words.flatMap(word => [word >> 8, word & 0xff]))).toMatch(/^[A-Z0]+$/);
  // 35 000 to 35 002 are not in it.
  const {stdout} = await run(['capture', '--unit', '247', '--range', '3:35000:10', '--link', link, '-o', '-']);
  expect((JSON.parse(stdout) as Capture).blocks[0]).toMatchObject({unit: 247, fc: 3, start: 35_003});
});

test('without a profile nobody knows where the serial numbers are: nothing is written as if they were out', async () => {
  const {code, stdout, stderr} = await run(['capture', '--link', 'tcp://127.0.0.1:1', '--range', '3:0:1', '--redact', '-o', '-']);
  expect([code, stdout]).toEqual([2, '']);
  expect(stderr).toContain('--redact: belongs to --profile');
});

test('a device that falls silent in the middle: what is there is written, and it is said that it is not all', async () => {
  const source = [...bankOf(readCapture(capture('sungrow-sh')), () => 0).values()][0] as RegisterSource;
  let gone = false;
  const read: RegisterSource['read'] = (fc, at, words) => {
    gone ||= at >= 13_000;
    return gone ? 'silent' : source.read(fc, at, words);
  };
  const server = await startModbusServer({host: '127.0.0.1', port: 0, units: new Map([[1, {read}]])});
  afterTest(() => server.close());
  const {code, stdout, stderr} = await run(['capture', '--link', `tcp://127.0.0.1:${server.port}`, '--profile', 'sungrow-sh', '-o', '-']);
  expect((JSON.parse(stdout) as Capture).blocks.map(({start}) => start)).not.toEqual([]);
  expect(stderr).toMatch(/^not all of it: no answer within \d+ ms$/m);
  expect(code).toBe(0);
});

test.skipIf(!haveSocat)(`a series plays in its time, on a serial line, two units on it${WITHOUT_SOCAT}`, async () => {
  const folder = tempFolder();
  const file = path.join(folder, 'series.json');
  const blocks = [0, 1, 2].map(step => ({unit: 9, fc: 3, start: 10, registers: [100 + step], at_ms: step * 2500}));
  writeFileSync(file, JSON.stringify({format: 'wattledger-capture/1', device: 'steps', blocks}));
  const {a, b, pull} = await cable(folder);
  afterTest(pull);
  const simulator = start(['simulate', file, capture('eastron-sdm120'), '--serial', `${a}?baud=19200`]);
  await simulator.saying('serving until');
  const seen = new Set<number>();
  while (!seen.has(102)) {
    const {code, stdout} = await run(['capture', '--unit', '9', '--range', '3:10:1', '--link', `rtu://${b}?baud=19200`, '-o', '-']);
    if (code === 0) seen.add((JSON.parse(stdout) as Capture).blocks[0]?.registers[0] as number);
    await sleep(50);
  }
  // The first steps may be over before a slow machine asks; none comes twice, and the last one stays.
  expect([...seen]).toEqual([...seen].sort());
  await expect
    .poll(async () => (await run(['read', '--profile', 'eastron-sdm120', '--link', `rtu://${b}?baud=19200`, '--json'])).code)
    .toBe(0);
});
