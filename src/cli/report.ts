// `wattledger report`: a day, a month or a year of the house, for people; with --json for scripts.

import {realClock} from '../app/clock.ts';
import {AppError} from '../core/errors.ts';
import type {Policy} from '../core/site.ts';
import {moneyJson} from '../core/tariff/shown.ts';
import {utcText} from '../core/time.ts';
import type {LedgerStep} from '../store/queries.ts';
import type {MoneyAnswer} from '../store/read-money.ts';
import {SLOT_S} from '../store/schema.ts';
import {type Command, type CommandContext, flagOption, textOption} from './command.ts';
import {type Figures, figuresOf} from './figures.ts';
import {ledgerHelp, ledgerOptions, moneyQuery, openLedger, policyOption, wordOption} from './ledger-file.ts';
import {htmlOf} from './report-html.ts';
import {moneyLines} from './report-money.ts';
import {type Period, periodOf} from './when.ts';

/** Steps shown inside a period. */
const STEP: Readonly<Record<Period['kind'], LedgerStep>> = {day: '1h', month: '1d', bill: '1d', year: '1mo'};

export const command: Command = {
  name: 'report',
  summary: 'energy, labels, self-sufficiency, battery origin and money of a day, month, bill or year',
  usage: '[--day D | --month M | --bill M | --year Y] [--policy POLICY] [--format text|json|html] [--json]',
  options: {
    ...ledgerOptions,
    day: {type: 'string'},
    month: {type: 'string'},
    bill: {type: 'string'},
    year: {type: 'string'},
    format: {type: 'string'},
    policy: {type: 'string'},
    json: {type: 'boolean'},
  },
  help: `  --day D         2026-11-24, today (default) or yesterday
  --month M       2026-11 or this
  --bill M        the bill that begins in this month; its day is tariffs.billing_day
  --year Y        2026 or this
  --policy POLICY solar-first, proportional or battery-first
  --format html   one page that prints well; json is the same as --json
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
      const money = query && {answer: reader.money(query), currency: query.tariffs.currency};
      const report = {period, policy, zone, figures, coverage, money};
      const format = flagOption(context, 'json') ? 'json' : wordOption(context, 'format', ['text', 'json', 'html'] as const);
      context.out(format === 'json' ? JSON.stringify(jsonOf(report)) : format === 'html' ? pageOf(report) : textOf(report));
      return 0;
    } finally {
      reader.close();
    }
  },
};

export type Report = {
  readonly period: Period;
  readonly policy: Policy;
  readonly zone: string;
  readonly figures: Figures;
  /** Quarter hours. */
  readonly coverage: {readonly stored: number; readonly expected: number};
  /** Null without tariffs. */
  readonly money: {readonly answer: MoneyAnswer; readonly currency: string} | null;
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

/** The document of docs/reports.md. `money` is null where there is no tariff. */
export function jsonOf({period, policy, zone, figures, coverage, money}: Report): unknown {
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
      produced_wh: wh(step.producedMilliWh),
      consumed_wh: wh(step.consumedMilliWh),
      imported_wh: wh(step.importedMilliWh),
      exported_wh: wh(step.exportedMilliWh),
    })),
    money: money && moneyJson(money.answer, money.currency),
  };
}

const BLOCKS = ' ▏▎▍▌▋▊▉█';

/** A bar of eighths of a character; anything above zero shows. */
export function bar(share: number, width: number): string {
  const eighths = share > 0 ? Math.max(1, Math.round(Math.min(1, share) * width * 8)) : 0;
  return '█'.repeat(Math.floor(eighths / 8)) + (eighths % 8 === 0 ? '' : (BLOCKS[eighths % 8] ?? ''));
}

const kwh = (milliWh: number): string => (milliWh / 1_000_000).toFixed(2).padStart(9);
const percent = (share: number | null): string => (share === null ? '-' : `${(share * 100).toFixed(share > 0 && share < 0.01 ? 1 : 0)} %`);

/** The terminal's page as a document for a printer. */
function pageOf(report: Report): string {
  const {period, zone, figures} = report;
  return htmlOf({
    title: title(period, zone),
    figures,
    stepNames: figures.steps.map(({startMs, day}) => stepName(period, zone, startMs, day)),
    text: textOf(report),
  });
}

function textOf({period, policy, zone, figures, coverage, money}: Report): string {
  const {totalsMilliWh, producedMilliWh, consumedMilliWh} = figures;
  const lines = [`${title(period, zone)}   ${policy}`];
  if (coverage.stored === 0) return [...lines, '', 'Nothing is stored for this period.'].join('\n');
  const charged = totalsMilliWh['battery_charge'] ?? 0;
  const discharged = totalsMilliWh['battery_discharge'] ?? 0;
  const energies: [string, number][] = [
    ['Produced', producedMilliWh],
    ['Consumed', consumedMilliWh],
    ['From the grid', totalsMilliWh['grid_import'] ?? 0],
    ['To the grid', totalsMilliWh['grid_export'] ?? 0],
  ];
  if (charged + discharged > 0) energies.push(['Into the battery', charged], ['Out of the battery', discharged]);
  const most = Math.max(1, ...energies.map(([, energy]) => energy));
  lines.push('', `${''.padEnd(22)}${'kWh'.padStart(9)}`);
  for (const [name, energy] of energies) lines.push(`  ${name.padEnd(20)}${kwh(energy)}  ${bar(energy / most, 30)}`);
  lines.push(
    '',
    `  ${'Self-sufficiency'.padEnd(20)}${percent(figures.selfSufficiency).padStart(9)}  ${bar(figures.selfSufficiency ?? 0, 30)}`,
  );
  lines.push(`  ${'Self-consumption'.padEnd(20)}${percent(figures.selfConsumption).padStart(9)}  ${bar(figures.selfConsumption ?? 0, 30)}`);
  lines.push(...shares('Consumption came from', figures.consumedFromMilliWh, consumedMilliWh));
  lines.push(...shares('Production went to', figures.producedToMilliWh, producedMilliWh));
  lines.push(...shares('The battery gave, by origin', figures.batteryOriginMilliWh, sumOf(figures.batteryOriginMilliWh)));
  lines.push(...shares('Labels', figures.labelsMilliWh, sumOf(figures.labelsMilliWh)));
  if (money) lines.push(...moneyLines(money.answer, money.currency, period.kind !== 'day'));
  lines.push(...stepLines(period, zone, figures));
  if (coverage.stored < coverage.expected) lines.push('', `${coverage.stored} of ${coverage.expected} quarter hours are stored.`);
  if (figures.quality.length > 0)
    lines.push('', `Not everything was measured at its best: ${figures.quality.join(', ')}. \`wattledger explain --at T\` tells why.`);
  return lines.join('\n');
}

const sumOf = (sums: Readonly<Record<string, number | undefined>>): number =>
  Object.values(sums).reduce<number>((sum, energy) => sum + (energy ?? 0), 0);

function title({kind, name, fromMs}: Period, zone: string): string {
  const shown: Intl.DateTimeFormatOptions =
    kind === 'day'
      ? {weekday: 'long', day: 'numeric', month: 'long', year: 'numeric'}
      : kind === 'month' || kind === 'bill'
        ? {month: 'long', year: 'numeric'}
        : {year: 'numeric'};
  return kind === 'year' ? `${name}   ${zone}` : `${new Intl.DateTimeFormat('en-GB', {timeZone: zone, ...shown}).format(fromMs)}   ${zone}`;
}

function shares(heading: string, sums: Readonly<Record<string, number | undefined>>, whole: number): string[] {
  const rows = Object.entries(sums)
    .map(([name, energy]) => [name, energy ?? 0] as const)
    .filter(([, energy]) => energy !== 0)
    .sort((a, b) => b[1] - a[1]);
  if (rows.length === 0 || whole <= 0) return [];
  return [
    '',
    heading,
    ...rows.map(
      ([name, energy]) =>
        `  ${name.replaceAll('_', ' ').padEnd(20)}${kwh(energy)}  ${percent(energy / whole).padStart(5)}  ${bar(energy / whole, 24)}`,
    ),
  ];
}

function stepName({kind}: Period, zone: string, startMs: number, day: string | null): string {
  if (kind === 'day')
    return new Intl.DateTimeFormat('en-GB', {timeZone: zone, hour: '2-digit', minute: '2-digit', hourCycle: 'h23'}).format(startMs);
  return kind === 'year' ? (day ?? '').slice(0, 7) : (day ?? '').slice(8);
}

function stepLines(period: Period, zone: string, {steps}: Figures): string[] {
  const width = 18;
  const most = Math.max(1, ...steps.flatMap(step => [step.producedMilliWh, step.consumedMilliWh]));
  const head = period.kind === 'day' ? 'Hours' : period.kind === 'year' ? 'Months' : 'Days';
  return [
    '',
    `${head.padEnd(10)}${'produced'.padStart(9)} ${''.padEnd(width)} ${'consumed'.padStart(9)} ${''.padEnd(width)}`.trimEnd(),
    ...steps.map(step =>
      `  ${stepName(period, zone, step.startMs, step.day).padEnd(8)}${kwh(step.producedMilliWh)} ${bar(step.producedMilliWh / most, width).padEnd(width)} ${kwh(step.consumedMilliWh)} ${bar(step.consumedMilliWh / most, width)}`.trimEnd(),
    ),
  ];
}
