// How old a device's registers are when they are read, learned from what they do to the house: with the wrong age every cloud and every
// step of the battery shows up in the home's power as well. Each night the age that let the home move least over the day is adopted.

import type {Sample} from './align.ts';
import {localDay} from './slots.ts';

/** Ages that are tried, ms. */
const CANDIDATES_MS: readonly number[] = Array.from({length: 21}, (_, index) => index * 500);
const OLDEST_MS = CANDIDATES_MS.at(-1) as number;
/** A finer age cannot be seen in slower polls. */
const SLOWEST_POLL_MS = 5000;
/** Another age must let the home move this much less, in parts of a thousand. */
const BETTER_PERMILLE = 950;
/** Instants that a day must have had to be judged by. */
const ENOUGH = 3000;
/** Farther apart two samples say nothing of what was between them. */
const MAX_GAP_POLLS = 3;

export type AgeWatch = {
  day: string | null;
  /** Samples by the time of their request, as far back as the oldest candidate needs them. */
  recent: Record<string, Sample[]>;
  /** Moment of the last instant that was looked at. */
  doneMs: number;
  nodes: number;
  /** Sum of the home's movements under each candidate, and its last value, NaN where it is not known; mW. */
  moved: Record<string, number[]>;
  last: Record<string, number[]>;
};

export const newAgeWatch = (): AgeWatch => ({day: null, recent: {}, doneMs: Number.NEGATIVE_INFINITY, nodes: 0, moved: {}, last: {}});

/** A sample by the time of its request. */
export function watchSample(watch: AgeWatch, channel: string, atMs: number, milliW: number): void {
  watch.recent[channel] ??= [];
  const list = watch.recent[channel];
  const newest = list.at(-1);
  if (newest && atMs <= newest[0]) return;
  list.push([atMs, milliW]);
  while (list.length > 2 && (list[1] as Sample)[0] < atMs - 3 * OLDEST_MS) list.shift();
}

/**
 * Looks at the reference's instants that all candidates can be told for. Powers are signed into the bus; `ages`: those in use.
 */
export function watchAges(
  watch: AgeWatch,
  reference: string,
  channels: readonly string[],
  ages: Readonly<Record<string, number>>,
  pollEveryMs: number,
): void {
  if (pollEveryMs > SLOWEST_POLL_MS || channels.length === 0) return;
  const maxGapMs = MAX_GAP_POLLS * pollEveryMs;
  const readyMs = Math.min(...[reference, ...channels].map(id => watch.recent[id]?.at(-1)?.[0] ?? Number.NEGATIVE_INFINITY)) - OLDEST_MS;
  for (const sample of watch.recent[reference] ?? []) {
    const atMs = sample[0] - (ages[reference] ?? 0);
    if (atMs <= watch.doneMs) continue;
    if (atMs > readyMs) break;
    watch.doneMs = atMs;
    const present = channels.map(id => valueAt(watch.recent[id] ?? [], atMs + (ages[id] ?? 0), maxGapMs));
    const all = present.reduce<number | null>((sum, one) => (sum === null || one === null ? null : sum + one), sample[1]);
    watch.nodes++;
    channels.forEach((id, index) => {
      tryAges(watch, id, all === null ? Number.NaN : all - (present[index] as number), atMs, maxGapMs);
    });
  }
}

/** `others`: the home without this channel, mW; NaN where it is not known. */
function tryAges(watch: AgeWatch, id: string, others: number, atMs: number, maxGapMs: number): void {
  watch.moved[id] ??= CANDIDATES_MS.map(() => 0);
  watch.last[id] ??= CANDIDATES_MS.map(() => Number.NaN);
  const [moved, last, samples] = [watch.moved[id], watch.last[id], watch.recent[id] ?? []];
  // Candidates rise: what lies between two samples too early for one is too early for the next.
  let from = 1;
  for (let candidate = 0; candidate < CANDIDATES_MS.length; candidate++) {
    const ownMs = atMs + (CANDIDATES_MS[candidate] as number);
    from = firstAfter(samples, from, ownMs);
    const home = others + (between(samples, from, ownMs, maxGapMs) ?? Number.NaN);
    const movement = Math.abs(home - (last[candidate] as number));
    if (!Number.isNaN(movement)) moved[candidate] = (moved[candidate] as number) + movement;
    last[candidate] = home;
  }
}

const valueAt = (samples: readonly Sample[], atMs: number, maxGapMs: number): number | null =>
  between(samples, firstAfter(samples, 1, atMs), atMs, maxGapMs);

/** Index of the first sample after a moment, looked for from `from` on; the last one where there is none. */
function firstAfter(samples: readonly Sample[], from: number, atMs: number): number {
  let index = from;
  while (index < samples.length - 1 && (samples[index] as Sample)[0] <= atMs) index++;
  return index;
}

/** On a straight line from the sample before `index` to that one; null outside of them, or where they are too far apart. */
function between(samples: readonly Sample[], index: number, atMs: number, maxGapMs: number): number | null {
  const [before, after] = [samples[index - 1], samples[index]];
  if (!before || !after || atMs < before[0] || atMs > after[0] || after[0] - before[0] > maxGapMs) return null;
  return before[1] + ((after[1] - before[1]) * (atMs - before[0])) / (after[0] - before[0]);
}

type LearnedAge = {readonly channel: string; readonly ageMs: number; readonly beforeMs: number; readonly lessPermille: number};

/** At the turn of the site's day: what the day taught. The watch begins anew. */
export function learnAges(watch: AgeWatch, zone: string, wallMs: number, ages: Readonly<Record<string, number>>): LearnedAge[] {
  const today = localDay(zone, wallMs);
  if (watch.day === today) return [];
  const first = watch.day === null;
  const learned: LearnedAge[] = [];
  if (!first && watch.nodes >= ENOUGH) {
    for (const [channel, moved] of Object.entries(watch.moved)) {
      const beforeMs = ages[channel] ?? 0;
      const nearest = Math.round(beforeMs / 500);
      const now = moved[Math.min(nearest, moved.length - 1)] as number;
      const best = moved.indexOf(Math.min(...moved));
      const ageMs = CANDIDATES_MS[best] as number;
      if (ageMs !== beforeMs && now > 0 && (moved[best] as number) * 1000 < now * BETTER_PERMILLE)
        learned.push({channel, ageMs, beforeMs, lessPermille: Math.round(1000 - ((moved[best] as number) * 1000) / now)});
    }
  }
  if (!first) Object.assign(watch, {...newAgeWatch(), recent: watch.recent, doneMs: watch.doneMs});
  watch.day = today;
  return learned;
}
