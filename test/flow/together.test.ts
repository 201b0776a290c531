// A hybrid's panels, battery and AC port are read together, and a little after the meter: what lies between them is its loss, never more.

import {describe, expect, test} from 'vitest';
import {advance, createFlow} from '../../src/core/flow/advance.ts';
import type {SlotRecord} from '../../src/core/flow/model.ts';
import {alongPort} from '../../src/core/flow/together.ts';
import type {Reading} from '../../src/core/reading.ts';
import type {ChannelRef, Site} from '../../src/core/site.ts';
import {siteOf} from '../pipeline/house.ts';

const ref = (device: string, part: string, id: string): ChannelRef => ({device, part, id, side: 'ac', points: ['power_w']});

function hybridSite(everyMs: number, ageMs: Record<string, number>): Site {
  const base = siteOf({ageMs}, everyMs);
  const hybrid = {id: 'hy', pv: [ref('hy', 'pv', 'hy_pv')], battery: [ref('hy', 'battery', 'battery')], ac: ref('hy', 'inverter', 'hy_ac')};
  return {...base, map: {...base.map, solar: [], batteries: [], hybrids: [hybrid]}};
}

describe('a channel behind the AC port', () => {
  const port = {
    samples: [
      [1000, 4_850_000],
      [11_000, 970_000],
    ] as const,
    sigma: 100_000,
  };
  const sun = [
    [1000, 5_000_000],
    [11_000, 1_000_000],
  ] as const;
  test.each([
    {about: 'goes as far as the port went', balanced: 970_000, expected: 1_000_000},
    {about: 'stays where the port stayed', balanced: 4_850_000, expected: 5_000_000},
    {about: 'stands where the port stands between', balanced: 2_910_000, expected: 3_000_000},
    {about: 'does not go beyond what was read', balanced: 9_999_000, expected: 5_000_000},
  ])('$about', ({balanced, expected}) => {
    expect(alongPort(sun, 0, {...port, balanced}, 7000)).toBe(expected);
  });
  test('goes with time where the port does not move', () => {
    const still = {samples: [[1000, 500_000] as const, [11_000, 500_000] as const], sigma: 100_000, balanced: 520_000};
    expect(alongPort(sun, 0, still, 6000)).toBe(3_000_000);
  });
  test('is of the same reading though its age is another', () => {
    const older = sun.map(([at, milliW]) => [at - 1500, milliW] as const);
    expect(alongPort(older, -1500, {...port, balanced: 970_000}, 7000)).toBe(1_000_000);
  });
  test('that was read by itself tells nothing of the port', () => {
    expect(alongPort([[1200, 5_000_000], [11_200, 1_000_000]], 0, {...port, balanced: 970_000}, 7000)).toBeNull(); // biome-ignore format: a pair a sample
  });
});

describe.each([
  {about: 'ages that are the same', ageMs: {}},
  {about: 'an age of the port alone', ageMs: {hy_ac: 1000}},
])('an hour of clouds, read every 10 s and 4 s after the meter, with $about', ({ageMs}) => {
  /** 97 of 100 W arrive; the home takes 700 W. A cloud comes and goes every 45 s, on no beat of the polls. */
  const sunW = (s: number): number => (Math.floor((s + 3) / 45) % 2 === 0 ? 5000 : 1000);
  const portW = (s: number): number => Math.round(0.97 * (sunW(s) + 1200));

  test('loses what it loses, and nothing is unexplained', () => {
    const site = hybridSite(10_000, ageMs);
    let state = createFlow(site, 'boot');
    const slots: SlotRecord[] = [];
    for (let s = 0; s <= 3720; s += 10) {
      const monoMs = 1_000_000 + 1000 * s;
      const good = (device: string, point: string, value: number, laterMs: number): Reading => ({
        device,
        point,
        measured: {kind: 'good', value, monoMs: monoMs + laterMs},
      });
      const shownAt = (channel: string): number => s + 4 - ((ageMs as Record<string, number>)[channel] ?? 0) / 1000;
      const step = advance(site, state, {
        tick: {seq: s, monoMs: monoMs + 4500, wallMs: 1_700_000_000_000 - (1_700_000_000_000 % 900_000) + 1000 * s + 4500},
        readings: [
          good('meter', 'meter.power_w', 700 - portW(s), 0),
          good('hy', 'pv.power_w', sunW(shownAt('hy_ac')), 4000),
          good('hy', 'battery.power_w', 1200, 4000),
          good('hy', 'inverter.power_w', portW(shownAt('hy_ac')), 4000),
        ],
        clockTrusted: true,
        flush: false,
      });
      state = step.state;
      slots.push(...step.slots);
    }
    expect(slots.length).toBeGreaterThanOrEqual(3);
    const sum = (pick: (cell: {source: string; sink: string}) => boolean): number =>
      slots.flatMap(slot => slot.cells['solar-first'] ?? []).reduce((all, cell) => all + (pick(cell) ? cell.energyMilliWh : 0), 0);
    const through = sum(cell => cell.source === 'solar' || cell.source === 'battery');
    expect(sum(cell => cell.source === 'unexplained' || cell.sink === 'unexplained')).toBe(0);
    expect(sum(cell => cell.sink === 'loss') / through).toBeCloseTo(0.03, 3);
  });
});
