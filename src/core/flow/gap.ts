// A window known by its counters only: attributed once with the home last, with the exact bounds of every cell.

import {attribute, cellBounds} from './attribute.ts';
import {empty} from './cells.ts';
import type {Amounts, Matrix} from './model.ts';

type FilledGap = {
  readonly homeMilliWh: number;
  readonly matrix: Matrix;
  readonly bounds: Readonly<Record<string, readonly [number, number]>>;
};

/** `rows` and `columns` in mWh without the home, which is the difference. Throws RangeError where it would be negative. */
export function fillGap(rows: Amounts, columns: Amounts, sources: readonly string[], sinks: readonly string[]): FilledGap {
  let home = 0;
  for (const id in rows) home += rows[id] as number;
  for (const id in columns) home -= columns[id] as number;
  if (home < 0) throw new RangeError(`the counters leave ${home} mWh for the home`);
  const taking = Object.assign(empty<number>(), columns, {home});
  return {homeMilliWh: home, matrix: attribute(rows, taking, 'solar-first', sources, sinks), bounds: cellBounds(rows, taking)};
}

/** Spreads an amount over n slots without loss: slot i gets floor(v(i+1)/n) - floor(v i/n). */
export function spread(amount: number, slots: number): number[] {
  const value = BigInt(amount);
  const n = BigInt(slots);
  const upTo = (i: number): bigint => (value * BigInt(i)) / n;
  return Array.from({length: slots}, (_, i) => Number(upTo(i + 1) - upTo(i)));
}
