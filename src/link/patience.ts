// How long to wait for each unit: as long as its answers are seen to take, between a floor and what its profile allows.

/** Never less than this part of what the profile says: it knows of the device's bad days. */
const LEAST_PART = 4;
/** Weights of a new round trip in the typical one and in its spread. Source: RFC 6298, section 2. */
const WEIGHT = 1 / 8;
const SPREAD_WEIGHT = 1 / 4;
const SPREADS = 4;
const TIMES = 4;
/** Silences after which a unit that never answered is given all the time its profile allows. */
const FULL_AFTER = 2;

type Patience = {
  /** Real ms to wait for the next answer of this unit. */
  timeoutMs(unit: number, ceilingMs: number): number;
  answered(unit: number, tookMs: number): void;
  /** Whoever was too late once is given twice as long. */
  silent(unit: number): void;
  /** Whether the unit has ever answered. */
  knows(unit: number): boolean;
};

export function createPatience(floorMs: number): Patience {
  const strangers = new Map<number, number>();
  const units = new Map<number, {typicalMs: number; spreadMs: number; silences: number}>();
  return {
    timeoutMs(unit, ceilingMs) {
      const seen = units.get(unit);
      // Beside others that do answer, one that never did is given a little more each time.
      if (!seen)
        return units.size === 0
          ? ceilingMs
          : Math.max(Math.min(floorMs, ceilingMs), ceilingMs / 2 ** Math.max(0, FULL_AFTER - (strangers.get(unit) ?? 0)));
      const wanted = Math.max(floorMs, ceilingMs / LEAST_PART, TIMES * seen.typicalMs, seen.typicalMs + SPREADS * seen.spreadMs);
      return Math.round(Math.min(ceilingMs, wanted * 2 ** Math.min(seen.silences, 10)));
    },
    answered(unit, tookMs) {
      const seen = units.get(unit);
      if (!seen) {
        units.set(unit, {typicalMs: tookMs, spreadMs: tookMs / 2, silences: 0});
        return;
      }
      seen.spreadMs += SPREAD_WEIGHT * (Math.abs(tookMs - seen.typicalMs) - seen.spreadMs);
      seen.typicalMs += WEIGHT * (tookMs - seen.typicalMs);
      seen.silences = 0;
    },
    silent(unit) {
      const seen = units.get(unit);
      if (seen) seen.silences++;
      else strangers.set(unit, (strangers.get(unit) ?? 0) + 1);
    },
    knows: unit => units.has(unit),
  };
}
