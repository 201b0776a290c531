// Not every beat brings a new picture of the house: the newest beat with the newest picture, and how old that is.

import type {TickRecord} from './sink.ts';

export type Picture = {
  /** The newest record; state, energy, day and money are the newest there were. */
  readonly record: TickRecord;
  /** Monotonic moment of the beat that brought the state; -Infinity before the first. */
  readonly stateMonoMs: number;
};

/** A beat without a new picture is normal; so many, or so long, is not. */
const LASTS = {beats: 5, ms: 30_000} as const;

export const follow = (before: Picture | null, record: TickRecord): Picture => ({
  record: {
    ...record,
    state: record.state ?? before?.record.state ?? null,
    energy: record.energy ?? before?.record.energy ?? null,
    day: record.day ?? before?.record.day ?? null,
    money: record.money ?? before?.record.money ?? null,
  },
  stateMonoMs: record.state ? record.tick.monoMs : (before?.stateMonoMs ?? Number.NEGATIVE_INFINITY),
});

/** Whether the picture still stands for the house. */
export const isFresh = ({record, stateMonoMs}: Picture, pollEveryMs: number): boolean =>
  record.tick.monoMs - stateMonoMs <= Math.max(LASTS.ms, LASTS.beats * pollEveryMs);
