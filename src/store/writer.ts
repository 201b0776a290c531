// The one connection that writes. Runs in a thread of its own: a card that stalls for seconds makes nobody else wait.

import {existsSync, readFileSync, renameSync, statSync} from 'node:fs';
import path from 'node:path';
import {AppError} from '../core/errors.ts';
import type {LedgerCorrection} from '../core/flow/corrections.ts';
import {type EventKind, type Said, say} from '../core/sentences/say.ts';
import type {Bill} from '../core/tariff/bills.ts';
import type {SeriesRow} from '../core/tariff/series.ts';
import type {BatchData, StoredEvent} from './batch.ts';
import {type Session, storeBatch} from './commit.ts';
import {
  codeOf,
  type Db,
  identify,
  isDamage,
  isFull,
  openReadWrite,
  readAlone,
  siblingName,
  storeError,
  troubleOf,
  versionOf,
} from './connect.ts';
import {makeFolder} from './folder.ts';
import {createLedger, rebuildDays} from './ledger.ts';
import {lockStore, type Release} from './lock.ts';
import {dropMeta, getMeta, readState, setMeta, uncounted} from './meta.ts';
import {migrate} from './migrate.ts';
import {enqueueRolled, nextOutbox, trimOutbox} from './outbox.ts';
import {keepBills, putPrices} from './prices.ts';
import {createRaw} from './raw.ts';
import {expireEvents, expireQuarters, expireRaw} from './retention.ts';
import {rollUp, rollupDue} from './rollup.ts';
import {type Salvage, salvageFrom} from './salvage.ts';
import {msOfSlot, slotOfMs} from './schema.ts';
import type {OutboxRow, StartState} from './store.ts';

export type WriterSettings = {
  readonly path: string;
  readonly zone: string;
  readonly efficiencyPpm: number | null;
  readonly rawDays: number;
  readonly quarterDays?: number | null;
  readonly archive: boolean;
  readonly history: boolean;
};

export type CommitInfo = {
  readonly tookMs: number;
  readonly fileBytes: number;
  /** Without the pages that wait to be used again. */
  readonly usedBytes: number;
  /** Bytes this thread made the kernel write since it began; null where the system does not tell. */
  readonly writtenBytes: number | null;
  readonly outbox: number;
  readonly outboxDropped: number;
  /** Corrections that the flow state does not know of. */
  readonly uncounted: readonly LedgerCorrection[];
};

export type Started = {
  readonly state: StartState;
  /** The disk is full: what the last run left is known all the same, and commits are tried. */
  readonly trouble: string | null;
  readonly uncounted: readonly LedgerCorrection[];
};

type Writer = {
  /** Throws AppError STORE_…. */
  start(wallMs: number): Started;
  commit(data: BatchData): CommitInfo;
  /** One small piece of housekeeping; true while there is more. Never throws. */
  upkeep(wallMs: number): boolean;
  nextOutbox(afterId: number, limit: number): OutboxRow[];
  /** Stores a price series; returns how many prices are new. */
  putPrices(series: string, rows: readonly SeriesRow[]): number;
  /** Keeps what changed; returns the months whose bill is another one than before. */
  keepBills(bills: readonly Bill[], currency: string, wallMs: number): string[];
  /** The file turned out damaged (by a check elsewhere): goes on in a new one and saves what is readable. */
  setAside(why: string, wallMs: number): void;
  close(): void;
};

/** `note` takes what people should know of; it may arrive at any time. */
export function createWriter(settings: WriterSettings, note: (event: StoredEvent, replaced: boolean) => void): Writer {
  const file = settings.path;
  let release: Release | null = null;
  let open: (Session & {readonly inode: number}) | null = null;
  /** Inode of the file that was open last. */
  let known: number | null = null;
  let salvage: Salvage | null = null;
  let lastTrim = 0;
  let lastWallMs = 0;
  /** The quarter hour in which those of points were last looked through for old ones. */
  let expiredSlot = -1;
  /** The open file says that it is in use. */
  let marked = false;

  const tell = (kind: EventKind, detail: Said, wallMs: number, replaced = false): void =>
    note({atMs: Math.round(wallMs), kind, about: 'store', detail, evidence: null}, replaced);

  function openFile(wallMs: number): NonNullable<typeof open> {
    if (open) {
      if (statSync(file, {throwIfNoEntry: false})?.ino === open.inode) return open;
      tell('store-vanished', say('{file} was removed or replaced while in use; going on in a new file', {file}), wallMs, true);
      drop();
    }
    // The same file again, after trouble with its disk: readers of this process may have it open, so its header is left alone.
    if (known === null || statSync(file, {throwIfNoEntry: false})?.ino !== known) {
      const kind = identify(file);
      if (kind === 'foreign') throw new AppError('STORE_UNUSABLE', file, 'is a database of another program; wattledger does not touch it');
      if (kind === 'no-database') throw new AppError('STORE_UNUSABLE', file, 'is not a database; wattledger does not touch it');
      if (kind === 'damaged') moveAway(say('is damaged: its header is gone'), wallMs);
    }
    try {
      return connect(wallMs);
    } catch (error) {
      if (!isDamage(error)) throw error;
      moveAway(troubleOf(error), wallMs);
      return connect(wallMs);
    }
  }

  function connect(wallMs: number): NonNullable<typeof open> {
    const db = openReadWrite(file);
    try {
      const migrated = migrate(db, file, wallMs);
      if (migrated.backup !== null)
        tell(
          'store-migrated',
          say('schema {from} to {to}; a copy from before is {file}', {
            from: migrated.from,
            to: migrated.to,
            file: path.basename(migrated.backup),
          }),
          wallMs,
        );
      const zone = getMeta(db, 'zone');
      if (zone === null) setMeta(db, 'zone', settings.zone);
      else if (zone !== settings.zone) {
        rebuildDays(db, settings.zone);
        tell('store-zone', say('local days were made anew: {before} to {after}', {before: zone, after: settings.zone}), wallMs);
      }
      if (settings.efficiencyPpm !== null) setMeta(db, 'efficiency_ppm', String(settings.efficiencyPpm));
      db.prepare('SELECT count(*) FROM wl_device').get();
      resumeSalvage(db);
      known = statSync(file).ino;
      open = {db, raw: createRaw(db), ledger: createLedger(db, settings.zone), inode: known};
      return open;
    } catch (error) {
      db.close();
      throw error;
    }
  }

  /** A rescue that the end of the last run cut short goes on; which file it is of stands in the new one. */
  function resumeSalvage(db: Db): void {
    if (salvage) setMeta(db, 'salvaging', path.basename(salvage.file));
    const left = getMeta(db, 'salvaging');
    if (left === null || salvage) return;
    const aside = path.join(path.dirname(file), left);
    if (existsSync(aside)) salvage = salvageFrom(aside, settings.zone);
    else dropMeta(db, 'salvaging');
  }

  function drop(): void {
    try {
      open?.db.close();
    } catch {
      // Closing a connection whose file is gone may fail; there is nothing left to save in it.
    }
    open = null;
    marked = false;
  }

  /** Renames the file with its log, so that nothing of it is lost, and takes what is readable over from it bit by bit. */
  function moveAway(why: string, wallMs: number): void {
    drop();
    let aside = siblingName(file, wallMs, 'corrupt');
    for (let n = 2; existsSync(aside); n++) aside = `${siblingName(file, wallMs, 'corrupt')}.${n}`;
    renameSync(file, aside);
    for (const suffix of ['-wal', '-shm']) if (existsSync(file + suffix)) renameSync(file + suffix, aside + suffix);
    const names = {file: path.basename(file), trouble: why, aside: path.basename(aside)};
    tell('store-corrupt', say('{file} {trouble}; it was set aside as {aside}, a new one goes on', names), wallMs, true);
    salvage?.close();
    salvage = salvageFrom(aside, settings.zone);
  }

  function rolledUp(db: Db, running: number): boolean {
    const device = rollupDue(db, running);
    if (device === null) return false;
    rollAndQueue(db, device, running, false);
    return true;
  }

  /** What is told to a broker is complete: never the running quarter hour, even where the end of the run rolls it up. */
  function rollAndQueue(db: Db, device: number, running: number, withRunning: boolean): void {
    const rolled = rollUp(db, device, withRunning ? null : running, settings.zone);
    if (!settings.history) return;
    db.transaction(() => {
      for (const one of rolled) if (one.slot !== running) enqueueRolled(db, one, msOfSlot(one.slot + 1));
    }).immediate();
  }

  /** What the last run left, in the opened file. */
  function openedState(wallMs: number): StartState {
    let {db} = openFile(wallMs);
    let state: StartState;
    try {
      state = readState(db);
    } catch (error) {
      if (!isDamage(error)) throw error;
      moveAway(troubleOf(error), wallMs);
      ({db} = openFile(wallMs));
      state = readState(db);
    }
    const saved = salvage?.state() ?? null;
    if (saved && state.flowState === null) state = {...saved, uncleanStop: true};
    markRunning(db);
    return state;
  }

  function markRunning(db: Db): void {
    setMeta(db, 'running', '1');
    marked = true;
  }

  return {
    start(wallMs) {
      lastWallMs = wallMs;
      try {
        makeFolder(path.dirname(path.resolve(file)));
        // Whose file it is has to be seen before the lock file exists: that one marks a damaged file as ours.
        const kind = identify(file);
        if (kind === 'foreign' || kind === 'no-database') openFile(wallMs);
        release ??= lockStore(file);
        try {
          return {state: openedState(wallMs), trouble: null, uncounted: open ? uncounted(open.db) : []};
        } catch (error) {
          if (!isFull(error)) throw error;
          // Devices go on and others want their figures: what cannot be written yet waits in memory.
          drop();
          return {
            state: kind === 'ours' ? readAlone(file, db => (versionOf(db) === 0 ? NOTHING_KNOWN : readState(db))) : NOTHING_KNOWN,
            trouble: troubleOf(error),
            // They are told of with the first commit.
            uncounted: [],
          };
        }
      } catch (error) {
        drop();
        release?.();
        release = null;
        throw storeError(error, file);
      }
    },
    commit(data) {
      const began = performance.now();
      const wallMs = data.wallMs ?? lastWallMs;
      lastWallMs = wallMs;
      try {
        const session = openFile(wallMs);
        storeBatch(session, data, settings.history, what => tell('store-refused', what, wallMs));
        if (!marked) markRunning(session.db);
        if (settings.history && wallMs - lastTrim > 3_600_000) {
          lastTrim = wallMs;
          const lost = trimOutbox(session.db, wallMs);
          if (lost > 0) tell('history-dropped', say('{n} messages for the broker waited too long and were dropped', {n: lost}), wallMs);
        }
        return {
          tookMs: performance.now() - began,
          fileBytes: statSync(file).size + (statSync(`${file}-wal`, {throwIfNoEntry: false})?.size ?? 0),
          usedBytes: usedBytes(session.db),
          writtenBytes: threadWrote(),
          outbox: settings.history ? (session.db.prepare('SELECT count(*) FROM wl_outbox').pluck().get() as number) : 0,
          uncounted: uncounted(session.db),
          outboxDropped: Number(getMeta(session.db, 'outbox_dropped') ?? 0),
        };
      } catch (error) {
        if (isDamage(error)) {
          moveAway(troubleOf(error), wallMs);
          openFile(wallMs);
        } else if (!/^SQLITE_(FULL|BUSY|LOCKED)/.test(codeOf(error))) {
          // A disk that went away may come back as another file system: the next commit opens anew.
          drop();
        }
        throw storeError(error, file);
      }
    },
    upkeep(wallMs) {
      if (!open) return false;
      const {db} = open;
      try {
        if (salvage) {
          const more = salvage.step(db, open.raw);
          if (!more) {
            rebuildDays(db, settings.zone);
            tell('store-salvaged', salvage.summary(), wallMs);
            dropMeta(db, 'salvaging');
            salvage.close();
            salvage = null;
          }
          return true;
        }
        if (rolledUp(db, slotOfMs(wallMs))) return true;
        if (expireRaw(db, settings.rawDays, settings.archive)) return true;
        expireEvents(db);
        // Finding the border reads a little of every slot there is.
        if (slotOfMs(wallMs) === expiredSlot) return false;
        if (expireQuarters(db, settings.quarterDays ?? null)) return true;
        expiredSlot = slotOfMs(wallMs);
        return false;
      } catch (error) {
        if (isDamage(error)) {
          try {
            moveAway(troubleOf(error), wallMs);
            openFile(wallMs);
          } catch (again) {
            tell('store-trouble', troubleOf(again), wallMs);
          }
        } else if (!/^SQLITE_(FULL|BUSY|LOCKED)/.test(codeOf(error))) {
          tell('store-trouble', say('housekeeping: {trouble}', {trouble: troubleOf(error)}), wallMs);
        }
        return false;
      }
    },
    putPrices: (series, rows) => (open ? putPrices(open.db, series, rows) : 0),
    keepBills: (bills, currency, wallMs) => (open ? keepBills(open.db, bills, currency, wallMs) : []),
    nextOutbox: (afterId, limit) => (open ? nextOutbox(open.db, afterId, limit) : []),
    setAside(why, wallMs) {
      moveAway(`is damaged (${why})`, wallMs);
      openFile(wallMs);
    },
    close() {
      try {
        if (open) {
          const {db} = open;
          for (const device of db.prepare('SELECT DISTINCT device FROM wl_todo').pluck().all() as number[])
            rollAndQueue(db, device, slotOfMs(lastWallMs), true);
          setMeta(db, 'running', '0');
        }
      } finally {
        salvage?.close();
        drop();
        release?.();
        release = null;
      }
    },
  };
}

const usedBytes = (db: Db): number => {
  const [pages, free, size] = ['page_count', 'freelist_count', 'page_size'].map(name => Number(db.pragma(name, {simple: true})));
  return ((pages ?? 0) - (free ?? 0)) * (size ?? 0);
};

const NOTHING_KNOWN: StartState = {flowState: null, energy: null, newestSlotMs: null, uncleanStop: false};

/** Linux counts input and output per thread; sectors handed to the block layer, not what a page cache absorbs. */
function threadWrote(): number | null {
  try {
    return Number(/^write_bytes: (\d+)/m.exec(readFileSync('/proc/thread-self/io', 'utf8'))?.[1] ?? Number.NaN) || 0;
  } catch {
    return null;
  }
}
