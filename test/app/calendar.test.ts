// Work by the calendar, under a clock that goes, is set forward, is set back, and in the nights when the hour changes.

import {expect, test} from 'vitest';
import {onCalendar} from '../../src/app/calendar.ts';

const MINUTE_MS = 60_000;
const at = (text: string): number => Date.parse(text);

/** How often the work ran while the clock showed these moments, one after the other. */
async function runs(cron: string, moments: readonly number[], timezone = 'Europe/Berlin'): Promise<number[]> {
  const ran: number[] = [];
  let wallMs = moments[0] ?? 0;
  let looked = (): void => {};
  const stop = onCalendar(
    cron,
    {
      timezone,
      lookMs: 1,
      wallMs: () => {
        setImmediate(looked);
        return wallMs;
      },
    },
    async () => void ran.push(wallMs),
  );
  for (const moment of moments) {
    wallMs = moment;
    // Two looks: the first may be of the moment before.
    for (let look = 0; look < 2; look++) await new Promise<void>(resolve => (looked = resolve));
  }
  stop();
  return ran;
}
const minutes = (from: number, count: number): number[] => Array.from({length: count}, (_, n) => from + n * MINUTE_MS + 7000);

test.each([
  ['once, in its minute, by local time', '17 3 * * *', minutes(at('2026-11-24T02:10:00Z'), 20), [at('2026-11-24T02:17:07Z')]],
  [
    'in every minute that it names',
    '*/5 * * * *',
    minutes(at('2026-11-24T02:01:00Z'), 10),
    [at('2026-11-24T02:05:07Z'), at('2026-11-24T02:10:07Z')],
  ],
  [
    'late, where the machine was busy in its minute',
    '17 3 * * *',
    [at('2026-11-24T02:16:00Z'), at('2026-11-24T02:19:00Z'), at('2026-11-24T02:20:00Z')],
    [at('2026-11-24T02:19:00Z')],
  ],
  [
    'not for each of the minutes of a month that a step forward skipped',
    '* * * * *',
    [at('2026-11-24T02:16:00Z'), at('2026-12-24T02:16:00Z'), at('2026-12-24T02:17:00Z')],
    [at('2026-12-24T02:16:00Z'), at('2026-12-24T02:17:00Z')],
  ],
  [
    'again at once after a step back, not when the old time is reached',
    '17 3 * * *',
    [at('2026-12-24T02:16:00Z'), ...minutes(at('2026-11-24T02:15:00Z'), 5)],
    [at('2026-11-24T02:17:07Z')],
  ],
  [
    'in both hours of the night that has one twice',
    '30 2 * * *',
    minutes(at('2026-10-25T00:00:00Z'), 120),
    [at('2026-10-25T00:30:07Z'), at('2026-10-25T01:30:07Z')],
  ],
])('%s', async (_title, cron, moments, expected) => {
  expect(await runs(cron, moments)).toEqual(expected);
});
