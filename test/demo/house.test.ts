// The simulated house: energy is conserved each second, its books are its flows, and the same seed is the same house.

import {describe, expect, test} from 'vitest';
import {buildHouse, nextSecond} from '../../src/demo/house.ts';
import {scenarioNamed, scenarioNames} from '../../src/demo/scenarios.ts';

const DAY_S = 86_400;
const START_S = Date.UTC(2026, 5, 21) / 1000;

describe.each(scenarioNames())('%s', name => {
  const {plan, startS} = scenarioNamed(name);

  test('a day: what comes in goes out, in whole milliwatts, and the books add up', () => {
    let state = buildHouse(plan, 7, START_S + startS);
    const sums = {in: 0, out: 0};
    const begin = state.books;
    for (let second = 0; second < DAY_S; second++) {
      state = nextSecond(plan, state);
      const {flows, home, heatPump, grid, gridOn} = state.moment;
      const given = flows.solar + flows.discharge + flows.gridImport;
      const taken = flows.charge + flows.gridExport + flows.home + flows.heatPump + flows.loss;
      if (given !== taken) expect(given, `second ${second}`).toBe(taken);
      if (flows.home !== home || flows.heatPump !== heatPump) expect(flows.home).toBe(home);
      if (!gridOn && grid !== 0) expect(grid).toBe(0);
      sums.in += given;
      sums.out += taken;
    }
    const total = (key: keyof typeof state.books.totals): number => state.books.totals[key] - begin.totals[key];
    expect(total('solar') + total('battery_discharge') + total('grid_import')).toBe(sums.in);
    const cells = Object.values(state.books.cells).reduce((a, b) => a + b, 0) - Object.values(begin.cells).reduce((a, b) => a + b, 0);
    expect(cells).toBe(sums.in);
    expect(total('solar')).toBeGreaterThan(0);
    expect(total('battery_charge')).toBeGreaterThan(0);
  });

  test('the same seed is the same house, another one is another', () => {
    const run = (seed: number): string => {
      let state = buildHouse(plan, seed, START_S + startS);
      for (let second = 0; second < 3600; second++) state = nextSecond(plan, state);
      return JSON.stringify(state.books);
    };
    expect(run(1)).toBe(run(1));
    expect(run(2)).not.toBe(run(1));
  });
});
