// One instant of any house: readings to balanced buses, and these to one matrix per policy. What contradicts is `unexplained`.

import type {Said} from '../sentences/say.ts';
import type {Policy} from '../site.ts';
import {type AcBus, balanceAc} from './acbus.ts';
import {attribute} from './attribute.ts';
import {addAmount, addCell, empty, type MutableAmounts, type MutableMatrix} from './cells.ts';
import {balanceDc, type DcBus, traceDc} from './dcbus.ts';
import type {Amounts, Matrix, NodeQuality} from './model.ts';
import {type Orders, sinkOrder, sourceOrder} from './orders.ts';
import type {InstantValues, Topology} from './topology.ts';

export type Instant = {
  readonly quality: NodeQuality;
  readonly reason: Said | null;
  readonly home: number;
  readonly grid: number;
  readonly loss: number;
  readonly matrix: Readonly<Partial<Record<Policy, Matrix>>>;
  /** Every channel signed into the bus after least squares; null where nothing was moved. */
  readonly adjusted: Readonly<Record<string, number>> | null;
  /** + appears from nowhere, - vanishes. */
  readonly unexplained: number;
};

const NO_ORDERS: Orders = {sources: [], sinks: []};
/** Pseudo sink of the AC bus: a hybrid that draws power. */
const INTO = 'hybrid';

/**
 * Solves one instant. Never throws on integers: least squares that would turn a load or the home around are not done, the contradiction stays `unexplained`.
 * `strict` throws RangeError there instead. Ids of `sigma`: the channels', `grid`, `home`, `cascade`, and `ID_ac` for a hybrid's port.
 */
export function solveInstant(
  topology: Topology,
  values: InstantValues,
  sigma: Amounts,
  policies: readonly Policy[],
  first: Orders = NO_ORDERS,
  strict = false,
): Instant {
  const dc = topology.hybrids.map(hybrid => balanceDc(hybrid, values.hybrids[hybrid.id] ?? {pv: {}, batteries: {}, ac: 0}, sigma));
  const ac = balanceAc(topology, values, dc, sigma, strict);
  const matrix: Partial<Record<Policy, Matrix>> = {};
  const {sources, sinks, sinksBatteriesFirst} = ordersOf(topology, first);
  for (const policy of policies) {
    const rule = policy === 'proportional' ? 'proportional' : 'solar-first';
    matrix[policy] = tracePolicy(ac, dc, rule, sources, policy === 'battery-first' ? sinksBatteriesFirst : sinks);
  }
  const worst = dc.find(one => one.quality !== 'ok');
  const quality = worst && (ac.quality === 'ok' || (ac.quality === 'adjusted' && worst.quality === 'suspect')) ? worst : ac;
  return {
    quality: quality.quality,
    reason: quality.reason,
    home: ac.home,
    grid: ac.grid,
    loss: dc.reduce((sum, one) => sum + one.loss, 0),
    matrix,
    adjusted:
      ac.adjusted || dc.some(one => one.adjusted) ? Object.assign(empty<number>(), ac.adjusted, ...dc.map(one => one.adjusted)) : null,
    unexplained: ac.unexplained + dc.reduce((sum, one) => sum + one.unexplained, 0),
  };
}

/** Whole orders of a house. */
type Serving = Orders & {readonly sinksBatteriesFirst: readonly string[]};
/** The newest of each house: it stays the same from instant to instant. */
const serving = new WeakMap<Topology, {readonly first: Orders; readonly orders: Serving}>();

function ordersOf(topology: Topology, first: Orders): Serving {
  const known = serving.get(topology);
  if (known?.first === first) return known.orders;
  const into = topology.hybrids.map(intoOf);
  const front = first.sinks.flatMap(id => (id === INTO ? into : [id]));
  const orders = {
    sources: sourceOrder([...topology.batteries, ...topology.hybrids.flatMap(hybrid => hybrid.batteries)], first.sources),
    sinks: sinkOrder(topology.loads, topology.batteries, into, front, false),
    sinksBatteriesFirst: sinkOrder(topology.loads, topology.batteries, into, front, true),
  };
  serving.set(topology, {first, orders});
  return orders;
}

const intoOf = (hybrid: {readonly id: string}): string => `${INTO}:${hybrid.id}`;

function tracePolicy(
  ac: AcBus,
  dc: readonly DcBus[],
  policy: 'solar-first' | 'proportional',
  sources: readonly string[],
  sinks: readonly string[],
): Matrix {
  // One bus alone: nothing is put together.
  if (dc.length === 0 && !ac.cascade) return attribute(ac.rows, ac.columns, policy, sources, sinks);
  const cells = empty<Record<string, number>>();
  const rows: MutableAmounts = Object.assign(empty<number>(), ac.rows);
  const columns: MutableAmounts = Object.assign(empty<number>(), ac.columns);
  for (const bus of dc) {
    if (bus.ac >= 0) {
      const through = traceDc(bus.inflow, bus.charging, bus.standby, bus.ac, bus.loss, policy, sources, cells);
      for (const label in through) addAmount(rows, label, through[label] as number);
    } else {
      addAmount(columns, intoOf(bus), -bus.ac);
    }
  }
  const solve = (r: Amounts, c: Amounts, more: readonly string[] = []): Matrix => attribute(r, c, policy, sources, [...sinks, ...more]);
  let matrix: Matrix;
  if (!ac.cascade) {
    matrix = solve(rows, columns);
  } else if (ac.cascade.z2 >= 0) {
    const above = attribute(
      ac.cascade.rows,
      withAmount(ac.cascade.columns, 'down', ac.cascade.z2),
      policy,
      sources,
      sinks.toSpliced(sinks.indexOf('grid'), 0, 'down'),
    );
    for (const label in above) addAmount(rows, label, above[label]?.['down'] ?? 0);
    keep(above, cells, 'down');
    matrix = solve(rows, columns);
  } else {
    matrix = solve(rows, withAmount(columns, 'up', -ac.cascade.z2), ['up']);
    const up: MutableAmounts = Object.assign(empty<number>(), ac.cascade.rows);
    for (const label in matrix) addAmount(up, label, matrix[label]?.['up'] ?? 0);
    keep(solve(up, ac.cascade.columns), cells, '');
  }
  for (const source in matrix) {
    for (const sink in matrix[source]) {
      if (sink !== 'up' && !sink.startsWith(`${INTO}:`)) addCell(cells, source, sink, matrix[source][sink] as number);
    }
  }
  for (const bus of dc) {
    if (bus.ac >= 0) continue;
    const inflow: MutableAmounts = Object.assign(empty<number>(), bus.inflow);
    for (const source in matrix) addAmount(inflow, source, matrix[source]?.[intoOf(bus)] ?? 0);
    traceDc(inflow, bus.charging, bus.standby, 0, bus.loss, policy, sources, cells);
  }
  return cells;
}

const withAmount = (amounts: Amounts, id: string, amount: number): Amounts => {
  const next = Object.assign(empty<number>(), amounts) as MutableAmounts;
  addAmount(next, id, amount);
  return next;
};

function keep(matrix: Matrix, cells: MutableMatrix, but: string): void {
  for (const source in matrix)
    for (const sink in matrix[source]) if (sink !== but) addCell(cells, source, sink, matrix[source][sink] as number);
}
