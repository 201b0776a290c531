// Per unit: a dead one may not eat its neighbours' bus time. After some silences it is asked only now and then, one register at a time.

/** Silences in a row after which a unit counts as dead. */
const PATIENCE = 3;
const FIRST_PAUSE_MS = 5000;
/** An inverter that wakes up is noticed within this. */
const LONGEST_PAUSE_MS = 60_000;
/** A dead unit may cost this share of the bus: its pause is at least this many times its time-out. */
const SHARE = 10;

type Breaker = {
  /** Whether the unit may be asked at this real monotonic time. While it is dead, one request a pause passes as a probe. */
  mayAsk(unit: number, nowMs: number): boolean;
  /** What a request came to. `silent`: no answer at all, after `tookMs`. */
  record(unit: number, silent: boolean, nowMs: number, tookMs: number): void;
  isDead(unit: number): boolean;
};

export function createBreaker(random: () => number = Math.random): Breaker {
  const units = new Map<number, {silences: number; pauseMs: number; nextMs: number}>();
  return {
    mayAsk(unit, nowMs) {
      const state = units.get(unit);
      return !state || state.silences < PATIENCE || nowMs >= state.nextMs;
    },
    record(unit, silent, nowMs, tookMs) {
      if (!silent) {
        units.delete(unit);
        return;
      }
      const state = units.get(unit) ?? {silences: 0, pauseMs: FIRST_PAUSE_MS / 2, nextMs: 0};
      state.silences++;
      if (state.silences >= PATIENCE) {
        state.pauseMs = Math.max(Math.min(LONGEST_PAUSE_MS, state.pauseMs * 2), tookMs * SHARE);
        state.nextMs = nowMs + state.pauseMs * (1 + 0.2 * random());
      }
      units.set(unit, state);
    },
    isDead: unit => (units.get(unit)?.silences ?? 0) >= PATIENCE,
  };
}
