// Rationals of any size, and the platform's own calendar: another way to the same money. Shares no code with the product.

/** An exact number, `n / d`, d > 0. Nothing is rounded here but where a tariff says so. */
export type Rational = {readonly n: bigint; readonly d: bigint};
export const ratio = (n: bigint | number, d: bigint | number = 1): Rational => ({n: BigInt(n), d: BigInt(d)});
export const ZERO = ratio(0);
/** A decimal as people write it. */
export function decimalOf(text: string): Rational {
  const [whole = '0', fraction = ''] = text.split('.');
  return ratio(BigInt(`${whole}${fraction}`), 10n ** BigInt(fraction.length));
}
export function plus(a: Rational, b: Rational): Rational {
  const d = a.d % b.d === 0n ? a.d : b.d % a.d === 0n ? b.d : a.d * b.d; // a common one keeps long sums short
  return {n: a.n * (d / a.d) + b.n * (d / b.d), d};
}
export const times = (a: Rational, b: Rational): Rational => ({n: a.n * b.n, d: a.d * b.d});
export const minus = (a: Rational, b: Rational): Rational => plus(a, times(b, ratio(-1)));
export const sumOf = (list: readonly Rational[]): Rational => list.reduce(plus, ZERO);
export const isLess = (a: Rational, b: Rational): boolean => a.n * b.d < b.n * a.d;
export const least = (a: Rational, b: Rational): Rational => (isLess(a, b) ? a : b);

/** Whole 10^-12 of the currency. Throws where that leaves a rest. */
export function picoOf(amount: Rational): bigint {
  if ((amount.n * 10n ** 12n) % amount.d !== 0n) throw new RangeError(`${amount.n}/${amount.d} is no whole number of 10^-12`);
  return (amount.n * 10n ** 12n) / amount.d;
}

/** Half away from zero to a part of one. */
function rounded({n, d}: Rational, parts: bigint): Rational {
  const whole = (2n * (n < 0n ? -n : n) * parts + d) / (2n * d);
  return ratio(n < 0n ? -whole : whole, parts);
}
/** A price with its tax. */
export const toMillionth = (price: Rational): Rational => rounded(price, 1_000_000n);
/** A mean of demand charges. */
export const toPico = (amount: Rational): Rational => rounded(amount, 10n ** 12n);

/** A whole number of mWh (as kWh) shared in proportion: rounded down, and what is missing to the largest rests, the earlier first. */
export function sharedOut(total: Rational, weights: readonly Rational[]): Rational[] {
  const MILLION = ratio(1_000_000);
  const whole = sumOf(weights);
  if (total.n === 0n) return weights.map(() => ZERO);
  const exact = weights.map(weight => {
    const {n, d} = times(times(total, MILLION), {n: weight.n * whole.d, d: weight.d * whole.n});
    return {floor: n / d, rest: {n: n % d, d}};
  });
  let missing = times(total, MILLION).n / times(total, MILLION).d - exact.reduce((sum, {floor}) => sum + floor, 0n);
  const parts = exact.map(({floor}) => floor);
  const order = exact
    .map((_, index) => index)
    .sort((a, b) => {
      const [one, other] = [exact[a]?.rest ?? ZERO, exact[b]?.rest ?? ZERO];
      return isLess(other, one) ? -1 : isLess(one, other) ? 1 : a - b;
    });
  for (const index of order) {
    if (missing-- <= 0n) break;
    parts[index] = (parts[index] as bigint) + 1n;
  }
  return parts.map(part => ratio(part, 1_000_000));
}

export type Local = {readonly day: string; readonly month: number; readonly weekday: number; readonly time: string};
/** `2026-03-29`, 3, 0 (Sunday), `03:15`: the platform's calendar, quarter hour by quarter hour. */
export function localClock(zone: string): (startMs: number) => Local {
  const clock = new Intl.DateTimeFormat('sv', {timeZone: zone, dateStyle: 'short', timeStyle: 'short'});
  return startMs => {
    const [day = '', time = ''] = clock.format(startMs).split(' ');
    return {day, month: Number(day.slice(5, 7)), weekday: new Date(`${day}T00:00Z`).getUTCDay(), time};
  };
}
