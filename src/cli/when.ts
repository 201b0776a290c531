// Moments and periods as people write them, in the site's time zone.

import {AppError} from '../core/errors.ts';
import {addDays, dayStart, localDay, localInstant} from '../core/flow/slots.ts';
import {billMonth, billSpan} from '../core/tariff/bills.ts';

export const whenHelp = `A time T is a day (2026-11-24), a local time of the site (2026-11-24T13:45), UTC (2026-11-24T12:45:00Z), or now, today, yesterday.`;

/** What is measured lies between; beyond, an export would look at every month of ten thousand years. */
const [EARLIEST_MS, LATEST_MS] = [Date.UTC(1970, 0, 1), Date.UTC(2200, 0, 1)];

/** UTC ms. A day is its first instant. A local time that does not exist counts from the hour before it; one that exists twice is the first. Throws AppError USAGE. */
export function parseWhen(text: string, zone: string, nowMs: number, option: string): number {
  const ms = momentOf(text, zone, nowMs, option);
  if (ms < EARLIEST_MS || ms > LATEST_MS) throw new AppError('USAGE', `--${option}`, `found "${text}", expected a time from 1970 to 2199`);
  return ms;
}

function momentOf(text: string, zone: string, nowMs: number, option: string): number {
  if (text === 'now') return nowMs;
  if (text === 'today') return dayStart(zone, localDay(zone, nowMs));
  if (text === 'yesterday') return dayStart(zone, addDays(localDay(zone, nowMs), -1));
  const local = /^(\d{4}-\d\d-\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d))?)?$/.exec(text);
  try {
    if (local) {
      const [, day = '', hour = '0', minute = '0', second = '0'] = local;
      if (Number(hour) < 24 && Number(minute) < 60 && Number(second) < 60)
        return localInstant(zone, day, Number(hour) * 60 + Number(minute)) + Number(second) * 1000;
    }
    const [, day] = /^(\d{4}-\d\d-\d\d).*(?:[Zz]|[+-]\d\d:?\d\d)$/.exec(text) ?? [];
    // A day that does not exist is none of the next month either.
    const utcMs = day !== undefined && addDays(day, 0) === day ? Date.parse(text) : Number.NaN;
    if (!Number.isNaN(utcMs)) return utcMs;
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
  }
  throw new AppError(
    'USAGE',
    `--${option}`,
    `found "${text}", expected a time such as 2026-11-24, 2026-11-24T13:45 or 2026-11-24T12:45:00Z`,
  );
}

export type Period = {
  readonly kind: 'day' | 'month' | 'bill' | 'year';
  readonly name: string;
  readonly fromMs: number;
  readonly toMs: number;
};

/** A local day, month or year by its name: `2026-11-24`, `2026-11`, `2026`. Throws AppError USAGE. */
export function periodOf(kind: Period['kind'], text: string, zone: string, nowMs: number, billingDay = 1): Period {
  const pattern = {day: /^\d{4}-\d\d-\d\d$/, month: /^\d{4}-\d\d$/, bill: /^\d{4}-\d\d$/, year: /^\d{4}$/}[kind];
  const today = localDay(zone, nowMs);
  const present = kind === 'bill' ? billMonth(today, billingDay) : today;
  const word = {today, yesterday: addDays(today, -1), now: today, this: present}[text];
  const name = word ? word.slice(0, {day: 10, month: 7, bill: 7, year: 4}[kind]) : text;
  try {
    if (!pattern.test(name)) throw new RangeError();
    const bill = billSpan(name.slice(0, 7), billingDay);
    const first = {day: name, month: `${name}-01`, bill: bill.fromDay, year: `${name}-01-01`}[kind];
    const next = {
      day: () => addDays(first, 1),
      month: () => `${addDays(first, 31).slice(0, 7)}-01`,
      bill: () => bill.toDay,
      year: () => `${String(Number(name) + 1).padStart(4, '0')}-01-01`,
    }[kind]();
    return {kind, name, fromMs: dayStart(zone, first), toMs: dayStart(zone, next)};
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    const example = {day: '2026-11-24, today or yesterday', month: '2026-11 or this', bill: '2026-11 or this', year: '2026 or this'}[kind];
    throw new AppError('USAGE', `--${kind}`, `found "${text}", expected ${example}`);
  }
}

/** `13:45` in the site's zone. */
export const localTime = (zone: string, utcMs: number): string =>
  new Intl.DateTimeFormat('en-GB', {timeZone: zone, hourCycle: 'h23', hour: '2-digit', minute: '2-digit', second: '2-digit'}).format(utcMs);
