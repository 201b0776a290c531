// A bill: what a utility makes of a month's quarter hours under its rule of settlement. Rounded once, by whoever prints it.

import {holds, type LocalTime} from './calendar.ts';
import type {ByTime, Demand, Micro, Settle, Tariff} from './model.ts';
import type {SlotPrices} from './prices.ts';
import {PICO_PER_MICRO, pico, useCredit} from './rules.ts';
import {setOff} from './setoff.ts';

export type BillSlot = {
  readonly startMs: number;
  readonly local: LocalTime;
  readonly tariff: Tariff;
  readonly prices: SlotPrices;
  readonly importMilliWh: number;
  /** Exported from origins that are paid; the rest earns nothing. */
  readonly exportMilliWh: number;
};
/** One local day of a bill: its tariff, and its place in its bill and in its year, so that the parts add up to the whole to the last unit. */
export type BillDay = {
  readonly day: string;
  /** The one that holds when the day ends; null before the first. */
  readonly tariff: Tariff | null;
  readonly dayOfBill: number;
  readonly daysOfBill: number;
  readonly dayOfYear: number;
  readonly daysOfYear: number;
};
type BillLine = {
  readonly kind: 'import' | 'export' | 'non_bypassable' | 'fixed' | 'capacity' | 'demand' | 'credit' | 'true_up';
  /** Bucket of the price, or what is charged. */
  readonly name: string;
  /** After setting off; below zero where a year's setting off takes back what an earlier bill had. */
  readonly energyMilliWh: number | null;
  /** Positive: to be paid. */
  readonly pico: bigint;
};
/** What goes on into the next bill. */
type Carry = {readonly bankMilliWh: Readonly<Record<string, number>>; readonly creditPico: bigint};
type Peak = {readonly startMs: number; readonly milliW: number};
export type Settled = {
  readonly lines: readonly BillLine[];
  readonly duePico: bigint;
  readonly carry: Carry;
  /** Left out of the lines, because no price is known. */
  readonly unpricedMilliWh: number;
  /** Highest quarter hour that a demand charge asks for. */
  readonly peak: Peak | null;
};
const NO_CARRY: Carry = {bankMilliWh: {}, creditPico: 0n};

/** Sums by side and bucket, and what has no price. */
type Sums = {readonly lines: ReadonlyMap<string, BillLine>; readonly unpricedMilliWh: number};
const NO_SUMS: Sums = {lines: new Map(), unpricedMilliWh: 0};

/** What one bill leaves for the next. */
export type Ongoing = {
  readonly rule: Settle | null;
  readonly carry: Carry;
  /** With setting off over a year: its quarter hours so far, and what its bills had of them. */
  readonly year: {readonly slots: readonly BillSlot[]; readonly billed: Sums};
  /** What demand charges had for the highest quarter hour of the bills before, the newest last, mW. */
  readonly peaksMilliW: readonly number[];
};
const NO_YEAR: Ongoing['year'] = {slots: [], billed: NO_SUMS};
export const NOTHING_BEFORE: Ongoing = {rule: null, carry: NO_CARRY, year: NO_YEAR, peaksMilliW: []};

/** Mean power of a quarter hour's energy. */
const QUARTERS_PER_HOUR = 4;

/**
 * One bill. `slots` and `days` in order of time; a tariff may change among them. `closes`: the number of its month if it is over, so that
 * a true-up falls due and a year ends.
 */
export function settle(
  slots: readonly BillSlot[],
  days: readonly BillDay[],
  before: Ongoing,
  closes: number | null,
): Settled & {readonly after: Ongoing} {
  const lines: BillLine[] = [];
  let unpricedMilliWh = 0;
  let now = before;
  for (const run of runsOf(slots, days)) {
    // Another rule cannot use what the last one kept.
    if (!sameRule(now.rule, run.rule)) now = {...NOTHING_BEFORE, peaksMilliW: now.peaksMilliW, rule: run.rule};
    const all = [...now.year.slots, ...run.slots];
    const {energies, bank} = setOff(run.rule, all, now.carry.bankMilliWh);
    const sums = sumsOf(all, energies, run.rule.kind !== 'net-metering');
    unpricedMilliWh += sums.unpricedMilliWh - now.year.billed.unpricedMilliWh;
    const own = linesSince(sums, now.year.billed);
    lines.push(...own);
    let {creditPico} = now.carry;
    if (run.rule.kind === 'net-billing') {
      if (creditPico !== 0n) lines.push({kind: 'credit', name: 'carried in', energyMilliWh: null, pico: -creditPico});
      const of = (kind: BillLine['kind']): bigint => own.reduce((sum, line) => (line.kind === kind ? sum + line.pico : sum), 0n);
      creditPico = useCredit(of('import'), creditPico - of('export')).left;
      if (creditPico !== 0n) lines.push({kind: 'credit', name: 'carried on', energyMilliWh: null, pico: creditPico});
    }
    now = {
      ...now,
      rule: run.rule,
      carry: {bankMilliWh: bank, creditPico},
      year: run.rule.kind === 'year' ? {slots: all, billed: sums} : NO_YEAR,
    };
  }

  lines.push(...chargesOf(slots, days));
  const peak = peakOf(slots);
  const demand = peak?.demand ?? days.at(-1)?.tariff?.demand;
  if (demand) {
    const peaksMilliW = [...now.peaksMilliW, Math.max(peak?.milliW ?? 0, demand.leastMilliW)].slice(-MOST_PEAKS);
    const charged = demandOf(demand, peaksMilliW);
    if (charged !== 0n) lines.push({kind: 'demand', name: 'demand', energyMilliWh: null, pico: charged});
    now = {...now, peaksMilliW};
  }

  const {rule} = now;
  if (closes !== null && rule?.kind === 'net-metering' && closes === rule.trueUpMonth) {
    const surplus = Object.values(now.carry.bankMilliWh).reduce((sum, energy) => sum + energy, 0);
    if (rule.trueUpMicro === null) unpricedMilliWh += surplus;
    else if (surplus > 0) lines.push({kind: 'true_up', name: 'true-up', energyMilliWh: surplus, pico: -pico(surplus, rule.trueUpMicro)});
    now = {...now, carry: NO_CARRY};
  }
  if (closes !== null && rule?.kind === 'year' && closes === lastMonth(rule.fromMonth)) now = {...now, year: NO_YEAR};
  return {
    lines,
    duePico: lines.reduce((sum, line) => sum + line.pico, 0n),
    carry: now.carry,
    unpricedMilliWh,
    peak: peak && {startMs: peak.startMs, milliW: peak.milliW},
    after: now,
  };
}

/** Bills that a demand charge may average over. */
const MOST_PEAKS = 12;

/** On the mean of the newest peaks, rounded half up to the last unit. */
function demandOf({perKw, averageOf}: Demand, peaksMilliW: readonly number[]): bigint {
  const counted = peaksMilliW.slice(-averageOf);
  const [all, count] = [counted.reduce((sum, milliW) => sum + BigInt(milliW), 0n) * BigInt(perKw), BigInt(counted.length)];
  return (2n * all + count) / (2n * count);
}

/** The last month of a year that begins with `first`, both 1 to 12. */
const lastMonth = (first: number): number => ((first + 10) % 12) + 1;

/** Whether what one rule kept is of use to the other; the price of a true-up may change. */
const sameRule = (one: Settle | null, other: Settle): boolean =>
  one?.kind === other.kind && (one.kind !== 'interval' || other.kind !== 'interval' || one.every === other.every);

/** Quarter hours under one rule after the other. Without any, the rule that the days have, so that what is carried goes on. */
function runsOf(slots: readonly BillSlot[], days: readonly BillDay[]): {rule: Settle; slots: BillSlot[]}[] {
  const runs: {rule: Settle; slots: BillSlot[]}[] = [];
  for (const slot of slots) {
    const run = runs.at(-1);
    if (!run || !sameRule(run.rule, slot.tariff.settle)) runs.push({rule: slot.tariff.settle, slots: [slot]});
    else {
      run.rule = slot.tariff.settle;
      run.slots.push(slot);
    }
  }
  const rule = days.at(-1)?.tariff?.settle;
  return runs.length === 0 && rule ? [{rule, slots: []}] : runs;
}

function sumsOf(slots: readonly BillSlot[], energies: readonly (readonly [number, number])[], sells: boolean): Sums {
  const lines = new Map<string, BillLine>();
  let unpricedMilliWh = 0;
  const add = (kind: 'import' | 'export', name: string, energyMilliWh: number, price: Micro | null): void => {
    if (energyMilliWh === 0) return;
    if (price === null) {
      unpricedMilliWh += energyMilliWh;
      return;
    }
    const key = `${kind} ${name}`;
    const amount = kind === 'import' ? pico(energyMilliWh, price) : -pico(energyMilliWh, price);
    const line = lines.get(key);
    lines.set(key, {kind, name, energyMilliWh: energyMilliWh + (line?.energyMilliWh ?? 0), pico: amount + (line?.pico ?? 0n)});
  };
  slots.forEach(({prices}, index) => {
    const [bought, sold] = energies[index] as readonly [number, number];
    add('import', prices.bucket, bought, prices.import);
    if (sells) add('export', prices.bucket, sold, prices.export);
  });
  return {lines, unpricedMilliWh};
}

/** Imports, then exports; without what an earlier bill of the year had. */
function linesSince({lines}: Sums, billed: Sums): BillLine[] {
  const names = new Map([...billed.lines, ...lines]);
  const since = [...names].map(([key, {kind, name}]): BillLine => {
    const [now, then] = [lines.get(key), billed.lines.get(key)];
    return {
      kind,
      name,
      energyMilliWh: (now?.energyMilliWh ?? 0) - (then?.energyMilliWh ?? 0),
      pico: (now?.pico ?? 0n) - (then?.pico ?? 0n),
    };
  });
  return ['import', 'export'].flatMap(side => since.filter(line => line.kind === side && (line.energyMilliWh !== 0 || line.pico !== 0n)));
}

/** What is due however import and export are set off. */
function chargesOf(slots: readonly BillSlot[], days: readonly BillDay[]): BillLine[] {
  let [energyMilliWh, bypassed, fixed, capacity] = [0, 0n, 0n, 0n];
  for (const {tariff, importMilliWh} of slots) {
    if (tariff.nonBypassable === 0) continue;
    energyMilliWh += importMilliWh;
    bypassed += pico(importMilliWh, tariff.nonBypassable);
  }
  for (const day of days) {
    if (!day.tariff) continue;
    fixed += chargeOf(day.tariff.fixed, day);
    capacity += chargeOf(day.tariff.capacity, day);
  }
  return [
    ...(energyMilliWh > 0 ? [{kind: 'non_bypassable', name: 'non-bypassable', energyMilliWh, pico: bypassed} as const] : []),
    ...(fixed !== 0n ? [{kind: 'fixed', name: 'fixed', energyMilliWh: null, pico: fixed} as const] : []),
    ...(capacity !== 0n ? [{kind: 'capacity', name: 'capacity', energyMilliWh: null, pico: capacity} as const] : []),
  ];
}

function chargeOf({perDay, perMonth, perYear}: ByTime, {dayOfBill, daysOfBill, dayOfYear, daysOfYear}: BillDay): bigint {
  const share = (amount: number, day: number, of: number): bigint => {
    const all = BigInt(amount) * PICO_PER_MICRO;
    return (all * BigInt(day)) / BigInt(of) - (all * BigInt(day - 1)) / BigInt(of);
  };
  return BigInt(perDay) * PICO_PER_MICRO + share(perMonth, dayOfBill, daysOfBill) + share(perYear, dayOfYear, daysOfYear);
}

/** The first of the highest quarter hours of import among those that their own tariff asks for; one for the whole bill. */
function peakOf(slots: readonly BillSlot[]): (Peak & {readonly demand: Demand}) | null {
  let peak: (Peak & {readonly demand: Demand}) | null = null;
  for (const {startMs, local, tariff, importMilliWh} of slots) {
    if (!tariff.demand || (tariff.demand.when && !holds(tariff.demand.when, local))) continue;
    const milliW = importMilliWh * QUARTERS_PER_HOUR;
    if (!peak || milliW > peak.milliW) peak = {startMs, milliW, demand: tariff.demand};
  }
  return peak;
}
