// Published totals that never go back: not within a run, and not behind what an earlier run has published and the broker still holds. Pure state.

/** kWh per key of one message. */
export type Energies = Readonly<Record<string, number>>;

/** The ledger's own totals. */
export class Floors {
  private readonly published = new Map<string, number>();

  /** What the broker still holds of an earlier run. */
  remember(energies: Energies): void {
    for (const [key, kwh] of Object.entries(energies)) if (Number.isFinite(kwh)) this.total(key, kwh);
  }

  /** The value to publish: it waits until the truth has caught up. */
  total(key: string, kwh: number): number {
    const floor = Math.max(kwh, this.published.get(key) ?? -Infinity);
    this.published.set(key, floor);
    return floor;
  }
}

/** Readings in a row that agree with each other, and not with those before, after which they are believed. */
const BELIEVED_AFTER = 30;
/** A first zero is as likely a register that is not ready as a new meter. */
const FIRST_ZEROS = 3;
/** What a counter may gain: no house takes more, and no counter has coarser steps. */
const MOST_KW = 1000;
const COARSEST_STEP_KWH = 10;

/** A series of readings that may be the counter's. */
type Series = {readonly firstKwh: number; readonly kwh: number; readonly changedMs: number; readonly times: number};
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
    if (Number.isFinite(kwh)) this.counterOf(key).publishedKwh = kwh;
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
    // Without a reading before, only what an earlier run has published can be held against it.
    if (series ? continues(series, kwh, monoMs) : kwh >= (publishedKwh ?? Number.MIN_VALUE)) {
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
    counter.odd = odd && continues(odd, kwh, monoMs) ? follow(odd, kwh, monoMs) : {firstKwh: kwh, kwh, changedMs: monoMs, times: 1};
    if (publishedKwh === null) {
      if (counter.odd.times >= FIRST_ZEROS) this.accept(counter, kwh, monoMs);
      return null;
    }
    if (counter.odd.times < BELIEVED_AFTER || kwh === 0) return counter.odd.times === 1 ? 'held-back' : null;
    if (series) counter.earlier = {series, offsetKwh: counter.offsetKwh};
    counter.offsetKwh = publishedKwh - counter.odd.firstKwh;
    counter.series = counter.odd;
    this.accept(counter, kwh, monoMs);
    return 'replaced';
  }

  private accept(counter: Counter, kwh: number, monoMs: number): void {
    counter.series = follow(counter.series ?? {firstKwh: kwh, kwh, changedMs: monoMs, times: 0}, kwh, monoMs);
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

/** Whether a counter that stood so may read this now. A register that stood still for hours may gain hours at once. */
const continues = ({kwh: before, changedMs}: Series, kwh: number, monoMs: number): boolean =>
  kwh >= before && kwh <= before + COARSEST_STEP_KWH + (MOST_KW * (monoMs - changedMs)) / 3_600_000;

const follow = (series: Series, kwh: number, monoMs: number): Series => ({
  ...series,
  kwh,
  changedMs: kwh > series.kwh ? monoMs : series.changedMs,
  times: series.times + 1,
});
