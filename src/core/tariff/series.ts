// Price series from the world: CSV or JSON into whole prices by the quarter hour. What cannot be read is an error, never a guess.

import {localInstant, localMs, SLOT_MS, slotStart} from '../flow/slots.ts';
import type {Micro} from './model.ts';

/** Decimal shift from a unit to millionths per kWh. Those of a currency are `/kWh` and `/MWh`. */
export const UNITS: Readonly<Record<string, number>> = {'ct/kWh': 4, 'g/kWh': 6};
const shiftOf = (unit: string): number => UNITS[unit] ?? (unit.endsWith('/MWh') ? 3 : 6);

export type SeriesRow = {readonly startMs: number; readonly micro: Micro};
type SeriesShape = {
  readonly unit: string;
  /** Dotted path to the list in a JSON document; empty: the document. */
  readonly list: string;
  readonly start: string;
  readonly price: string;
  /** How long the last price holds, ms. */
  readonly lastsMs: number;
};

/** A price holds until the next one begins, an hour at most: a hole in a list stays a hole. */
const LONGEST_MS = 3_600_000;
/** Far beyond any list of prices, and small enough to be counted in quarter hours: the end of the year 9999. */
const LAST_MS = 253_402_300_799_999;

/** CSV with a header or without: begin, price; separated by comma, semicolon or tab. Throws RangeError with the line. */
export function parseCsv(text: string, shape: SeriesShape, zone: string): SeriesRow[] {
  const rows: SeriesRow[] = [];
  const momentOf = momentReader(zone);
  let headed = false;
  text
    .replace(/^\uFEFF/, '')
    .split(/\r?\n/)
    .forEach((line, index) => {
      if (line.trim() === '' || line.startsWith('#')) return;
      const separator = line.includes(';') ? ';' : line.includes('\t') ? '\t' : ',';
      const [begin = '', amount = ''] = line.split(separator).map(field => field.trim().replace(/^"(.*)"$/, '$1'));
      const first = !headed;
      headed = true;
      if (first && !/^\d/.test(begin)) return;
      const startMs = momentOf(begin);
      // A decimal comma is one where the fields are not separated by commas.
      const micro = decimal(separator === ',' ? amount : amount.replace(',', '.'), shiftOf(shape.unit));
      if (startMs === null) throw new RangeError(`line ${index + 1}: "${begin}" is no time, expected 2026-11-24T13:00 or with Z or offset`);
      if (micro === null) throw new RangeError(`line ${index + 1}: "${amount}" is no price`);
      rows.push({startMs, micro});
    });
  return spread(rows, shape.lastsMs);
}

/** A JSON document as it was parsed. Throws RangeError saying which entry is wrong. */
export function parseJsonSeries(document: unknown, shape: SeriesShape, zone: string): SeriesRow[] {
  let list = document;
  for (const key of shape.list === '' ? [] : shape.list.split('.')) list = (list as Record<string, unknown> | null | undefined)?.[key];
  if (!Array.isArray(list)) throw new RangeError(`${shape.list === '' ? 'the document' : `"${shape.list}"`} is no list`);
  const momentOf = momentReader(zone);
  const rows = list.map((entry: unknown, index): SeriesRow => {
    const [begin, amount] = [pick(entry, shape.start), pick(entry, shape.price)];
    const startMs = typeof begin === 'number' ? (begin > 1e11 ? begin : begin * 1000) : momentOf(String(begin));
    const micro = typeof amount === 'number' || typeof amount === 'string' ? decimal(String(amount), shiftOf(shape.unit)) : null;
    if (startMs === null || !(Math.abs(startMs) <= LAST_MS))
      throw new RangeError(`entry ${index + 1}: "${shape.start}" is ${JSON.stringify(begin)}, no time`);
    if (micro === null) throw new RangeError(`entry ${index + 1}: "${shape.price}" is ${JSON.stringify(amount)}, no price`);
    return {startMs, micro};
  });
  return spread(rows, shape.lastsMs);
}

const pick = (entry: unknown, path: string): unknown =>
  path.split('.').reduce<unknown>((value, key) => (value as Record<string, unknown> | null | undefined)?.[key], entry);

/** Rows by the quarter hour; one that begins inside a quarter hour counts from the next. */
function spread(rows: readonly SeriesRow[], lastsMs: number): SeriesRow[] {
  const sorted = rows.toSorted((a, b) => a.startMs - b.startMs);
  const slots = new Map<number, Micro>();
  sorted.forEach(({startMs, micro}, index) => {
    const nextMs = sorted[index + 1]?.startMs ?? startMs + lastsMs;
    const endMs = Math.min(nextMs, startMs + LONGEST_MS);
    for (let at = slotStart(startMs + SLOT_MS - 1); at < endMs; at += SLOT_MS) slots.set(at, micro);
  });
  return [...slots].map(([startMs, micro]) => ({startMs, micro}));
}

/**
 * Reads begins one after the other: UTC ms of ISO 8601 with Z or offset, of a local time, or of Unix seconds; null for anything else.
 * Where clocks are set back, a local time that does not go on from the one before is the second of the two that look the same.
 */
function momentReader(zone: string): (text: string) => number | null {
  let beforeMs = Number.NEGATIVE_INFINITY;
  return text => {
    const local = /^(\d{4}-\d\d-\d\d)[T ](\d\d):(\d\d)(?::\d\d(?:\.\d+)?)?$/.exec(text);
    if (!local) return momentOf(text);
    try {
      const firstMs = localInstant(zone, local[1] ?? '', Number(local[2]) * 60 + Number(local[3]));
      const again = AGAIN_AFTER_MS.find(ms => firstMs <= beforeMs && localMs(zone, firstMs + ms) === localMs(zone, firstMs));
      beforeMs = firstMs + (again ?? 0);
      return beforeMs;
    } catch {
      return null;
    }
  };
}
/** By how much clocks are set back; half an hour on Lord Howe Island. */
const AGAIN_AFTER_MS = [3_600_000, 1_800_000];

function momentOf(text: string): number | null {
  if (/^\d{9,10}$/.test(text)) return Number(text) * 1000;
  if (/^\d{12,13}$/.test(text)) return Number(text);
  const ms = /^\d{4}-\d\d-\d\d[T ].*(Z|[+-]\d\d:?\d\d)$/i.test(text) ? Date.parse(text.replace(' ', 'T')) : Number.NaN;
  return Number.isNaN(ms) ? null : ms;
}

/** A decimal times 10^shift as a whole number, half away from zero; null where it is no number. Exact: no floating point. */
export function decimal(text: string, shift: number): number | null {
  const match = /^([+-]?)(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d{1,2}))?$/.exec(text.trim());
  if (!match || `${match[2]}${match[3] ?? ''}` === '') return null;
  const [, sign, whole = '', fraction = '', exponent = '0'] = match;
  const digits = `${whole}${fraction}`;
  const scale = fraction.length - Number(exponent) - shift;
  let value = BigInt(digits);
  if (scale > 0) {
    const unit = 10n ** BigInt(scale);
    value = (2n * value + unit) / (2n * unit);
  } else {
    value *= 10n ** BigInt(-scale);
  }
  const number = Number(value);
  return Number.isSafeInteger(number) ? (sign === '-' ? -number : number) + 0 : null;
}
