// Points to read requests: the fewest bus milliseconds inside the device's limits. Optimal by dynamic programming over the sorted spans.

import {type BusTiming, costMs, requestMs} from './bustime.ts';
import {exponentAt, fieldSpans} from './codec.ts';
import type {Field, Limits, PointSource} from './profile.ts';

/** Registers that must arrive together: a value with its words (and its scale factor, where near enough). */
export type Span = {
  readonly fc: 3 | 4;
  readonly at: number;
  readonly words: number;
  /** What it falls into where the limits forbid it as a whole: the value and its scale factor may come apart, a value may not. */
  readonly parts?: readonly Span[];
};
export type PlannedRequest = {readonly fc: 3 | 4; readonly at: number; readonly words: number; readonly ms: number};

/** All fields of a source. */
export function fieldsOf(source: PointSource): readonly Field[] {
  switch (source.kind) {
    case 'field':
      return [source.field];
    case 'sum':
      return source.fields;
    case 'difference':
      return [...source.plus, ...source.minus];
    case 'flagged':
      return [source.magnitude, source.flag];
    case 'product':
      return source.fields;
    case 'first':
    case 'total':
      return source.of.flatMap(fieldsOf);
  }
}

/** The spans of a field; value and scale factor become one span where a request can hold both. */
export function spansOf(field: Field, limits: Limits): readonly Span[] {
  const spans = fieldSpans(field).map(({at, words}): Span => ({fc: field.fc, at, words}));
  const exponent = exponentAt(field);
  if (exponent === null) return spans;
  const low = Math.min(exponent, ...spans.map(span => span.at));
  const high = Math.max(exponent + 1, ...spans.map(span => span.at + span.words));
  const parts: readonly Span[] = [...spans, {fc: field.fc, at: exponent, words: 1}];
  const joined: Span = {fc: field.fc, at: low, words: high - low, parts};
  return allowed(joined, limits) ? [joined] : parts;
}

/** The spans that requests inside the limits can hold: whole, else in parts; members of an atomic range become one. */
export function fitting(spans: readonly Span[], limits: Limits): readonly Span[] {
  const fit = spans.flatMap(span => (allowed(span, limits) ? [span] : (span.parts ?? []).filter(part => allowed(part, limits))));
  return limits.atomic.reduce<readonly Span[]>((list, [from, to]) => united(list, from, to, limits), fit);
}

function united(spans: readonly Span[], from: number, to: number, limits: Limits): readonly Span[] {
  return ([3, 4] as const).reduce<readonly Span[]>((list, fc) => {
    const inside = list.filter(span => span.fc === fc && span.at >= from && span.at + span.words <= to + 1);
    const at = Math.min(...inside.map(span => span.at));
    const whole: Span = {fc, at, words: Math.max(...inside.map(span => span.at + span.words)) - at, parts: inside};
    return inside.length > 1 && allowed(whole, limits) ? [...list.filter(span => !inside.includes(span)), whole] : list;
  }, spans);
}

/** Whether one request may cover a span: size, forbidden ranges, barriers. */
function allowed(span: Span, limits: Limits): boolean {
  const end = span.at + span.words;
  return (
    span.words <= limits.maxRegisters &&
    !limits.forbidden.some(([from, to]) => span.at <= to && end > from) &&
    !limits.barriers.some(barrier => span.at < barrier && end > barrier)
  );
}

/**
 * Requests that cover all spans, each span whole in one request, in rising order per function code.
 * Spans that cannot be read at all (too long, forbidden) are left out.
 */
export function planReads(spans: readonly Span[], limits: Limits, timing: BusTiming): readonly PlannedRequest[] {
  const wanted = fitting(spans, limits);
  return ([3, 4] as const).flatMap(fc => cheapest(sorted(wanted.filter(span => span.fc === fc)), fc, limits, timing));
}

/** Sorted, without spans inside others. Overlapping ones stay apart: which of them share a request is part of the optimum. */
function sorted(spans: readonly Span[]): Span[] {
  const result: Span[] = [];
  for (const span of [...spans].sort((a, b) => a.at - b.at || b.words - a.words)) {
    const last = result.at(-1);
    if (!last || span.at + span.words > last.at + last.words) result.push(span);
  }
  return result;
}

const isSingle = (span: Span, limits: Limits): boolean => limits.single.includes(span.at);

/** best[i] = least cost of the first i spans; the last request covers spans j..i-1. */
function cheapest(spans: readonly Span[], fc: 3 | 4, limits: Limits, timing: BusTiming): PlannedRequest[] {
  const best: number[] = [0];
  const from: number[] = [0];
  for (let i = 1; i <= spans.length; i++) {
    best[i] = Infinity;
    let end = 0;
    for (let j = i - 1; j >= 0; j--) {
      const first = spans[j] as Span;
      end = Math.max(end, first.at + first.words);
      if (!fits(spans, j, i, end, limits)) {
        if (end - first.at > limits.maxRegisters) break;
        continue;
      }
      const ms = (best[j] as number) + costMs(timing, end - first.at);
      // Of two equally cheap plans the one with fewer requests: it has fewer ways to fail.
      if (ms < (best[i] as number) - 1e-9) {
        best[i] = ms;
        from[i] = j;
      }
    }
  }
  const requests: PlannedRequest[] = [];
  for (let i = spans.length; i > 0; ) {
    const j = from[i] as number;
    const at = (spans[j] as Span).at;
    const words = Math.max(...spans.slice(j, i).map(span => span.at + span.words)) - at;
    requests.unshift({fc, at, words, ms: requestMs(timing, words)});
    i = j;
  }
  return requests;
}

function fits(spans: readonly Span[], j: number, i: number, end: number, limits: Limits): boolean {
  const first = spans[j] as Span;
  if (!allowed({fc: first.fc, at: first.at, words: end - first.at}, limits)) return false;
  if (i - j > 1) {
    for (let n = j; n < i; n++) if (isSingle(spans[n] as Span, limits)) return false;
    let reached = first.at + first.words;
    for (let n = j + 1; n < i; n++) {
      const span = spans[n] as Span;
      if (span.at - reached > limits.maxGap) return false;
      reached = Math.max(reached, span.at + span.words);
    }
    // A register that must be read alone may not be read over either.
    if (limits.single.some(at => at >= first.at && at < end)) return false;
  }
  return true;
}

/** Bus milliseconds of a set of requests. */
export const totalMs = (requests: readonly PlannedRequest[]): number => requests.reduce((sum, request) => sum + request.ms, 0);
