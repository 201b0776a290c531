// `wattledger export`: the ledger as CSV or JSON lines, streamed to stdout.

import {realClock} from '../app/clock.ts';
import {columnsOf} from '../core/columns.ts';
import {AppError} from '../core/errors.ts';
import {addDays, dayStart, localDay} from '../core/flow/slots.ts';
import type {Policy} from '../core/site.ts';
import {moneyRow} from '../core/tariff/shown.ts';
import {dayText, stepText, utcText} from '../core/time.ts';
import type {FlowRow, LedgerStep, Reader, TotalRow} from '../store/queries.ts';
import {csvField} from '../store/retention.ts';
import {type Command, type CommandContext, textOption} from './command.ts';
import {ledgerHelp, ledgerOptions, moneyQuery, type OpenLedger, openLedger, policyOption, wordOption} from './ledger-file.ts';
import {parseWhen, whenHelp} from './when.ts';

type Line = Readonly<Record<string, string | number | null>>;
type Span = {readonly fromMs: number; readonly toMs: number; readonly zone: string};

const STEPS = ['15m', 'raw', '1m', '1h', '1d', '1mo'] as const;
type Step = (typeof STEPS)[number];

/** Lines between two looks at the stop signal and two words about the progress. */
const LINES_PER_PAUSE = 5000;

export const command: Command = {
  name: 'export',
  summary: 'flows, totals or points as CSV or JSON lines',
  usage: '--from T --to T [--step raw|1m|15m|1h|1d|1mo] [--format csv|jsonl] [--what flows|totals|points|money|evidence]',
  options: {
    ...ledgerOptions,
    from: {type: 'string'},
    to: {type: 'string'},
    step: {type: 'string'},
    format: {type: 'string'},
    what: {type: 'string'},
    policy: {type: 'string'},
    device: {type: 'string'},
    point: {type: 'string'},
  },
  help: `  --from T, --to T   begin (included) and end (excluded)
  --what WHAT        flows (default): every cell of the ledger; totals: what the meters measured; points: what the devices measured;
                     money: cost, credit and what was saved; evidence: generation, import, export, charge, discharge, and grid energy exported again
  --step STEP        15m (default), 1h, 1d, 1mo; raw and 1m are points, as long as raw values are kept
  --format FORMAT    csv (default) or jsonl
  --policy POLICY    for flows: solar-first, proportional or battery-first
  --device ID, --point NAME   for points: only these
${ledgerHelp}

${whenHelp}
Everything goes to stdout, in order of time (points: one point after the other); a long export says on stderr how far it is.`,

  async run(context) {
    const step = wordOption(context, 'step', STEPS);
    // Only points are kept finer than the quarter hour.
    const fine = (step === 'raw' || step === '1m') && textOption(context, 'what') === undefined;
    const what = fine ? 'points' : wordOption(context, 'what', ['flows', 'totals', 'points', 'money', 'evidence'] as const);
    const format = wordOption(context, 'format', ['csv', 'jsonl'] as const);
    const ledger = openLedger(context);
    try {
      const {reader, zone} = ledger;
      if (what !== 'points')
        for (const name of ['device', 'point'])
          if (textOption(context, name) !== undefined) throw new AppError('USAGE', `--${name}`, 'belongs to --what points');
      const span = spanOf(context, zone);
      const policy = policyOption(context, ledger.config);
      const lines = {
        points: () => pointLines(context, reader, span, step),
        flows: () => ledgerLines('flows', reader, span, longStep(step, what), policy),
        totals: () => ledgerLines('totals', reader, span, longStep(step, what), policy),
        money: () => moneyOf(ledger, span, longStep(step, what), policy),
        evidence: () => evidenceLines(ledger, span, step, policy),
      }[what]();
      return await print(context, lines, format === 'csv' ? columnsOf(what, step) : null, span);
    } finally {
      ledger.reader.close();
    }
  },
};

function spanOf(context: CommandContext, zone: string): Span {
  const nowMs = realClock.wallMs();
  const [from, to] = ['from', 'to'].map(name => {
    const text = textOption(context, name);
    if (text === undefined) throw new AppError('USAGE', `--${name}`, `expected --${name} T. ${whenHelp}`);
    return parseWhen(text, zone, nowMs, name);
  }) as [number, number];
  if (to <= from) throw new AppError('USAGE', '--to', 'must be later than --from');
  return {fromMs: from, toMs: to, zone};
}

function longStep(step: Step, what: string): Exclude<LedgerStep, '1y'> {
  if (step === 'raw' || step === '1m')
    throw new AppError('USAGE', '--step', `${what} are kept by quarter hour: 15m, 1h, 1d or 1mo; raw and 1m are for --what points`);
  return step;
}

/** Windows of a month, or of a year for days and months: no window holds more than a few thousand rows. */
function* windows({fromMs, toMs, zone}: Span, step: LedgerStep): Generator<Span> {
  const long = step === '1d' || step === '1mo';
  const nextBorder = (ms: number): number => {
    const day = localDay(zone, ms);
    return dayStart(zone, long ? `${Number(day.slice(0, 4)) + 1}-01-01` : `${addDays(`${day.slice(0, 7)}-01`, 31).slice(0, 7)}-01`);
  };
  for (let beginMs = fromMs; beginMs < toMs; ) {
    const endMs = Math.min(toMs, nextBorder(beginMs));
    yield {fromMs: beginMs, toMs: endMs, zone};
    beginMs = endMs;
  }
}

function* ledgerLines(what: 'flows' | 'totals', reader: Reader, span: Span, step: LedgerStep, policy: Policy): Generator<Line> {
  const when = ({startMs, day}: FlowRow | TotalRow): Line =>
    day === null ? {slot_start_utc: stepText(startMs)} : {day: dayText(day, step)};
  for (const window of windows(span, step)) {
    if (what === 'flows') {
      for (const row of reader.flows({...window, step, policy})) {
        const {origin, via, source, sink, energyMilliWh, label, quality} = row;
        yield {...when(row), policy, origin, via, source, sink, energy_mwh: energyMilliWh, energy_wh: energyMilliWh / 1000, label, quality};
      }
    } else {
      for (const row of reader.totals({...window, step})) {
        const {name, energyMilliWh, rawMilliWh, counterWh, quality} = row;
        yield {
          ...when(row),
          name,
          energy_mwh: energyMilliWh,
          energy_wh: energyMilliWh / 1000,
          raw_mwh: rawMilliWh,
          counter_wh: counterWh,
          quality,
        };
      }
    }
  }
}

function* moneyOf({reader, config}: OpenLedger, span: Span, step: LedgerStep, policy: Policy): Generator<Line> {
  for (const window of windows(span, step)) {
    const query = moneyQuery(config, span.zone, policy, {...window, step, depth: 'sums'});
    if (!query) throw new AppError('USAGE', '--what', 'money needs `tariffs:` in the configuration; name it with --config FILE');
    const {currency} = query.tariffs;
    for (const {startMs, day, prices, money} of reader.money(query).rows) {
      yield {
        ...(day === null ? {slot_start_utc: stepText(startMs)} : {day: dayText(day, step)}),
        policy,
        ...moneyRow(currency, {prices, money}, step === '15m'),
      };
    }
  }
}

/** Figures of the quarter hour in mWh; the ledger alone is enough to make them again. */
function* evidenceLines({reader}: OpenLedger, {fromMs, toMs}: Span, step: Step, policy: Policy): Generator<Line> {
  if (step !== '15m') throw new AppError('USAGE', '--step', 'evidence is told by the quarter hour: 15m');
  for (const one of reader.eachEvidence({fromMs, toMs, policy})) {
    yield {
      slot_start_utc: stepText(one.startMs),
      policy,
      generation_mwh: one.generation,
      solar_mwh: one.solar,
      wind_mwh: one.wind,
      generator_mwh: one.generator,
      import_mwh: one.import,
      export_mwh: one.export,
      charge_mwh: one.charge,
      discharge_mwh: one.discharge,
      grid_charged_mwh: one.gridCharged,
      grid_charged_min_mwh: one.gridChargedMin,
      grid_charged_max_mwh: one.gridChargedMax,
      unknown_exported_mwh: one.unknownExported,
      grid_reexported_mwh: one.gridReexported,
      grid_reexported_min_mwh: one.gridReexportedMin,
      grid_reexported_max_mwh: one.gridReexportedMax,
    };
  }
}

function* pointLines(context: CommandContext, reader: Reader, {fromMs, toMs, zone}: Span, step: Step): Generator<Line> {
  const device = textOption(context, 'device') ?? null;
  const point = textOption(context, 'point') ?? null;
  const known = reader.devices();
  if (device !== null && !known.some(one => one.id === device))
    throw new AppError(
      'USAGE',
      '--device',
      `no device "${device}" in this database; there are ${known.map(one => one.id).join(', ') || 'none'}`,
    );
  for (const sample of reader.eachSample({device, point, fromMs, toMs, step, zone})) {
    const {startMs, unit, n, avg, min, max, last} = sample;
    const at = stepText(startMs);
    const head =
      step === '1d' ? {day: at.slice(0, 10)} : step === '1mo' ? {day: at.slice(0, 7)} : step === 'raw' ? {utc: at} : {slot_start_utc: at};
    yield {...head, device: sample.device, point: sample.point, ...(step === 'raw' ? {value: last} : {n, avg, min, max, last}), unit};
  }
}

/** CSV with these columns, or JSON lines where there are none. Ends early with 1 on the stop signal. */
async function print(context: CommandContext, lines: Iterable<Line>, columns: readonly string[] | null, span: Span): Promise<number> {
  let count = 0;
  let told = false;
  for (const line of lines) {
    if (columns === null) context.out(JSON.stringify(line));
    else {
      if (count === 0) context.out(columns.join());
      context.out(columns.map(name => csvField(line[name] ?? null)).join());
    }
    if (++count % LINES_PER_PAUSE !== 0) continue;
    // Lets a signal and a slow reader of the pipe have their turn.
    await new Promise(resolve => setImmediate(resolve));
    if (context.signal.aborted) {
      context.err('export: stopped before the end');
      return 1;
    }
    if (count % (LINES_PER_PAUSE * 10) === 0) {
      told = true;
      context.err(`export: ${count} lines, at ${line['slot_start_utc'] ?? line['day'] ?? line['utc']}`);
    }
  }
  // A table without a row is a table all the same.
  if (count === 0 && columns !== null) context.out(columns.join());
  if (count === 0) context.err(`export: nothing is stored between ${utcText(span.fromMs)} and ${utcText(span.toMs)}`);
  else if (told) context.err(`export: ${count} lines, done`);
  return 0;
}
