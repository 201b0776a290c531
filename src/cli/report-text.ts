// A report as a terminal shows it.

import type {StepFigures} from './figures.ts';
import {bar, beside, type Colour, colourOf, kwh, type PageStyle, type Paint, padEnd, paintOf, percent, widthOf} from './page.ts';
import type {Report} from './report.ts';
import {comparisonLines, moneyLines, shownAmount} from './report-money.ts';
import type {Period} from './when.ts';

const NAME = 20;
/** No page gets wider: long bars are hard to follow. */
const WIDEST = 120;
const NARROWEST = 60;

/** Lines no longer than the terminal is wide, from 60 columns up. */
export function textOf(report: Report, style: PageStyle): string {
  const {period, policy, zone, figures, coverage, money} = report;
  const columns = Math.max(NARROWEST, Math.min(style.columns, WIDEST));
  const paint = paintOf(style);
  const lines = headLines(title(period, zone), `${zone}, ${policy}`, columns, paint);
  if (coverage.stored === 0) return [...lines, '', 'Nothing is stored for this period.', ...billsOnly(report, columns, paint)].join('\n');
  lines.push('', ...energyLines(report, columns, paint));
  const pairs: [string[], string[]][] = [
    [
      shares('Consumption came from', figures.consumedFromMilliWh, figures.consumedMilliWh, columns, paint),
      shares('Production went to', figures.producedToMilliWh, figures.producedMilliWh, columns, paint),
    ],
    [
      shares('Labels', figures.labelsMilliWh, sumOf(figures.labelsMilliWh), columns, paint),
      shares('Out of the battery came', figures.batteryOriginMilliWh, sumOf(figures.batteryOriginMilliWh), columns, paint),
    ],
  ];
  for (const [left, right] of pairs) if (left.length + right.length > 0) lines.push('', ...beside(left, right, columns));
  if (money) lines.push(...moneyLines(money.answer, money.currency, period.kind, columns, paint));
  if (money?.comparison) lines.push(...comparisonLines(money.comparison, period, money.currency, paint));
  lines.push('', ...stepLines(report, columns, paint));
  if (coverage.stored < coverage.expected)
    lines.push('', paint('bad', `${coverage.stored} of ${coverage.expected} quarter hours are stored.`));
  if (figures.quality.length > 0)
    lines.push(
      '',
      `Not all was measured at its best: ${figures.quality.join(', ')}.`,
      paint('dim', '`wattledger explain --at T` tells why.'),
    );
  return lines.map(line => line.trimEnd()).join('\n');
}

/** A bill is due without any energy too. */
function billsOnly({money, period}: Report, columns: number, paint: Paint): string[] {
  return money && money.answer.bills.length > 0 && period.kind !== 'day'
    ? moneyLines(money.answer, money.currency, period.kind, columns, paint)
    : [];
}

function headLines(left: string, right: string, columns: number, paint: Paint): string[] {
  const gap = Math.max(3, columns - widthOf(left) - widthOf(right));
  return [`${paint('bold', left)}${' '.repeat(gap)}${paint('dim', right)}`, paint('dim', '─'.repeat(columns))];
}

function energyLines({figures}: Report, columns: number, paint: Paint): string[] {
  const {totalsMilliWh, producedMilliWh, consumedMilliWh} = figures;
  const [charged, discharged] = [totalsMilliWh['battery_charge'] ?? 0, totalsMilliWh['battery_discharge'] ?? 0];
  const energies: [string, number, Colour][] = [
    ['Produced', producedMilliWh, 'solar'],
    ['Consumed', consumedMilliWh, 'home'],
    ['From the grid', totalsMilliWh['grid_import'] ?? 0, 'grid'],
    ['To the grid', totalsMilliWh['grid_export'] ?? 0, 'grid'],
  ];
  if (charged + discharged > 0) energies.push(['Into the battery', charged, 'battery'], ['Out of the battery', discharged, 'battery']);
  const most = Math.max(1, ...energies.map(([, energy]) => energy));
  const width = Math.min(60, columns - 38);
  const shown = (name: string, figure: string, unit: string, share: number, colour: Colour): string =>
    `  ${name.padEnd(NAME)}${figure.padStart(9)} ${paint('dim', unit.padEnd(3))}  ${paint(colour, bar(share, width))}`;
  const ratio = (name: string, share: number | null): string =>
    shown(name, share === null ? '-' : percent(share).slice(0, -2), share === null ? '' : '%', share ?? 0, 'good');
  return [
    ...energies.map(([name, energy, colour]) => shown(name, kwh(energy), 'kWh', energy / most, colour)),
    '',
    ratio('Self-sufficiency', figures.selfSufficiency),
    ratio('Self-consumption', figures.selfConsumption),
  ];
}

const sumOf = (sums: Readonly<Record<string, number | undefined>>): number =>
  Object.values(sums).reduce<number>((sum, energy) => sum + (energy ?? 0), 0);

export function title({kind, name, fromMs, toMs}: Period, zone: string): string {
  const shown = (ms: number, options: Intl.DateTimeFormatOptions): string =>
    new Intl.DateTimeFormat('en-GB', {timeZone: zone, ...options}).format(ms);
  switch (kind) {
    case 'day':
      return shown(fromMs, {weekday: 'long', day: 'numeric', month: 'long', year: 'numeric'});
    case 'month':
      return shown(fromMs, {month: 'long', year: 'numeric'});
    case 'bill':
      return `Bill of ${new Intl.DateTimeFormat('en-GB', {timeZone: zone, day: 'numeric', month: 'long', year: 'numeric'}).formatRange(fromMs, toMs - 1).replace(/\s/g, ' ')}`;
    case 'year':
      return name;
  }
}

function shares(
  heading: string,
  sums: Readonly<Record<string, number | undefined>>,
  whole: number,
  columns: number,
  paint: Paint,
): string[] {
  const rows = Object.entries(sums)
    .map(([name, energy]) => [name, energy ?? 0] as const)
    .filter(([, energy]) => energy !== 0)
    .sort((a, b) => b[1] - a[1]);
  if (rows.length === 0 || whole <= 0) return [];
  const width = columns >= 100 ? Math.min(14, Math.floor(columns / 2) - 44) : Math.min(24, columns - 46);
  return [
    `${paint('bold', heading.padEnd(NAME + 6))}${paint('dim', 'kWh'.padStart(5))}`,
    ...rows.map(
      ([name, energy]) =>
        `  ${name.replaceAll('_', ' ').padEnd(NAME)}${kwh(energy).padStart(9)}  ${percent(energy / whole).padStart(5)}  ${paint(colourOf(name), bar(energy / whole, Math.max(4, width)))}`,
    ),
  ];
}

/** `13:00` of a day, `24` of a month, `2026-11` of a year. */
export function stepName({kind}: Period, zone: string, {startMs, day}: Pick<StepFigures, 'startMs' | 'day'>): string {
  if (kind === 'day')
    return new Intl.DateTimeFormat('en-GB', {timeZone: zone, hour: '2-digit', minute: '2-digit', hourCycle: 'h23'}).format(startMs);
  if (kind === 'year') return (day ?? '').slice(0, 7);
  return kind === 'bill' ? (day ?? '').slice(5) : (day ?? '').slice(8);
}

/** Produced and consumed of each step with a bar each, and what it cost on balance. */
function stepLines({period, zone, figures, money}: Report, columns: number, paint: Paint): string[] {
  const {steps} = figures;
  const costs = new Map(money?.answer.rows.map(row => [row.startMs, row.money.cost - row.money.credit]));
  const width = Math.max(6, Math.min(30, Math.floor((columns - (money ? 42 : 33)) / 2)));
  const most = Math.max(1, ...steps.flatMap(step => [step.producedMilliWh, step.consumedMilliWh]));
  const head = {day: 'Hours', month: 'Days', bill: 'Days', year: 'Months'}[period.kind];
  const column = (energy: number, colour: Colour): string =>
    `${kwh(energy).padStart(9)} ${padEnd(paint(colour, bar(energy / most, width)), width)}`;
  return [
    `${paint('bold', head.padEnd(10))}${paint('dim', `${'produced'.padStart(9)} ${''.padEnd(width)} ${'consumed'.padStart(9)}${money ? `${''.padEnd(width + 1)}${money.currency.padStart(9)}` : ''}`)}`,
    ...steps.map(step => {
      const cost = costs.get(step.startMs);
      return `  ${stepName(period, zone, step).padEnd(8)}${column(step.producedMilliWh, 'solar')} ${column(step.consumedMilliWh, 'home')}${cost === undefined ? '' : shownAmount(cost).padStart(9)}`;
    }),
  ];
}
