// Bills, one after the other: the calendar of a utility, whose months begin on its billing day.

import {addDays, dayStart, SLOT_MS} from '../flow/slots.ts';
import type {Calendar} from './calendar.ts';
import type {Tariff, Tariffs} from './model.ts';
import {tariffAt} from './prices.ts';
import {type BillDay, type BillSlot, NOTHING_BEFORE, type Ongoing, type Settled, settle} from './settle.ts';

export type Bill = Settled & {
  /** `2026-11`: the month in which it begins. */
  readonly month: string;
  readonly fromDay: string;
  /** The day after its last one. */
  readonly toDay: string;
  /** Its days are over. */
  readonly complete: boolean;
  /** In the ledger, of those that its time has so far: what is missing is missing in the sums. */
  readonly quarterHours: {readonly stored: number; readonly expected: number};
  /** Names of the tariffs that held. */
  readonly tariffs: readonly string[];
};

/** Takes quarter hours in order of time. A month without any has a bill too: fixed charges and true-ups do not wait for data. */
export function startBills(tariffs: Tariffs, zone: string, calendar: Calendar): {add(slot: BillSlot): void; end(endMs: number): Bill[]} {
  const {billingDay} = tariffs;
  const bills: Bill[] = [];
  let month: string | null = null;
  let slots: BillSlot[] = [];
  let before: Ongoing = NOTHING_BEFORE;

  /** Closes bills until that of `next` is open. */
  function goTo(next: string, endMs: number): void {
    month ??= next;
    while (month < next) {
      close(month, endMs);
      month = billSpan(month, billingDay).toDay.slice(0, 7);
    }
  }
  function close(name: string, endMs: number): void {
    const {fromDay, toDay} = billSpan(name, billingDay);
    const today = calendar(endMs).day;
    const complete = today >= toDay;
    const days = daysOfBill(tariffs, zone, fromDay, complete ? toDay : today);
    const {after, ...settled} = settle(slots, days, before, complete ? Number(name.slice(5)) : null);
    before = after;
    const names = [...days.flatMap(({tariff}) => tariff?.name ?? []), ...slots.map(({tariff}) => tariff.name)];
    bills.push({
      ...settled,
      month: name,
      fromDay,
      toDay,
      complete,
      quarterHours: {
        stored: slots.length,
        expected: Math.max(slots.length, Math.floor(((complete ? dayStart(zone, toDay) : endMs) - dayStart(zone, fromDay)) / SLOT_MS)),
      },
      tariffs: [...new Set(names)],
    });
    slots = [];
  }

  return {
    add(slot) {
      goTo(billMonth(slot.local.day, billingDay), slot.startMs);
      slots.push(slot);
    },
    end(endMs) {
      if (month === null) return [];
      const last = billMonth(calendar(endMs).day, billingDay);
      goTo(last, endMs);
      if (slots.length > 0 || billSpan(last, billingDay).fromDay < calendar(endMs).day) close(last, endMs);
      return bills;
    },
  };
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

/** First instant that has a say in the bill of this month: its own begin, or that of what carries something on into it. */
export function billReachMs(tariffs: Tariffs, zone: string, month: string): number {
  const {list, billingDay} = tariffs;
  const beginOf = (of: string): number => dayStart(zone, billSpan(of, billingDay).fromDay);
  const beginMs = beginOf(month);
  const newest = list.findLast(tariff => tariff.fromMs < dayStart(zone, billSpan(month, billingDay).toDay));
  if (!newest) return beginMs;
  return Math.min(ruleReachMs(tariffs, newest, month, beginOf), beginOf(monthsBefore(month, (newest.demand?.averageOf ?? 1) - 1)));
}

/** First instant of what the rule of settlement carries on into this month. */
function ruleReachMs({list}: Tariffs, newest: Tariff, month: string, beginOf: (month: string) => number): number {
  const rule = newest.settle;
  if (rule.kind === 'year') return beginOf(monthsBefore(month, (Number(month.slice(5)) - rule.fromMonth + 12) % 12));
  if (rule.kind !== 'net-metering' && rule.kind !== 'net-billing') return beginOf(month);
  // The same rule under an earlier tariff carries on as well.
  const other = list.findLast(tariff => tariff.fromMs < newest.fromMs && tariff.settle.kind !== rule.kind);
  const first = list.find(tariff => !other || tariff.fromMs > other.fromMs) ?? newest;
  return Math.min(beginOf(month), first.fromMs);
}

function monthsBefore(month: string, count: number): string {
  const months = Number(month.slice(0, 4)) * 12 + Number(month.slice(5)) - 1 - count;
  return `${String(Math.floor(months / 12)).padStart(4, '0')}-${String((months % 12) + 1).padStart(2, '0')}`;
}

const dayCount = (from: string, to: string): number => Math.round((Date.parse(to) - Date.parse(from)) / 86_400_000);

/** Days from `fromDay` up to `endDay`, with their places in bill and calendar year. */
function daysOfBill(tariffs: Tariffs, zone: string, fromDay: string, endDay: string): BillDay[] {
  const whole = dayCount(fromDay, billSpan(fromDay.slice(0, 7), Number(fromDay.slice(8))).toDay);
  const days: BillDay[] = [];
  for (let day = fromDay, dayOfBill = 1; day < endDay; day = addDays(day, 1), dayOfBill++) {
    const newYear = `${day.slice(0, 4)}-01-01`;
    days.push({
      day,
      tariff: tariffAt(tariffs, dayStart(zone, addDays(day, 1)) - SLOT_MS),
      dayOfBill,
      daysOfBill: whole,
      dayOfYear: dayCount(newYear, day) + 1,
      daysOfYear: dayCount(newYear, `${Number(day.slice(0, 4)) + 1}-01-01`),
    });
  }
  return days;
}
