// The outlets that a configuration asks for: the page and the brokers.

import type {AppConfig} from '../config/load.ts';
import type {Health} from '../core/health.ts';
import type {Log} from '../core/log.ts';
import type {Sink} from '../core/sink.ts';
import type {Clock} from '../core/time.ts';
import type {Store} from '../store/store.ts';
import type {House} from './house.ts';

export type OutletDeps = {
  readonly clock: Clock;
  readonly log: Log;
  readonly health: () => Health;
  readonly house: House;
  readonly store: Store;
  readonly logTail: () => readonly string[];
};
export type Outlet = {
  readonly sink: Sink /** Must open before the daemon starts. */;
  readonly required: boolean;
  readonly newestOnly: boolean;
};

export function createOutlets(_config: AppConfig, _deps: OutletDeps): {readonly list: readonly Outlet[]; dashboard(): string | null} {
  return {list: [], dashboard: () => null};
}
