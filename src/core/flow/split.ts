// The only way an integer is divided: by largest remainder, so that the parts sum to the whole.

const SAFE = Number.MAX_SAFE_INTEGER;

/**
 * Splits `total` (integer >= 0) over integer weights >= 0. Each part is floor(total x w / W); the units still missing go one each to the
 * largest remainders, ties to the earlier part. No part exceeds its weight where total <= W.
 * Throws RangeError where the weights are all zero and the total is not.
 */
export function largestRemainder(total: number, weights: readonly (number | bigint)[]): number[] {
  if (total === 0) return weights.map(() => 0);
  if (!(Number.isSafeInteger(total) && total > 0)) throw new RangeError(`cannot split ${total}`);
  let sum = 0;
  let small = true;
  let largest = 0;
  for (const weight of weights) {
    if (typeof weight === 'bigint') {
      small = false;
      break;
    }
    if (!(Number.isSafeInteger(weight) && weight >= 0)) throw new RangeError(`${weight} is no weight`);
    sum += weight;
    if (weight > largest) largest = weight;
  }
  return small && sum <= SAFE && total * largest <= SAFE ? splitSmall(total, weights as readonly number[], sum) : splitBig(total, weights);
}

function splitSmall(total: number, weights: readonly number[], sum: number): number[] {
  if (sum === 0) throw new RangeError('nothing to split over');
  const remainders: number[] = [];
  let missing = total;
  const parts = weights.map(weight => {
    const product = total * weight;
    const remainder = product % sum;
    const part = (product - remainder) / sum;
    remainders.push(remainder);
    missing -= part;
    return part;
  });
  while (missing > 0) {
    let best = -1;
    for (let i = 0; i < remainders.length; i++) if (best < 0 || (remainders[i] as number) > (remainders[best] as number)) best = i;
    parts[best] = (parts[best] as number) + 1;
    remainders[best] = -1;
    missing--;
  }
  return parts;
}

function splitBig(total: number, weights: readonly (number | bigint)[]): number[] {
  const big = weights.map(BigInt);
  if (big.some(weight => weight < 0n)) throw new RangeError('a weight is negative');
  const sum = big.reduce((a, b) => a + b, 0n);
  if (sum === 0n) throw new RangeError('nothing to split over');
  const whole = BigInt(total);
  const parts = big.map(weight => Number((whole * weight) / sum));
  const order = big
    .map((weight, index) => ({index, remainder: (whole * weight) % sum}))
    .sort((a, b) => (a.remainder === b.remainder ? a.index - b.index : a.remainder > b.remainder ? -1 : 1));
  const missing = total - parts.reduce((a, b) => a + b, 0);
  for (const {index} of order.slice(0, missing)) parts[index] = (parts[index] as number) + 1;
  return parts;
}
