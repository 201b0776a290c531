// Days and periods of the calendar, as the address of the page names them and as the ledger is asked for them. Pure.

export const KINDS = ['day', 'month', 'year', 'all'] as const;
export type Kind = (typeof KINDS)[number];
export type Range = {readonly from: string; readonly to: string};
export type Chosen = {readonly kind: Kind /** First day of the period. */; readonly start: string; readonly policy: string};

/** Of a moment, the site's own day: `2026-11-24`. */
export const dayOf = (ms: number, zone: string): string => new Intl.DateTimeFormat('en-CA', {timeZone: zone}).format(ms);
export const shiftDay = (day: string, days: number): string =>
  new Date(Date.parse(`${day}T12:00:00Z`) + days * 86_400_000).toISOString().slice(0, 10);

/** Whether the calendar has that day. */
export function isDay(text: string | undefined): text is string {
  if (!text || !/^\d{4}-\d\d-\d\d$/.test(text)) return false;
  const ms = Date.parse(`${text}T12:00:00Z`);
  return !Number.isNaN(ms) && new Date(ms).toISOString().slice(0, 10) === text;
}

/** How many signs of its first day name a period. */
const NAMED: Readonly<Record<Kind, number>> = {day: 10, month: 7, year: 4, all: 0};
/** Before this nothing was measured. */
const EVER = '2015-01-01';

export const startOf = (kind: Kind, day: string): string => day.slice(0, NAMED[kind]) + EVER.slice(NAMED[kind]);

/** What an address says: `month`, `2026-10`, `proportional`, in any order; what it does not say is today's and the site's. */
export function chosenOf(words: readonly string[], today: string, policies: readonly string[]): Chosen {
  const kind = KINDS.find(one => words.includes(one)) ?? 'day';
  const wished = words
    .filter(word => /^\d{4}(-\d\d){0,2}$/.test(word))
    .map(word => word + EVER.slice(word.length))
    .find(day => isDay(day) && day < today);
  return {kind, start: startOf(kind, wished ?? today), policy: policies.find(id => words.includes(id)) ?? (policies[0] as string)};
}

/** The other way around. The current period is named by no date: a page that stays open goes on with the next one. */
export const wordsOf = ({kind, start, policy}: Chosen, today: string, own: string): string[] => [
  kind,
  ...(start < startOf(kind, today) ? [start.slice(0, NAMED[kind])] : []),
  ...(policy === own ? [] : [policy]),
];

/** The first day of the period before or after. */
export function stepped(kind: Kind, start: string, by: 1 | -1): string {
  if (kind === 'day') return shiftDay(start, by);
  const [year, month] = [Number(start.slice(0, 4)), Number(start.slice(5, 7)) - 1];
  return new Date(kind === 'month' ? Date.UTC(year, month + by, 1) : Date.UTC(year + by, 0, 1)).toISOString().slice(0, 10);
}

/** First day, and the day after the last one. */
export const rangeOf = (kind: Kind, start: string, today: string): Range =>
  kind === 'all' ? {from: start, to: stepped('year', startOf('year', today), 1)} : {from: start, to: stepped(kind, start, 1)};

const DAY_MS = 86_400_000;
const QUARTER_MS = 900_000;
/** A running year can be held against the one before from here on: its last day, not over yet, then weighs little. */
const FEW_DAYS = 7;

/**
 * What of the period before is like what has passed of this one: all of it, or, of a running day, the same hours; of a running month and year,
 * the same days without today. Null where nothing is.
 */
export function alike(kind: Kind, start: string, nowMs: number, today: string): Range | null {
  if (kind === 'all') return null;
  const from = stepped(kind, start, -1);
  if (start < startOf(kind, today)) return {from, to: start};
  if (kind === 'day') return {from, to: new Date(Math.floor(nowMs / QUARTER_MS) * QUARTER_MS - DAY_MS).toISOString()};
  const days = Math.round((Date.parse(today) - Date.parse(start)) / DAY_MS);
  if (days < (kind === 'year' ? FEW_DAYS : 1)) return null;
  const to = shiftDay(from, days);
  return {from, to: to < start ? to : start};
}

/** Of the period before, so much must be on record that a difference is one of the house: months are not of one length, but half a day is no day. */
const WHOLE = 0.9;
/** `before` and `passed` are how many steps of each are on record. */
export const isComparable = (before: number, passed: number): boolean => before > 0 && before >= WHOLE * passed;
