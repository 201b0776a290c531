// The few words the store keeps for the next run: flow state, published totals, zone.

import type {Db} from './connect.ts';
import {msOfSlot} from './schema.ts';
import type {StartState} from './store.ts';

export type MetaKey = 'flow_state' | 'energy' | 'zone' | 'efficiency_ppm' | 'running' | 'last_wall_ms' | 'outbox_dropped' | 'salvaging';

export const getMeta = (db: Db, key: MetaKey): string | null =>
  (db.prepare('SELECT value FROM wl_meta WHERE key = ?').pluck().get(key) as string | undefined) ?? null;

export const dropMeta = (db: Db, key: MetaKey): void => void db.prepare('DELETE FROM wl_meta WHERE key = ?').run(key);

/** Inside the caller's transaction, or one of its own. */
export const setMeta = (db: Db, key: MetaKey, value: string): void =>
  void db.prepare('INSERT INTO wl_meta VALUES (?, ?) ON CONFLICT DO UPDATE SET value = excluded.value').run(key, value);

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
