// When a guest waits for our next sweep, in milliseconds of a made-up clock; and how long a unit is waited for.

import {describe, expect, test} from 'vitest';
import {createPatience} from '../../src/link/patience.ts';
import {createRhythm} from '../../src/link/rhythm.ts';

/** Sweeps of four requests, 30 ms each, at these moments. */
function after(...sweeps: readonly number[]) {
  const rhythm = createRhythm();
  for (const at of sweeps) for (let i = 0; i <= 4; i++) rhythm.ours(at + 30 * i);
  return rhythm;
}

describe('a guest', () => {
  test.each([
    // when                                      sweeps at         now   takes  waits
    ['long before our next sweep', [0, 1000, 2000], 2500, 50, 0],
    ['when it would just be done', [0, 1000, 2000], 2940, 50, 0],
    ['when it would not be done', [0, 1000, 2000], 2960, 50, 60],
    ['when our sweep is a little late', [0, 1000, 2000], 3010, 50, 10],
    ['when our sweep does not come at all', [0, 1000, 2000], 3030, 50, 0],
    ['where our sweeps have no beat', [0, 1000, 1500], 1990, 50, 0],
    ['where there was one sweep only', [0], 990, 50, 0],
    ['never longer than a second', [0, 5000, 10_000], 13_990, 5000, 0],
  ] as const)('%s', (_when, sweeps, nowMs, takesMs, waitsMs) => {
    expect(after(...sweeps).holdMs(nowMs, takesMs)).toBe(waitsMs);
  });
});

describe('patience', () => {
  test('follows what was seen, between the floor and what the profile allows', () => {
    const patience = createPatience(500);
    expect(patience.timeoutMs(1, 3000)).toBe(3000);
    for (let i = 0; i < 50; i++) patience.answered(1, 60);
    expect(patience.timeoutMs(1, 3000)).toBe(750);
    expect(patience.timeoutMs(1, 1000)).toBe(500);
    expect(patience.timeoutMs(1, 200)).toBe(200);
    for (let i = 0; i < 50; i++) patience.answered(1, 400);
    expect(patience.timeoutMs(1, 3000)).toBeGreaterThanOrEqual(1500);
  });

  test('doubles with each silence, up to the ceiling, and comes back with an answer', () => {
    const patience = createPatience(500);
    patience.answered(1, 20);
    const waits = [0, 1, 2, 3].map(() => {
      const ms = patience.timeoutMs(1, 3000);
      patience.silent(1);
      return ms;
    });
    expect(waits).toEqual([750, 1500, 3000, 3000]);
    patience.answered(1, 20);
    expect(patience.timeoutMs(1, 3000)).toBe(750);
  });

  test('a stranger beside others that answer has little at first, and all of it at last', () => {
    const patience = createPatience(500);
    patience.answered(1, 20);
    const waits = [0, 1, 2].map(() => {
      const ms = patience.timeoutMs(2, 3000);
      patience.silent(2);
      return ms;
    });
    expect(waits).toEqual([750, 1500, 3000]);
  });
});
