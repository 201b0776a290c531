// A reading of the house as one plain object: the three topologies of the conformance cases, each a view of the general solver.

import {empty} from './cells.ts';
import {type Instant, solveInstant} from './instant.ts';
import type {Matrix} from './model.ts';
import type {InstantValues, Topology} from './topology.ts';

/** Meter values that mean "no value", mW. */
const GRID_SENTINELS = [-32_768_000, 32_767_000, 65_535_000, -2_147_483_648_000, 4_294_967_295_000];

type Fields = Readonly<Record<string, unknown>>;
type SnapshotResult = {readonly home: number; readonly matrix: Matrix; readonly [key: string]: unknown};

/** `input` as in the `snapshot` kind. Throws RangeError where a stated precondition is broken. */
export function snapshot(input: Fields): SnapshotResult {
  const readings = objectOf(input['readings'], 'readings');
  const policy = oneOf(input['policy'], ['solar-first', 'proportional'] as const, 'policy');
  switch (oneOf(input['topology'], ['single-bus', 'dc-hybrid', 'cascade'] as const, 'topology')) {
    case 'single-bus':
      return singleBus(input, readings, policy);
    case 'dc-hybrid':
      return dcHybrid(input, readings, policy);
    case 'cascade':
      return cascade(readings, policy);
  }
}

const NO_VALUES: InstantValues = {
  generation: {},
  batteries: {},
  hybrids: {},
  loads: {},
  grid: null,
  gridPhases: null,
  gridOn: true,
  home: null,
  cascade: null,
};
const NO_TOPOLOGY: Topology = {generation: [], batteries: [], hybrids: [], loads: [], netting: 'net', homeMeter: false, cascade: null};

function singleBus(input: Fields, readings: Fields, policy: 'solar-first' | 'proportional'): SnapshotResult {
  const generation = empty<number>();
  const kinds: {id: string; kind: 'solar' | 'wind' | 'generator'}[] = [];
  // A device of generation may be called what it likes, also like a meter.
  const names = new Map([['home', 'homeMeter']]);
  for (const kind of ['solar', 'wind', 'generator'] as const) {
    const value = readings[kind];
    if (value === undefined) continue;
    for (const [id, milliW] of typeof value === 'object' && value !== null
      ? Object.entries(amountsOf(value, kind))
      : [[kind, integer(value, kind)] as const]) {
      const own = `${kind}:${id}`;
      names.set(own, id);
      kinds.push({id: own, kind});
      generation[own] = milliW;
    }
  }
  const batteries = amountsOf(readings['batteries'] ?? {}, 'batteries');
  const loads = amountsOf(readings['loads'] ?? {}, 'loads', 0);
  const gridOn = oneOf(input['gridState'], ['on', 'off'] as const, 'gridState') === 'on';
  const phases =
    gridOn && readings['gridPhases'] !== undefined && readings['gridPhases'] !== null ? phasesOf(readings['gridPhases']) : null;
  const raw = readings['grid'];
  const grid =
    !gridOn || phases || raw === null || raw === undefined || GRID_SENTINELS.includes(raw as number) ? null : integer(raw, 'grid');
  const home =
    readings['homeMeter'] === undefined || readings['homeMeter'] === null ? null : integer(readings['homeMeter'], 'homeMeter', 0);
  if (gridOn && grid === null && phases === null && home === null) throw new RangeError('the grid is unknown and there is no homeMeter');
  for (const id of ['grid', ...Object.keys(batteries), ...Object.keys(loads)]) names.set(id, id);
  const ids = [...new Set(kinds.map(one => one.kind)), ...Object.keys(batteries), ...Object.keys(loads)];
  if (new Set(ids).size !== ids.length) throw new RangeError('an id stands for two rows or columns');

  const topology: Topology = {
    ...NO_TOPOLOGY,
    generation: kinds,
    batteries: Object.keys(batteries),
    loads: Object.keys(loads),
    netting: oneOf(input['netting'], ['net', 'per-phase'] as const, 'netting'),
    homeMeter: home !== null,
  };
  const sigmas = amountsOf(input['sigma'] ?? {}, 'sigma', 0);
  const sigma = empty<number>();
  for (const [own, id] of names) sigma[own] = sigmas[id] ?? 0;
  const instant = solveInstant(
    topology,
    {...NO_VALUES, generation, batteries, loads, grid, gridPhases: phases, gridOn, home},
    sigma,
    [policy],
    {sources: listOf(input['sourceOrder'], 'sourceOrder'), sinks: listOf(input['sinkOrder'], 'sinkOrder')},
    true,
  );
  if (instant.adjusted && new Set(names.values()).size < names.size) throw new RangeError('an id stands for two channels');
  return {
    home: instant.home,
    quality: instant.quality,
    matrix: matrixOf(instant, policy),
    ...(instant.adjusted ? {adjusted: renamed(instant.adjusted, names)} : {}),
    ...(instant.quality === 'grid-derived' ? {grid: instant.grid} : {}),
  };
}

function dcHybrid(input: Fields, readings: Fields, policy: 'solar-first' | 'proportional'): SnapshotResult {
  const pvDc = integer(readings['pvDc'], 'pvDc', 0);
  const battDc = integer(readings['battDc'], 'battDc');
  const ac = integer(readings['ac'], 'ac');
  const grid = integer(readings['grid'], 'grid');
  const solarAc = whereTold(readings['solarAc'], 'solarAc', 0);
  const generator = whereTold(readings['generator'], 'generator', 0);
  if (ac + grid + solarAc + generator < 0) throw new RangeError('the home would be negative');
  if (ac < 0 && battDc > 0) throw new RangeError('the battery discharges while the inverter draws power');
  const sigmas = amountsOf(input['sigma'] ?? {}, 'sigma', 0);
  const instant = solveInstant(
    {
      ...NO_TOPOLOGY,
      generation: [
        {id: 'solarAc', kind: 'solar'},
        {id: 'generator', kind: 'generator'},
      ],
      hybrids: [{id: 'hybrid', pv: ['pvDc'], batteries: ['battery']}],
    },
    {...NO_VALUES, generation: {solarAc, generator}, hybrids: {hybrid: {pv: {pvDc}, batteries: {battery: battDc}, ac}}, grid},
    {pvDc: sigmas['pvDc'] ?? 0, battery: sigmas['battDc'] ?? 0, hybrid_ac: sigmas['ac'] ?? 0},
    [policy],
    undefined,
    true,
  );
  if (instant.quality === 'suspect') throw new RangeError(instant.reason ?? 'the readings contradict each other');
  const moved = instant.adjusted;
  return {
    home: instant.home,
    loss: instant.loss,
    quality: instant.quality,
    matrix: matrixOf(instant, policy),
    ...(moved ? {adjusted: {pvDc: moved['pvDc'], battDc: moved['battery'], ac: moved['hybrid_ac']}} : {}),
  };
}

function cascade(readings: Fields, policy: 'solar-first' | 'proportional'): SnapshotResult {
  const z1 = integer(readings['z1'], 'z1');
  const z2 = integer(readings['z2'], 'z2');
  const solar = integer(readings['solar'], 'solar', 0);
  const battery = whereTold(readings['battery'], 'battery');
  if (z1 - z2 < 0) throw new RangeError('the heat pump would be negative');
  if (solar + battery + z2 < 0) throw new RangeError('the home would be negative');
  const instant = solveInstant(
    {
      ...NO_TOPOLOGY,
      generation: [{id: 'solar', kind: 'solar'}],
      batteries: ['battery'],
      loads: ['heatpump'],
      cascade: {loads: ['heatpump']},
    },
    {...NO_VALUES, generation: {solar}, batteries: {battery}, grid: z1, cascade: z2},
    {},
    [policy],
    undefined,
    true,
  );
  return {home: instant.home, heatpump: z1 - z2, matrix: matrixOf(instant, policy)};
}

const matrixOf = (instant: Instant, policy: 'solar-first' | 'proportional'): Matrix => instant.matrix[policy] ?? {};

const renamed = (record: Readonly<Record<string, number>>, names: ReadonlyMap<string, string>): Record<string, number> =>
  Object.fromEntries(Object.entries(record).map(([id, value]) => [names.get(id) ?? id, value]));

// ---- Preconditions

/** The integer, at least `least`. Throws RangeError naming the field. */
export function integer(value: unknown, name: string, least = -Infinity): number {
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < least)
    throw new RangeError(`${name}: ${JSON.stringify(value)} is no integer${least === 0 ? ' >= 0' : ''}`);
  return value + 0;
}

/** 0 where nothing is told. What is told to be unknown is none. */
export const whereTold = (value: unknown, name: string, least = -Infinity): number =>
  value === undefined ? 0 : integer(value, name, least);

export function objectOf(value: unknown, name: string): Fields {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new RangeError(`${name}: expected an object`);
  return value as Fields;
}

export function amountsOf(value: unknown, name: string, least = -Infinity): Record<string, number> {
  const result = empty<number>();
  for (const [id, amount] of Object.entries(objectOf(value, name))) result[id] = integer(amount, `${name}.${id}`, least);
  return result;
}

export function listOf(value: unknown, name: string): string[] {
  if (value === undefined) return [];
  if (!Array.isArray(value) || value.some(one => typeof one !== 'string')) throw new RangeError(`${name}: expected a list of ids`);
  return value as string[];
}

/** One of the words; the first where nothing is given. */
export function oneOf<const T extends readonly string[]>(value: unknown, words: T, name: string): T[number] {
  if (value === undefined) return words[0] as T[number];
  if (!words.includes(value as string)) throw new RangeError(`${name}: ${JSON.stringify(value)}, expected one of ${words.join(', ')}`);
  return value as T[number];
}

function phasesOf(value: unknown): number[] {
  if (!Array.isArray(value) || value.length !== 3) throw new RangeError('gridPhases: expected three values');
  return value.map((phase, index) => integer(phase, `gridPhases.${index}`));
}
