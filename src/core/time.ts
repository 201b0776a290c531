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
