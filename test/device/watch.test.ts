// A device over years: its firmware changes, it falls silent and comes back. Real sockets; the clock is the test's.

import {expect, test} from 'vitest';
import {loadProfile} from '../../src/config/profiles.ts';
import {encode} from '../../src/core/codec.ts';
import type {FlowEvent} from '../../src/core/flow/model.ts';
import {parseLinkUrl} from '../../src/core/linkurl.ts';
import type {Log} from '../../src/core/log.ts';
import {fieldsOf} from '../../src/core/planner.ts';
import type {Reading} from '../../src/core/reading.ts';
import {bankOf, readCapture} from '../../src/device/capture.ts';
import {createDevice} from '../../src/device/device.ts';
import type {Link} from '../../src/link/link.ts';
import {openLink} from '../../src/link/open.ts';
import {type RegisterSource, type ServedAnswer, startModbusServer} from '../../src/link/server.ts';
import {afterTest} from '../support/after.ts';

const never = new AbortController().signal;
/** A GoodWe whose registers the test overwrites; `answers` false is silence. */
async function inverter(night: 'answers' | 'silent' = 'answers') {
  const profile = {...loadProfile('goodwe-et'), night};
  const changed = new Map<number, number>();
  const state = {answers: true, requests: 0, hour: 12};
  const clock = {
    ms: 1_000_000,
    wallMs: () => 1_790_000_000_000 + clock.ms,
    monoMs: () => clock.ms,
    sleepUntilMono: () => Promise.resolve(),
  };
  const bank = bankOf(readCapture('test/captures/goodwe-et.json'), () => 0).get(247) as RegisterSource;
  const source: RegisterSource = {
    async read(fc, at, words): Promise<ServedAnswer> {
      state.requests++;
      if (!state.answers) return 'silent';
      const answer = await bank.read(fc, at, words);
      return Array.isArray(answer) ? answer.map((word, index) => changed.get(at + index) ?? word) : answer;
    },
  };
  const server = await startModbusServer({host: '127.0.0.1', port: 0, units: new Map([[247, source]])});
  afterTest(() => server.close());
  const linkUrl = parseLinkUrl(`tcp://127.0.0.1:${server.port}`);
  const line = openLink('roof', linkUrl, {clock});
  afterTest(() => line.close());
  // A busy machine may let an answer wait; silence is as long as the test wants it.
  const link: Link = {
    ...line,
    read: (toUnit, request, signal, asked) => line.read(toUnit, request, signal, {...asked, timeoutMs: state.answers ? 30_000 : 80}),
  };
  const events: FlowEvent[] = [];
  const lines: string[] = [];
  const say = (_fields: unknown, message: string): void => void lines.push(message);
  const log: Log = {debug() {}, info: say, warn: say, error: say, child: () => log};
  const device = createDevice(
    {id: 'roof', profile, link, linkUrl, unit: 247, units: {}, options: {}, everyMs: 1000, slowEveryMs: 60_000},
    {clock, log, note: event => events.push(event), localHour: () => state.hour},
  );
  const poll = async (afterMs = 1000): Promise<ReadonlyMap<string, Reading['measured']>> => {
    clock.ms += afterMs;
    return new Map((await device.poll(clock.ms, never)).map(({point, measured}) => [point, measured]));
  };
  const set = (name: string, value: number): void => {
    const point = profile.points.find(one => one.name === name) as (typeof profile.points)[number];
    for (const field of fieldsOf(point.source)) for (const [at, word] of encode(field, value)) changed.set(at, word);
  };
  const firmware = (text: string): void => {
    for (const [at, word] of encode(profile.identity.firmware as Parameters<typeof encode>[0], text)) changed.set(at, word);
  };
  return {device, poll, set, firmware, state, events, lines, clock};
}
const HOUR_MS = 3_600_000;

test('a changed firmware is told once, and what no longer fits is held until it proves plausible', async () => {
  const {poll, set, firmware, events, device} = await inverter();
  firmware('04029-12-S1');
  set('inverter.power_w', 4000);
  set('inverter.frequency_hz', 50);
  set('pv.energy_wh', 1_000_000);
  expect((await poll()).get('inverter.power_w')).toMatchObject({kind: 'good', value: 4000});
  await poll();
  expect(events).toEqual([]);

  firmware('04029-13-S1');
  set('inverter.power_w', 32_000);
  set('inverter.frequency_hz', 500);
  set('pv.energy_wh', 10_000_000);
  const after = await poll(HOUR_MS);
  expect(events).toMatchObject([{kind: 'firmware-changed', about: 'roof', evidence: {before: '04029-12-S1', after: '04029-13-S1'}}]);
  expect(device.health().identity.firmware).toBe('04029-13-S1');
  expect(after.get('inverter.power_w')).toEqual({kind: 'missing', fault: {kind: 'implausible', value: 32_000}});
  expect(after.get('inverter.frequency_hz')).toMatchObject({kind: 'missing'});
  expect(after.get('pv.energy_wh')).toMatchObject({kind: 'missing', fault: {kind: 'implausible'}});
  // What still fits was never held.
  expect(after.get('inverter.voltage_l1_v')).toMatchObject({kind: 'good'});

  set('inverter.power_w', 4100);
  set('inverter.frequency_hz', 50);
  expect((await poll()).get('inverter.power_w')).toMatchObject({kind: 'missing'});
  expect((await poll()).get('inverter.power_w')).toMatchObject({kind: 'missing'});
  const proven = await poll();
  expect(proven.get('inverter.power_w')).toMatchObject({kind: 'good', value: 4100});
  expect(proven.get('inverter.frequency_hz')).toMatchObject({kind: 'good', value: 50});
  // Proven is proven: a large value is a large value again.
  set('inverter.power_w', 9000);
  for (let i = 0; i < 3; i++) await poll();
  expect((await poll()).get('inverter.power_w')).toMatchObject({kind: 'good', value: 9000});
  await poll(HOUR_MS);
  expect(events).toHaveLength(1);
});

test('what never fits again is believed after a day', async () => {
  const {poll, set, firmware} = await inverter();
  firmware('A');
  set('pv.energy_wh', 1_000_000);
  await poll();
  firmware('B');
  set('pv.energy_wh', 1000);
  expect((await poll(HOUR_MS)).get('pv.energy_wh')).toMatchObject({kind: 'missing'});
  expect((await poll(12 * HOUR_MS)).get('pv.energy_wh')).toMatchObject({kind: 'missing'});
  expect((await poll(13 * HOUR_MS)).get('pv.energy_wh')).toMatchObject({kind: 'good', value: 1000});
});

test('a silent device: one line and one event a transition, few requests, back with the first answer', async () => {
  const {poll, state, events, lines} = await inverter();
  await poll();
  lines.length = 0;
  state.answers = false;
  for (let i = 0; i < 3; i++) await poll();
  expect(events.map(event => event.kind)).toEqual(['device-lost']);
  state.requests = 0;
  for (let i = 0; i < 120; i++) await poll();
  // Two minutes of polls; the device and the breaker of its unit let a few through, of one register each.
  expect(state.requests).toBeLessThanOrEqual(12);
  expect(events.map(event => event.kind)).toEqual(['device-lost']);
  expect(lines).toEqual(['roof does not answer']);
});

test('dusk is no fault: asleep by one line, and back by one', async () => {
  const {poll, state, set, events, lines, device} = await inverter('silent');
  state.hour = 18;
  set('pv.power_w', 0);
  set('inverter.power_w', 20);
  await poll();
  lines.length = 0;
  state.answers = false;
  for (let i = 0; i < 300; i++) await poll();
  expect(device.health().state).toBe('asleep');
  state.answers = true;
  // The unit's breaker counts real seconds; the first question it lets through brings the device back.
  await expect.poll(async () => (await poll(61_000)).get('inverter.power_w')?.kind, {interval: 200}).toBe('good');
  expect(lines).toEqual(['roof is asleep', 'roof is back']);
  expect(events.map(event => event.kind)).toEqual(['device-asleep', 'device-back']);
});
