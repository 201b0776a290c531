// A boot in 1970: what was measured before the clock was set has its date once it is, whatever the quarter hour it was set in.

import {expect, test} from 'vitest';
import {advance, createFlow} from '../../src/core/flow/advance.ts';
import type {SlotRecord} from '../../src/core/flow/model.ts';
import type {Reading} from '../../src/core/reading.ts';
import {siteOf} from '../pipeline/house.ts';

const POWER_W = 3600; // a watt-hour each second
const BEAT_S = 2;

/** The newest word on each dated slot, by its begin, Wh of grid import; and how many slots have none. */
function booked(setAfterS: number, wallWhenSet: string, seconds: number): {dated: Record<string, number>; undated: number} {
  const base = siteOf({}, 1000 * BEAT_S);
  const site = {...base, map: {...base.map, batteries: [], solar: []}};
  let state = createFlow(site, 'boot');
  const slots = new Map<string, SlotRecord>();
  for (let t = 0; t <= seconds; t += BEAT_S) {
    const monoMs = 60_000 + 1000 * t;
    const wallMs = t < setAfterS ? monoMs : Date.parse(wallWhenSet) + 1000 * (t - setAfterS);
    const readings: Reading[] = [{device: 'meter', point: 'meter.power_w', measured: {kind: 'good', value: POWER_W, monoMs}}];
    const step = advance(site, state, {
      tick: {seq: t / BEAT_S, monoMs, wallMs},
      readings,
      clockTrusted: t >= setAfterS,
      flush: t + BEAT_S > seconds,
    });
    state = step.state;
    for (const slot of step.slots) slots.set(JSON.stringify(slot.slot), slot);
  }
  const dated = [...slots.values()].flatMap(({slot, totals}) =>
    slot.kind === 'utc'
      ? [
          [
            new Date(slot.startMs).toISOString().slice(11, 16),
            (totals.find(total => total.name === 'grid_import')?.energyMilliWh ?? 0) / 1000,
          ] as const,
        ]
      : [],
  );
  return {dated: Object.fromEntries(dated), undated: state.undated.length};
}

test.each([
  // set after, to,                          measured for    Wh by quarter hour
  [60, '2026-11-25T12:03:00Z', 120, {'12:00': 120}],
  [60, '2026-11-25T12:00:20Z', 120, {'11:45': 60, '12:00': 60}],
  [1200, '2026-11-25T12:10:00Z', 1260, null],
] as const)('set after %i s to %s: every watt-hour has its date', (setAfterS, wall, seconds, expected) => {
  const {dated, undated} = booked(setAfterS, wall, seconds);
  const sum = Object.values(dated).reduce((total, one) => total + one, 0);
  expect(undated).toBe(0);
  expect(Math.abs(sum - seconds)).toBeLessThanOrEqual(2 * BEAT_S);
  for (const [slot, energyWh] of Object.entries(expected ?? {}))
    expect(Math.abs((dated[slot] ?? 0) - energyWh), slot).toBeLessThanOrEqual(2 * BEAT_S);
});
