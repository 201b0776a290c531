// A device that was silent for longer than its quarter hours are kept open, or while the daemon was down: its energy lies where it flowed.

import {expect, test} from 'vitest';
import {type Life, live, missing, nameOf, REGISTERS, totalOf} from './life.ts';

const HOUR_S = 3600;
const POLL_S = 60;
const QUIET: Life = {
  resolutionWh: 1,
  pollS: POLL_S,
  countersS: POLL_S,
  powers: [{solarW: 3000, loadW: 1000, batteryW: 0}],
  errorPermille: 0,
  beginWallMs: Date.UTC(2026, 4, 10, 8),
  beats: (9 * HOUR_S) / POLL_S,
  kills: [],
  silences: [],
  lies: [],
};
const beatAt = (hours: number): number => (hours * HOUR_S) / POLL_S;
const silent = (device: 'pv' | 'bat', fromHours: number, hours: number) => [{device, beat: beatAt(fromHours), beats: beatAt(hours)}];

test.each<[string, Partial<Life>]>([
  ['an inverter for six hours', {silences: silent('pv', 1, 6)}],
  [
    'an inverter for six hours, the daemon down for one of them',
    {silences: silent('pv', 1, 5), kills: [{beat: beatAt(3), lost: 2, downS: HOUR_S, sameClock: false}]},
  ],
  [
    'an inverter that is back some minutes later than the daemon, which was down for three hours',
    {
      silences: silent('pv', 1, 0.2),
      kills: [{beat: beatAt(1.1), lost: 0, downS: 3 * HOUR_S, sameClock: false}],
    },
  ],
])('%s: each quarter hour has what the sun gave and the home used', (_what, change) => {
  const life = {...QUIET, ...change};
  const lived = live(life);
  for (const register of REGISTERS) expect(missing(lived, register), register).toBeCloseTo(0, 6);
  const whole = [...lived.ledger.values()].slice(0, -1);
  expect(whole.length).toBeGreaterThan(35);
  for (const slot of whole) {
    // 750 Wh of sun, 250 Wh for the home, 500 Wh exported; where an hour was spread over the quarter hours it touched, a part more or less.
    expect(totalOf(slot, 'solar') / 1000, nameOf(slot)).toBeLessThan(1300);
    expect(totalOf(slot, 'home') / 1000, nameOf(slot)).toBeLessThan(600);
    const fromNowhere = (slot.cells['solar-first'] ?? []).filter(cell => cell.source === 'unexplained');
    expect(fromNowhere.reduce((sum, cell) => sum + cell.energyMilliWh, 0) / 1000, nameOf(slot)).toBeLessThan(100);
    for (const [policy, cells] of Object.entries(slot.cells))
      for (const [name, side, id] of [
        ['solar', 'source', 'solar'],
        ['grid_export', 'sink', 'grid'],
        ['home', 'sink', 'home'],
      ] as const)
        expect(
          (cells ?? []).filter(cell => cell[side] === id).reduce((sum, cell) => sum + cell.energyMilliWh, 0),
          `${policy} ${name} ${nameOf(slot)}`,
        ).toBe(totalOf(slot, name));
  }
});

test('a charging battery that was silent for six hours: no quarter hour has all of it', () => {
  const lived = live({...QUIET, powers: [{solarW: 0, loadW: 500, batteryW: -1000}], silences: silent('bat', 1, 6)});
  for (const register of REGISTERS) expect(missing(lived, register), register).toBeCloseTo(0, 6);
  for (const slot of lived.ledger.values()) expect(totalOf(slot, 'battery_charge') / 1000, nameOf(slot)).toBeLessThan(350);
});
