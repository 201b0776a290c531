// How far apart commits are under a budget.

import {expect, test} from 'vitest';
import {createPace} from '../../src/store/pace.ts';

const MB = 1024 * 1024;

/** The pace after an hour of commits of this many bytes each, with 60 s configured. */
function after(bytes: number, budgetMbPerDay: number | null, commits = 60): ReturnType<typeof createPace> {
  const pace = createPace(60_000, budgetMbPerDay);
  for (let n = 0; n < commits; n++) pace.committed(n * bytes);
  return pace;
}

test.each([
  // commits of            budget    every
  ['within the budget', 0.1 * MB, 200, 60_000],
  ['twice the budget', 0.2 * MB, 144, 120_000],
  ['far beyond: as long as there may be', 40 * MB, 1, 900_000],
  ['without a budget', 40 * MB, null, 60_000],
] as const)('%s', (_title, bytes, budget, everyMs) => {
  expect(after(bytes, budget).everyMs).toBe(everyMs);
});

test('what a day costs at that pace is within the budget', () => {
  expect((after(0.2 * MB, 144).perDayBytes ?? 0) / MB).toBeCloseTo(144, 1);
});

test('where the system does not count, and while little is known, it is as configured', () => {
  const blind = createPace(60_000, 1);
  for (let n = 0; n < 60; n++) blind.committed(null);
  expect([blind.everyMs, blind.perDayBytes, after(40 * MB, 1, 4).everyMs]).toEqual([60_000, null, 60_000]);
});

test('one dear commit, as of the hourly roll-up, changes the pace little', () => {
  const pace = createPace(60_000, 144);
  for (let n = 0; n < 60; n++) pace.committed(n * 0.05 * MB);
  pace.committed(3 * MB + MB);
  expect(pace.everyMs).toBeLessThanOrEqual(70_000);
});
