// The energy in a battery with what was paid for it, and what it was worth when it was not exported. Leaves evenly, losses included.

export type Stock = {
  /** Charged and not yet withdrawn. */
  readonly energyMilliWh: number;
  /** Paid for its grid part. */
  readonly paidPico: bigint;
  /** Credit that was not earned because the sun charged instead of exporting. */
  readonly foregonePico: bigint;
};
export const EMPTY_STOCK: Stock = {energyMilliWh: 0, paidPico: 0n, foregonePico: 0n};
const PPM = 1_000_000n;

export const putIn = (stock: Stock, energyMilliWh: number, paidPico: bigint, foregonePico: bigint): Stock => ({
  energyMilliWh: stock.energyMilliWh + energyMilliWh,
  paidPico: stock.paidPico + paidPico,
  foregonePico: stock.foregonePico + foregonePico,
});

/** `energyMilliWh` at the terminals leaves; `unknownMilliWh` of it came from before the stock was watched, at a price nobody knows. */
export function takeOut(
  stock: Stock,
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
      paidPico: stock.paidPico - paidPico,
      foregonePico: stock.foregonePico - foregonePico,
    },
    paidPico,
    foregonePico,
    unknownMilliWh: wanted > held ? energyMilliWh - Number((held * BigInt(efficiencyPpm)) / PPM) : 0,
  };
}
