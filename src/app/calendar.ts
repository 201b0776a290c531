// Work at times of the calendar. node-cron only says which minutes are meant: its own timers stand still after a clock was set back,
// and work off every minute that a step forward skipped.

import {createTask} from 'node-cron';

const MINUTE_MS = 60_000;
/** The clock is looked at this often, real ms. */
const LOOK_MS = 10_000;
/** More minutes than this between two looks are a step of the clock, not a busy machine: they are not made up for. */
const LONGEST_LOOK_MINUTES = 30;

export type Calendar = {
  /** IANA zone in which the expression is meant. */
  readonly timezone: string;
  readonly wallMs: () => number;
  readonly lookMs?: number;
};

/**
 * Runs `work` in every minute that the cron expression names, one run at a time, once for all minutes that passed between two looks.
 * `work` must not reject. Call the result to end it; a run that is on its way is not waited for.
 */
export function onCalendar(cron: string, {timezone, wallMs, lookMs = LOOK_MS}: Calendar, work: () => Promise<void>): () => void {
  const pattern = createTask(cron, () => {}, {timezone});
  let seen = Math.floor(wallMs() / MINUTE_MS);
  let busy = false;

  async function look(): Promise<void> {
    const now = Math.floor(wallMs() / MINUTE_MS);
    const passed = now - seen;
    seen = now;
    if (busy || passed === 0) return;
    const from = passed > 0 && passed <= LONGEST_LOOK_MINUTES ? now - passed + 1 : now;
    const due = Array.from({length: now - from + 1}, (_, index) => from + index).some(minute =>
      pattern.match(new Date(minute * MINUTE_MS)),
    );
    if (!due) return;
    busy = true;
    await work();
    busy = false;
  }

  const timer = setInterval(() => void look(), lookMs);
  timer.unref();
  return () => {
    clearInterval(timer);
    void pattern.destroy();
  };
}
