// One daemon per file: a lock that the kernel takes back when its holder dies.

import Database from 'better-sqlite3';
import {AppError} from '../core/errors.ts';
import {codeOf, lockFile, storeError} from './connect.ts';
import {ownAsFolder} from './folder.ts';

/** Gives the lock back. */
export type Release = () => void;

/**
 * An exclusive SQLite lock on an empty file beside the database: unlike a file with a process id it cannot be left over.
 * Throws AppError STORE_BUSY, or STORE_UNUSABLE where the folder cannot be written.
 */
export function lockStore(file: string): Release {
  let db: Database.Database | null = null;
  try {
    db = new Database(lockFile(file), {timeout: 0});
    db.pragma('journal_mode = MEMORY');
    db.exec('BEGIN EXCLUSIVE');
    ownAsFolder(lockFile(file));
    const held = db;
    return () => void held.close();
  } catch (error) {
    db?.close();
    if (/^SQLITE_(BUSY|LOCKED)/.test(codeOf(error)))
      throw new AppError('STORE_BUSY', file, 'is in use by another wattledger', {cause: error});
    throw storeError(error, file);
  }
}
