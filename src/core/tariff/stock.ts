// The energy in a battery with where it came from, what was paid for it, and what it was worth when it was not exported.

import {ORIGINS, type Origin} from '../flow/model.ts';

export type Stock = {
  /** Charged and not yet withdrawn. */
  readonly energyMilliWh: number;
  /** The same by origin; the parts add up to it. */
  readonly originMilliWh: Readonly<Partial<Record<Origin, number>>>;
  /** Paid for its grid part. */
  readonly paidPico: bigint;
  /** Credit that was not earned because the sun charged instead of exporting. */
  readonly foregonePico: bigint;
};
export const EMPTY_STOCK: Stock = {energyMilliWh: 0, originMilliWh: {}, paidPico: 0n, foregonePico: 0n};
const PPM = 1_000_000n;

export const putIn = (stock: Stock, origin: Origin, energyMilliWh: number, paidPico: bigint, foregonePico: bigint): Stock => ({
  energyMilliWh: stock.energyMilliWh + energyMilliWh,
  originMilliWh: {...stock.originMilliWh, [origin]: (stock.originMilliWh[origin] ?? 0) + energyMilliWh},
  paidPico: stock.paidPico + paidPico,
  foregonePico: stock.foregonePico + foregonePico,
});

/**
 * `energyMilliWh` of this origin at the terminals leaves, losses included, and takes its share of the money along.
 * `unknownMilliWh` of it came from before the stock was watched, at a price nobody knows.
 */
export function takeOut(
  stock: Stock,
  origin: Origin,
  energyMilliWh: number,
  efficiencyPpm: number,
): {readonly stock: Stock; readonly paidPico: bigint; readonly foregonePico: bigint; readonly unknownMilliWh: number} {
  const wanted = (BigInt(energyMilliWh) * PPM + BigInt(efficiencyPpm) - 1n) / BigInt(efficiencyPpm);
  const held = BigInt(stock.energyMilliWh);
  const leaves = wanted < held ? wanted : held;
  const share = (amount: bigint): bigint => (held === 0n ? 0n : (amount * leaves) / held);
  const [paidPico, foregonePico] = [share(stock.paidPico), share(stock.foregonePico)];
  return {
    stock: {
      energyMilliWh: Number(held - leaves),
      originMilliWh: without(stock.originMilliWh, origin, Number(leaves)),
      paidPico: stock.paidPico - paidPico,
      foregonePico: stock.foregonePico - foregonePico,
    },
    paidPico,
    foregonePico,
    unknownMilliWh: wanted > held ? energyMilliWh - Number((held * BigInt(efficiencyPpm)) / PPM) : 0,
  };
}

/** The origin itself first; what it does not have comes from the unknown, then from the others. */
function without(held: Stock['originMilliWh'], origin: Origin, energyMilliWh: number): Stock['originMilliWh'] {
  const left = {...held};
  let wanted = energyMilliWh;
  for (const one of new Set<Origin>([origin, 'unknown', ...ORIGINS])) {
    const taken = Math.min(wanted, left[one] ?? 0);
    wanted -= taken;
    if (taken > 0) left[one] = (left[one] ?? 0) - taken;
    if (left[one] === 0) delete left[one];
  }
  return left;
}
