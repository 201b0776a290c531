// The read planner and the codec on random maps: nothing left out, no limit broken, and never dearer than any other way to read them.

import fc from 'fast-check';
import {describe, expect, test} from 'vitest';
import {type BusTiming, requestMs} from '../../src/core/bustime.ts';
import {decode, encode} from '../../src/core/codec.ts';
import {type PlannedRequest, planReads, type Span, totalMs} from '../../src/core/planner.ts';
import type {Field, Limits, RegisterType} from '../../src/core/profile.ts';

const timings: fc.Arbitrary<BusTiming> = fc.oneof(
  fc.record({
    kind: fc.constant('serial' as const),
    baud: fc.constantFrom(1200, 9600, 19_200, 115_200),
    bitsPerCharacter: fc.constantFrom(10, 11),
    turnaroundMs: fc.integer({min: 0, max: 80}),
  }),
  fc.record({kind: fc.constant('tcp' as const), turnaroundMs: fc.integer({min: 1, max: 100})}),
);
const spansIn = (addresses: number, most: number): fc.Arbitrary<Span[]> =>
  fc.array(
    fc.record({
      fc: fc.constantFrom(3 as const, 4 as const),
      at: fc.integer({min: 0, max: addresses}),
      words: fc.constantFrom(1, 1, 2, 2, 4, 8),
    }),
    {minLength: 1, maxLength: most},
  );
const limitsIn = (addresses: number): fc.Arbitrary<Limits> =>
  fc.record({
    maxRegisters: fc.integer({min: 1, max: 125}),
    maxGap: fc.constantFrom(0, 1, 4, 16, 125),
    barriers: fc.array(fc.integer({min: 0, max: addresses}), {maxLength: 3}),
    forbidden: fc.array(
      fc.tuple(fc.integer({min: 0, max: addresses}), fc.integer({min: 0, max: 5})).map(([from, more]) => [from, from + more] as const),
      {maxLength: 3},
    ),
    single: fc.array(fc.integer({min: 0, max: addresses}), {maxLength: 3}),
    atomic: fc.constant([]),
  });

const endOf = ({at, words}: {at: number; words: number}): number => at + words;
const holds = (request: {fc: number; at: number; words: number}, span: Span): boolean =>
  request.fc === span.fc && request.at <= span.at && endOf(request) >= endOf(span);
/** The limits as a device would enforce them, on one request. */
const inside = (request: {at: number; words: number}, limits: Limits): boolean =>
  request.words <= limits.maxRegisters &&
  limits.forbidden.every(([from, to]) => endOf(request) <= from || request.at > to) &&
  limits.barriers.every(barrier => !(request.at < barrier && endOf(request) > barrier));
const readable = (spans: readonly Span[], limits: Limits): Span[] => spans.filter(span => inside(span, limits));
const outermost = (spans: readonly Span[]): Span[] =>
  spans.filter((span, index) => !spans.some((other, n) => n !== index && holds(other, span) && (other.words > span.words || n < index)));

/** Whether these spans may share one request; null where not. */
function shared(group: readonly Span[], limits: Limits): {at: number; words: number} | null {
  const at = Math.min(...group.map(span => span.at));
  const hull = {at, words: Math.max(...group.map(endOf)) - at};
  if (!inside(hull, limits)) return null;
  if (group.length === 1) return hull;
  if (limits.single.some(address => address >= hull.at && address < endOf(hull))) return null;
  let reached = at;
  for (const span of [...group].sort((a, b) => a.at - b.at)) {
    if (span.at - reached > limits.maxGap) return null;
    reached = Math.max(reached, endOf(span));
  }
  return hull;
}

/** Every way to divide the spans into requests, the cheapest. */
function bruteForce(spans: readonly Span[], limits: Limits, timing: BusTiming): number {
  let least = Infinity;
  const divide = (index: number, groups: Span[][]): void => {
    if (index === spans.length) {
      let ms = 0;
      for (const group of groups) {
        const hull = shared(group, limits);
        if (!hull) return;
        ms += requestMs(timing, hull.words);
      }
      least = Math.min(least, ms);
      return;
    }
    const span = spans[index] as Span;
    for (const [n, group] of groups.entries())
      if (group[0]?.fc === span.fc)
        divide(
          index + 1,
          groups.map((one, m) => (m === n ? [...one, span] : one)),
        );
    divide(index + 1, [...groups, [span]]);
  };
  divide(0, []);
  return least;
}

function greedy(spans: readonly Span[], limits: Limits, timing: BusTiming): number {
  const groups: Span[][] = [];
  for (const span of [...spans].sort((a, b) => a.fc - b.fc || a.at - b.at)) {
    const last = groups.at(-1);
    if (last && last[0]?.fc === span.fc && shared([...last, span], limits)) last.push(span);
    else groups.push([span]);
  }
  return groups.reduce((sum, group) => sum + requestMs(timing, (shared(group, limits) as {words: number}).words), 0);
}

describe('the planner', () => {
  test('reads every span whole, each address it may not touch left alone', () => {
    fc.assert(
      fc.property(spansIn(200, 40), limitsIn(200), timings, (spans, limits, timing) => {
        const plan = planReads(spans, limits, timing);
        for (const request of plan) {
          expect(inside(request, limits)).toBe(true);
          // Nothing is read for nothing, and what must be read alone is.
          const members = outermost(readable(spans, limits)).filter(span => holds(request, span));
          expect(members.length).toBeGreaterThan(0);
          expect(request.ms).toBe(requestMs(timing, request.words));
          if (members.length > 1) expect(shared(members, limits)).toEqual({at: request.at, words: request.words});
        }
        for (const span of readable(spans, limits)) expect(plan.some(request => holds(request, span))).toBe(true);
        // No request is inside another: nothing is asked twice.
        plan.forEach((request, n) => {
          expect(plan.some((other, m) => m !== n && holds(other, request as PlannedRequest & Span))).toBe(false);
        });
      }),
      {numRuns: 1000},
    );
  });

  test('spans that do not overlap are read exactly once', () => {
    const apart = fc.array(fc.tuple(fc.integer({min: 0, max: 20}), fc.constantFrom(1, 2, 4)), {minLength: 1, maxLength: 40}).map(list => {
      let at = 0;
      return list.map(([gap, words]): Span => {
        const span: Span = {fc: 3, at: at + gap, words};
        at = endOf(span);
        return span;
      });
    });
    fc.assert(
      fc.property(apart, limitsIn(300), timings, (spans, limits, timing) => {
        const plan = planReads(spans, limits, timing);
        for (const span of readable(spans, limits)) expect(plan.filter(request => holds(request, span))).toHaveLength(1);
      }),
      {numRuns: 500},
    );
  });

  test('is as cheap as the best of all divisions', () => {
    fc.assert(
      fc.property(spansIn(40, 6), limitsIn(40), timings, (spans, limits, timing) => {
        const wanted = outermost(readable(spans, limits));
        expect(totalMs(planReads(spans, limits, timing))).toBeCloseTo(bruteForce(wanted, limits, timing), 6);
      }),
      {numRuns: 1500},
    );
  });

  test('is never dearer than joining from left to right, or than one request a point', () => {
    fc.assert(
      fc.property(spansIn(400, 60), limitsIn(400), timings, (spans, limits, timing) => {
        const wanted = outermost(readable(spans, limits));
        const ms = totalMs(planReads(spans, limits, timing));
        expect(ms).toBeLessThanOrEqual(greedy(wanted, limits, timing) + 1e-6);
        expect(ms).toBeLessThanOrEqual(wanted.reduce((sum, span) => sum + requestMs(timing, span.words), 0) + 1e-6);
      }),
      {numRuns: 500},
    );
  });

  test('registers that only make sense together come in one request, even where apart would be cheaper', () => {
    const spans: Span[] = [
      {fc: 4, at: 100, words: 1},
      {fc: 4, at: 160, words: 2},
      {fc: 4, at: 170, words: 1},
    ];
    const limits: Limits = {maxRegisters: 80, maxGap: 0, barriers: [], forbidden: [], single: [], atomic: [[100, 161]]};
    const slow: BusTiming = {kind: 'serial', baud: 1200, bitsPerCharacter: 10, turnaroundMs: 0};
    expect(planReads(spans, limits, slow)).toMatchObject([
      {at: 100, words: 62},
      {at: 170, words: 1},
    ]);
    // Where no request may hold them all they come apart rather than not at all.
    expect(planReads(spans, {...limits, maxRegisters: 20}, slow)).toHaveLength(3);
  });

  test('a pause that a device wants makes one long request better than two short ones', () => {
    const spans: Span[] = [
      {fc: 3, at: 0, words: 2},
      {fc: 3, at: 62, words: 2},
    ];
    const limits: Limits = {maxRegisters: 100, maxGap: 100, barriers: [], forbidden: [], single: [], atomic: []};
    const line: BusTiming = {kind: 'serial', baud: 9600, bitsPerCharacter: 10, turnaroundMs: 30};
    expect(planReads(spans, limits, line)).toHaveLength(2);
    expect(planReads(spans, limits, {...line, pauseMs: 250})).toMatchObject([{at: 0, words: 64}]);
  });

  test('overlapping values in two requests, where one for both would need a third', () => {
    const spans: Span[] = [
      {fc: 3, at: 0, words: 5},
      {fc: 3, at: 5, words: 8},
      {fc: 3, at: 10, words: 8},
      {fc: 3, at: 18, words: 5},
    ];
    const limits: Limits = {maxRegisters: 15, maxGap: 0, barriers: [], forbidden: [], single: [], atomic: []};
    expect(planReads(spans, limits, {kind: 'tcp', turnaroundMs: 10})).toMatchObject([
      {at: 0, words: 13},
      {at: 10, words: 13},
    ]);
  });
});

const WORDS: Readonly<Record<string, number>> = {u16: 1, s16: 1, u32: 2, s32: 2, acc32: 2, u64: 4, s64: 4, acc64: 4, f32: 2, f64: 4};
const LOW: Readonly<Record<string, number>> = {s16: -(2 ** 15), s32: -(2 ** 31), s64: -(2 ** 36)};
const HIGH: Readonly<Record<string, number>> = {u16: 2 ** 16 - 1, s16: 2 ** 15 - 1, u32: 2 ** 32 - 1, s32: 2 ** 31 - 1, acc32: 2 ** 32 - 2};
const fieldOf = (type: RegisterType, change: Partial<Field>): Field => ({
  fc: 3,
  at: 100,
  type,
  words: WORDS[type] as number,
  wordOrder: 'high-first',
  swapBytes: false,
  wordsAt: null,
  bits: null,
  scale: {kind: 'factor', by: 1},
  offset: 0,
  invert: false,
  absent: [],
  ...change,
});
const layouts = fc.record({
  wordOrder: fc.constantFrom('high-first' as const, 'low-first' as const),
  swapBytes: fc.boolean(),
  invert: fc.boolean(),
  apart: fc.boolean(),
});
const placed = (
  type: RegisterType,
  {apart, ...layout}: {wordOrder: Field['wordOrder']; swapBytes: boolean; invert: boolean; apart: boolean},
) => fieldOf(type, {...layout, wordsAt: apart ? Array.from({length: WORDS[type] as number}, (_, n) => 180 - 7 * n) : null});

describe('the codec', () => {
  test.each(['u16', 's16', 'u32', 's32', 'u64', 's64', 'acc32', 'acc64'] as const)(
    '%s: what was encoded is decoded, in every layout and scale',
    type => {
      fc.assert(
        fc.property(
          // Accumulators say "none" with a zero or all ones.
          fc.integer({min: type.startsWith('acc') ? 1 : (LOW[type] ?? 0), max: HIGH[type] ?? 2 ** 36}),
          layouts,
          fc.constantFrom(1, 10, 0.1, 0.01, 0.001),
          (raw, layout, by) => {
            const field = {...placed(type, layout), scale: {kind: 'factor', by} as const};
            // Decimal digits by text, so that no binary fraction decides what is right.
            const value = Number(by >= 1 ? raw * by : `${raw}e${Math.log10(by).toFixed(0)}`) * (layout.invert ? -1 : 1) + 0;
            const words = encode(field, value);
            expect(words.size).toBe(WORDS[type]);
            expect(decode(field, at => words.get(at))).toEqual({kind: 'number', value});
            // A word less is no value.
            const [lost] = words.keys();
            expect(decode(field, at => (at === lost ? undefined : words.get(at)))).toEqual({kind: 'absent'});
          },
        ),
        {numRuns: 200},
      );
    },
  );

  test.each(['f32', 'f64'] as const)('%s: what was encoded is decoded', type => {
    fc.assert(
      fc.property(fc.integer({min: -9_999_999, max: 9_999_999}), fc.constantFrom(1, 10, 100, 1000), layouts, (digits, divisor, layout) => {
        const field = placed(type, layout);
        const value = Number((digits / divisor).toPrecision(6)) + 0;
        const words = encode(field, value);
        expect(decode(field, at => words.get(at))).toEqual({kind: 'number', value});
      }),
      {numRuns: 300},
    );
  });

  test('words and an exponent beside them', () => {
    fc.assert(
      fc.property(fc.integer({min: -32_767, max: 32_767}), fc.integer({min: -3, max: 3}), (raw, exponent) => {
        const field = fieldOf('s16', {scale: {kind: 'exponentAt', at: 101}});
        const value = Number(`${raw}e${exponent}`) + 0;
        const words = new Map([...encode(field, value, exponent), [101, exponent & 0xffff]]);
        expect(decode(field, at => words.get(at))).toEqual({kind: 'number', value});
        expect(decode(field, at => (at === 101 ? 0x8000 : words.get(at)))).toEqual({kind: 'absent'});
      }),
    );
  });

  test('a text of any length, and the sentinel of each integer', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[!-~]([ -~]{0,14}[!-~])?$/), text => {
        const field = fieldOf('text', {words: 8});
        const words = encode(field, text);
        expect(decode(field, at => words.get(at))).toEqual({kind: 'text', value: text});
      }),
    );
    for (const [type, none] of [
      ['u16', 0xffffn],
      ['s16', 0x8000n],
      ['u32', 0xffff_ffffn],
      ['s32', 0x8000_0000n],
    ] as const) {
      const field = fieldOf(type, {absent: [none]});
      const words = encode(field, null);
      expect(decode(field, at => words.get(at))).toEqual({kind: 'absent'});
    }
  });

  test('whatever the words are: a finite number, a text or nothing', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({min: 0, max: 0xffff}), {minLength: 16, maxLength: 16}),
        fc.constantFrom(...(Object.keys(WORDS) as RegisterType[]), 'text' as const),
        fc.boolean(),
        (words, type, exponent) => {
          const field = fieldOf(type, {words: WORDS[type] ?? 8, ...(exponent ? {scale: {kind: 'exponentAt', at: 108} as const} : {})});
          const decoded = decode(field, at => words[at - 100]);
          if (decoded.kind === 'number') expect(Number.isFinite(decoded.value)).toBe(true);
          if (decoded.kind === 'text') expect(decoded.value).toMatch(/^[ -~]+$/);
        },
      ),
      {numRuns: 1000},
    );
  });
});
