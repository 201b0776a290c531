// A battery that rests on its lowest charge is empty, whatever the ledger still holds for it: the books are set right, and from one such rest
// to the next the round trip is measured.

import {type EventKind, type Said, say} from '../sentences/say.ts';
import type {House} from './channels.ts';
import type {SlotRecord} from './model.ts';
import {byOrigin, trueUp} from './origin.ts';
import type {FlowState} from './state.ts';

type Note = (kind: EventKind, about: string | null, detail: Said, evidence?: Record<string, number | string>) => void;

/** Below this a battery rests, mW. */
const REST_MILLI_W = 60_000;
/** The house buys at least this much while it rests: a battery that could give would give. mW. */
const BUYS_MILLI_W = 100_000;
const LONG_ENOUGH_MS = 10 * 60_000;
/** A floor above this is a reserve that somebody has set for the night, percent. */
const HIGHEST_FLOOR_PCT = 50;
/** The gauge of a resting battery may differ by this much from one rest to the next, percent. */
const SAME_PCT = 1;
/** Charged this much above the floor, the next rest is another one, percent. */
const AWAY_PCT = 5;
/** So many rests on one floor, with charging between, make it the lowest charge. A tariff that holds the battery back does that once. */
const CONFIRMING = 2;
/** Less charge between two rests tells nothing of the round trip, mWh. */
const ENOUGH_MILLI_WH = 2_000_000;
const PPM = 1_000_000;
const PLAUSIBLE_PPM = [500_000, PPM] as const;
/** Weight of what was known before against one more cycle. */
const REMEMBERED = 3;

/** What is known of one battery's rests. Plain data. */
export type RestWatch = {
  /** The lowest charge it has rested at, percent, and on how many occasions. */
  floorPct: number | null;
  rests: number;
  /** It was charged since. */
  away: boolean;
  /** Since when it rests on its floor, monotonic; null while it does not. */
  sinceMs: number | null;
  /** The books were set right in this rest. */
  settled: boolean;
  /** Charge and discharge since the last rest that counted, mWh; null before the first. */
  cycle: {charged: number; discharged: number} | null;
  /** Round trip as measured, parts per million; null before the first whole cycle. */
  etaPpm: number | null;
};

const newRestWatch = (): RestWatch => ({
  floorPct: null,
  rests: 0,
  away: false,
  sinceMs: null,
  settled: true,
  cycle: null,
  etaPpm: null,
});

/** After a restart nobody knows whether it still rests. */
export const restAnew = (watch: RestWatch): RestWatch => ({...watch, sinceMs: null, settled: true});

/** One look at the batteries. Powers are the newest samples, mW into the bus. */
export function watchRests(house: House, state: FlowState, monoMs: number): void {
  const grid = state.samples['grid']?.at(-1)?.[1] ?? 0;
  for (const id of house.batteries) {
    const watch = state.rests[id] ?? newRestWatch();
    state.rests[id] = watch;
    const socPct = state.socPct[id] ?? null;
    const milliW = state.samples[id]?.at(-1)?.[1];
    if (socPct === null || milliW === undefined) continue;
    if (watch.floorPct !== null && socPct > watch.floorPct + AWAY_PCT) watch.away = true;
    const rests = Math.abs(milliW) <= REST_MILLI_W && state.gridOn && grid >= BUYS_MILLI_W && socPct <= HIGHEST_FLOOR_PCT;
    if (!rests || (watch.floorPct !== null && socPct > watch.floorPct + SAME_PCT)) {
      watch.sinceMs = null;
      continue;
    }
    if (watch.sinceMs === null) {
      watch.sinceMs = monoMs;
      watch.settled = false;
    }
    if (watch.settled || monoMs - watch.sinceMs < LONG_ENOUGH_MS) continue;
    const lower = watch.floorPct === null || socPct < watch.floorPct - SAME_PCT;
    if (lower) [watch.rests, watch.cycle] = [0, null];
    if (lower || watch.away) watch.rests++;
    watch.floorPct = lower ? socPct : Math.min(watch.floorPct as number, socPct);
    watch.away = false;
    if (watch.rests < CONFIRMING) watch.settled = true;
  }
}

/** Counts charge and discharge of a closed quarter hour. */
export function countCycles(house: House, state: FlowState, record: SlotRecord): void {
  for (const id of house.batteries) {
    const cycle = state.rests[id]?.cycle;
    if (!cycle) continue;
    const sum = (side: 'source' | 'sink'): number =>
      (record.cells[house.primary] ?? []).filter(cell => cell[side] === id).reduce((all, cell) => all + cell.energyMilliWh, 0);
    cycle.charged += sum('sink');
    cycle.discharged += sum('source');
  }
}

/** At the end of a quarter hour: where a battery has rested through it, the books are set right. */
export function settleRests(house: House, state: FlowState, endMonoMs: number, note: Note): void {
  for (const id of house.batteries) {
    const watch = state.rests[id];
    if (!watch) continue;
    const due = watch.rests >= CONFIRMING && !watch.settled && watch.sinceMs !== null && endMonoMs - watch.sinceMs >= LONG_ENOUGH_MS;
    if (!due) continue;
    watch.settled = true;
    measure(id, watch, note);
    watch.cycle = {charged: 0, discharged: 0};
    empty(house, state, id, note);
  }
}

/** What a resting battery cannot hold any more is lost, under every policy. */
function empty(house: House, state: FlowState, id: string, note: Note): void {
  for (const policy of house.policies) {
    const pools = state.pools[policy];
    const pool = pools?.[id];
    if (!pools || !pool || pool.length === 0) continue;
    const stored = byOrigin(pool);
    state.pools[policy] = {...pools, [id]: trueUp(pool, 0).pool};
    if (policy !== house.primary) continue;
    const lost = Object.values(stored).reduce((sum, energy) => sum + energy, 0);
    note(
      'battery-trued-up',
      id,
      say('{id} rests on its lowest charge; {wh} Wh still on record are booked as its loss', {id, wh: Math.round(lost / 1000)}),
      {
        lost_wh: lost / 1000,
        ...Object.fromEntries(Object.entries(stored).map(([origin, energy]) => [`lost_${origin}_wh`, energy / 1000])),
      },
    );
  }
}

/** A closed cycle: what came out of what went in. */
function measure(id: string, watch: RestWatch, note: Note): void {
  const {cycle} = watch;
  if (!cycle || cycle.charged < ENOUGH_MILLI_WH) return;
  const seen = Math.round((cycle.discharged * PPM) / cycle.charged);
  if (seen < PLAUSIBLE_PPM[0] || seen > PLAUSIBLE_PPM[1]) return;
  watch.etaPpm = watch.etaPpm === null ? seen : Math.round((REMEMBERED * watch.etaPpm + seen) / (REMEMBERED + 1));
  note(
    'efficiency-learned',
    id,
    say('{id} gave back {percent} % of what it took since it last was empty', {id, percent: (seen / 10_000).toFixed(1)}),
    {
      charged_wh: cycle.charged / 1000,
      discharged_wh: cycle.discharged / 1000,
      cycle_ppm: seen,
      in_use_ppm: watch.etaPpm,
    },
  );
}

/** Round trips in use, parts per million: as measured, else as configured. */
export const efficiencyOf = (state: Pick<FlowState, 'rests'>, id: string, configuredPpm: number): number =>
  state.rests[id]?.etaPpm ?? configuredPpm;
