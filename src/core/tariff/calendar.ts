// The local calendar of quarter hours: what a time-of-use tariff asks for.

import {localMs} from '../flow/slots.ts';
import {type DayKind, WEEKDAYS, type When} from './model.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

export type LocalTime = {
  /** `YYYY-MM-DD`. */
  readonly day: string;
  /** 1 to 12. */
  readonly month: number;
  readonly kind: DayKind;
  /** 0 to 1439. */
  readonly minute: number;
};
export type Calendar = (startMs: number) => LocalTime;

/** Local times of one zone. Days are looked up once; a day on which the clocks change is looked up by the quarter hour. */
export function calendarOf(zone: string, holidays: readonly string[]): Calendar {
  const free = new Set(holidays);
  const offsets = new Map<number, number | null>();
  const offsetAt = (ms: number): number => localMs(zone, ms) - ms;
  return startMs => {
    const utcDay = Math.floor(startMs / DAY_MS);
    let offset = offsets.get(utcDay);
    if (offset === undefined) {
      const first = offsetAt(utcDay * DAY_MS);
      offset = first === offsetAt((utcDay + 1) * DAY_MS) ? first : null;
      offsets.set(utcDay, offset);
    }
    const local = new Date(startMs + (offset ?? offsetAt(startMs)));
    const day = local.toISOString().slice(0, 10);
    return {
      day,
      month: local.getUTCMonth() + 1,
      kind: free.has(day) ? 'holiday' : (WEEKDAYS[(local.getUTCDay() + 6) % 7] as DayKind),
      minute: local.getUTCHours() * 60 + local.getUTCMinutes(),
    };
  };
}

export function holds(when: When, {month, kind, minute}: LocalTime): boolean {
  if (when.months && !when.months.includes(month)) return false;
  if (when.days && !when.days.includes(kind)) return false;
  return (
    when.hours === null || when.hours.some(([from, to]) => (from < to ? minute >= from && minute < to : minute >= from || minute < to))
  );
}
