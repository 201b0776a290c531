// The money of a report, for people.

import type {ComparedBill} from '../core/tariff/money.ts';
import {cents} from '../core/tariff/rules.ts';
import {netOf} from '../core/tariff/shown.ts';
import type {Money} from '../core/tariff/value.ts';
import type {MoneyAnswer} from '../store/read-money.ts';
import {colourOf, kwh, type Paint, percent} from './page.ts';
import type {Comparison} from './report-billed.ts';
import type {Period} from './when.ts';

/** `-1,234.50`, without a sign where it rounds to nothing. */
export const shownAmount = (pico: bigint): string => {
  const value = cents(pico);
  const [whole = '', fraction = ''] = (Math.abs(value) / 100).toFixed(2).split('.');
  return `${value < 0 ? '-' : ''}${whole.replace(/\B(?=(\d{3})+$)/g, ',')}.${fraction}`;
};
const NAME = 24;
const MONEY = 12;
const row = (name: string, energyMilliWh: number | null, pico: bigint, more = ''): string =>
  `  ${name.padEnd(NAME)}${(energyMilliWh === null ? '' : kwh(energyMilliWh)).padStart(10)}${shownAmount(pico).padStart(MONEY)}${more === '' ? '' : `   ${more}`}`;
const words = (name: string): string => name.replaceAll('_', ' ');
const heading = (text: string, unit: string, currency: string, paint: Paint): string =>
  `${paint('bold', text.padEnd(NAME + 2))}${paint('dim', `${unit.padStart(10)}${currency.padStart(MONEY)}`)}`;

/** Lines of a terminal page. A day has no bills; a year's are a line each. */
export function moneyLines(
  {sum, sinks, stocks, lost, bills}: MoneyAnswer,
  currency: string,
  kind: Period['kind'],
  columns: number,
  paint: Paint,
): string[] {
  const batteries = Object.keys(stocks);
  const lines = sumLines(sum, currency, batteries.length > 0, paint);
  const held = Object.entries(stocks).filter(([, stock]) => stock.energyMilliWh > 0);
  if (held.length > 0) lines.push(...partsLines('In the battery at the end', held, currency, columns, paint));
  for (const [name, {energyMilliWh, paidPico}] of Object.entries(lost))
    lines.push(row(`Lost in ${words(name)}`, energyMilliWh, paidPico, paint('dim', 'found empty')));
  const used = Object.entries(sinks).filter(([name]) => !batteries.includes(name));
  if (used.length > 0) lines.push(...partsLines('What used it', used, currency, columns, paint));
  if (kind === 'year' && bills.length > 1) lines.push(...billTable(bills, currency, batteries.length > 0, paint));
  else if (kind !== 'day') for (const bill of bills) lines.push(...billLines(bill, currency, batteries.length > 0, paint));
  if (sum.unpricedQuarterHours > 0)
    lines.push(
      '',
      paint('bad', `For ${sum.unpricedQuarterHours} quarter hours no price is known:`),
      `${kwh(sum.unpricedImportMilliWh)} kWh of imports and ${kwh(sum.unpricedExportMilliWh)} kWh of exports are left out.`,
    );
  return lines;
}

/** What was bought and sold, and what it would have been. A house without generation and battery has no more to be told. */
function sumLines(sum: Money, currency: string, battery: boolean, paint: Paint): string[] {
  const net = netOf(sum);
  const lines = [
    '',
    heading('Money', 'kWh', currency, paint),
    row('Imports', sum.importMilliWh, sum.cost),
    row('Exports', sum.exportMilliWh, -sum.credit),
    paint('bold', row(net < 0n ? 'Earned on balance' : 'Paid on balance', null, net < 0n ? -net : net)),
  ];
  if (battery) lines.push(row('Without the battery', null, sum.withoutBattery, made(sum.withoutBattery - net, 'the battery', paint)));
  if (battery || sum.savedMilliWh + sum.exportMilliWh > 0)
    lines.push(
      row('Without own energy', null, sum.withoutOwn, made(sum.withoutOwn - net, 'own energy', paint)),
      row('Own energy used', sum.savedMilliWh, sum.saved, paint('dim', 'at its import price')),
    );
  if (sum.co2 !== 0n || sum.co2Saved !== 0n) {
    const kg = (value: bigint): string => `${(Number(value / 1_000_000_000_000n) / 1000).toFixed(1)} kg`;
    lines.push(`  ${'CO2 of imports'.padEnd(NAME)}${kg(sum.co2).padStart(10)}   ${kg(sum.co2Saved)} saved`);
  }
  if (sum.notEligibleMilliWh > 0)
    lines.push(`  ${'Exports never paid'.padEnd(NAME)}${kwh(sum.notEligibleMilliWh).padStart(10)}   of an origin that is not paid`);
  if (sum.suspendedMilliWh > 0)
    lines.push(
      `  ${'Exports not paid'.padEnd(NAME)}${kwh(sum.suspendedMilliWh).padStart(10)}   below zero in ${sum.suspendedQuarterHours} quarter hours`,
    );
  return lines;
}

const made = (pico: bigint, who: string, paint: Paint): string =>
  pico >= 0n ? `${who} made ${paint('good', shownAmount(pico))}` : `${who} lost ${paint('bad', shownAmount(-pico))}`;
type Part = {
  readonly energyMilliWh: number;
  readonly paidPico: bigint;
  readonly foregonePico: bigint;
  readonly originMilliWh: Readonly<Record<string, number | undefined>>;
};

/** Energy with what was paid for it, what its own part would have earned, and what it is made of: beside it where there is room. */
function partsLines(text: string, parts: readonly (readonly [string, Part])[], currency: string, columns: number, paint: Paint): string[] {
  return [
    '',
    `${heading(text, 'kWh', currency, paint)}${paint('dim', 'if sold'.padStart(MONEY))}`,
    ...parts
      .toSorted((a, b) => b[1].energyMilliWh - a[1].energyMilliWh)
      .flatMap(([name, {energyMilliWh, paidPico, foregonePico, originMilliWh}]) => {
        const line = `${row(words(name), energyMilliWh, paidPico)}${paint('dim', shownAmount(foregonePico).padStart(MONEY))}`;
        const origins = mix(originMilliWh, energyMilliWh, paint);
        return columns >= 110 ? [`${line}   ${origins}`] : [line, `    ${origins}`];
      }),
  ];
}

/** `grid 55 %  solar 45 %`, each after its colour. */
function mix(origins: Part['originMilliWh'], whole: number, paint: Paint): string {
  const parts = Object.entries(origins)
    .map(([origin, energy]) => [origin, energy ?? 0] as const)
    .filter(([, energy]) => energy > 0)
    .sort((a, b) => b[1] - a[1]);
  return parts.map(([origin, energy]) => `${paint(colourOf(origin), '■')} ${origin} ${percent(energy / whole)}`).join('  ');
}

const KINDS: Readonly<Record<string, string>> = {import: 'Import', export: 'Export', credit: 'Credit'};
/** A bill's line for people. */
export const lineName = (kind: string, name: string): string => {
  if (KINDS[kind]) return `${KINDS[kind]}, ${name}`;
  const charge = ['fixed', 'capacity', 'demand'].includes(kind) ? ' charge' : '';
  return `${name.charAt(0).toUpperCase()}${name.slice(1)}${charge}`;
};

function billLines(
  {fromDay, toDay, complete, quarterHours, lines, duePico, carry, peak, unpricedMilliWh, withoutBatteryPico, withoutOwnPico}: ComparedBill,
  currency: string,
  battery: boolean,
  paint: Paint,
): string[] {
  const bank = Object.entries(carry.bankMilliWh).filter(([, energy]) => energy > 0);
  const toBePaid = duePico < 0n ? 'To be received' : 'To be paid';
  return [
    '',
    heading(`Bill from ${fromDay}`, 'kWh', currency, paint),
    paint('dim', `  to before ${toDay}${complete ? '' : ', so far'}`),
    ...lines.map(({kind, name, energyMilliWh, pico}) => row(lineName(kind, name), energyMilliWh, pico)),
    paint('bold', row(toBePaid, null, duePico < 0n ? -duePico : duePico)),
    ...(battery ? [row('Without the battery', null, withoutBatteryPico, made(withoutBatteryPico - duePico, 'the battery', paint))] : []),
    ...(battery || withoutOwnPico !== duePico
      ? [row('Without own energy', null, withoutOwnPico, made(withoutOwnPico - duePico, 'own energy', paint))]
      : []),
    ...bank.map(([bucket, energy]) => `  ${`Banked, ${bucket}`.padEnd(NAME)}${kwh(energy).padStart(10)}`),
    ...(carry.creditPico !== 0n ? [row('Credit carried on', null, carry.creditPico)] : []),
    ...(peak ? [`  ${'Highest quarter hour'.padEnd(NAME)}${(peak.milliW / 1_000_000).toFixed(2).padStart(10)} kW`] : []),
    ...(complete && quarterHours.stored < quarterHours.expected
      ? [paint('bad', `  Only ${quarterHours.stored} of its ${quarterHours.expected} quarter hours are in the ledger.`)]
      : []),
    ...(unpricedMilliWh > 0 ? [paint('bad', `  Without a known price, and left out: ${kwh(unpricedMilliWh)} kWh`)] : []),
  ];
}

/** A line for each of a year's bills. */
function billTable(bills: readonly ComparedBill[], currency: string, battery: boolean, paint: Paint): string[] {
  const columns = [currency, ...(battery ? ['no battery'] : []), 'no own'];
  const amounts = (list: readonly bigint[]): string => list.map(pico => shownAmount(pico).padStart(MONEY)).join('');
  const of = ({duePico, withoutBatteryPico, withoutOwnPico}: ComparedBill): bigint[] => [
    duePico,
    ...(battery ? [withoutBatteryPico] : []),
    withoutOwnPico,
  ];
  const sums = bills.map(of).reduce((all, one) => all.map((sum, at) => sum + (one[at] ?? 0n)));
  return [
    '',
    `${paint('bold', 'Bills'.padEnd(NAME + 2))}${paint('dim', columns.map(column => column.padStart(MONEY)).join(''))}`,
    ...bills.map(bill => `  ${`from ${bill.fromDay}${bill.complete ? '' : ', so far'}`.padEnd(NAME)}${amounts(of(bill))}`),
    paint('bold', `  ${'All'.padEnd(NAME)}${amounts(sums)}`),
    paint('dim', '  `--bill M` shows the lines of one.'),
  ];
}

/** The ledger's bill beside the one that came by post. */
export function comparisonLines({rows}: Comparison, {name}: Period, currency: string, paint: Paint): string[] {
  const figure = (value: number | null): string => (value === null ? '-' : value.toFixed(2)).padStart(MONEY);
  return [
    '',
    `${paint('bold', 'Against the bill'.padEnd(NAME + 2))}${paint('dim', `${'ledger'.padStart(MONEY)}${'bill'.padStart(MONEY)}${'difference'.padStart(MONEY)}`)}`,
    ...rows.map(({what, unit, ledger, billed, difference, share}) => {
      const label = `${what}, ${unit === 'currency' ? currency : unit}`;
      return `  ${label.padEnd(NAME)}${figure(ledger)}${figure(billed)}${figure(difference)}${share === null ? '' : `   ${(share * 100).toFixed(2)} %`}`;
    }),
    ...(rows.some(({unit, difference}) => unit === 'kWh' && difference !== 0)
      ? [paint('dim', `  \`wattledger correct --meter-reading\` books the meter's own readings of ${name}.`)]
      : []),
  ];
}
