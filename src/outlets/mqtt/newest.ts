// What is to be published: the newest payload of each topic, a few at a time. A broker that is slow gets fewer messages, never older ones.

import type {Connection, Outgoing} from './connection.ts';

export type Newest = {
  /** Takes the place of what still waits for that topic. The same payload is not sent twice on one connection. */
  put(topic: string, payload: string, outgoing?: Outgoing): void;
  /** Whether a payload of this topic was sent, or waits, on this connection. */
  has(topic: string): boolean;
  /** Forgets what was sent, so that everything goes out again. */
  forget(): void;
  waiting(): number;
};

const IN_FLIGHT = 32;

export function createNewest(connection: Connection): Newest {
  const waiting = new Map<string, {readonly payload: string; readonly outgoing: Outgoing}>();
  const sent = new Map<string, string>();
  const busy = new Set<string>();

  function pump(): void {
    for (const [topic, {payload, outgoing}] of waiting) {
      if (busy.size >= IN_FLIGHT || !connection.connected()) return;
      if (busy.has(topic)) continue;
      waiting.delete(topic);
      busy.add(topic);
      sent.set(topic, payload);
      void connection.publish(topic, payload, outgoing).then(good => {
        busy.delete(topic);
        if (!good) sent.delete(topic);
        pump();
      });
    }
  }

  return {
    put(topic, payload, outgoing = {retain: true}) {
      if (!waiting.has(topic) && sent.get(topic) === payload) return;
      waiting.set(topic, {payload, outgoing});
      pump();
    },
    has: topic => sent.has(topic) || waiting.has(topic),
    forget() {
      sent.clear();
      pump();
    },
    waiting: () => waiting.size + busy.size,
  };
}
