// Readiness and the watchdog of systemd. Node has no datagram sockets of this kind: an open descriptor if systemd gives one, else its own tool.

import {spawn} from 'node:child_process';
import {fstatSync, writeSync} from 'node:fs';

export type Notifier = {
  /** `READY=1`, `WATCHDOG=1`, `STOPPING=1`, …; several on lines of their own. Never throws; nothing happens outside systemd. */
  notify(state: string): void;
  /** How often systemd wants to hear from us, or null. */
  readonly watchdogMs: number | null;
};

/** Whether what is written to this descriptor goes to the journal. Source: systemd.exec(5), $JOURNAL_STREAM. */
export function isJournal(descriptor: number, env: Readonly<Record<string, string | undefined>>): boolean {
  try {
    const {dev, ino} = fstatSync(descriptor);
    return env['JOURNAL_STREAM'] === `${dev}:${ino}`;
  } catch {
    return false;
  }
}

export function createNotifier(env: Readonly<Record<string, string | undefined>>): Notifier {
  const watchdogUs = Number(env['WATCHDOG_USEC'] ?? 0);
  const watchdogMs = watchdogUs > 0 ? watchdogUs / 1000 : null;
  if (!env['NOTIFY_SOCKET']) return {notify() {}, watchdogMs: null};
  const names = (env['LISTEN_FDNAMES'] ?? '').split(':');
  const descriptor = names.indexOf('notify') >= 0 ? 3 + names.indexOf('notify') : null;
  return {
    watchdogMs,
    notify(state) {
      try {
        if (descriptor !== null) writeSync(descriptor, state);
        else spawn('systemd-notify', state.split('\n'), {stdio: 'ignore'}).on('error', () => {});
      } catch {
        // The watchdog will say so in its own way; the measuring goes on.
      }
    },
  };
}

/** Time asked for, and how often it is asked for anew. */
const MORE_TIME_US = 60_000_000;
const ASK_EVERY_MS = 15_000;

/**
 * Asks for more time until the returned function is called. A large database that is brought to a new form on a slow card takes minutes: a
 * service manager that ends the start after one of them would do so again and again. Whoever hangs does not ask.
 */
export function keepWaiting(notifier: Notifier): () => void {
  const ask = (): void => notifier.notify(`EXTEND_TIMEOUT_USEC=${MORE_TIME_US}\nWATCHDOG=1`);
  ask();
  const timer = setInterval(ask, ASK_EVERY_MS);
  timer.unref();
  return () => clearInterval(timer);
}
