// A store in a folder of its own, and the database read by the plain sqlite3 shell where that is installed.

import {execFileSync, spawnSync} from 'node:child_process';
import {mkdtempSync, rmSync} from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import {type Log, type LogFields, silentLog} from '../../src/core/log.ts';
import type {TickRecord} from '../../src/core/sink.ts';
import type {Clock} from '../../src/core/time.ts';
import {createStore, type Store, type StoreSettings} from '../../src/store/store.ts';
import {afterTest} from '../support/after.ts';
import {START_MS} from './house.ts';

export const never = new AbortController().signal;
export const ZONE = 'Europe/Berlin';

export type Bench = {
  readonly folder: string;
  readonly file: string;
  readonly log: {readonly lines: string[]};
  /** A store on the folder's database; closed after the test if the test does not. */
  open(more?: Partial<StoreSettings>, zone?: string): Store;
};

export const clockAt = (wallMs: number): Clock => ({wallMs: () => wallMs, monoMs: () => 0, sleepUntilMono: async () => {}});

export function bench(): Bench {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'wattledger-store-'));
  afterTest(() => rmSync(folder, {recursive: true, force: true}));
  const file = path.join(folder, 'wattledger.db');
  const lines: string[] = [];
  const log: Log = {...silentLog, warn: keep, error: keep, info: keep};
  function keep(_fields: LogFields, message: string): void {
    lines.push(message);
  }
  return {
    folder,
    file,
    log: {lines},
    open(more = {}, zone = ZONE) {
      const store = createStore(
        {path: file, commitEveryMs: 60_000, rawDays: 30, archive: false, budgetMbPerDay: null, bufferRows: 10_000, ...more},
        {clock: clockAt(START_MS), log, zone},
      );
      afterTest(() => store.close(never));
      return store;
    },
  };
}

/** Waits for what a thread does in its own time. Fails after a minute. */
export async function until<T>(ask: () => Promise<T> | T, good: (value: T) => boolean): Promise<T> {
  for (let tries = 0; ; tries++) {
    const value = await ask();
    if (good(value)) return value;
    if (tries > 3000) throw new Error(`still ${JSON.stringify(value)}`);
    await new Promise(resolve => setTimeout(resolve, 20));
  }
}

export const hasShell = spawnSync('sqlite3', ['--version']).status === 0;
export const shellTitle = (title: string): string => (hasShell ? title : `${title} [skipped: needs the sqlite3 shell]`);

/** Rows as the shell prints them, `|` between the columns. */
export const shell = (file: string, sql: string): string[] =>
  execFileSync('sqlite3', ['-readonly', file, sql], {encoding: 'utf8'}).split('\n').filter(Boolean);

/** Starts a store, writes the records, stops it in order. */
export async function stored(
  place: Bench,
  records: readonly TickRecord[],
  more: Parameters<Bench['open']>[0] = {},
  zone = ZONE,
): Promise<void> {
  const store = place.open(more, zone);
  await store.start();
  await store.write(records, never);
  await store.close(never);
}
