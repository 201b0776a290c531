// One instant of any house: readings to balanced rows and columns, and these to one matrix per policy. What contradicts is `unexplained`.

import type {Policy} from '../site.ts';
import {attribute} from './attribute.ts';
import {adjust, type Channel, withinTolerance} from './balance.ts';
import {addAmount, addCell, empty, type MutableAmounts, type MutableMatrix, total} from './cells.ts';
import type {Amounts, Matrix, NodeQuality} from './model.ts';
import {sinkOrder, sourceOrder} from './orders.ts';
import {largestRemainder} from './split.ts';

export type GenerationKind = 'solar' | 'wind' | 'generator';
/** What hangs where. Ids are those of rows and columns; a device of generation adds to the row of its kind. */
export type Topology = {
  readonly generation: readonly {readonly id: string; readonly kind: GenerationKind}[];
  /** Batteries on the AC bus. */
  readonly batteries: readonly string[];
  readonly hybrids: readonly {readonly id: string; readonly pv: readonly string[]; readonly batteries: readonly string[]}[];
  readonly loads: readonly string[];
  readonly netting: 'net' | 'per-phase';
  /** `load`: the grid meter's place is at the house; its value is the whole house and the grid is derived. */
  readonly homeMeter: boolean;
  /** Loads above the second meter; the one without a reading is derived. */
  readonly cascade: {readonly loads: readonly string[]} | null;
};

/** mW, signed into the AC bus (`hybrids.*.ac` + towards the house; loads and home as magnitudes). Absent = no such reading. */
export type InstantValues = {
  readonly generation: Amounts;
  readonly batteries: Amounts;
  readonly hybrids: Readonly<Record<string, {readonly pv: Amounts; readonly batteries: Amounts; readonly ac: number}>>;
  readonly loads: Amounts;
  readonly grid: number | null;
  readonly gridPhases: readonly number[] | null;
  readonly gridOn: boolean;
  readonly home: number | null;
  readonly cascade: number | null;
};

export type Orders = {readonly sources: readonly string[]; readonly sinks: readonly string[]};

export type Instant = {
  readonly quality: NodeQuality;
  readonly reason: string | null;
  readonly home: number;
  readonly grid: number;
  readonly loss: number;
  readonly matrix: Readonly<Partial<Record<Policy, Matrix>>>;
  /** Every channel signed into the bus after least squares; null where nothing was moved. */
  readonly adjusted: Readonly<Record<string, number>> | null;
  /** + appears from nowhere, - vanishes. */
  readonly unexplained: number;
};

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
  first: Orders = {sources: [], sinks: []},
  strict = false,
): Instant {
  const dc = topology.hybrids.map(hybrid => balanceDc(hybrid, values.hybrids[hybrid.id] ?? {pv: {}, batteries: {}, ac: 0}, sigma));
  const ac = balanceAc(topology, values, dc, sigma, strict);
  const matrix: Partial<Record<Policy, Matrix>> = {};
  const allBatteries = [...topology.batteries, ...topology.hybrids.flatMap(hybrid => hybrid.batteries)];
  const sources = sourceOrder(allBatteries, first.sources);
  for (const policy of policies) {
    const sinks = sinkOrder(topology.loads, topology.batteries, topology.hybrids.map(intoOf), first.sinks, policy === 'battery-first');
    matrix[policy] = tracePolicy(ac, dc, policy === 'proportional' ? 'proportional' : 'solar-first', sources, sinks);
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

const intoOf = (hybrid: {readonly id: string}): string => `${INTO}:${hybrid.id}`;

// ---- DC buses

export type DcBus = {
  readonly id: string;
  /** Inflows from the DC side by label, mW. */
  readonly inflow: Amounts;
  readonly charging: Amounts;
  readonly standby: number;
  readonly ac: number;
  readonly loss: number;
  readonly unexplained: number;
  readonly quality: 'ok' | 'adjusted' | 'suspect';
  readonly reason: string | null;
  readonly adjusted: Readonly<Record<string, number>> | null;
};

function balanceDc(
  hybrid: Topology['hybrids'][number],
  values: {readonly pv: Amounts; readonly batteries: Amounts; readonly ac: number},
  sigma: Amounts,
): DcBus {
  const port = `${hybrid.id}_ac`;
  const channels: Channel[] = [
    ...hybrid.pv.map(id => ({id, v: values.pv[id] ?? 0, sigma: sigma[id] ?? 0})),
    ...hybrid.batteries.map(id => ({id, v: values.batteries[id] ?? 0, sigma: sigma[id] ?? 0})),
    {id: port, v: -values.ac, sigma: sigma[port] ?? 0},
  ];
  const excess = channels.reduce((sum, channel) => sum + channel.v, 0);
  let moved = channels.map(channel => channel.v);
  let quality: DcBus['quality'] = 'ok';
  let reason: string | null = null;
  if (excess < 0) {
    const fixed = withinTolerance(excess, channels) ? adjust(channels) : null;
    // The adjusted AC port would change what the house's balance sees; only small contradictions may.
    quality = fixed ? 'adjusted' : 'suspect';
    reason = fixed
      ? `${hybrid.id}: more power left the inverter than came in, inside the tolerance`
      : `${hybrid.id}: ${Math.round(-excess / 1000)} W more left the inverter than came in`;
    if (fixed) moved = fixed;
  }
  const inflow = empty<number>();
  const charging = empty<number>();
  let standby = 0;
  hybrid.pv.forEach((_, index) => {
    const v = moved[index] as number;
    if (v >= 0) addAmount(inflow, 'solar', v);
    else standby -= v;
  });
  hybrid.batteries.forEach((id, index) => {
    const v = moved[hybrid.pv.length + index] as number;
    if (v >= 0) addAmount(inflow, id, v);
    else addAmount(charging, id, -v);
  });
  const ac = -(moved.at(-1) as number);
  const loss = Math.max(
    0,
    moved.reduce((a, b) => a + b, 0),
  );
  const unexplained = quality === 'suspect' ? -excess : 0;
  if (unexplained > 0) addAmount(inflow, 'unexplained', unexplained);
  const adjusted =
    quality === 'adjusted'
      ? Object.fromEntries(channels.map((channel, index) => [channel.id, channel.id === port ? ac : (moved[index] as number)]))
      : null;
  return {id: hybrid.id, inflow, charging, standby, ac, loss, unexplained, quality, reason, adjusted};
}

/** Cells of a DC bus: loss first, pro rata; then the batteries, then (as sink `up`) the AC port. `inflow` includes what came through the AC port. */
export function traceDc(
  inflow: Amounts,
  charging: Amounts,
  standby: number,
  up: number,
  loss: number,
  policy: 'solar-first' | 'proportional',
  sources: readonly string[],
  cells: MutableMatrix,
): Amounts {
  const present = sources.filter(id => (inflow[id] ?? 0) > 0);
  const rest = empty<number>();
  const losses =
    loss > 0
      ? largestRemainder(
          loss,
          present.map(id => inflow[id] as number),
        )
      : present.map(() => 0);
  present.forEach((id, index) => {
    addCell(cells, id, 'loss', losses[index] as number);
    addAmount(rest, id, (inflow[id] as number) - (losses[index] as number));
  });
  const columns: MutableAmounts = Object.assign(empty<number>(), charging);
  addAmount(columns, 'standby', standby);
  addAmount(columns, 'up', up);
  const through = empty<number>();
  const matrix = attribute(rest, columns, policy, sources, ['standby', ...Object.keys(charging), 'up']);
  for (const source in matrix) {
    for (const sink in matrix[source]) {
      const amount = matrix[source][sink] as number;
      if (sink === 'up') addAmount(through, source, amount);
      else addCell(cells, source, sink, amount);
    }
  }
  return through;
}

// ---- AC bus

type AcBus = {
  readonly quality: NodeQuality;
  readonly reason: string | null;
  readonly home: number;
  readonly grid: number;
  readonly unexplained: number;
  readonly adjusted: Readonly<Record<string, number>> | null;
  /** Rows and columns without the hybrids' ports. */
  readonly rows: Amounts;
  readonly columns: Amounts;
  readonly cascade: {readonly z2: number; readonly rows: Amounts; readonly columns: Amounts} | null;
};

function balanceAc(topology: Topology, values: InstantValues, dc: readonly DcBus[], sigma: Amounts, strict: boolean): AcBus {
  const gridKnown = values.gridOn && (values.grid !== null || values.gridPhases !== null);
  const grid = !values.gridOn ? 0 : values.gridPhases ? values.gridPhases.reduce((a, b) => a + b, 0) : (values.grid ?? 0);
  const below = topology.cascade && values.cascade !== null ? balanceAbove(topology.cascade.loads, grid, values, sigma) : null;
  const boundary = below ? below.z2 : grid;
  const boundaryId = below ? 'cascade' : 'grid';
  const loads = below ? topology.loads.filter(id => !topology.cascade?.loads.includes(id)) : topology.loads;
  const channel = (id: string, v: number): Channel => ({id, v, sigma: sigma[id] ?? 0});
  const channels: Channel[] = [
    ...topology.generation.flatMap(({id}) => (values.generation[id] === undefined ? [] : [channel(id, values.generation[id])])),
    ...topology.batteries.flatMap(id => (values.batteries[id] === undefined ? [] : [channel(id, values.batteries[id])])),
    ...(values.gridOn && (gridKnown || below) ? [channel(boundaryId, boundary)] : []),
    ...loads.flatMap(id => (values.loads[id] === undefined ? [] : [channel(id, -values.loads[id])])),
  ];
  const ports = dc.reduce((sum, one) => sum + one.ac, 0);
  const measured = channels.reduce((sum, one) => sum + one.v, 0) + ports;
  let quality: NodeQuality = values.gridOn ? 'ok' : 'islanded';
  let reason: string | null = values.gridOn ? null : 'the grid is off; the house runs on its own';
  let unexplained = 0;
  let home: number;
  let v = channels.map(one => one.v);
  let used = boundary;
  let adjusted: Record<string, number> | null = null;
  const moveAll = (all: readonly Channel[]): boolean => {
    // A load that takes nothing cannot take less: in a running house it stays where it is, and the others bear the difference.
    const list = strict ? all : all.map(one => (one.v === 0 && topology.loads.includes(one.id) ? {...one, sigma: 0} : one));
    const excess = list.reduce((sum, one) => sum + one.v, 0) + ports;
    if (!withinTolerance(excess, list)) return false;
    const next = adjust(list, -ports);
    const legal = list.every((one, index) => !(topology.loads.includes(one.id) && (next[index] as number) > 0));
    const perPhase =
      topology.netting === 'per-phase' &&
      values.gridPhases !== null &&
      next.some((value, index) => list[index]?.id === 'grid' && value !== list[index]?.v);
    const homeLeft = list.at(-1)?.id !== 'home' || (next.at(-1) as number) <= 0;
    if (!legal || perPhase || !homeLeft) {
      if (strict) throw new RangeError('least squares would turn a load, the home or a phase around');
      return false;
    }
    adjusted = Object.fromEntries(list.map((one, index) => [one.id, next[index] as number]));
    v = next.slice(0, channels.length);
    used = adjusted[boundaryId] ?? boundary;
    return true;
  };

  if (values.gridOn && !gridKnown && !below) {
    // No grid meter, or no value: what the house takes is known, so the grid is the difference.
    home = values.home ?? Math.max(0, measured);
    used = home - measured;
    quality = values.home === null ? 'suspect' : 'grid-derived';
    reason =
      values.home === null
        ? 'neither the grid meter nor the house meter tells anything'
        : 'the grid is derived from the meter of the house';
  } else if (values.home === null) {
    home = Math.max(0, measured);
    if (measured < 0) {
      if (moveAll(channels)) {
        [quality, reason] = ['adjusted', 'the readings contradict each other inside their tolerance'];
      } else {
        unexplained = -measured;
        [quality, reason] = ['suspect', `${Math.round(unexplained / 1000)} W more left the house than came in`];
      }
    }
  } else {
    home = values.home;
    const excess = measured - home;
    if (excess !== 0) {
      const list = [...channels, channel('home', -home)];
      if (moveAll(list)) {
        home = -((adjusted as Record<string, number> | null)?.['home'] ?? 0);
        [quality, reason] = ['adjusted', 'the readings contradict each other inside their tolerance'];
      } else {
        unexplained = -excess;
        [quality, reason] = ['suspect', `${Math.round(Math.abs(excess) / 1000)} W ${excess > 0 ? 'vanish' : 'appear'} between the meters`];
      }
    }
  }

  const rows = empty<number>();
  const columns = empty<number>();
  channels.forEach(({id}, index) => {
    const value = v[index] as number;
    const kind = topology.generation.find(one => one.id === id)?.kind;
    if (kind) addAmount(value >= 0 ? rows : columns, value >= 0 ? kind : 'standby', Math.abs(value));
    else if (topology.batteries.includes(id)) addAmount(value >= 0 ? rows : columns, id, Math.abs(value));
    else if (id !== boundaryId) addAmount(columns, id, -value);
  });
  if (!below) {
    if (topology.netting === 'per-phase' && values.gridPhases && values.gridOn) {
      for (const phase of values.gridPhases) addAmount(phase > 0 ? rows : columns, 'grid', Math.abs(phase));
    } else if (values.gridOn) addAmount(used > 0 ? rows : columns, 'grid', Math.abs(used));
  }
  addAmount(columns, 'home', home);
  if (unexplained > 0) addAmount(rows, 'unexplained', unexplained);
  else addAmount(columns, 'unexplained', -unexplained);

  if (below && below.quality !== 'ok' && (quality === 'ok' || below.quality === 'suspect'))
    [quality, reason] = [below.quality, below.reason];
  return {
    quality,
    reason,
    home,
    grid: below ? grid : used,
    unexplained: unexplained + (below?.unexplained ?? 0),
    adjusted,
    rows,
    columns,
    cascade: below ? {z2: used, rows: below.rows, columns: below.columns} : null,
  };
}

/** The bus above a second meter: the grid, the loads there, and what flows through the second meter (+ towards the house). */
function balanceAbove(
  loads: readonly string[],
  grid: number,
  values: InstantValues,
  sigma: Amounts,
): {z2: number; rows: Amounts; columns: Amounts; unexplained: number; quality: NodeQuality; reason: string | null} {
  const z2 = values.cascade ?? 0;
  const derived = loads.find(id => values.loads[id] === undefined);
  const metered = loads.filter(id => values.loads[id] !== undefined);
  const taken = metered.reduce((sum, id) => sum + (values.loads[id] as number), 0);
  let rest = grid - z2 - taken;
  const rows = empty<number>();
  const columns = empty<number>();
  for (const id of metered) addAmount(columns, id, values.loads[id] as number);
  let quality: NodeQuality = 'ok';
  let reason: string | null = null;
  let unexplained = 0;
  let through = z2;
  if (derived !== undefined && rest >= 0) {
    addAmount(columns, derived, rest);
  } else if (rest !== 0) {
    const list: Channel[] = [{id: 'cascade', v: -z2, sigma: sigma['cascade'] ?? 0}];
    if (withinTolerance(rest, [...list, {id: 'grid', v: grid, sigma: sigma['grid'] ?? 0}]) && (sigma['cascade'] ?? 0) > 0) {
      // The boundary is the utility's own; the second meter gives way.
      through = z2 + rest;
      rest = 0;
      [quality, reason] = ['adjusted', 'the two meters contradict each other inside their tolerance'];
    } else {
      unexplained = -rest;
      [quality, reason] = ['suspect', `${Math.round(Math.abs(rest) / 1000)} W ${rest > 0 ? 'vanish' : 'appear'} between the two meters`];
      addAmount(rest < 0 ? rows : columns, 'unexplained', Math.abs(rest));
    }
  }
  addAmount(grid > 0 ? rows : columns, 'grid', Math.abs(grid));
  return {z2: through, rows, columns, unexplained, quality, reason};
}

// ---- Labels through the tree

function tracePolicy(
  ac: AcBus,
  dc: readonly DcBus[],
  policy: 'solar-first' | 'proportional',
  sources: readonly string[],
  sinks: readonly string[],
): Matrix {
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

/** Sum of a matrix, for checks. */
export const matrixTotal = (matrix: Matrix): number => Object.values(matrix).reduce((sum, row) => sum + total(row), 0);
