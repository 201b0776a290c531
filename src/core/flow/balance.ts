// Contradicting readings inside their tolerance: least squares in integers.

import {plus, times, type Whole} from './exact.ts';
import {largestRemainder} from './split.ts';

/** A reading in a balance: `v` mW signed into the bus, `sigma` one standard deviation in mW. */
export type Channel = {readonly id: string; readonly v: number; readonly sigma: number};

/** Moves the channels by their variances so that they sum to `target`; one value per channel, in order. Throws RangeError where no channel may move. */
export function adjust(channels: readonly Channel[], target = 0): number[] {
  const excess = channels.reduce((sum, channel) => sum + channel.v, 0) - target;
  if (excess === 0) return channels.map(channel => channel.v);
  if (!Number.isSafeInteger(excess)) throw new RangeError('values out of range');
  const shares = largestRemainder(
    Math.abs(excess),
    channels.map(({sigma}) => times(sigma, sigma)),
  );
  return channels.map((channel, index) => channel.v - Math.sign(excess) * (shares[index] as number));
}

/** |excess| within three standard deviations of the sum. */
export function withinTolerance(excess: number, channels: readonly Channel[]): boolean {
  let variance: Whole = 0;
  for (const {sigma} of channels) variance = plus(variance, times(sigma, sigma));
  return times(excess, excess) <= times(9, variance);
}
