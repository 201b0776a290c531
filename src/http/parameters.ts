// Parameters of a request, checked: what is wrong is said with what was expected. Pure.

import {addDays, dayStart, localDay} from '../core/flow/slots.ts';
import type {Policy} from '../core/site.ts';
import type {LedgerStep} from '../store/queries.ts';
import {HttpError} from './errors.ts';

export const POLICIES = ['solar-first', 'proportional', 'battery-first'] as const satisfies readonly Policy[];
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

/** Refuses parameters nobody knows: a misspelt one would be ignored in silence. */
export function onlyKnown(query: URLSearchParams, known: readonly string[]): void {
  for (const name of query.keys())
    if (!known.includes(name)) throw new HttpError(400, `unknown parameter "${name}"; known: ${known.join(', ') || 'none'}`);
}

export function oneOf<const T extends readonly string[]>(query: URLSearchParams, name: string, words: T, otherwise: T[number]): T[number] {
  const text = query.get(name);
  if (text === null) return otherwise;
  const word = words.find(known => known === text);
  if (word === undefined) throw new HttpError(400, `${name}: found "${text}", expected ${words.join(', ')}`);
  return word;
}

/** A moment: `2026-11-24T12:00:00Z`, a local day `2026-11-24` of the zone, or Unix seconds. */
export function momentOf(query: URLSearchParams, name: string, zone: string, otherwiseMs: number): number {
  const text = query.get(name);
  if (text === null) return otherwiseMs;
  if (/^\d{4}-\d{2}-\d{2}$/.test(text) && !Number.isNaN(Date.parse(text))) return dayStart(zone, text);
  if (/^\d{9,11}$/.test(text)) return Number(text) * 1000;
  const ms = /^\d{4}-\d{2}-\d{2}T/.test(text) ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(ms))
    throw new HttpError(
      400,
      `${name}: found "${text}", expected a time such as 2026-11-24T12:00:00Z, a day such as 2026-11-24, or Unix seconds`,
    );
  return ms;
}

/** The range, from midnight of today by default. */
export function rangeOf(query: URLSearchParams, zone: string, nowMs: number): {fromMs: number; toMs: number} {
  const today = localDay(zone, nowMs);
  const fromMs = momentOf(query, 'from', zone, dayStart(zone, today));
  const toMs = momentOf(query, 'to', zone, Math.max(fromMs + 1, dayStart(zone, addDays(today, 1))));
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
