// Published totals that never go back: not within a run, and not behind what an earlier run has published and the broker still holds. Pure state.

/** kWh per key of one message. */
export type Energies = Readonly<Record<string, number>>;

/** Readings in a row below what was published after which a counter is taken for a new one, and goes on from there. */
const NEW_COUNTER_AFTER = 30;

export class Floors {
  private readonly published = new Map<string, number>();
  private readonly offsets = new Map<string, number>();
  private readonly lower = new Map<string, number>();

  /** What the broker still holds of an earlier run. */
  remember(energies: Energies): void {
    for (const [key, kwh] of Object.entries(energies))
      if (Number.isFinite(kwh)) this.published.set(key, Math.max(kwh, this.published.get(key) ?? -Infinity));
  }

  /** The value to publish for a total of our own ledger: it waits until the truth has caught up. */
  total(key: string, kwh: number): number {
    const floor = Math.max(kwh, this.published.get(key) ?? -Infinity);
    this.published.set(key, floor);
    return floor;
  }

  /** The value to publish for a device's counter, or null for none yet. A replaced meter goes on from the last value. */
  counter(key: string, kwh: number): number | null {
    const before = this.published.get(key);
    const own = kwh + (this.offsets.get(key) ?? 0);
    if (before === undefined || own >= before) {
      this.lower.delete(key);
      // A register that reads zero before it ever read anything else is as likely not ready as new.
      if (before === undefined && kwh === 0) {
        const zeros = (this.lower.get(`${key}>zero`) ?? 0) + 1;
        this.lower.set(`${key}>zero`, zeros);
        if (zeros < 3) return null;
      }
      this.published.set(key, own);
      return own;
    }
    const times = (this.lower.get(key) ?? 0) + 1;
    this.lower.set(key, times);
    if (times >= NEW_COUNTER_AFTER && kwh > 0) {
      this.offsets.set(key, before - kwh);
      this.lower.delete(key);
    }
    return before;
  }
}
