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

/** `tariff` null or a price of null: the energy is counted as unpriced. Conserves: import and export are the ledger's own sums. */
export function slotMoney(
  cells: readonly MoneyCell[],
  tariff: Tariff | null,
  prices: SlotPrices | null,
  batteries: readonly string[],
): Money {
  const money = noMoney();
  const buy: Micro | null = prices && prices.import !== null ? prices.import + (tariff?.nonBypassable ?? 0) : null;
  const sell: Micro | null = prices?.export ?? null;
  const gram: Micro | null = prices?.co2 ?? null;
  let consumed = 0;
  for (const {origin, source, sink, energyMilliWh: energy, label} of cells) {
    const fromBattery = batteries.includes(source);
    const intoBattery = batteries.includes(sink);
    const paid = isPaid(tariff, origin);
    if (source === 'grid') money.importMilliWh += energy;
    if (sink === 'grid') money.exportMilliWh += energy;
    if (consumes(sink, batteries)) consumed += energy;
    if (label === 'btm_consumed') money.savedMilliWh += energy;
    if (sell !== null && sink === 'grid' && paid) money.credit += pico(energy, sell);
    if (sell === null && sink === 'grid' && paid) money.unpricedExportMilliWh += energy;
    // Without the battery: what it took from the sun would have been exported, what it gave would have been imported.
    const wouldImport = source === 'grid' ? !intoBattery : fromBattery && consumes(sink, batteries);
    const wouldExport = !fromBattery && (sink === 'grid' || (intoBattery && source !== 'grid'));
    if (buy !== null && wouldImport) money.withoutBattery += pico(energy, buy);
    if (sell !== null && wouldExport && paid) money.withoutBattery -= pico(energy, sell);
  }
  if (buy !== null) {
    money.cost = pico(money.importMilliWh, buy);
    money.saved = pico(money.savedMilliWh, buy);
    money.withoutOwn = pico(consumed, buy);
  } else {
    money.unpricedImportMilliWh = money.importMilliWh;
  }
  if (gram !== null) {
    money.co2 = pico(money.importMilliWh, gram);
    money.co2Saved = pico(money.savedMilliWh, gram);
  }
  if (money.unpricedImportMilliWh > 0 || money.unpricedExportMilliWh > 0) money.unpricedQuarterHours = 1;
  return money;
}
