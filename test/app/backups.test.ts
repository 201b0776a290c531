// Copies by the clock: made, named by their time, the oldest removed, a failure told and survived.

import {existsSync, readdirSync, writeFileSync} from 'node:fs';
import path from 'node:path';
import {expect, test} from 'vitest';
import {backUpOnce, scheduleBackups} from '../../src/app/backups.ts';
import {silentLog} from '../../src/core/log.ts';
import {tempFolder} from '../support/cli.ts';

test('the newest copies stay, what is not ours stays too', async () => {
  const folder = path.join(tempFolder(), 'deep', 'copies');
  let wallMs = Date.UTC(2026, 10, 24, 3, 17);
  const deps = {log: silentLog, timezone: 'UTC', wallMs: () => wallMs, backup: async (file: string) => writeFileSync(file, 'copy')};
  for (let day = 0; day < 5; day++) {
    await backUpOnce({folder, cron: '', keep: 3}, deps);
    wallMs += 86_400_000;
  }
  writeFileSync(path.join(folder, 'mine.db'), '');
  await backUpOnce({folder, cron: '', keep: 3}, deps);
  expect(readdirSync(folder).sort()).toEqual([
    'mine.db',
    'wattledger-20261127T031700Z.db',
    'wattledger-20261128T031700Z.db',
    'wattledger-20261129T031700Z.db',
  ]);
});

test('a copy that fails is told and nothing is removed', async () => {
  const folder = tempFolder();
  writeFileSync(path.join(folder, 'wattledger-20260101T000000Z.db'), '');
  const told: string[] = [];
  const log = {...silentLog, error: (_fields: object, message: string) => void told.push(message)};
  await backUpOnce(
    {folder, cron: '', keep: 1},
    {log, timezone: 'UTC', wallMs: () => 0, backup: async () => Promise.reject(new Error('the disk is full'))},
  );
  expect(told.join()).toContain('the disk is full');
  expect(existsSync(path.join(folder, 'wattledger-20260101T000000Z.db'))).toBe(true);
});

test('a folder that cannot be written is told at the start, not in the night; one that is yet to be made is well', () => {
  const told: string[] = [];
  const log = {...silentLog, error: (_fields: object, message: string) => void told.push(message)};
  const begin = (folder: string): void =>
    scheduleBackups({folder, cron: '17 3 * * *', keep: 1}, {log, timezone: 'UTC', wallMs: () => 0, backup: async () => null})();
  begin(path.join(tempFolder(), 'deep', 'copies'));
  expect(told).toEqual([]);
  // Nobody can write there, root neither.
  const file = path.join(tempFolder(), 'file');
  writeFileSync(file, '');
  begin(path.join(file, 'copies'));
  expect(told.join()).toContain(`copies cannot be written to ${file}/copies`);
});
