// One request in flight per bus or host, whoever asks: whose turn it is, pauses, time-outs that follow the latency seen, a breaker per unit.

import {setImmediate as afterOthers, setTimeout as sleep} from 'node:timers/promises';
import {EXCEPTION} from '../core/modbus.ts';
import type {Fault} from '../core/reading.ts';
import {say} from '../core/sentences/say.ts';
import type {Clock} from '../core/time.ts';
import {createBreaker} from './breaker.ts';
import type {Link, LinkHealth, ReadAnswer, ReadOptions, ReadRequest} from './link.ts';
import {createPatience} from './patience.ts';
import {createRhythm} from './rhythm.ts';
import type {Transport} from './transport.ts';
import {createTurns} from './turns.ts';

export type QueueOptions = {
  readonly name: string;
  readonly url: string;
  readonly clock: Clock;
  /** The longest wait for an answer, above what the devices' profiles say. */
  readonly timeoutMs?: number;
  readonly minGapMs?: number;
  /** Added to every pause between requests: the silence of a serial line. */
  readonly silenceMs?: number;
  /** The shortest wait for an answer, however quick the device was so far. */
  readonly floorMs?: number;
  /** What is on the way takes so long that profiles do not know of it: the least longest wait. */
  readonly wayMs?: number;
  /** The longest pause before a connection is tried again. */
  readonly reconnectMs?: number;
  /** Single requests may get lost without anything being wrong: datagrams. */
  readonly lossy?: boolean;
};

const FLOOR_MS = 500;
const CEILING_MS = 30_000;
const USUAL_MS = 3000;
/** Weight of a new round trip in the link's own figure. */
const SMOOTHING = 0.1;
const RECONNECT_FIRST_MS = 500;
const RECONNECT_LONGEST_MS = 60_000;
/** A guest's question to a unit that never answered may cost this part of the bus. */
const STRANGERS_SHARE = 10;

export function createQueue(transport: Transport, options: QueueOptions): Link {
  const {clock} = options;
  const breaker = createBreaker();
  const patience = createPatience(options.floorMs ?? FLOOR_MS);
  const turns = createTurns();
  const rhythm = createRhythm();
  const faults: Record<string, number> = {};
  const openedMs = performance.now();
  let running = false;
  let closed = false;
  let requests = 0;
  let busyMs = 0;
  let latencyMs: number | null = null;
  let lastError: string | null = null;
  let lastEndMs = 0;
  let lastUnit: number | null = null;
  let reconnectAtMs = 0;
  let reconnectPauseMs = RECONNECT_FIRST_MS;
  let strangersAtMs = 0;
  let wake: (() => void) | null = null;

  const unasked = (fault: Fault): ReadAnswer => ({kind: 'fault', fault, monoMs: clock.monoMs(), tookMs: 0});
  const stopped: Fault = {kind: 'disconnected', reason: say('stopped')};

  async function drain(): Promise<void> {
    if (running) return;
    running = true;
    while (turns.waiting() > 0) {
      // Whoever has just been answered may have the next question ready: a sweep of ours goes on before a guest's turn.
      if (turns.onlyGuests()) await afterOthers();
      if (turns.onlyGuests()) await expectOurs();
      await turns.next()?.run();
    }
    running = false;
  }

  /** A sweep of ours that is about to begin finds the bus free. */
  async function expectOurs(): Promise<void> {
    const holdMs = rhythm.holdMs(performance.now(), latencyMs ?? 0);
    if (holdMs === 0) return;
    await new Promise<void>(resolve => {
      const timer = setTimeout(resolve, holdMs);
      wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    wake = null;
  }

  /** Not even asked: why, or null where the request may go out. */
  function refusal(unit: number, signal: AbortSignal, {priority}: ReadOptions): Fault | null {
    const nowMs = performance.now();
    if (closed || signal.aborted) return stopped;
    if (!transport.connected && nowMs < reconnectAtMs) return {kind: 'disconnected', reason: lastError ?? say('not connected')};
    const stranger = priority === 'guest' && !patience.knows(unit) && nowMs < strangersAtMs;
    return stranger || !breaker.mayAsk(unit, nowMs) ? {kind: 'timeout', afterMs: 0} : null;
  }

  async function pause(unit: number, asked: ReadOptions, signal: AbortSignal): Promise<void> {
    const otherUnit = lastUnit !== null && lastUnit !== unit;
    const gapMs = Math.max(asked.minGapMs ?? 0, options.minGapMs ?? 0, otherUnit ? (asked.unitPauseMs ?? 0) : 0, options.silenceMs ?? 0);
    const leftMs = Math.ceil(lastEndMs + gapMs - performance.now());
    if (leftMs > 0) await sleep(leftMs, undefined, {signal}).catch(() => {});
  }

  async function serve(unit: number, request: ReadRequest, signal: AbortSignal, asked: ReadOptions): Promise<ReadAnswer> {
    const refused = refusal(unit, signal, asked);
    if (refused) return unasked(refused);
    // A unit that fell silent is asked for one register: its time-out is all it may cost.
    const sent = breaker.isDead(unit) ? {...request, words: Math.min(request.words, 1)} : request;
    const ceilingMs = Math.min(CEILING_MS, options.timeoutMs ?? Math.max(asked.timeoutMs ?? USUAL_MS, options.wayMs ?? 0));
    for (let attempt = 0; ; attempt++) {
      await pause(unit, asked, signal);
      if (closed) return unasked(stopped);
      const startedMono = clock.monoMs();
      const startedMs = performance.now();
      const wasConnected = transport.connected;
      const answer = await transport.exchange(unit, sent, patience.timeoutMs(unit, ceilingMs), asked.connectDelayMs ?? 0, signal);
      const tookMs = performance.now() - startedMs;
      const monoMs = Math.round((startedMono + clock.monoMs()) / 2);
      lastEndMs = performance.now();
      lastUnit = unit;
      requests++;
      busyMs += tookMs;
      if (answer.kind === 'words') {
        breaker.record(unit, false, lastEndMs, tookMs);
        if (wasConnected) {
          patience.answered(unit, tookMs);
          latencyMs = latencyMs === null ? tookMs : latencyMs + SMOOTHING * (tookMs - latencyMs);
        }
        reconnectPauseMs = RECONNECT_FIRST_MS;
        lastError = null;
        if (sent.words === request.words) return {kind: 'words', words: answer.words, monoMs, tookMs};
        // The probe was answered: the unit lives again, and the whole block is asked for now.
        return serve(unit, request, signal, asked);
      }
      const {fault} = answer;
      faults[fault.kind] = (faults[fault.kind] ?? 0) + 1;
      const againMs = asked.priority === 'guest' || signal.aborted ? null : againAfterMs(fault, attempt, unit);
      if (againMs !== null) {
        await sleep(againMs, undefined, {signal}).catch(() => {});
        continue;
      }
      note(unit, fault, tookMs, wasConnected, asked);
      return {kind: 'fault', fault, monoMs, tookMs};
    }
  }

  /** Pause before the same question is asked once more; null where that is no use. */
  function againAfterMs(fault: Fault, attempt: number, unit: number): number | null {
    if (fault.kind === 'bad_frame') return attempt < 1 ? 0 : null;
    if (fault.kind === 'timeout') return options.lossy && attempt < 1 && patience.knows(unit) && !breaker.isDead(unit) ? 0 : null;
    if (fault.kind !== 'refused') return null;
    const {times, firstMs} = AGAIN[fault.exception] ?? {times: 0, firstMs: 0};
    return attempt < times ? firstMs * 2 ** attempt : null;
  }

  function note(unit: number, fault: Fault, tookMs: number, wasConnected: boolean, {priority}: ReadOptions): void {
    if (fault.kind === 'disconnected') {
      lastError = fault.reason;
      if (!wasConnected) {
        reconnectAtMs = performance.now() + reconnectPauseMs * (1 + 0.2 * Math.random());
        reconnectPauseMs = Math.min(options.reconnectMs ?? RECONNECT_LONGEST_MS, reconnectPauseMs * 2);
      }
      return;
    }
    // A gateway says that its device is silent; any other exception is a sign of life.
    const silent = fault.kind === 'timeout' || (fault.kind === 'refused' && fault.exception === EXCEPTION.targetSilent);
    breaker.record(unit, silent, lastEndMs, tookMs);
    if (silent) patience.silent(unit);
    if (silent && priority === 'guest' && !patience.knows(unit)) strangersAtMs = lastEndMs + STRANGERS_SHARE * tookMs;
    if (fault.kind === 'timeout') lastError = say('unit {unit} does not answer', {unit});
    else if (fault.kind === 'bad_frame') lastError = fault.reason;
  }

  return {
    name: options.name,
    read(unit, request, signal, asked = {}) {
      const isOurs = asked.priority !== 'guest';
      return new Promise<ReadAnswer>(resolve => {
        if (isOurs) {
          rhythm.ours(performance.now());
          wake?.();
        }
        turns.add({
          asked,
          run: async () => {
            const answer = await serve(unit, request, signal, asked);
            if (isOurs) rhythm.ours(performance.now());
            resolve(answer);
          },
          cancel: () => resolve(unasked(stopped)),
        });
        void drain();
      });
    },
    health: (): LinkHealth => ({
      name: options.name,
      url: options.url,
      state: transport.connected ? 'connected' : requests === 0 ? 'idle' : 'disconnected',
      requests,
      faults,
      latencyMs: latencyMs === null ? null : Math.round(latencyMs * 10) / 10,
      busLoad: requests === 0 ? null : Math.round((1000 * busyMs) / Math.max(1, performance.now() - openedMs)) / 1000,
      lastError: lastError ?? transport.suspicion(),
    }),
    async close() {
      closed = true;
      turns.cancel();
      wake?.();
      await transport.close();
    },
  };
}

/** Exceptions that pass: a device that is busy, one that fails for a moment, a parity error. Source: Modbus Application Protocol V1.1b3, section 7. */
const AGAIN: Readonly<Record<number, {readonly times: number; readonly firstMs: number}>> = {
  [EXCEPTION.deviceFailure]: {times: 1, firstMs: 200},
  [EXCEPTION.busy]: {times: 3, firstMs: 100},
  [EXCEPTION.memoryParity]: {times: 1, firstMs: 0},
};
