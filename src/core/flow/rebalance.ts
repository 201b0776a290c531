// Anchored totals pushed into the matrix of a slot. The home, the derived term, takes the correction.

import {cellOf, empty, type MutableMatrix, rowSum, withoutZeros} from './cells.ts';
import type {Amounts, Matrix} from './model.ts';
import {largestRemainder} from './split.ts';

type Targets = {readonly rows: Amounts; readonly cols: Amounts};

/**
 * `sources` and `sinks` are the orders; the sources of the matrix and of the targets must be in them. `home` is never a target column.
 * Throws RangeError where the targets cannot be met.
 */
export function rebalance(matrix: Matrix, targets: Targets, sources: readonly string[], sinks: readonly string[]): Matrix {
  const known = sources.filter(id => matrix[id] !== undefined || targets.rows[id] !== undefined);
  for (const sourcesOf of [matrix, targets.rows])
    for (const id in sourcesOf) if (!known.includes(id)) throw new RangeError(`source "${id}" is not in the order`);
  const cells: MutableMatrix = empty<Record<string, number>>();
  for (const source of known) cells[source] = Object.assign(empty<number>(), matrix[source]);
  const at = (source: string): Record<string, number> => cells[source] as Record<string, number>;
  const target = (source: string): number => targets.rows[source] ?? rowSum(matrix, source);

  for (const sink of sinks) {
    const wanted = targets.cols[sink];
    if (wanted === undefined) continue;
    if (sink === 'home') throw new RangeError('home is no target');
    const column = known.map(source => cellOf(cells, source, sink));
    const held = column.reduce((a, b) => a + b, 0);
    if (held > 0) {
      const shares = held === wanted ? column : largestRemainder(wanted, column);
      shares.forEach((cell, index) => {
        at(known[index] as string)[sink] = cell;
      });
    } else {
      fill(sink, wanted);
    }
  }

  function fill(sink: string, wanted: number): void {
    let left = wanted;
    for (const source of known) {
      if (source === sink || left === 0) continue;
      const spoken = rowSum(cells, source) - cellOf(cells, source, 'home');
      const amount = Math.max(0, Math.min(left, target(source) - spoken));
      at(source)[sink] = cellOf(cells, source, sink) + amount;
      left -= amount;
    }
    if (left > 0) throw new RangeError(`nothing can serve ${left} mWh of ${sink}`);
  }

  for (const sink of Object.keys(targets.cols)) if (!sinks.includes(sink)) throw new RangeError(`sink "${sink}" is not in the order`);
  for (const source of known) {
    if (targets.rows[source] === undefined) continue;
    at(source)['home'] = (targets.rows[source] as number) - (rowSum(cells, source) - cellOf(cells, source, 'home'));
  }
  moveDeficits(cells, known, sinks);
  return withoutZeros(cells);
}

/** A row whose home would be negative hands outgoing cells to rows that have home to give, the export first. */
function moveDeficits(cells: MutableMatrix, sources: readonly string[], sinks: readonly string[]): void {
  const order = ['grid', ...sinks.filter(sink => sink !== 'grid' && sink !== 'home').reverse()];
  for (const s of sources) {
    if (cellOf(cells, s, 'home') >= 0) continue;
    for (const k of order) {
      for (const t of sources) {
        const lacking = -cellOf(cells, s, 'home');
        if (lacking <= 0) break;
        if (t === k || t === s) continue;
        const amount = Math.min(lacking, cellOf(cells, s, k), cellOf(cells, t, 'home'));
        if (amount <= 0) continue;
        move(cells, s, t, k, amount);
      }
    }
    if (cellOf(cells, s, 'home') < 0) throw new RangeError(`the row of ${s} cannot be balanced`);
  }
}

function move(cells: MutableMatrix, from: string, to: string, sink: string, amount: number): void {
  const a = cells[from] as Record<string, number>;
  const b = cells[to] as Record<string, number>;
  a[sink] = (a[sink] ?? 0) - amount;
  b[sink] = (b[sink] ?? 0) + amount;
  b['home'] = (b['home'] ?? 0) - amount;
  a['home'] = (a['home'] ?? 0) + amount;
}
