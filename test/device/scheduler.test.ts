// What one bad unit costs the others on its bus, counted in bus time of a virtual clock.

import fc from 'fast-check';
import {describe, expect, test} from 'vitest';
import {createPoller, type Polled} from '../../src/app/poll.ts';
import {createBreaker} from '../../src/link/breaker.ts';

const HOUR_MS = 3_600_000;

describe('a dead unit', () => {
  test('takes at most a tenth of the bus, whatever its time-out and however often it is asked', () => {
    fc.assert(
      fc.property(
        fc.integer({min: 100, max: 30_000}),
        fc.integer({min: 50, max: 10_000}),
        fc.double({min: 0, max: 1, noNaN: true}),
        (timeoutMs, everyMs, chance) => {
          const breaker = createBreaker(() => chance);
          let spentMs = 0;
          let nowMs = 0;
          let questions = 0;
          while (nowMs < 6 * HOUR_MS) {
            if (breaker.mayAsk(1, nowMs)) {
              nowMs += timeoutMs;
              breaker.record(1, true, nowMs, timeoutMs);
              // The first three are how it is found out.
              if (++questions > 3) spentMs += timeoutMs;
            }
            nowMs += everyMs;
          }
          expect(spentMs / nowMs).toBeLessThanOrEqual(0.1);
          expect(questions).toBeGreaterThan(10);
        },
      ),
      {numRuns: 100},
    );
  });

  test('is asked again within a good minute, all night long, and belongs to the others at its first answer', () => {
    const breaker = createBreaker(() => 1);
    let nowMs = 0;
    let askedMs = 0;
    for (; nowMs < 12 * HOUR_MS; nowMs += 1000) {
      if (!breaker.mayAsk(7, nowMs)) continue;
      expect(nowMs - askedMs).toBeLessThanOrEqual(73_000);
      askedMs = nowMs;
      breaker.record(7, true, nowMs, 1000);
    }
    breaker.record(7, false, nowMs, 50);
    expect(breaker.isDead(7)).toBe(false);
    expect(breaker.mayAsk(7, nowMs)).toBe(true);
    expect(breaker.mayAsk(8, nowMs)).toBe(true);
  });
});

/** Polls devices of these durations on one link for an hour of virtual time, a beat a second. */
async function hour(durationsMs: Readonly<Record<string, number>>, first: string | null) {
  let nowMs = 0;
  const polls: Record<string, number> = {};
  const busyMs: Record<string, number> = {};
  const clock = {wallMs: () => nowMs, monoMs: () => nowMs, sleepUntilMono: () => new Promise<void>(() => {})};
  const devices = Object.entries(durationsMs).map(
    ([id, ms]): Polled => ({
      id,
      linkName: 'bus',
      everyMs: 1000,
      async poll() {
        nowMs += ms;
        polls[id] = (polls[id] ?? 0) + 1;
        busyMs[id] = (busyMs[id] ?? 0) + ms;
        return [];
      },
    }),
  );
  const poller = createPoller(devices, first, clock, error => {
    throw error;
  });
  for (let due = 0; due < HOUR_MS; ) {
    nowMs = Math.max(nowMs, due);
    await poller.sweep(due, due + 1000, new AbortController().signal);
    due = Math.max(due + 1000, Math.ceil(nowMs / 1000) * 1000);
  }
  return {polls, busyMs, totalMs: nowMs};
}

describe('a slow unit', () => {
  test('takes at most a tenth of the bus where the beat suffers, and the others keep theirs', async () => {
    const {polls, busyMs, totalMs} = await hour({meter: 100, heat_pump: 80, roof: 4000}, 'meter');
    expect((busyMs['roof'] as number) / totalMs).toBeLessThanOrEqual(0.1);
    expect(polls['roof']).toBeGreaterThan(50);
    expect(polls['meter']).toBeGreaterThanOrEqual(0.9 * 3600);
    expect(polls['heat_pump']).toBeGreaterThanOrEqual(0.9 * 3600);
  });

  test('keeps its pace where the beat has room for it, where all are alike, and where it is the grid meter', async () => {
    expect((await hour({meter: 50, roof: 800}, 'meter')).polls['roof']).toBe(3600);
    const alike = await hour({meter: 900, roof: 1000, cellar: 900}, 'meter');
    expect(alike.polls['roof']).toBe(alike.polls['meter']);
    const beside = await hour({meter: 0, roof: 1500}, 'meter');
    expect(beside.polls['roof']).toBe(1800);
    const grid = await hour({meter: 3000, roof: 100}, 'meter');
    expect(grid.polls['meter']).toBe(grid.polls['roof']);
  });

  test('sweeps that were missed are dropped, not made up for', async () => {
    const {polls, totalMs} = await hour({meter: 2500}, 'meter');
    expect(polls['meter']).toBe(1200);
    expect(totalMs).toBeLessThan(HOUR_MS + 3000);
  });
});
