// The real clock. The only place besides the demo where time enters the program.

import {setTimeout as sleep} from 'node:timers/promises';
import type {Clock} from '../core/time.ts';

export const realClock: Clock = {
  wallMs: () => Date.now(),
  monoMs: () => Math.floor(performance.now()),
  async sleepUntilMono(atMs, signal) {
    const waitMs = atMs - performance.now();
    if (waitMs > 0) await sleep(waitMs, undefined, {signal});
  },
};
