// The flow picture's layout: nothing is lost between the powers told and the bands drawn, and no band hides another.

import fc from 'fast-check';
import {describe, expect, test} from 'vitest';
import {type FlowPicture, flowPicture, type Label, NARROW, WIDE} from '../../src/web/charts/flow.ts';

const wattsBy = ({edges}: FlowPicture): Partial<Record<Label, number>> => {
  const sums: Partial<Record<Label, number>> = {};
  for (const {label, w} of edges) sums[label] = Math.round((sums[label] ?? 0) + w);
  return sums;
};

/** What the battery holds, Wh by origin. */
const holds = (mix: Record<string, number>) => ({stored: {battery: mix}});

describe('bands say what the labels say', () => {
  test.each<[string, Record<string, unknown>, Partial<Record<Label, number>>]>([
    // when                                  powers told, W                                                   bands by label, W
    [
      'sun covers the house',
      {solar_to_home_w: 400, solar_to_grid_w: 2600, btm_consumed_w: 400, btm_exported_w: 2600},
      {own: 400, exported: 2600},
    ],
    ['night: what is stored came from the sun', {battery_to_home_w: 700, btm_consumed_w: 700}, {own: 700}],
    ['night: what is stored was bought', {battery_to_home_w: 700, btm_consumed_w: 0, ...holds({grid: 900})}, {earlier: 700}],
    [
      'a third of it was bought',
      {solar_to_home_w: 90, battery_to_home_w: 300, btm_consumed_w: 290, ...holds({solar: 2000, grid: 1000})},
      {own: 290, earlier: 100},
    ],
    [
      'bought energy is sold again',
      {battery_to_grid_w: 500, btm_exported_w: 200, ...holds({solar: 400, grid: 600})},
      {exported: 200, earlier: 300},
    ],
    ['a battery of which nothing is on record gives', {battery_to_home_w: 700, btm_consumed_w: 0, ...holds({})}, {unknown: 700}],
    [
      'the first evening: sun on top of what was there before, and some that was bought',
      {battery_to_home_w: 1000, grid_to_home_w: 40, btm_consumed_w: 500, ...holds({solar: 500, unknown: 300, grid: 200})},
      {own: 500, unknown: 300, earlier: 200, imported: 40},
    ],
    ['cheap night', {grid_to_home_w: 300, grid_to_battery_w: 2000}, {imported: 2300}],
    ['losses of an inverter', {solar_to_loss_w: 60}, {lost: 60}],
    ['power from nowhere', {unexplained_to_home_w: 180}, {unexplained: 180}],
    ['power that vanishes', {grid_to_unexplained_w: 90}, {unexplained: 90}],
    ['what passes through the meter stays outside', {grid_to_grid_w: 50}, {}],
    ['nothing at all', {}, {}],
  ])('%s', (_when, state, expected) => {
    expect(wattsBy(flowPicture(state, ['battery'], []))).toEqual(expected);
  });
});

test('what is unexplained is a ring of its own, where it appears and where it vanishes', () => {
  const {nodes} = flowPicture({unexplained_to_home_w: 10, solar_to_unexplained_w: 20}, ['battery'], []);
  expect(nodes.filter(node => node.kind === 'odd').map(node => node.side)).toEqual(['top', 'right']);
});

test('a house that measures no sun has no ring for it', () => {
  const {nodes} = flowPicture({freshness: {grid: {}}, grid_to_home_w: 300}, [], []);
  expect(nodes.map(({id}) => id)).toEqual(['grid', 'home']);
});

test('a ring of the house is there while nothing runs, and says so', () => {
  const {nodes} = flowPicture({}, ['battery'], ['heat_pump']);
  expect(nodes.map(({id, active}) => [id, active])).toEqual(['solar', 'grid', 'battery', 'home', 'heat_pump'].map(id => [id, false]));
});

test.each([
  ['wide', WIDE],
  ['narrow', NARROW],
] as const)('%s: ten loads are no more than half as high again as five, and a house with a meter alone is low', (_name, frame) => {
  const heightOf = (loads: number, state: object): number =>
    flowPicture(
      {...state},
      [],
      Array.from({length: loads}, (_, index) => `load${index}`),
      frame,
    ).height;
  expect(heightOf(10, {})).toBeLessThan(1.5 * heightOf(4, {}));
  expect(heightOf(0, {freshness: {grid: {}}})).toBeLessThan(heightOf(0, {}) / 2);
});

const SOURCES = ['solar', 'wind', 'generator', 'battery', 'attic', 'grid', 'unexplained'];
const SINKS = ['home', 'heat_pump', 'wallbox', 'standby', 'loss', 'battery', 'attic', 'grid'];
const houses = fc.dictionary(
  fc.tuple(fc.constantFrom(...SOURCES), fc.constantFrom(...SINKS)).map(([from, to]) => `${from}_to_${to}_w`),
  fc.integer({min: 1, max: 20_000}),
  {maxKeys: 20},
);

test.each([
  ['wide', WIDE],
  ['narrow', NARROW],
] as const)('%s: no ring touches another, none leaves the picture, no watt is lost', (_name, frame) => {
  fc.assert(
    fc.property(houses, fc.subarray(['battery', 'attic', 'shed']), fc.integer({min: 0, max: 12}), (told, batteries, more) => {
      const loads = ['heat_pump', 'wallbox', ...Array.from({length: more}, (_, index) => `load${index}`)];
      const state = {...told, wind_power_w: 0, generator_power_w: 0, btm_consumed_w: 0};
      const {nodes, edges, width, height, radius} = flowPicture(state, batteries, loads, frame);
      for (const [index, a] of nodes.entries()) {
        expect(a.x - radius).toBeGreaterThanOrEqual(0);
        expect(a.x + radius).toBeLessThanOrEqual(width);
        expect(a.y - radius).toBeGreaterThanOrEqual(0);
        expect(a.y + radius).toBeLessThanOrEqual(height);
        for (const b of nodes.slice(index + 1)) expect(Math.hypot(a.x - b.x, a.y - b.y), `${a.id} and ${b.id}`).toBeGreaterThan(2 * radius);
      }
      const known = new Set(nodes.map(node => node.id));
      const drawn = edges.reduce((sum, {w}) => sum + w, 0);
      const expected = Object.entries(told).reduce((sum, [key, w]) => {
        const [from, to] = key.replace(/_w$/, '').split('_to_') as [string, string];
        return sum + (from !== to && known.has(from) && known.has(to) ? w : 0);
      }, 0);
      expect(drawn).toBeCloseTo(expected, 3);
    }),
    {numRuns: 300},
  );
});
