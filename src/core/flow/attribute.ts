// Rows and columns of one bus to cells: which source served which sink. Exact, and every rule keeps a completion possible.

import {addCell, empty, type MutableMatrix, total} from './cells.ts';
import type {Amounts, Matrix} from './model.ts';
import {largestRemainder} from './split.ts';

/**
 * Cells of one bus. `rows` and `columns` are integers >= 0 with equal sums; zero amounts count as absent. An id on both sides is a two-way port:
 * its own cell stays zero, except for what can only be pass-through. `sources` and `sinks` give the orders and must name every id.
 * solar-first: each cell as large as the earlier ones allow. proportional: sinks draw on all sources alike, the home last.
 * Throws RangeError where the sums differ, an id is not in its order, or no completion exists.
 */
export function attribute(
  rows: Amounts,
  columns: Amounts,
  policy: 'solar-first' | 'proportional',
  sources: readonly string[],
  sinks: readonly string[],
): Matrix {
  const net = openNet(rows, columns, sources, sinks);
  const matrix = empty<Record<string, number>>();
  passThrough(net, matrix);
  if (policy === 'solar-first') inOrder(net, matrix);
  else pooled(net, matrix);
  if (!net.r.every(isNothing) || !net.c.every(isNothing)) throw new RangeError('the flows cannot be completed');
  return matrix;
}

const isNothing = (amount: number): boolean => amount === 0;

/** What is still unassigned, as arrays in serving order. `portOf[i]` is the sink index of a source that is a port, or -1. */
type Net = {
  readonly sources: string[];
  readonly sinks: string[];
  readonly r: number[];
  readonly c: number[];
  readonly sinkOfSource: number[];
  /** Source indices of ports. */
  readonly ports: number[];
  t: number;
};

function openNet(rows: Amounts, columns: Amounts, sources: readonly string[], sinks: readonly string[]): Net {
  const s = present(rows, sources);
  const k = present(columns, sinks);
  const t = total(rows);
  if (t !== total(columns) || !Number.isSafeInteger(t)) throw new RangeError(`sources give ${t}, sinks take ${total(columns)}`);
  const sinkOfSource = s.map(id => k.indexOf(id));
  const ports: number[] = [];
  for (let index = 0; index < s.length; index++) if ((sinkOfSource[index] as number) >= 0) ports.push(index);
  return {sources: s, sinks: k, r: s.map(id => rows[id] as number), c: k.map(id => columns[id] as number), sinkOfSource, ports, t};
}

/** Ids with an amount, in their order. */
function present(amounts: Amounts, order: readonly string[]): string[] {
  let count = 0;
  for (const id in amounts) {
    const amount = amounts[id] as number;
    if (!Number.isSafeInteger(amount) || amount < 0) throw new RangeError(`${id}: ${amount} is no amount`);
    if (amount !== 0) count++;
  }
  const ids: string[] = [];
  for (const id of order) if ((amounts[id] ?? 0) !== 0 && !ids.includes(id)) ids.push(id);
  if (ids.length !== count) throw new RangeError('an id is missing in its order');
  return ids;
}

function put(net: Net, matrix: MutableMatrix, s: number, k: number, amount: number): void {
  if (amount === 0) return;
  addCell(matrix, net.sources[s] as string, net.sinks[k] as string, amount);
  net.r[s] = (net.r[s] as number) - amount;
  net.c[k] = (net.c[k] as number) - amount;
  net.t -= amount;
}

/** What a port both gives and takes beyond all others can only have passed through. */
function passThrough(net: Net, matrix: MutableMatrix): void {
  for (const s of net.ports) {
    const k = net.sinkOfSource[s] as number;
    const excess = (net.r[s] as number) + (net.c[k] as number) - net.t;
    if (excess > 0) put(net, matrix, s, k, excess);
  }
}

function inOrder(net: Net, matrix: MutableMatrix): void {
  for (let k = 0; k < net.sinks.length; k++) {
    for (let s = 0; s < net.sources.length; s++) {
      if (net.sinkOfSource[s] === k) continue;
      let most = Math.min(net.r[s] as number, net.c[k] as number);
      if (most === 0) continue;
      for (const port of net.ports) {
        if (port === s || net.sinkOfSource[port] === k) continue;
        most = Math.min(most, net.t - (net.r[port] as number) - (net.c[net.sinkOfSource[port] as number] as number));
      }
      put(net, matrix, s, k, most);
    }
  }
}

function pooled(net: Net, matrix: MutableMatrix): void {
  const serve = (k: number, not: number): void => {
    const amount = net.c[k] as number;
    if (amount === 0) return;
    const weights = net.r.map((r, s) => (s === not ? 0 : r));
    largestRemainder(amount, weights).forEach((part, s) => {
      put(net, matrix, s, k, part);
    });
  };
  const open = net.ports.filter(s => (net.r[s] as number) > 0 && (net.c[net.sinkOfSource[s] as number] as number) > 0);
  if (open.length > 1) throw new RangeError('more than one port gives and takes at once');
  const [port] = open;
  if (port !== undefined) serve(net.sinkOfSource[port] as number, port);
  for (let k = net.sinks.length - 1; k >= 0; k--) if (net.sinks[k] !== 'home') serve(k, -1);
  const home = net.sinks.indexOf('home');
  if (home >= 0) serve(home, -1);
}

/**
 * Rows and columns without what can only have passed through a port, which is in no bound. At most one port has such an excess, and the home
 * is none.
 */
export function withoutPassThrough(rows: Amounts, columns: Amounts): readonly [rows: Amounts, columns: Amounts] {
  const t = total(rows);
  for (const port in rows) {
    const excess = (rows[port] as number) + (columns[port] ?? 0) - t;
    if (excess > 0 && (columns[port] ?? 0) > 0)
      return [
        {...rows, [port]: (rows[port] as number) - excess},
        {...columns, [port]: (columns[port] as number) - excess},
      ];
  }
  return [rows, columns];
}

/** Least and most of every cell over all conserving matrices with zero (p,p), as `source->sink`: rows and columns with energy, and the home always. */
export function cellBounds(rows: Amounts, columns: Amounts): Record<string, [number, number]> {
  const t = total(rows);
  const sources = Object.keys(rows).filter(id => (rows[id] as number) > 0);
  const sinks = Object.keys(columns).filter(id => (columns[id] as number) > 0 || id === 'home');
  const ports = sources.filter(id => (columns[id] ?? 0) > 0);
  const bounds = empty<[number, number]>();
  for (const s of sources) {
    for (const k of sinks) {
      if (s === k) continue;
      const r = rows[s] as number;
      const c = columns[k] as number;
      let most = Math.min(r, c);
      for (const port of ports) if (port !== s && port !== k) most = Math.min(most, t - (rows[port] as number) - (columns[port] as number));
      let least = Math.max(0, r + c - t);
      if (ports.includes(s)) least = Math.max(least, r + c + (columns[s] as number) - t);
      if (ports.includes(k)) least = Math.max(least, r + c + (rows[k] as number) - t);
      bounds[`${s}->${k}`] = [least, most];
    }
  }
  return bounds;
}
