// Quarter hours in time: where one ends, when it is closed, what the registers say about a gap, and what the clock's trust changes.

import {type EventKind, type Said, say} from '../sentences/say.ts';
import type {Tick} from '../sink.ts';
import type {Site} from '../site.ts';
import {cellBounds, withoutPassThrough} from './attribute.ts';
import {addAmount, addAmounts, addCell, empty, total} from './cells.ts';
import type {House} from './channels.ts';
import {fillGap, spread} from './gap.ts';
import {forgetStanding, freezeRegisters, unread, waits} from './held.ts';
import {merged} from './merge.ts';
import type {SlotCell, SlotName, SlotRecord} from './model.ts';
import {addQuality, closeSlot, type OpenSlot, openSlot} from './openslot.ts';
import {sourceOrder} from './orders.ts';
import {remembered} from './remembered.ts';
import {countCycles, settleRests} from './rest.ts';
import {localDay, SLOT_MS, slotStart} from './slots.ts';
import {type FlowState, newSums, type Stop, type Sums, sumsOfDay} from './state.ts';

type Note = (kind: EventKind, about: string | null, detail: Said, evidence?: Record<string, number | string>) => void;

const GAP_PATIENCE_MS = 90_000;
/** A clock that is not set by then is not waited for. */
const CLOCK_PATIENCE_MS = 15 * 60_000;
const UNDATED_KEPT = 4 * 24 * 14;

const offset = (state: FlowState): number => (state.tick ? state.tick.wallMs - state.tick.monoMs : 0);

/** The slot of a moment: a UTC quarter hour, or undated while the clock cannot be believed or has gone back behind what is closed. */
function nameAt(state: FlowState, monoMs: number): SlotName {
  const wallMs = monoMs + offset(state);
  const startMs = slotStart(wallMs);
  const behind = state.lastClosedMs !== null && startMs <= state.lastClosedMs;
  if (state.trusted && !behind) return {kind: 'utc', startMs};
  // Behind what is closed it gets the date when it ends, so it ends where the quarter hour does.
  const lengthMs = state.trusted ? startMs + SLOT_MS - wallMs : SLOT_MS;
  return {kind: 'undated', bootId: state.bootId, startMonoMs: monoMs, endMonoMs: monoMs + lengthMs};
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
    // One of an earlier run keeps the name it was told of by: its times are of another clock.
    if (ended.name.kind === 'utc') state.lastClosedMs = Math.max(state.lastClosedMs ?? -Infinity, ended.name.startMs);
    else if (ended.name.bootId === state.bootId) ended.name = {...ended.name, endMonoMs: atMonoMs};
    state.held.push({slot: ended, endMonoMs: atMonoMs, shown: null, standing: null, handedOn: false});
  }
  state.running = openSlot(nameAt(state, atMonoMs));
  return state.running;
}

/** Closes what waits, once every register was read after its end or is not awaited any more. */
export function finishClosing(site: Site, house: House, state: FlowState, tick: Tick, slots: SlotRecord[], note: Note): void {
  if (state.gap) {
    const {toMonoMs} = state.gap;
    const sinceMs = tick.monoMs - toMonoMs;
    if (sinceMs < GAP_PATIENCE_MS && unread(state, house, toMonoMs).length > 0) return;
    // Where it began is known, where it ended only the clock can tell.
    if (sinceMs < CLOCK_PATIENCE_MS && !state.trusted) return;
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
export function emit(site: Site, house: House, state: FlowState, record: SlotRecord, slots: SlotRecord[]): void {
  addSums(state.lifetime, house, record);
  countCycles(house, state, record);
  if (record.slot.kind === 'undated') {
    state.undated.push(record);
    if (state.undated.length > UNDATED_KEPT) state.undated.shift();
    if (state.trusted && record.slot.bootId === state.bootId) {
      date(site, house, state, slots);
      return;
    }
  }
  slots.push(record);
  if (record.slot.kind === 'utc') addToDay(site, house, state, record, record.slot.startMs);
}

function addToDay(site: Site, house: House, state: FlowState, record: SlotRecord, startMs: number): void {
  const day = localDay(site.timezone, startMs);
  turnTo(site, state, day);
  if (day !== state.day?.day) return;
  addSums(state.day.sums, house, record);
  state.day.qualities = [...new Set([...(state.day.qualities ?? []), ...record.quality])];
}

/** Days follow each other; after a clock that ran ahead it is an earlier one that is today, and what the later one has waits for it. */
function turnTo(site: Site, state: FlowState, day: string): void {
  const newest = state.day;
  if (newest === null) state.day = {day, sums: newSums()};
  else if (day > newest.day) {
    const {before: _, after = null, ...before} = newest;
    state.day =
      after?.day === day ? {...after, before} : {day, sums: newSums(), before, after: after !== null && after.day > day ? after : null};
  } else if (day < newest.day && state.tick !== null && day === localDay(site.timezone, state.tick.wallMs)) {
    const {before: _, after: __, ...after} = newest;
    state.day = {...(sumsOfDay(state, day) ?? {day, sums: newSums()}), after};
  }
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

/** A machine without a clock of its own does not know for how long it was off: registers may have risen for this long. */
const UNKNOWN_MS = 24 * 3_600_000;

/**
 * The end of an earlier run, put on our own monotonic clock: by wall time, so it may have to be put there again once that is known better.
 * What that run had read and what it was waiting for moves along.
 */
export function placeStop(state: FlowState, stop: Stop, at: {readonly monoMs: number; readonly wallMs: number}, trusted: boolean): void {
  const lengthMs = at.wallMs - stop.wallMs;
  const stoppedMonoMs = at.monoMs - Math.max(0, lengthMs);
  const byMs = stoppedMonoMs - stop.monoMs;
  stop.monoMs = stoppedMonoMs;
  const latestMs = trusted && lengthMs >= 0 ? stoppedMonoMs : stoppedMonoMs - UNKNOWN_MS;
  for (const register of Object.values(state.registers)) {
    const lastMs = Math.min(latestMs, register.counter.lastMs + byMs);
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
  placeStop(state, stop, {monoMs: toMonoMs, wallMs: toWallMs}, state.trusted);
  const {fromWallMs = stop.wallMs, fromMonoMs = stop.monoMs} = state.gap ?? {};
  state.gap = {fromWallMs, fromMonoMs, toMonoMs, toWallMs, corrections: state.gap?.corrections ?? {}};
  addAmounts(state.gap.corrections, stop.corrections);
  const name = state.running?.name;
  if (name && (name.kind === 'utc' ? slotStart(toWallMs) !== name.startMs : name.bootId !== state.bootId)) rollOver(state, toMonoMs);
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
  for (const {key, margin} of house.edges) {
    const energy = gap.corrections[key] ?? 0;
    if (!margin || energy === 0) continue;
    if (energy < 0) negative.push([key, energy]);
    else addAmount(margin.side === 'row' ? rows : columns, margin.id, energy);
  }
  // What a register takes back was integrated before the gap.
  const before = state.held[0]?.slot ?? state.running;
  if (before) for (const [key, energy] of negative) addAmount(before.corrections, key, energy);
  const [given, taken] = [total(rows), total(columns)];
  if (given === 0 && taken === 0) return;
  if (taken > given) rows['unexplained'] = taken - given;
  const sinks = [...house.batteries, ...house.topology.loads, 'standby', 'grid', 'home'];
  const filled = fillGap(rows, columns, [...sourceOrder(house.batteries)], sinks);
  const toWallMs = state.trusted ? gap.toMonoMs + offset(state) : gap.toWallMs;
  const parts = partsOf(state, gap.fromWallMs, toWallMs);
  for (const source in filled.matrix) {
    for (const sink in filled.matrix[source]) {
      for (const [index, energy] of spread(filled.matrix[source][sink] as number, parts.length).entries())
        addCell((parts[index] as OpenSlot).filled, source, sink, energy);
    }
  }
  const lengthS = Math.round((toWallMs - gap.fromWallMs) / 1000);
  const bounds = cellBounds(...withoutPassThrough(rows, {...columns, home: filled.homeMilliWh}));
  for (const part of parts) {
    addQuality(part, 'gap', say('filled from the counters over {s} s', {s: lengthS}));
    part.bounds ??= {};
    for (const [cell, [least, most]] of Object.entries(bounds)) {
      const [before, beforeMost] = part.bounds[cell] ?? [0, 0];
      part.bounds[cell] = [before + Math.floor(least / parts.length), beforeMost + Math.ceil(most / parts.length)];
    }
  }
  // Quarter hours inside the gap are records of their own; what is closed already, by a clock that ran otherwise, gets its part as well.
  for (const part of parts) {
    if (part === state.running || state.held.some(({slot}) => slot === part)) continue;
    const {record, pools} = closeSlot(site, house, part, state, house.policies, true);
    state.pools = pools;
    if (record.slot.kind === 'utc') state.lastClosedMs = Math.max(state.lastClosedMs ?? -Infinity, record.slot.startMs);
    emit(site, house, state, {...record, adds: true}, slots);
  }
  note('gap-filled', null, say('{s} s without readings filled from the counters', {s: lengthS}), {slots: parts.length});
}

const LONGEST_GAP_SLOTS = 4 * 24 * 366;

/** The slots a gap touches: those that are not closed yet, the running one last, and new ones for all others. */
function partsOf(state: FlowState, fromWallMs: number, toWallMs: number): OpenSlot[] {
  const running = state.running as OpenSlot;
  const {name} = running;
  if (name.kind !== 'utc' || !(toWallMs > fromWallMs)) return [running];
  const first = slotStart(fromWallMs);
  const count = (name.startMs - first) / SLOT_MS;
  if (!(count > 0 && count <= LONGEST_GAP_SLOTS)) return [running];
  const starts = Array.from({length: count}, (_, index) => first + index * SLOT_MS);
  return [...starts.map(startMs => openAt(state, startMs) ?? openSlot({kind: 'utc', startMs})), running];
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
        ? // When one of an earlier run would end, only the clock of that run could tell.
          name.kind === 'utc' || running.name.bootId !== state.bootId
        : name.kind === 'undated' || Math.abs(name.startMs - running.name.startMs) > SLOT_MS;
    // Small steps back inside one quarter hour keep the running slot: a slot is never opened twice.
    if (wrong && !(running.name.kind === 'utc' && name.kind === 'undated' && slotStart(state.tick.wallMs) === running.name.startMs))
      rollOver(state, state.tick.monoMs);
  }
  if (became) {
    if (state.held.some(({slot}) => slot.name.kind === 'undated')) settleAllBut(0, site, house, state, slots, note);
    const count = state.undated.length;
    date(site, house, state, slots);
    const dated = count - state.undated.length;
    if (dated > 0)
      note('slots-dated', null, say('{n} slots from before the clock was set have their date now', {n: dated}), {slots: dated});
  }
}

/**
 * Slots of this run without a date get that of the quarter hour in which their middle lay. One that is open still takes them in; to one that
 * is over, whatever clock it was named by, they are added.
 */
function date(site: Site, house: House, state: FlowState, slots: SlotRecord[]): void {
  const shift = offset(state);
  const byStart = new Map<number, SlotRecord[]>();
  const foreign: SlotRecord[] = [];
  for (const record of state.undated) {
    if (record.slot.kind !== 'undated' || record.slot.bootId !== state.bootId) {
      foreign.push(record);
      continue;
    }
    const startMs = slotStart((record.slot.startMonoMs + record.slot.endMonoMs) / 2 + shift);
    byStart.set(startMs, [...(byStart.get(startMs) ?? []), record]);
  }
  state.undated = foreign;
  for (const [startMs, records] of [...byStart].sort((a, b) => a[0] - b[0])) {
    const open = openAt(state, startMs);
    if (open) {
      open.joined = [...(open.joined ?? []), ...records];
      for (const record of records) takeBack(state.lifetime, house, record);
      forgetStanding(state);
      continue;
    }
    const [first, ...more] = records as [SlotRecord, ...SlotRecord[]];
    const whole = merged(first, more);
    const takes = records.flatMap(({slot}) => (slot.kind === 'undated' ? [slot] : []));
    const quality = whole.quality.filter(word => word !== 'undated');
    slots.push({...whole, slot: {kind: 'utc', startMs}, quality, adds: true, takes});
    addToDay(site, house, state, whole, startMs);
    state.lastClosedMs = Math.max(state.lastClosedMs ?? -Infinity, startMs);
  }
}

/** Begin of the oldest quarter hour that is not closed yet, or null where one of them has no date. */
export function openStartMs(state: FlowState): number | null {
  const names = [...state.held.map(({slot}) => slot.name), ...(state.running ? [state.running.name] : [])];
  if (names.length === 0 || names.some(name => name.kind !== 'utc')) return null;
  return Math.min(...names.map(name => (name.kind === 'utc' ? name.startMs : Infinity)));
}

/** The slot of that quarter hour that is not closed yet; what seems to lie after the running one belongs to it. */
function openAt(state: FlowState, startMs: number): OpenSlot | null {
  const {running} = state;
  if (running?.name.kind === 'utc' && startMs >= running.name.startMs) return running;
  return state.held.find(({slot}) => slot.name.kind === 'utc' && slot.name.startMs === startMs)?.slot ?? null;
}

/** Its energy leaves the sums until the slot that took it in closes. */
function takeBack(sums: Sums, house: House, record: SlotRecord): void {
  for (const cell of record.cells[house.primary] ?? []) addAmount(sums.cells, sumKey(cell), -cell.energyMilliWh);
  for (const total of record.totals) addAmount(sums.totals, total.name, -total.energyMilliWh);
}
