// The end of the demo: the ledger held against the simulated house's own books.

import type {FlowRow, TotalRow} from '../store/queries.ts';
import {type Books, difference, TOTALS, type Total} from './books.ts';
import {MILLI_J_PER_MILLI_WH} from './cell.ts';

/** `latest_wh`: what the latest values, cut off at zero and multiplied with time, make of a cell in this run of the demo. */
export type Compared = Readonly<Record<string, {readonly ledger_wh: number; readonly house_wh: number; readonly latest_wh?: number}>>;
/** The document that `demo --json` ends with. */
export type Summary = {
  readonly schema: 1;
  readonly scenario: string;
  readonly seed: number;
  readonly simulated_s: number;
  /** Step of the coarsest lifetime register, Wh: closer than this nobody can measure. */
  readonly resolution_wh: number;
  readonly totals: Compared;
  readonly cells: Compared;
  readonly data: {readonly database: string; readonly dashboard: string | null; readonly mqtt: string};
};

/** Wh with three digits. */
const wh = (milliWh: number): number => Math.round(milliWh) / 1000 + 0;
const fromBooks = (milliJ: number): number => wh(milliJ / MILLI_J_PER_MILLI_WH);

/** Sums of the ledger's rows: totals by name, and cells over all origins. */
export function ledgerSums(
  rows: readonly FlowRow[],
  totals: readonly TotalRow[],
): {totals: Record<string, number>; cells: Record<string, number>} {
  const sums = {totals: {} as Record<string, number>, cells: {} as Record<string, number>};
  for (const {name, energyMilliWh} of totals) sums.totals[name] = (sums.totals[name] ?? 0) + energyMilliWh;
  for (const {source, sink, energyMilliWh} of rows) {
    const cell = `${source}_to_${sink}`;
    sums.cells[cell] = (sums.cells[cell] ?? 0) + energyMilliWh;
  }
  return sums;
}

/** Both books side by side; what neither of them knows is left out. */
export function compare(
  ledger: {readonly totals: Readonly<Record<string, number>>; readonly cells: Readonly<Record<string, number>>},
  opening: Books,
  closing: Books,
  latest: Readonly<Record<string, number>>,
): {totals: Compared; cells: Compared} {
  const house = difference(closing, opening);
  const cells: Record<string, {ledger_wh: number; house_wh: number; latest_wh: number}> = {};
  for (const name of [...new Set([...Object.keys(house.cells), ...Object.keys(ledger.cells)])].sort())
    cells[name] = {
      ledger_wh: wh(ledger.cells[name] ?? 0),
      house_wh: fromBooks(house.cells[name] ?? 0),
      latest_wh: fromBooks(latest[name] ?? 0),
    };
  const totals: Record<string, {ledger_wh: number; house_wh: number}> = {};
  for (const name of TOTALS as readonly Total[])
    if (name in ledger.totals || house.totals[name] > 0)
      totals[name] = {ledger_wh: wh(ledger.totals[name] ?? 0), house_wh: fromBooks(house.totals[name])};
  return {totals, cells};
}

/** Without the minus of a nought. */
const tenths = (value: number): string => value.toFixed(1).replace(/^-(?=0\.0$)/, '');

/** The same for people. */
export function summaryLines(summary: Summary): string[] {
  const row = (name: string, ledger: string, house: string, apart: string, latest = ''): string =>
    `  ${name.padEnd(26)} ${ledger.padStart(12)} ${house.padStart(12)} ${apart.padStart(10)} ${latest.padStart(14)}`.trimEnd();
  const rows = (compared: Compared): string[] =>
    Object.entries(compared).map(([name, {ledger_wh, house_wh, latest_wh}]) =>
      row(
        name.replaceAll('_to_', ' → ').replaceAll('_', ' '),
        tenths(ledger_wh),
        tenths(house_wh),
        tenths(ledger_wh - house_wh),
        latest_wh === undefined ? '' : tenths(latest_wh - house_wh),
      ),
    );
  const minutes = Math.round(summary.simulated_s / 6) / 10;
  const worst = Math.max(0, ...Object.values(summary.totals).map(one => Math.abs(one.ledger_wh - one.house_wh)));
  return [
    `${summary.scenario}: ${minutes} simulated minutes, the ledger against the house's own books`,
    '',
    row('energy in Wh', 'ledger', 'house', 'apart', 'latest, apart'),
    ...rows(summary.totals),
    '',
    ...rows(summary.cells),
    '',
    'latest, apart: what the latest values, cut off at zero and multiplied with time, would have been apart in this run.',
    `Totals differ by ${worst.toFixed(1)} Wh at most; the counters of this house move in steps of ${summary.resolution_wh} Wh.`,
  ];
}
