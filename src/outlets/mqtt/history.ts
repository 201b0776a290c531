// Store and forward: what waits in the outbox goes out in order, a few at a time, and is deleted once the broker has it.

import type {Log} from '../../core/log.ts';
import type {Connection} from './connection.ts';

export type Outbox = {
  next(limit: number): Promise<readonly {readonly id: number; readonly topic: string; readonly payload: string}[]>;
  done(ids: readonly number[]): Promise<void>;
};
type History = {
  /** Looks whether there is something to send. Returns at once. */
  poke(): void;
  sent(): number;
};

const BATCH = 16;

export function createHistory(outbox: Outbox, connection: Connection, base: string, log: Log): History {
  let running = false;
  let sent = 0;
  let problem: string | null = null;

  async function drain(): Promise<void> {
    for (;;) {
      if (!connection.connected()) return;
      const rows = await outbox.next(BATCH);
      if (rows.length === 0) return;
      // One after the other is in order for sure; a batch in flight is, too, on one connection, and faster.
      const results = await Promise.all(rows.map(row => connection.publish(`${base}/history/${row.topic}`, row.payload)));
      const firstLost = results.indexOf(false);
      const done = firstLost === -1 ? rows : rows.slice(0, firstLost);
      if (done.length > 0) await outbox.done(done.map(row => row.id));
      sent += done.length;
      if (firstLost !== -1) return;
      problem = null;
    }
  }

  return {
    poke() {
      if (running) return;
      running = true;
      void drain()
        .catch((error: Error) => {
          if (error.message !== problem) log.warn({part: 'mqtt', err: error.message}, 'history waits');
          problem = error.message;
        })
        .finally(() => {
          running = false;
        });
    },
    sent: () => sent,
  };
}
