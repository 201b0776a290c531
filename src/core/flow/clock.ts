// Wall time against monotonic time: a step of the clock is an event, never energy.

/** A change of wall time against monotonic time beyond this is a step, ms. */
const CLOCK_STEP_MS = 2000;

type Instant = {readonly monoMs: number; readonly wallMs: number};

/** By how much the wall clock stepped between two instants, ms; null where it only ran. */
export function stepClock(before: Instant, after: Instant): number | null {
  const step = after.wallMs - before.wallMs - (after.monoMs - before.monoMs);
  return Math.abs(step) > CLOCK_STEP_MS ? step : null;
}
