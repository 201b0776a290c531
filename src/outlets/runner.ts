// Around any outlet: a bounded queue, retries with back-off, drop-oldest, health, and a shutdown in two steps. Offering returns at once.

import {setTimeout as sleep} from 'node:timers/promises';
import type {Log} from '../core/log.ts';
import type {Sink, SinkHealth, TickRecord} from '../core/sink.ts';

type RunnerOptions = {
  readonly log: Log;
  /** Records held while the outlet does not take them; the oldest are dropped and counted. */
  readonly capacity?: number;
  /** Keep only the newest record that waits: for outlets that show the present. Slots and events of dropped records are carried into it. */
  readonly newestOnly?: boolean;
};

export type Runner = {
  readonly name: string;
  offer(record: TickRecord): void;
  /** Takes no more, writes what is queued until `kill`, closes. Never rejects. */
  end(kill: AbortSignal): Promise<void>;
  health(): SinkHealth;
};

const CAPACITY = 600;
const FIRST_PAUSE_MS = 1000;
const LONGEST_PAUSE_MS = 60_000;

export function createRunner(sink: Sink, {log, capacity = CAPACITY, newestOnly = false}: RunnerOptions): Runner {
  const queue: TickRecord[] = [];
  const stop = new AbortController();
  let state: SinkHealth['state'] = 'opening';
  let dropped = 0;
  let lastError: string | null = null;
  let ended = false;
  let wake: () => void = () => {};

  const failed = (error: unknown, what: string): void => {
    const text = (error as Error)?.message ?? String(error);
    if (text !== lastError) log.warn({part: 'sink', sink: sink.name, err: text}, `${sink.name}: ${what}: ${text}`);
    lastError = text;
    state = 'failing';
  };
  const recovered = (): void => {
    if (state === 'failing') log.info({part: 'sink', sink: sink.name, dropped}, `${sink.name} works again`);
    state = 'open';
    lastError = null;
  };

  async function pause(ms: number): Promise<void> {
    await sleep(ms * (1 + 0.2 * Math.random()), undefined, {signal: stop.signal}).catch(() => {});
  }

  async function open(): Promise<boolean> {
    for (let pauseMs = FIRST_PAUSE_MS; !stop.signal.aborted; pauseMs = Math.min(LONGEST_PAUSE_MS, pauseMs * 2)) {
      try {
        await sink.open(stop.signal);
        recovered();
        return true;
      } catch (error) {
        if (stop.signal.aborted) break;
        failed(error, 'cannot start');
        if (ended) break;
        await pause(pauseMs);
      }
    }
    return false;
  }

  async function run(): Promise<void> {
    if (!(await open())) return;
    let pauseMs = FIRST_PAUSE_MS;
    while (!stop.signal.aborted) {
      if (queue.length === 0) {
        if (ended) return;
        await new Promise<void>(resolve => {
          wake = resolve;
        });
        continue;
      }
      const batch = queue.splice(0);
      try {
        await sink.write(batch, stop.signal);
        recovered();
        pauseMs = FIRST_PAUSE_MS;
      } catch (error) {
        failed(error, 'cannot write');
        queue.unshift(...batch);
        trim();
        if (ended) return;
        await pause(pauseMs);
        pauseMs = Math.min(LONGEST_PAUSE_MS, pauseMs * 2);
      }
    }
  }

  function trim(): void {
    const keep = newestOnly ? 1 : capacity;
    while (queue.length > keep) {
      const [oldest, next] = [queue.shift() as TickRecord, queue[0] as TickRecord];
      if (newestOnly) queue[0] = {...next, slots: [...oldest.slots, ...next.slots], events: [...oldest.events, ...next.events]};
      else dropped++;
    }
  }

  const running = run().catch(error => failed(error, 'stopped'));

  return {
    name: sink.name,
    offer(record) {
      if (ended) return;
      queue.push(record);
      trim();
      wake();
    },
    async end(kill) {
      ended = true;
      wake();
      const leave = new Promise<void>(resolve => {
        const now = (): void => {
          stop.abort();
          resolve();
        };
        if (kill.aborted) now();
        else kill.addEventListener('abort', now, {once: true});
        // An outlet that never opened has nothing to wait for.
        if (state === 'opening' || state === 'failing') setTimeout(now, 500);
      });
      await Promise.race([running, leave]);
      await Promise.race([sink.close(kill).catch(error => failed(error, 'cannot close')), leave.then(() => sleep(1000))]);
      stop.abort();
      state = 'closed';
    },
    health: () => ({name: sink.name, state, queued: queue.length, dropped, lastError, ...sink.health?.()}),
  };
}
