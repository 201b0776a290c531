// What one quarter hour of the ledger is worth, cell by cell, in pico-currency. Sums over any time are sums of these.

import type {Label, Origin} from '../flow/model.ts';
import type {Micro, Tariff} from './model.ts';
import type {SlotPrices} from './prices.ts';
import {pico} from './rules.ts';

/** One cell of the ledger. */
export type MoneyCell = {
  readonly origin: Origin | 'unexplained';
  readonly via: string;
  readonly source: string;
  readonly sink: string;
  readonly energyMilliWh: number;
  readonly label: Label;
};

/** Pico-currency, and energies in mWh. */
export type Money = {
  /** Imported energy at its price. */
  cost: bigint;
  /** Exported energy at its price. */
  credit: bigint;
  /** Own energy used in the house, at the price it would have cost from the grid. */
  saved: bigint;
  /** What the same consumption would have cost without generation and battery. */
  withoutOwn: bigint;
  /** What the same house would have paid (less what it would have earned) without its batteries. */
  withoutBattery: bigint;
  /** Millionths of a gram of CO2 times mWh per kWh, as money is: of the imports, and of what own energy replaced. */
  co2: bigint;
  co2Saved: bigint;
  importMilliWh: number;
  exportMilliWh: number;
  savedMilliWh: number;
  /** Energy for which no price was known: the sums above leave it out. */
  unpricedImportMilliWh: number;
  unpricedExportMilliWh: number;
  /** Quarter hours with such energy. */
  unpricedQuarterHours: number;
  /** Exported and never paid, because of its origin; and not paid while prices were below zero, with the number of such quarter hours. */
  notEligibleMilliWh: number;
  suspendedMilliWh: number;
  suspendedQuarterHours: number;
};

export const noMoney = (): Money => ({
  cost: 0n,
  credit: 0n,
  saved: 0n,
  withoutOwn: 0n,
  withoutBattery: 0n,
  co2: 0n,
  co2Saved: 0n,
  importMilliWh: 0,
  exportMilliWh: 0,
  savedMilliWh: 0,
  unpricedImportMilliWh: 0,
  unpricedExportMilliWh: 0,
  unpricedQuarterHours: 0,
  notEligibleMilliWh: 0,
  suspendedMilliWh: 0,
  suspendedQuarterHours: 0,
});

export function addMoney(sum: Money, one: Money): void {
  for (const key of Object.keys(one) as (keyof Money)[]) {
    if (typeof one[key] === 'bigint') (sum[key] as bigint) += one[key];
    else (sum[key] as number) += one[key] as number;
  }
}

const LOST: readonly string[] = ['loss', 'unexplained'];
/** Home, metered loads and standby. */
export const consumes = (sink: string, batteries: readonly string[]): boolean =>
  sink !== 'grid' && !LOST.includes(sink) && !batteries.includes(sink);

/** Whether this energy is paid when it is exported. */
export const isPaid = (tariff: Tariff | null, origin: Origin | 'unexplained'): boolean =>
  !tariff?.paidOrigins || tariff.paidOrigins.includes(origin as Origin);

/** What passes the grid meter, and how much of the export is paid; mWh. */
type Exchange = {readonly importMilliWh: number; readonly exportMilliWh: number; readonly paidMilliWh: number};
export type Exchanges = {
  readonly actual: Exchange;
  /** The battery gone: what it took from the sun is exported, what it gave is imported, and what it took from the grid is not. */
  readonly withoutBattery: Exchange;
  /** Generation and battery gone: all that is used is imported. */
  readonly withoutOwn: Exchange;
};

/** The quarter hour as it was, and as it would have been. Conserves: import and export are the ledger's own sums. */
export function exchangesOf(cells: readonly MoneyCell[], tariff: Tariff | null, batteries: readonly string[]): Exchanges {
  const nothing = () => ({importMilliWh: 0, exportMilliWh: 0, paidMilliWh: 0});
  const [actual, withoutBattery, withoutOwn] = [nothing(), nothing(), nothing()];
  for (const {origin, source, sink, energyMilliWh} of cells) {
    const [fromBattery, intoBattery] = [batteries.includes(source), batteries.includes(sink)];
    const paidMilliWh = isPaid(tariff, origin) ? energyMilliWh : 0;
    if (source === 'grid') actual.importMilliWh += energyMilliWh;
    if (sink === 'grid') {
      actual.exportMilliWh += energyMilliWh;
      actual.paidMilliWh += paidMilliWh;
    }
    const used = consumes(sink, batteries);
    if (used) withoutOwn.importMilliWh += energyMilliWh;
    if (source === 'grid' ? !intoBattery : fromBattery && used) withoutBattery.importMilliWh += energyMilliWh;
    if (!fromBattery && (sink === 'grid' || (intoBattery && source !== 'grid'))) {
      withoutBattery.exportMilliWh += energyMilliWh;
      withoutBattery.paidMilliWh += paidMilliWh;
    }
  }
  return {actual, withoutBattery, withoutOwn};
}

/** `tariff` null or a price of null: the energy is counted as unpriced. */
export function slotMoney(
  cells: readonly MoneyCell[],
  tariff: Tariff | null,
  prices: SlotPrices | null,
  {actual, withoutBattery, withoutOwn}: Exchanges,
): Money {
  const money = noMoney();
  const buy: Micro | null = prices && prices.import !== null ? prices.import + (tariff?.nonBypassable ?? 0) : null;
  const sell: Micro | null = prices?.export ?? null;
  const gram: Micro | null = prices?.co2 ?? null;
  money.importMilliWh = actual.importMilliWh;
  money.exportMilliWh = actual.exportMilliWh;
  money.notEligibleMilliWh = actual.exportMilliWh - actual.paidMilliWh;
  for (const {label, energyMilliWh} of cells) if (label === 'btm_consumed') money.savedMilliWh += energyMilliWh;
  if (buy !== null) {
    money.cost = pico(actual.importMilliWh, buy);
    money.saved = pico(money.savedMilliWh, buy);
    money.withoutOwn = pico(withoutOwn.importMilliWh, buy);
    money.withoutBattery = pico(withoutBattery.importMilliWh, buy);
  } else {
    money.unpricedImportMilliWh = actual.importMilliWh;
  }
  if (sell !== null) {
    money.credit = pico(actual.paidMilliWh, sell);
    money.withoutBattery -= pico(withoutBattery.paidMilliWh, sell);
  } else {
    money.unpricedExportMilliWh = actual.paidMilliWh;
  }
  if (gram !== null) {
    money.co2 = pico(actual.importMilliWh, gram);
    money.co2Saved = pico(money.savedMilliWh, gram);
  }
  if (prices?.suspended) {
    money.suspendedMilliWh = actual.paidMilliWh;
    money.suspendedQuarterHours = 1;
  }
  if (money.unpricedImportMilliWh > 0 || money.unpricedExportMilliWh > 0) money.unpricedQuarterHours = 1;
  return money;
}
