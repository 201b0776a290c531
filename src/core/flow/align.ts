// Samples of different moments brought to one instant, with the house's previous value as a prior where a reading was on the move.

import {empty} from './cells.ts';
import {floorDiv, halfUp, plus, squareRoot, times, type Whole} from './exact.ts';
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
  const interpolated = empty<number>();
  let sum = 0;
  for (const {id, v} of points) {
    interpolated[id] = v;
    sum += v;
  }
  const plain = (quality: Alignment['quality']): Alignment => ({interpolated, adjusted: interpolated, home: Math.max(sum, 0), quality});
  if (prior === null || !points.some(point => point.skewed)) return plain(sum >= 0 ? 'ok' : 'check');

  const excess = sum - prior.value;
  const own = fourSquares(prior.sigma);
  let gate = 0;
  let rest = own;
  for (const point of points) {
    gate += point.gate;
    rest = plus(rest, point.own);
  }
  if (Math.abs(excess) > plus(gate, floorDiv(plus(times(3, squareRoot(rest)), 1), 2))) return plain('suspect');

  const shares = excess === 0 ? [] : largestRemainder(Math.abs(excess), [...points.map(point => point.u), own]);
  const sign = Math.sign(excess);
  const home = prior.value + sign * (shares.at(-1) ?? 0);
  if (home < 0) throw new RangeError('the home would be negative');
  const adjusted = empty<number>();
  points.forEach(({id, v}, index) => {
    adjusted[id] = v - sign * (shares[index] ?? 0);
  });
  return {interpolated, adjusted, home, quality: points.some(point => point.stale) ? 'stale-estimated' : 'skew-corrected'};
}

/** `own` is four times the meter's variance, so that it stays an integer; `u` the same with what the value may have moved. */
type Point = {
  readonly id: string;
  readonly v: number;
  readonly own: Whole;
  readonly u: Whole;
  readonly gate: number;
  readonly skewed: boolean;
  readonly stale: boolean;
};
const fourSquares = (n: number): Whole => times(4, times(n, n));

function atNode(nodeMs: number, {id, samples, sigma, staleRate}: AlignChannel): Point {
  const own = fourSquares(sigma);
  let before: Sample | undefined;
  let after: Sample | undefined;
  for (const sample of samples) {
    if (sample[0] <= nodeMs) before = sample;
    else {
      after = sample;
      break;
    }
  }
  if (before && before[0] === nodeMs) return {id, v: before[1], own, u: own, gate: 0, skewed: false, stale: false};
  if (!before) throw new RangeError(`${id} has no sample at or before the instant`);
  if (!after) {
    const moved = Number(floorDiv(times(staleRate, nodeMs - before[0]), 1000));
    return {id, v: before[1], own, u: plus(own, fourSquares(moved)), gate: 3 * moved, skewed: true, stale: true};
  }
  const step = after[1] - before[1];
  const v = before[1] + Number(halfUp(times(step, nodeMs - before[0]), after[0] - before[0]));
  const d = Math.abs(step);
  const skewed = d > 3 * sigma;
  return {id, v, own, u: plus(own, times(d, d)), gate: skewed ? d : 0, skewed, stale: false};
}
