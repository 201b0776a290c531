// The house between two runs: one small file that is either the old or the new one, never half of either.

import {closeSync, fsyncSync, openSync, readFileSync, renameSync, writeSync} from 'node:fs';
import {AppError} from '../core/errors.ts';
import type {Books} from './books.ts';
import type {HouseState} from './house.ts';

export type SavedHouse = {
  readonly format: 'wattledger-house/1';
  readonly scenario: string;
  readonly seed: number;
  /** Nobody has been shown the house later than this: whoever continues it begins here. House time, s. */
  readonly horizonS: number;
  /** Books at the moment the ledger began, or null before its first instant. */
  readonly opening: {readonly atS: number; readonly books: Books} | null;
  readonly state: HouseState;
};

/** Null where there is none yet. Throws AppError for a file that is no house. */
export function loadHouse(file: string): SavedHouse | null {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw new AppError('FAILED', file, `the simulated house cannot be read: ${(error as Error).message}`, {cause: error});
  }
  try {
    const saved = JSON.parse(text) as SavedHouse;
    if (saved.format === 'wattledger-house/1') return saved;
  } catch {
    // told below, like any other file that is no house
  }
  throw new AppError('FAILED', file, 'this is no simulated house; name another folder with --data, or remove the file');
}

/** On the disk when it returns. */
export function saveHouse(file: string, saved: SavedHouse): void {
  const next = `${file}.next`;
  try {
    const handle = openSync(next, 'w');
    writeSync(handle, JSON.stringify(saved));
    fsyncSync(handle);
    closeSync(handle);
    renameSync(next, file);
  } catch (error) {
    throw new AppError('FILE_UNWRITABLE', file, `the simulated house cannot be stored: ${(error as Error).message}`, {cause: error});
  }
}
