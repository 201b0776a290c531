// Money as it is shown and published: cents for people, pico-currency as text for whoever checks it.

import type {ComparedBill, SinkMoney} from './money.ts';
import type {SlotPrices} from './prices.ts';
import {cents} from './rules.ts';
import type {Held} from './stock.ts';
import type {Money} from './value.ts';

/** Currency with two digits: 12.34. Rounded once, half away from zero. */
export const amount = (pico: bigint): number => cents(pico) / 100 + 0;
/** A price with its six digits, or null. */
export const priceShown = (micro: number | null): number | null => (micro === null ? null : micro / 1_000_000);
const wh = (milliWh: number): number => milliWh / 1000;
/** Exact decimal of pico-currency: `12.345678901234`. */
export function exact(pico: bigint): string {
  const magnitude = (pico < 0n ? -pico : pico).toString().padStart(13, '0');
  return `${pico < 0n ? '-' : ''}${magnitude.slice(0, -12)}.${magnitude.slice(-12)}`;
}
/** Millionths of a gram per kWh times mWh are 10^-12 g. */
const grams = (picoGrams: bigint): number => Number(picoGrams / 1_000_000_000n) / 1000;

/** What is left to pay: cost less credit. */
export const netOf = (money: Money): bigint => money.cost - money.credit;

type MoneyShown = {
  readonly cost: number;
  readonly credit: number;
  /** cost - credit. */
  readonly net: number;
  readonly saved: number;
  readonly without_own: number;
  readonly without_battery: number;
  /** What generation and battery made the house pay less, and the battery's part of it. */
  readonly own_earned: number;
  readonly battery_earned: number;
  readonly co2_g: number;
  readonly co2_saved_g: number;
  readonly unpriced: {readonly import_wh: number; readonly export_wh: number; readonly quarter_hours: number};
  /** Exports that earn nothing: of an origin that is not paid, and while prices were below zero. */
  readonly unpaid: {readonly not_eligible_wh: number; readonly negative_price_wh: number; readonly negative_price_quarter_hours: number};
};

export function shown(money: Money): MoneyShown {
  const net = netOf(money);
  return {
    cost: amount(money.cost),
    credit: amount(money.credit),
    net: amount(net),
    saved: amount(money.saved),
    without_own: amount(money.withoutOwn),
    without_battery: amount(money.withoutBattery),
    own_earned: amount(money.withoutOwn - net),
    battery_earned: amount(money.withoutBattery - net),
    co2_g: grams(money.co2),
    co2_saved_g: grams(money.co2Saved),
    unpriced: {
      import_wh: wh(money.unpricedImportMilliWh),
      export_wh: wh(money.unpricedExportMilliWh),
      quarter_hours: money.unpricedQuarterHours,
    },
    unpaid: {
      not_eligible_wh: wh(money.notEligibleMilliWh),
      negative_price_wh: wh(money.suspendedMilliWh),
      negative_price_quarter_hours: money.suspendedQuarterHours,
    },
  };
}

const pricesShown = (prices: SlotPrices | null): Readonly<Record<string, number | string | null>> => ({
  import_price: priceShown(prices?.import ?? null),
  export_price: priceShown(prices?.export ?? null),
  co2_g_per_kwh: priceShown(prices?.co2 ?? null),
  bucket: prices?.bucket ?? null,
});

function billShown({
  month,
  fromDay,
  toDay,
  complete,
  quarterHours,
  lines,
  duePico,
  carry,
  unpricedMilliWh,
  peak,
  tariffs,
  withoutBatteryPico,
  withoutOwnPico,
}: ComparedBill): unknown {
  return {
    month,
    from_day: fromDay,
    to_day: toDay,
    complete,
    quarter_hours: quarterHours,
    tariffs,
    lines: lines.map(({kind, name, energyMilliWh, pico}) => ({
      kind,
      name,
      wh: energyMilliWh === null ? null : wh(energyMilliWh),
      amount: amount(pico),
      exact: exact(pico),
    })),
    due: amount(duePico),
    due_exact: exact(duePico),
    without_battery: amount(withoutBatteryPico),
    without_own: amount(withoutOwnPico),
    carried_on: {
      bank_wh: Object.fromEntries(Object.entries(carry.bankMilliWh).map(([name, energy]) => [name, wh(energy)])),
      credit: amount(carry.creditPico),
    },
    unpriced_wh: wh(unpricedMilliWh),
    peak_w: peak && peak.milliW / 1000,
    peak_at: peak && new Date(peak.startMs).toISOString(),
  };
}

const sinkShown = ({energyMilliWh, paidPico, foregonePico, originMilliWh, unpricedMilliWh}: SinkMoney): unknown => ({
  wh: wh(energyMilliWh),
  paid: amount(paidPico),
  foregone: amount(foregonePico),
  origin_wh: Object.fromEntries(Object.entries(originMilliWh).map(([origin, energy]) => [origin, wh(energy)])),
  unpriced_wh: wh(unpricedMilliWh),
});

const stockShown = ({energyMilliWh, originMilliWh, paidPico, foregonePico}: Held): unknown => ({
  wh: wh(energyMilliWh),
  origin_wh: Object.fromEntries(Object.entries(originMilliWh).map(([origin, energy]) => [origin, wh(energy)])),
  paid: amount(paidPico),
  foregone: amount(foregonePico),
});

type AnswerShape = {
  readonly rows: readonly {
    readonly startMs: number;
    readonly day: string | null;
    readonly prices: SlotPrices | null;
    readonly money: Money;
  }[];
  readonly sum: Money;
  readonly sinks: Readonly<Record<string, SinkMoney>>;
  readonly stocks: Readonly<Record<string, Held>>;
  readonly lost: Readonly<Record<string, Held>>;
  readonly bills: readonly ComparedBill[];
};

/** The `money` of the report and of the API. */
export function moneyJson({rows, sum, sinks, stocks, lost, bills}: AnswerShape, currency: string): Record<string, unknown> {
  const mapped = <T>(record: Readonly<Record<string, T>>, show: (one: T) => unknown): Record<string, unknown> =>
    Object.fromEntries(Object.entries(record).map(([name, one]) => [name, show(one)]));
  return {
    currency,
    ...shown(sum),
    exact: {cost: exact(sum.cost), credit: exact(sum.credit), saved: exact(sum.saved)},
    sinks: mapped(sinks, sinkShown),
    batteries: mapped(stocks, stockShown),
    battery_losses: mapped(lost, stockShown),
    steps: rows.map(({startMs, day, prices, money}) => ({
      start_utc: new Date(startMs).toISOString(),
      day,
      ...(prices ? pricesShown(prices) : {}),
      ...shown(money),
    })),
    bills: bills.map(billShown),
  };
}

/** One step as an export has it, flat; the same from the command line and over HTTP. */
export function moneyRow(
  currency: string,
  {prices, money}: Pick<AnswerShape['rows'][number], 'prices' | 'money'>,
  withPrices: boolean,
): Record<string, string | number | null> {
  const {unpriced, unpaid, ...amounts} = shown(money);
  return {
    currency,
    ...(withPrices ? pricesShown(prices) : {}),
    ...amounts,
    cost_exact: exact(money.cost),
    credit_exact: exact(money.credit),
    saved_exact: exact(money.saved),
    import_mwh: money.importMilliWh,
    export_mwh: money.exportMilliWh,
    unpriced_import_wh: unpriced.import_wh,
    unpriced_export_wh: unpriced.export_wh,
    unpriced_quarter_hours: unpriced.quarter_hours,
    unpaid_not_eligible_wh: unpaid.not_eligible_wh,
    unpaid_negative_price_wh: unpaid.negative_price_wh,
  };
}
