// Quarter hours in time: where one ends, when it is closed, what the registers say about a gap, and what the clock's trust changes.

import {type EventKind, type Said, say} from '../sentences/say.ts';
import type {Tick} from '../sink.ts';
import type {Site} from '../site.ts';
import {cellBounds, withoutPassThrough} from './attribute.ts';
import {addAmounts, addCell, empty} from './cells.ts';
import {type House, marginOf} from './channels.ts';
import {fillGap, spread} from './gap.ts';
import {forgetStanding, freezeRegisters, unread, waits} from './held.ts';
import type {SlotCell, SlotName, SlotRecord} from './model.ts';
import {addQuality, closeSlot, type OpenSlot, openSlot} from './openslot.ts';
import {sourceOrder} from './orders.ts';
import {remembered} from './remembered.ts';
import {countCycles, settleRests} from './rest.ts';
import {localDay, SLOT_MS, slotStart} from './slots.ts';
import {type FlowState, newSums, type Stop, type Sums} from './state.ts';

type Note = (kind: EventKind, about: string | null, detail: Said, evidence?: Record<string, number | string>) => void;

const GAP_PATIENCE_MS = 90_000;
const UNDATED_KEPT = 4 * 24 * 14;

const offset = (state: FlowState): number => (state.tick ? state.tick.wallMs - state.tick.monoMs : 0);

/** The slot of a moment: a UTC quarter hour, or undated while the clock cannot be believed or has gone back behind what is closed. */
function nameAt(state: FlowState, monoMs: number): SlotName {
  const wallMs = monoMs + offset(state);
  const startMs = slotStart(wallMs);
  const behind = state.lastClosedMs !== null && startMs <= state.lastClosedMs;
  if (state.trusted && !behind) return {kind: 'utc', startMs};
  return {kind: 'undated', bootId: state.bootId, startMonoMs: monoMs, endMonoMs: monoMs + SLOT_MS};
}

/** Opens the running slot. */
export function startSlots(state: FlowState, at: {readonly monoMs: number; readonly wallMs: number}): OpenSlot {
  state.running ??= openSlot(nameAt(state, at.monoMs));
  return state.running;
}

/** Monotonic end of the running slot by the clock as it is now. */
function endOf(state: FlowState, slot: OpenSlot): number {
  return slot.name.kind === 'utc' ? slot.name.startMs + SLOT_MS - offset(state) : slot.name.endMonoMs;
}

/** The border that lies in (a, b], or null. After a step of the clock the running slot may have ended long ago: then it ends at once. */
export function borderBetween(state: FlowState, aMs: number, bMs: number): number | null {
  if (!state.running) return null;
  const end = endOf(state, state.running);
  return end > bMs ? null : Math.max(aMs, Math.min(end, bMs));
}

/** Puts the running slot aside until the registers were read, and opens the next one. */
export function rollOver(state: FlowState, atMonoMs: number): OpenSlot {
  const ended = state.running;
  if (ended) {
    if (ended.name.kind === 'undated') ended.name = {...ended.name, endMonoMs: atMonoMs};
    else state.lastClosedMs = Math.max(state.lastClosedMs ?? -Infinity, ended.name.startMs);
    state.held.push({slot: ended, endMonoMs: atMonoMs, shown: null, standing: null, handedOn: false});
  }
  state.running = openSlot(nameAt(state, atMonoMs));
  return state.running;
}

/** Closes what waits, once every register was read after its end or is not awaited any more. */
export function finishClosing(site: Site, house: House, state: FlowState, tick: Tick, slots: SlotRecord[], note: Note): void {
  if (state.gap) {
    const {toMonoMs} = state.gap;
    if (unread(state, house, toMonoMs).length > 0 && tick.monoMs - toMonoMs < GAP_PATIENCE_MS) return;
    fill(site, house, state, slots, note);
  }
  while (state.held[0] && !waits(state, house, state.held[0].endMonoMs, tick)) settleOldest(site, house, state, slots, note);
  freezeRegisters(state, house, tick);
}

function settleAllBut(count: number, site: Site, house: House, state: FlowState, slots: SlotRecord[], note: Note): void {
  while (state.held.length > count) settleOldest(site, house, state, slots, note);
}

/** The oldest waiting slot becomes a record; what was not a whole mWh goes on into the next one. */
function settleOldest(site: Site, house: House, state: FlowState, slots: SlotRecord[], note: Note): void {
  const waiting = state.held.shift();
  if (!waiting) return;
  const books = {registers: waiting.shown ?? state.registers, pools: state.pools, rests: state.rests};
  const {record, pools, rest} = closeSlot(site, house, waiting.slot, books, house.policies, true);
  state.pools = pools;
  const next = state.held[0]?.slot ?? state.running;
  if (next) {
    for (const policy of house.policies) {
      const units = rest.units[policy] ?? {};
      next.units[policy] ??= empty<Record<string, number>>();
      for (const source in units)
        for (const sink in units[source]) addCell(next.units[policy], source, sink, units[source][sink] as number);
    }
    for (const key in rest.margins) next.margins[key] = (next.margins[key] ?? 0) + (rest.margins[key] as number);
    for (const key in rest.corrections) next.corrections[key] = (next.corrections[key] ?? 0) + (rest.corrections[key] as number);
  }
  forgetStanding(state);
  emit(site, house, state, record, slots);
  settleRests(house, state, waiting.endMonoMs, note);
}

/** A closed record joins the sums; an undated one is kept until it can be dated. */
function emit(site: Site, house: House, state: FlowState, record: SlotRecord, slots: SlotRecord[]): void {
  slots.push(record);
  addSums(state.lifetime, house, record);
  countCycles(house, state, record);
  if (record.slot.kind === 'utc') addToDay(site, house, state, record, record.slot.startMs);
  else {
    state.undated.push(record);
    if (state.undated.length > UNDATED_KEPT) state.undated.shift();
  }
}

function addToDay(site: Site, house: House, state: FlowState, record: SlotRecord, startMs: number): void {
  const day = localDay(site.timezone, startMs);
  if (state.day === null || day > state.day.day) state.day = {day, sums: newSums()};
  if (day !== state.day.day) return;
  addSums(state.day.sums, house, record);
  state.day.qualities = [...new Set([...(state.day.qualities ?? []), ...record.quality])];
}

/** What a cell is called in the sums. */
export const sumKey = ({origin, via, source, sink}: SlotCell): string => joint(joint(origin, via), joint(source, sink));
const joint = remembered((a, b) => `${a}|${b}`);

function addSums(sums: Sums, house: House, record: SlotRecord): void {
  for (const cell of record.cells[house.primary] ?? []) {
    const key = sumKey(cell);
    sums.cells[key] = (sums.cells[key] ?? 0) + cell.energyMilliWh;
  }
  for (const total of record.totals) sums.totals[total.name] = (sums.totals[total.name] ?? 0) + total.energyMilliWh;
}

/**
 * The end of an earlier run, put on our own monotonic clock: by wall time, so it may have to be put there again once that is known better.
 * What that run had read and what it was waiting for moves along.
 */
export function placeStop(state: FlowState, stop: Stop, stoppedMonoMs: number): void {
  const byMs = stoppedMonoMs - stop.monoMs;
  stop.monoMs = stoppedMonoMs;
  for (const register of Object.values(state.registers)) {
    const lastMs = Math.min(stoppedMonoMs, register.counter.lastMs + byMs);
    register.counter = {...register.counter, lastMs, pending: []};
    register.readAtMs = Math.min(stoppedMonoMs - 1, register.readAtMs + byMs);
    register.movedAtMs += byMs;
  }
  for (const held of state.held) held.endMonoMs += byMs;
  for (const silence of Object.values(state.silent)) {
    silence.sinceMs += byMs;
    silence.lastMs += byMs;
  }
  if (state.gap) {
    state.gap.fromMonoMs += byMs;
    state.gap.toMonoMs += byMs;
  }
}

/** Nothing is known from the end of an earlier run up to now. A gap of that run that is still open lasts until now. */
export function openGap(state: FlowState, stop: Stop, toMonoMs: number): void {
  state.stop = null;
  const toWallMs = toMonoMs + offset(state);
  placeStop(state, stop, toMonoMs - Math.max(0, toWallMs - stop.wallMs));
  const {fromWallMs = stop.wallMs, fromMonoMs = stop.monoMs} = state.gap ?? {};
  state.gap = {fromWallMs, fromMonoMs, toMonoMs, toWallMs, corrections: state.gap?.corrections ?? {}};
  addAmounts(state.gap.corrections, stop.corrections);
  const running = state.running;
  if (running && running.name.kind === 'utc' && slotStart(toWallMs) !== running.name.startMs) rollOver(state, toMonoMs);
}

/** What the registers say of the gap, spread over its quarter hours and flagged. */
function fill(site: Site, house: House, state: FlowState, slots: SlotRecord[], note: Note): void {
  const gap = state.gap;
  if (!gap) return;
  state.gap = null;
  settleAllBut(1, site, house, state, slots, note);
  const rows = empty<number>();
  const columns = empty<number>();
  const negative: [string, number][] = [];
  for (const channel of house.channels) {
    for (const direction of ['out', 'in'] as const) {
      const energy = gap.corrections[`${channel.id}>${direction}`] ?? 0;
      const margin = marginOf(channel, direction);
      if (!margin || energy === 0) continue;
      if (energy < 0) negative.push([`${channel.id}>${direction}`, energy]);
      else if (margin.side === 'row') rows[margin.id] = (rows[margin.id] ?? 0) + energy;
      else columns[margin.id] = (columns[margin.id] ?? 0) + energy;
    }
  }
  // What a register takes back was integrated before the gap.
  const before = state.held[0]?.slot ?? state.running;
  if (before) for (const [key, energy] of negative) before.corrections[key] = (before.corrections[key] ?? 0) + energy;
  const given = Object.values(rows).reduce((a, b) => a + b, 0);
  const taken = Object.values(columns).reduce((a, b) => a + b, 0);
  if (given === 0 && taken === 0) return;
  if (taken > given) rows['unexplained'] = taken - given;
  const sinks = [...house.batteries, ...house.topology.loads, 'standby', 'grid', 'home'];
  const filled = fillGap(rows, columns, [...sourceOrder(house.batteries)], sinks);
  const parts = partsOf(state, gap.fromWallMs, gap.toWallMs);
  for (const source in filled.matrix) {
    for (const sink in filled.matrix[source]) {
      for (const [index, energy] of spread(filled.matrix[source][sink] as number, parts.length).entries())
        addCell((parts[index] as OpenSlot).filled, source, sink, energy);
    }
  }
  const lengthS = Math.round((gap.toWallMs - gap.fromWallMs) / 1000);
  const bounds = cellBounds(...withoutPassThrough(rows, {...columns, home: filled.homeMilliWh}));
  for (const part of parts) {
    addQuality(part, 'gap', say('filled from the counters over {s} s', {s: lengthS}));
    part.bounds ??= {};
    for (const [cell, [least, most]] of Object.entries(bounds)) {
      const [before, beforeMost] = part.bounds[cell] ?? [0, 0];
      part.bounds[cell] = [before + Math.floor(least / parts.length), beforeMost + Math.ceil(most / parts.length)];
    }
  }
  // Whole quarter hours inside the gap are records of their own.
  for (const part of parts) {
    if (part === state.running || part === state.held[0]?.slot) continue;
    const {record, pools} = closeSlot(site, house, part, state, house.policies, true);
    state.pools = pools;
    if (record.slot.kind === 'utc') state.lastClosedMs = Math.max(state.lastClosedMs ?? -Infinity, record.slot.startMs);
    emit(site, house, state, record, slots);
  }
  note('gap-filled', null, say('{s} s without readings filled from the counters', {s: lengthS}), {slots: parts.length});
}

const LONGEST_GAP_SLOTS = 4 * 24 * 366;

/** The slots a gap touches: the one before, whole ones between, the running one. */
function partsOf(state: FlowState, fromWallMs: number, toWallMs: number): OpenSlot[] {
  const running = state.running as OpenSlot;
  if (running.name.kind !== 'utc' || !(toWallMs > fromWallMs)) return [running];
  const parts: OpenSlot[] = [];
  const before = state.held[0]?.slot;
  if (before && before.name.kind === 'utc' && before.name.startMs === slotStart(fromWallMs)) parts.push(before);
  // A clock that went back since names quarter hours that are closed: they stay as they are.
  const first = Math.max(slotStart(fromWallMs) + (parts.length > 0 ? SLOT_MS : 0), (state.lastClosedMs ?? -Infinity) + SLOT_MS);
  const count = (running.name.startMs - first) / SLOT_MS;
  if (count > 0 && count <= LONGEST_GAP_SLOTS)
    for (let start = first; start < running.name.startMs; start += SLOT_MS) parts.push(openSlot({kind: 'utc', startMs: start}));
  parts.push(running);
  return parts;
}

/** What a change of trust in the clock, or a step of it, means for the running slot and for those without a date. */
export function followClock(site: Site, house: House, state: FlowState, trusted: boolean, slots: SlotRecord[], note: Note): void {
  const became = trusted && !state.trusted;
  state.trusted = trusted;
  const {running} = state;
  if (running && state.tick) {
    const name = nameAt(state, state.tick.monoMs);
    const wrong =
      running.name.kind === 'undated'
        ? name.kind === 'utc'
        : name.kind === 'undated' || Math.abs(name.startMs - running.name.startMs) > SLOT_MS;
    // Small steps back inside one quarter hour keep the running slot: a slot is never opened twice.
    if (wrong && !(running.name.kind === 'utc' && name.kind === 'undated' && slotStart(state.tick.wallMs) === running.name.startMs))
      rollOver(state, state.tick.monoMs);
  }
  if (became) {
    if (state.held.some(({slot}) => slot.name.kind === 'undated')) settleAllBut(0, site, house, state, slots, note);
    if (state.undated.length > 0) date(site, house, state, slots, note);
  }
}

/** Undated slots get the quarter hour in which their middle lay; several of one quarter hour are one. */
function date(site: Site, house: House, state: FlowState, slots: SlotRecord[], note: Note): void {
  const shift = offset(state);
  const own = state.undated.filter(record => record.slot.kind === 'undated' && record.slot.bootId === state.bootId);
  state.undated = state.undated.filter(record => !own.includes(record));
  const byStart = new Map<number, SlotRecord[]>();
  for (const record of own) {
    if (record.slot.kind !== 'undated') continue;
    const startMs = slotStart((record.slot.startMonoMs + record.slot.endMonoMs) / 2 + shift);
    byStart.set(startMs, [...(byStart.get(startMs) ?? []), record]);
  }
  const running = state.running;
  for (const [startMs, records] of [...byStart].sort((a, b) => a[0] - b[0])) {
    if (running && running.name.kind === 'utc' && startMs >= running.name.startMs) {
      // Its quarter hour is still running: the energy becomes part of it and leaves the sums until it closes.
      for (const record of records) giveBack(state, house, record, running);
      continue;
    }
    const record = joined(records, startMs);
    slots.push(record);
    addToDay(site, house, state, record, startMs);
    state.lastClosedMs = Math.max(state.lastClosedMs ?? -Infinity, startMs);
  }
  note('slots-dated', null, say('{n} slots from before the clock was set have their date now', {n: own.length}), {slots: own.length});
}

function giveBack(state: FlowState, house: House, record: SlotRecord, running: OpenSlot): void {
  for (const cell of record.cells[house.primary] ?? []) {
    const key = sumKey(cell);
    state.lifetime.cells[key] = (state.lifetime.cells[key] ?? 0) - cell.energyMilliWh;
    addCell(running.filled, cell.source, cell.sink, cell.energyMilliWh);
  }
  for (const total of record.totals) state.lifetime.totals[total.name] = (state.lifetime.totals[total.name] ?? 0) - total.energyMilliWh;
}

function joined(records: readonly SlotRecord[], startMs: number): SlotRecord {
  const [first] = records as [SlotRecord];
  const cells: SlotRecord['cells'] = Object.fromEntries(
    Object.keys(first.cells).map(policy => [policy, records.flatMap(record => record.cells[policy as keyof typeof record.cells] ?? [])]),
  );
  const totals = new Map<string, SlotRecord['totals'][number]>();
  for (const total of records.flatMap(record => record.totals)) {
    const before = totals.get(total.name);
    totals.set(
      total.name,
      before
        ? {...total, energyMilliWh: before.energyMilliWh + total.energyMilliWh, rawMilliWh: before.rawMilliWh + total.rawMilliWh}
        : total,
    );
  }
  return {
    ...first,
    slot: {kind: 'utc', startMs},
    cells,
    totals: [...totals.values()],
    quality: [...new Set(records.flatMap(record => record.quality))].filter(one => one !== 'undated'),
  };
}
