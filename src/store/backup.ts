// Copies of the database that are known to be good before anyone relies on them.

import {closeSync, fsyncSync, openSync, renameSync, rmSync, statSync} from 'node:fs';
import path from 'node:path';
import Database from 'better-sqlite3';
import {AppError} from '../core/errors.ts';
import {type Db, storeError} from './connect.ts';

/** First complaint of SQLite about a file, or null when it is sound. About 4 ms per MB. */
export function findDamage(db: Db): string | null {
  const [first] = db.pragma('quick_check(1)') as {quick_check: string}[];
  return first?.quick_check === 'ok' ? null : (first?.quick_check ?? 'no answer');
}

/**
 * A complete, compact copy of what is committed at this moment, checked before it gets its name; `file` never exists half-written.
 * The source may be written meanwhile by another connection. Throws AppError FILE_EXISTS, FILE_UNWRITABLE or STORE_UNUSABLE.
 */
export function copyVerified(db: Db, file: string): {bytes: number; slots: number} {
  if (statSync(file, {throwIfNoEntry: false})) throw new AppError('FILE_EXISTS', file, 'is there already');
  const part = `${file}.part`;
  try {
    rmSync(part, {force: true});
    db.prepare('VACUUM INTO ?').run(part);
  } catch (error) {
    rmSync(part, {force: true});
    throw new AppError('FILE_UNWRITABLE', file, `the copy could not be written: ${(error as Error).message}`, {cause: error});
  }
  let slots = 0;
  const copy = new Database(part, {readonly: true, fileMustExist: true});
  try {
    const damage = findDamage(copy);
    if (damage !== null) throw new AppError('STORE_UNUSABLE', file, `the copy is not sound (${damage}); it was removed`);
    slots = countSlots(copy);
  } catch (error) {
    rmSync(part, {force: true});
    throw storeError(error, file);
  } finally {
    copy.close();
  }
  flush(part);
  renameSync(part, file);
  flush(path.dirname(path.resolve(file)));
  return {bytes: statSync(file).size, slots};
}

function countSlots(db: Db): number {
  const known = db.prepare("SELECT count(*) FROM sqlite_schema WHERE name = 'wl_slot'").pluck().get();
  return known ? Number(db.prepare('SELECT count(*) FROM wl_slot').pluck().get()) : 0;
}

/** A file, or a folder with its new names, onto the disk. */
export function flush(target: string): void {
  const handle = openSync(target, 'r');
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}
