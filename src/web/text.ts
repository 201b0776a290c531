// Words, numbers and times in the reader's language. A further language is one file like text/de.ts and a line here.

import {chosenLanguage} from './choices.ts';
import {de} from './text/de.ts';
import {en, type TextKey} from './text/en.ts';

export const LANGUAGES: Readonly<Record<string, Readonly<Record<TextKey, string>>>> = {en, de};
const wished = [...(chosenLanguage ? [chosenLanguage] : []), ...navigator.languages];
export const language = wished.map(tag => tag.slice(0, 2).toLowerCase()).find(tag => Object.hasOwn(LANGUAGES, tag)) ?? 'en';
const locale = navigator.languages.find(tag => tag.toLowerCase().startsWith(language)) ?? language;
const words = LANGUAGES[language] ?? en;

/** The text of a key, `{name}` filled in. */
export const t = (key: TextKey, filled: Readonly<Record<string, string | number>> = {}): string =>
  words[key].replace(/\{(\w+)\}/g, (_, name: string) => String(filled[name] ?? ''));

/** A source's, sink's or load's name: known ones translated, ids made readable. */
export const nameOf = (id: string): string =>
  Object.hasOwn(words, id) ? words[id as TextKey] : (id.charAt(0).toUpperCase() + id.slice(1)).replaceAll('_', ' ');

/** A word of the daemon (a state, a fault, a quality) in the reader's language; an unknown one as it is. */
export const wordOf = (word: string): string => (Object.hasOwn(words, `is_${word}`) ? words[`is_${word}` as TextKey] : word);
export const qualityOf = (list: string): string => list.split(',').map(wordOf).join(', ');

/** A sink of a chart's lower half: `to_grid` as `→ Grid`. */
export const wayOf = (name: string): string => (name.startsWith('to_') ? `→ ${nameOf(name.slice(3))}` : nameOf(name));

/** Making a formatter costs far more than using it, so each is made when it is first used. */
function amount(options: Intl.NumberFormatOptions): {format(value: number): string} {
  let made: Intl.NumberFormat | undefined;
  return {
    format(value) {
      made ??= new Intl.NumberFormat(locale, options);
      return made.format(value);
    },
  };
}
const decimals = (digits: number) => amount({minimumFractionDigits: digits, maximumFractionDigits: digits});
const [whole, one, two] = [decimals(0), decimals(1), decimals(2)];
const any = amount({maximumFractionDigits: 3});

export const watts = (w: number | null | undefined): string =>
  w === null || w === undefined
    ? '–'
    : Math.abs(w) >= 1_000_000
      ? `${shortest(w / 1_000_000)}\u00a0MW`
      : Math.abs(w) >= 10_000
        ? `${shortest(w / 1000)}\u00a0kW`
        : `${whole.format(Math.round(w) + 0)}\u00a0W`;
/** The same where there is little room. */
export const shortWatts = (w: number | null): string =>
  w === null || Math.abs(w) < 10_000 || Math.abs(w) >= 1_000_000
    ? watts(w)
    : `${(Math.abs(w) < 100_000 ? one : whole).format(w / 1000)}\u00a0kW`;
export const kwh = (value: number | null | undefined): string =>
  value === null || value === undefined
    ? '–'
    : Math.abs(value) >= 10_000
      ? `${shortest(value / 1000)}\u00a0MWh`
      : `${shortest(value)}\u00a0kWh`;
/** Four digits or so say enough, also after rounding. */
const shortest = (value: number): string => (Math.abs(value) >= 999.95 ? whole : Math.abs(value) >= 99.995 ? one : two).format(value);
/** A name with its middle left out where it is too long: two of a kind differ at their ends. */
export const short = (name: string, longest: number): string =>
  name.length > longest
    ? `${name.slice(0, Math.ceil((longest - 1) / 2)).trimEnd()}…${name.slice(-Math.floor((longest - 1) / 2)).trimStart()}`
    : name;
/** A length of time in its one fitting unit. */
export const duration = (seconds: number): string => {
  const [value, unit] =
    seconds < 10
      ? [seconds, 's']
      : seconds < 100
        ? [Math.round(seconds), 's']
        : seconds < 6000
          ? [Math.round(seconds / 60), 'min']
          : seconds < 172_800
            ? [Math.round(seconds / 3600), 'h']
            : [Math.round(seconds / 86_400), 'd'];
  return `${number(Math.round(value * 10) / 10)}\u00a0${unit}`;
};
export const percent = (value: number | null | undefined): string =>
  value === null || value === undefined ? '–' : `${whole.format(value)}\u00a0%`;
const kept = new Map<string, Intl.DateTimeFormat>();
function timeFormat(options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  const key = JSON.stringify(options);
  const format = kept.get(key) ?? new Intl.DateTimeFormat(locale, options);
  kept.set(key, format);
  return format;
}
/** An amount with its currency. */
export const currency = (value: number, code: string, digits = 2): string =>
  new Intl.NumberFormat(locale, {style: 'currency', currency: code, maximumFractionDigits: digits}).format(value);
/** With that many decimals. */
export const fixed = (value: number, digits: number): string => {
  const format = fixedFormats[digits] ?? decimals(digits);
  fixedFormats[digits] = format;
  return format.format(value + 0);
};
const fixedFormats: ReturnType<typeof decimals>[] = [];
export const number = (value: number): string => any.format(value);
export const bytes = (value: number): string =>
  value >= 1e9 ? `${two.format(value / 1e9)}\u00a0GB` : `${one.format(value / 1e6)}\u00a0MB`;
export const clock = (at: string | number, zone: string): string =>
  timeFormat({timeZone: zone, hour: '2-digit', minute: '2-digit'}).format(new Date(at));
/** Local minute of the day. */
export const minuteOf = (at: number, zone: string): number => {
  const format = kept.get(zone) ?? new Intl.DateTimeFormat('en-GB', {timeZone: zone, hour: 'numeric', minute: 'numeric', hourCycle: 'h23'});
  kept.set(zone, format);
  const [hours, minutes] = format.format(at).split(':').map(Number) as [number, number];
  return 60 * hours + minutes;
};
export const moment = (at: string | number, zone: string): string =>
  timeFormat({timeZone: zone, dateStyle: 'medium', timeStyle: 'medium'}).format(new Date(at));
/** A moment of the last hours as its time, an older one with its date. */
export const justClock = (at: string | number, zone: string, nowMs: number): string =>
  Math.abs(nowMs - new Date(at).getTime()) < 43_200_000
    ? timeFormat({timeZone: zone, timeStyle: 'medium'}).format(new Date(at))
    : moment(at, zone);
export const dayName = (day: string, weekday: 'long' | 'short' = 'long'): string =>
  timeFormat({timeZone: 'UTC', weekday, day: 'numeric', month: 'long', year: 'numeric'}).format(new Date(`${day}T12:00:00Z`));
/** A day in the shortest form that has its year. */
export const dateOf = (day: string): string => timeFormat({timeZone: 'UTC', dateStyle: 'medium'}).format(new Date(`${day}T12:00:00Z`));
export const shortDay = (day: string): string =>
  timeFormat({timeZone: 'UTC', day: 'numeric', month: 'short'}).format(new Date(`${day}T12:00:00Z`));
export const monthName = (month: string, long = true): string =>
  timeFormat({timeZone: 'UTC', month: long ? 'long' : 'short', ...(long ? {year: 'numeric'} : {})}).format(
    new Date(`${month}-15T12:00:00Z`),
  );
