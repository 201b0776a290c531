// `wattledger recompute`: derived data again from the raw values that are kept.

import {realClock} from '../app/clock.ts';
import {AppError} from '../core/errors.ts';
import {utcText} from '../core/time.ts';
import {openForChange, recompute} from '../store/correction.ts';
import {openReader} from '../store/queries.ts';
import {type Command, flagOption, textOption} from './command.ts';
import {userName} from './correct.ts';
import {ledgerFile, ledgerHelp, ledgerOptions} from './ledger-file.ts';
import {parseWhen, whenHelp} from './when.ts';

export const command: Command = {
  name: 'recompute',
  summary: 'derived data again from the raw values that are kept',
  usage: '--from T --to T --why TEXT [--json]',
  options: {
    ...ledgerOptions,
    from: {type: 'string'},
    to: {type: 'string'},
    why: {type: 'string'},
    who: {type: 'string'},
    json: {type: 'boolean'},
  },
  help: `  --from T, --to T         the range
  --why TEXT, --who NAME   for the record; the name is the user's if left out
${ledgerHelp}

Makes the quarter hours and days of every point again from the raw rows of the range, and all days of the ledger again from its
quarter hours. What is no longer covered by raw values stays as it is. The quarter hours of the ledger itself are facts, not
derived data: \`wattledger correct\` changes those. Before and after stand in the view \`corrections\`.
${whenHelp}`,

  async run(context) {
    const {path} = ledgerFile(context);
    const reader = openReader(path);
    const {zone} = reader.ledgerBounds();
    reader.close();
    const nowMs = realClock.wallMs();
    const [fromMs, toMs] = ['from', 'to'].map(name => {
      const text = textOption(context, name);
      if (text === undefined) throw new AppError('USAGE', `--${name}`, `expected --${name} T`);
      return parseWhen(text, zone, nowMs, name);
    }) as [number, number];
    if (toMs <= fromMs) throw new AppError('USAGE', '--to', 'must be later than --from');
    const why = textOption(context, 'why');
    if (!why) throw new AppError('USAGE', '--why', 'expected --why TEXT for the record');
    const audit = {
      who: textOption(context, 'who') ?? userName(),
      why,
      what: `recompute from ${utcText(fromMs)} to ${utcText(toMs)}`,
      atMs: nowMs,
    };
    const db = openForChange(path);
    try {
      const {quarterHours} = recompute(db, fromMs, toMs, audit);
      if (flagOption(context, 'json'))
        context.out(JSON.stringify({schema: 1, quarter_hours: quarterHours, from: utcText(fromMs), to: utcText(toMs)}));
      else
        context.out(
          `${quarterHours} quarter hours of points made again from raw values; the ledger's days made again from its quarter hours.`,
        );
      return 0;
    } finally {
      db.close();
    }
  },
};
