// The age of registers, learned from a day in which they were older than anybody said.

import {describe, expect, test} from 'vitest';
import {advance, createFlow, restoreFlow, serialiseFlow} from '../../src/core/flow/advance.ts';
import type {FlowEvent} from '../../src/core/flow/model.ts';
import type {Reading} from '../../src/core/reading.ts';
import {readingsAt, simulate, siteOf} from '../pipeline/house.ts';

/** From ten in the morning until midnight in Berlin. */
const DAY_S = 14 * 3600;
const WALL = Date.UTC(2026, 4, 10, 8, 0, 0);

function day(ages: {pv: number; bat: number}, change: Parameters<typeof siteOf>[0] = {}) {
  const site = siteOf(change, 2000);
  const house = simulate(DAY_S + 300, 11, 10);
  let state = createFlow(site, 'boot');
  const events: FlowEvent[] = [];
  for (let t = 20; t <= DAY_S + 60; t += 2) {
    const monoMs = 1_000_000 + t * 1000;
    const readings = readingsAt(house, t, monoMs, {skewMs: 0, counters: false, resolutionWh: 1}).map((reading): Reading => {
      const late = reading.device === 'pv' ? ages.pv : reading.device === 'bat' ? ages.bat : 0;
      const instant = house.at[Math.max(0, t - late)];
      const value = reading.device === 'pv' ? instant?.solarW : reading.device === 'bat' ? instant?.batteryW : undefined;
      return value === undefined ? reading : {...reading, measured: {kind: 'good', value, monoMs}};
    });
    const tick = {seq: t, monoMs: monoMs + 5, wallMs: WALL + t * 1000};
    const step = advance(site, state, {tick, readings, clockTrusted: true, flush: false});
    state = step.state;
    events.push(...step.events.filter(event => event.kind === 'age-learned'));
  }
  return {state, events, site};
}

describe('a day', () => {
  test.each([
    ['pv', {pv: 3, bat: 0}, 3000],
    ['battery', {pv: 0, bat: 2}, 2000],
  ] as const)('teaches how old the registers of %s are, says so, and it is kept over a restart', (channel, late, ageMs) => {
    const {state, events, site} = day(late);
    expect(events.map(event => event.about)).toEqual([channel]);
    // Half a poll: nobody sees what is between two readings.
    expect(Math.abs((state.ages[channel] ?? 0) - ageMs)).toBeLessThanOrEqual(1000);
    expect(restoreFlow(serialiseFlow(state), site, 'next')?.ages).toEqual(state.ages);
    expect(serialiseFlow(state)).not.toContain('recent');
  });

  test('without anything to learn changes nothing', () => {
    const {state, events} = day({pv: 0, bat: 0});
    expect(events).toEqual([]);
    expect(state.ages).toEqual({});
  });

  test('does not overrule what the owner has set', () => {
    const {state, events} = day({pv: 3, bat: 0}, {ageMs: {pv: 1000}});
    expect(events.filter(event => event.about === 'pv')).toEqual([]);
    expect(state.ages['pv']).toBeUndefined();
  });
});
