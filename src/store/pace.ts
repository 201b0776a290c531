// How far apart commits are: as configured, or further where that would wear the card more than its budget allows.

const DAY_MS = 86_400_000;
const MB = 1024 * 1024;
/** The longest a commit may be put off, as in the configuration. */
export const LONGEST_COMMIT_MS = 15 * 60_000;
/** Weight of the newest commit in the mean: an hourly roll-up is spread over the hour. */
const WEIGHT = 0.05;
/** Commits before the mean means anything: the first ones make tables. */
const WARM_UP = 5;

type Pace = {
  /** After a commit: all bytes that were ever written, as the system counts them; null where it does not. */
  committed(writtenBytes: number | null): void;
  readonly everyMs: number;
  /** Bytes of a day at this pace, or null while that is not known. */
  readonly perDayBytes: number | null;
};

export function createPace(configuredMs: number, budgetMbPerDay: number | null): Pace {
  let meanBytes: number | null = null;
  let lastBytes: number | null = null;
  let commits = 0;

  const everyMs = (): number => {
    if (budgetMbPerDay === null || meanBytes === null) return configuredMs;
    return Math.min(LONGEST_COMMIT_MS, Math.max(configuredMs, Math.round((meanBytes / (budgetMbPerDay * MB)) * DAY_MS)));
  };
  return {
    committed(writtenBytes) {
      const bytes = writtenBytes === null || lastBytes === null ? null : writtenBytes - lastBytes;
      lastBytes = writtenBytes;
      if (bytes === null || ++commits <= WARM_UP) return;
      meanBytes = meanBytes === null ? bytes : meanBytes + WEIGHT * (bytes - meanBytes);
    },
    get everyMs() {
      return everyMs();
    },
    get perDayBytes() {
      return meanBytes === null ? null : (meanBytes * DAY_MS) / everyMs();
    },
  };
}
