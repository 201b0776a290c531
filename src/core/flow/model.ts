// The words of the flow core. Integers only: power in mW, energy in mWh, time in monotonic ms. Cells are never negative.

import type {EventKind, Said} from '../sentences/say.ts';
import type {Policy} from '../site.ts';

/** source -> sink -> amount; cells that are zero are left out. mW at an instant, mWh in a slot. */
export type Matrix = Readonly<Record<string, Readonly<Record<string, number>>>>;
/** Amount per source or per sink. */
export type Amounts = Readonly<Record<string, number>>;

export type NodeQuality = 'ok' | 'adjusted' | 'skew-corrected' | 'stale-estimated' | 'grid-derived' | 'islanded' | 'suspect';
export type SlotQuality = NodeQuality | 'unanchored' | 'stalled' | 'gap' | 'undated';

/** From the worst to the mildest: the first that a figure has is the one whose reason is told. */
const BY_WEIGHT: readonly SlotQuality[] = [
  'suspect',
  'gap',
  'undated',
  'stalled',
  'grid-derived',
  'islanded',
  'stale-estimated',
  'skew-corrected',
  'adjusted',
  'unanchored',
  'ok',
];
/** Negative where `a` is the worse of both. */
export const worseFirst = (a: SlotQuality, b: SlotQuality): number => BY_WEIGHT.indexOf(a) - BY_WEIGHT.indexOf(b);

/** The house at one instant of the grid meter. */
export type FlowNode = {
  readonly monoMs: number;
  readonly quality: NodeQuality;
  /** Why the quality is what it is, for people; null when ok. */
  readonly reason: Said | null;
  /** Largest distance in time between a channel's sample and the instant. */
  readonly skewMs: number;
  readonly matrix: Readonly<Partial<Record<Policy, Matrix>>>;
  /** Signed balanced powers, mW: `grid`, `solar`, `wind`, `generator`, `home`, each battery and load by its id. Null where unknown. */
  readonly powersMilliW: Readonly<Record<string, number | null>>;
};

export type Origin = 'solar' | 'wind' | 'generator' | 'grid' | 'unknown';
export const ORIGINS: readonly Origin[] = ['solar', 'wind', 'generator', 'grid', 'unknown'];

export type Label =
  | 'btm_consumed'
  | 'stored'
  | 'exported'
  | 'imported'
  | 'imported_earlier'
  | 're_exported'
  | 'lost'
  | 'unknown_origin'
  | 'unexplained';

/** One cell of a stored slot. `via` is `direct`, or the battery the energy came out of. */
export type SlotCell = {
  readonly origin: Origin | 'unexplained';
  readonly via: string;
  readonly source: string;
  readonly sink: string;
  readonly energyMilliWh: number;
  readonly label: Label;
};

/** A dated quarter hour, or one whose wall time is not known yet. */
export type SlotName = {readonly kind: 'utc'; readonly startMs: number} | UndatedName;
type UndatedName = {readonly kind: 'undated'; readonly bootId: string; readonly startMonoMs: number; readonly endMonoMs: number};

/** A total of one slot: anchored energy, the plain integral, and the register at the end where there is one. */
export type SlotTotal = {
  readonly name: string;
  readonly energyMilliWh: number;
  readonly rawMilliWh: number;
  readonly counterWh: number | null;
  readonly quality: readonly SlotQuality[];
};

export type SlotRecord = {
  readonly slot: SlotName;
  /** False while the slot is still running: such a record replaces the previous one of the same slot. */
  readonly closed: boolean;
  readonly cells: Readonly<Partial<Record<Policy, readonly SlotCell[]>>>;
  readonly totals: readonly SlotTotal[];
  readonly quality: readonly SlotQuality[];
  readonly reason: string | null;
  /** Bounds of cells, mWh, `source->sink`, only where a gap was filled. */
  readonly bounds: Readonly<Record<string, readonly [number, number]>> | null;
  /** It is added to what is stored of its quarter hour, instead of taking its place: that one is over. */
  readonly adds?: true;
  /** Slots without a date that are part of it now, and no longer slots of their own. */
  readonly takes?: readonly UndatedName[];
};

export type FlowEvent = {
  readonly kind: EventKind;
  readonly monoMs: number;
  /** Device or channel it is about, or null. */
  readonly about: string | null;
  readonly detail: Said;
  /** Numbers behind the sentence. */
  readonly evidence?: Readonly<Record<string, number | string>>;
};

/** What people, MQTT and the page see of the house now: flat, in W; keys as in the contract's `site/state`. */
export type SiteState = Readonly<Record<string, number | string | null>>;
/** Lifetime totals, kWh; keys as in the contract's `site/energy`. Never decreasing as published. */
export type SiteEnergy = Readonly<Record<string, number | string | null>>;
