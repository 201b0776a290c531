// One request and its answer over a wire. After anything went wrong the wire is drained until silent, or replaced; an answer that could belong
// to an earlier request is never taken for one to this.

import {setTimeout as sleep} from 'node:timers/promises';
import type {Fault} from '../core/reading.ts';
import {say} from '../core/sentences/say.ts';
import type {Framing} from './framing.ts';
import type {ReadRequest} from './link.ts';
import {createLost} from './lost.ts';
import type {PduAnswer} from './pdu.ts';
import type {Transport} from './transport.ts';
import type {Wire} from './wire.ts';

type LineOptions = {
  /** Silence that ends a frame, ms. */
  readonly silenceMs: number;
  /** `drain`: a serial bus, whose late answer must have passed. `replace`: a connection, whose late answer belongs to the old one. */
  readonly afterTrouble: 'drain' | 'replace';
};

/** Quiet for this long means that nobody is speaking any more. */
const QUIET_MS = 50;
const LONGEST_DRAIN_MS = 1500;
/** An answer that repeats the one before may be just that: the right one is waited for this many round trips, but not longer than that. */
const ROUND_TRIPS = 2;
const LONGEST_DOUBT_MS = 400;
/** Fewer bytes are no frame, but the noise of a line that turns round. */
const SHORTEST_FRAME = 5;
/** So often within that time must somebody speak unasked before it is told. */
const STRANGE_TIMES = 5;
const STRANGE_MS = 60_000;

const stopped: Fault = {kind: 'disconnected', reason: say('stopped')};
const faulty = (fault: Fault): PduAnswer => ({kind: 'fault', fault});

/** What is left on the wire: nothing, bytes that nobody asked for, or perhaps the answer itself. */
type Left = 'nothing' | 'bytes' | 'answer';
type Answered = {readonly unit: number; readonly request: ReadRequest; readonly answer: PduAnswer};

export function createLineTransport(wire: Wire, framing: Framing, {silenceMs, afterTrouble}: LineOptions): Transport {
  const quietMs = Math.max(QUIET_MS, 2 * silenceMs);
  const lost = createLost();
  /** Bytes may be under way that nobody waits for. */
  let dirty = false;
  let previous: (Answered & {readonly tookMs: number}) | null = null;
  /** An answer that repeated the one before, and was not believed; and those that turned out right, by their question. */
  let doubted: Answered | null = null;
  const confirmed = new Map<string, PduAnswer>();
  let cancel: (() => void) | null = null;
  const strangeAtMs: number[] = [];

  /** Between two requests of a line nobody should speak. */
  function listenIdle(): void {
    let heard = 0;
    wire.listen(bytes => {
      heard += bytes.length;
      if (heard < SHORTEST_FRAME) return;
      dirty = true;
      const nowMs = performance.now();
      if (!framing.numbered && nowMs - (strangeAtMs.at(-1) ?? 0) > quietMs) strangeAtMs.push(nowMs);
      if (strangeAtMs.length > STRANGE_TIMES) strangeAtMs.shift();
    }, null);
  }

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
    dirty = false;
  }

  function send(unit: number, request: ReadRequest, timeoutMs: number, signal: AbortSignal): Promise<{answer: PduAnswer; left: Left}> {
    const began = performance.now();
    return new Promise(resolve => {
      let received: Buffer = Buffer.alloc(0);
      let repeated = 0;
      /** What stands unless more bytes say otherwise. */
      let verdict: {readonly answer: PduAnswer; readonly waitMs: number; readonly timer: NodeJS.Timeout} | null = null;
      const done = (answer: PduAnswer, left: Left): void => {
        cancel = null;
        clearTimeout(timer);
        clearTimeout(verdict?.timer);
        signal.removeEventListener('abort', onAbort);
        listenIdle();
        resolve({answer, left});
      };
      const waitFor = (waitMs: number, answer: PduAnswer, left: Left): void => {
        clearTimeout(verdict?.timer);
        verdict = {answer, waitMs, timer: setTimeout(() => done(answer, left), waitMs)};
      };
      const onAbort = (): void => done(faulty(stopped), 'answer');
      const timer = setTimeout(() => {
        if (verdict) done(verdict.answer, 'answer');
        else if (received.length > 0 && !framing.numbered)
          done(faulty({kind: 'bad_frame', reason: say('{n} bytes, but no whole answer', {n: received.length})}), 'answer');
        else done(faulty({kind: 'timeout', afterMs: timeoutMs}), 'answer');
      }, timeoutMs);
      const onBytes = (bytes: Buffer): void => {
        received = received.length === 0 ? bytes : Buffer.concat([received, bytes]);
        const parsed = framing.parse(received, unit, request);
        if (parsed.kind === 'more') {
          if (verdict) waitFor(verdict.waitMs, verdict.answer, 'answer');
          return;
        }
        const {answer, rest} = parsed;
        if (answer.kind === 'fault' && answer.fault.kind === 'bad_frame') {
          if (framing.numbered) done(answer, 'answer');
          else waitFor(quietMs, verdict?.answer ?? answer, 'answer');
        } else if (!framing.numbered && previous && repeats(previous, {unit, request, answer})) {
          received = received.subarray(received.length - rest);
          const before = confirmed.get(questionOf({unit, request}));
          // Twice is right where nothing else follows: one of them came late, or both did and the right one is still to come.
          const believed = ++repeated > 1 || (before !== undefined && sameWords(before, answer));
          doubted = believed ? null : {unit, request, answer};
          const waitMs = Math.min(LONGEST_DOUBT_MS, Math.max(quietMs, ROUND_TRIPS * previous.tookMs));
          if (believed) waitFor(waitMs, answer, 'nothing');
          else waitFor(waitMs, faulty({kind: 'bad_frame', reason: say('the answer to the request before, once more')}), 'answer');
          if (rest > 0) onBytes(Buffer.alloc(0));
        } else {
          if (answer.kind === 'words') previous = {unit, request, answer, tookMs: performance.now() - began};
          if (doubted && isSame(doubted, {unit, request, answer})) confirmed.set(questionOf(doubted), answer);
          done(answer, rest === 0 || (!framing.numbered && rest < SHORTEST_FRAME) ? 'nothing' : 'bytes');
        }
      };
      signal.addEventListener('abort', onAbort);
      cancel = onAbort;
      wire.listen(onBytes, reason => done(faulty({kind: 'disconnected', reason}), 'answer'));
      wire.write(framing.request(unit, request));
    });
  }

  /** Opens the wire where needed, and waits until it is quiet. */
  async function ready(timeoutMs: number, connectDelayMs: number, signal: AbortSignal): Promise<Fault | null> {
    if (!wire.isOpen) {
      wire.drop();
      const failed = await wire.open(timeoutMs, signal);
      if (failed) return failed;
      dirty = afterTrouble === 'drain'; // whoever spoke on the bus before may still be answered
      previous = null;
      if (connectDelayMs > 0) await sleep(connectDelayMs, undefined, {signal}).catch(() => {});
    }
    if (dirty && !framing.numbered) await drain(signal);
    if (signal.aborted) return stopped;
    return wire.isOpen ? null : {kind: 'disconnected', reason: say('the connection was closed')};
  }

  async function exchange(
    unit: number,
    request: ReadRequest,
    timeoutMs: number,
    connectDelayMs: number,
    signal: AbortSignal,
  ): Promise<PduAnswer> {
    const failed = await ready(timeoutMs, connectDelayMs, signal);
    if (failed) return faulty(failed);
    const {answer, left} = await send(unit, request, timeoutMs, signal);
    if (left !== 'nothing') {
      dirty = true;
      // What was sent on top of the answer only has to pass, unless it may be the beginning of something with a number.
      if (afterTrouble === 'replace' && (left === 'answer' || framing.numbered)) wire.drop();
    }
    if (!framing.numbered) {
      if (answer.kind === 'words') lost.found(unit);
      else if (answer.fault.kind !== 'refused') lost.add(unit, request, performance.now());
    }
    return answer;
  }

  return {
    get connected() {
      return wire.isOpen;
    },
    async exchange(unit, request, timeoutMs, connectDelayMs, signal) {
      if (signal.aborted) return faulty(stopped);
      const probe = lost.probeFor(unit, request, performance.now());
      if (probe) {
        const answer = await exchange(unit, probe, timeoutMs, connectDelayMs, signal);
        if (answer.kind === 'fault' && answer.fault.kind !== 'refused') return answer;
      }
      return exchange(unit, request, timeoutMs, connectDelayMs, signal);
    },
    suspicion() {
      const [first] = strangeAtMs;
      return strangeAtMs.length === STRANGE_TIMES && performance.now() - (first as number) < STRANGE_MS
        ? say('somebody speaks on this line unasked: a second master?')
        : null;
    },
    close() {
      cancel?.();
      return wire.close();
    },
  };
}

const sameWords = (a: PduAnswer, b: PduAnswer): boolean =>
  a.kind === 'words' && b.kind === 'words' && a.words.length === b.words.length && a.words.every((word, index) => word === b.words[index]);
const questionOf = ({unit, request}: Pick<Answered, 'unit' | 'request'>): string => `${unit}/${request.fc}/${request.at}/${request.words}`;
const isSame = (a: Answered, b: Answered): boolean => questionOf(a) === questionOf(b) && sameWords(a.answer, b.answer);
/** The same words of a unit once more, for another question: equal by chance, or sent twice. */
const repeats = (a: Answered, b: Answered): boolean =>
  a.unit === b.unit && questionOf(a) !== questionOf(b) && sameWords(a.answer, b.answer);
