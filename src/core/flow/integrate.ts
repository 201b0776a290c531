// Energy between two instants: the trapezoid of their matrices, in units of (mW + mW) x ms, with nothing rounded away.

import {addCell, empty, type MutableMatrix} from './cells.ts';
import type {Matrix} from './model.ts';

/** (mW + mW) x ms that make 1 mWh. */
export const UNITS_PER_MWH = 7_200_000;

/** Units per cell that have not been booked as whole mWh yet. Plain data; units stay far below 2^53 because whole mWh are taken out. */
export type Accumulator = MutableMatrix;
export const newAccumulator = (): Accumulator => empty<Record<string, number>>();

/** Adds the interval of `dtMs`; a cell missing at one end counts as 0 there. */
export function addTrapezoid(accumulator: Accumulator, before: Matrix, after: Matrix, dtMs: number): void {
  for (const matrix of [before, after]) {
    for (const source in matrix) {
      const row = matrix[source];
      for (const sink in row) addCell(accumulator, source, sink, (row[sink] as number) * dtMs);
    }
  }
}

/** Moves whole mWh out of the accumulator into `booked`; the remainder stays. */
export function bookWhole(accumulator: Accumulator, booked: MutableMatrix): void {
  for (const source in accumulator) {
    const row = accumulator[source] as Record<string, number>;
    for (const sink in row) {
      const units = row[sink] as number;
      const remainder = units % UNITS_PER_MWH;
      addCell(booked, source, sink, (units - remainder) / UNITS_PER_MWH);
      row[sink] = remainder;
    }
  }
}

/**
 * Units of a linear course from p0 to p1 (mW) over `lengthMs`, up to `cutMs` after its start and from there on. The two sum to the whole exactly.
 * The first part is rounded half up.
 */
export function splitTrapezoid(p0: number, p1: number, lengthMs: number, cutMs: number): {before: number; after: number} {
  const length = BigInt(lengthMs);
  const [from, to, cut] = [BigInt(p0), BigInt(p1), BigInt(cutMs)];
  const exact = 2n * from * cut * length + (to - from) * cut * cut;
  const before = floorDiv(2n * exact + length, 2n * length);
  return {before: Number(before), after: Number((from + to) * length - before)};
}

const floorDiv = (a: bigint, b: bigint): bigint => (a >= 0n ? a / b : -((-a + b - 1n) / b));

/** Adds an interval cut at `cutMs` to two accumulators, cell by cell. */
export function addCut(first: Accumulator, second: Accumulator, before: Matrix, after: Matrix, lengthMs: number, cutMs: number): void {
  const cells = new Set<string>();
  for (const matrix of [before, after]) {
    for (const source in matrix) {
      for (const sink in matrix[source]) {
        const key = `${source}\u0000${sink}`;
        if (cells.has(key)) continue;
        cells.add(key);
        const parts = splitTrapezoid(before[source]?.[sink] ?? 0, after[source]?.[sink] ?? 0, lengthMs, cutMs);
        addCell(first, source, sink, parts.before);
        addCell(second, source, sink, parts.after);
      }
    }
  }
}
