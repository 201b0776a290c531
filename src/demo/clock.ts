// The demo's clock: runs so many times faster than real time, and begins when the house does.

import {setTimeout as sleep} from 'node:timers/promises';
import type {Clock} from '../core/time.ts';

/** `startWallMs` is the house's time at the moment of the call. Monotonic time begins at zero. */
export function createDemoClock(speed: number, startWallMs: number): Clock {
  const beganMs = performance.now();
  const elapsedMs = (): number => (performance.now() - beganMs) * speed;
  return {
    wallMs: () => startWallMs + Math.floor(elapsedMs()),
    monoMs: () => Math.floor(elapsedMs()),
    async sleepUntilMono(atMs, signal) {
      const waitMs = (atMs - elapsedMs()) / speed;
      if (waitMs > 0) await sleep(waitMs, undefined, {signal});
    },
  };
}
