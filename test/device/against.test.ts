// A profile on a device that is another one: it is told, once, and what answers is read all the same. Real sockets.

import {expect, test} from 'vitest';
import {realClock} from '../../src/app/clock.ts';
import {loadProfile} from '../../src/config/profiles.ts';
import {encode} from '../../src/core/codec.ts';
import type {FlowEvent} from '../../src/core/flow/model.ts';
import {parseLinkUrl} from '../../src/core/linkurl.ts';
import type {Log} from '../../src/core/log.ts';
import {bankOf, readCapture} from '../../src/device/capture.ts';
import {createDevice} from '../../src/device/device.ts';
import {openLink} from '../../src/link/open.ts';
import {type RegisterSource, type ServedAnswer, startModbusServer} from '../../src/link/server.ts';
import {afterTest} from '../support/after.ts';

const never = new AbortController().signal;
const PATIENCE_MS = 30_000;

/** `id` as configured, on a device with the registers of `capture`; `answer` may say something else. */
async function deviceOn(id: string, capture: string, answer: (at: number, words: number) => ServedAnswer | undefined = () => undefined) {
  const profile = loadProfile(id);
  const [bank] = bankOf(readCapture(`test/captures/${capture}.json`), () => 0).values();
  const source: RegisterSource = {
    read: (fc, at, words) => answer(at, words) ?? (bank as RegisterSource).read(fc, at, words),
  };
  const server = await startModbusServer({host: '127.0.0.1', port: 0, units: new Map([[profile.defaults.unit, source]])});
  afterTest(() => server.close());
  const linkUrl = parseLinkUrl(`tcp://127.0.0.1:${server.port}`);
  const link = openLink('test', linkUrl, {clock: realClock, timeoutMs: PATIENCE_MS, minGapMs: 0});
  afterTest(() => link.close());
  const events: FlowEvent[] = [];
  const warnings: string[] = [];
  const log: Log = {debug() {}, info() {}, warn: (_fields, message) => warnings.push(message), error() {}, child: () => log};
  const timing = {connectDelayMs: 0, minGapMs: 0, unitPauseMs: 0, timeoutMs: PATIENCE_MS};
  const device = createDevice(
    {
      id: 'meter',
      profile: {...profile, timing},
      link,
      linkUrl,
      unit: profile.defaults.unit,
      units: {},
      options: {},
      everyMs: 0,
      slowEveryMs: 0,
    },
    {clock: realClock, log, note: event => events.push(event), localHour: () => 12},
  );
  return {device, events, warnings};
}
const wordsOf = (id: string, rule: number, value: number): ReadonlyMap<number, number> =>
  new Map(encode(loadProfile(id).identify[rule]?.field as Parameters<typeof encode>[0], value));
const textAt = (from: number, letters: string, words: number): ReadonlyMap<number, number> =>
  new Map(
    Array.from({length: words}, (_, i) => [from + i, ((letters.charCodeAt(2 * i) || 0) << 8) | (letters.charCodeAt(2 * i + 1) || 0)]),
  );
/** The capture, with `words` in place of what it has there. */
const saying =
  (words: ReadonlyMap<number, number>) =>
  (at: number, count: number): ServedAnswer | undefined => {
    const own = Array.from({length: count}, (_, index) => words.get(at + index));
    return own.every(word => word !== undefined) ? (own as number[]) : undefined;
  };

test('a text of another device: an event and a line at the start, once, and the values are there', async () => {
  const {device, events, warnings} = await deviceOn('abb-b23', 'abb-b23', at => (at === 0x8960 ? [0x5843, 0x3939, 0, 0, 0, 0] : undefined));
  const readings = await device.poll(realClock.monoMs(), never);
  expect(readings.find(({point}) => point === 'meter.power_w')?.measured).toMatchObject({kind: 'good'});
  await device.poll(realClock.monoMs(), never);
  const detail = expect.stringMatching(/register 35168 says "XC99", which is not what a ABB B21, B23.* tells there/);
  expect(events).toMatchObject([{kind: 'profile-doubtful', about: 'meter', evidence: {profile: 'abb-b23'}, detail}]);
  expect(warnings).toEqual([expect.stringMatching(/^meter may be another device: register 35168 says "XC99"/)]);
});

test.each([
  ['a battery of the family with another map', 'marstek-venus', saying(textAt(31_000, 'VNSD-0', 10)), 1],
  ['a number of another device', 'deye-3p', saying(wordsOf('deye-3p', 0, 3)), 1],
  ['a zero, where nothing speaks for the profile', 'deye-3p', saying(wordsOf('deye-3p', 0, 0)), 1],
  ['a frequency that no grid has', 'growatt-sph', saying(wordsOf('growatt-sph', 0, 1234)), 1],
  ['no frequency in a power cut', 'growatt-sph', saying(wordsOf('growatt-sph', 0, 0)), 0],
  ['no frequency and no voltage at night', 'growatt-string', saying(new Map([[37, 0], [38, 0]])), 0], // biome-ignore format: a row
  ['refused: firmware that lacks the register', 'abb-b23', (at: number) => (at === 0x8960 ? {exception: 2} : undefined), 0],
] as const)('%s', async (_what, id, answer, told) => {
  const {device, events} = await deviceOn(id, id, answer);
  const sweep = await device.sweep(never);
  expect(sweep.against).toHaveLength(told);
  expect(events).toHaveLength(told);
  expect(sweep.fault).toBeNull();
  expect(sweep.readings.some(({measured}) => measured.kind === 'good')).toBe(true);
});
