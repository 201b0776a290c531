// The house at one instant out of samples of different moments: aligned, balanced, attributed, and put into words for slots and people.

import type {Site} from '../site.ts';
import {type AlignChannel, type Alignment, align, type Sample} from './align.ts';
import {addAmount, columnSum, empty, rowSum} from './cells.ts';
import {type Channel, type House, sigmaOf} from './channels.ts';
import {type Instant, solveInstant} from './instant.ts';
import type {NodeQuality} from './model.ts';
import type {FlowState} from './state.ts';
import type {InstantValues, Topology} from './topology.ts';

/** A value without a later sample may have moved this fast, mW per second. */
const STALE_RATE = 200_000;
/** How far the home may have moved between two instants, one standard deviation, mW. */
const HOME_SIGMA = 200_000;

/** The house at one instant, and what the slots and people want to know of it. */
export type Solved = {
  readonly instant: Instant;
  /** Whether every device behind the grid meter told its power. */
  readonly complete: boolean;
  readonly quality: NodeQuality;
  readonly reason: string | null;
  readonly skewMs: number;
  readonly margins: Record<string, number>;
  readonly powers: Record<string, number | null>;
  /** What each meter says, and each phase of the grid meter, by its name for people; into the bus, mW. */
  readonly measured: Record<string, number>;
};

/** Samples of the channels that are alive to one instant: aligned, balanced, attributed. */
export function solve(site: Site, house: House, state: FlowState, alive: readonly Channel[], atMs: number): Solved {
  const onBus = alive.filter(channel => channel.hybrid === null || channel.kind === 'ac');
  const onDc = alive.filter(channel => !onBus.includes(channel));
  const input = (channel: Channel): AlignChannel => {
    const list = state.samples[channel.id] as Sample[];
    // A channel that has only just begun is taken as it is: there is nothing before it.
    const samples: readonly Sample[] = (list[0] as Sample)[0] <= atMs ? list : [[atMs, (list[0] as Sample)[1]]];
    return {id: channel.id, samples, sigma: sigmaOf(site, channel, (samples.at(-1) as Sample)[1]), staleRate: STALE_RATE};
  };
  const usePrior =
    state.lastHome !== null &&
    !onBus.some(channel => channel.kind === 'home') &&
    !house.topology.cascade &&
    onBus.some(channel => channel.kind === 'grid');
  const inputs = onBus.map(input);
  const withPrior = usePrior ? attemptAlign(atMs, inputs, {value: state.lastHome as number, sigma: HOME_SIGMA}) : null;
  const plain = withPrior ?? align(atMs, inputs, null);
  const aligned = usePrior && !withPrior ? {...plain, quality: 'suspect' as const} : plain;
  const dc = Object.assign(empty<number>(), ...onDc.map(channel => align(atMs, [input(channel)], null).interpolated));
  const value = {...aligned.adjusted, ...dc} as Record<string, number>;
  const skewMs = Math.max(0, ...alive.map(channel => distance(state.samples[channel.id] as Sample[], atMs)));

  const missing = house.channels.filter(channel => !alive.includes(channel) && !(channel.kind === 'grid' && !state.gridOn));
  const topology = present(house.topology, alive);
  const sigma = Object.fromEntries(alive.map(channel => [channel.id, sigmaOf(site, channel, value[channel.id] ?? 0)]));
  const instant = solveInstant(topology, valuesOf(house, state, alive, value, atMs), sigma, house.policies, {
    sources: site.flows.sourceOrder,
    sinks: site.flows.sinkOrder,
  });
  const final = {...value, ...instant.adjusted};

  let quality: NodeQuality = instant.quality;
  let reason = instant.reason;
  if (quality === 'ok' && aligned.quality !== 'ok' && aligned.quality !== 'check') {
    quality = aligned.quality;
    reason = ALIGN_REASONS[aligned.quality] ?? null;
  }
  const silent = missing.filter(channel => channel.kind !== 'grid');
  if (silent.length > 0) {
    quality = 'suspect';
    reason = `${[...new Set(silent.map(channel => channel.ref.device))].join(', ')} tells nothing; its power is not in the balance`;
  }
  const margins = marginsOf(house, instant, final);
  const measured = Object.fromEntries(onBus.map(channel => [channel.ref.device, value[channel.id] ?? 0]));
  const grid = alive.find(channel => channel.kind === 'grid');
  const phases = grid && state.phases.find(([at]) => at === atMs)?.[1];
  if (grid && phases)
    phases.forEach((milliW, index) => {
      measured[`${grid.ref.device} L${index + 1}`] = milliW;
    });
  return {
    instant,
    complete: silent.length === 0,
    quality,
    reason,
    skewMs,
    margins,
    powers: powersOf(house, instant, alive, final),
    measured,
  };
}

const ALIGN_REASONS: Readonly<Record<string, string>> = {
  'skew-corrected': 'readings of different moments were brought to one',
  'stale-estimated': 'a reading was missing; its last value was held',
  suspect: 'the readings moved further apart than they can have',
};

function attemptAlign(atMs: number, channels: readonly AlignChannel[], prior: {value: number; sigma: number}): Alignment | null {
  try {
    return align(atMs, channels, prior);
  } catch {
    return null;
  }
}

function distance(samples: readonly Sample[], atMs: number): number {
  let best = Infinity;
  for (const [at] of samples) best = Math.min(best, Math.abs(at - atMs));
  return best;
}

/** The house without the channels that tell nothing now. */
function present(topology: Topology, alive: readonly Channel[]): Topology {
  const ids = new Set(alive.map(channel => channel.id));
  return {
    ...topology,
    generation: topology.generation.filter(one => ids.has(one.id)),
    batteries: topology.batteries.filter(id => ids.has(id)),
    // Without its AC port a hybrid has no place in the balance.
    hybrids: topology.hybrids.filter(one => ids.has(`${one.id}_ac`)),
    homeMeter: ids.has('home'),
    cascade: ids.has('cascade') ? topology.cascade : null,
  };
}

function valuesOf(
  house: House,
  state: FlowState,
  alive: readonly Channel[],
  value: Readonly<Record<string, number>>,
  atMs: number,
): InstantValues {
  const pick = (kinds: readonly Channel['kind'][], sign: 1 | -1 = 1): Record<string, number> =>
    Object.fromEntries(
      alive
        .filter(channel => kinds.includes(channel.kind) && channel.hybrid === null)
        .map(channel => [channel.id, Math.max(sign === -1 ? 0 : -Infinity, sign * (value[channel.id] ?? 0)) + 0]),
    );
  const grid = alive.find(channel => channel.kind === 'grid');
  const home = alive.find(channel => channel.kind === 'home');
  const phases = house.topology.netting === 'per-phase' ? (state.phases.find(([at]) => at === atMs)?.[1] ?? null) : null;
  return {
    generation: pick(['solar', 'wind', 'generator']),
    batteries: pick(['battery']),
    hybrids: Object.fromEntries(
      house.topology.hybrids.map(({id, pv, batteries}) => [
        id,
        {
          pv: Object.fromEntries(pv.map(one => [one, value[one] ?? 0])),
          batteries: Object.fromEntries(batteries.map(one => [one, value[one] ?? 0])),
          ac: value[`${id}_ac`] ?? 0,
        },
      ]),
    ),
    loads: pick(['load'], -1),
    grid: grid ? (value['grid'] ?? null) : null,
    gridPhases: grid ? phases : null,
    gridOn: state.gridOn,
    home: home ? Math.max(0, -(value['home'] ?? 0)) : null,
    cascade: value['cascade'] ?? null,
  };
}

/** Power of every directed channel and derived term, mW: what the slot's totals are integrated from. They sum to the matrix. */
function marginsOf(house: House, instant: Instant, final: Readonly<Record<string, number>>): Record<string, number> {
  const matrix = instant.matrix[house.primary] ?? {};
  const margins = empty<number>();
  const split = (id: string, milliW: number): void => addAmount(margins, milliW >= 0 ? `${id}>out` : `${id}>in`, Math.abs(milliW));
  for (const channel of house.channels) {
    const milliW = final[channel.id];
    if (milliW === undefined) continue;
    if (channel.kind === 'grid') continue;
    if (channel.kind === 'load') addAmount(margins, `${channel.id}>in`, columnSum(matrix, channel.id));
    else if (channel.kind !== 'home' && channel.kind !== 'cascade' && channel.kind !== 'ac') {
      if (channel.hybrid !== null && final[`${channel.hybrid}_ac`] === undefined) continue;
      split(channel.id, milliW);
    }
  }
  // The grid as the matrix has it: netted or by phase, measured or derived.
  addAmount(margins, 'grid>out', rowSum(matrix, 'grid'));
  addAmount(margins, 'grid>in', columnSum(matrix, 'grid'));
  addAmount(margins, 'loss', columnSum(matrix, 'loss'));
  addAmount(margins, 'unexplained>out', rowSum(matrix, 'unexplained'));
  addAmount(margins, 'unexplained>in', columnSum(matrix, 'unexplained'));
  addAmount(margins, 'home', columnSum(matrix, 'home'));
  for (const load of house.topology.loads)
    if (!house.channels.some(channel => channel.id === load)) addAmount(margins, `derived>${load}`, columnSum(matrix, load));
  return margins;
}

/** Signed powers for people, mW; null where nothing is known. */
function powersOf(
  house: House,
  instant: Instant,
  alive: readonly Channel[],
  final: Readonly<Record<string, number>>,
): Record<string, number | null> {
  const powers: Record<string, number | null> = {grid: instant.grid, home: instant.home, unexplained: instant.unexplained};
  const sumOf = (kinds: readonly Channel['kind'][]): number | null => {
    const all = house.channels.filter(channel => kinds.includes(channel.kind));
    if (all.length === 0) return null;
    return all.every(channel => alive.includes(channel)) ? all.reduce((sum, channel) => sum + (final[channel.id] ?? 0), 0) : null;
  };
  powers['solar'] = sumOf(['solar', 'pv']);
  powers['wind'] = sumOf(['wind']);
  powers['generator'] = sumOf(['generator']);
  powers['battery'] = sumOf(['battery']);
  for (const channel of house.channels) {
    if (channel.kind === 'battery') powers[channel.id] = alive.includes(channel) ? (final[channel.id] ?? null) : null;
    if (channel.kind === 'load') powers[channel.id] = alive.includes(channel) ? -(final[channel.id] ?? 0) + 0 : null;
  }
  // The load above a second meter that has no meter of its own is known as far as both of them are.
  const told = alive.some(channel => channel.kind === 'cascade') && alive.some(channel => channel.kind === 'grid');
  for (const load of house.topology.loads) powers[load] ??= told ? columnSum(instant.matrix[house.primary] ?? {}, load) : null;
  return powers;
}
