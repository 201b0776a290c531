// `wattledger correct`: history changed on purpose, with a record of who, why, before and after.

import {userInfo} from 'node:os';
import {realClock} from '../app/clock.ts';
import {AppError} from '../core/errors.ts';
import {localDay} from '../core/flow/slots.ts';
import {nearest} from '../core/nearest.ts';
import {utcText} from '../core/time.ts';
import {CORRECTABLE, type Correctable, correct, openForChange, type SlotChange} from '../store/correction.ts';
import {type CorrectionRow, openReader} from '../store/queries.ts';
import {SLOT_S} from '../store/schema.ts';
import {type Command, type CommandContext, flagOption, textOption} from './command.ts';
import {ledgerFile, ledgerHelp, ledgerOptions} from './ledger-file.ts';
import {parseWhen, whenHelp} from './when.ts';

export const command: Command = {
  name: 'correct',
  summary: 'audited correction of history',
  usage:
    '(--slot T | --from T --to T) (--total NAME=WH | --meter-reading NAME=KWH:KWH) --why TEXT [--dry-run]\n       wattledger correct --list',
  options: {
    ...ledgerOptions,
    slot: {type: 'string'},
    from: {type: 'string'},
    to: {type: 'string'},
    total: {type: 'string'},
    'meter-reading': {type: 'string'},
    why: {type: 'string'},
    who: {type: 'string'},
    'dry-run': {type: 'boolean'},
    list: {type: 'boolean'},
    json: {type: 'boolean'},
  },
  help: `  --slot T                     the quarter hour that holds T; or
  --from T --to T              all quarter hours that begin in this range
  --total NAME=WH              what the range's total really was, in Wh; or
  --meter-reading NAME=A:B     the same by two readings of a meter in kWh, at --from and at --to
  --why TEXT, --who NAME       for the record; the name is the user's if left out
  --dry-run                    shows what would change
  --list                       every correction so far
${ledgerHelp}

NAME is one of ${CORRECTABLE.join(', ')}.
The difference goes to the quarter hours in proportion to what they had, and the cells of each are balanced again: home takes
what is left. Days follow. Before and after of every quarter hour stand in the view \`corrections\`. Published totals never go
down: where a correction makes the ledger's figure lower, the published one waits.
${whenHelp}`,

  async run(context) {
    const {path} = ledgerFile(context);
    if (flagOption(context, 'list')) return list(context, path);
    const reader = openReader(path);
    const {zone} = reader.ledgerBounds();
    reader.close();
    const nowMs = realClock.wallMs();
    const [fromMs, toMs] = rangeOf(context, zone, nowMs);
    const {total, energyMilliWh} = wantedOf(context);
    const why = textOption(context, 'why');
    if (!why) throw new AppError('USAGE', '--why', 'expected --why TEXT: a correction without a reason helps nobody later');
    const audit = {
      who: textOption(context, 'who') ?? userName(),
      why,
      what: `${total} from ${utcText(fromMs)} to ${utcText(toMs)}`,
      atMs: nowMs,
    };
    const db = openForChange(path);
    let changes: SlotChange[] = [];
    const dryRun = flagOption(context, 'dry-run');
    try {
      if (dryRun) db.exec('BEGIN IMMEDIATE');
      changes = correct(db, {total, fromMs, toMs, energyMilliWh}, audit);
      if (dryRun) db.exec('ROLLBACK');
    } finally {
      db.close();
    }
    const held = before(path, total, fromMs, toMs, changes);
    if (flagOption(context, 'json')) {
      const shown = changes.map(one => ({slot_start_utc: utcText(one.startMs), before_mwh: one.before, after_mwh: one.after}));
      context.out(
        JSON.stringify({
          schema: 1,
          dry_run: dryRun,
          total,
          ledger_mwh: held,
          wanted_mwh: energyMilliWh,
          drift_mwh: energyMilliWh - held,
          changes: shown,
        }),
      );
      return 0;
    }
    if (textOption(context, 'meter-reading') !== undefined) {
      const drift = energyMilliWh - held;
      const share = energyMilliWh === 0 ? '' : ` (${((drift / energyMilliWh) * 100).toFixed(3)} %)`;
      context.out(`The meter says ${energyMilliWh / 1000} Wh, the ledger had ${held / 1000} Wh: a drift of ${drift / 1000} Wh${share}.`);
    }
    for (const line of changeLines(changes, total, zone)) context.out(line);
    context.out(
      changes.length === 0
        ? 'Nothing to change: the ledger says so already.'
        : `${changes.length} quarter hours ${dryRun ? 'would be changed' : 'changed'}.`,
    );
    return 0;
  },
};

/** A line per quarter hour, or per local day where there are more than a day of them. */
function changeLines(changes: readonly SlotChange[], total: Correctable, zone: string): string[] {
  const line = (when: string, before: number, after: number): string => `${when}  ${total}  ${before / 1000} -> ${after / 1000} Wh`;
  if (changes.length <= QUARTERS_OF_LONGEST_DAY) return changes.map(one => line(utcText(one.startMs), one.before, one.after));
  const days = Map.groupBy(changes, one => localDay(zone, one.startMs));
  const sum = (list: readonly SlotChange[], key: 'before' | 'after'): number => list.reduce((all, one) => all + one[key], 0);
  return [...days].map(([day, list]) => `${line(day, sum(list, 'before'), sum(list, 'after'))}, ${list.length} quarter hours`);
}
const QUARTERS_OF_LONGEST_DAY = 100;

/** What the ledger had in the range, mWh: the changed quarter hours as they were, the others as they are. */
function before(path: string, total: Correctable, fromMs: number, toMs: number, changes: readonly SlotChange[]): number {
  const reader = openReader(path);
  try {
    const changed = new Map(changes.map(one => [one.startMs, one.before]));
    let sum = 0;
    for (const row of reader.totals({fromMs, toMs, step: '15m', zone: reader.ledgerBounds().zone}))
      if (row.name === total && !changed.has(row.startMs)) sum += row.energyMilliWh;
    for (const energy of changed.values()) sum += energy;
    return sum;
  } finally {
    reader.close();
  }
}

function rangeOf(context: CommandContext, zone: string, nowMs: number): [number, number] {
  const time = (name: string): number | undefined => {
    const text = textOption(context, name);
    return text === undefined ? undefined : parseWhen(text, zone, nowMs, name);
  };
  const [slot, from, to] = [time('slot'), time('from'), time('to')];
  if (slot !== undefined && from === undefined && to === undefined) {
    const startMs = Math.floor(slot / (SLOT_S * 1000)) * SLOT_S * 1000;
    return [startMs, startMs + SLOT_S * 1000];
  }
  if (slot !== undefined || from === undefined || to === undefined || to <= from)
    throw new AppError('USAGE', '--slot', 'expected --slot T, or --from T and a later --to T');
  return [from, to];
}

function wantedOf(context: CommandContext): {total: Correctable; energyMilliWh: number} {
  const total = textOption(context, 'total');
  const reading = textOption(context, 'meter-reading');
  if ((total === undefined) === (reading === undefined))
    throw new AppError('USAGE', '--total', 'expected either --total NAME=WH or --meter-reading NAME=KWH:KWH');
  const option = total === undefined ? '--meter-reading' : '--total';
  const [name = '', figure = ''] = (total ?? reading ?? '').split('=');
  const known = CORRECTABLE.find(one => one === name);
  if (!known) {
    const near = nearest(name, CORRECTABLE);
    throw new AppError(
      'USAGE',
      option,
      `no total "${name}"${near ? `; did you mean "${near}"?` : `; there are ${CORRECTABLE.join(', ')}`}`,
    );
  }
  const numbers = figure.split(':').map(text => (/^\d+(\.\d+)?$/.test(text) ? Number(text) : Number.NaN));
  const [first = Number.NaN, second] = numbers;
  const energyMilliWh = Math.round(
    total !== undefined ? (numbers.length === 1 ? first * 1000 : Number.NaN) : ((second ?? Number.NaN) - first) * 1_000_000,
  );
  if (!Number.isSafeInteger(energyMilliWh) || energyMilliWh < 0)
    throw new AppError(
      'USAGE',
      option,
      `found "${figure}", expected ${total === undefined ? 'two readings in kWh, the later one not lower: 10234.5:10250.1' : 'Wh, zero or more'}`,
    );
  return {total: known, energyMilliWh};
}

export function userName(): string {
  try {
    return userInfo().username;
  } catch {
    return 'unknown'; // a user id without a name, as in containers
  }
}

/** What differs between two sets of figures; both whole where they cannot be compared. */
function difference(before: string | null, after: string | null): string {
  const [old, now] = [before, after].map(text => (text === null ? {} : (JSON.parse(text) as Readonly<Record<string, unknown>>)));
  const changed = Object.keys({...old, ...now}).filter(key => key !== 'cells' && old?.[key] !== now?.[key]);
  return changed.map(key => `${key}: ${old?.[key] ?? '-'} -> ${now?.[key] ?? '-'}`).join(', ') || `${before} -> ${after}`;
}

function list(context: CommandContext, path: string): number {
  const reader = openReader(path);
  try {
    const rows = reader.corrections({fromMs: 0, toMs: Number.MAX_SAFE_INTEGER, limit: 200_000});
    if (flagOption(context, 'json')) {
      context.out(
        JSON.stringify({
          schema: 1,
          corrections: rows.map(({atMs, slotMs, ...row}) => ({
            at: utcText(atMs),
            slot_start_utc: slotMs === null ? null : utcText(slotMs),
            ...row,
          })),
        }),
      );
      return 0;
    }
    // One correction of a month is thousands of quarter hours: one entry.
    for (const group of Map.groupBy(rows, ({atMs, who, why, what}) => JSON.stringify([atMs, who, why, what])).values())
      context.out(entryOf(group));
    if (rows.length === 0) context.out('Nothing was ever corrected.');
    return 0;
  } finally {
    reader.close();
  }
}

function entryOf(rows: readonly CorrectionRow[]): string {
  const [row] = rows as [CorrectionRow];
  const head = `${utcText(row.atMs)}  ${row.who}: ${row.why}`;
  if (rows.length > 1) return `${head}\n  ${row.what}: ${rows.length} quarter hours; the view \`corrections\` has them`;
  return `${head}\n  ${row.slotMs === null ? row.what : `${utcText(row.slotMs)}  ${row.what}`}\n  ${difference(row.before, row.after)}`;
}
