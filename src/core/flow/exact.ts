// Integers that stay exact: plain numbers while they are safe, BigInt beyond. Of house powers almost all squares and products are safe.

/** An integer: a number only where it is safe. */
export type Whole = number | bigint;

// Rounding never takes a result back below the border: what is beyond it exactly is not seen as safe.
export function plus(a: Whole, b: Whole): Whole {
  if (typeof a === 'number' && typeof b === 'number' && Number.isSafeInteger(a + b)) return a + b;
  return BigInt(a) + BigInt(b);
}

export function times(a: Whole, b: Whole): Whole {
  if (typeof a === 'number' && typeof b === 'number' && Number.isSafeInteger(a * b)) return a * b + 0;
  return BigInt(a) * BigInt(b);
}

/** Floor of n / d, d > 0. */
export function floorDiv(n: Whole, d: number): Whole {
  if (typeof n === 'number') {
    const remainder = n % d;
    return (n - remainder) / d - (remainder < 0 ? 1 : 0) + 0;
  }
  const by = BigInt(d);
  return n / by - (n % by < 0n ? 1n : 0n);
}

/** n / d rounded half up, d > 0. */
export const halfUp = (n: Whole, d: number): Whole => floorDiv(plus(times(2, n), d), 2 * d);

/** Floor of the square root. */
export function squareRoot(n: Whole): Whole {
  let x: Whole = Math.floor(Math.sqrt(Number(n)));
  while (times(x, x) > n) x = plus(x, -1);
  while (times(plus(x, 1), plus(x, 1)) <= n) x = plus(x, 1);
  return x;
}
