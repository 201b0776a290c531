// Samples of different moments brought to one instant, with the house's previous value as a prior where a reading was on the move.

import {empty} from './cells.ts';
import {largestRemainder} from './split.ts';

/** [ms, mW signed into the bus], rising in time. */
export type Sample = readonly [atMs: number, milliW: number];
export type AlignChannel = {
  readonly id: string;
  readonly samples: readonly Sample[];
  /** One standard deviation of the meter, mW. */
  readonly sigma: number;
  /** mW per second by which a value without a later sample may have moved. */
  readonly staleRate: number;
};
export type Alignment = {
  readonly interpolated: Readonly<Record<string, number>>;
  readonly adjusted: Readonly<Record<string, number>>;
  readonly home: number;
  readonly quality: 'ok' | 'check' | 'suspect' | 'skew-corrected' | 'stale-estimated';
};

/** The channels at `nodeMs`. Throws RangeError where a channel has no sample at or before it, or the home would be negative. */
export function align(
  nodeMs: number,
  channels: readonly AlignChannel[],
  prior: {readonly value: number; readonly sigma: number} | null,
): Alignment {
  const points = channels.map(channel => atNode(nodeMs, channel));
  const interpolated = record(
    channels,
    points.map(point => point.v),
  );
  const sum = points.reduce((total, point) => total + point.v, 0);
  const plain = (quality: Alignment['quality']): Alignment => ({interpolated, adjusted: interpolated, home: Math.max(sum, 0), quality});
  if (prior === null || !points.some(point => point.skewed)) return plain(sum >= 0 ? 'ok' : 'check');

  const excess = sum - prior.value;
  const gate = points.reduce((total, point) => total + point.gate, 0n);
  const four = (sigma: number): bigint => 4n * BigInt(sigma) * BigInt(sigma);
  const rest = channels.reduce((total, channel) => total + four(channel.sigma), four(prior.sigma));
  if (BigInt(Math.abs(excess)) > gate + (3n * isqrt(rest) + 1n) / 2n) return plain('suspect');

  const shares = excess === 0 ? [] : largestRemainder(Math.abs(excess), [...points.map(point => point.u), four(prior.sigma)]);
  const sign = Math.sign(excess);
  const moved = points.map((point, index) => point.v - sign * (shares[index] ?? 0));
  const home = prior.value + sign * (shares.at(-1) ?? 0);
  if (home < 0) throw new RangeError('the home would be negative');
  return {
    interpolated,
    adjusted: record(channels, moved),
    home,
    quality: points.some(point => point.stale) ? 'stale-estimated' : 'skew-corrected',
  };
}

const record = (channels: readonly AlignChannel[], values: readonly number[]): Record<string, number> => {
  const result = empty<number>();
  channels.forEach((channel, index) => {
    result[channel.id] = values[index] as number;
  });
  return result;
};

/** `u` is four times the variance, so that it stays an integer. */
type Point = {readonly v: number; readonly u: bigint; readonly gate: bigint; readonly skewed: boolean; readonly stale: boolean};

function atNode(nodeMs: number, {id, samples, sigma, staleRate}: AlignChannel): Point {
  const own = 4n * BigInt(sigma) * BigInt(sigma);
  let before: Sample | undefined;
  let after: Sample | undefined;
  for (const sample of samples) {
    if (sample[0] <= nodeMs) before = sample;
    else {
      after = sample;
      break;
    }
  }
  if (before && before[0] === nodeMs) return {v: before[1], u: own, gate: 0n, skewed: false, stale: false};
  if (!before) throw new RangeError(`${id} has no sample at or before the instant`);
  if (!after) {
    const moved = (BigInt(staleRate) * BigInt(nodeMs - before[0])) / 1000n;
    return {v: before[1], u: own + 4n * moved * moved, gate: 3n * moved, skewed: true, stale: true};
  }
  const span = after[0] - before[0];
  const step = after[1] - before[1];
  const v = before[1] + Number(halfUp(BigInt(step) * BigInt(nodeMs - before[0]), BigInt(span)));
  const d = Math.abs(step);
  const skewed = d > 3 * sigma;
  return {v, u: own + BigInt(d) * BigInt(d), gate: skewed ? BigInt(d) : 0n, skewed, stale: false};
}

/** n/d rounded half up, d > 0. */
const halfUp = (n: bigint, d: bigint): bigint => {
  const a = 2n * n + d;
  const b = 2n * d;
  return a >= 0n ? a / b : -((-a + b - 1n) / b);
};

/** Floor of the square root. */
function isqrt(n: bigint): bigint {
  if (n < 2n) return n;
  let x = BigInt(Math.floor(Math.sqrt(Number(n))));
  while (x * x > n) x--;
  while ((x + 1n) * (x + 1n) <= n) x++;
  return x;
}
