// Parameters of a request, checked: what is wrong is said with what was expected. Pure.

import {addDays, dayStart, localDay} from '../core/flow/slots.ts';
import {EARLIEST_MS, LATEST_MS, MOMENT_FORMS, parseMoment} from '../core/moment.ts';
import type {LedgerStep} from '../store/queries.ts';
import {HttpError} from './errors.ts';

export const STEPS = ['15m', '1h', '1d', '1mo', '1y'] as const satisfies readonly LedgerStep[];
/** No reply has more steps than this. */
export const MOST_POINTS = 1500;

const MINUTE_MS = 60_000;
const LENGTH_MS: Readonly<Record<LedgerStep, number>> = {
  '15m': 15 * MINUTE_MS,
  '1h': 60 * MINUTE_MS,
  '1d': 23 * 60 * MINUTE_MS,
  '1mo': 28 * 24 * 60 * MINUTE_MS,
  '1y': 365 * 24 * 60 * MINUTE_MS,
};

/** Refuses parameters nobody knows, and those told twice: one of them would be ignored in silence. */
export function onlyKnown(query: URLSearchParams, known: readonly string[]): void {
  for (const name of query.keys()) {
    if (!known.includes(name)) throw new HttpError(400, `unknown parameter "${name}"; known: ${known.join(', ') || 'none'}`);
    if (query.getAll(name).length > 1) throw new HttpError(400, `${name}: told more than once`);
  }
}

export function oneOf<const T extends readonly string[]>(query: URLSearchParams, name: string, words: T, otherwise: T[number]): T[number] {
  const text = query.get(name);
  if (text === null) return otherwise;
  const word = words.find(known => known === text);
  if (word === undefined) throw new HttpError(400, `${name}: found "${text}", expected ${words.join(', ')}`);
  return word;
}

/** A moment: `2026-11-24T12:00:00Z` (or with an offset), a local day `2026-11-24` of the zone, or Unix seconds. */
function momentOf(query: URLSearchParams, name: string, zone: string, otherwiseMs: number): number {
  const text = query.get(name);
  if (text === null) return otherwiseMs;
  const ms = parseMoment(text, zone);
  if (Number.isNaN(ms)) throw new HttpError(400, `${name}: found "${text}", expected ${MOMENT_FORMS}`);
  if (ms < EARLIEST_MS || ms > LATEST_MS) throw new HttpError(400, `${name}: found "${text}", expected a time from 1970 to 2199`);
  return ms;
}

/** The range, from midnight of today by default. */
export function rangeOf(query: URLSearchParams, zone: string, nowMs: number): {fromMs: number; toMs: number} {
  const today = localDay(zone, nowMs);
  const fromMs = momentOf(query, 'from', zone, dayStart(zone, today));
  return inOrder(fromMs, momentOf(query, 'to', zone, Math.max(fromMs + 1, dayStart(zone, addDays(today, 1)))));
}

/** The range, everything by default. */
export const openRangeOf = (query: URLSearchParams, zone: string): {fromMs: number; toMs: number} =>
  inOrder(momentOf(query, 'from', zone, 0), momentOf(query, 'to', zone, LATEST_MS));

function inOrder(fromMs: number, toMs: number): {fromMs: number; toMs: number} {
  if (toMs <= fromMs) throw new HttpError(400, 'to: must be later than from');
  return {fromMs, toMs};
}

/** The step asked for, or the finest one, coarsened until the reply is of a size a page can hold. */
export function stepOf(query: URLSearchParams, fromMs: number, toMs: number): LedgerStep {
  const asked =
    query.get('step') === null ? (toMs - fromMs <= 2 * LENGTH_MS['1d'] * 1.1 ? '15m' : '1d') : oneOf(query, 'step', STEPS, '15m');
  for (let index = STEPS.indexOf(asked); index < STEPS.length; index++) {
    const step = STEPS[index] as LedgerStep;
    if ((toMs - fromMs) / LENGTH_MS[step] <= MOST_POINTS) return step;
  }
  return '1y';
}

export function wholeOf(query: URLSearchParams, name: string, otherwise: number, least: number, most: number): number {
  const text = query.get(name);
  if (text === null) return otherwise;
  const value = Number(text);
  if (!/^\d+$/.test(text) || value < least || value > most)
    throw new HttpError(400, `${name}: found "${text}", expected a whole number from ${least} to ${most}`);
  return value;
}
