// `wattledger restore FILE`: a copy becomes the database again; refused while the daemon runs.

import {realClock} from '../app/clock.ts';
import {AppError} from '../core/errors.ts';
import {restoreFile} from '../store/copies.ts';
import {type Command, flagOption} from './command.ts';
import {ledgerFile, ledgerHelp, ledgerOptions} from './ledger-file.ts';

export const command: Command = {
  name: 'restore',
  summary: 'a copy becomes the database again, refused while the daemon runs',
  usage: 'FILE [--db FILE | --config FILE] [--json]',
  options: {...ledgerOptions, json: {type: 'boolean'}},
  allowPositionals: true,
  help: `  FILE            a copy made by \`wattledger backup\`
${ledgerHelp}

FILE is checked first. The database that was there is kept beside the restored one, under a name that ends in the time.`,

  async run(context) {
    const [source, ...more] = context.positionals;
    if (source === undefined || more.length > 0) throw new AppError('USAGE', 'wattledger restore', 'expected one FILE');
    const {path} = ledgerFile(context);
    const restored = restoreFile(source, path, realClock.wallMs());
    if (flagOption(context, 'json')) context.out(JSON.stringify({schema: 1, ...restored}));
    else {
      context.out(`${restored.database}: ${restored.slots} quarter hours, up to ${restored.lastSlot ?? 'none'}`);
      if (restored.kept !== null) context.out(`What was there before is kept as ${restored.kept}`);
    }
    return 0;
  },
};
