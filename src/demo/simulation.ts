// The house in time: brought up to any moment when somebody looks, and remembered for a while, because devices show the past.

import type {Books} from './books.ts';
import {buildHouse, type HousePlan, type HouseState, type Moment, nextSecond} from './house.ts';
import type {SavedHouse} from './persist.ts';

export type Simulation = {
  /** The house in the second of that time, at most REMEMBERED_S ago. Older than that or before the start: the oldest known. */
  at(epochMs: number): Moment;
  /** Books up to that instant, the running second taken in part. */
  booksAt(epochMs: number): Books;
  /** The ledger begins at this instant and with these books: what it is compared with starts here. */
  openLedger(epochMs: number, books: Books): void;
  opening(): SavedHouse['opening'];
  /** Stores the house as it is; whoever continues it begins at its newest second. */
  save(): void;
};

type SimulationOptions = {
  readonly plan: HousePlan;
  readonly scenario: string;
  readonly seed: number;
  /** Where a new house begins, s. */
  readonly startS: number;
  readonly saved: SavedHouse | null;
  /** The house is stored before it is shown beyond what was stored: each time this many of its seconds ahead. */
  readonly strideS: number;
  /** Called with what is to be stored; on the disk when it returns. */
  readonly store: (saved: SavedHouse) => void;
};

/** Long enough for slow polls, whose instants are settled only when all devices have been read again. */
const REMEMBERED_S = 1800;

export function createSimulation(options: SimulationOptions): Simulation {
  const {plan, scenario, seed, saved, strideS} = options;
  let newest = saved?.state ?? buildHouse(plan, seed, options.startS);
  let past: HouseState[] = [newest];
  let opening = saved?.opening ?? null;
  let horizonS = -Infinity;

  function store(untilS: number): void {
    horizonS = untilS;
    options.store({format: 'wattledger-house/1', scenario, seed, horizonS, opening, state: newest});
  }

  function bringTo(epochS: number): void {
    while (newest.moment.epochS < epochS) {
      newest = nextSecond(plan, newest);
      past.push(newest);
    }
    if (past.length > 2 * REMEMBERED_S) past = past.slice(-REMEMBERED_S);
    // Ahead of time: what was shown and published may be lost with the power, but never be taken back.
    if (epochS > horizonS - strideS / 2) store(epochS + strideS);
  }

  function stateAt(epochMs: number): HouseState {
    const epochS = Math.floor(epochMs / 1000);
    bringTo(epochS);
    const index = past.length - 1 - (newest.moment.epochS - epochS);
    return past[Math.max(0, Math.min(past.length - 1, index))] as HouseState;
  }

  function booksAt(epochMs: number): Books {
    const {books} = stateAt(epochMs);
    const before = stateAt(epochMs - 1000).books;
    const share = (((epochMs % 1000) + 1000) % 1000) / 1000;
    const between = <K extends string>(
      later: Readonly<Record<K, number>>,
      earlier: Readonly<Partial<Record<K, number>>>,
    ): Record<K, number> =>
      Object.fromEntries(
        (Object.keys(later) as K[]).map(key => [key, Math.floor((earlier[key] ?? 0) + (later[key] - (earlier[key] ?? 0)) * share)]),
      ) as Record<K, number>;
    return {totals: between(books.totals, before.totals), cells: between(books.cells, before.cells)};
  }

  bringTo(saved?.horizonS ?? options.startS);
  return {
    at: epochMs => stateAt(epochMs).moment,
    booksAt,
    openLedger(epochMs, books) {
      opening = {atS: epochMs / 1000, books};
      store(horizonS);
    },
    opening: () => opening,
    save: () => store(newest.moment.epochS),
  };
}
