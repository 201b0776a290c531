// The few words the store keeps for the next run: flow state, published totals, zone.

import type {LedgerCorrection} from '../core/flow/corrections.ts';
import type {Db} from './connect.ts';
import {msOfSlot} from './schema.ts';
import type {StartState} from './store.ts';

type MetaKey =
  | 'flow_state'
  | 'energy'
  | 'zone'
  | 'efficiency_ppm'
  | 'running'
  | 'last_wall_ms'
  | 'outbox_dropped'
  | 'salvaging'
  | 'uncounted';

export const getMeta = (db: Db, key: MetaKey): string | null =>
  (db.prepare('SELECT value FROM wl_meta WHERE key = ?').pluck().get(key) as string | undefined) ?? null;

export const dropMeta = (db: Db, key: MetaKey): void => void db.prepare('DELETE FROM wl_meta WHERE key = ?').run(key);

/** Inside the caller's transaction, or one of its own. */
export const setMeta = (db: Db, key: MetaKey, value: string): void =>
  void db.prepare('INSERT INTO wl_meta VALUES (?, ?) ON CONFLICT DO UPDATE SET value = excluded.value').run(key, value);

/** Corrections that the sums of the flow state do not know of yet. */
export const uncounted = (db: Db): readonly LedgerCorrection[] => JSON.parse(getMeta(db, 'uncounted') ?? '[]') as LedgerCorrection[];

export function setUncounted(db: Db, corrections: readonly LedgerCorrection[]): void {
  if (corrections.length === 0) dropMeta(db, 'uncounted');
  else setMeta(db, 'uncounted', JSON.stringify(corrections));
}

/** What the last run left in this file. */
export function readState(db: Db): StartState {
  const newest = db.prepare('SELECT max(slot) FROM wl_slot').pluck().get() as number | null;
  const energy = getMeta(db, 'energy');
  return {
    flowState: getMeta(db, 'flow_state'),
    energy: energy === null ? null : (JSON.parse(energy) as StartState['energy']),
    newestSlotMs: newest === null ? null : msOfSlot(newest),
    uncleanStop: getMeta(db, 'running') === '1',
  };
}
