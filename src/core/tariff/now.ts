// Money as it stands: what a kWh costs now, and the sums of today, this month and this year. The document of `site/money`.

import type {SlotPrices} from './prices.ts';
import {amount, priceShown} from './shown.ts';
import type {Money} from './value.ts';

/** Flat, as published: amounts in the site's currency, prices per kWh, null for what is not known. */
export type MoneyNow = Readonly<Record<string, number | string | null>> & {readonly ts: string};

const SPANS = ['today', 'month', 'year'] as const;
type Span = (typeof SPANS)[number];

export function moneyNow(
  ts: string,
  currency: string,
  prices: SlotPrices | null,
  spans: Readonly<Record<Span, {readonly fromMs: number; readonly money: Money}>>,
): MoneyNow {
  const now: Record<string, number | string | null> & {ts: string} = {
    ts,
    currency,
    import_price: priceShown(prices?.import ?? null),
    export_price: priceShown(prices?.export ?? null),
    bucket: prices?.bucket ?? null,
  };
  if (prices && prices.co2 !== null) now['co2_g_per_kwh'] = priceShown(prices.co2);
  for (const span of SPANS) {
    const {fromMs, money} = spans[span];
    now[`${span}_from`] = new Date(fromMs).toISOString();
    now[`${span}_cost`] = amount(money.cost);
    now[`${span}_credit`] = amount(money.credit);
    now[`${span}_saved`] = amount(money.saved);
    now[`${span}_unpriced_quarter_hours`] = money.unpricedQuarterHours;
  }
  return now;
}
