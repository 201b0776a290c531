// Copies of the database at the times of a cron expression, the newest few kept.

import {accessSync, constants, existsSync, readdirSync, rmSync, statSync} from 'node:fs';
import path from 'node:path';
import type {Log} from '../core/log.ts';
import {utcText} from '../core/time.ts';
import {makeFolder} from '../store/folder.ts';
import {onCalendar} from './calendar.ts';

type BackupSettings = {
  readonly folder: string;
  /** Five fields, in the site's time zone. */
  readonly cron: string;
  readonly keep: number;
};
type BackupDeps = {
  readonly log: Log;
  readonly timezone: string;
  readonly wallMs: () => number;
  readonly backup: (file: string) => Promise<unknown>;
};

const NAME = /^wattledger-\d{8}T\d{6}Z\.db$/;

/** One backup now, and the oldest beyond `keep` removed. Never rejects: a full disk today is no reason not to try tomorrow. */
export async function backUpOnce({folder, keep}: BackupSettings, {log, wallMs, backup}: BackupDeps): Promise<void> {
  const file = path.join(folder, `wattledger-${utcText(wallMs()).replace(/[-:]|\.\d+/g, '')}.db`);
  try {
    makeFolder(folder);
    await backup(file);
    const old = readdirSync(folder)
      .filter(name => NAME.test(name))
      .sort()
      .slice(0, -keep);
    for (const name of old) rmSync(path.join(folder, name));
    log.info({part: 'store', file, removed: old.length}, 'backup made');
  } catch (error) {
    log.error({part: 'store', file}, `no backup: ${(error as Error).message}`);
  }
}

/** Starts the schedule; call the result to end it. A folder that cannot be written is told at once: the first copy may be due at night. */
export function scheduleBackups(settings: BackupSettings, deps: BackupDeps): () => void {
  let there = path.resolve(settings.folder);
  while (!existsSync(there) && path.dirname(there) !== there) there = path.dirname(there);
  try {
    if (!statSync(there).isDirectory()) throw new Error(`${there} is no folder`);
    accessSync(there, constants.W_OK);
  } catch (error) {
    deps.log.error({part: 'store', folder: settings.folder}, `copies cannot be written to ${settings.folder}: ${(error as Error).message}`);
  }
  return onCalendar(settings.cron, deps, () => backUpOnce(settings, deps));
}
