// The house at one instant out of samples of different moments: aligned, balanced, attributed, and put into words for slots and people.

import {type Said, say} from '../sentences/say.ts';
import type {Site} from '../site.ts';
import {type AlignChannel, type Alignment, align, type Sample} from './align.ts';
import {addAmount, columnSum, empty, rowSum} from './cells.ts';
import {ageOf, type Channel, type House, sigmaOf} from './channels.ts';
import {type Instant, solveInstant} from './instant.ts';
import type {Amounts, NodeQuality} from './model.ts';
import type {Presence} from './present.ts';
import type {FlowState} from './state.ts';
import {alongPort} from './together.ts';
import type {InstantValues} from './topology.ts';

/** A value without a later sample may have moved this fast, mW per second. */
const STALE_RATE = 200_000;
/** How far the home may have moved between two instants, one standard deviation, mW. */
const HOME_SIGMA = 200_000;

/** The house at one instant, and what the slots and people want to know of it. */
type Solved = {
  readonly instant: Instant;
  /** Whether every device behind the grid meter told its power. */
  readonly complete: boolean;
  readonly quality: NodeQuality;
  readonly reason: Said | null;
  readonly skewMs: number;
  readonly margins: Record<string, number>;
  readonly powers: Record<string, number | null>;
  /** What each meter says, and each phase of the grid meter, by its name for people; into the bus, mW. */
  readonly measured: () => Readonly<Record<string, number>>;
};

/** Samples of the channels that are alive to one instant: aligned, balanced, attributed. */
export function solve(site: Site, house: House, state: FlowState, presence: Presence, atMs: number): Solved {
  const {grid, topology, silent} = presence;
  const {value, quality: aligned} = alignAll(site, house, state, presence, atMs);
  const sigma = empty<number>();
  for (const channel of presence.alive) sigma[channel.id] = sigmaOf(site, channel, value[channel.id] ?? 0);
  const phases = (grid && state.phases.find(([at]) => at === atMs)?.[1]) ?? null;
  const values = valuesOf(house, presence, value, state.gridOn, house.topology.netting === 'per-phase' ? phases : null);
  const instant = solveInstant(topology, values, sigma, house.policies, house.orders);
  const final = instant.adjusted ? Object.assign(empty<number>(), value, instant.adjusted) : value;

  let quality: NodeQuality = instant.quality;
  let reason = instant.reason;
  if (quality === 'ok' && aligned !== 'ok' && aligned !== 'check') {
    quality = aligned;
    reason = ALIGN_REASONS[aligned] ?? null;
  }
  if (silent.length > 0) {
    quality = 'suspect';
    reason = say('{devices} tells nothing; its power is not in the balance', {devices: silent.join(', ')});
  }
  let skewMs = 0;
  for (const {id} of presence.alive) skewMs = Math.max(skewMs, distance(state.samples[id] as Sample[], atMs));
  return {
    instant,
    complete: silent.length === 0,
    quality,
    reason,
    skewMs,
    margins: marginsOf(house, instant, final),
    powers: powersOf(house, instant, presence, final),
    measured: () => measuredOf(presence, value, phases),
  };
}

function measuredOf({onBus, grid}: Presence, value: Amounts, phases: readonly number[] | null): Record<string, number> {
  const measured = empty<number>();
  for (const {id, ref} of onBus) measured[ref.device] = value[id] ?? 0;
  if (grid && phases) for (const [index, milliW] of phases.entries()) measured[`${grid.ref.device} L${index + 1}`] = milliW;
  return measured;
}

type Aligned = {readonly value: Readonly<Record<string, number>>; readonly quality: Alignment['quality']};

/** Every channel at the instant, mW into its bus. */
function alignAll(site: Site, house: House, state: FlowState, {onBus, onDc, grid, hasHome}: Presence, atMs: number): Aligned {
  const input = (channel: Channel): AlignChannel => {
    const list = state.samples[channel.id] as Sample[];
    // A channel that has only just begun is taken as it is: there is nothing before it.
    const samples: readonly Sample[] = (list[0] as Sample)[0] <= atMs ? list : [[atMs, (list[0] as Sample)[1]]];
    return {id: channel.id, samples, sigma: sigmaOf(site, channel, (samples.at(-1) as Sample)[1]), staleRate: STALE_RATE};
  };
  const inputs = onBus.map(input);
  const usePrior = state.lastHome !== null && !hasHome && !house.topology.cascade && grid !== null;
  const withPrior = usePrior ? attemptAlign(atMs, inputs, {value: state.lastHome as number, sigma: HOME_SIGMA}) : null;
  const {adjusted, quality} = withPrior ?? align(atMs, inputs, null);
  const dcAt = (channel: Channel): Readonly<Record<string, number>> => {
    const own = input(channel);
    const index = onBus.findIndex(one => one.kind === 'ac' && one.hybrid === channel.hybrid);
    const [port, read] = [onBus[index], inputs[index]];
    const laterMs = port ? ageOf(port, state.ages) - ageOf(channel, state.ages) : 0;
    const moved = read && alongPort(own.samples, laterMs, {...read, balanced: adjusted[read.id] ?? 0}, atMs);
    return typeof moved === 'number' ? {[channel.id]: moved} : align(atMs, [own], null).interpolated;
  };
  const dc = onDc.map(dcAt);
  return {
    value: dc.length > 0 ? Object.assign(empty<number>(), adjusted, ...dc) : adjusted,
    quality: usePrior && !withPrior ? 'suspect' : quality,
  };
}

const ALIGN_REASONS: Readonly<Record<string, Said>> = {
  'skew-corrected': say('readings of different moments were brought to one'),
  'stale-estimated': say('a reading was missing; its last value was held'),
  suspect: say('the readings moved further apart than they can have'),
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
  for (const sample of samples) best = Math.min(best, Math.abs(sample[0] - atMs));
  return best;
}

function valuesOf(
  house: House,
  {alive, grid, hasHome}: Presence,
  value: Readonly<Record<string, number>>,
  gridOn: boolean,
  gridPhases: readonly number[] | null,
): InstantValues {
  const generation = empty<number>();
  const batteries = empty<number>();
  const loads = empty<number>();
  for (const {id, kind, hybrid} of alive) {
    if (hybrid !== null) continue;
    const milliW = value[id] ?? 0;
    if (kind === 'solar' || kind === 'wind' || kind === 'generator') generation[id] = milliW;
    else if (kind === 'battery') batteries[id] = milliW;
    else if (kind === 'load') loads[id] = Math.max(0, -milliW);
  }
  const hybrids = empty<InstantValues['hybrids'][string]>();
  for (const {id, pv, batteries} of house.topology.hybrids)
    hybrids[id] = {pv: picked(pv, value), batteries: picked(batteries, value), ac: value[`${id}_ac`] ?? 0};
  return {
    generation,
    batteries,
    hybrids,
    loads,
    grid: grid ? (value['grid'] ?? null) : null,
    gridPhases,
    gridOn,
    home: hasHome ? Math.max(0, -(value['home'] ?? 0)) : null,
    cascade: value['cascade'] ?? null,
  };
}

function picked(ids: readonly string[], value: Readonly<Record<string, number>>): Record<string, number> {
  const result = empty<number>();
  for (const id of ids) result[id] = value[id] ?? 0;
  return result;
}

/** Power of every directed channel and derived term, mW: what the slot's totals are integrated from. They sum to the matrix. */
function marginsOf(house: House, instant: Instant, final: Readonly<Record<string, number>>): Record<string, number> {
  const matrix = instant.matrix[house.primary] ?? {};
  const margins = empty<number>();
  for (const {id, kind, hybrid, out, into} of house.channels) {
    const milliW = final[id];
    if (milliW === undefined) continue;
    if (kind === 'grid' || kind === 'home' || kind === 'cascade' || kind === 'ac') continue;
    if (kind === 'load') addAmount(margins, into, columnSum(matrix, id));
    else if (hybrid === null || final[`${hybrid}_ac`] !== undefined) addAmount(margins, milliW >= 0 ? out : into, Math.abs(milliW));
  }
  // The grid as the matrix has it: netted or by phase, measured or derived.
  addAmount(margins, 'grid>out', rowSum(matrix, 'grid'));
  addAmount(margins, 'grid>in', columnSum(matrix, 'grid'));
  addAmount(margins, 'loss', columnSum(matrix, 'loss'));
  addAmount(margins, 'unexplained>out', rowSum(matrix, 'unexplained'));
  addAmount(margins, 'unexplained>in', columnSum(matrix, 'unexplained'));
  addAmount(margins, 'home', columnSum(matrix, 'home'));
  for (const load of house.derivedLoads) addAmount(margins, `derived>${load}`, columnSum(matrix, load));
  return margins;
}

/** Rows of people's words that sum up channels of these kinds. */
const SUMS: readonly (readonly [name: string, kinds: readonly Channel['kind'][]])[] = [
  ['solar', ['solar', 'pv']],
  ['wind', ['wind']],
  ['generator', ['generator']],
  ['battery', ['battery']],
];

/** Signed powers for people, mW; null where nothing is known. */
function powersOf(
  house: House,
  instant: Instant,
  {alive, grid}: Presence,
  final: Readonly<Record<string, number>>,
): Record<string, number | null> {
  const powers: Record<string, number | null> = {grid: instant.grid, home: instant.home, unexplained: instant.unexplained};
  for (const [name, kinds] of SUMS) {
    let sum: number | null = null;
    for (const channel of house.channels) {
      if (!kinds.includes(channel.kind)) continue;
      if (!alive.includes(channel)) {
        sum = null;
        break;
      }
      sum = (sum ?? 0) + (final[channel.id] ?? 0);
    }
    powers[name] = sum;
  }
  for (const channel of house.channels) {
    if (channel.kind === 'battery') powers[channel.id] = alive.includes(channel) ? (final[channel.id] ?? null) : null;
    if (channel.kind === 'load') powers[channel.id] = alive.includes(channel) ? -(final[channel.id] ?? 0) + 0 : null;
  }
  // The load above a second meter that has no meter of its own is known as far as both of them are.
  const told = grid !== null && alive.some(channel => channel.kind === 'cascade');
  for (const load of house.topology.loads) powers[load] ??= told ? columnSum(instant.matrix[house.primary] ?? {}, load) : null;
  return powers;
}
