// Whether wall time may name slots: a Pi without a battery-backed clock boots in the past.

import {existsSync} from 'node:fs';

/** No release of this program is older: a clock that says so is wrong. */
const EARLIEST_MS = Date.UTC(2026, 0, 1);
/** A machine that found no time server by then has none; its clock is taken as it is. */
const GIVE_UP_MS = 10 * 60_000;

export type ClockTrust = (wallMs: number, monoMs: number) => boolean;

/** `lastStoredMs`: start of the newest stored slot, or null. Once trusted, always trusted: later steps are handled where they happen. */
export function createClockTrust(lastStoredMs: number | null, timesync = '/run/systemd/timesync'): ClockTrust {
  let trusted = false;
  let startedMonoMs: number | null = null;
  return (wallMs, monoMs) => {
    startedMonoMs ??= monoMs;
    if (trusted) return true;
    const plausible = wallMs >= EARLIEST_MS && (lastStoredMs === null || wallMs >= lastStoredMs);
    const synchronised = !existsSync(timesync) || existsSync(`${timesync}/synchronized`) || monoMs - startedMonoMs > GIVE_UP_MS;
    trusted = plausible && synchronised;
    return trusted;
  };
}
