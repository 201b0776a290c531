// Reads the registers of a plan, and finds out what a device refuses: bisects blocks, halves those too large, quarantines what is not there.

import type {BusTiming} from '../core/bustime.ts';
import {type PlannedRequest, planReads, type Span} from '../core/planner.ts';
import type {Limits, Timing} from '../core/profile.ts';
import type {Fault} from '../core/reading.ts';
import type {Link} from '../link/link.ts';

/** A word and the middle of the request that brought it. */
export type Word = {readonly value: number; readonly monoMs: number};
export type Registers = {
  word(fc: 3 | 4, address: number): Word | undefined;
  /** Why an address has no word, where it was asked for. */
  fault(fc: 3 | 4, address: number): Fault | undefined;
};

/** What has been learned of one unit; lives as long as the device. */
export type Learned = {
  /** Requests may not cross these addresses: a block over them was refused, its halves were not. */
  readonly barriers: Set<number>;
  /** Spans that are refused alone, until when (monotonic ms). Key `fc:at`. */
  readonly quarantine: Map<string, {readonly untilMs: number; readonly fault: Fault}>;
  maxRegisters: number;
};
export const newLearned = (): Learned => ({barriers: new Set(), quarantine: new Map(), maxRegisters: 125});

const QUARANTINE_MS = 3_600_000;

export type Sweep = Registers & {
  readonly requests: number;
  readonly registers: number;
  readonly ms: number;
  /** Answers of any kind, exceptions included. */
  readonly answered: number;
  /** The first thing that went wrong on the way (time-out, connection). */
  readonly broken: Fault | null;
};

export type SweepOptions = {
  readonly link: Link;
  readonly unit: number;
  readonly limits: Limits;
  readonly timing: Timing;
  readonly bus: BusTiming;
  readonly learned: Learned;
  readonly monoMs: number;
  readonly priority?: 'poll' | 'probe' | 'guest';
};

/** Limits with what was learned. */
export const learnedLimits = (limits: Limits, learned: Learned): Limits => ({
  ...limits,
  maxRegisters: Math.min(limits.maxRegisters, learned.maxRegisters),
  barriers: [...limits.barriers, ...learned.barriers],
});

/** Reads all spans. Never rejects: what is missing has a fault. After a silence on a device that answered nothing yet, the rest is not asked for. */
export async function readSpans(spans: readonly Span[], options: SweepOptions, signal: AbortSignal): Promise<Sweep> {
  const {link, unit, timing, learned} = options;
  const words = new Map<number, Word>();
  const faults = new Map<number, Fault>();
  const keyOf = (fc: number, address: number): number => fc * 0x10000 + address;
  let requests = 0;
  let registers = 0;
  let ms = 0;
  let answered = 0;
  let broken: Fault | null = null;

  const fail = (list: readonly Span[], fault: Fault): void => {
    for (const span of list)
      for (let i = 0; i < span.words; i++) if (!words.has(keyOf(span.fc, span.at + i))) faults.set(keyOf(span.fc, span.at + i), fault);
  };

  async function ask(request: PlannedRequest, inside: readonly Span[]): Promise<void> {
    if (signal.aborted) return fail(inside, {kind: 'disconnected', reason: 'stopped'});
    if (broken && (answered === 0 || broken.kind === 'disconnected')) return fail(inside, broken);
    const answer = await link.read(unit, {fc: request.fc, at: request.at, words: request.words}, signal, {
      timeoutMs: timing.timeoutMs,
      minGapMs: timing.minGapMs,
      unitPauseMs: timing.unitPauseMs,
      connectDelayMs: timing.connectDelayMs,
      ...(options.priority ? {priority: options.priority} : {}),
    });
    requests++;
    ms += answer.tookMs;
    if (answer.kind === 'words') {
      answered++;
      registers += request.words;
      answer.words.forEach((value, i) => {
        words.set(keyOf(request.fc, request.at + i), {value, monoMs: answer.monoMs});
      });
      return;
    }
    const {fault} = answer;
    if (fault.kind !== 'refused') {
      broken ??= fault;
      return fail(inside, fault);
    }
    answered++;
    await narrow(request, inside, fault);
  }

  /** A refused block: its halves, then single spans. What is refused alone is left alone for an hour. */
  async function narrow(request: PlannedRequest, inside: readonly Span[], fault: Fault & {kind: 'refused'}): Promise<void> {
    const single = inside.length === 1;
    if (single || fault.exception === 1) {
      fail(inside, fault);
      // Busy, failing or unreachable devices are asked again; an address that does not exist is not.
      if (fault.exception <= 3)
        for (const span of inside) learned.quarantine.set(`${span.fc}:${span.at}`, {untilMs: options.monoMs + QUARANTINE_MS, fault});
      return;
    }
    const sorted = [...inside].sort((a, b) => a.at - b.at);
    const cut = cleanCut(sorted);
    const middle = cut ?? Math.ceil(sorted.length / 2);
    if (fault.exception === 3 || fault.exception === 0x0b) {
      learned.maxRegisters = Math.max(8, Math.min(learned.maxRegisters, Math.ceil(request.words / 2)));
    } else if (fault.exception === 2 && cut !== null) {
      learned.barriers.add((sorted[middle] as Span).at);
    }
    for (const half of [sorted.slice(0, middle), sorted.slice(middle)]) await run(half);
  }

  async function run(list: readonly Span[]): Promise<void> {
    const plan = planReads(list, learnedLimits(options.limits, learned), options.bus);
    const covered = new Set<Span>();
    for (const request of plan) {
      const inside = list.filter(
        span => span.fc === request.fc && span.at >= request.at && span.at + span.words <= request.at + request.words,
      );
      for (const span of inside) covered.add(span);
      await ask(request, inside);
    }
    fail(
      list.filter(span => !covered.has(span)),
      {kind: 'absent'},
    );
  }

  const open: Span[] = [];
  for (const span of spans) {
    const kept = learned.quarantine.get(`${span.fc}:${span.at}`);
    if (kept && kept.untilMs > options.monoMs) fail([span], kept.fault);
    else open.push(span);
  }
  await run(open);
  return {
    word: (fc, address) => words.get(keyOf(fc, address)),
    fault: (fc, address) => faults.get(keyOf(fc, address)),
    requests,
    registers,
    ms,
    answered,
    broken,
  };
}

/**
 * Where spans in address order can be cut so that none is cut through, the nearest to their middle: values that share a scale factor overlap.
 * Null where they all hang together.
 */
function cleanCut(sorted: readonly Span[]): number | null {
  let best: number | null = null;
  let end = 0;
  for (const [index, span] of sorted.entries()) {
    const nearer = best === null || Math.abs(index - sorted.length / 2) < Math.abs(best - sorted.length / 2);
    if (index > 0 && span.at >= end && nearer) best = index;
    end = Math.max(end, span.at + span.words);
  }
  return best;
}
