// Backup and restore as commands use them: on a file by its path, whoever else has it open.

import {chmodSync, chownSync, copyFileSync, existsSync, renameSync, rmSync, statSync} from 'node:fs';
import path from 'node:path';
import Database from 'better-sqlite3';
import {AppError} from '../core/errors.ts';
import {utcText} from '../core/time.ts';
import {copyVerified, findDamage, flush} from './backup.ts';
import {openReadOnly, siblingName, storeError} from './connect.ts';
import {makeFolder, ownAsFolder, realFile} from './folder.ts';
import {lockStore, type Release} from './lock.ts';
import {setMeta} from './meta.ts';
import {msOfSlot} from './schema.ts';
import type {BackupInfo} from './store.ts';

/** A verified copy; the daemon may run. Throws AppError FILE_EXISTS, FILE_UNWRITABLE, STORE_UNUSABLE or STORE_NEWER. */
export function backupFile(database: string, target: string): BackupInfo {
  const db = openReadOnly(database);
  try {
    const file = path.resolve(target);
    return {file, ...copyVerified(db, file)};
  } finally {
    db.close();
  }
}

/** What is wrong with a database file, or null. Reads all of it; the daemon may run. Throws AppError STORE_UNUSABLE or STORE_NEWER. */
export function damageOf(database: string): string | null {
  const db = openReadOnly(database);
  try {
    return findDamage(db);
  } finally {
    db.close();
  }
}

type Restored = {readonly database: string; readonly slots: number; readonly lastSlot: string | null; readonly kept: string | null};

/**
 * `copy` becomes the database; what was there is renamed and stays. A power cut leaves either the old or the new one under the name.
 * Throws AppError STORE_BUSY while a daemon holds the database, STORE_UNUSABLE or STORE_NEWER where the copy is not good.
 */
export function restoreFile(copy: string, name: string, wallMs: number): Restored {
  const database = realFile(name);
  if (path.resolve(realFile(copy)) === path.resolve(database)) throw new AppError('USAGE', copy, 'is the database itself');
  const {slots, lastSlot} = inspect(copy);
  const release = claim(database);
  const part = `${database}.restoring`;
  try {
    rmSync(part, {force: true});
    copyFileSync(copy, part);
    const before = statSync(database, {throwIfNoEntry: false});
    if (before) {
      chmodSync(part, before.mode);
      chownSync(part, before.uid, before.gid);
    } else ownAsFolder(part);
    endInOrder(part);
    inspect(part);
    flush(part);
    let kept: string | null = null;
    if (before) {
      kept = siblingName(database, wallMs, 'before-restore');
      for (let n = 2; existsSync(kept); n++) kept = `${siblingName(database, wallMs, 'before-restore')}.${n}`;
      renameSync(database, kept);
      // The write-ahead log belongs to the old file; beside the new one it would be taken for its own.
      for (const suffix of ['-wal', '-shm']) if (existsSync(database + suffix)) renameSync(database + suffix, kept + suffix);
    }
    renameSync(part, database);
    flush(path.dirname(path.resolve(database)));
    return {database: path.resolve(database), slots, lastSlot, kept};
  } catch (error) {
    rmSync(part, {force: true});
    throw storeError(error, database);
  } finally {
    release();
  }
}

/** On a new machine the folder may not be there yet. Throws AppError. */
function claim(database: string): Release {
  try {
    makeFolder(path.dirname(path.resolve(database)));
  } catch (error) {
    throw storeError(error, database);
  }
  return lockStore(database);
}

/** A copy taken while the daemon ran says that it still runs; its restorer knows better. */
function endInOrder(file: string): void {
  const db = new Database(file, {fileMustExist: true});
  try {
    setMeta(db, 'running', '0');
  } finally {
    db.close();
  }
}

function inspect(file: string): {slots: number; lastSlot: string | null} {
  const db = openReadOnly(file);
  try {
    const damage = findDamage(db);
    if (damage !== null) throw new AppError('STORE_UNUSABLE', file, `is damaged (${damage})`);
    // A trigger would change the ledger behind the daemon's back, at each commit.
    const trigger = db.prepare("SELECT name FROM sqlite_schema WHERE type = 'trigger'").pluck().get();
    if (trigger !== undefined) throw new AppError('STORE_UNUSABLE', file, `has a trigger (${trigger}), which no copy of wattledger's has`);
    const [slots, last] = db.prepare('SELECT count(*), max(slot) FROM wl_slot').raw().get() as [number, number | null];
    return {slots, lastSlot: last === null ? null : utcText(msOfSlot(last))};
  } catch (error) {
    throw storeError(error, file);
  } finally {
    db.close();
  }
}
