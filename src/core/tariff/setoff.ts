// Import against export, inside the interval that a utility nets over.

import {largestRemainder} from '../flow/split.ts';
import type {LocalTime} from './calendar.ts';
import type {Settle} from './model.ts';
import type {SlotPrices} from './prices.ts';

type NetSlot = {
  readonly startMs: number;
  readonly local: Pick<LocalTime, 'minute'>;
  readonly prices: SlotPrices;
  readonly importMilliWh: number;
  readonly exportMilliWh: number;
};

/**
 * What is left of each quarter hour's import and export, and what is banked. Inside an interval and bucket the energy that is set off is
 * taken from its quarter hours in proportion to what they had, so that each rest keeps its own price.
 */
export function setOff(
  rule: Settle,
  slots: readonly NetSlot[],
  bankBefore: Readonly<Record<string, number>>,
): {readonly energies: readonly (readonly [imported: number, exported: number])[]; readonly bank: Record<string, number>} {
  const energies = slots.map(({importMilliWh, exportMilliWh}): [number, number] => [importMilliWh, exportMilliWh]);
  const bank = rule.kind === 'net-metering' ? {...bankBefore} : {};
  if (rule.kind === 'registers' || rule.kind === 'net-billing') return {energies, bank};
  for (const {bucket, members} of groupsOf(rule, slots)) {
    const bought = members.map(index => slots[index]?.importMilliWh ?? 0);
    const sold = members.map(index => slots[index]?.exportMilliWh ?? 0);
    const credit = sum(sold) + (bank[bucket] ?? 0);
    const off = Math.min(sum(bought), credit);
    if (rule.kind === 'net-metering') bank[bucket] = credit - off;
    if (off === 0) continue;
    const boughtOff = takenFrom(bought, off, isOne(members, slots, 'import'));
    const soldOff = rule.kind === 'net-metering' ? null : takenFrom(sold, off, isOne(members, slots, 'export'));
    members.forEach((index, at) => {
      energies[index] = [(bought[at] as number) - (boughtOff[at] as number), (sold[at] as number) - (soldOff?.[at] ?? 0)];
    });
  }
  return {energies, bank};
}

function groupsOf(rule: Settle, slots: readonly NetSlot[]): Iterable<{readonly bucket: string; readonly members: number[]}> {
  const groups = new Map<string, {bucket: string; members: number[]}>();
  slots.forEach((slot, index) => {
    const {bucket} = slot.prices;
    const key = `${rule.kind === 'interval' ? intervalOf(rule.every, slot) : ''} ${bucket}`;
    const group = groups.get(key);
    if (group) group.members.push(index);
    else groups.set(key, {bucket, members: [index]});
  });
  return groups.values();
}

/** Begin of the interval; an hour is one of the local clock, which in some zones begins at half past. */
function intervalOf(every: '15m' | '1h' | 'month', {startMs, local}: NetSlot): number | '' {
  if (every === '15m') return startMs;
  return every === '1h' ? startMs - (local.minute % 60) * 60_000 : '';
}

/** Whether all have one price. */
const isOne = (members: readonly number[], slots: readonly NetSlot[], side: 'import' | 'export'): boolean =>
  members.every(index => slots[index]?.prices[side] === slots[members[0] as number]?.prices[side]);

/** In proportion; where all have one price, in order, which comes to the same and is a tenth of the work over a year. */
function takenFrom(amounts: readonly number[], off: number, onePrice: boolean): number[] {
  if (!onePrice) return largestRemainder(off, amounts);
  let left = off;
  return amounts.map(amount => {
    const taken = Math.min(amount, left);
    left -= taken;
    return taken;
  });
}

const sum = (list: readonly number[]): number => list.reduce((all, one) => all + one, 0);
