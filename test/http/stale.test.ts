// Health for monitors: which of the house's powers are told no longer.

import {describe, expect, test} from 'vitest';
import type {Board} from '../../src/core/board.ts';
import type {Reading} from '../../src/core/reading.ts';
import {createStaleness} from '../../src/http/stale.ts';
import {record} from '../store/house.ts';

describe('a monitor hears of powers that are told no longer, in real time', () => {
  const ref = (device: string, part: string, id: string) => ({id, device, part, side: 'ac' as const, points: ['power_w']});
  const map = {
    grid: {meter: ref('meter', 'grid', 'grid'), at: 'grid' as const, state: null, energyNetting: 'net' as const},
    hybrids: [],
    solar: [ref('roof', 'inverter', 'solar')],
    wind: [],
    generator: [],
    batteries: [],
    loads: [ref('plug', 'load', 'heat_pump')],
    home: null,
    cascade: null,
  };
  const good: Reading['measured'] = {kind: 'good', value: 1, monoMs: 0};
  const missing: Reading['measured'] = {kind: 'missing', fault: {kind: 'timeout', afterMs: 1000}};
  const asleep: Reading['measured'] = {kind: 'missing', fault: {kind: 'asleep'}};

  test.each<[string, Reading['measured'], Reading['measured'], Reading['measured'], string[]]>([
    // when               meter    roof     heat pump  named
    ['all is well', good, good, good, []],
    ['the meter is dead', missing, good, good, ['grid']],
    ['the roof is dead', good, missing, good, ['solar']],
    ['the roof sleeps', good, asleep, good, []],
    ['a load is switched off', good, good, missing, []],
    ['nothing was ever told', missing, missing, missing, ['grid', 'solar']],
  ])('%s', (_when, meter, roof, plug, named) => {
    let nowMs = 0;
    const stale = createStaleness(map, () => nowMs);
    const board: Board = new Map(
      (
        [
          ['meter/grid.power_w', meter],
          ['roof/inverter.power_w', roof],
          ['plug/load.power_w', plug],
        ] as const
      ).map(([key, measured]) => {
        const [device, point] = key.split('/') as [string, string];
        return [key, {device, point, measured}];
      }),
    );
    for (; nowMs <= 40_000; nowMs += 5000) stale.follow(record(nowMs / 5000, nowMs, {board}));
    expect(stale.problems(30_000).map(problem => problem.split(':')[0])).toEqual(named);
    nowMs = 20_000;
    expect(stale.problems(30_000)).toEqual([]);
  });
});
