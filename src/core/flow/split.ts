// The only way an integer is divided: by largest remainder, so that the parts sum to the whole.

import type {Whole} from './exact.ts';

const SAFE = Number.MAX_SAFE_INTEGER;

/**
 * Splits `total` (integer >= 0) over integer weights >= 0. Each part is floor(total x w / W); the units still missing go one each to the
 * largest remainders, ties to the earlier part. No part exceeds its weight where total <= W.
 * Throws RangeError where the weights are all zero and the total is not.
 */
export function largestRemainder(total: number, weights: readonly Whole[]): number[] {
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
  const parts: number[] = [];
  let missing = total;
  for (const weight of weights) {
    const product = total * weight;
    const remainder = product % sum;
    const part = (product - remainder) / sum;
    parts.push(part);
    remainders.push(remainder);
    missing -= part;
  }
  handOut(missing, parts, remainders);
  return parts;
}

function splitBig(total: number, weights: readonly Whole[]): number[] {
  const big = weights.map(BigInt);
  if (big.some(weight => weight < 0n)) throw new RangeError('a weight is negative');
  const sum = big.reduce((a, b) => a + b, 0n);
  if (sum === 0n) throw new RangeError('nothing to split over');
  const whole = BigInt(total);
  const remainders: bigint[] = [];
  const parts: number[] = [];
  let missing = total;
  for (const weight of big) {
    const product = whole * weight;
    const part = product / sum;
    parts.push(Number(part));
    remainders.push(product - part * sum);
    missing -= Number(part);
  }
  handOut(missing, parts, remainders);
  return parts;
}

/** Up to here a look through all is quicker than putting them in order; the quarter hours of a year have thousands. */
const FEW = 8;

/** One each to the largest remainders; there are fewer missing than parts. */
function handOut(missing: number, parts: number[], remainders: Whole[]): void {
  if (missing > FEW) {
    const ranked = remainders.map((_, index) => index).sort((a, b) => compare(remainders[b] as Whole, remainders[a] as Whole));
    for (const index of ranked.slice(0, missing)) parts[index] = (parts[index] as number) + 1;
    return;
  }
  for (let left = missing; left > 0; left--) {
    let best = 0;
    for (let i = 1; i < remainders.length; i++) if ((remainders[i] as Whole) > (remainders[best] as Whole)) best = i;
    parts[best] = (parts[best] as number) + 1;
    remainders[best] = -1;
  }
}

/** Sorting keeps what is equal in its order: ties go to the earlier part. */
const compare = (a: Whole, b: Whole): number => (a < b ? -1 : a > b ? 1 : 0);
