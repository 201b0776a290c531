// Counters as devices tell them, and what is published of them: it grows, or waits.

import fc from 'fast-check';
import {describe, expect, test} from 'vitest';
import {CounterGuard, Floors} from '../../src/outlets/mqtt/floors.ts';
import {energiesIn} from '../../src/outlets/mqtt/payloads.ts';

/** Publishes readings that are a second apart. */
function published(readings: readonly number[], guard = new CounterGuard()): (number | null)[] {
  return readings.map((kwh, second) => guard.read('meter', kwh, second * 1000).kwh);
}
const times = <T>(count: number, value: T): T[] => Array.from({length: count}, () => value);

describe('a counter of a device', () => {
  test.each([
    ['grows', [5, 5.1, 5.1, 5.3], [5, 5.1, 5.1, 5.3]],
    ['reads zero for a moment', [5, 0, 5.1], [5, 5, 5.1]],
    ['reads zero first, before it is ready', [0, 7012], [null, 7012]],
    ['is new and stays at zero', [0, 0, 0, 0.1], [null, null, 0, 0.1]],
    ['dips and catches up', [10, 9.5, 9.9, 10.2], [10, 10, 10, 10.2]],
    ['overflows for a moment', [7012.3, 65_535, 4_294_967.295, 7012.4], [7012.3, 7012.3, 7012.3, 7012.4]],
  ] as const)('%s', (_name, readings, expected) => {
    expect(published(readings)).toEqual(expected);
  });

  test('of a new meter goes on from the last value, and loses nothing of what the new one counts', () => {
    const readings = [...times(3, 1000), ...Array.from({length: 40}, (_, i) => 3 + i / 10)];
    const result = published(readings);
    expect(result.slice(0, 32)).toEqual(times(32, 1000));
    expect(result.at(-1)).toBe(1003.9);
  });

  test('that was wrong for a minute and comes back does not count the way back', () => {
    expect(published([...times(3, 10_000), ...times(60, 3), 10_000.2]).at(-1)).toBe(10_000.2);
    expect(published([...times(3, 10_000), ...times(60, 99_999), 10_000.2]).at(-1)).toBe(10_000.2);
  });

  test('that zeros out for good is never followed down', () => {
    expect(published([10_000, ...times(500, 0)]).at(-1)).toBe(10_000);
  });

  test('that stood still for hours may gain hours at once, once it is confirmed', () => {
    const guard = new CounterGuard();
    guard.read('meter', 100, 0);
    expect(guard.read('meter', 100, 4 * 3_600_000).kwh).toBe(100);
    const after = [140, 140, 140.1].map((kwh, i) => guard.read('meter', kwh, 4 * 3_600_000 + 1000 * (i + 1)).kwh);
    expect(after).toEqual([100, 100, 140.1]);
  });

  test.each([
    ['goes on as if nothing had been', [8000.5], [8000.5]],
    ['has gone far while nobody read it, which is confirmed first', [8120, 8120, 8120.1, 8120.2], [8000, 8000, 8120.1, 8120.2]],
    ['begins with a lie', [21_474_836.47, 8000.2, 80_002, 8000.3], [8000, 8000.2, 8000.2, 8000.3]],
    ['begins with one that lasts', [...times(10, 4_294_967.295), 8000.2], [...times(10, 8000), 8000.2]],
  ])('of a daemon that starts anew %s', (_name, readings, expected) => {
    const guard = new CounterGuard();
    guard.remember('meter', 8000);
    expect(published(readings, guard)).toEqual(expected);
  });

  test('whose very first reading is absurd waits for a better one', () => {
    expect(published([21_474_836.47, 21_474_836.47, 8000.2, 8000.3])).toEqual([null, null, 8000.2, 8000.3]);
  });

  test('is told again and again between two readings: that proves nothing', () => {
    const guard = new CounterGuard();
    guard.read('meter', 1000, 0);
    for (let again = 0; again < 100; again++) expect(guard.read('meter', 3, 1000).kwh).toBe(1000);
  });

  test('does not go back behind what the broker still holds', () => {
    const guard = new CounterGuard();
    guard.remember('meter', 100);
    expect(published([99.9, 99.95, 100.1], guard)).toEqual([100, 100, 100.1]);
  });

  test('people are told once: held back, replaced, returned', () => {
    const guard = new CounterGuard();
    const notes = [5000, ...times(31, 3), 5000.1].map((kwh, second) => guard.read('meter', kwh, second * 1000).note);
    expect(notes.filter(note => note !== null)).toEqual(['held-back', 'replaced', 'returned']);
  });

  test('law: whatever glitches stand in between, what is published never falls and never runs ahead', () => {
    const glitch = fc.oneof(fc.constant(0), fc.constant(65_535), fc.constant(429_496_729.5), fc.double({min: 0, max: 900, noNaN: true}));
    const step = fc.record({gain: fc.double({min: 0, max: 0.2, noNaN: true}), glitches: fc.array(glitch, {maxLength: 5})});
    fc.assert(
      fc.property(fc.array(step, {minLength: 1, maxLength: 60}), steps => {
        const guard = new CounterGuard();
        let truth = 1000;
        let second = 0;
        guard.read('meter', truth, 0);
        let before = truth;
        for (const {gain, glitches} of steps) {
          for (const kwh of glitches) {
            const {kwh: shown} = guard.read('meter', kwh, ++second * 1000);
            expect(shown).toBe(before);
          }
          truth = Math.round((truth + gain) * 1000) / 1000;
          before = guard.read('meter', truth, ++second * 1000).kwh as number;
          expect(before).toBe(truth);
        }
      }),
    );
  });
});

test('a total of the ledger waits where it would go back, and stays where the ledger has it no more', () => {
  const floors = new Floors();
  floors.remember({home_kwh: 12.5});
  expect([12.4, 12.5, 12.6, 12.1].map(kwh => floors.over({home_kwh: kwh})['home_kwh'])).toEqual([12.5, 12.5, 12.6, 12.6]);
  expect(floors.over({solar_kwh: 3})).toEqual({home_kwh: 12.6, solar_kwh: 3});
});

test.each([
  ['{"grid_import_kwh": 1e308, "grid_export_kwh": 123456789012, "home_kwh": -5, "solar_kwh": 7012.5}', {solar_kwh: 7012.5}],
  ['{"solar_kwh": "7", "home_kwh": null, "ts": 5, "__proto__": {"a_kwh": 1}}', {}],
  ['null', {}],
  ['[1]', {}],
  ['{', {}],
])('of what a broker holds, only what a house can have counted is believed: %s', (payload, believed) => {
  expect(energiesIn(payload)).toEqual(believed);
  const floors = new Floors();
  floors.remember(energiesIn(payload));
  expect(floors.over({grid_import_kwh: 3})).toEqual({...believed, grid_import_kwh: 3});
});
