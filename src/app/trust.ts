// Whether wall time may name slots: a Pi without a battery-backed clock boots in the past.

import {existsSync} from 'node:fs';

/** No release of this program is older: a clock that says so is wrong. */
export const EARLIEST_MS = Date.UTC(2026, 0, 1);
/** A machine that found no time server by then has none; its clock is taken as it is. */
const GIVE_UP_MS = 10 * 60_000;

type Trust = {
  /** Wall time is believed: rows and events may be stored under it. */
  readonly rows: boolean;
  /** It is later than everything in the ledger besides, or a time server has said so in this boot: it may name slots. */
  readonly slots: boolean;
};
export type ClockTrust = (wallMs: number, monoMs: number) => Trust;

/**
 * `lastStoredMs`: start of the newest stored slot, or null. Once trusted, always trusted: later steps are handled where they happen.
 * A clock behind the ledger, after one that ran ahead, dates rows all the same: what is there already stands. Slots it names only on the word
 * of a time server: it may as well be the clock that is wrong, and the ledger right.
 */
export function createClockTrust(lastStoredMs: number | null, timesync = '/run/systemd/timesync'): ClockTrust {
  let trust: Trust = {rows: false, slots: false};
  let startedMonoMs: number | null = null;
  return (wallMs, monoMs) => {
    startedMonoMs ??= monoMs;
    if (trust.slots) return trust;
    const confirmed = existsSync(`${timesync}/synchronized`);
    const synchronised = confirmed || !existsSync(timesync) || monoMs - startedMonoMs > GIVE_UP_MS;
    const rows = trust.rows || (synchronised && wallMs >= EARLIEST_MS);
    trust = {rows, slots: rows && wallMs >= EARLIEST_MS && (confirmed || lastStoredMs === null || wallMs >= lastStoredMs)};
    return trust;
  };
}
