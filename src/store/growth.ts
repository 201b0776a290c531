// What storing takes: commits and their time, how much is written and grown a day, and how far apart commits are put to keep within the budget.

import {type Said, say} from '../core/sentences/say.ts';
import {createPace} from './pace.ts';
import type {CommitInfo} from './writer.ts';

type Growth = {
  /** Pause before the next commit, real ms. */
  everyMs(): number;
  /** The store is open: what is reckoned by the day is reckoned from here. */
  begin(): void;
  /** After each commit; what is to be told where commits are put further apart than configured, or as configured again. */
  committed(info: CommitInfo): PaceChange | null;
  /** For health, by the contract's names. */
  details(): Readonly<Record<string, number | null>>;
};
type PaceChange = {readonly detail: Said; readonly everyS: number; readonly perDayMb: number};

const MB = 1024 * 1024;
/** Younger figures say nothing of a day, ms. */
const WRITTEN_AFTER_MS = 600_000;
const GROWN_AFTER_MS = 3_600_000;

export function createGrowth(commitEveryMs: number, budgetMbPerDay: number | null): Growth {
  const pace = createPace(commitEveryMs, budgetMbPerDay);
  /** The pace is slower than configured. */
  let slowed = false;
  let last: CommitInfo | null = null;
  let firstUsedBytes: number | null = null;
  let beganMs = 0;
  let commits = 0;
  let slowestMs = 0;

  const elapsedMs = (): number => performance.now() - beganMs;
  const perDay = (bytes: number | null | undefined, afterMs: number): number | null =>
    bytes == null || elapsedMs() < afterMs ? null : Math.round((bytes / MB) * (86_400_000 / elapsedMs()) * 10) / 10;

  return {
    everyMs: () => pace.everyMs,
    begin() {
      beganMs = performance.now();
    },
    committed(info) {
      last = info;
      commits++;
      slowestMs = Math.max(slowestMs, info.tookMs);
      firstUsedBytes ??= info.usedBytes;
      pace.committed(info.writtenBytes);
      const stretched = pace.everyMs > commitEveryMs * 1.1;
      if (stretched === slowed) return null;
      slowed = stretched;
      const everyS = Math.round(pace.everyMs / 1000);
      const perDayMb = Math.round((pace.perDayBytes ?? 0) / MB);
      const over = perDayMb > (budgetMbPerDay ?? 0);
      const detail = !stretched
        ? say('a commit every {s} s again: that is within store.budget_mb_per_day', {s: everyS})
        : say(
            over
              ? 'a commit every {s} s instead of {before} s keeps closer to store.budget_mb_per_day = {mb}; a power cut may cost as much'
              : 'a commit every {s} s instead of {before} s keeps within store.budget_mb_per_day = {mb}; a power cut may cost as much',
            {s: everyS, before: commitEveryMs / 1000, mb: budgetMbPerDay ?? 0},
          );
      return {detail, everyS, perDayMb};
    },
    details: () => ({
      file_mb: last ? round(last.fileBytes / MB) : null,
      commits,
      commit_ms: last ? round(last.tookMs) : null,
      commit_slowest_ms: round(slowestMs),
      written_mb: last?.writtenBytes == null ? null : round(last.writtenBytes / MB),
      written_mb_per_day: perDay(last?.writtenBytes, WRITTEN_AFTER_MS),
      // Pages in use, not the length of the file: that grows in steps and keeps what is free.
      grows_mb_per_day: perDay(last && firstUsedBytes !== null ? last.usedBytes - firstUsedBytes : null, GROWN_AFTER_MS),
      commit_every_s: Math.round(pace.everyMs / 1000),
      budget_mb_per_day: budgetMbPerDay,
    }),
  };
}

const round = (value: number): number => Math.round(value * 100) / 100;
