// Instants of the grid meter, one after the other: aligned, balanced, attributed, and integrated up to here.

import {type EventKind, type Said, say} from '../sentences/say.ts';
import type {Tick} from '../sink.ts';
import type {Policy, Site} from '../site.ts';
import type {Sample} from './align.ts';
import {addAmounts} from './cells.ts';
import type {Channel, House} from './channels.ts';
import {watchUnexplained} from './hints.ts';
import {type Accumulator, addCut, addTrapezoid, newAccumulator} from './integrate.ts';
import type {FlowNode} from './model.ts';
import {addQuality, type OpenSlot} from './openslot.ts';
import {presenceOf} from './present.ts';
import {solve} from './solve.ts';
import type {FlowState, LastNode} from './state.ts';
import {borderBetween, openGap, placeStop, rollOver, startSlots} from './timeline.ts';

type Note = (kind: EventKind, about: string | null, detail: Said, evidence?: Record<string, number | string>) => void;

const MAX_AGE_POLLS = 3;
const MAX_GAP_MS = 60_000;
const MOST_UNITS = 1e15;
const MAX_GAP_POLLS = 5;

/** A channel without a sample for this long is not there, ms. */
export const maxAgeOf = (site: Site): number => MAX_AGE_POLLS * site.pollEveryMs;

/** Works through the instants that are ready; each is added to the slots. */
export function processNodes(site: Site, house: House, state: FlowState, tick: Tick, note: Note): FlowNode[] {
  const nodes: FlowNode[] = [];
  const maxAgeMs = maxAgeOf(site);
  const reference = referenceOf(house, state, tick, maxAgeMs);
  if (!reference) return nodes;
  if (!state.last && !begins(house, state, reference, tick, maxAgeMs)) return nodes;
  for (const sample of state.samples[reference.id] ?? []) {
    const atMs = sample[0];
    if (atMs <= state.doneMs) continue;
    const alive = house.channels.filter(channel => isAlive(state, channel, atMs, maxAgeMs));
    const waits = alive.some(
      channel => channel.id !== reference.id && ((state.samples[channel.id] as Sample[]).at(-1) as Sample)[0] < atMs,
    );
    // The first picture is shown at once: before it there is no energy that better readings could correct.
    if (waits && state.last && tick.monoMs - atMs < maxAgeMs) break;
    state.doneMs = atMs;
    const solved = solve(site, house, state, presenceOf(house, alive), atMs);
    const node: FlowNode = {
      monoMs: atMs,
      quality: solved.quality,
      reason: solved.reason,
      skewMs: solved.skewMs,
      matrix: solved.instant.matrix,
      powersMilliW: solved.powers,
    };
    nodes.push(node);
    integrate(site, house, state, {monoMs: atMs, matrix: solved.instant.matrix as LastNode['matrix'], margins: solved.margins}, node, note);
    // Where a device tells nothing, what is missing is known.
    watchUnexplained(state, atMs, solved.complete ? solved.instant.unexplained : 0, solved.measured, note);
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

/** Energy from the previous instant to this one, cut at the border of a quarter hour. */
function integrate(site: Site, house: House, state: FlowState, next: LastNode, node: FlowNode, note: Note): void {
  const previous = state.last ?? resumed(site, state, next);
  state.last = next;
  const running = state.running ?? startSlots(state, {monoMs: next.monoMs, wallMs: next.monoMs + offsetOf(state)});
  if (!previous) {
    if (state.stop) openGap(state, state.stop, next.monoMs);
    return;
  }
  const dtMs = next.monoMs - previous.monoMs;
  if (dtMs > maxGapOf(site)) {
    note('gap', null, say('nothing is known for {s} s; the counters will tell', {s: Math.round(dtMs / 1000)}), {ms: dtMs});
    // A second gap before the registers have told of the first: they will tell of both at once.
    const {fromWallMs = previous.monoMs + offsetOf(state), fromMonoMs = previous.monoMs, corrections = {}} = state.gap ?? {};
    state.gap = {fromWallMs, fromMonoMs, toMonoMs: next.monoMs, toWallMs: next.monoMs + offsetOf(state), corrections};
    // Inside one quarter hour the slot goes on: none is opened twice.
    if (borderBetween(state, previous.monoMs, next.monoMs) !== null) rollOver(state, next.monoMs);
    return;
  }
  const border = borderBetween(state, previous.monoMs, next.monoMs);
  if (border === null) {
    accumulate(house, running, previous, next, dtMs);
  } else {
    const fresh = rollOver(state, border);
    accumulateCut(house, running, fresh, previous, next, dtMs, border - previous.monoMs);
  }
  bookRegisters(house, state, previous, next, dtMs, node.quality !== 'stale-estimated');
  addQuality(state.running as OpenSlot, node.quality, node.reason);
  if (!state.trusted) addQuality(state.running as OpenSlot, 'undated', say('the clock is not trusted yet'));
}

const maxGapOf = (site: Site): number => Math.max(MAX_GAP_MS, MAX_GAP_POLLS * site.pollEveryMs);

/** A restart of a few seconds is no gap: the last instant before it is put on the new monotonic clock by wall time. */
function resumed(site: Site, state: FlowState, next: LastNode): LastNode | null {
  const {resume, stop} = state;
  state.resume = null;
  if (!resume || !stop || !state.trusted) return null;
  const dtMs = next.monoMs + offsetOf(state) - stop.wallMs;
  if (!(dtMs > 0 && dtMs <= maxGapOf(site))) return null;
  state.stop = null;
  placeStop(state, stop, {monoMs: next.monoMs, wallMs: stop.wallMs + dtMs}, true);
  const told = state.gap ?? state.running;
  if (told) addAmounts(told.corrections, stop.corrections);
  return {...resume, monoMs: next.monoMs - dtMs};
}

const offsetOf = (state: FlowState): number => (state.tick ? state.tick.wallMs - state.tick.monoMs : 0);

/** The interval as energy of the slot, under every policy and for every channel. */
function accumulate(house: House, slot: OpenSlot, a: LastNode, b: LastNode, dtMs: number): void {
  for (const policy of house.policies) addTrapezoid(unitsOf(slot, policy), a.matrix[policy] ?? {}, b.matrix[policy] ?? {}, dtMs);
  addTrapezoid({all: slot.margins}, {all: a.margins}, {all: b.margins}, dtMs);
}

/** The same for an interval that two slots share. */
function accumulateCut(house: House, first: OpenSlot, second: OpenSlot, a: LastNode, b: LastNode, dtMs: number, cutMs: number): void {
  for (const policy of house.policies)
    addCut(unitsOf(first, policy), unitsOf(second, policy), a.matrix[policy] ?? {}, b.matrix[policy] ?? {}, dtMs, cutMs);
  addCut({all: first.margins}, {all: second.margins}, {all: a.margins}, {all: b.margins}, dtMs, cutMs);
}

function unitsOf(slot: OpenSlot, policy: Policy): Accumulator {
  let units = slot.units[policy];
  if (!units) {
    units = newAccumulator();
    slot.units[policy] = units;
  }
  return units;
}

/** What each register should have counted since its last reading, in units. */
function bookRegisters(house: House, state: FlowState, a: LastNode, b: LastNode, dtMs: number, isMeasured: boolean): void {
  for (const {key} of house.registers) {
    const register = state.registers[key];
    if (!register) continue;
    const [from, to] = [a.margins[key] ?? 0, b.margins[key] ?? 0];
    register.units += (from + to) * dtMs;
    // Instants come later than readings: what flowed before the register moved is no sign of a stall.
    if (isMeasured && a.monoMs >= register.movedAtMs)
      register.sureUnits = Math.min(MOST_UNITS, register.sureUnits + 2 * Math.min(from, to) * dtMs);
  }
}
