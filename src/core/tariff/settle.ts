// A bill: what a utility makes of a month's quarter hours under its rule of settlement. Rounded once, by whoever prints it.

import {largestRemainder} from '../flow/split.ts';
import {holds, type LocalTime} from './calendar.ts';
import type {Micro, Tariff, When} from './model.ts';
import {ALL_DAY, type SlotPrices} from './prices.ts';
import {PICO_PER_MICRO, pico, useCredit} from './rules.ts';

export type BillSlot = {
  readonly startMs: number;
  readonly local: LocalTime;
  readonly prices: SlotPrices;
  readonly importMilliWh: number;
  /** Exported from origins that are paid; the rest earns nothing. */
  readonly exportMilliWh: number;
};
export type BillLine = {
  readonly kind: 'import' | 'export' | 'non_bypassable' | 'fixed' | 'demand' | 'credit' | 'true_up';
  /** Bucket of the price, or what is charged. */
  readonly name: string;
  /** After setting off. */
  readonly energyMilliWh: number | null;
  /** Positive: to be paid. */
  readonly pico: bigint;
};
/** What goes on into the next month. */
export type Carry = {readonly bankMilliWh: Readonly<Record<string, number>>; readonly creditPico: bigint};
export type Settled = {
  readonly lines: readonly BillLine[];
  readonly duePico: bigint;
  readonly carry: Carry;
  /** Left out of the lines, because no price is known. */
  readonly unpricedMilliWh: number;
  /** Highest quarter hour that a demand charge asks for, mW. */
  readonly peak: {readonly startMs: number; readonly milliW: number} | null;
};
export const NO_CARRY: Carry = {bankMilliWh: {}, creditPico: 0n};

/** Mean power of a quarter hour's energy. */
const QUARTERS_PER_HOUR = 4;
const HOUR_MS = 3_600_000;

/**
 * One tariff's part of a bill month. `days` are the local days of that part, for fixed charges; `closes`: the month ends here, so
 * that a true-up falls due.
 */
export function settle(
  tariff: Tariff,
  slots: readonly BillSlot[],
  days: readonly FixedDay[],
  carry: Carry,
  closes: {readonly month: number} | null,
): Settled {
  const lines: BillLine[] = [];
  const left = setOff(tariff, slots, carry.bankMilliWh);
  let unpricedMilliWh = 0;
  const sums = {import: new Map<string, [number, bigint]>(), export: new Map<string, [number, bigint]>()};
  const add = (side: 'import' | 'export', bucket: string, energy: number, price: Micro | null): void => {
    if (energy === 0) return;
    if (price === null) {
      unpricedMilliWh += energy;
      return;
    }
    const [before, amount] = sums[side].get(bucket) ?? [0, 0n];
    sums[side].set(bucket, [before + energy, amount + pico(energy, price)]);
  };
  let imported = 0;
  slots.forEach((slot, index) => {
    const [boughtMilliWh, soldMilliWh] = left.energies[index] as readonly [number, number];
    imported += slot.importMilliWh;
    add('import', slot.prices.bucket, boughtMilliWh, slot.prices.import);
    if (tariff.settle.kind !== 'net-metering') add('export', slot.prices.bucket, soldMilliWh, slot.prices.export);
  });
  for (const [name, [energyMilliWh, amount]] of sums.import) lines.push({kind: 'import', name, energyMilliWh, pico: amount});

  let creditPico = carry.creditPico;
  if (tariff.settle.kind === 'net-billing') {
    const sold = total(sums.export.values());
    const {left: unused} = useCredit(total(sums.import.values()), sold + creditPico);
    for (const [name, [energyMilliWh, amount]] of sums.export) lines.push({kind: 'export', name, energyMilliWh, pico: -amount});
    if (creditPico !== 0n) lines.push({kind: 'credit', name: 'carried in', energyMilliWh: null, pico: -creditPico});
    creditPico = unused;
    if (creditPico !== 0n) lines.push({kind: 'credit', name: 'carried on', energyMilliWh: null, pico: creditPico});
  } else {
    for (const [name, [energyMilliWh, amount]] of sums.export) lines.push({kind: 'export', name, energyMilliWh, pico: -amount});
  }

  if (tariff.nonBypassable !== 0 && imported > 0)
    lines.push({kind: 'non_bypassable', name: 'non-bypassable', energyMilliWh: imported, pico: pico(imported, tariff.nonBypassable)});
  const fixed = fixedCharge(tariff, days);
  if (fixed !== 0n) lines.push({kind: 'fixed', name: 'fixed', energyMilliWh: null, pico: fixed});
  const peak = tariff.demand ? peakOf(slots, tariff.demand.when) : null;
  if (tariff.demand && peak)
    lines.push({kind: 'demand', name: 'demand', energyMilliWh: null, pico: BigInt(peak.milliW) * BigInt(tariff.demand.perKw)});

  let bankMilliWh: Readonly<Record<string, number>> = left.bank;
  if (tariff.settle.kind === 'net-metering' && closes && closes.month === tariff.settle.trueUpMonth) {
    const surplus = Object.values(bankMilliWh).reduce((sum, energy) => sum + energy, 0);
    if (tariff.settle.trueUpMicro === null) unpricedMilliWh += surplus;
    else if (surplus > 0)
      lines.push({kind: 'true_up', name: 'true-up', energyMilliWh: surplus, pico: -pico(surplus, tariff.settle.trueUpMicro)});
    bankMilliWh = {};
  }
  const duePico = lines.reduce((sum, line) => sum + line.pico, 0n);
  return {lines, duePico, carry: {bankMilliWh, creditPico}, unpricedMilliWh, peak};
}

const total = (sums: Iterable<[number, bigint]>): bigint => [...sums].reduce((sum, [, amount]) => sum + amount, 0n);

/** What is left of each quarter hour's import and export after both were set off, and what is banked. */
function setOff(
  {settle: rule}: Tariff,
  slots: readonly BillSlot[],
  bankBefore: Readonly<Record<string, number>>,
): {energies: (readonly [number, number])[]; bank: Record<string, number>} {
  const energies = slots.map(({importMilliWh, exportMilliWh}) => [importMilliWh, exportMilliWh] as readonly [number, number]);
  if (rule.kind === 'registers' || rule.kind === 'net-billing') return {energies, bank: {...bankBefore}};
  const groups = new Map<string, number[]>();
  slots.forEach(({startMs, prices}, index) => {
    const interval =
      rule.kind === 'net-metering' || rule.every === 'month' ? '' : rule.every === '1h' ? Math.floor(startMs / HOUR_MS) : startMs;
    const key = `${interval} ${prices.bucket}`;
    const group = groups.get(key);
    if (group) group.push(index);
    else groups.set(key, [index]);
  });
  const bank: Record<string, number> = rule.kind === 'net-metering' ? {...bankBefore} : {};
  for (const group of groups.values()) {
    const bucket = slots[group[0] as number]?.prices.bucket ?? ALL_DAY;
    const bought = group.map(index => slots[index]?.importMilliWh ?? 0);
    const sold = group.map(index => slots[index]?.exportMilliWh ?? 0);
    const [allBought, allSold] = [sum(bought), sum(sold)];
    const credit = rule.kind === 'net-metering' ? allSold + (bank[bucket] ?? 0) : allSold;
    const off = Math.min(allBought, credit);
    const boughtOff = largestRemainder(off, off > 0 ? bought : bought.map(() => 0));
    const soldOff = rule.kind === 'net-metering' ? sold : largestRemainder(off, off > 0 ? sold : sold.map(() => 0));
    group.forEach((index, at) => {
      energies[index] = [(bought[at] as number) - (boughtOff[at] as number), (sold[at] as number) - (soldOff[at] as number)];
    });
    if (rule.kind === 'net-metering') bank[bucket] = credit - off;
  }
  return {energies, bank};
}

const sum = (list: readonly number[]): number => list.reduce((all, one) => all + one, 0);

/** The first of the highest quarter hours of import. */
function peakOf(slots: readonly BillSlot[], when: When | null): Settled['peak'] {
  let peak: Settled['peak'] = null;
  for (const {startMs, local, importMilliWh} of slots) {
    if (when && !holds(when, local)) continue;
    const milliW = importMilliWh * QUARTERS_PER_HOUR;
    if (!peak || milliW > peak.milliW) peak = {startMs, milliW};
  }
  return peak;
}

/** One local day of a bill: its place in its bill month and in its year, so that the parts add up to the whole to the last unit. */
export type FixedDay = {readonly dayOfBill: number; readonly daysOfBill: number; readonly dayOfYear: number; readonly daysOfYear: number};

function fixedCharge({fixed}: Tariff, days: readonly FixedDay[]): bigint {
  const share = (amount: number, day: number, of: number): bigint => {
    const all = BigInt(amount) * PICO_PER_MICRO;
    return (all * BigInt(day)) / BigInt(of) - (all * BigInt(day - 1)) / BigInt(of);
  };
  return days.reduce(
    (all, day) =>
      all +
      BigInt(fixed.perDay) * PICO_PER_MICRO +
      share(fixed.perMonth, day.dayOfBill, day.daysOfBill) +
      share(fixed.perYear, day.dayOfYear, day.daysOfYear),
    0n,
  );
}
