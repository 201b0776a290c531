// The money of a report, for people.

import type {ComparedBill} from '../core/tariff/money.ts';
import {cents} from '../core/tariff/rules.ts';
import {netOf} from '../core/tariff/shown.ts';
import type {MoneyAnswer} from '../store/read-money.ts';

/** `-1,234.50` right-aligned. */
export const shownAmount = (pico: bigint): string => {
  const value = cents(pico);
  const [whole = '', fraction = ''] = (Math.abs(value) / 100).toFixed(2).split('.');
  return `${value < 0 ? '-' : ''}${whole.replace(/\B(?=(\d{3})+$)/g, ',')}.${fraction}`;
};
const WIDTH = 34;
const line = (name: string, pico: bigint): string => `  ${name.padEnd(WIDTH)}${shownAmount(pico).padStart(10)}`;
const kwh = (milliWh: number): string => `${(milliWh / 1_000_000).toFixed(2)} kWh`;

/** Lines of a terminal page. `withBills`: the period is that of bills. */
export function moneyLines({sum, sinks, stocks, bills}: MoneyAnswer, currency: string, withBills: boolean): string[] {
  const net = netOf(sum);
  const batteries = Object.keys(stocks);
  const lines = [
    '',
    `Money in ${currency}`,
    line('Imports cost', sum.cost),
    line('Exports earned', sum.credit),
    line('Own energy saved', sum.saved),
    line('Without sun and battery', sum.withoutOwn),
    line('Sun and battery together made', sum.withoutOwn - net),
  ];
  if (batteries.length > 0) {
    lines.push(line('Of that the battery', sum.withoutBattery - net));
    for (const [name, stock] of Object.entries(stocks))
      if (stock.energyMilliWh > 0)
        lines.push(
          `  ${name} holds ${kwh(stock.energyMilliWh)} that cost ${shownAmount(stock.paidPico)} and would have earned ${shownAmount(stock.foregonePico)}`,
        );
  }
  if (sum.co2 !== 0n || sum.co2Saved !== 0n) {
    const kg = (value: bigint): string => `${(Number(value / 1_000_000_000_000n) / 1000).toFixed(1)} kg`;
    lines.push(`  CO2 of the imports ${kg(sum.co2)}, saved ${kg(sum.co2Saved)}`);
  }
  const loads = Object.entries(sinks).filter(([name]) => !batteries.includes(name));
  if (loads.length > 0) lines.push('', 'Paid by what used it (own energy in brackets: what it would have earned)');
  for (const [name, {energyMilliWh, paidPico, foregonePico}] of loads.toSorted((a, b) => b[1].energyMilliWh - a[1].energyMilliWh))
    lines.push(
      `  ${name.replaceAll('_', ' ').padEnd(20)}${kwh(energyMilliWh).padStart(WIDTH - 20)}${shownAmount(paidPico).padStart(10)}  (${shownAmount(foregonePico)})`,
    );
  if (withBills) for (const bill of bills) lines.push(...billLines(bill, currency));
  if (sum.unpricedQuarterHours > 0)
    lines.push(
      '',
      `For ${sum.unpricedQuarterHours} quarter hours no price is known; ${kwh(sum.unpricedImportMilliWh)} of imports and ${kwh(sum.unpricedExportMilliWh)} of exports are left out.`,
    );
  return lines;
}

const KINDS: Readonly<Record<string, string>> = {import: 'Import', export: 'Export', true_up: 'True-up', credit: 'Credit'};

export function billLines(
  {month, fromDay, toDay, complete, quarterHours, lines, duePico, carry, peak, unpricedMilliWh}: ComparedBill,
  currency: string,
): string[] {
  const bank = Object.values(carry.bankMilliWh).reduce((all, energy) => all + energy, 0);
  return [
    '',
    `Bill of ${month}, ${fromDay} to before ${toDay}${complete ? '' : ', so far'}`,
    ...lines.map(({kind, name, energyMilliWh, pico}) => {
      const what = KINDS[kind] ? `${KINDS[kind]}, ${name}` : name[0]?.toUpperCase() + name.slice(1);
      const energy = energyMilliWh === null ? '' : kwh(energyMilliWh);
      return `  ${what.padEnd(20)}${energy.padStart(WIDTH - 20)}${shownAmount(pico).padStart(10)}`;
    }),
    line(duePico < 0n ? `To be received, ${currency}` : `To be paid, ${currency}`, duePico),
    ...(bank > 0 ? [`  Banked for later: ${kwh(bank)}`] : []),
    ...(carry.creditPico !== 0n ? [line('Credit carried on', carry.creditPico)] : []),
    ...(peak ? [`  Highest quarter hour: ${(peak.milliW / 1_000_000).toFixed(2)} kW`] : []),
    ...(complete && quarterHours.stored < quarterHours.expected
      ? [`  Only ${quarterHours.stored} of its ${quarterHours.expected} quarter hours are in the ledger.`]
      : []),
    ...(unpricedMilliWh > 0 ? [`  Without a known price, and left out: ${kwh(unpricedMilliWh)}`] : []),
  ];
}
