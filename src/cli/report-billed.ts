// The ledger's bill against the one that came by post: what the user typed in, beside what was computed.

import {AppError} from '../core/errors.ts';
import {cents} from '../core/tariff/rules.ts';
import type {MoneyAnswer} from '../store/read-money.ts';
import {type CommandContext, textOption} from './command.ts';
import type {Figures} from './figures.ts';
import type {Period} from './when.ts';

type ComparisonRow = {
  readonly what: string;
  readonly unit: 'currency' | 'kWh';
  /** Null where the ledger has no such figure. */
  readonly ledger: number | null;
  readonly billed: number;
  /** Bill less ledger, and its share of the bill. */
  readonly difference: number | null;
  readonly share: number | null;
};
export type Comparison = {readonly rows: readonly ComparisonRow[]};

export const billedOptions = {
  billed: {type: 'string'},
  'billed-import': {type: 'string'},
  'billed-export': {type: 'string'},
} as const;

/** Null where nothing was typed in. Throws AppError USAGE. */
export function comparisonOf(context: CommandContext, period: Period, figures: Figures, money: MoneyAnswer | null): Comparison | null {
  const amount = numberOption(context, 'billed');
  const bought = numberOption(context, 'billed-import');
  const sold = numberOption(context, 'billed-export');
  if (amount === null && bought === null && sold === null) return null;
  if (period.kind !== 'bill') throw new AppError('USAGE', '--billed', 'a bill is compared with --bill M, the month in which it begins');
  if (!money) throw new AppError('USAGE', '--billed', 'a bill needs `tariffs:` in the configuration; name it with --config FILE');
  const [bill] = money.bills;
  const kwh = (name: string): number => Math.round((figures.totalsMilliWh[name] ?? 0) / 10_000) / 100;
  return {
    rows: [
      ...(amount === null ? [] : [row('To be paid', 'currency', bill ? cents(bill.duePico) / 100 : null, amount)]),
      ...(bought === null ? [] : [row('Imported', 'kWh', kwh('grid_import'), bought)]),
      ...(sold === null ? [] : [row('Exported', 'kWh', kwh('grid_export'), sold)]),
    ],
  };
}

function row(what: string, unit: ComparisonRow['unit'], ledger: number | null, billed: number): ComparisonRow {
  const difference = ledger === null ? null : Math.round((billed - ledger) * 100) / 100 + 0;
  return {what, unit, ledger, billed, difference, share: difference === null || billed === 0 ? null : difference / Math.abs(billed)};
}

function numberOption(context: CommandContext, name: string): number | null {
  const text = textOption(context, name);
  if (text === undefined) return null;
  if (!/^-?\d{1,9}(\.\d{1,3})?$/.test(text)) throw new AppError('USAGE', `--${name}`, `found "${text}", expected a number such as 84.20`);
  return Number(text);
}
