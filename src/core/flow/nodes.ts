// Instants of the grid meter, one after the other: aligned, balanced, attributed, and integrated up to here.

import type {Tick} from '../sink.ts';
import type {Site} from '../site.ts';
import {type AlignChannel, type Alignment, align, type Sample} from './align.ts';
import {addAmount, addCell, columnSum, empty, type MutableMatrix, rowSum} from './cells.ts';
import {type Channel, type House, sigmaOf} from './channels.ts';
import {watchUnexplained} from './hints.ts';
import {type Instant, solveInstant} from './instant.ts';
import {splitTrapezoid} from './integrate.ts';
import type {FlowNode, Matrix, NodeQuality, SlotRecord} from './model.ts';
import {addQuality, type OpenSlot} from './openslot.ts';
import type {FlowState, LastNode} from './state.ts';
import {borderBetween, openGap, rebaseRegisters, rollOver, startSlots} from './timeline.ts';
import type {InstantValues, Topology} from './topology.ts';

type Note = (kind: string, about: string | null, detail: string, evidence?: Record<string, number | string>) => void;

/** A value without a later sample may have moved this fast, mW per second. */
const STALE_RATE = 200_000;
/** How far the home may have moved between two instants, one standard deviation, mW. */
const HOME_SIGMA = 200_000;
const MAX_AGE_POLLS = 3;
const MAX_GAP_MS = 60_000;
const MAX_GAP_POLLS = 5;

/** Works through the instants that are ready; each is added to the slots. */
export function processNodes(site: Site, house: House, state: FlowState, tick: Tick, slots: SlotRecord[], note: Note): FlowNode[] {
  const nodes: FlowNode[] = [];
  const maxAgeMs = MAX_AGE_POLLS * site.pollEveryMs;
  const reference = referenceOf(house, state, tick, maxAgeMs);
  if (!reference) return nodes;
  if (!state.last && !begins(house, state, reference, tick, maxAgeMs)) return nodes;
  for (const [atMs] of state.samples[reference.id] ?? []) {
    if (atMs <= state.doneMs) continue;
    const alive = house.channels.filter(channel => isAlive(state, channel, atMs, maxAgeMs));
    const waits = alive.some(
      channel => channel.id !== reference.id && ((state.samples[channel.id] as Sample[]).at(-1) as Sample)[0] < atMs,
    );
    // The first picture is shown at once: before it there is no energy that better readings could correct.
    if (waits && state.last && tick.monoMs - atMs < maxAgeMs) break;
    state.doneMs = atMs;
    const solved = solve(site, house, state, alive, atMs);
    const node: FlowNode = {
      monoMs: atMs,
      quality: solved.quality,
      reason: solved.reason,
      skewMs: solved.skewMs,
      matrix: solved.instant.matrix,
      powersMilliW: solved.powers,
    };
    nodes.push(node);
    integrate(
      site,
      house,
      state,
      {monoMs: atMs, matrix: solved.instant.matrix as LastNode['matrix'], margins: solved.margins},
      node,
      slots,
      note,
    );
    watchUnexplained(state, atMs, solved.instant.unexplained, solved.measured, note);
    state.lastHome = solved.instant.home;
  }
  return nodes;
}

/**
 * Whether the first picture can be drawn: at the newest instant by which every channel has spoken, or without the silent ones
 * when they had their time. What flowed before it is nobody's: the registers' first readings are from this moment as well.
 */
function begins(house: House, state: FlowState, reference: Channel, tick: Tick, maxAgeMs: number): boolean {
  const own = state.samples[reference.id] as Sample[];
  const awaited = house.channels.filter(channel => !(channel.kind === 'grid' && !state.gridOn));
  const complete = awaited.every(channel => (state.samples[channel.id]?.length ?? 0) > 0);
  if (!complete && tick.monoMs - (own[0] as Sample)[0] < maxAgeMs) return false;
  state.doneMs = Math.max(state.doneMs, own.at(-2)?.[0] ?? state.doneMs);
  return true;
}

/** The grid meter where it speaks; else the meter of the house; on an island whatever is there. */
function referenceOf(house: House, state: FlowState, tick: Tick, maxAgeMs: number): Channel | undefined {
  const fresh = (channel: Channel): boolean => {
    const newest = state.samples[channel.id]?.at(-1);
    return newest !== undefined && tick.monoMs - newest[0] <= maxAgeMs;
  };
  const of = (kind: Channel['kind']): Channel | undefined => house.channels.find(channel => channel.kind === kind && fresh(channel));
  if (state.gridOn) return of('grid') ?? of('home');
  return of('home') ?? of('ac') ?? of('battery') ?? of('solar') ?? of('generator') ?? of('load');
}

function isAlive(state: FlowState, channel: Channel, atMs: number, maxAgeMs: number): boolean {
  if (!state.gridOn && channel.kind === 'grid') return false;
  const list = state.samples[channel.id];
  const newest = list?.at(-1);
  const oldest = list?.[0];
  if (!newest || !oldest) return false;
  return oldest[0] <= atMs ? atMs - newest[0] <= maxAgeMs : oldest[0] - atMs <= maxAgeMs;
}

type Solved = {
  readonly instant: Instant;
  readonly quality: NodeQuality;
  readonly reason: string | null;
  readonly skewMs: number;
  readonly margins: Record<string, number>;
  readonly powers: Record<string, number | null>;
  /** What each meter says, and each phase of the grid meter, by its name for people; into the bus, mW. */
  readonly measured: Record<string, number>;
};

function solve(site: Site, house: House, state: FlowState, alive: readonly Channel[], atMs: number): Solved {
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
    reason = `${silent.map(channel => channel.ref.device).join(', ')} tells nothing; its power is not in the balance`;
  }
  const margins = marginsOf(house, instant, final, state, atMs);
  const measured = Object.fromEntries(onBus.map(channel => [channel.ref.device, value[channel.id] ?? 0]));
  const grid = alive.find(channel => channel.kind === 'grid');
  const phases = grid && state.phases.find(([at]) => at === atMs)?.[1];
  if (grid && phases)
    phases.forEach((milliW, index) => {
      measured[`${grid.ref.device} L${index + 1}`] = milliW;
    });
  return {instant, quality, reason, skewMs, margins, powers: powersOf(house, instant, alive, final), measured};
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
function marginsOf(
  house: House,
  instant: Instant,
  final: Readonly<Record<string, number>>,
  state: FlowState,
  atMs: number,
): Record<string, number> {
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
  void state;
  void atMs;
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
  return powers;
}

/** Energy from the previous instant to this one, cut at the border of a quarter hour. */
function integrate(site: Site, house: House, state: FlowState, next: LastNode, node: FlowNode, slots: SlotRecord[], note: Note): void {
  const previous = state.last ?? resumed(site, state, next);
  state.last = next;
  const running = state.running ?? startSlots(state, {monoMs: next.monoMs, wallMs: next.monoMs + offsetOf(state)});
  if (!previous) {
    if (state.gap) openGap(state, next.monoMs);
    return;
  }
  const dtMs = next.monoMs - previous.monoMs;
  if (dtMs > maxGapOf(site)) {
    note('gap', null, `nothing is known for ${Math.round(dtMs / 1000)} s; the counters will tell`, {ms: dtMs});
    // A second gap before the registers have told of the first: they will tell of both at once.
    const {fromWallMs = previous.monoMs + offsetOf(state), fromMonoMs = previous.monoMs, corrections = {}} = state.gap ?? {};
    state.gap = {fromWallMs, fromMonoMs, toMonoMs: next.monoMs, toWallMs: next.monoMs + offsetOf(state), corrections};
    // Inside one quarter hour the slot goes on: none is opened twice.
    if (borderBetween(state, previous.monoMs, next.monoMs) !== null) rollOver(site, house, state, next.monoMs, slots, note);
    return;
  }
  const border = borderBetween(state, previous.monoMs, next.monoMs);
  if (border === null) {
    accumulate(house, running, previous, next, dtMs);
  } else {
    const fresh = rollOver(site, house, state, border, slots, note);
    accumulateCut(house, running, fresh, previous, next, dtMs, border - previous.monoMs);
  }
  bookRegisters(house, state, previous, next, dtMs);
  addQuality(state.running as OpenSlot, node.quality, node.reason);
  if (!state.trusted) addQuality(state.running as OpenSlot, 'undated', 'the clock is not trusted yet');
}

const maxGapOf = (site: Site): number => Math.max(MAX_GAP_MS, MAX_GAP_POLLS * site.pollEveryMs);

/** A restart of a few seconds is no gap: the last instant before it is put on the new monotonic clock by wall time. */
function resumed(site: Site, state: FlowState, next: LastNode): LastNode | null {
  const {resume, gap} = state;
  state.resume = null;
  if (!resume || !gap || !state.trusted) return null;
  const dtMs = next.monoMs + offsetOf(state) - gap.fromWallMs;
  if (!(dtMs > 0 && dtMs <= maxGapOf(site))) return null;
  state.gap = null;
  rebaseRegisters(state, next.monoMs - dtMs);
  return {...resume, monoMs: next.monoMs - dtMs};
}

const offsetOf = (state: FlowState): number => (state.tick ? state.tick.wallMs - state.tick.monoMs : 0);

function accumulate(house: House, slot: OpenSlot, a: LastNode, b: LastNode, dtMs: number): void {
  for (const policy of house.policies) {
    let units = slot.units[policy];
    if (!units) {
      units = empty<Record<string, number>>();
      slot.units[policy] = units;
    }
    for (const matrix of [a.matrix[policy], b.matrix[policy]]) addScaled(units, matrix ?? {}, dtMs);
  }
  for (const margins of [a.margins, b.margins]) for (const key in margins) addAmount(slot.margins, key, (margins[key] as number) * dtMs);
}

function addScaled(units: MutableMatrix, matrix: Matrix, dtMs: number): void {
  for (const source in matrix) for (const sink in matrix[source]) addCell(units, source, sink, (matrix[source][sink] as number) * dtMs);
}

function accumulateCut(house: House, first: OpenSlot, second: OpenSlot, a: LastNode, b: LastNode, dtMs: number, cutMs: number): void {
  const cut = (p0: number, p1: number): {before: number; after: number} =>
    cutMs <= 0
      ? {before: 0, after: (p0 + p1) * dtMs}
      : cutMs >= dtMs
        ? {before: (p0 + p1) * dtMs, after: 0}
        : splitTrapezoid(p0, p1, dtMs, cutMs);
  for (const policy of house.policies) {
    const ma = a.matrix[policy] ?? {};
    const mb = b.matrix[policy] ?? {};
    for (const slot of [first, second]) slot.units[policy] ??= empty<Record<string, number>>();
    const seen = new Set<string>();
    for (const matrix of [ma, mb]) {
      for (const source in matrix) {
        for (const sink in matrix[source]) {
          const key = `${source}\u0000${sink}`;
          if (seen.has(key)) continue;
          seen.add(key);
          const parts = cut(ma[source]?.[sink] ?? 0, mb[source]?.[sink] ?? 0);
          addCell(first.units[policy] as MutableMatrix, source, sink, parts.before);
          addCell(second.units[policy] as MutableMatrix, source, sink, parts.after);
        }
      }
    }
  }
  for (const key of new Set([...Object.keys(a.margins), ...Object.keys(b.margins)])) {
    const parts = cut(a.margins[key] ?? 0, b.margins[key] ?? 0);
    addAmount(first.margins, key, parts.before);
    addAmount(second.margins, key, parts.after);
  }
}

/** What each register should have counted since its last reading, in units. */
function bookRegisters(house: House, state: FlowState, a: LastNode, b: LastNode, dtMs: number): void {
  for (const {key} of house.registers) {
    const register = state.registers[key];
    if (register) register.units += ((a.margins[key] ?? 0) + (b.margins[key] ?? 0)) * dtMs;
  }
}
