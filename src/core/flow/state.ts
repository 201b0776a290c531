// Everything the pipeline remembers from tick to tick: plain data, stored and restored as JSON.

import type {Policy, Site} from '../site.ts';
import {type AgeWatch, newAgeWatch} from './age.ts';
import type {Sample} from './align.ts';
import type {House} from './channels.ts';
import type {HeldSlot, Silence} from './held.ts';
import type {Riddle} from './late.ts';
import type {Matrix, SlotQuality, SlotRecord} from './model.ts';
import type {OpenSlot, Pools} from './openslot.ts';
import {newPhaseWatch, type PhaseWatch} from './phases.ts';
import type {RegisterState} from './registers.ts';
import {type RestWatch, restAnew} from './rest.ts';

export type LastNode = {
  monoMs: number;
  matrix: Partial<Record<Policy, Matrix>>;
  /** Directed channels and derived terms, mW, as in the margins of a slot. */
  margins: Record<string, number>;
};
/** Sums of closed slots, mWh: cells of the primary policy by `origin|via|source|sink`, and totals by name. */
export type Sums = {cells: Record<string, number>; totals: Record<string, number>};

type Gap = {fromWallMs: number; fromMonoMs: number; toMonoMs: number; toWallMs: number; corrections: Record<string, number>};
/** Where the last instant of an earlier run lies, and what registers have told since. A gap of that run may still be open. */
export type Stop = {wallMs: number; monoMs: number; corrections: Record<string, number>};

export type FlowState = {
  version: 1;
  bootId: string;
  /** Wall minus monotonic, ms, of the newest tick; with it the tick's own times. */
  tick: {monoMs: number; wallMs: number} | null;
  trusted: boolean;
  samples: Record<string, Sample[]>;
  phases: [number, number[]][];
  gridOn: boolean;
  socPct: Record<string, number | null>;
  last: LastNode | null;
  /** The last instant of an earlier run, until the first of this one. */
  resume: LastNode | null;
  lastHome: number | null;
  /** Moment of the newest node that was processed, so that none is done twice. */
  doneMs: number;
  registers: Record<string, RegisterState>;
  running: OpenSlot | null;
  /** Slots past their end that wait for a register's first reading after it, oldest first. */
  held: HeldSlot[];
  /** Channels with registers that tell nothing, or did a moment ago. */
  silent: Record<string, Silence>;
  /** What came from nowhere in quarter hours that were closed meanwhile. */
  riddles: Riddle[];
  /** Time without flows that the registers have to explain. */
  gap: Gap | null;
  /** The end of an earlier run, until the first instant of this one. */
  stop: Stop | null;
  pools: Pools;
  /** What is known of the batteries' rests on their lowest charge, by battery. */
  rests: Record<string, RestWatch>;
  lifetime: Sums;
  /** Today so far; the day before it, which goes on where a clock that ran ahead comes back; and the day that such a clock has begun. */
  day: (DaySums & {before?: DaySums | null; after?: DaySums | null}) | null;
  published: Record<string, number>;
  waiting: string[];
  lastClosedMs: number | null;
  undated: SlotRecord[];
  odd: {sinceMonoMs: number; sign: number; told: boolean; sumMilliW: number; count: number; turned: Record<string, number>} | null;
  /** What this run has seen of steps on single phases; not kept over a restart. */
  phaseWatch: PhaseWatch;
  /** Ages of registers that were learned, ms, by channel. */
  ages: Record<string, number>;
  /** What this day has taught so far; not kept over a restart. */
  ageWatch: AgeWatch;
};

/** Closed quarter hours of a local day, and every word that was said of one of them. */
export type DaySums = {day: string; sums: Sums; qualities?: SlotQuality[]};

/** What is known of a day, or null: of today, of the one before it, or of one that a clock which ran ahead has begun. */
export const sumsOfDay = ({day: newest}: Pick<FlowState, 'day'>, day: string): DaySums | null =>
  [newest, newest?.before, newest?.after].find(one => one?.day === day) ?? null;

export const newSums = (): Sums => ({cells: {}, totals: {}});

export const emptyState = (bootId: string): FlowState => ({
  version: 1,
  bootId,
  tick: null,
  trusted: false,
  samples: {},
  phases: [],
  gridOn: true,
  socPct: {},
  last: null,
  resume: null,
  lastHome: null,
  doneMs: -Infinity,
  registers: {},
  running: null,
  held: [],
  silent: {},
  riddles: [],
  gap: null,
  stop: null,
  pools: {},
  rests: {},
  lifetime: newSums(),
  day: null,
  published: {},
  waiting: [],
  lastClosedMs: null,
  undated: [],
  odd: null,
  phaseWatch: newPhaseWatch(),
  ages: {},
  ageWatch: newAgeWatch(),
});

/** Not kept over a restart: what is worked out anew, and what only this run has seen. */
const FLEETING: ReadonlySet<string> = new Set(['ageWatch', 'phaseWatch', 'standing']);

export const serialiseFlow = (state: FlowState): string =>
  JSON.stringify(state, (key, value) => (FLEETING.has(key) ? undefined : value === -Infinity ? null : value));

/** An earlier version let one slot wait. */
type Stored = Omit<FlowState, 'held'> & {held?: HeldSlot[]; closing?: {slot: OpenSlot; endMonoMs: number} | null};

/**
 * The state of an earlier run. Its monotonic clock is not ours: what lay between is known by wall time. Null where the text is no state.
 * Registers, pools and totals of channels that still exist go on; those of others stay in the sums.
 */
export function revive(json: string, site: Site, house: House, bootId: string): FlowState | null {
  let old: Stored;
  try {
    old = JSON.parse(json) as Stored;
  } catch {
    return null;
  }
  if (typeof old !== 'object' || old === null || old.version !== 1 || typeof old.registers !== 'object') return null;
  void site;
  const keys = new Set(house.registers.map(register => register.key));
  const stoppedWallMs = old.last && old.tick ? old.last.monoMs + (old.tick.wallMs - old.tick.monoMs) : null;
  return {
    ...emptyState(bootId),
    ...old,
    bootId,
    tick: null,
    trusted: false,
    samples: {},
    phases: [],
    last: null,
    resume: old.last ?? old.resume,
    // Times of registers, and of what waits for them, are still of the old clock: the first beat puts them on the new one.
    stop: stoppedWallMs !== null && old.last ? {wallMs: stoppedWallMs, monoMs: old.last.monoMs, corrections: {}} : (old.stop ?? null),
    doneMs: -Infinity,
    held: (old.held ?? (old.closing ? [old.closing] : [])).map(one => ({shown: null, ...one, standing: null, handedOn: false})),
    silent: old.silent ?? {},
    riddles: old.riddles ?? [],
    odd: null,
    phaseWatch: newPhaseWatch(),
    ageWatch: newAgeWatch(),
    rests: Object.fromEntries(Object.entries(old.rests ?? {}).map(([id, watch]) => [id, restAnew(watch)])),
    // Before the first instant nothing was booked: what the registers showed then means nothing on another clock.
    registers: Object.fromEntries(Object.entries(old.registers).filter(([key]) => old.running && keys.has(key))),
  };
}
