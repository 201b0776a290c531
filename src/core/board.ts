// The last value of every point: what people see as "now". A good value is held over a short silence, and said to be held.

import {numberOf, type Reading, readingKey} from './reading.ts';

export type Board = ReadonlyMap<string, Reading>;

/** The board after a sweep. A missing point keeps its last good value as `held` for `holdMs`; then it is missing with its fault. */
export function observe(board: Board, readings: readonly Reading[], monoMs: number, holdMs: number): Board {
  const next = new Map(board);
  for (const reading of readings) {
    const key = readingKey(reading.device, reading.point);
    const before = next.get(key)?.measured;
    const {measured} = reading;
    if (measured.kind === 'missing' && before && before.kind !== 'missing' && monoMs - before.monoMs <= holdMs) {
      next.set(key, {...reading, measured: {...before, kind: 'held'}});
    } else {
      next.set(key, reading);
    }
  }
  return next;
}

export const boardNumber = (board: Board, device: string, point: string): number | null =>
  numberOf(board.get(readingKey(device, point))?.measured);
