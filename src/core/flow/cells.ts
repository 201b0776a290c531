// Small arithmetic on matrices and amounts. Records have no prototype, so that no id can name one of its members.

import type {Amounts, Matrix} from './model.ts';

export type MutableMatrix = Record<string, Record<string, number>>;
export type MutableAmounts = Record<string, number>;

/** An empty record that inherits nothing. */
export const empty = <T>(): Record<string, T> => new Bare() as Record<string, T>;
// `Object.create(null)` would do the same, but as a hash table, which the engine is slow to walk and to copy.
const Bare = function Bare() {} as unknown as new () => object;
Bare.prototype = Object.create(null);

/** Adds to a cell; zero adds nothing and makes no cell. */
export function addCell(matrix: MutableMatrix, source: string, sink: string, amount: number): void {
  if (amount === 0) return;
  let row = matrix[source];
  if (!row) {
    row = empty<number>();
    matrix[source] = row;
  }
  row[sink] = (row[sink] ?? 0) + amount;
}

export function addAmount(amounts: MutableAmounts, id: string, amount: number): void {
  if (amount !== 0) amounts[id] = (amounts[id] ?? 0) + amount;
}

export function addAmounts(amounts: MutableAmounts, more: Amounts): void {
  for (const id in more) addAmount(amounts, id, more[id] as number);
}

export const cellOf = (matrix: Matrix, source: string, sink: string): number => matrix[source]?.[sink] ?? 0;

export function rowSum(matrix: Matrix, source: string): number {
  let sum = 0;
  for (const sink in matrix[source]) sum += matrix[source][sink] as number;
  return sum;
}

export function columnSum(matrix: Matrix, sink: string): number {
  let sum = 0;
  for (const source in matrix) sum += matrix[source]?.[sink] ?? 0;
  return sum;
}

export function total(amounts: Amounts): number {
  let sum = 0;
  for (const id in amounts) sum += amounts[id] as number;
  return sum;
}

/** A copy without zero cells and empty rows. */
export function withoutZeros(matrix: Matrix): MutableMatrix {
  const result = empty<Record<string, number>>();
  for (const source in matrix) for (const sink in matrix[source]) addCell(result, source, sink, matrix[source][sink] as number);
  return result;
}
