// `wattledger report`: a day, a month or a year of the house, for people; with --json for scripts.

import {realClock} from '../app/clock.ts';
import {columnsOf} from '../core/columns.ts';
import {AppError} from '../core/errors.ts';
import type {Policy} from '../core/site.ts';
import {moneyJson, moneyRow} from '../core/tariff/shown.ts';
import {utcText} from '../core/time.ts';
import type {LedgerStep} from '../store/queries.ts';
import type {MoneyAnswer} from '../store/read-money.ts';
import {csvField} from '../store/retention.ts';
import {SLOT_S} from '../store/schema.ts';
import {type Command, type CommandContext, flagOption, textOption} from './command.ts';
import {type Figures, figuresOf, type StepFigures} from './figures.ts';
import {ledgerHelp, ledgerOptions, moneyQuery, openLedger, policyOption, wordOption} from './ledger-file.ts';
import {type PageStyle, PLAIN} from './page.ts';
import {billedOptions, type Comparison, comparisonOf} from './report-billed.ts';
import {htmlOf} from './report-html.ts';
import {textOf} from './report-text.ts';
import {type Period, periodOf} from './when.ts';

/** Steps shown inside a period. */
const STEP: Readonly<Record<Period['kind'], LedgerStep>> = {day: '1h', month: '1d', bill: '1d', year: '1mo'};

export const command: Command = {
  name: 'report',
  summary: 'energy, labels, self-sufficiency, battery origin and money of a day, month, bill or year',
  usage:
    '[--day D | --month M | --bill M | --year Y] [--policy POLICY] [--format text|json|csv|html] [--json]\n       wattledger report --bill M --billed AMOUNT [--billed-import KWH] [--billed-export KWH]',
  options: {
    ...ledgerOptions,
    day: {type: 'string'},
    month: {type: 'string'},
    bill: {type: 'string'},
    year: {type: 'string'},
    format: {type: 'string'},
    policy: {type: 'string'},
    json: {type: 'boolean'},
    ...billedOptions,
  },
  help: `  --day D         2026-11-24, today (default) or yesterday
  --month M       2026-11 or this
  --bill M        the bill that begins in this month; its day is tariffs.billing_day
  --year Y        2026 or this
  --policy POLICY solar-first, proportional or battery-first
  --format html   one page that prints well; csv: a line per step; json is the same as --json
  --billed AMOUNT, --billed-import KWH, --billed-export KWH
                  what the utility's bill says, to be compared with the ledger's
${ledgerHelp}

Days, months and years are those of the site's time zone. Money needs tariffs in the configuration. docs/reports.md describes the JSON.`,

  async run(context) {
    const {reader, zone, config} = openLedger(context);
    try {
      const period = wantedPeriod(context, zone, config?.money?.tariffs.billingDay ?? 1);
      const policy = policyOption(context, config);
      const {fromMs, toMs} = period;
      const rows = reader.flows({fromMs, toMs, step: STEP[period.kind], policy, zone});
      const totals = reader.totals({fromMs, toMs, step: period.kind === 'day' ? '1d' : period.kind === 'bill' ? '15m' : '1mo', zone});
      const figures = figuresOf(rows, totals, reader.batteries());
      const slots = reader.coverage({fromMs, toMs});
      const pastMs = Math.min(toMs, Math.max(fromMs, realClock.wallMs()));
      const coverage = {stored: slots, expected: Math.max(slots, Math.floor((pastMs - fromMs) / (SLOT_S * 1000)))};
      const query = moneyQuery(config, zone, policy, {
        fromMs,
        toMs,
        step: STEP[period.kind],
        depth: period.kind === 'day' ? 'stocks' : 'bills',
      });
      const answer = query && reader.money(query);
      const comparison = comparisonOf(context, period, figures, answer);
      const money = query && answer && {answer, currency: query.tariffs.currency, comparison};
      const report: Report = {period, policy, zone, figures, coverage, money};
      const format = flagOption(context, 'json') ? 'json' : wordOption(context, 'format', ['text', 'json', 'csv', 'html'] as const);
      context.out(
        {
          text: () => textOf(report, context.tty ? styleOf(process.stdout.columns) : PLAIN),
          json: () => JSON.stringify(jsonOf(report)),
          csv: () => csvOf(report),
          html: () => htmlOf(report),
        }[format](),
      );
      return 0;
    } finally {
      reader.close();
    }
  },
};

export type ReportMoney = {readonly answer: MoneyAnswer; readonly currency: string; readonly comparison: Comparison | null};
export type Report = {
  readonly period: Period;
  readonly policy: Policy;
  readonly zone: string;
  readonly figures: Figures;
  /** Quarter hours. */
  readonly coverage: {readonly stored: number; readonly expected: number};
  /** Null without tariffs. */
  readonly money: ReportMoney | null;
};

function wantedPeriod(context: CommandContext, zone: string, billingDay: number): Period {
  const given = (['day', 'month', 'bill', 'year'] as const).filter(kind => textOption(context, kind) !== undefined);
  if (given.length > 1) throw new AppError('USAGE', 'wattledger report', 'expected one of --day, --month, --bill and --year');
  const kind = given[0] ?? 'day';
  return periodOf(kind, textOption(context, kind) ?? 'today', zone, realClock.wallMs(), billingDay);
}

const wh = (milliWh: number): number => milliWh / 1000;
const allWh = (sums: Readonly<Record<string, number | undefined>>): Record<string, number> =>
  Object.fromEntries(Object.entries(sums).map(([name, energy]) => [name, wh(energy ?? 0)]));

const stepWh = (step: Omit<StepFigures, 'startMs' | 'day'>): Record<string, number> => ({
  produced_wh: wh(step.producedMilliWh),
  consumed_wh: wh(step.consumedMilliWh),
  imported_wh: wh(step.importedMilliWh),
  exported_wh: wh(step.exportedMilliWh),
});

/** The document of docs/reports.md. `money` is null where there is no tariff. */
function jsonOf({period, policy, zone, figures, coverage, money}: Report): unknown {
  return {
    schema: 1,
    period: {kind: period.kind, name: period.name, from: utcText(period.fromMs), to: utcText(period.toMs), zone},
    policy,
    quarter_hours: coverage,
    quality: figures.quality,
    totals_wh: allWh(figures.totalsMilliWh),
    labels_wh: allWh(figures.labelsMilliWh),
    cells_wh: allWh(figures.cellsMilliWh),
    produced_wh: wh(figures.producedMilliWh),
    consumed_wh: wh(figures.consumedMilliWh),
    consumed_from_wh: allWh(figures.consumedFromMilliWh),
    produced_to_wh: allWh(figures.producedToMilliWh),
    battery_origin_wh: allWh(figures.batteryOriginMilliWh),
    self_sufficiency: figures.selfSufficiency,
    self_consumption: figures.selfConsumption,
    steps: figures.steps.map(({startMs, day, ...step}) => ({
      start_utc: utcText(startMs),
      day,
      ...stepWh(step),
    })),
    money: money && {...moneyJson(money.answer, money.currency), ...(money.comparison ? {comparison: money.comparison.rows} : {})},
  };
}

/** The keys of `stepWh`. */
const STEP_COLUMNS = ['produced_wh', 'consumed_wh', 'imported_wh', 'exported_wh'];

/** A line per step, energies in Wh; money's columns only where there are tariffs. */
function csvOf({figures, policy, money}: Report): string {
  const amounts = new Map(money?.answer.rows.map(row => [row.startMs, row]));
  const rows = figures.steps.map(step => {
    const row = amounts.get(step.startMs);
    return {
      start_utc: utcText(step.startMs),
      day: step.day,
      policy,
      ...stepWh(step),
      ...(money && row ? moneyRow(money.currency, row, false) : {}),
    };
  });
  // The head is there without a step as well.
  const columns = ['start_utc', 'day', 'policy', ...STEP_COLUMNS, ...(money ? columnsOf('money', '1d').slice(2) : [])];
  const lines = rows.map((row: Readonly<Record<string, unknown>>) => columns.map(name => csvField(row[name] ?? null)).join());
  return [columns.join(), ...lines].join('\n');
}

/** NO_COLOR is honoured (no-color.org). */
const styleOf = (columns: number | undefined): PageStyle => ({
  columns: columns || PLAIN.columns,
  colour: !process.env['NO_COLOR'] && process.env['TERM'] !== 'dumb',
});
