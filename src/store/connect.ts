// Opening the file: whose it is, how SQLite is set, and what its errors mean for a person.

import {accessSync, closeSync, constants, existsSync, openSync, readSync, statSync} from 'node:fs';
import path from 'node:path';
import Database from 'better-sqlite3';
import {AppError} from '../core/errors.ts';
import {quoted, type Said, say} from '../core/sentences/say.ts';
import {ownAsFolder, realFile} from './folder.ts';
import {SCHEMA_VERSION} from './schema.ts';

export type Db = Database.Database;

/** 'WLD1' in the header of every database of this program. */
const APPLICATION_ID = 0x57_4c_44_31;

/** `foreign`: a database of another program. `damaged`: it has no SQLite header, but our lock file stands beside it, so it was ours. */
type FileKind = 'absent' | 'empty' | 'ours' | 'foreign' | 'damaged' | 'no-database';

/**
 * Looks at the first 100 bytes only; nothing is changed. Never for a file that a connection of this process has open: the system gives back
 * all locks of a process on a file when it closes any handle on it, and the next program that leaves the database would then take its log
 * away from under the writer. Throws AppError STORE_UNUSABLE where the file cannot be read.
 */
export function identify(file: string): FileKind {
  const header = Buffer.alloc(100);
  let size: number;
  try {
    if (statSync(file).isDirectory()) throw new AppError('STORE_UNUSABLE', file, say('is a directory, expected a file'));
    const handle = openSync(file, 'r');
    try {
      size = readSync(handle, header, 0, 100, 0);
    } finally {
      closeSync(handle);
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return 'absent';
    throw storeError(error, file);
  }
  if (size === 0) return 'empty';
  if (header.toString('latin1', 0, 16) !== 'SQLite format 3\0') return wasOurs(file) ? 'damaged' : 'no-database';
  const id = header.readUInt32BE(68);
  if (id === APPLICATION_ID) return 'ours';
  // Another program's, unless nothing but the header was ever written.
  return id === 0 && header.readUInt32BE(28) <= 1 ? 'empty' : 'foreign';
}

const wasOurs = (file: string): boolean => statSync(lockFile(file), {throwIfNoEntry: false}) !== undefined;
/** Beside the file itself: whoever opens it by another name meets the same lock. */
export const lockFile = (file: string): string => `${realFile(file)}.lock`;

/** A connection that reads and writes, creating the file where it is new. Throws what SQLite throws. */
export function openReadWrite(file: string): Db {
  const db = new Database(file, {timeout: 5000});
  ownAsFolder(file);
  try {
    if (db.pragma('page_count', {simple: true}) === 0 || db.pragma('application_id', {simple: true}) === 0) {
      // Before the first table and before WAL, so that the header on disk says from the beginning whose file it is.
      db.pragma('page_size = 4096');
      db.pragma('auto_vacuum = INCREMENTAL');
      db.pragma(`application_id = ${APPLICATION_ID}`);
    }
    db.pragma('journal_mode = WAL');
    tune(db);
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
}

/** better-sqlite3 opens WAL databases with synchronous=NORMAL, under which a power cut may take back acknowledged commits. */
function tune(db: Db): void {
  db.pragma('synchronous = FULL');
  db.pragma('cache_size = -2000');
  db.pragma('journal_size_limit = 8388608');
  db.pragma('wal_autocheckpoint = 1000');
  db.pragma('foreign_keys = ON');
  db.pragma('trusted_schema = OFF');
}

/**
 * What `read` finds in a file whose disk has no room left for the index of the log: nobody else may have it open meanwhile.
 * Throws what SQLite throws.
 */
export function readAlone<T>(file: string, read: (db: Db) => T): T {
  const db = new Database(file, {fileMustExist: true});
  try {
    db.pragma('locking_mode = EXCLUSIVE');
    return read(db);
  } finally {
    db.close();
  }
}

/** `inside`: in the process that writes the file, where its header may not be looked at. Throws AppError STORE_UNUSABLE or STORE_NEWER. */
export function openReadOnly(file: string, {inside = false} = {}): Db {
  if (!inside) requireOurs(file, identify(file));
  let db: Db | null = null;
  try {
    db = new Database(file, {readonly: true, fileMustExist: true, timeout: 5000});
    db.pragma('cache_size = -2000');
    db.pragma('trusted_schema = OFF');
    refuseNewer(db, file);
    if (versionOf(db) === 0) throw new AppError('STORE_UNUSABLE', file, 'is empty; the daemon has not written to it yet');
    return db;
  } catch (error) {
    db?.close();
    throw storeError(error, file);
  }
}

function requireOurs(file: string, kind: FileKind): void {
  switch (kind) {
    case 'ours':
      return;
    case 'absent':
      throw new AppError('STORE_UNUSABLE', file, 'no such file');
    case 'empty':
      throw new AppError('STORE_UNUSABLE', file, 'is empty; the daemon has not written to it yet');
    case 'foreign':
      throw new AppError('STORE_UNUSABLE', file, 'is a database of another program, not of wattledger');
    case 'damaged':
      throw new AppError(
        'STORE_UNUSABLE',
        file,
        'is damaged: its header is gone; the daemon sets it aside and saves what is readable when it starts',
      );
    case 'no-database':
      throw new AppError('STORE_UNUSABLE', file, say('is not an SQLite database'));
  }
}

export const versionOf = (db: Db): number => Number(db.pragma('user_version', {simple: true}));

export function refuseNewer(db: Db, file: string): void {
  const version = versionOf(db);
  if (version > SCHEMA_VERSION)
    throw new AppError(
      'STORE_NEWER',
      file,
      `was written by a later version (schema ${version}; this program knows up to ${SCHEMA_VERSION})`,
    );
}

/** SQLite's or the file system's code: `SQLITE_FULL`, `ENOSPC`; empty where there is none. */
export const codeOf = (error: unknown): string => String((error as {code?: unknown} | null)?.code ?? '');

/** The file itself is broken, as opposed to a disk that does not take writes. */
export const isDamage = (error: unknown): boolean => /^SQLITE_(CORRUPT|NOTADB)/.test(codeOf(error));

/** SQLite's own index of its log is a file as well; where it cannot grow, nothing can. */
const DISK_FULL = /^SQLITE_FULL|^SQLITE_IOERR_SHMSIZE|^ENOSPC|^EDQUOT/;
export const isFull = (error: unknown): boolean => DISK_FULL.test(codeOf(error));

const WORDS: readonly (readonly [RegExp, Said])[] = [
  [DISK_FULL, say('the disk is full')],
  [/^SQLITE_READONLY|^EROFS/, say('the file or its file system is read-only')],
  [/^SQLITE_CANTOPEN_ISDIR|^EISDIR/, say('is a directory, expected a file')],
  [/^SQLITE_CANTOPEN/, say('cannot be opened: does its folder exist, and may this user write there?')],
  [/^ENOENT/, say('no such file or folder')],
  [/^SQLITE_(PERM|AUTH)|^EACCES|^EPERM/, say('this user has no permission')],
  [/^SQLITE_(BUSY|LOCKED)/, say('another program keeps it locked')],
  [/^SQLITE_NOTADB/, say('is not an SQLite database')],
  [/^SQLITE_CORRUPT/, say('is damaged')],
  [/^SQLITE_IOERR|^EIO|^ENXIO|^ENODEV/, say('the disk reports errors')],
];

/** In words: what the store's trouble is. */
export function troubleOf(error: unknown): Said {
  const code = codeOf(error);
  const words = WORDS.find(([pattern]) => pattern.test(code))?.[1];
  return words ? say('{trouble} ({code})', {trouble: words, code}) : quoted(error instanceof Error ? error.message : String(error));
}

/** AppErrors pass through; anything else becomes STORE_UNUSABLE in words. */
export const storeError = (error: unknown, file: string): AppError =>
  error instanceof AppError ? error : new AppError('STORE_UNUSABLE', file, troubleOf(refusal(error, file) ?? error), {cause: error});

/** SQLite does not say why a file cannot be opened for writing; the system does. */
function refusal(error: unknown, file: string): unknown {
  if (!/^SQLITE_(CANTOPEN|READONLY)/.test(codeOf(error))) return null;
  try {
    accessSync(path.dirname(path.resolve(file)), constants.W_OK);
    if (existsSync(file)) accessSync(file, constants.W_OK);
    return null;
  } catch (reason) {
    return reason;
  }
}

/** `FILE-2026-11-24T11-20-00Z.KIND`, a name that is free of colons. */
export const siblingName = (file: string, wallMs: number, kind: string): string =>
  path.join(path.dirname(file), `${path.basename(file)}.${kind}-${new Date(wallMs).toISOString().slice(0, 19).replaceAll(':', '-')}Z`);
