// A moment as programs write it, over HTTP and MQTT.

import {dayStart} from './flow/slots.ts';

export const MOMENT_FORMS = 'a time such as 2026-11-24T12:00:00Z, a day such as 2026-11-24, or Unix seconds';

/** Moments that can be asked for: a clock that reaches beyond is wrong, and calendars end somewhere. */
export const EARLIEST_MS = Date.parse('1969-12-31T00:00:00Z');
export const LATEST_MS = Date.parse('2200-01-01T00:00:00Z');

/**
 * UTC ms; NaN for what is no moment. A day is a local one of the zone. A time without its offset would be that of whatever machine this is, so
 * it is none.
 */
export function parseMoment(text: string, zone: string): number {
  if (/^\d{4}-\d{2}-\d{2}$/.test(text)) return isDate(text) ? dayStart(zone, text) : Number.NaN;
  if (/^(0|\d{9,11})$/.test(text)) return Number(text) * 1000;
  return /^\d{4}-\d{2}-\d{2}T.*(Z|[+-]\d{2}:?\d{2})$/i.test(text) && isDate(text.slice(0, 10)) ? Date.parse(text) : Number.NaN;
}

/** Whether the calendar has that day: some parsers take the 30th of February for the 2nd of March. */
function isDate(day: string): boolean {
  const ms = Date.parse(`${day}T00:00:00Z`);
  return !Number.isNaN(ms) && new Date(ms).toISOString().slice(0, 10) === day;
}
