// Ends the process when the data stops, not only when the process hangs: the service manager starts it again.

import type {Log} from '../core/log.ts';
import type {Beat} from './health.ts';
import type {Notifier} from './systemd.ts';

export type WatchdogDeps = {
  readonly beat: Beat;
  readonly everyMs: number;
  /** What the store has done so far, and whether something waits; null while it says itself what is wrong: a new start would not mend that. */
  readonly stored: () => {readonly commits: number; readonly waiting: boolean} | null;
  readonly commitEveryMs: number;
  readonly notifier: Notifier;
  readonly log: Log;
  /** Ends the process; a parameter so that it can be watched in a test. */
  readonly giveUp: (reason: string) => void;
  /** Silence that is never too long, ms. */
  readonly patienceMs?: number;
};

/** Silence after which the daemon gives up: ten beats or three commits, at least a minute of real time. */
const SILENT_BEATS = 10;
const SILENT_COMMITS = 3;
const PATIENCE_MS = 60_000;

/** Watches until the returned function is called. The first tick has the same time to happen as any other. */
export function startWatchdog(deps: WatchdogDeps): () => void {
  const {beat, everyMs, stored, commitEveryMs, notifier, log, giveUp, patienceMs = PATIENCE_MS} = deps;
  const limitMs = Math.max(patienceMs, SILENT_BEATS * everyMs);
  const storeLimitMs = Math.max(patienceMs, SILENT_COMMITS * commitEveryMs);
  let tick = {seq: beat.seq, atMs: performance.now()};
  let commit = {count: 0, atMs: performance.now()};
  const stop = (what: string, sinceMs: number): void => {
    log.error(
      {part: 'tick', seq: tick.seq},
      `no ${what} for ${Math.round((performance.now() - sinceMs) / 1000)} s; giving up so that the service is started again`,
    );
    giveUp(`no ${what}`);
  };
  const timer = setInterval(
    () => {
      const nowMs = performance.now();
      const store = stored();
      if (!store?.waiting || store.commits !== commit.count) commit = {count: store?.commits ?? commit.count, atMs: nowMs};
      if (nowMs - commit.atMs > storeLimitMs) stop('commit', commit.atMs);
      else if (beat.seq !== tick.seq) {
        tick = {seq: beat.seq, atMs: nowMs};
        notifier.notify('WATCHDOG=1');
      } else if (nowMs - tick.atMs > limitMs) stop('tick', tick.atMs);
    },
    Math.min(notifier.watchdogMs === null ? 10_000 : notifier.watchdogMs / 3, limitMs / 3),
  );
  timer.unref();
  return () => clearInterval(timer);
}
