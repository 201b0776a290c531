// Which tariff holds in a quarter hour, and what a kWh costs and earns in it. What is not known is null, never a guess.

import {holds, type LocalTime} from './calendar.ts';
import type {Micro, Price, Series, Tariff, Tariffs} from './model.ts';

export type SlotPrices = {
  readonly import: Micro | null;
  readonly export: Micro | null;
  readonly co2: Micro | null;
  /** Name of the import price's band: the bucket in which import and export are set off. */
  readonly bucket: string;
  /** The export price is 0 because the series that decides is below zero. */
  readonly suspended: boolean;
};

/** Bucket of a price that is the same all day. */
const ALL_DAY = 'all day';
export const OTHERWISE = 'otherwise';

/** The tariff of this moment; null before the first one. */
export function tariffAt({list}: Tariffs, startMs: number): Tariff | null {
  let found: Tariff | null = null;
  for (const tariff of list) {
    if (tariff.fromMs > startMs) break;
    found = tariff;
  }
  return found;
}

export function pricesAt(tariff: Tariff, startMs: number, local: LocalTime, series: Series): SlotPrices {
  const bought = priceAt(tariff.import, startMs, local, series);
  const sold = priceAt(tariff.export, startMs, local, series);
  const spot = tariff.unpaidBelowZero === null ? 0 : series(tariff.unpaidBelowZero, startMs);
  const suspended = spot !== undefined && spot < 0;
  return {
    import: bought.micro,
    // Whether it is paid is not known where the series that decides is not.
    export: spot === undefined ? null : suspended ? 0 : sold.micro,
    co2: priceAt(tariff.co2, startMs, local, series).micro,
    bucket: bought.bucket,
    suspended,
  };
}

function priceAt(price: Price | null, startMs: number, local: LocalTime, series: Series): {micro: Micro | null; bucket: string} {
  if (!price) return {micro: null, bucket: ALL_DAY};
  switch (price.kind) {
    case 'flat':
      return {micro: price.micro, bucket: ALL_DAY};
    case 'bands': {
      const band = price.bands.find(one => holds(one.when, local));
      return band ? {micro: band.micro, bucket: band.name} : {micro: price.otherwise, bucket: OTHERWISE};
    }
    case 'series': {
      const spot = series(price.series, startMs);
      return {micro: spot === undefined ? null : timesFactor(spot, price.factor) + price.addMicro, bucket: ALL_DAY};
    }
  }
}

/** A factor in whole parts of 10^-12, so that taxes with ten digits and products of them are exact. */
export type Factor = bigint;
export const ONE: Factor = 10n ** 12n;

/** Rounded to a millionth, half away from zero: from there on all money is exact. */
export function timesFactor(micro: Micro, factor: Factor): Micro {
  const product = BigInt(micro) * factor;
  const magnitude = product < 0n ? -product : product;
  const rounded = Number((2n * magnitude + ONE) / (2n * ONE));
  return (product < 0n ? -rounded : rounded) + 0;
}
