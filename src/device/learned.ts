// What a unit was found to refuse, to choke on, and to take for an answer. All of it is tried again after an hour, then after two, and so on.

import {type BusTiming, requestMs} from '../core/bustime.ts';
import {MOST_REGISTERS} from '../core/modbus.ts';
import {type PlannedRequest, planReads, type Span} from '../core/planner.ts';
import type {Limits} from '../core/profile.ts';
import type {Fault} from '../core/reading.ts';

const FIRST_MEMORY_MS = 3_600_000;
const LONGEST_MEMORY_MS = 86_400_000;
/** Round trips before the measured turnaround counts, and how far it must be off the one in use. */
const ENOUGH_SAMPLES = 30;
const WEIGHT = 0.05;
const FAR_OFF = 1.5;
const FAR_OFF_MS = 2;
/** Plans that are kept: of the fast points, of the slow ones, of both. */
const MOST_PLANS = 8;

export type Learned = {
  /** Forgets what is old enough to be tried again. */
  begin(monoMs: number): void;
  /** All of it is tried again: the device was away, or is another one now. */
  forget(): void;
  /** Why a span is not asked for now. */
  refusal(span: Span): Fault | undefined;
  refuse(span: Span, fault: Fault): void;
  /** A request over this address was refused, and both its halves were not. */
  split(fc: 3 | 4, at: number): void;
  /** A request of that length went through. */
  proved(words: number): void;
  /** Whether that length may be what was wrong with a request. */
  mayBeTooLong(words: number): boolean;
  /** Requests may not be longer from now on; gives what undoes it. */
  shorten(words: number): () => void;
  measured(tookMs: number, words: number, bus: BusTiming): void;
  /** The requests for these spans, refused ones left out. */
  plan(spans: readonly Span[], limits: Limits, bus: BusTiming): readonly PlannedRequest[];
  /** The profile's limits with what was learned, for spans of one function code. */
  limits(own: Limits, fc: 3 | 4, wanted: readonly Span[]): Limits;
};

const keyOf = ({fc, at, words}: Span): string => `${fc}/${at}/${words}`;
const overlap = (a: Span, b: Span): boolean => a.fc === b.fc && a.at < b.at + b.words && b.at < a.at + a.words;

/** `mostWords`: what the configuration allows a request. */
export function createLearned(mostWords = MOST_REGISTERS): Learned {
  const refused = new Map<string, {readonly span: Span; readonly fault: Fault}>();
  const barriers = {3: new Set<number>(), 4: new Set<number>()};
  let longest = mostWords;
  let provedWords = 0;
  let nowMs = 0;
  let forgetAtMs = Infinity;
  let memoryMs = FIRST_MEMORY_MS;
  let samples = 0;
  let typicalMs = 0;
  let usedMs: number | null = null;
  /** Sweeps are alike, and to plan one takes longer than everything else about it. Empty after anything new was learned. */
  const plans = new Map<string, {readonly own: Limits; readonly bus: BusTiming; readonly requests: readonly PlannedRequest[]}>();

  function remember(): void {
    plans.clear();
    if (forgetAtMs !== Infinity) return;
    forgetAtMs = nowMs + memoryMs;
    memoryMs = Math.min(LONGEST_MEMORY_MS, 2 * memoryMs);
  }
  function forget(): void {
    refused.clear();
    for (const set of Object.values(barriers)) set.clear();
    longest = mostWords;
    provedWords = 0;
    forgetAtMs = Infinity;
    plans.clear();
  }
  const limitsOf = (own: Limits, fc: 3 | 4, wanted: readonly Span[]): Limits => ({
    ...own,
    maxRegisters: Math.min(own.maxRegisters, longest),
    barriers: [...own.barriers, ...barriers[fc]],
    // What is refused is not read over either, unless somebody wants a part of it.
    forbidden: [
      ...own.forbidden,
      ...[...refused.values()]
        .filter(({span}) => span.fc === fc && !wanted.some(one => overlap(one, span)))
        .map(({span}) => [span.at, span.at + span.words - 1] as const),
    ],
  });

  return {
    begin(monoMs) {
      nowMs = monoMs;
      if (nowMs >= forgetAtMs) forget();
    },
    forget() {
      forget();
      memoryMs = FIRST_MEMORY_MS;
    },
    refusal: span => refused.get(keyOf(span))?.fault,
    refuse(span, fault) {
      refused.set(keyOf(span), {span, fault});
      remember();
    },
    split(fc, at) {
      barriers[fc].add(at);
      remember();
    },
    proved(words) {
      provedWords = Math.max(provedWords, words);
    },
    mayBeTooLong: words => words > provedWords,
    shorten(words) {
      const before = longest;
      longest = Math.max(1, provedWords, Math.min(longest, words));
      remember();
      return () => {
        longest = before;
        plans.clear();
      };
    },
    measured(tookMs, words, bus) {
      // The silences of the formula are the queue's pauses, not part of a round trip; what little they are goes to the turnaround.
      const turnaroundMs = Math.max(0, tookMs - requestMs({...bus, turnaroundMs: 0}, words));
      typicalMs = samples === 0 ? turnaroundMs : typicalMs + WEIGHT * (turnaroundMs - typicalMs);
      if (++samples < ENOUGH_SAMPLES) return;
      const used = usedMs ?? bus.turnaroundMs;
      const far = Math.abs(typicalMs - used) > FAR_OFF_MS && (typicalMs > used * FAR_OFF || typicalMs < used / FAR_OFF);
      if (!far) return;
      usedMs = Math.round(typicalMs);
      plans.clear();
    },
    plan(spans, own, bus) {
      const key = spans.map(span => (span.parts ? `${keyOf(span)}+` : keyOf(span))).join();
      const known = plans.get(key);
      if (known && known.own === own && known.bus === bus) return known.requests;
      const open = spans.filter(span => !refused.has(keyOf(span)));
      const requests = ([3, 4] as const).flatMap(fc => {
        const wanted = open.filter(span => span.fc === fc);
        return planReads(wanted, limitsOf(own, fc, wanted), usedMs === null ? bus : {...bus, turnaroundMs: usedMs});
      });
      if (plans.size >= MOST_PLANS) plans.clear();
      plans.set(key, {own, bus, requests});
      return requests;
    },
    limits: limitsOf,
  };
}
