// Quarter hours past their end wait for the first word of every register. Those of a device that fell silent wait until it is back, and share what it tells.

import {say} from '../sentences/say.ts';
import type {Tick} from '../sink.ts';
import type {Site} from '../site.ts';
import {type House, marginOfRegister, type Register} from './channels.ts';
import type {SlotRecord} from './model.ts';
import {addQuality, balanceOf, type Closing, closeSlot, type OpenSlot, type Pools, type Shown} from './openslot.ts';
import {largestRemainder} from './split.ts';
import type {FlowState} from './state.ts';

export type HeldSlot = {
  slot: OpenSlot;
  endMonoMs: number;
  /** The registers at its end, those of silent devices unknown; null while they are still being read. */
  shown: Shown | null;
  /** The record as it stands; null where it has to be worked out anew. Not kept over a restart. */
  standing: Closing | null;
  /** Whether somebody has the record as it stands. */
  handedOn: boolean;
};
/** From the last sample to the newest beat without one, monotonic ms. */
export type Silence = {sinceMs: number; lastMs: number};

/** Every register is read again within this time. */
const PATIENCE_MS = 20_000;
/** Registers are read less often than powers: a device that is back has this long to tell them. */
const RETURN_MS = 90_000;
/** A device that is silent for longer is not waited for: its quarter hours close as they are. */
const LONGEST_SILENCE_MS = 4 * 3_600_000;
/** The reference meter is no such device: without it there are no instants, and a gap is what the registers fill. */
const REFERENCE = 'grid';

/** Notes which channels with registers tell nothing. A sleeping inverter tells that it sleeps. */
export function watchSilence(state: FlowState, house: House, tick: Tick, maxAgeMs: number): void {
  for (const {channel, ageMs} of house.registers) {
    if (channel === REFERENCE) continue;
    const known = state.silent[channel];
    // After a restart a silent device has no sample at all.
    const newestMs = state.samples[channel]?.at(-1)?.[0] ?? (known ? -Infinity : null);
    if (newestMs === null) continue;
    if (tick.monoMs - newestMs > maxAgeMs + ageMs) state.silent[channel] = {sinceMs: known?.sinceMs ?? newestMs, lastMs: tick.monoMs};
    else if (known && tick.monoMs - known.lastMs > RETURN_MS) delete state.silent[channel];
  }
}

const isAwaited = (state: FlowState, channel: string, tick: Tick): boolean => {
  const silence = state.silent[channel];
  return silence !== undefined && silence.lastMs - silence.sinceMs <= LONGEST_SILENCE_MS && tick.monoMs - silence.lastMs <= RETURN_MS;
};

/** Registers that were not read since. */
export const unread = (state: FlowState, house: House, sinceMs: number): Register[] =>
  house.registers.filter(({key}) => {
    const register = state.registers[key];
    return register !== undefined && register.anchor !== null && register.readAtMs < sinceMs;
  });

/** Whether a slot that ended then still waits for a register. */
export function waits(state: FlowState, house: House, endMonoMs: number, tick: Tick): boolean {
  const missing = unread(state, house, endMonoMs);
  return missing.length > 0 && (tick.monoMs - endMonoMs < PATIENCE_MS || missing.some(({channel}) => isAwaited(state, channel, tick)));
}

/** Remembers the registers of slots that will wait for longer, as they stood when the others had been read. */
export function freezeRegisters(state: FlowState, house: House, tick: Tick): void {
  for (const held of state.held) {
    if (held.shown || tick.monoMs - held.endMonoMs < PATIENCE_MS) continue;
    const silent = new Set(unread(state, house, held.endMonoMs).map(({key}) => key));
    held.shown = Object.fromEntries(
      Object.entries(state.registers).map(([key, {anchor, shownWh, stalled}]) => [
        key,
        {anchor, stalled, shownWh: silent.has(key) ? null : shownWh},
      ]),
    );
  }
}

/** Something flowed into held slots: they are worked out anew. */
export function forgetStanding(state: FlowState): void {
  for (const held of state.held) {
    held.standing = null;
    held.handedOn = false;
  }
}

/** All slots that are not closed yet as they stand, the running one last; for `flush` those that changed go to `slots` as well. */
export function openRecords(site: Site, house: House, state: FlowState, flush: boolean, slots: SlotRecord[]): SlotRecord[] {
  const records: SlotRecord[] = [];
  let pools: Pools = state.pools;
  for (const held of state.held) {
    const policies = flush || held.shown ? house.policies : [house.primary];
    const standing =
      held.standing ??
      closeSlot(site, house, held.slot, {registers: held.shown ?? state.registers, pools, rests: state.rests}, policies, false);
    if (held.shown) held.standing = standing;
    pools = standing.pools;
    records.push(standing.record);
    if (!flush || (held.shown && held.handedOn)) continue;
    slots.push(standing.record);
    held.handedOn = true;
  }
  if (!state.running) return records;
  const policies = flush ? house.policies : [house.primary];
  const {record} = closeSlot(site, house, state.running, {registers: state.registers, pools, rests: state.rests}, policies, false);
  if (flush) slots.push(record);
  return [...records, record];
}

type Part = {readonly slot: OpenSlot; readonly ms: number};

/**
 * What a register, read before at `sinceMs`, corrects now (mWh): it belongs to the quarter hour that waits for it, or to the running one.
 * After a silence it belongs to all quarter hours since. The register does not say when it flowed: what those quarter hours could not
 * explain comes first, the rest goes by time.
 */
export function bookCorrection(
  house: House,
  state: FlowState,
  register: Register,
  sinceMs: number,
  tick: Tick,
  energyMilliWh: number,
): void {
  const waiting = state.held.filter(held => held.endMonoMs > sinceMs);
  const newest = waiting.at(-1);
  // Instants come a little after the readings: a slot that has just ended may have got its last energy only now.
  const fresh = state.held.findLast(held => held.shown === null);
  const late = newest !== undefined && (waiting.length > 1 || tick.monoMs - newest.endMonoMs > PATIENCE_MS);
  const parts: Part[] = late
    ? partsSince(waiting, state.running, sinceMs, tick.monoMs)
    : [newest?.slot ?? fresh?.slot ?? state.running].flatMap(slot => (slot ? [{slot, ms: 1}] : []));
  const shares = parts.length > 1 ? shareOut(house, register, parts, energyMilliWh) : [energyMilliWh];
  const silentS = Math.round((tick.monoMs - sinceMs) / 1000);
  const reason = say('{device} was silent for {s} s; its counter tells how much flowed, not when', {device: register.device, s: silentS});
  for (const [index, {slot}] of parts.entries()) {
    const share = shares[index] as number;
    if (share === 0) continue;
    slot.corrections[register.key] = (slot.corrections[register.key] ?? 0) + share;
    if (!late) continue;
    addQuality(slot, 'suspect', reason);
    slot.reason = reason;
  }
  if (state.held.length > 0) forgetStanding(state);
}

function partsSince(waiting: readonly HeldSlot[], running: OpenSlot | null, sinceMs: number, nowMs: number): Part[] {
  const ends = [...waiting.map(({slot, endMonoMs}) => ({slot, endMs: endMonoMs})), ...(running ? [{slot: running, endMs: nowMs}] : [])];
  return ends.map(({slot, endMs}, index) => ({slot, ms: Math.max(0, endMs - Math.max(sinceMs, ends[index - 1]?.endMs ?? sinceMs))}));
}

/** Energy over the parts, mWh; what a register takes back was booked before it fell silent. */
function shareOut(house: House, register: Register, parts: readonly Part[], energyMilliWh: number): number[] {
  if (energyMilliWh < 0) return parts.map((_, index) => (index === 0 ? energyMilliWh : 0));
  const isGiving = marginOfRegister(house, register)?.side === 'row';
  const rooms = parts.map(({slot}) => {
    const {rows, columns, home} = balanceOf(house, slot);
    return isGiving ? (rows['unexplained'] ?? 0) : (columns['unexplained'] ?? 0) + Math.max(0, home);
  });
  const times = parts.map(({ms}) => Math.round(ms));
  const shares = isGiving ? byWeight(energyMilliWh, rooms, rooms) : byWeight(energyMilliWh, times, rooms);
  const left = energyMilliWh - shares.reduce((a, b) => a + b, 0);
  const rest = byWeight(
    left,
    times,
    parts.map(() => left),
  );
  return shares.map((share, index) => share + (rest[index] as number));
}

/** Shares by weight, none above its room; what finds no room is left over. */
function byWeight(energyMilliWh: number, weights: readonly number[], rooms: readonly number[]): number[] {
  const shares = weights.map(() => 0);
  let left = energyMilliWh;
  for (let round = 0; left > 0 && round < weights.length; round++) {
    const open = weights.map((weight, index) => ((rooms[index] as number) > (shares[index] as number) ? weight : 0));
    if (open.every(weight => weight === 0)) break;
    const offered = largestRemainder(left, open);
    for (const [index, offer] of offered.entries()) {
      const taken = Math.min(offer, (rooms[index] as number) - (shares[index] as number));
      shares[index] = (shares[index] as number) + taken;
      left -= taken;
    }
  }
  return shares;
}
