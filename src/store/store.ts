// The store as the daemon sees it: an outlet that never makes a poll wait, a memory for the flow state, and answers to questions.

import path from 'node:path';
import {AppError} from '../core/errors.ts';
import type {LedgerCorrection} from '../core/flow/corrections.ts';
import type {SiteEnergy} from '../core/flow/model.ts';
import type {Log} from '../core/log.ts';
import {type Said, say} from '../core/sentences/say.ts';
import type {Sink, SinkHealth} from '../core/sink.ts';
import type {Bill} from '../core/tariff/bills.ts';
import type {SeriesRow} from '../core/tariff/series.ts';
import type {Clock} from '../core/time.ts';
import {createAsking} from './asking.ts';
import {createBatch, type StoredEvent} from './batch.ts';
import {createDisk} from './disk.ts';
import {realFile} from './folder.ts';
import {createGrowth} from './growth.ts';
import type {Answer, QuestionArgs, QuestionName} from './queries.ts';
import {type Peer, startThread} from './rpc.ts';
import type {CommitInfo, Started, WriterSettings} from './writer.ts';

export type StoreSettings = {
  readonly path: string;
  /** Real milliseconds between commits, 1 s to 15 min. */
  readonly commitEveryMs: number;
  readonly rawDays: number;
  /** Quarter hours of points beyond this leave; absent or null: never. */
  readonly quarterDays?: number | null;
  /** Keep raw values beyond `rawDays` as compressed CSV, a blob per device and day. */
  readonly archive: boolean;
  /** Commits are put further apart where more than this would be written in a day. */
  readonly budgetMbPerDay: number | null;
  /** Raw rows held in memory while the disk does not take them; older ones are dropped and counted. */
  readonly bufferRows: number;
  /** Fill the outbox for `mqtt.history`. */
  readonly history?: boolean;
};

type StoreDeps = {
  readonly clock: Clock;
  readonly log: Log;
  /** The site's IANA zone; local days are days of this zone. */
  readonly zone: string;
  /** Round trip of batteries as configured, kept in the file so that evidence can be made again from it alone. */
  readonly efficiencyPpm?: number;
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
};

export type BackupInfo = {readonly file: string; readonly bytes: number; readonly slots: number};

export interface Store extends Sink {
  /** Opens or creates the file, migrates, notes an unclean stop. Before the first tick, instead of open(). Throws AppError STORE_…. */
  start(): Promise<StartState>;
  /** True when a commit is due: the next record should carry the flow state and the running slot. */
  flushDue(): boolean;
  /** History that was changed since: each correction once, before the flow state that is to know of it. */
  takeCorrections(): readonly LedgerCorrection[];
  /** Answered by a worker thread of its own; rejects with AppError STORE_UNUSABLE when the file cannot be read. */
  query<K extends QuestionName>(name: K, ...args: QuestionArgs<K>): Promise<Answer<K>>;
  /** The same, answered behind the commits by the thread that writes: for what the daemon asks by itself, and can wait for a slow disk. */
  queryBehind<K extends QuestionName>(name: K, ...args: QuestionArgs<K>): Promise<Answer<K>>;
  /** A verified copy; writes go on meanwhile. Throws AppError FILE_EXISTS, FILE_UNWRITABLE or STORE_UNUSABLE. */
  backup(file: string): Promise<BackupInfo>;
  /** Reads the whole file for damage, on a connection of its own; a damaged one is set aside and saved. Never rejects. */
  check(): Promise<void>;
  /** Prices of a series; returns how many are new. Rejects while the database takes nothing. */
  putPrices(series: string, rows: readonly SeriesRow[]): Promise<number>;
  /** Keeps bills that changed; returns the months that had another one before. */
  keepBills(bills: readonly Bill[], currency: string): Promise<string[]>;
  health(): SinkHealth;
  /** Store and forward for the broker, in order, at least once. */
  readonly history: {
    next(limit: number): Promise<readonly OutboxRow[]>;
    done(ids: readonly number[]): Promise<void>;
  };
}

/** A commit that failed is tried again after this long, real ms. */
const RETRY_MS = 5000;
/** The disk is looked at this often, real ms. */
const PROBE_MS = 5000;
/** With a commit due, this is how long the store waits for the record that carries the flow state, real ms. */
const FLUSH_GRACE_MS = 5000;
const MB = 1024 * 1024;

/** A store on this file. Nothing is opened before start() or open(). */
export function createStore(settings: StoreSettings, {clock, log, zone, efficiencyPpm}: StoreDeps): Store {
  const file = realFile(settings.path);
  const writerSettings: WriterSettings = {
    path: file,
    zone,
    efficiencyPpm: efficiencyPpm ?? null,
    rawDays: settings.rawDays,
    quarterDays: settings.quarterDays ?? null,
    archive: settings.archive,
    history: settings.history ?? false,
  };
  const batch = createBatch(settings.bufferRows);
  const note = (kind: StoredEvent['kind'], detail: Said, evidence: StoredEvent['evidence'] = null): void =>
    batch.addEvent({atMs: Math.round(clock.wallMs()), kind, about: 'store', detail, evidence});
  let writer: Peer | null = null;
  let keeper: Peer | null = null;
  let keeping = 0;
  /** Threads on their way out: the store is closed when the last of them has left. */
  const leaving = new Set<Promise<void>>();
  let state: SinkHealth['state'] = 'closed';
  let lastError: string | null = null;
  const disk = createDisk(file);
  let last: CommitInfo | null = null;
  let due = false;
  let ended = false;
  let commitTimer: NodeJS.Timeout | null = null;
  let probeTimer: NodeJS.Timeout | null = null;
  let committing: Promise<void> | null = null;
  let checkedMs: number | null = null;
  /** As the file has them, and up to which one they were taken. */
  let corrections: readonly LedgerCorrection[] = [];
  let takenSeq = 0;
  const growth = createGrowth(settings.commitEveryMs, settings.budgetMbPerDay);
  /** Rows of the outbox that were delivered but not yet deleted, and the last of them. */
  const delivered = new Set<number>();
  let lastDelivered = 0;

  function dismiss(thread: Peer | null): void {
    if (!thread) return;
    const left = thread.leave();
    leaving.add(left);
    void left.then(() => leaving.delete(left));
  }

  const asking = createAsking(writerSettings, dismiss);

  function onNotice(notice: unknown): void {
    const {event, replaced} = notice as {event: StoredEvent; replaced: boolean};
    batch.addEvent(event);
    log.warn({part: 'store', kind: event.kind}, event.detail);
    if (replaced) asking.leave();
  }

  function schedule(afterMs: number): void {
    if (commitTimer) clearTimeout(commitTimer);
    commitTimer = ended
      ? null
      : setTimeout(() => {
          if (due || lastError !== null) {
            void commit();
          } else {
            due = true;
            schedule(Math.min(FLUSH_GRACE_MS, settings.commitEveryMs));
          }
        }, afterMs);
    commitTimer?.unref();
  }

  /** One commit at a time; a second call waits for the first and then takes what came since. Never rejects. */
  async function commit(): Promise<void> {
    while (committing) await committing;
    // What becomes due meanwhile would wait for the next record; the next turn begins when this one is over.
    if (commitTimer) clearTimeout(commitTimer);
    const data = batch.take();
    due = false;
    if (!data || !writer) {
      schedule(growth.everyMs());
      return;
    }
    committing = (async () => {
      try {
        last = (await (writer as Peer).call('commit', data)) as CommitInfo;
        for (const id of data.outboxDone) delivered.delete(id);
        if (lastError !== null) {
          log.info({part: 'store', queued: batch.queued, dropped: batch.dropped}, 'the database takes data again');
          note('store-back', say('stored again after: {trouble}', {trouble: lastError}), {dropped: batch.dropped});
        }
        lastError = null;
        state = 'open';
        watchGrowth(last);
        corrections = last.uncounted;
        schedule(growth.everyMs());
      } catch (error) {
        batch.putBack(data);
        const what = error instanceof AppError ? error.what : String(error);
        if (what !== lastError)
          log.error(
            {part: 'store', code: error instanceof AppError ? error.code : undefined, queued: batch.queued},
            `nothing can be stored: ${what}; readings wait in memory`,
          );
        lastError = what;
        state = 'failing';
        schedule(Math.min(RETRY_MS, settings.commitEveryMs));
      }
    })();
    await committing;
    committing = null;
  }

  /** Commits further apart than configured, or as configured again, are told of once. */
  function watchGrowth(info: CommitInfo): void {
    const change = growth.committed(info);
    if (!change) return;
    const {detail, everyS, perDayMb} = change;
    log.warn({part: 'store', everyS, perDayMb}, detail);
    note('write-budget', detail, {commit_every_s: everyS, mb_per_day: perDayMb});
  }

  async function start(): Promise<StartState> {
    state = 'opening';
    ended = false;
    writer ??= startThread('writer', writerSettings, onNotice);
    try {
      const {state: found, trouble, uncounted} = (await writer.call('start', clock.wallMs())) as Started;
      corrections = uncounted;
      state = trouble === null ? 'open' : 'failing';
      lastError = trouble;
      if (trouble !== null) log.error({part: 'store'}, `nothing can be stored: ${trouble}; readings wait in memory`);
      growth.begin();
      if (found.uncleanStop) {
        note('unclean-stop', say('the last run did not end in order (power cut or kill); the counters of the devices fill the hole'));
      }
      // Damage is found while nothing waits for it, on whatever start comes first after it happened.
      if (trouble === null) void check();
      schedule(trouble === null ? settings.commitEveryMs : Math.min(RETRY_MS, settings.commitEveryMs));
      await disk.look();
      probeTimer = setInterval(() => void disk.look(), PROBE_MS);
      probeTimer.unref();
      return found;
    } catch (error) {
      state = 'failing';
      lastError = error instanceof AppError ? error.what : String(error);
      await writer.leave();
      writer = null;
      throw error;
    }
  }

  /** Work on all of the file, by a thread that lives as long as there is any: it would hold 20 MB for nothing. */
  async function keep(method: 'check' | 'copy', ...args: readonly unknown[]): Promise<unknown> {
    if (!keeper?.alive) keeper = startThread('keeper', writerSettings, () => {});
    const own = keeper;
    keeping++;
    try {
      return await own.call(method, ...args);
    } finally {
      keeping--;
      if (keeping === 0 && !ended) {
        keeper = null;
        dismiss(own);
      }
    }
  }

  async function check(): Promise<void> {
    try {
      const damage = (await keep('check')) as string | null;
      if (damage !== null && !ended) await writer?.call('setAside', damage, clock.wallMs());
      else checkedMs = Math.round(clock.wallMs());
    } catch (error) {
      log.warn({part: 'store', err: error}, 'the check of the database could not be finished');
    }
  }

  return {
    name: 'store',
    start,
    async open() {
      if (!writer) await start();
    },
    async write(records) {
      for (const record of records) {
        batch.add(record);
        // The flow state closes a commit: what came with it and before it is stored in one transaction.
        if (record.flowState !== null && due && lastError === null && !committing) void commit();
      }
    },
    async close(kill) {
      if (ended) return;
      ended = true;
      if (commitTimer) clearTimeout(commitTimer);
      if (probeTimer) clearInterval(probeTimer);
      const leave = new Promise<void>(resolve => {
        if (kill.aborted) resolve();
        else kill.addEventListener('abort', () => resolve(), {once: true});
      });
      const orderly = (async () => {
        const lost = batch.giveUpUndated();
        if (lost > 0) {
          const detail = say(
            '{n} raw rows were dropped: the clock was never believed in this run, so nobody knows when they were; their energy is kept without a date',
            {n: lost},
          );
          log.warn({part: 'store', rows: lost}, detail);
          note('rows-undated', detail, {rows: lost});
        }
        await commit();
        // What the last commit itself had to say.
        if (lastError === null && batch.queued > 0) await commit();
        // The last to leave moves everything into the one file; a connection that only reads could not.
        asking.leave();
        dismiss(keeper);
        await Promise.all(leaving);
        await writer?.call('close');
      })().catch(error => log.error({part: 'store', err: error}, 'the database could not be closed in order'));
      await Promise.race([orderly, leave]);
      // What waits for a commit that takes long goes behind it: the thread does both before it leaves.
      const rest = committing && lastError === null ? batch.take() : null;
      if (rest) void writer?.call('commit', rest).catch(error => log.error({part: 'store', err: error}, 'the last commit failed'));
      asking.leave();
      for (const thread of [writer, keeper]) dismiss(thread);
      writer = keeper = null;
      await Promise.all(leaving);
      state = 'closed';
    },
    flushDue: () => due,
    takeCorrections() {
      const fresh = corrections.filter(({seq}) => seq > takenSeq);
      takenSeq = fresh.at(-1)?.seq ?? takenSeq;
      if (fresh.length > 0) batch.counted(takenSeq);
      return fresh;
    },
    async query<K extends QuestionName>(name: K, ...args: QuestionArgs<K>): Promise<Answer<K>> {
      return (await asking.ask(name, args)) as Answer<K>;
    },
    async queryBehind<K extends QuestionName>(name: K, ...args: QuestionArgs<K>): Promise<Answer<K>> {
      if (!writer) throw new AppError('STORE_UNUSABLE', settings.path, 'is not open');
      return (await writer.call('ask', name, args)) as Answer<K>;
    },
    async backup(file) {
      await commit();
      const copied = (await keep('copy', path.resolve(file))) as {bytes: number; slots: number};
      return {file: path.resolve(file), ...copied};
    },
    check,
    async putPrices(series, rows) {
      return writer ? ((await writer.call('putPrices', series, rows)) as number) : 0;
    },
    async keepBills(bills, currency) {
      return writer ? ((await writer.call('keepBills', bills, currency, clock.wallMs())) as string[]) : [];
    },
    health: () => ({
      name: 'store',
      state: state === 'open' && disk.trouble !== null ? 'failing' : state,
      queued: batch.queued,
      dropped: batch.dropped,
      lastError: lastError ?? disk.trouble,
      details: {
        path: settings.path,
        disk_free_mb: disk.freeBytes === null ? null : Math.floor(disk.freeBytes / MB),
        ...growth.details(),
        /** When all of the file was last read and found sound, in this run. */
        checked_ms: checkedMs,
        outbox: last?.outbox ?? null,
        outbox_dropped: last?.outboxDropped ?? null,
      },
    }),
    history: {
      async next(limit) {
        if (!writer) return [];
        // What is delivered is always the beginning of what waits.
        const after = delivered.size > 0 ? lastDelivered : 0;
        return (await writer.call('nextOutbox', after, limit)) as OutboxRow[];
      },
      async done(ids) {
        // Deleted with the next commit: a row sent twice after a power cut is cheaper than a flush per message.
        for (const id of ids) delivered.add(id);
        lastDelivered = ids.at(-1) ?? lastDelivered;
        batch.outboxDone(ids);
      },
    },
  };
}
