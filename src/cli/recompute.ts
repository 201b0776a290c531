// `wattledger recompute`: derived data again from the raw values that are kept.

import {realClock} from '../app/clock.ts';
import {AppError} from '../core/errors.ts';
import {utcText} from '../core/time.ts';
import {openForChange, recompute} from '../store/correction.ts';
import {openReader} from '../store/queries.ts';
import {rescale} from '../store/rescale.ts';
import {type Command, type CommandContext, flagOption, textOption} from './command.ts';
import {userName} from './correct.ts';
import {ledgerFile, ledgerHelp, ledgerOptions} from './ledger-file.ts';
import {parseWhen, whenHelp} from './when.ts';

export const command: Command = {
  name: 'recompute',
  summary: 'derived data again from the raw values that are kept',
  usage: '--from T --to T --why TEXT [--point DEVICE/POINT --factor X] [--json]',
  options: {
    ...ledgerOptions,
    from: {type: 'string'},
    to: {type: 'string'},
    why: {type: 'string'},
    point: {type: 'string'},
    factor: {type: 'string'},
    who: {type: 'string'},
    json: {type: 'boolean'},
  },
  help: `  --from T, --to T         the range
  --why TEXT, --who NAME   for the record; the name is the user's if left out
  --point DEVICE/POINT     together with
  --factor X               the raw values of one point times X first: 0.1 where a profile took tenths for units, -1 for a
                           wrong sign; for values from before the profile was mended
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
    const scale = scaleOf(context);
    const db = openForChange(path);
    try {
      if (scale) {
        const what = `${scale.device}/${scale.point} times ${scale.factor} from ${utcText(fromMs)} to ${utcText(toMs)}`;
        const {rows, quarterHours} = rescale(db, {...scale, fromMs, toMs}, {...audit, what});
        if (flagOption(context, 'json'))
          context.out(JSON.stringify({schema: 1, raw_values: rows, quarter_hours: quarterHours, from: utcText(fromMs), to: utcText(toMs)}));
        else context.out(`${rows} raw values of ${what}; ${quarterHours} quarter hours made again from them.`);
        return 0;
      }
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

/** What is to be multiplied, if anything. Throws AppError USAGE. */
function scaleOf(context: CommandContext): {device: string; point: string; factor: number} | null {
  const [name, text] = [textOption(context, 'point'), textOption(context, 'factor')];
  if (name === undefined && text === undefined) return null;
  const [, device, point] = /^([^/]+)\/(.+)$/.exec(name ?? '') ?? [];
  if (!device || !point)
    throw new AppError('USAGE', '--point', 'expected DEVICE/POINT, such as meter/grid.power_w, together with --factor');
  const factor = Number(text === undefined || text.trim() === '' ? Number.NaN : text);
  if (!Number.isFinite(factor) || factor === 0)
    throw new AppError('USAGE', '--factor', `found "${text ?? ''}", expected a number other than zero`);
  return {device, point, factor};
}
