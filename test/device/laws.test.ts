// The read planner and the codec by their laws: every wanted register once, inside every limit, and never dearer than any other plan.

import fc from 'fast-check';
import {describe, expect, test} from 'vitest';
import {type BusTiming, requestMs} from '../../src/core/bustime.ts';
import {decode, encode} from '../../src/core/codec.ts';
import {planReads, type Span, totalMs} from '../../src/core/planner.ts';
import type {Field, Limits} from '../../src/core/profile.ts';

const timings: readonly BusTiming[] = [
  {kind: 'serial', baud: 9600, bitsPerCharacter: 10, turnaroundMs: 30},
  {kind: 'serial', baud: 19_200, bitsPerCharacter: 11, turnaroundMs: 5},
  {kind: 'tcp', turnaroundMs: 10},
];
const timing = fc.constantFrom(...timings);
const span = (space: number) =>
  fc.record({fc: fc.constantFrom(3 as const, 4 as const), at: fc.nat(space), words: fc.constantFrom(1, 1, 2, 2, 4)});
const limits = (space: number): fc.Arbitrary<Limits> =>
  fc.record({
    maxRegisters: fc.integer({min: 4, max: 125}),
    maxGap: fc.nat(40),
    barriers: fc.array(fc.nat(space), {maxLength: 3}),
    forbidden: fc.array(
      fc.tuple(fc.nat(space), fc.nat(6)).map(([from, length]) => [from, from + length] as const),
      {maxLength: 3},
    ),
    single: fc.array(fc.nat(space), {maxLength: 2}),
    atomic: fc.constant([]),
  });

const readable = ({at, words}: Span, {maxRegisters, forbidden, barriers}: Limits): boolean =>
  words <= maxRegisters &&
  !forbidden.some(([from, to]) => at <= to && at + words > from) &&
  !barriers.some(barrier => at < barrier && at + words > barrier);

describe('a plan', () => {
  test('reads every readable value whole, in one request, and touches nothing it must not', () => {
    fc.assert(
      fc.property(fc.array(span(400), {minLength: 1, maxLength: 40}), limits(400), timing, (spans, rules, bus) => {
        const plan = planReads(spans, rules, bus);
        for (const one of spans) {
          const holders = plan.filter(
            request => request.fc === one.fc && request.at <= one.at && request.at + request.words >= one.at + one.words,
          );
          expect(holders.length > 0, `${JSON.stringify(one)} in ${JSON.stringify(plan)}`).toBe(readable(one, rules));
        }
        for (const {fc: code, at, words} of plan) {
          expect(words).toBeLessThanOrEqual(rules.maxRegisters);
          expect(readable({fc: code, at, words}, rules)).toBe(true);
          // Nothing is read that nobody asked for, at either end.
          expect(spans.some(one => one.fc === code && one.at === at)).toBe(true);
          expect(spans.some(one => one.fc === code && one.at + one.words === at + words)).toBe(true);
          // No run of registers that nobody asked for is longer than the device allows.
          let reached = at;
          for (const one of spans
            .filter(wanted => wanted.fc === code && wanted.at >= at && wanted.at + wanted.words <= at + words)
            .toSorted((a, b) => a.at - b.at)) {
            expect(one.at - reached).toBeLessThanOrEqual(rules.maxGap);
            reached = Math.max(reached, one.at + one.words);
          }
        }
      }),
      {numRuns: 5000},
    );
  });

  test('costs no more than any way to cut the same values into blocks', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.nat(120), {minLength: 1, maxLength: 9}),
        fc.integer({min: 2, max: 60}),
        fc.nat(60),
        timing,
        (places, maxRegisters, maxGap, bus) => {
          const rules: Limits = {maxRegisters, maxGap, barriers: [], forbidden: [], single: [], atomic: []};
          const at = places.toSorted((a, b) => a - b);
          const plan = totalMs(
            planReads(
              at.map(one => ({fc: 3, at: one, words: 1})),
              rules,
              bus,
            ),
          );
          // Every subset of the borders between neighbours.
          let best = Number.POSITIVE_INFINITY;
          for (let cuts = 0; cuts < 2 ** (at.length - 1); cuts++) {
            let ms = 0;
            let begin = 0;
            let possible = true;
            for (let index = 0; index < at.length && possible; index++) {
              const ends = index === at.length - 1 || (cuts & (1 << index)) !== 0;
              if (!ends) {
                possible = (at[index + 1] as number) - (at[index] as number) - 1 <= maxGap;
                continue;
              }
              const words = (at[index] as number) - (at[begin] as number) + 1;
              possible = words <= maxRegisters;
              ms += requestMs(bus, words);
              begin = index + 1;
            }
            if (possible) best = Math.min(best, ms);
          }
          expect(plan).toBeCloseTo(best, 6);
        },
      ),
      {numRuns: 1500},
    );
  });
});

describe('codec', () => {
  const TYPES = {u16: 1, s16: 1, u32: 2, s32: 2, u64: 4, s64: 4, f32: 2, f64: 4} as const;
  const field = fc.record({
    type: fc.constantFrom(...(Object.keys(TYPES) as (keyof typeof TYPES)[])),
    wordOrder: fc.constantFrom('high-first' as const, 'low-first' as const),
    swapBytes: fc.boolean(),
    apart: fc.boolean(),
    by: fc.constantFrom(1, 0.1, 0.01, 0.001, 10, 100),
    invert: fc.boolean(),
    at: fc.nat(1000),
  });

  test('a value that is written and read is the same value, in every type, order and scale', () => {
    fc.assert(
      fc.property(field, fc.integer({min: -30_000, max: 30_000}), (shape, steps) => {
        const words = TYPES[shape.type];
        const unsigned = shape.type.startsWith('u');
        const raw = unsigned ? Math.abs(steps) : steps;
        const own: Field = {
          fc: 3,
          at: shape.at,
          type: shape.type,
          words,
          wordOrder: shape.wordOrder,
          swapBytes: shape.swapBytes,
          wordsAt: shape.apart ? Array.from({length: words}, (_, index) => shape.at + 3 * (words - index)) : null,
          bits: null,
          scale: {kind: 'factor', by: shape.by},
          offset: 0,
          invert: shape.invert,
          absent: [],
        };
        const value = Number((raw * shape.by * (shape.invert ? -1 : 1)).toPrecision(12)) + 0;
        const registers = encode(own, value);
        expect(registers.size).toBe(words);
        for (const word of registers.values()) expect(Number.isInteger(word) && word >= 0 && word <= 0xffff).toBe(true);
        const read = decode(own, at => registers.get(at));
        expect(read.kind).toBe('number');
        if (read.kind === 'number') expect(read.value).toBeCloseTo(value, shape.type === 'f32' ? 1 : 6);
      }),
      {numRuns: 5000},
    );
  });

  test('a register that was not read makes no value', () => {
    fc.assert(
      fc.property(field, fc.nat(3), (shape, gone) => {
        const words = TYPES[shape.type];
        const own = {...shape, fc: 3, words, wordsAt: null, bits: null, scale: {kind: 'factor', by: 1}, offset: 0, absent: []} as Field;
        expect(decode(own, at => (at === shape.at + (gone % words) ? undefined : 1))).toEqual({kind: 'absent'});
      }),
    );
  });
});
