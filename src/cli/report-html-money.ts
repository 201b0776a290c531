// The money of a printed report.

import type {ComparedBill, SinkMoney} from '../core/tariff/money.ts';
import {netOf} from '../core/tariff/shown.ts';
import type {Held} from '../core/tariff/stock.ts';
import {quoted, stacked, table} from './html-charts.ts';
import {kwh} from './page.ts';
import type {ReportMoney} from './report.ts';
import type {Comparison} from './report-billed.ts';
import {lineName, shownAmount} from './report-money.ts';
import type {Period} from './when.ts';

type Row = readonly string[];
/** A row where it has something to say. */
const only = (say: boolean, ...row: string[]): Row[] => (say ? [row] : []);

export function moneyPart({answer, currency, comparison}: ReportMoney, kind: Period['kind']): string {
  const {sinks, stocks, bills} = answer;
  const unit = quoted(currency);
  const batteries = Object.keys(stocks);
  const battery = batteries.length > 0;
  const used = Object.entries(sinks).filter(([name]) => !batteries.includes(name));
  const held = Object.entries(stocks).filter(([, stock]) => stock.energyMilliWh > 0);
  return [
    sumTable(answer, unit, battery),
    ...(used.length > 0 ? [partsTable('What used it', used, unit)] : []),
    ...(held.length > 0 ? [partsTable('In the battery at the end', held, unit)] : []),
    ...(kind === 'year' && bills.length > 1 ? [billsTable(bills, unit, battery)] : []),
    ...(kind === 'month' || kind === 'bill' || bills.length === 1 ? bills.map(bill => billTable(bill, unit, battery)) : []),
    ...(comparison ? [comparisonTable(comparison, unit)] : []),
  ].join('\n');
}

function sumTable({sum}: ReportMoney['answer'], unit: string, battery: boolean): string {
  const net = netOf(sum);
  const own = battery || sum.savedMilliWh + sum.exportMilliWh > 0;
  return table(
    'Money',
    ['', 'kWh', unit],
    [
      ['Imports', kwh(sum.importMilliWh), shownAmount(sum.cost)],
      ['Exports', kwh(sum.exportMilliWh), shownAmount(-sum.credit)],
      ...only(battery, 'Without the battery it would have been', '', shownAmount(sum.withoutBattery)),
      ...only(own, 'Without own energy it would have been', '', shownAmount(sum.withoutOwn)),
      ...only(battery, 'The battery made', '', shownAmount(sum.withoutBattery - net)),
      ...only(own, 'Own energy made', '', shownAmount(sum.withoutOwn - net)),
      ...only(own, 'Own energy used, at the import price of its quarter hour', kwh(sum.savedMilliWh), shownAmount(sum.saved)),
      ...only(sum.notEligibleMilliWh > 0, 'Exports of an origin that is not paid', kwh(sum.notEligibleMilliWh), ''),
      ...only(sum.suspendedMilliWh > 0, 'Exports not paid, prices below zero', kwh(sum.suspendedMilliWh), ''),
    ],
    [[net < 0n ? 'Earned on balance' : 'Paid on balance', '', shownAmount(net < 0n ? -net : net)]],
  );
}

function partsTable(caption: string, parts: readonly (readonly [string, SinkMoney | Held])[], unit: string): string {
  return table(
    caption,
    ['', 'kWh', `paid, ${unit}`, `own part if sold, ${unit}`, 'made of'],
    parts
      .toSorted((a, b) => b[1].energyMilliWh - a[1].energyMilliWh)
      .map(([name, {energyMilliWh, paidPico, foregonePico, originMilliWh}]) => [
        quoted(name.replaceAll('_', ' ')),
        kwh(energyMilliWh),
        shownAmount(paidPico),
        shownAmount(foregonePico),
        stacked('', originMilliWh),
      ]),
  );
}

function billTable(bill: ComparedBill, unit: string, battery: boolean): string {
  const {fromDay, toDay, complete, lines, duePico, withoutBatteryPico, withoutOwnPico, carry} = bill;
  const banked = Object.entries(carry.bankMilliWh).filter(([, energy]) => energy > 0);
  return table(
    `Bill from ${fromDay} to before ${toDay}${complete ? '' : ', so far'}`,
    ['', 'kWh', unit],
    lines.map(({kind, name, energyMilliWh, pico}) => [
      quoted(lineName(kind, name)),
      energyMilliWh === null ? '' : kwh(energyMilliWh),
      shownAmount(pico),
    ]),
    [
      [duePico < 0n ? 'To be received' : 'To be paid', '', shownAmount(duePico < 0n ? -duePico : duePico)],
      ...only(battery, 'Without the battery', '', shownAmount(withoutBatteryPico)),
      ...only(battery || withoutOwnPico !== duePico, 'Without own energy', '', shownAmount(withoutOwnPico)),
      ...banked.map(([bucket, energy]) => [`Banked, ${quoted(bucket)}`, kwh(energy), '']),
      ...only(carry.creditPico !== 0n, 'Credit carried on', '', shownAmount(carry.creditPico)),
    ],
  );
}

function billsTable(bills: readonly ComparedBill[], unit: string, battery: boolean): string {
  const amounts = (of: (pick: (bill: ComparedBill) => bigint) => bigint): string[] =>
    [of(bill => bill.duePico), ...(battery ? [of(bill => bill.withoutBatteryPico)] : []), of(bill => bill.withoutOwnPico)].map(shownAmount);
  return table(
    'Bills',
    ['', `due, ${unit}`, ...(battery ? ['without the battery'] : []), 'without own energy'],
    bills.map(bill => [`from ${bill.fromDay}${bill.complete ? '' : ', so far'}`, ...amounts(pick => pick(bill))]),
    [['All', ...amounts(pick => bills.reduce((sum, bill) => sum + pick(bill), 0n))]],
  );
}

function comparisonTable({rows}: Comparison, unit: string): string {
  const figure = (value: number | null): string => (value === null ? '–' : value.toFixed(2));
  return table(
    'Against the bill',
    ['', 'ledger', 'bill', 'difference'],
    rows.map(({what, unit: kind, ledger, billed, difference}) => [
      `${what}, ${kind === 'currency' ? unit : kind}`,
      figure(ledger),
      figure(billed),
      figure(difference),
    ]),
  );
}
