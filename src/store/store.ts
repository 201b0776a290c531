// The store as the daemon sees it: an outlet that never makes a poll wait, a memory for the flow state, and answers to questions.

import type {SiteEnergy} from '../core/flow/model.ts';
import type {Log} from '../core/log.ts';
import type {Sink, SinkHealth} from '../core/sink.ts';
import type {Clock} from '../core/time.ts';
import type {Answer, QuestionArgs, QuestionName} from './queries.ts';

export type StoreSettings = {
  readonly path: string;
  /** Real milliseconds between commits, 1 s to 15 min. */
  readonly commitEveryMs: number;
  readonly rawDays: number;
  /** Keep raw values beyond `rawDays` as compressed CSV, a blob per device and day. */
  readonly archive: boolean;
  /** Warn when more than this is written in a day. */
  readonly budgetMbPerDay: number | null;
  /** Raw rows held in memory while the disk does not take them; older ones are dropped and counted. */
  readonly bufferRows: number;
  /** Fill the outbox for `mqtt.history`. */
  readonly history?: boolean;
};

export type StoreDeps = {
  readonly clock: Clock;
  readonly log: Log;
  /** The site's IANA zone; local days are days of this zone. */
  readonly zone: string;
};

/** What the last run left behind. */
export type StartState = {
  readonly flowState: string | null;
  /** Published lifetime totals as last stored, kWh. */
  readonly energy: SiteEnergy | null;
  readonly newestSlotMs: number | null;
  /** The last run did not end in order. */
  readonly uncleanStop: boolean;
};

export type OutboxRow = {
  readonly id: number;
  /** Below `BASE/history/`: `site/15m` or `device/ID/15m`. */
  readonly topic: string;
  /** JSON text with a `key` to deduplicate on. */
  readonly payload: string;
  readonly createdMs: number;
};

export type BackupInfo = {readonly file: string; readonly bytes: number; readonly slots: number};

export interface Store extends Sink {
  /** Opens or creates the file, migrates, notes an unclean stop. Before the first tick, instead of open(). Throws AppError STORE_…. */
  start(): Promise<StartState>;
  /** True when a commit is due: the next record should carry the flow state and the running slot. */
  flushDue(): boolean;
  /** Answered by a worker thread of its own; rejects with AppError STORE_UNUSABLE when the file cannot be read. */
  query<K extends QuestionName>(name: K, ...args: QuestionArgs<K>): Promise<Answer<K>>;
  /** A verified copy; writes go on meanwhile. Throws AppError FILE_EXISTS, FILE_UNWRITABLE or STORE_UNUSABLE. */
  backup(file: string): Promise<BackupInfo>;
  health(): SinkHealth;
  /** Store and forward for the broker, in order, at least once. */
  readonly history: {
    next(limit: number): Promise<readonly OutboxRow[]>;
    done(ids: readonly number[]): Promise<void>;
  };
}
