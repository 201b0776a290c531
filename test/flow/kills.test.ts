// I6 and I8: killed at any moment, with devices that lie or say nothing around it, the totals are the registers' own differences.

import fc from 'fast-check';
import {describe, expect, test} from 'vitest';
import {anyHouse, DEVICES, LIES, type Life, live, missing, REGISTERS} from './life.ts';

const WALL = Date.UTC(2026, 4, 10, 8);
const BEATS = 80;
const PLAIN: Life = {
  resolutionWh: 1,
  pollS: 10,
  countersS: 10,
  powers: [{solarW: 600, loadW: 900, batteryW: 100}],
  errorPermille: 0,
  beginWallMs: WALL,
  beats: 40,
  kills: [],
  silences: [],
  lies: [],
};
const sun = {solarW: 5309, loadW: 100, batteryW: 985};
const night = {solarW: 0, loadW: 100, batteryW: 0};

function expectRegisters(life: Life): void {
  const lived = live(life);
  const told = lived.events.map(({kind, detail}) => `${kind} ${detail}`).join('\n');
  // None of these registers stands still while power flows.
  expect(told).not.toContain('counter-stalled');
  for (const register of REGISTERS) expect(missing(lived, register), `${register}\n${told}`).toBeCloseTo(0, 6);
}

describe('the totals are those of the registers', () => {
  test.each<[string, Partial<Life>]>([
    [
      'killed twice before the registers have told of the first hole',
      {
        kills: [
          {beat: 8, lost: 0, downS: 300, sameClock: false},
          {beat: 9, lost: 0, downS: 0, sameClock: false},
        ],
        lies: [{register: 'battery_discharge', beat: 8, beats: 1, lie: 'zero'}],
      },
    ],
    [
      'a register of 100 Wh that once read as all ones',
      {
        resolutionWh: 100,
        beats: 80,
        powers: [{solarW: 0, loadW: 300, batteryW: 719}],
        lies: [{register: 'grid_export', beat: 7, beats: 1, lie: 'ones'}],
      },
    ],
    ['a great power that ends between two slow polls', {pollS: 60, beats: 23, errorPermille: 27, powers: [night, sun]}],
    [
      'a battery that says nothing while the load falls',
      {
        pollS: 60,
        beats: 15,
        powers: [
          {solarW: 0, loadW: 2501, batteryW: 0},
          {solarW: 0, loadW: 100, batteryW: 0},
        ],
        silences: [{device: 'bat', beat: 10, beats: 6}],
      },
    ],
    [
      'another device that says nothing while the battery stops',
      {
        pollS: 60,
        beats: 10,
        powers: [{...night, batteryW: 1591}, night],
        silences: [{device: 'pv', beat: 7, beats: 4}],
      },
    ],
  ])('%s', (_what, change) => expectRegisters({...PLAIN, ...change}));

  test('I8: whenever it is killed, whatever was lost and whatever lies or is silent meanwhile', () => {
    const beat = fc.integer({min: 0, max: BEATS});
    const life: fc.Arbitrary<Life> = fc.record({
      ...anyHouse(WALL, BEATS, 5),
      kills: fc.array(
        fc.record({
          beat,
          lost: fc.nat(8),
          downS: fc.oneof(fc.nat(90), fc.nat(1000), fc.nat(9000), fc.nat(60_000)),
          sameClock: fc.boolean(),
        }),
        {maxLength: 3},
      ),
      silences: fc.array(fc.record({device: fc.constantFrom(...DEVICES), beat, beats: fc.nat(30)}), {maxLength: 3}),
      lies: fc
        .array(
          fc.record({
            register: fc.constantFrom(...REGISTERS),
            beat,
            beats: fc.integer({min: 1, max: 2}),
            lie: fc.constantFrom(...(Object.keys(LIES) as (keyof typeof LIES)[])),
          }),
          {maxLength: 6},
        )
        // Three readings in a row that agree are believed, whatever they say.
        .map(lies =>
          lies.filter((one, i) => !lies.slice(0, i).some(other => other.register === one.register && Math.abs(other.beat - one.beat) < 6)),
        ),
    });
    fc.assert(fc.property(life, expectRegisters), {numRuns: 300});
  });
});
