// The energy in a battery by origin, with what was paid for it, and what it was worth when it was not exported.

import {ORIGINS, type Origin} from '../flow/model.ts';

/** Energy of one origin: charged and not yet withdrawn. */
type Lot = {
  readonly energyMilliWh: number;
  /** What was paid for it; only grid energy has a price. */
  readonly paidPico: bigint;
  /** Credit that was not earned because it was charged instead of exported. */
  readonly foregonePico: bigint;
};
export type Stock = Readonly<Partial<Record<Origin, Lot>>>;
export const EMPTY_STOCK: Stock = {};
const NO_LOT: Lot = {energyMilliWh: 0, paidPico: 0n, foregonePico: 0n};
const PPM = 1_000_000n;

/** What the ledger learned about a battery: it was found empty, whatever is on record; or its round trip was measured. */
export type BatteryNote =
  | {readonly kind: 'empty'; readonly battery: string}
  | {readonly kind: 'efficiency'; readonly battery: string; readonly ppm: number};

/** What a battery holds in all. */
export type Held = Lot & {readonly originMilliWh: Readonly<Partial<Record<Origin, number>>>};

export function heldIn(stock: Stock): Held {
  let {energyMilliWh, paidPico, foregonePico} = NO_LOT;
  const originMilliWh: Partial<Record<Origin, number>> = {};
  for (const origin of ORIGINS) {
    const lot = stock[origin];
    if (!lot || lot.energyMilliWh === 0) continue;
    originMilliWh[origin] = lot.energyMilliWh;
    energyMilliWh += lot.energyMilliWh;
    paidPico += lot.paidPico;
    foregonePico += lot.foregonePico;
  }
  return {energyMilliWh, originMilliWh, paidPico, foregonePico};
}

export function putIn(stock: Stock, origin: Origin, energyMilliWh: number, paidPico: bigint, foregonePico: bigint): Stock {
  const lot = stock[origin] ?? NO_LOT;
  return {
    ...stock,
    [origin]: {
      energyMilliWh: lot.energyMilliWh + energyMilliWh,
      paidPico: lot.paidPico + paidPico,
      foregonePico: lot.foregonePico + foregonePico,
    },
  };
}

/**
 * `energyMilliWh` of this origin at the terminals leaves, losses included, and takes its share of the lot's money along. What the lot does not have
 * comes from the unknown, then from the others. `unknownMilliWh` came from before the stock was watched, at a price nobody knows.
 */
export function takeOut(
  stock: Stock,
  origin: Origin,
  energyMilliWh: number,
  efficiencyPpm: number,
): {readonly stock: Stock; readonly paidPico: bigint; readonly foregonePico: bigint; readonly unknownMilliWh: number} {
  const wanted = Number((BigInt(energyMilliWh) * PPM + BigInt(efficiencyPpm) - 1n) / BigInt(efficiencyPpm));
  const left: Partial<Record<Origin, Lot>> = {...stock};
  let missing = wanted;
  let [paidPico, foregonePico] = [0n, 0n];
  for (const one of new Set<Origin>([origin, 'unknown', ...ORIGINS])) {
    const lot = left[one];
    if (!lot || lot.energyMilliWh === 0 || missing === 0) continue;
    const taken = Math.min(missing, lot.energyMilliWh);
    const share = (amount: bigint): bigint => (amount * BigInt(taken)) / BigInt(lot.energyMilliWh);
    const [paid, foregone] = [share(lot.paidPico), share(lot.foregonePico)];
    left[one] = {energyMilliWh: lot.energyMilliWh - taken, paidPico: lot.paidPico - paid, foregonePico: lot.foregonePico - foregone};
    missing -= taken;
    paidPico += paid;
    foregonePico += foregone;
  }
  const known = Number((BigInt(wanted - missing) * BigInt(efficiencyPpm)) / PPM);
  return {stock: left, paidPico, foregonePico, unknownMilliWh: missing > 0 ? energyMilliWh - known : 0};
}
