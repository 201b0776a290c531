// When our next sweep is due, by the beat of those before: a guest's request that would still be under way then waits for it.

/** A sweep has ended when nothing of ours was asked for this long. */
const BETWEEN_SWEEPS_MS = 100;
/** Beats this uneven are none. */
const UNEVEN = 0.2;
/** A beat is waited for this much longer, and counts as missed then. */
const LATE_MS = 20;
/** No guest waits longer than that for us. */
const LONGEST_MS = 1000;

type Rhythm = {
  /** Something of ours is asked for, or was answered. */
  ours(nowMs: number): void;
  /** How long a request that takes so long should wait; 0 where it will be over before our next sweep. */
  holdMs(nowMs: number, takesMs: number): number;
};

export function createRhythm(): Rhythm {
  let lastMs = -Infinity;
  let beganMs = -Infinity;
  let beatMs = Infinity;
  let even = false;
  return {
    ours(nowMs) {
      if (nowMs - lastMs > BETWEEN_SWEEPS_MS) {
        const beat = nowMs - beganMs;
        even = Math.abs(beat - beatMs) <= UNEVEN * beatMs;
        [beganMs, beatMs] = [nowMs, beat];
      }
      lastMs = nowMs;
    },
    holdMs(nowMs, takesMs) {
      const dueMs = beganMs + beatMs;
      if (!even || nowMs > dueMs + LATE_MS || nowMs + Math.min(takesMs, LONGEST_MS) < dueMs) return 0;
      return Math.ceil(dueMs + LATE_MS - nowMs);
    },
  };
}
