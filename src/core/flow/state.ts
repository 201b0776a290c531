// Everything the pipeline remembers from tick to tick: plain data, stored and restored as JSON.

import type {Policy, Site} from '../site.ts';
import {type AgeWatch, newAgeWatch} from './age.ts';
import type {Sample} from './align.ts';
import type {House} from './channels.ts';
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
  /** A slot past its end that waits for the registers' first reading after it. */
  closing: {slot: OpenSlot; endMonoMs: number} | null;
  /** Time without flows that the registers have to explain. */
  gap: {fromWallMs: number; toMonoMs: number; toWallMs: number; corrections: Record<string, number>} | null;
  pools: Pools;
  /** What is known of the batteries' rests on their lowest charge, by battery. */
  rests: Record<string, RestWatch>;
  lifetime: Sums;
  /** Today so far: closed quarter hours, and every word that was said of one of them. */
  day: {day: string; sums: Sums; qualities?: SlotQuality[]} | null;
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
  closing: null,
  gap: null,
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

export const serialiseFlow = (state: FlowState): string =>
  JSON.stringify(state, (key, value) => (key === 'ageWatch' || key === 'phaseWatch' ? undefined : value === -Infinity ? null : value));

/**
 * The state of an earlier run. Its monotonic clock is not ours: what lay between is a gap by wall time. Null where the text is no state.
 * Registers, pools and totals of channels that still exist go on; those of others stay in the sums.
 */
export function revive(json: string, site: Site, house: House, bootId: string): FlowState | null {
  let old: FlowState;
  try {
    old = JSON.parse(json) as FlowState;
  } catch {
    return null;
  }
  if (typeof old !== 'object' || old === null || old.version !== 1 || typeof old.registers !== 'object') return null;
  void site;
  const keys = new Set(house.registers.map(register => register.key));
  const stoppedWallMs = old.last && old.tick ? old.last.monoMs + (old.tick.wallMs - old.tick.monoMs) : null;
  const state: FlowState = {
    ...emptyState(bootId),
    ...old,
    bootId,
    tick: null,
    trusted: false,
    samples: {},
    phases: [],
    last: null,
    resume: old.last,
    doneMs: -Infinity,
    odd: null,
    phaseWatch: newPhaseWatch(),
    ageWatch: newAgeWatch(),
    rests: Object.fromEntries(Object.entries(old.rests ?? {}).map(([id, watch]) => [id, restAnew(watch)])),
    registers: Object.fromEntries(Object.entries(old.registers).filter(([key]) => keys.has(key))),
  };
  // Times of the register machines belong to the old clock: the limit of the first rise is set by the gap's length when it is known.
  if (stoppedWallMs !== null) {
    state.gap = {
      fromWallMs: stoppedWallMs,
      toMonoMs: Number.NaN,
      toWallMs: Number.NaN,
      corrections: old.gap?.corrections ?? {},
    };
  }
  return state;
}
