// Exact money: micro-currency per kWh times mWh is pico-currency. Rounded once, on the bill line.

/** Pico-currency in one cent. */
export const PICO_PER_CENT = 10_000_000_000n;
export const PICO_PER_MICRO = 1_000_000n;

/** Cents of an amount, half away from zero. */
export function cents(pico: bigint): number {
  const magnitude = pico < 0n ? -pico : pico;
  const rounded = (2n * magnitude + PICO_PER_CENT) / (2n * PICO_PER_CENT);
  return Number(pico < 0n ? -rounded : rounded);
}

/** Energy (mWh) at a price (micro-currency per kWh), pico-currency. */
export const pico = (energyMilliWh: number, price: number): bigint => BigInt(energyMilliWh) * BigInt(price);

export type Bill = {readonly net: Readonly<Record<string, number>>; readonly pico: bigint; readonly bank: Readonly<Record<string, number>>};

/** One month of 1:1 net metering by bucket; `bank` are the credits carried in, mWh. */
export function netMeteringMonth(
  prices: Readonly<Record<string, number>>,
  imported: Readonly<Record<string, number>>,
  exported: Readonly<Record<string, number>>,
  bank: Readonly<Record<string, number>>,
  fixed: number,
  nonBypassable: number,
): Bill {
  const net: Record<string, number> = {};
  const left: Record<string, number> = {};
  let bill = BigInt(fixed) * PICO_PER_MICRO;
  for (const [bucket, price] of Object.entries(prices)) {
    const balance = (imported[bucket] ?? 0) - (exported[bucket] ?? 0) - (bank[bucket] ?? 0);
    net[bucket] = balance;
    left[bucket] = balance < 0 ? -balance : 0;
    if (balance > 0) bill += pico(balance, price);
    bill += pico(imported[bucket] ?? 0, nonBypassable);
  }
  return {net, pico: bill, bank: left};
}

type NetBilling = {
  readonly importPico: bigint;
  readonly creditPico: bigint;
  readonly nonBypassPico: bigint;
  readonly duePico: bigint;
  readonly creditOutPico: bigint;
};

/** Import at its price, export as credit; credit never pays what cannot be bypassed. */
export function netBilling(
  intervals: readonly {readonly import: number; readonly export: number; readonly buy: number; readonly sell: number}[],
  nonBypassable: number,
  creditInPico: bigint,
): NetBilling {
  let importPico = 0n;
  let creditPico = 0n;
  let nonBypassPico = 0n;
  for (const one of intervals) {
    importPico += pico(one.import, one.buy);
    creditPico += pico(one.export, one.sell);
    nonBypassPico += pico(one.import, nonBypassable);
  }
  const {offset, left} = useCredit(importPico, creditPico + creditInPico);
  return {importPico, creditPico, nonBypassPico, duePico: importPico - offset + nonBypassPico, creditOutPico: left};
}

/** How much of a credit pays for imported energy, up to all of it; a credit below zero (negative prices) is due at once. */
export function useCredit(importPico: bigint, available: bigint): {readonly offset: bigint; readonly left: bigint} {
  const most = importPico > 0n ? importPico : 0n;
  const offset = available < 0n ? available : available < most ? available : most;
  return {offset, left: available - offset};
}

/** Energy under three netting intervals, mWh. */
export function netting(
  intervals: readonly (readonly [imported: number, exported: number])[],
): Record<'register' | 'perInterval' | 'period', {import: number; export: number}> {
  const register = {import: 0, export: 0};
  const perInterval = {import: 0, export: 0};
  for (const [imported, exported] of intervals) {
    register.import += imported;
    register.export += exported;
    perInterval.import += Math.max(0, imported - exported);
    perInterval.export += Math.max(0, exported - imported);
  }
  return {
    register,
    perInterval,
    period: {import: Math.max(0, register.import - register.export), export: Math.max(0, register.export - register.import)},
  };
}
