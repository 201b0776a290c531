// A line that carries one frame at a time and has no transaction numbers. After anything went wrong it is drained until silent, or replaced.

import {setTimeout as sleep} from 'node:timers/promises';
import type {Framing} from './framing.ts';
import type {PduAnswer} from './pdu.ts';
import type {Transport} from './transport.ts';
import type {Wire} from './wire.ts';

export type LineOptions = {
  /** Silence that ends a frame, ms. */
  readonly silenceMs: number;
  /** `drain`: a serial bus, whose late answer must have passed. `replace`: a stream, whose late answer belongs to the old one. */
  readonly afterTrouble: 'drain' | 'replace';
};

/** A late answer is waited for until the line was quiet this long. */
const QUIET_MS = 50;
const LONGEST_DRAIN_MS = 1500;

export function createLineTransport(wire: Wire, framing: Framing, {silenceMs, afterTrouble}: LineOptions): Transport {
  let dirty = false;

  const quietMs = Math.max(QUIET_MS, 2 * silenceMs);

  /** Waits until nothing has come for a while. */
  async function drain(signal: AbortSignal): Promise<void> {
    const began = performance.now();
    let last = began;
    wire.listen(() => {
      last = performance.now();
    }, null);
    while (!signal.aborted && wire.isOpen) {
      const now = performance.now();
      if (now - last >= quietMs || now - began > LONGEST_DRAIN_MS) break;
      await sleep(Math.max(1, last + quietMs - now), undefined, {signal}).catch(() => {});
    }
    wire.listen(null, null);
  }

  return {
    get connected() {
      return wire.isOpen;
    },
    async exchange(unit, request, timeoutMs, connectDelayMs, signal): Promise<PduAnswer> {
      if (signal.aborted) return {kind: 'fault', fault: {kind: 'disconnected', reason: 'stopped'}};
      if (!wire.isOpen) {
        wire.drop();
        const failed = await wire.open(signal);
        if (failed) return {kind: 'fault', fault: failed};
        dirty = afterTrouble === 'drain'; // whoever spoke on the bus before may still be answered
        if (connectDelayMs > 0) await sleep(connectDelayMs, undefined, {signal}).catch(() => {});
      }
      if (dirty) await drain(signal);
      dirty = false;
      if (signal.aborted || !wire.isOpen)
        return {kind: 'fault', fault: {kind: 'disconnected', reason: signal.aborted ? 'stopped' : 'the line went away'}};

      const answer = await new Promise<PduAnswer>(resolve => {
        let received: Buffer = Buffer.alloc(0);
        const done = (one: PduAnswer, clean: boolean): void => {
          clearTimeout(timer);
          signal.removeEventListener('abort', onAbort);
          wire.listen(null, null);
          dirty = !clean;
          resolve(one);
        };
        const onAbort = (): void => done({kind: 'fault', fault: {kind: 'disconnected', reason: 'stopped'}}, false);
        const timer = setTimeout(() => {
          const reason =
            received.length > 0
              ? ({kind: 'bad_frame', reason: `${received.length} bytes, but no whole answer`} as const)
              : ({kind: 'timeout', afterMs: timeoutMs} as const);
          done({kind: 'fault', fault: reason}, false);
        }, timeoutMs);
        signal.addEventListener('abort', onAbort);
        wire.listen(
          bytes => {
            received = received.length === 0 ? bytes : Buffer.concat([received, bytes]);
            const parsed = framing.parse(received, unit, request);
            if (parsed.kind === 'more') return;
            const broken = parsed.answer.kind === 'fault' && parsed.answer.fault.kind === 'bad_frame';
            done(parsed.answer, !broken && parsed.rest === 0);
          },
          reason => done({kind: 'fault', fault: {kind: 'disconnected', reason}}, false),
        );
        wire.write(framing.request(unit, request));
      });
      if (dirty && afterTrouble === 'replace') wire.drop();
      return answer;
    },
    close: () => wire.close(),
  };
}
