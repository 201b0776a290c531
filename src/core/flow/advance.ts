// The pipeline in its order: readings, samples, nodes, cells, quarter hours, registers, origins, what is published. Pure but for its own state.

import {publishDay, publishEnergy, publishState} from '../published.ts';
import type {Measured, Reading} from '../reading.ts';
import {type EventKind, type Said, say} from '../sentences/say.ts';
import type {Tick} from '../sink.ts';
import type {Site} from '../site.ts';
import {learnAges, watchAges, watchSample} from './age.ts';
import {addAmount, empty} from './cells.ts';
import {ageOf, type House, houseOf, type Lookup, readChannel} from './channels.ts';
import {stepClock} from './clock.ts';
import {bookCorrection, openRecords, watchSilence} from './held.ts';
import {keepRiddles, spreadLate} from './late.ts';
import type {FlowEvent, FlowNode, SiteEnergy, SiteState, SlotRecord} from './model.ts';
import {maxAgeOf, processNodes} from './nodes.ts';
import {watchPhases} from './phases.ts';
import {newRegister, readRegister} from './registers.ts';
import {watchRests} from './rest.ts';
import {emptyState, type FlowState, revive} from './state.ts';
import {finishClosing, followClock, placeStop, startSlots} from './timeline.ts';

export type {FlowState} from './state.ts';
export {serialiseFlow} from './state.ts';

export type FlowInput = {
  readonly tick: Tick;
  readonly readings: readonly Reading[];
  /** Whether wall time may name slots. */
  readonly clockTrusted: boolean;
  /** Asks for the running slot as a record with `closed: false`. */
  readonly flush: boolean;
  /** Asks for the totals and the day as they stand; absent: yes. They come without being asked with a flush and where a slot closes. */
  readonly totals?: boolean;
};
export type FlowStep = {
  readonly state: FlowState;
  readonly nodes: readonly FlowNode[];
  readonly slots: readonly SlotRecord[];
  readonly events: readonly FlowEvent[];
  readonly siteState: SiteState | null;
  /** Null where nobody asked, and before the first slot. */
  readonly energy: SiteEnergy | null;
  readonly day: SiteEnergy | null;
};

export const createFlow = (_site: Site, bootId: string): FlowState => emptyState(bootId);
/** The state of an earlier run, or null where the text is none. */
export const restoreFlow = (json: string, site: Site, bootId: string): FlowState | null => revive(json, site, houseOf(site), bootId);

type Note = (kind: EventKind, about: string | null, detail: Said, evidence?: Record<string, number | string>) => void;

const SAMPLES_KEPT = 8;
/** A sample may be this much older than the tick that brings it. */
const OLDEST_MS = 3_600_000;
const OFF_WORDS = /off|island|backup|not connected/i;

/** One tick. The state passed in is changed and handed back: whoever calls owns it. Never throws, whatever the readings say. */
export function advance(site: Site, state: FlowState, input: FlowInput): FlowStep {
  const house = houseOf(site);
  const tick: Tick = {seq: input.tick.seq, monoMs: Math.round(input.tick.monoMs), wallMs: Math.round(input.tick.wallMs)};
  const events: FlowEvent[] = [];
  const slots: SlotRecord[] = [];
  const note: Note = (kind, about, detail, evidence) =>
    void events.push({kind, monoMs: tick.monoMs, about, detail, ...(evidence ? {evidence} : {})});

  if (state.tick) {
    const step = stepClock(state.tick, tick);
    if (step !== null)
      note('clock-step', null, say('the clock stepped by {s} s; energy is not touched', {s: Math.round(step / 1000)}), {stepMs: step});
  }
  // The first beat after a restart.
  else if (state.stop) placeStop(state, state.stop, tick, input.clockTrusted);
  state.tick = {monoMs: tick.monoMs, wallMs: tick.wallMs};
  followClock(site, house, state, input.clockTrusted, slots, note);

  const lookup = lookupOf(input.readings);
  takeSamples(site, house, state, lookup, tick, note);
  watchRests(house, state, tick.monoMs);
  watchTheAges(site, house, state, tick, input.clockTrusted, note);
  watchSilence(state, house, tick, maxAgeOf(site));
  const nodes = processNodes(site, house, state, tick, note);
  takeRegisters(site, house, state, lookup, tick, slots, note);
  finishClosing(site, house, state, tick, slots, note);
  keepRiddles(state, slots);
  if (nodes.length === 0 && !state.running && state.last) startSlots(state, tick);

  const newest = nodes.at(-1) ?? null;
  const siteState = newest ? publishState(house, state, newest, tick) : null;
  // What is not closed yet costs more to tell than all the rest of a beat.
  const asked = (input.totals ?? true) || input.flush || slots.length > 0;
  const open = asked ? openRecords(site, house, state, input.flush, slots) : [];
  const energy = asked && state.running ? publishEnergy(house, state, open, tick, note) : null;
  const day = asked && state.running ? publishDay(site, house, state, open, tick) : null;
  return {state, nodes, slots, events, siteState, energy, day};
}

function lookupOf(readings: readonly Reading[]): Lookup {
  const devices = new Map<string, Map<string, Measured>>();
  for (const {device, point, measured} of readings) {
    let points = devices.get(device);
    if (!points) {
      points = new Map();
      devices.set(device, points);
    }
    points.set(point, measured);
  }
  return (device, point) => devices.get(device)?.get(point);
}

/** Readings of this tick as samples of channels, in the order of time. */
function takeSamples(site: Site, house: House, state: FlowState, lookup: Lookup, tick: Tick, note: Note): void {
  const stateRef = site.map.grid?.state;
  if (stateRef) {
    const measured = lookup(stateRef.device, stateRef.point);
    if (measured?.kind === 'good')
      state.gridOn = typeof measured.value === 'string' ? !OFF_WORDS.test(measured.value) : measured.value !== 0;
  }
  const phases: Record<string, readonly number[]> = {};
  for (const channel of house.channels) {
    // Without a grid its meter may say anything.
    if (channel.kind === 'grid' && !state.gridOn) {
      delete state.samples[channel.id];
      state.phases = [];
      continue;
    }
    const read = readChannel(channel, lookup);
    if (read === null) continue;
    if (read !== 'asleep' && read.phases) phases[channel.id] = read.phases.map(milliW => (channel.kind === 'load' ? -milliW : milliW));
    let list = state.samples[channel.id];
    if (!list) {
      list = [];
      state.samples[channel.id] = list;
    }
    // A sleeping inverter gives nothing, and says so.
    const learnedMs = channel.ageIsSet ? 0 : (state.ages[channel.id] ?? 0);
    const [atMs, milliW] =
      read === 'asleep'
        ? [tick.monoMs, 0]
        : [read.atMs - learnedMs, channel.kind === 'load' || channel.kind === 'home' ? -read.milliW : read.milliW];
    const newest = list.at(-1);
    // Time does not go back, no sample is from after the tick that brought it, and what is an hour old is no news.
    if ((newest && atMs <= newest[0]) || atMs > tick.monoMs + 1000 || atMs < tick.monoMs - OLDEST_MS) continue;
    list.push([atMs, milliW + 0]);
    if (channel.onBus) watchSample(state.ageWatch, channel.id, atMs + channel.ageMs + learnedMs, milliW + 0);
    if (list.length > SAMPLES_KEPT) list.shift();
    if (channel.kind === 'grid' && read !== 'asleep' && read.phases) {
      state.phases.push([atMs, [...read.phases]]);
      if (state.phases.length > SAMPLES_KEPT) state.phases.shift();
    }
  }
  watchPhases(state.phaseWatch, house.channels, phases, note);
  for (const channel of house.channels) {
    if (channel.kind !== 'battery') continue;
    const measured = lookup(channel.ref.device, channel.points.soc);
    if (measured)
      state.socPct[channel.id] =
        measured.kind !== 'missing' && typeof measured.value === 'number' && Number.isFinite(measured.value) ? measured.value : null;
  }
}

/** Learns through the day how old registers are when they are read, and adopts it at night. */
function watchTheAges(site: Site, house: House, state: FlowState, tick: Tick, trusted: boolean, note: Note): void {
  const {reference, ageing} = house;
  if (reference === null || !state.gridOn) return;
  const ages = empty<number>();
  for (const channel of house.channels) ages[channel.id] = ageOf(channel, state.ages);
  watchAges(state.ageWatch, reference, ageing, ages, site.pollEveryMs);
  if (!trusted) return;
  for (const {channel, ageMs, beforeMs, lessPermille} of learnAges(state.ageWatch, site.timezone, tick.wallMs, ages)) {
    // What the owner has set stands.
    if (site.flows.ageMs[channel] !== undefined) continue;
    state.ages[channel] = ageMs;
    note(
      'age-learned',
      channel,
      say(
        "{channel}: its registers are {s} s old when they are read (taken for {before} s so far); the home's power moved {less} % less that way",
        {channel, s: ageMs / 1000, before: beforeMs / 1000, less: lessPermille / 10},
      ),
      {ageMs, beforeMs, lessPermille},
    );
  }
}

/** Lifetime registers: what they correct goes to the slot that waits for them, to a gap, or to the running slot. */
function takeRegisters(site: Site, house: House, state: FlowState, lookup: Lookup, tick: Tick, slots: SlotRecord[], note: Note): void {
  for (const register of house.registers) {
    if (register.channel === 'grid' && !state.gridOn) continue;
    const measured = lookup(register.device, register.point);
    if (measured?.kind !== 'good' || typeof measured.value !== 'number' || !Number.isFinite(measured.value)) continue;
    let own = state.registers[register.key];
    if (!own) {
      own = newRegister();
      state.registers[register.key] = own;
    }
    const sinceMs = own.readAtMs;
    const outcome = readRegister(own, measured.value, tick.monoMs, register.maxPower, register);
    if (outcome.event) note(outcome.event.kind, `${register.device}/${register.point}`, outcome.event.detail);
    if (outcome.correction === 0) continue;
    const told = state.stop ?? state.gap;
    if (told) addAmount(told.corrections, register.key, outcome.correction);
    else {
      const left = spreadLate(site, house, state, register, sinceMs, tick, outcome.correction, outcome.integrated, slots);
      if (left !== 0) bookCorrection(house, state, register, sinceMs, tick, left);
    }
  }
}
