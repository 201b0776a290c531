// Ends the process when the data stops, not only when the process hangs: the service manager starts it again.

import type {Log} from '../core/log.ts';
import type {Beat} from './health.ts';
import type {Notifier} from './systemd.ts';

export type WatchdogDeps = {
  readonly beat: Beat;
  readonly everyMs: number;
  readonly notifier: Notifier;
  readonly log: Log;
  /** Ends the process; a parameter so that it can be watched in a test. */
  readonly giveUp: (reason: string) => void;
};

/** Silence after which the daemon gives up: ten beats, at least a minute of real time. */
const SILENT_BEATS = 10;
const SILENT_MS = 60_000;

/** Watches until the returned function is called. The first tick has the same time to happen as any other. */
export function startWatchdog({beat, everyMs, notifier, log, giveUp}: WatchdogDeps): () => void {
  const limitMs = Math.max(SILENT_MS, SILENT_BEATS * everyMs);
  let seenSeq = beat.seq;
  let seenAt = performance.now();
  const timer = setInterval(
    () => {
      if (beat.seq !== seenSeq) {
        [seenSeq, seenAt] = [beat.seq, performance.now()];
        notifier.notify('WATCHDOG=1');
      } else if (performance.now() - seenAt > limitMs) {
        log.error(
          {part: 'tick', seq: seenSeq},
          `no tick for ${Math.round((performance.now() - seenAt) / 1000)} s; giving up so that the service is started again`,
        );
        giveUp('no tick');
      }
    },
    Math.min(notifier.watchdogMs === null ? 10_000 : notifier.watchdogMs / 3, limitMs / 3),
  );
  timer.unref();
  return () => clearInterval(timer);
}
