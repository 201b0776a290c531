// History that was changed by hand, taken into the sums that are published from.

import type {Policy, Site} from '../site.ts';
import {houseOf} from './channels.ts';
import {type FlowState, type Sums, sumsOfDay} from './state.ts';

/** What a correction changed in one local day of the ledger: differences in mWh, of cells (`origin|via|source|sink`) and of totals. */
export type LedgerCorrection = {
  /** Rises with every correction. */
  readonly seq: number;
  readonly day: string;
  readonly cells: Readonly<Partial<Record<Policy, Readonly<Record<string, number>>>>>;
  readonly totals: Readonly<Record<string, number>>;
};

/** Changes the state. A correction is to be given once; a figure that becomes lower waits to be published until it has caught up. */
export function takeCorrection(site: Site, state: FlowState, {day, cells, totals}: LedgerCorrection): void {
  add(state.lifetime, cells[houseOf(site).primary] ?? {}, totals);
  const known = sumsOfDay(state, day);
  if (known) add(known.sums, cells[houseOf(site).primary] ?? {}, totals);
}

function add(sums: Sums, cells: Readonly<Record<string, number>>, totals: Readonly<Record<string, number>>): void {
  for (const [key, change] of Object.entries(cells)) sums.cells[key] = (sums.cells[key] ?? 0) + change;
  for (const [name, change] of Object.entries(totals)) sums.totals[name] = (sums.totals[name] ?? 0) + change;
}
