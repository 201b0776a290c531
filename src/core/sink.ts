// The outlet contract: what one tick gives to whoever wants it.

import type {Board} from './board.ts';
import type {FlowEvent, FlowNode, SiteEnergy, SiteState, SlotRecord} from './flow/model.ts';
import type {ByOrigin} from './flow/origin.ts';
import type {Reading} from './reading.ts';
import type {MoneyNow} from './tariff/now.ts';

/** One beat of the daemon. `wallMs` only names slots and stamps; energy never depends on it. */
export type Tick = {
  readonly seq: number;
  readonly monoMs: number;
  readonly wallMs: number;
  /** How long after its due moment this is; absent where nobody knows. */
  readonly lateMs?: number;
};

export type TickRecord = {
  readonly tick: Tick;
  /** What arrived in this tick, in order of arrival. */
  readonly readings: readonly Reading[];
  readonly board: Board;
  readonly nodes: readonly FlowNode[];
  /** Slots that were closed, corrected or dated in this tick, and (at the pace of commits) the running one with `closed: false`. */
  readonly slots: readonly SlotRecord[];
  readonly events: readonly FlowEvent[];
  /** The house as published. Null until the first node. */
  readonly state: SiteState | null;
  /** Totals, at the pace at which somebody wants them; null in between. */
  readonly energy: SiteEnergy | null;
  /** Today in the site's zone, as `site/day`; comes with the totals. */
  readonly day: SiteEnergy | null;
  /** What each battery holds by where it came from, mWh, under the site's policy. */
  readonly stored?: Readonly<Record<string, ByOrigin>>;
  /** Money of today, this month and this year; absent without tariffs. */
  readonly money?: MoneyNow | null;
  /** The flow state after the tick as JSON text, where it is due to be stored. */
  readonly flowState: string | null;
  /** False while wall time is not believed: what is to be stored under it waits. */
  readonly clockTrusted?: boolean;
};

export type SinkHealth = {
  readonly name: string;
  readonly state: 'opening' | 'open' | 'failing' | 'closed';
  readonly queued: number;
  readonly dropped: number;
  readonly lastError: string | null;
  readonly details?: Readonly<Record<string, number | string | boolean | null>>;
};

/**
 * Calls never overlap; write() only after a successful open(), never after close(); open() may be retried and must not leak;
 * close() is safe after a failed open(). `kill` = leave now. Rejecting = the batch is tried again later.
 */
export interface Sink {
  readonly name: string;
  open(kill: AbortSignal): Promise<void>;
  write(records: readonly TickRecord[], kill: AbortSignal): Promise<void>;
  close(kill: AbortSignal): Promise<void>;
  /** Whether totals in the next record would be passed on at once. Who shows the newest there are does not ask. */
  wantsTotals?(): boolean;
  health?(): Partial<SinkHealth>;
}
