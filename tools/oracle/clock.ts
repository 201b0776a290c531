// A clock that does not wait: when everybody sleeps it is the time of whoever wakes first. While somebody works it goes on as real time does.

import {setTimeout as sleep, setImmediate as turn} from 'node:timers/promises';
import type {Clock} from '../../src/core/time.ts';

export type HastyClock = Clock & {
  /** A device that answers so much later: in house time, without anybody waiting for it in earnest. */
  delay(ms: number): Promise<void>;
};

/** Nothing has moved on the loopback for so long: all that is under way has arrived, real ms. */
const QUIET_MS = 2;

type Sleeper = {readonly atMs: number; readonly wake: () => void};

/**
 * `beat.signal` is what the ticks sleep with: only their sleep is jumped over, and it is aborted before they sleep beyond `lastsMs`.
 * `breathe` is awaited at each jump, so that others keep up.
 */
export function createHastyClock(startWallMs: number, lastsMs: number, beat: AbortController, breathe: () => Promise<void>): HastyClock {
  const beganMs = performance.now();
  let jumpedMs = 0;
  const now = (): number => performance.now() - beganMs + jumpedMs;
  const jumpTo = (atMs: number): void => {
    jumpedMs += Math.max(0, atMs - now());
  };
  const sleepers: Sleeper[] = [];
  let timer: NodeJS.Timeout | null = null;

  function wakeFirst(): void {
    timer = null;
    sleepers.sort((a, b) => a.atMs - b.atMs);
    const first = sleepers.shift();
    if (!first) return;
    jumpTo(first.atMs);
    first.wake();
    if (sleepers.length > 0) timer = setTimeout(wakeFirst, QUIET_MS);
  }

  return {
    wallMs: () => startWallMs + Math.floor(now()),
    monoMs: () => Math.floor(now()),
    async sleepUntilMono(atMs, signal) {
      if (signal !== beat.signal) {
        const waitMs = atMs - now();
        if (waitMs > 0) await sleep(waitMs, undefined, {signal});
        return;
      }
      await breathe();
      await turn();
      if (atMs > lastsMs) beat.abort();
      else jumpTo(atMs);
    },
    delay: ms =>
      new Promise(wake => {
        sleepers.push({atMs: now() + ms, wake});
        if (timer) clearTimeout(timer);
        timer = setTimeout(wakeFirst, QUIET_MS);
      }),
  };
}
