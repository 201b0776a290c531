// Published totals that never go back: not within a run, and not behind what an earlier run has published and the broker still holds. Pure state.

/** kWh per key of one message. */
export type Energies = Readonly<Record<string, number>>;

/** No meter of a house has counted this much; registers that are "not available" read so. */
const ABSURD_KWH = 2_000_000;
/** What a broker holds may be anybody's: a figure that no house has would stand there for ever. */
export const isCount = (kwh: number): boolean => kwh >= 0 && kwh < ABSURD_KWH;

/** The ledger's own totals. One that was published once stays, also where a kill took the ledger back behind its beginning. */
export class Floors {
  private readonly published = new Map<string, number>();

  /** What the broker still holds of an earlier run, as `energiesIn` reads it. */
  remember(energies: Energies): void {
    for (const [key, kwh] of Object.entries(energies)) this.published.set(key, Math.max(kwh, this.published.get(key) ?? -Infinity));
  }

  keys(): Iterable<string> {
    return this.published.keys();
  }

  /** What is to be published instead of these: each waits until the truth has caught up. */
  over(energies: Energies): Energies {
    this.remember(energies);
    return Object.fromEntries(this.published);
  }
}

/** Readings in a row that agree with each other: so many confirm what is unusual, and so many what contradicts all that was known. */
const CONFIRMED_AFTER = 3;
const BELIEVED_AFTER = 30;
/** What a counter may gain: no house takes more, and no counter has coarser steps. */
const MOST_KW = 1000;
const COARSEST_STEP_KWH = 10;

/** A series of readings that may be the counter's. */
type Series = {
  readonly firstKwh: number;
  readonly kwh: number;
  readonly changedMs: number;
  readonly readMs: number;
  readonly times: number;
};
type Counter = {
  publishedKwh: number | null;
  /** Published minus register; not zero once a meter was replaced. */
  offsetKwh: number;
  series: Series | null;
  /** Readings that do not fit, and wait to be believed. */
  odd: Series | null;
  /** The series before the last change, should it come back. */
  earlier: {readonly series: Series; readonly offsetKwh: number} | null;
  seenMs: number;
};
export type Counted = {
  /** What is to be published, or null for nothing yet. */
  readonly kwh: number | null;
  /** Something a person may want to know. */
  readonly note: 'held-back' | 'replaced' | 'returned' | null;
};

/** Lifetime counters of devices. Registers read zero, dip, overflow for a moment and are replaced; what is published only grows. */
export class CounterGuard {
  private readonly counters = new Map<string, Counter>();

  /** What the broker still holds of an earlier run. */
  remember(key: string, kwh: number): void {
    this.counterOf(key).publishedKwh = kwh;
  }

  /** A reading of the register, taken at `monoMs`. The same reading may be told again. */
  read(key: string, kwh: number, monoMs: number): Counted {
    const counter = this.counterOf(key);
    if (monoMs <= counter.seenMs) return {kwh: counter.publishedKwh, note: null};
    counter.seenMs = monoMs;
    const note = this.judge(counter, kwh, monoMs);
    return {kwh: counter.publishedKwh, note};
  }

  private judge(counter: Counter, kwh: number, monoMs: number): Counted['note'] {
    const {series, odd, earlier, publishedKwh} = counter;
    if (goesOn(counter, kwh, monoMs)) {
      this.accept(counter, kwh, monoMs);
      return null;
    }
    if (earlier && continues(earlier.series, kwh, monoMs)) {
      counter.offsetKwh = earlier.offsetKwh;
      counter.series = earlier.series;
      counter.earlier = null;
      this.accept(counter, kwh, monoMs);
      return 'returned';
    }
    const waiting = odd && continues(odd, kwh, monoMs) ? follow(odd, kwh, monoMs) : newSeries(kwh, monoMs);
    counter.odd = waiting;
    if (waiting.times >= CONFIRMED_AFTER && mayBe(counter, kwh, monoMs)) {
      this.accept(counter, kwh, monoMs);
      return null;
    }
    if (waiting.times < BELIEVED_AFTER || kwh === 0 || publishedKwh === null)
      return waiting.times === 1 && publishedKwh !== null ? 'held-back' : null;
    if (series) counter.earlier = {series, offsetKwh: counter.offsetKwh};
    counter.offsetKwh = publishedKwh - waiting.firstKwh;
    counter.series = waiting;
    this.accept(counter, kwh, monoMs);
    return 'replaced';
  }

  private accept(counter: Counter, kwh: number, monoMs: number): void {
    counter.series = counter.series ? follow(counter.series, kwh, monoMs) : newSeries(kwh, monoMs);
    counter.odd = null;
    // Sums of decimals: whole mWh again.
    const ownKwh = Math.round((kwh + counter.offsetKwh) * 1e6) / 1e6;
    counter.publishedKwh = Math.max(ownKwh, counter.publishedKwh ?? -Infinity);
  }

  private counterOf(key: string): Counter {
    let counter = this.counters.get(key);
    if (!counter) {
      counter = {publishedKwh: null, offsetKwh: 0, series: null, odd: null, earlier: null, seenMs: -Infinity};
      this.counters.set(key, counter);
    }
    return counter;
  }
}

/** Whether this is what everybody expects next. */
function goesOn({series, publishedKwh}: Counter, kwh: number, monoMs: number): boolean {
  if (series) return kwh >= series.kwh && kwh <= series.kwh + atMost(monoMs - series.readMs);
  // After a start only what an earlier run has published can be held against it; the first zero is as likely a register that is not ready.
  return publishedKwh === null ? kwh > 0 && kwh < ABSURD_KWH : kwh >= publishedKwh && kwh <= publishedKwh + COARSEST_STEP_KWH;
}

/** Whether it can be true once it is confirmed: a register that stood still for hours gains hours at once; a daemon may have been away for long. */
function mayBe({series, publishedKwh}: Counter, kwh: number, monoMs: number): boolean {
  if (series) return continues(series, kwh, monoMs);
  return publishedKwh === null ? kwh < ABSURD_KWH : kwh >= publishedKwh && kwh < publishedKwh + ABSURD_KWH;
}

const atMost = (spanMs: number): number => COARSEST_STEP_KWH + (MOST_KW * spanMs) / 3_600_000;
const continues = ({kwh: before, changedMs}: Series, kwh: number, monoMs: number): boolean =>
  kwh >= before && kwh <= before + atMost(monoMs - changedMs);

const newSeries = (kwh: number, monoMs: number): Series => ({firstKwh: kwh, kwh, changedMs: monoMs, readMs: monoMs, times: 1});
const follow = (series: Series, kwh: number, monoMs: number): Series => ({
  ...series,
  kwh,
  changedMs: kwh > series.kwh ? monoMs : series.changedMs,
  readMs: monoMs,
  times: series.times + 1,
});
