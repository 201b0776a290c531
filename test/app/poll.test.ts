// The poller: every device at its pace, none twice at a time, and nobody forgotten.

import {expect, test} from 'vitest';
import {createPoller, type Polled} from '../../src/app/poll.ts';
import type {Clock} from '../../src/core/time.ts';

const never = new AbortController().signal;
/** Time stands still: what is asked is what counts here, not how long it takes. */
const clock: Clock = {wallMs: () => 0, monoMs: () => 0, sleepUntilMono: () => new Promise(() => {})};

function counted(id: string, linkName: string, everyMs: number): Polled & {asked: number[]} {
  const asked: number[] = [];
  return {
    id,
    linkName,
    everyMs,
    asked,
    poll: async monoMs => {
      asked.push(monoMs);
      return [];
    },
  };
}

test.each([500, 1000, 2000, 5000])('a first beat anywhere, then each one at %i ms', async everyMs => {
  for (const first of [1, Math.round(everyMs * 0.376)]) {
    const device = counted('meter', 'bus', everyMs);
    const poller = createPoller([device], null, clock, () => {});
    const beats = [first, ...Array.from({length: 20}, (_, index) => (index + 1) * everyMs)];
    for (const beat of beats) await poller.sweep(beat, beat + 1, never);
    expect(device.asked).toEqual(beats);
    expect(poller.skipped()).toBe(0);
  }
});

test('a slower device on the same bus is asked at its own pace and does not stop the other', async () => {
  const fast = counted('fast', 'bus', 1000);
  const slow = counted('slow', 'bus', 5000);
  const poller = createPoller([slow, fast], 'fast', clock, () => {});
  for (let beat = 1; beat <= 60; beat++) await poller.sweep(beat * 1000, beat * 1000 + 1, never);
  expect(fast.asked).toHaveLength(60);
  expect(slow.asked.length).toBeGreaterThanOrEqual(12);
  expect(slow.asked.length).toBeLessThanOrEqual(13);
});

test('a busy bus is skipped, and asked again once it is free', async () => {
  let release: () => void = () => {};
  let asked = 0;
  const device: Polled = {
    id: 'meter',
    linkName: 'bus',
    everyMs: 1000,
    poll: () => {
      asked++;
      return new Promise(resolve => {
        release = () => resolve([]);
      });
    },
  };
  const instant: Clock = {...clock, sleepUntilMono: async () => {}};
  const poller = createPoller([device], null, instant, () => {});
  await poller.sweep(1000, 1850, never);
  await poller.sweep(2000, 2850, never);
  expect(asked).toBe(1);
  expect(poller.skipped()).toBe(1);
  release();
  await poller.idle();
  await poller.sweep(3000, 3850, never);
  expect(asked).toBe(2);
});
