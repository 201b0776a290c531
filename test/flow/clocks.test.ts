// I7: whatever the wall clock does, the energy is the same, each quarter hour is closed once, and what had no date gets one.

import fc from 'fast-check';
import {describe, expect, test} from 'vitest';
import type {SlotRecord} from '../../src/core/flow/model.ts';
import {anyHouse, type Life, live, missing, owed, REGISTERS, sumOf, totalOf} from './life.ts';

const WALL = Date.UTC(2026, 4, 10, 8);
const BEATS = 80;
const DAY_S = 86_400;
const beat = fc.integer({min: 0, max: BEATS});
const byS = fc.oneof(
  fc.integer({min: -120, max: 120}),
  fc.integer({min: -8000, max: 8000}),
  fc.integer({min: -30 * DAY_S, max: 30 * DAY_S}),
  fc.constantFrom(900, -900, 1800, -1800),
);
const lifeWith = (kills: Life['kills'][number][] | fc.Arbitrary<Life['kills']>): fc.Arbitrary<Life> =>
  fc.record({
    ...anyHouse(WALL, BEATS, 4),
    kills: Array.isArray(kills) ? fc.constant(kills) : kills,
    silences: fc.constant([]),
    lies: fc.constant([]),
    steps: fc.array(fc.record({beat, byS}), {maxLength: 5}),
    distrust: fc.array(fc.record({beat, beats: fc.nat(50)}), {maxLength: 2}),
  });

describe('whatever the wall clock does', () => {
  test('I7: the energy is the same, and each quarter hour is closed once', () => {
    fc.assert(
      fc.property(lifeWith([]), life => {
        const closed: number[] = [];
        const lived = live(life, slots => {
          for (const {slot, adds, closed: isClosed} of slots) if (isClosed && !adds && slot.kind === 'utc') closed.push(slot.startMs);
        });
        expect(closed).toHaveLength(new Set(closed).size);
        const plain = live({...life, steps: [], distrust: []});
        for (const register of REGISTERS) {
          expect(missing(lived, register), register).toBeCloseTo(0, 6);
          const booked = [lived, plain].map(one => sumOf(one.ledger, register) + owed(one.state, register));
          expect(booked[0], register).toBe(booked[1]);
        }
      }),
      {numRuns: 150},
    );
  });

  test('killed meanwhile as well, the totals are those of the registers', () => {
    const kills = fc.array(
      fc.record({beat, lost: fc.nat(8), downS: fc.oneof(fc.nat(90), fc.nat(1000), fc.nat(9000)), sameClock: fc.boolean()}),
      {maxLength: 2},
    );
    // A clock that steps while nothing runs is not trusted before it is set.
    const life = lifeWith(kills).map(one => ({
      ...one,
      distrust: [...(one.distrust ?? []), ...one.kills.map(kill => ({beat: kill.beat, beats: 3}))],
    }));
    fc.assert(
      fc.property(life, one => {
        const lived = live(one);
        for (const register of REGISTERS) expect(missing(lived, register), register).toBeCloseTo(0, 6);
      }),
      {numRuns: 150},
    );
  });
});

const STEADY: Life = {
  resolutionWh: 1,
  pollS: 10,
  countersS: 10,
  powers: [{solarW: 0, loadW: 3600, batteryW: 0}],
  errorPermille: 0,
  beginWallMs: WALL,
  beats: 0,
  kills: [],
  silences: [],
  lies: [],
};
/** Import by quarter hour, Wh, `HH:MM` of the day it began on. */
const imported = (ledger: ReadonlyMap<string, SlotRecord>): Record<string, number> =>
  Object.fromEntries(
    [...ledger]
      .filter(([name]) => name.startsWith(new Date(WALL).toISOString().slice(0, 10)))
      .map(([name, slot]) => [name.slice(11), Math.round(totalOf(slot, 'grid_import') / 1000)]),
  );

/** A poll that a step of the clock lies in may count to either side: 10 Wh. */
function expectNear(energies: Record<string, number>, expected: Record<string, number>): void {
  for (const [slot, energyWh] of Object.entries(expected)) expect(Math.abs((energies[slot] ?? 0) - energyWh), slot).toBeLessThanOrEqual(20);
}

describe('a clock that ran ahead and came back', () => {
  test('by days: from then on every quarter hour has its own date at once', () => {
    // Half an hour too far by ten days, then right for an hour.
    const lived = live({
      ...STEADY,
      beats: 540,
      steps: [
        {beat: 0, byS: 10 * DAY_S},
        {beat: 180, byS: -10 * DAY_S},
      ],
    });
    expect(lived.state.undated).toEqual([]);
    expectNear(imported(lived.ledger), {'08:30': 900, '08:45': 900, '09:00': 900, '09:15': 900});
  });

  test('by an hour: a quarter hour that the wrong clock has named gets what flowed in it as well', () => {
    // Named an hour ahead for half an hour; the quarter hours from nine come a second time.
    const lived = live({
      ...STEADY,
      beats: 540,
      steps: [
        {beat: 0, byS: 3600},
        {beat: 180, byS: -3600},
      ],
    });
    expectNear(imported(lived.ledger), {'08:30': 900, '08:45': 900, '09:00': 1800, '09:15': 1800});
  });

  test.each([
    ['by days', 10 * DAY_S],
    ['over midnight', DAY_S / 2 + 3600],
  ])('%s: today is told of again, with what was counted before', (_how, byS) => {
    // Right for half an hour, too far for half an hour, then right for an hour.
    const steps = [
      {beat: 180, byS},
      {beat: 360, byS: -byS},
    ];
    const {ledger, day} = live({...STEADY, beats: 720, kills: [{beat: 600, lost: 0, downS: 10, sameClock: false}], steps});
    const today = [...ledger].filter(([name]) => name.startsWith('2026-05-10'));
    expect(day?.['day']).toBe('2026-05-10');
    expect(day?.['grid_import_kwh']).toBeCloseTo(today.reduce((sum, [, slot]) => sum + totalOf(slot, 'grid_import'), 0) / 1e6, 6);
    // Also those after a restart, whose clock is still behind what is stored.
    const hour = today.map(([name]) => name.slice(11)).filter(time => time.startsWith('09'));
    expect(hour).toEqual(['09:00', '09:15', '09:30', '09:45']);
  });

  test('into tomorrow: tomorrow has what the wrong clock has named after it', () => {
    const byS = 17 * 3600;
    const steps = [
      {beat: 30, byS},
      {beat: 60, byS: -byS},
    ];
    const {ledger, day} = live({...STEADY, pollS: 60, countersS: 60, beats: 20 * 60, steps});
    // A local day of the ledger begins two hours before that of UTC.
    const isOf = (name: string): boolean => new Date(Date.parse(`${name}:00Z`) + 2 * 3_600_000).toISOString().startsWith('2026-05-11');
    const tomorrow = [...ledger].filter(([name]) => isOf(name));
    expect(day?.['day']).toBe('2026-05-11');
    expect(day?.['grid_import_kwh']).toBeCloseTo(tomorrow.reduce((sum, [, slot]) => sum + totalOf(slot, 'grid_import'), 0) / 1e6, 6);
  });

  test('after a power cut with a clock that knows nothing: the hole is filled where it was, once the clock is set', () => {
    // Off from 8:20 to 11:20; the clock goes on where it stood, and is set three minutes later.
    const lived = live({
      ...STEADY,
      beats: 200,
      kills: [{beat: 120, lost: 0, downS: 10_800, sameClock: false}],
      steps: [
        {beat: 120, byS: -10_800},
        {beat: 138, byS: 10_800},
      ],
      distrust: [{beat: 120, beats: 18}],
    });
    const energies = Object.values(imported(lived.ledger));
    expect(energies.length).toBeGreaterThan(13);
    // The hole is spread evenly, also over the quarter hours that it only touches.
    for (const energyWh of energies) expect(energyWh).toBeLessThan(1800);
    for (const register of REGISTERS) expect(missing(lived, register)).toBeCloseTo(0, 6);
  });
});
