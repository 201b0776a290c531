// One request in flight per bus or host, whoever asks: order by priority, pauses, time-outs that follow the latency seen, a breaker per unit.

import {setTimeout as sleep} from 'node:timers/promises';
import type {Clock} from '../core/time.ts';
import {createBreaker} from './breaker.ts';
import type {Link, LinkHealth, ReadAnswer, ReadOptions, ReadRequest} from './link.ts';
import type {Transport} from './transport.ts';

export type QueueOptions = {
  readonly name: string;
  readonly url: string;
  readonly clock: Clock;
  readonly timeoutMs?: number;
  readonly minGapMs?: number;
  /** Added to every pause between requests: the silence of a serial line. */
  readonly silenceMs?: number;
};

const FLOOR_MS = 500;
const CEILING_MS = 30_000;
/** A time-out is this many times the typical latency, once it is known. */
const LATENCIES = 6;
const SMOOTHING = 0.1;
const BUSY_RETRIES = 3;
const BUSY_FIRST_MS = 100;
const RECONNECT_FIRST_MS = 500;
const RECONNECT_LONGEST_MS = 60_000;

type Waiting = {readonly rank: number; readonly run: () => Promise<void>; readonly cancel: () => void};
const RANK = {poll: 0, guest: 1, probe: 2} as const;

export function createQueue(transport: Transport, options: QueueOptions): Link {
  const {clock} = options;
  const breaker = createBreaker();
  const waiting: Waiting[] = [];
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

  async function drain(): Promise<void> {
    if (running) return;
    running = true;
    while (waiting.length > 0) {
      let next = 0;
      for (let i = 1; i < waiting.length; i++) if ((waiting[i] as Waiting).rank < (waiting[next] as Waiting).rank) next = i;
      const [one] = waiting.splice(next, 1);
      await one?.run();
    }
    running = false;
  }

  async function serve(unit: number, request: ReadRequest, signal: AbortSignal, asked: ReadOptions): Promise<ReadAnswer> {
    const refuse = (reason: string): ReadAnswer => ({
      kind: 'fault',
      fault: {kind: 'disconnected', reason},
      monoMs: clock.monoMs(),
      tookMs: 0,
    });
    if (closed || signal.aborted) return refuse('stopped');
    if (!transport.connected && performance.now() < reconnectAtMs) return refuse(lastError ?? 'not connected');
    if (!breaker.mayAsk(unit, performance.now()))
      return {kind: 'fault', fault: {kind: 'timeout', afterMs: 0}, monoMs: clock.monoMs(), tookMs: 0};

    // A unit that fell silent is asked for one register: its time-out is all it may cost.
    const sent = breaker.isDead(unit) ? {...request, words: Math.min(request.words, 1)} : request;
    const timeoutMs = timeoutOf(asked.timeoutMs);
    for (let attempt = 0; ; attempt++) {
      const gapMs = Math.max(
        asked.minGapMs ?? 0,
        options.minGapMs ?? 0,
        lastUnit !== null && lastUnit !== unit ? (asked.unitPauseMs ?? 0) : 0,
        options.silenceMs ?? 0,
      );
      const pauseMs = lastEndMs + gapMs - performance.now();
      if (pauseMs > 0) await sleep(pauseMs, undefined, {signal}).catch(() => {});
      const startedMono = clock.monoMs();
      const startedMs = performance.now();
      const wasConnected = transport.connected;
      const answer = await transport.exchange(unit, sent, timeoutMs, asked.connectDelayMs ?? 0, signal);
      const tookMs = performance.now() - startedMs;
      const monoMs = Math.round((startedMono + clock.monoMs()) / 2);
      lastEndMs = performance.now();
      lastUnit = unit;
      requests++;
      busyMs += tookMs;
      if (answer.kind === 'words') {
        breaker.record(unit, false, lastEndMs, tookMs);
        if (wasConnected) latencyMs = latencyMs === null ? tookMs : latencyMs + SMOOTHING * (tookMs - latencyMs);
        reconnectPauseMs = RECONNECT_FIRST_MS;
        lastError = null;
        if (sent.words === request.words) return {kind: 'words', words: answer.words, monoMs, tookMs};
        // The probe was answered: the unit lives again, and the whole block is asked for now.
        return serve(unit, request, signal, asked);
      }
      const {fault} = answer;
      faults[fault.kind] = (faults[fault.kind] ?? 0) + 1;
      if (fault.kind === 'refused' && fault.exception === 6 && attempt < BUSY_RETRIES && !signal.aborted) {
        await sleep(BUSY_FIRST_MS * 2 ** attempt, undefined, {signal}).catch(() => {});
        continue;
      }
      if (fault.kind === 'disconnected') {
        lastError = fault.reason;
        if (!wasConnected) {
          reconnectAtMs = performance.now() + reconnectPauseMs * (1 + 0.2 * Math.random());
          reconnectPauseMs = Math.min(RECONNECT_LONGEST_MS, reconnectPauseMs * 2);
        }
      } else {
        // 0x0B comes from a gateway whose device is silent; any other exception is a sign of life.
        breaker.record(unit, fault.kind === 'timeout' || (fault.kind === 'refused' && fault.exception === 0x0b), lastEndMs, tookMs);
        if (fault.kind !== 'refused')
          lastError = fault.kind === 'timeout' ? `unit ${unit} does not answer` : fault.kind === 'bad_frame' ? fault.reason : fault.kind;
      }
      return {kind: 'fault', fault, monoMs, tookMs};
    }
  }

  /** The device's own value is the ceiling as long as nothing else is known; then the latency rules, between floor and ceiling. */
  function timeoutOf(asked: number | undefined): number {
    const ceiling = Math.min(CEILING_MS, options.timeoutMs ?? asked ?? 3000);
    return latencyMs === null
      ? ceiling
      : Math.min(ceiling, Math.max(FLOOR_MS, Math.round(LATENCIES * latencyMs), Math.min(ceiling, asked ?? 0)));
  }

  return {
    name: options.name,
    read(unit, request, signal, asked = {}) {
      return new Promise<ReadAnswer>(resolve => {
        waiting.push({
          rank: RANK[asked.priority ?? 'poll'],
          run: async () => resolve(await serve(unit, request, signal, asked)),
          cancel: () => resolve({kind: 'fault', fault: {kind: 'disconnected', reason: 'stopped'}, monoMs: clock.monoMs(), tookMs: 0}),
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
      lastError,
    }),
    async close() {
      closed = true;
      for (const one of waiting.splice(0)) one.cancel();
      await transport.close();
    },
  };
}
