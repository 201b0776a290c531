// Totals are told when somebody asks; whether anybody does changes nothing of what is booked.

import {expect, test} from 'vitest';
import {advance, createFlow, type FlowStep, serialiseFlow} from '../../src/core/flow/advance.ts';
import {readingsAt, simulate, siteOf} from '../pipeline/house.ts';

const WALL = Date.UTC(2026, 4, 4, 9);
const SECONDS = 2 * 3600;
const house = simulate(SECONDS + 60, 11, 9);

type Asked = {readonly t: number; readonly step: FlowStep};

/** Two hours at 2 s; `asks` decides who wants totals when. */
function twoHours(asks: (t: number) => boolean): {readonly steps: readonly Asked[]; readonly books: unknown} {
  const site = siteOf();
  let state = createFlow(site, 'boot');
  const steps: Asked[] = [];
  for (let t = 0; t <= SECONDS; t += 2) {
    const monoMs = 1_000_000 + 1000 * t;
    const readings = readingsAt(house, t, monoMs, {skewMs: 1000, counters: t % 60 === 0, resolutionWh: 1});
    const tick = {seq: t / 2, monoMs: monoMs + 1005, wallMs: WALL + 1000 * t + 1005};
    const step = advance(site, state, {tick, readings, clockTrusted: true, flush: t % 84 === 0, totals: asks(t)});
    state = step.state;
    steps.push({t, step});
  }
  const {published: _, ...books} = JSON.parse(serialiseFlow(state)) as Record<string, unknown>;
  return {steps, books};
}

test('the ledger is the same whether totals are told at every beat, every ten seconds, or to nobody', () => {
  const always = twoHours(() => true);
  for (const asks of [(t: number) => t % 10 === 0, () => false]) {
    const seldom = twoHours(asks);
    expect(seldom.books).toEqual(always.books);
    for (const [index, {step}] of seldom.steps.entries()) {
      const beside = always.steps[index]?.step as FlowStep;
      expect([step.nodes, step.slots, step.siteState]).toEqual([beside.nodes, beside.slots, beside.siteState]);
    }
  }
});

test('totals come when they are asked for, with a flush, and where a quarter hour closes', () => {
  const {steps} = twoHours(t => t % 10 === 4);
  for (const {t, step} of steps) {
    const due = t % 10 === 4 || t % 84 === 0 || step.slots.length > 0;
    expect([step.energy !== null, step.day !== null]).toEqual([due, due]);
  }
  expect(steps.some(({t, step}) => t % 10 !== 4 && t % 84 !== 0 && step.slots.length > 0)).toBe(true);
});

test('what is told after a pause is what telling at every beat would have told', () => {
  const always = twoHours(() => true);
  const seldom = twoHours(t => t % 10 === 0);
  const told = seldom.steps.filter(({step}) => step.day !== null);
  expect(told.length).toBeGreaterThan(SECONDS / 10);
  for (const {t, step} of told) expect(step.day).toEqual(always.steps[t / 2]?.step.day);
});
