// `wattledger backup FILE`: a verified copy of the database; the daemon may run.

import {renameSync, rmSync, statSync} from 'node:fs';
import {resolve} from 'node:path';
import {AppError} from '../core/errors.ts';
import {backupFile} from '../store/copies.ts';
import {realFile} from '../store/folder.ts';
import {type Command, flagOption} from './command.ts';
import {ledgerFile, ledgerHelp, ledgerOptions} from './ledger-file.ts';

export const command: Command = {
  name: 'backup',
  summary: 'a verified copy of the database while the daemon runs',
  usage: 'FILE [--replace] [--db FILE | --config FILE] [--json]',
  options: {...ledgerOptions, replace: {type: 'boolean'}, json: {type: 'boolean'}},
  allowPositionals: true,
  help: `  FILE            where the copy goes; it must not exist yet
  --replace       a FILE that is there is replaced, once the new copy is checked
${ledgerHelp}

The copy holds everything that was committed when it began (the daemon commits once a minute unless configured otherwise). It is
checked page by page before it gets its name, so FILE is either complete and sound, or not there.`,

  async run(context) {
    const [target, ...more] = context.positionals;
    if (target === undefined || more.length > 0) throw new AppError('USAGE', 'wattledger backup', 'expected one FILE');
    const {path} = ledgerFile(context);
    const replace = flagOption(context, 'replace');
    if (replace) checkReplaceable(target, path);
    const made = replace ? `${target}.new` : target;
    if (replace) rmSync(made, {force: true});
    const copy = backupFile(path, made);
    if (replace) renameSync(made, target);
    if (flagOption(context, 'json')) context.out(JSON.stringify({schema: 1, file: resolve(target), bytes: copy.bytes, slots: copy.slots}));
    else context.out(`${resolve(target)}: ${(copy.bytes / 1_048_576).toFixed(1)} MB, ${copy.slots} quarter hours, checked and sound`);
    return 0;
  },
};

/** The database and what belongs to it must never be replaced under a daemon that writes there, by whatever name. Throws AppError. */
function checkReplaceable(target: string, database: string): void {
  const there = statSync(target, {throwIfNoEntry: false});
  if (!there) return;
  if (!there.isFile()) throw new AppError('FILE_UNWRITABLE', target, 'is no file');
  for (const suffix of ['', '-wal', '-shm', '.lock']) {
    const own = statSync(realFile(database) + suffix, {throwIfNoEntry: false});
    if (own && own.dev === there.dev && own.ino === there.ino)
      throw new AppError('USAGE', target, suffix === '' ? 'is the database itself' : 'belongs to the database');
  }
}
