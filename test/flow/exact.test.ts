// Whole numbers that stay exact on both sides of 2^53: BigInt is the judge.

import fc from 'fast-check';
import {expect, test} from 'vitest';
import {floorDiv, halfUp, plus, squareRoot, times} from '../../src/core/flow/exact.ts';

const RUNS = {numRuns: 20_000};
/** Around the border, around zero, and of any size that a number can name. */
const whole = fc.oneof(
  fc.integer({min: -1000, max: 1000}),
  fc.integer({min: -200_000_000, max: 200_000_000}),
  fc.maxSafeInteger(),
  fc.integer({min: 0, max: 2000}).map(below => Number.MAX_SAFE_INTEGER - below),
);
const divisor = fc.oneof(fc.integer({min: 1, max: 20}), fc.integer({min: 1, max: 2 ** 40}));
const floor = (n: bigint, d: bigint): bigint => n / d - (n % d < 0n ? 1n : 0n);
const isKept = (value: number | bigint): boolean => typeof value === 'bigint' || (Number.isSafeInteger(value) && !Object.is(value, -0));

test('sums and products', () => {
  fc.assert(
    fc.property(whole, whole, (a, b) => {
      const [sum, product] = [plus(a, b), times(a, b)];
      expect([BigInt(sum), BigInt(product)]).toEqual([BigInt(a) + BigInt(b), BigInt(a) * BigInt(b)]);
      expect([isKept(sum), isKept(product)]).toEqual([true, true]);
    }),
    RUNS,
  );
});

test('quotients, rounded down and half up, of numbers and of products beyond the border', () => {
  fc.assert(
    fc.property(whole, whole, divisor, (a, b, d) => {
      for (const n of [a, times(a, b)]) {
        expect(BigInt(floorDiv(n, d))).toBe(floor(BigInt(n), BigInt(d)));
        expect(BigInt(halfUp(n, d))).toBe(floor(2n * BigInt(n) + BigInt(d), 2n * BigInt(d)));
      }
    }),
    RUNS,
  );
});

test('square roots', () => {
  fc.assert(
    fc.property(whole.map(Math.abs), fc.integer({min: -1, max: 1}), (root, by) => {
      for (const n of [root, plus(times(root, root), by)]) {
        if (n < 0) continue;
        const x = BigInt(squareRoot(n));
        expect(x * x <= BigInt(n) && (x + 1n) * (x + 1n) > BigInt(n)).toBe(true);
      }
    }),
    RUNS,
  );
});
