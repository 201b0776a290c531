// The clock as a parameter. Energy and deadlines live on the monotonic clock; wall time only names slots.

export type Clock = {
  /** Milliseconds since 1970, UTC; may jump. */
  wallMs(): number;
  /** Monotonic milliseconds; an arbitrary zero. */
  monoMs(): number;
  /** Resolves at that monotonic time, or rejects when the signal aborts. */
  sleepUntilMono(atMs: number, signal: AbortSignal): Promise<void>;
};

/** `2026-11-23T12:00:00.000Z` */
export const utcText = (wallMs: number): string => new Date(wallMs).toISOString();

/** The start of a step as rows of the ledger have it: `2026-11-23T12:00:00Z`, a local day, a month `2026-11` or a year `2026`. */
export const stepText = (startMs: number): string => utcText(startMs).replace('.000Z', 'Z');
export const dayText = (day: string, step: string): string => (step === '1y' ? day.slice(0, 4) : step === '1mo' ? day.slice(0, 7) : day);
