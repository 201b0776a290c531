// A walk over the ledger's quarter hours: money by step, by sink and battery, and the bills of the months it passes. Pure; streams in, sums out.

import {addDays, dayStart, SLOT_MS} from '../flow/slots.ts';
import {type Calendar, calendarOf} from './calendar.ts';
import type {Series, Tariff, Tariffs} from './model.ts';
import {pricesAt, type SlotPrices, tariffAt} from './prices.ts';
import {pico} from './rules.ts';
import {type BillLine, type BillSlot, type Carry, type FixedDay, NO_CARRY, type Settled, settle} from './settle.ts';
import {EMPTY_STOCK, putIn, type Stock, takeOut} from './stock.ts';
import {addMoney, consumes, isPaid, type Money, type MoneyCell, noMoney, slotMoney} from './value.ts';

export type MoneySlot = {readonly startMs: number; readonly cells: readonly MoneyCell[]};

/** One quarter hour, with the prices that held. */
export type PricedSlot = {readonly startMs: number; readonly day: string; readonly prices: SlotPrices | null; readonly money: Money};

/** What one sink (home, a load, the grid, a battery) took. */
export type SinkMoney = {
  energyMilliWh: number;
  /** Paid: its grid part now, and the grid part of what a battery gave it, at the price of then. */
  paidPico: bigint;
  /** Export credit that its own energy would have earned. */
  foregonePico: bigint;
  /** What it was made of, by origin, mWh. */
  originMilliWh: Record<string, number>;
  /** Without a known price. */
  unpricedMilliWh: number;
};

export type Bill = {
  /** `2026-11`: the month in which it begins. */
  readonly month: string;
  readonly fromDay: string;
  /** The day after its last one. */
  readonly toDay: string;
  /** Its days are over. */
  readonly complete: boolean;
  /** In the ledger, of those that its days have so far: what is missing is missing in the sums. */
  readonly quarterHours: {readonly stored: number; readonly expected: number};
  readonly lines: readonly BillLine[];
  readonly duePico: bigint;
  readonly carry: Carry;
  readonly unpricedMilliWh: number;
  readonly peak: Settled['peak'];
  /** Names of the tariffs that held. */
  readonly tariffs: readonly string[];
};

export type WalkDeps = {
  readonly tariffs: Tariffs;
  readonly zone: string;
  readonly series: Series;
  readonly batteries: readonly string[];
  readonly efficiencyPpm: number;
};
export type Walk = {
  /** Slots in order of time. `counted`: it belongs to what was asked for; the others only fill batteries and bills. */
  take(slot: MoneySlot, counted: boolean): PricedSlot;
  /** `endMs`: the ledger was read up to here. */
  end(endMs: number): {
    readonly sinks: Readonly<Record<string, SinkMoney>>;
    readonly stocks: Readonly<Record<string, Stock>>;
    readonly bills: readonly Bill[];
  };
};

/** Prices of a moment; null before the first tariff. */
export function pricesOf({tariffs, series}: Pick<WalkDeps, 'tariffs' | 'series'>, calendar: Calendar, startMs: number): SlotPrices | null {
  const tariff = tariffAt(tariffs, startMs);
  return tariff && pricesAt(tariff, startMs, calendar(startMs), series);
}

export function startWalk(deps: WalkDeps): Walk {
  const {tariffs, zone, batteries, efficiencyPpm} = deps;
  const calendar = calendarOf(zone, tariffs.holidays);
  const sinks: Record<string, SinkMoney> = {};
  const stocks: Record<string, Stock> = {};
  const bills: Bill[] = [];
  let open: {month: string; parts: {tariff: Tariff; slots: BillSlot[]}[]} | null = null;
  let carry: Carry = NO_CARRY;
  let carriedBy: Tariff | null = null;

  const closeBill = (endDay: string): void => {
    if (!open) return;
    const {fromDay, toDay} = billSpan(open.month, tariffs.billingDay);
    const complete = endDay >= toDay;
    const days = daysOfBill(fromDay, complete ? toDay : endDay);
    const lines: BillLine[] = [];
    let duePico = 0n;
    let unpricedMilliWh = 0;
    let peak: Settled['peak'] = null;
    open.parts.forEach(({tariff, slots}, index) => {
      // Another rule cannot use what the last one kept.
      if (carriedBy && carriedBy.settle.kind !== tariff.settle.kind) carry = NO_CARRY;
      const next = open?.parts[index + 1]?.slots[0]?.local.day ?? null;
      const first = index === 0 ? fromDay : (slots[0]?.local.day ?? fromDay);
      const own = days.filter(({day}) => day >= first && (next === null || day < next));
      const last = index === (open?.parts.length ?? 0) - 1 && complete;
      const settled = settle(tariff, slots, own, carry, last ? {month: Number(open?.month.slice(5))} : null);
      lines.push(...settled.lines);
      duePico += settled.duePico;
      unpricedMilliWh += settled.unpricedMilliWh;
      if (settled.peak && (!peak || settled.peak.milliW > peak.milliW)) peak = settled.peak;
      carry = settled.carry;
      carriedBy = tariff;
    });
    bills.push({
      month: open.month,
      fromDay,
      toDay,
      complete,
      quarterHours: {
        stored: open.parts.reduce((all, part) => all + part.slots.length, 0),
        expected: (dayStart(zone, complete ? toDay : addDays(endDay, 1)) - dayStart(zone, fromDay)) / SLOT_MS,
      },
      lines,
      duePico,
      carry,
      unpricedMilliWh,
      peak,
      tariffs: [...new Set(open.parts.map(({tariff}) => tariff.name))],
    });
    open = null;
  };

  return {
    take({startMs, cells}, counted) {
      const local = calendar(startMs);
      const tariff = tariffAt(tariffs, startMs);
      const prices = tariff && pricesAt(tariff, startMs, local, deps.series);
      if (tariff && prices) {
        const month = billMonth(local.day, tariffs.billingDay);
        if (open && open.month !== month) closeBill(billSpan(month, tariffs.billingDay).fromDay);
        open ??= {month, parts: []};
        let part = open.parts.at(-1);
        if (part?.tariff !== tariff) {
          part = {tariff, slots: []};
          open.parts.push(part);
        }
        let [importMilliWh, exportMilliWh] = [0, 0];
        for (const {origin, source, sink, energyMilliWh} of cells) {
          if (source === 'grid') importMilliWh += energyMilliWh;
          if (sink === 'grid' && isPaid(tariff, origin)) exportMilliWh += energyMilliWh;
        }
        part.slots.push({startMs, local, prices, importMilliWh, exportMilliWh});
      }
      takeSinks(cells, tariff, prices, counted);
      return {startMs, day: local.day, prices, money: slotMoney(cells, tariff, prices, batteries)};
    },
    end(endMs) {
      closeBill(calendar(endMs).day);
      return {sinks, stocks, bills};
    },
  };

  /** Batteries first take, then give, as in the ledger's own quarter hour. */
  function takeSinks(cells: readonly MoneyCell[], tariff: Tariff | null, prices: SlotPrices | null, counted: boolean): void {
    const buy = prices && prices.import !== null ? prices.import + (tariff?.nonBypassable ?? 0) : null;
    const sell = prices?.export ?? null;
    const worth = (cell: MoneyCell): {paid: bigint; foregone: bigint; unpricedMilliWh: number} => {
      const {origin, source, energyMilliWh} = cell;
      if (source === 'grid')
        return {paid: buy === null ? 0n : pico(energyMilliWh, buy), foregone: 0n, unpricedMilliWh: buy === null ? energyMilliWh : 0};
      const foregone = sell !== null && source !== 'unexplained' && isPaid(tariff, origin) ? pico(energyMilliWh, sell) : 0n;
      return {paid: 0n, foregone, unpricedMilliWh: 0};
    };
    for (const cell of cells) {
      if (!batteries.includes(cell.sink) || batteries.includes(cell.source)) continue;
      const {paid, foregone} = worth(cell);
      stocks[cell.sink] = putIn(stocks[cell.sink] ?? EMPTY_STOCK, cell.energyMilliWh, paid, foregone);
    }
    for (const cell of cells) {
      const {origin, source, sink, energyMilliWh} = cell;
      let [paidPico, foregonePico, unpricedMilliWh] = [0n, 0n, 0];
      if (batteries.includes(source)) {
        const out = takeOut(stocks[source] ?? EMPTY_STOCK, energyMilliWh, efficiencyPpm);
        stocks[source] = out.stock;
        [paidPico, foregonePico, unpricedMilliWh] = [out.paidPico, out.foregonePico, out.unknownMilliWh];
        if (batteries.includes(sink)) stocks[sink] = putIn(stocks[sink] ?? EMPTY_STOCK, energyMilliWh, paidPico, foregonePico);
      } else {
        const own = worth(cell);
        [paidPico, foregonePico, unpricedMilliWh] = [own.paid, own.foregone, own.unpricedMilliWh];
      }
      if (!counted || !(consumes(sink, batteries) || batteries.includes(sink))) continue;
      sinks[sink] ??= {energyMilliWh: 0, paidPico: 0n, foregonePico: 0n, originMilliWh: {}, unpricedMilliWh: 0};
      const sums = sinks[sink];
      sums.energyMilliWh += energyMilliWh;
      sums.paidPico += paidPico;
      sums.foregonePico += foregonePico;
      sums.unpricedMilliWh += unpricedMilliWh;
      sums.originMilliWh[origin] = (sums.originMilliWh[origin] ?? 0) + energyMilliWh;
    }
  }
}

/** Sums of priced slots. */
export function sumMoney(slots: Iterable<{readonly money: Money}>): Money {
  const sum = noMoney();
  for (const {money} of slots) addMoney(sum, money);
  return sum;
}

/** `2026-11` for a day of the bill that begins in November. */
export function billMonth(day: string, billingDay: number): string {
  return Number(day.slice(8)) >= billingDay ? day.slice(0, 7) : addDays(`${day.slice(0, 7)}-01`, -1).slice(0, 7);
}

/** First day of a bill, and the day after its last one. */
export function billSpan(month: string, billingDay: number): {readonly fromDay: string; readonly toDay: string} {
  const dd = String(billingDay).padStart(2, '0');
  return {fromDay: `${month}-${dd}`, toDay: `${addDays(`${month}-01`, 31).slice(0, 7)}-${dd}`};
}

const dayCount = (from: string, to: string): number => Math.round((Date.parse(to) - Date.parse(from)) / 86_400_000);

/** Days from `fromDay` up to `endDay`, with their places in bill and calendar year. */
function daysOfBill(fromDay: string, endDay: string): (FixedDay & {readonly day: string})[] {
  const whole = dayCount(fromDay, billSpan(fromDay.slice(0, 7), Number(fromDay.slice(8))).toDay);
  const days: (FixedDay & {readonly day: string})[] = [];
  for (let day = fromDay, dayOfBill = 1; day < endDay; day = addDays(day, 1), dayOfBill++) {
    const newYear = `${day.slice(0, 4)}-01-01`;
    days.push({
      day,
      dayOfBill,
      daysOfBill: whole,
      dayOfYear: dayCount(newYear, day) + 1,
      daysOfYear: dayCount(newYear, `${Number(day.slice(0, 4)) + 1}-01-01`),
    });
  }
  return days;
}
