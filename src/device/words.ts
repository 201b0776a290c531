// Reads the registers of a plan, and finds out what a device refuses: bisects blocks, halves those too long, leaves alone what is not there.

import type {BusTiming} from '../core/bustime.ts';
import {EXCEPTION} from '../core/modbus.ts';
import {fitting, type PlannedRequest, type Span} from '../core/planner.ts';
import type {Limits, Timing} from '../core/profile.ts';
import type {Fault} from '../core/reading.ts';
import type {Link, ReadAnswer} from '../link/link.ts';
import type {Learned} from './learned.ts';

/** A word and the middle of the request that brought it. */
type Word = {readonly value: number; readonly monoMs: number};
export type Registers = {
  word(fc: 3 | 4, address: number): Word | undefined;
  /** Why an address has no word, where it was asked for. */
  fault(fc: 3 | 4, address: number): Fault | undefined;
};

export type Sweep = Registers & {
  /** Everything that came, gaps between the spans included, in address order. */
  all(): readonly {readonly fc: 3 | 4; readonly at: number; readonly value: number}[];
  readonly requests: number;
  readonly registers: number;
  readonly ms: number;
  /** Answers that came from the device itself, exceptions included. */
  readonly answered: number;
  /** The first thing that went wrong on the way (time-out, connection, a gateway that reaches nobody). */
  readonly broken: Fault | null;
};

type SweepOptions = {
  readonly link: Link;
  readonly unit: number;
  readonly limits: Limits;
  readonly timing: Timing;
  readonly bus: BusTiming;
  readonly learned: Learned;
  readonly monoMs: number;
  /** What is to be read before everything else. */
  readonly first?: readonly Span[];
};

/** Exceptions that a gateway sends for a device that it does not reach, or a device that cannot answer now. */
const NOBODY: readonly number[] = [EXCEPTION.deviceFailure, EXCEPTION.gatewayPath, EXCEPTION.targetSilent];
/** Exceptions that may be for a part of a block only, or for its length. */
const NARROWED: readonly number[] = [EXCEPTION.illegalFunction, EXCEPTION.illegalAddress, EXCEPTION.illegalValue, EXCEPTION.targetSilent];

/** Reads all spans. Never rejects: what is missing has a fault. After a silence on a device that answered nothing yet, the rest is not asked for. */
export async function readSpans(spans: readonly Span[], options: SweepOptions, signal: AbortSignal): Promise<Sweep> {
  const {link, unit, timing, learned, first = []} = options;
  const words = new Map<number, Word>();
  const faults = new Map<number, Fault>();
  const keyOf = (fc: number, address: number): number => fc * 0x10000 + address;
  let requests = 0;
  let registers = 0;
  let ms = 0;
  let answered = 0;
  let refused = 0;
  let broken: Fault | null = null;
  /** Something was lost or broken on the wire. */
  let troubled = false;
  /** Nobody is there: the rest is not asked for. */
  let gone = false;
  /** A register that this device is known to answer for. */
  let knock: {readonly fc: 3 | 4; readonly at: number} | null = null;

  const fail = (list: readonly Span[], fault: Fault): void => {
    for (const span of list)
      for (let i = 0; i < span.words; i++) {
        const key = keyOf(span.fc, span.at + i);
        if (!words.has(key) && !faults.has(key)) faults.set(key, fault);
      }
  };

  async function exchange(fc: 3 | 4, at: number, count: number): Promise<ReadAnswer> {
    const {timeoutMs, minGapMs, unitPauseMs, connectDelayMs} = timing;
    const told = await link.read(unit, {fc, at, words: count}, signal, {timeoutMs, minGapMs, unitPauseMs, connectDelayMs});
    // Whoever stops waiting does not know what the answer would have been.
    const answer: ReadAnswer = told.kind === 'fault' && signal.aborted ? {...told, fault: {kind: 'timeout', afterMs: 0}} : told;
    if (answer.tookMs > 0) requests++;
    ms += answer.tookMs;
    if (answer.kind === 'words') {
      answered++;
      registers += count;
      knock = {fc, at};
      learned.proved(count);
      learned.measured(answer.tookMs, count, options.bus);
      answer.words.forEach((value, i) => {
        words.set(keyOf(fc, at + i), {value, monoMs: answer.monoMs});
        faults.delete(keyOf(fc, at + i));
      });
    } else if (answer.fault.kind !== 'refused') troubled = true;
    else if (!NOBODY.includes(answer.fault.exception)) answered++;
    return answer;
  }

  /** One register tells a device that dislikes a request from one that is not there. */
  async function lives(request: PlannedRequest, fault: Fault): Promise<boolean> {
    // A question that was not even sent says nothing about its length.
    if (signal.aborted || (fault.kind === 'timeout' && fault.afterMs === 0)) return false;
    const {fc, at} = knock ?? request;
    const answer = await exchange(fc, at, 1);
    return answer.kind === 'words' || (answer.fault.kind === 'refused' && !NOBODY.includes(answer.fault.exception));
  }

  /** True where the whole block was read at once. */
  async function ask(request: PlannedRequest, inside: readonly Span[], narrowing: boolean): Promise<boolean> {
    if (signal.aborted || gone) {
      fail(inside, broken ?? {kind: 'timeout', afterMs: 0}); // there was no time left to ask
      return false;
    }
    const answer = await exchange(request.fc, request.at, request.words);
    if (answer.kind === 'words') return true;
    let {fault} = answer;
    const nobody = fault.kind === 'timeout' || (fault.kind === 'refused' && fault.exception === EXCEPTION.targetSilent);
    if (nobody && (await lives(request, fault))) {
      // It is there: the frame was lost, or the block is more than it or its gateway can do.
      if (fault.kind === 'timeout' && !narrowing) {
        const again = await exchange(request.fc, request.at, request.words);
        if (again.kind === 'words') return true;
        fault = again.fault;
      }
      await narrow(request, inside, fault);
    } else if (fault.kind === 'refused' && !NOBODY.includes(fault.exception)) await narrow(request, inside, fault);
    else {
      broken ??= fault;
      gone ||= nobody || fault.kind === 'disconnected' || answered === 0;
      fail(inside, fault);
    }
    return false;
  }

  /** A refused block: its halves, then single spans. What is refused alone is left alone for an hour. */
  async function narrow(request: PlannedRequest, inside: readonly Span[], fault: Fault): Promise<void> {
    const exception = fault.kind === 'refused' ? fault.exception : null;
    // Whoever is busy, or spoke over by somebody else, is asked again on the next sweep.
    if (exception === null ? fault.kind !== 'timeout' : !NARROWED.includes(exception)) return fail(inside, fault);
    const members = inside.length === 1 ? (inside[0]?.parts ?? []) : inside;
    if (members.length < 2 || exception === EXCEPTION.illegalFunction) return refuse(request, inside, fault);
    const sorted = [...members].sort((a, b) => a.at - b.at);
    const middle = Math.ceil(sorted.length / 2);
    const [low, high] = [sorted.slice(0, middle), sorted.slice(middle)];
    const border = (high[0] as Span).at;
    const before = {registers, refused};
    const undo =
      exception !== EXCEPTION.illegalAddress && learned.mayBeTooLong(request.words) ? learned.shorten(Math.ceil(request.words / 2)) : null;
    // A value and its scale factor must not be joined again.
    if (inside.length === 1) learned.split(request.fc, border);
    const whole = [await run(low, fault), await run(high, fault)];
    // Where nothing came, or single values were refused, it was not the length.
    if (undo && (registers === before.registers || refused > before.refused)) undo();
    if (!undo && whole.every(Boolean)) learned.split(request.fc, border);
  }

  async function refuse(request: PlannedRequest, inside: readonly Span[], fault: Fault): Promise<void> {
    // Where frames were lost or broken, the refusal may have been for another request: once more.
    if (fault.kind === 'refused' && troubled) {
      const again = await exchange(request.fc, request.at, request.words);
      if (again.kind === 'words') return;
    }
    fail(inside, fault);
    refused++;
    if (!signal.aborted) for (const span of inside) learned.refuse(span, fault);
  }

  /** True where all of it came in whole blocks. What no request may hold gets `otherwise`. */
  async function run(list: readonly Span[], otherwise: Fault | null): Promise<boolean> {
    let whole = true;
    for (const fc of [3, 4] as const) {
      const wanted = list.filter(span => span.fc === fc);
      const fit = fitting(wanted, learned.limits(options.limits, fc, wanted));
      // A value that is longer than what was found to go through may go alone.
      const alone = wanted.filter(span => !span.parts && !fit.some(one => holds(one, span)) && fitting([span], options.limits).length > 0);
      const requests = [
        ...ordered(learned.plan(wanted, options.limits, options.bus)),
        ...alone.map(({at, words: count}) => ({fc, at, words: count, ms: 0})),
      ];
      for (const request of requests) {
        const inside = [...fit, ...alone].filter(span => holds(request, span));
        whole = (await ask(request, inside, otherwise !== null)) && whole;
      }
    }
    fail(list, otherwise ?? {kind: 'absent'});
    return whole;
  }

  const ordered = (plan: readonly PlannedRequest[]): readonly PlannedRequest[] => {
    const leads = (request: PlannedRequest): boolean => first.some(span => holds(request, span));
    return [...plan.filter(leads), ...plan.filter(request => !leads(request))];
  };

  learned.begin(options.monoMs);
  const open = new Map<string, Span>();
  for (const span of spans) {
    const kept = learned.refusal(span);
    if (kept) fail([span], kept);
    else open.set(`${span.fc}/${span.at}/${span.words}`, span);
  }
  await run([...open.values()], null);
  return {
    word: (fc, address) => words.get(keyOf(fc, address)),
    fault: (fc, address) => faults.get(keyOf(fc, address)),
    all: () =>
      [...words].sort(([a], [b]) => a - b).map(([key, {value}]) => ({fc: Math.floor(key / 0x10000) as 3 | 4, at: key % 0x10000, value})),
    requests,
    registers,
    ms,
    answered,
    broken,
  };
}

const holds = (outer: Span, span: Span): boolean =>
  span.fc === outer.fc && span.at >= outer.at && span.at + span.words <= outer.at + outer.words;
