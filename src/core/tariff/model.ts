// What energy costs and earns, as data: tariffs with the time they hold, prices by the clock or by a series, and how a utility settles.

import type {Origin} from '../flow/model.ts';

/** Micro-currency per kWh: 0.3125 EUR/kWh is 312,500. For CO2 millionths of a gram per kWh. */
export type Micro = number;

export const WEEKDAYS = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] as const;
export type DayKind = (typeof WEEKDAYS)[number] | 'holiday';

/** Quarter hours by local calendar; null: every one. */
export type When = {
  /** 1 to 12. */
  readonly months: readonly number[] | null;
  /** On a holiday only `holiday` counts, whatever weekday it is. */
  readonly days: readonly DayKind[] | null;
  /** Minutes of the local day, [from, to); from > to goes over midnight, both parts on their own date. */
  readonly hours: readonly (readonly [fromMin: number, toMin: number])[] | null;
};
type Band = {readonly name: string; readonly micro: Micro; readonly when: When};

export type Price =
  | {readonly kind: 'flat'; readonly micro: Micro}
  /** The first band that holds; `otherwise` null: no price then, and it is said. */
  | {readonly kind: 'bands'; readonly bands: readonly Band[]; readonly otherwise: Micro | null}
  /** A series of prices by the quarter hour, times `factor` (in 10^-12), plus `addMicro`. */
  | {readonly kind: 'series'; readonly series: string; readonly factor: bigint; readonly addMicro: Micro};

export type Settle =
  /** Both registers as they are. */
  | {readonly kind: 'registers'}
  /** Import and export are set off against each other inside each interval, bucket by bucket; the rest is settled at its prices. */
  | {readonly kind: 'interval'; readonly every: '15m' | '1h' | 'month'}
  /** The same over twelve bills from that of `fromMonth` (1-12) on; each bill is what the year so far comes to, less what was billed of it. */
  | {readonly kind: 'year'; readonly fromMonth: number}
  /** 1:1 by bucket and month; what was exported more is banked as energy. In `trueUpMonth` (1-12) the bank is paid out at `trueUpMicro`. */
  | {readonly kind: 'net-metering'; readonly trueUpMonth: number | null; readonly trueUpMicro: Micro | null}
  /** Export earns credit at its price; credit pays for imported energy, never for what cannot be bypassed, and is carried on. */
  | {readonly kind: 'net-billing'};

/** A charge by time, micro-currency; a part of a month or year costs its share of days. */
export type ByTime = {readonly perDay: Micro; readonly perMonth: Micro; readonly perYear: Micro};

/** A charge on the highest quarter hour of each bill. */
export type Demand = {
  /** Micro-currency per kW. */
  readonly perKw: Micro;
  /** The quarter hours that count; null: all. */
  readonly when: When | null;
  /** Less than this is charged as this. */
  readonly leastMilliW: number;
  /** The mean of so many bills' highest is charged, this one's included; 1 to 12. */
  readonly averageOf: number;
};

export type Tariff = {
  readonly name: string;
  /** Holds from this moment (UTC ms, a quarter hour) until the next one begins. */
  readonly fromMs: number;
  readonly import: Price | null;
  readonly export: Price | null;
  readonly co2: Price | null;
  /** Origins whose export is paid; null: all. */
  readonly paidOrigins: readonly Origin[] | null;
  /** Export is not paid in quarter hours in which this series is negative. */
  readonly unpaidBelowZero: string | null;
  /** On every imported kWh, in no way set off. */
  readonly nonBypassable: Micro;
  readonly fixed: ByTime;
  /** For the capacity that is contracted: its price times its kW. */
  readonly capacity: ByTime;
  readonly demand: Demand | null;
  readonly settle: Settle;
};

export type Tariffs = {
  readonly currency: string;
  /** In the order of their begin. */
  readonly list: readonly Tariff[];
  /** Local days `YYYY-MM-DD`. */
  readonly holidays: readonly string[];
  /** A bill begins on this day of the month, 1 to 28. */
  readonly billingDay: number;
};

/** A price series: micro-currency per kWh by quarter hour (UTC ms), undefined where nothing is known. */
export type Series = (name: string, startMs: number) => Micro | undefined;

/** Names of the series that the tariffs ask for. */
export function usedSeries({list}: Tariffs): string[] {
  const names = list.flatMap(tariff => [
    ...[tariff.import, tariff.export, tariff.co2].flatMap(price => (price?.kind === 'series' ? [price.series] : [])),
    ...(tariff.unpaidBelowZero === null ? [] : [tariff.unpaidBelowZero]),
  ]);
  return [...new Set(names)];
}
