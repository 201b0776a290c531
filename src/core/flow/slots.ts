// Quarter hours are UTC; a local day is the set of quarter hours between two local midnights: 92, 96 or 100 of them.

export const SLOT_MS = 900_000;
const DAY_MS = 86_400_000;
const SECOND_MS = 1000;

export const slotStart = (wallMs: number): number => Math.floor(wallMs / SLOT_MS) * SLOT_MS;

const formats = new Map<string, Intl.DateTimeFormat>();
function formatOf(zone: string): Intl.DateTimeFormat {
  let format = formats.get(zone);
  if (!format) {
    format = new Intl.DateTimeFormat('en-US', {
      timeZone: zone,
      hourCycle: 'h23',
      year: 'numeric',
      month: '2-digit',
      day: '2-digit',
      hour: '2-digit',
      minute: '2-digit',
      second: '2-digit',
    });
    formats.set(zone, format);
  }
  return format;
}

/** Local calendar time of an instant as if it were UTC, ms. */
export function localMs(zone: string, utcMs: number): number {
  const parts: Record<string, number> = {};
  for (const {type, value} of formatOf(zone).formatToParts(utcMs)) parts[type] = Number(value);
  return Date.UTC(parts['year'] ?? 0, (parts['month'] ?? 1) - 1, parts['day'], parts['hour'], parts['minute'], parts['second']);
}

/** The last answers: every beat asks for the same day again. Midnights lie on quarter hours. */
const days = new Map<string, {slot: number; day: string}>();

/** Local day `YYYY-MM-DD` of an instant. */
export function localDay(zone: string, utcMs: number): string {
  const slot = Math.floor(utcMs / SLOT_MS);
  const known = days.get(zone);
  if (known?.slot === slot) return known.day;
  const day = new Date(localMs(zone, utcMs)).toISOString().slice(0, 10);
  days.set(zone, {slot, day});
  return day;
}

/** Found days: a year by day asks for the same ones again and again. */
const starts = new Map<string, number>();
const STARTS_KEPT = 5000;

/** First instant of a local day, UTC ms. Where midnight does not exist (clocks go forward over it) the day begins with its first instant. Throws RangeError for no date. */
export function dayStart(zone: string, day: string): number {
  const key = `${zone} ${day}`;
  let startMs = starts.get(key);
  if (startMs === undefined) {
    startMs = findDayStart(zone, day);
    if (starts.size >= STARTS_KEPT) starts.clear();
    starts.set(key, startMs);
  }
  return startMs;
}

function findDayStart(zone: string, day: string): number {
  const midnight = Date.parse(`${day}T00:00:00Z`);
  if (!/^\d{4}-\d\d-\d\d$/.test(day) || Number.isNaN(midnight) || new Date(midnight).toISOString().slice(0, 10) !== day)
    throw new RangeError(`"${day}" is no date`);
  const offsets = [-DAY_MS, DAY_MS].map(away => localMs(zone, midnight + away) - (midnight + away));
  const starts = offsets.map(offset => midnight - offset).filter(ms => localMs(zone, ms) === midnight);
  // Where the clocks go back over midnight there are two; the day begins with the first.
  if (starts.length > 0) return Math.min(...starts);
  let low = midnight - Math.max(...offsets);
  let high = midnight - Math.min(...offsets);
  while (high - low > SECOND_MS) {
    const middle = low + Math.floor((high - low) / 2 / SECOND_MS) * SECOND_MS;
    if (localMs(zone, middle) < midnight) low = middle;
    else high = middle;
  }
  return high;
}

/** The day after (or `days` later) as `YYYY-MM-DD`. */
export const addDays = (day: string, days: number): string =>
  new Date(Date.parse(`${day}T00:00:00Z`) + days * DAY_MS).toISOString().slice(0, 10);

type DaySpan = {readonly startMs: number; readonly endMs: number; readonly quarterHours: number};

/** Both ends of a local day. */
export function daySpan(zone: string, day: string): DaySpan {
  const startMs = dayStart(zone, day);
  const endMs = dayStart(zone, addDays(day, 1));
  return {startMs, endMs, quarterHours: (endMs - startMs) / SLOT_MS};
}

/** UTC ms of a local time of day. One that does not exist counts from the hour before it; one that exists twice is the first. Throws RangeError for no date. */
export function localInstant(zone: string, day: string, minutes: number): number {
  const guessMs = dayStart(zone, day) + minutes * 60_000;
  // Where the clocks change between midnight and the time asked for, the wall shows something else after that many minutes.
  return guessMs - (localMs(zone, guessMs) - (Date.parse(`${day}T00:00:00Z`) + minutes * 60_000));
}
