// What a register tells after a silence so long that its quarter hours are closed: shared among them, and added to them.

import {type Said, say} from '../sentences/say.ts';
import type {Tick} from '../sink.ts';
import type {Policy, Site} from '../site.ts';
import {addAmount} from './cells.ts';
import {type House, marginOfRegister, type Register} from './channels.ts';
import {labelOf} from './labels.ts';
import type {Origin, SlotCell, SlotQuality, SlotRecord, SlotTotal} from './model.ts';
import {balanceOf} from './openslot.ts';
import {SLOT_MS, slotStart} from './slots.ts';
import {largestRemainder} from './split.ts';
import type {FlowState} from './state.ts';
import {emit, openStartMs} from './timeline.ts';

/** What came from nowhere in a closed quarter hour, mWh by sink: a device that was silent then may tell that it gave it. */
export type Riddle = {startMs: number; sinks: Partial<Record<Policy, Record<string, number>>>};
const RIDDLES_KEPT = 4 * 24 * 31;
const MOST_SLOTS = 4 * 24 * 366;

/** Remembers what is not explained while a device is silent; forgets it when all are back. */
export function keepRiddles(state: FlowState, records: readonly SlotRecord[]): void {
  if (Object.keys(state.silent).length === 0) {
    state.riddles = [];
    return;
  }
  for (const {slot, closed, cells} of records) {
    if (slot.kind !== 'utc' || !closed) continue;
    for (const [policy, list] of Object.entries(cells) as [Policy, readonly SlotCell[]][])
      for (const {source, sink, energyMilliWh} of list)
        if (source === 'unexplained' && energyMilliWh > 0) addAmount(riddleOf(state, slot.startMs, policy), sink, energyMilliWh);
  }
  if (state.riddles.length > RIDDLES_KEPT) state.riddles.splice(0, state.riddles.length - RIDDLES_KEPT);
}

function riddleOf(state: FlowState, startMs: number, policy: Policy): Record<string, number> {
  let riddle = state.riddles.find(one => one.startMs === startMs);
  if (!riddle) {
    riddle = {startMs, sinks: {}};
    state.riddles.push(riddle);
  }
  const sinks = riddle.sinks[policy] ?? {};
  riddle.sinks[policy] = sinks;
  return sinks;
}

/**
 * The part of a correction that belongs to quarter hours that are closed is added to them: first where something came from nowhere, the rest
 * by time. Returns what is left for those that are open, mWh. `sinceMs` is when the register was read before, `integratedMilliWh` what was seen
 * since: where that is most of it, the register is only read slowly, and corrects as ever.
 */
export function spreadLate(
  site: Site,
  house: House,
  state: FlowState,
  register: Register,
  sinceMs: number,
  tick: Tick,
  energyMilliWh: number,
  integratedMilliWh: number,
  slots: SlotRecord[],
): number {
  if (energyMilliWh <= integratedMilliWh) return energyMilliWh;
  const margin = marginOfRegister(house, register);
  const openMs = openStartMs(state);
  const sinceWallMs = sinceMs + tick.wallMs - tick.monoMs;
  if (!margin || !state.trusted || openMs === null || openMs - sinceWallMs < SLOT_MS) return energyMilliWh;
  const first = Math.max(slotStart(sinceWallMs), openMs - MOST_SLOTS * SLOT_MS);
  const starts = Array.from({length: (openMs - first) / SLOT_MS}, (_, index) => first + index * SLOT_MS);
  const times = [...starts.map(startMs => startMs + SLOT_MS - Math.max(startMs, sinceWallMs)), Math.max(0, tick.wallMs - openMs)];
  const isGiving = margin.side === 'row';
  const open = [...state.held.map(({slot}) => slot), ...(state.running ? [state.running] : [])];
  const openRoom = open.reduce((sum, slot) => sum + (balanceOf(house, slot).rows['unexplained'] ?? 0), 0);
  const rooms = [...starts.map(startMs => roomOf(house, state, startMs, margin.id)), openRoom].map(room => (isGiving ? room : 0));
  const explained = Math.min(
    energyMilliWh,
    rooms.reduce((sum, room) => sum + room, 0),
  );
  const solved = largestRemainder(explained, rooms);
  const byTime = largestRemainder(energyMilliWh - explained, times.map(Math.round));
  const seconds = Math.round((tick.monoMs - sinceMs) / 1000);
  const reason = say('{device} was silent for {s} s; its counter tells how much flowed, not when', {device: register.device, s: seconds});
  for (const [index, startMs] of starts.entries()) {
    const parts = {solved: solved[index] ?? 0, more: byTime[index] as number};
    if (parts.solved + parts.more > 0) emit(site, house, state, recordOf(house, state, register, margin, startMs, parts, reason), slots);
  }
  return (solved.at(-1) ?? 0) + (byTime.at(-1) ?? 0);
}

const roomOf = (house: House, state: FlowState, startMs: number, id: string): number =>
  Object.entries(state.riddles.find(one => one.startMs === startMs)?.sinks[house.primary] ?? {}).reduce(
    (sum, [sink, energy]) => sum + (sink === id ? 0 : energy),
    0,
  );

/** `solved` takes the place of what came from nowhere; `more` went to the home, or came from nowhere where the device took it. */
function recordOf(
  house: House,
  state: FlowState,
  register: Register,
  margin: {readonly side: 'row' | 'column'; readonly id: string},
  startMs: number,
  {solved, more}: {readonly solved: number; readonly more: number},
  reason: Said,
): SlotRecord {
  const {id} = margin;
  const isGiving = margin.side === 'row';
  const isBattery = house.batteries.includes(id);
  const origin: Origin = isBattery ? 'unknown' : (id as Origin);
  const given = (sink: string, energyMilliWh: number): SlotCell => {
    const via = isBattery ? id : 'direct';
    return {origin, via, source: id, sink, energyMilliWh, label: labelOf(origin, via, sink, house.batteries.includes(sink))};
  };
  const fromNowhere = (sink: string, energyMilliWh: number): SlotCell => {
    const label = labelOf('unexplained', 'direct', sink, house.batteries.includes(sink));
    return {origin: 'unexplained', via: 'direct', source: 'unexplained', sink, energyMilliWh, label};
  };
  const riddle = state.riddles.find(one => one.startMs === startMs);
  const cells: Partial<Record<Policy, SlotCell[]>> = {};
  for (const policy of house.policies) {
    const list: SlotCell[] = [];
    const sinks = riddle?.sinks[policy] ?? {};
    const names = Object.keys(sinks).filter(sink => sink !== id);
    const shares =
      solved > 0
        ? largestRemainder(
            solved,
            names.map(sink => sinks[sink] as number),
          )
        : [];
    for (const [index, share] of shares.entries()) {
      if (share === 0) continue;
      const sink = names[index] as string;
      list.push(fromNowhere(sink, -share), given(sink, share));
      sinks[sink] = (sinks[sink] as number) - share;
    }
    if (more > 0) list.push(isGiving ? given('home', more) : fromNowhere(id, more));
    cells[policy] = list;
  }
  const quality: SlotQuality[] = ['suspect'];
  const total = (name: string, energyMilliWh: number): SlotTotal => ({name, energyMilliWh, rawMilliWh: 0, counterWh: null, quality});
  const totals = totalNames(house, register, margin).map(name => total(name, solved + more));
  if (isGiving && more > 0) totals.push(total('home', more));
  return {slot: {kind: 'utc', startMs}, closed: true, cells, totals, quality, reason, bounds: null, adds: true};
}

function totalNames(house: House, {direction}: Register, {side, id}: {readonly side: 'row' | 'column'; readonly id: string}): string[] {
  if (id === 'grid') return [side === 'row' ? 'grid_import' : 'grid_export'];
  if (!house.batteries.includes(id)) return id === 'standby' ? [] : [id];
  const word = direction === 'out' ? 'discharge' : 'charge';
  return [`battery_${word}`, ...(house.batteries.length > 1 ? [`${id}_${word}`] : [])];
}
