// The AC bus of the house, and the one above it where a second meter stands: readings to rows and columns of equal sums.

import {type Said, say} from '../sentences/say.ts';
import {adjust, type Channel, withinTolerance} from './balance.ts';
import {addAmount, empty, total} from './cells.ts';
import type {DcBus} from './dcbus.ts';
import type {Amounts, NodeQuality} from './model.ts';
import type {InstantValues, Topology} from './topology.ts';

export type AcBus = {
  readonly quality: NodeQuality;
  readonly reason: Said | null;
  readonly home: number;
  readonly grid: number;
  readonly unexplained: number;
  readonly adjusted: Readonly<Record<string, number>> | null;
  /** Rows and columns without the hybrids' ports. */
  readonly rows: Amounts;
  readonly columns: Amounts;
  /** The bus above the second meter, and what flows through that meter, + towards the house. */
  readonly cascade: {readonly z2: number; readonly rows: Amounts; readonly columns: Amounts} | null;
};

/** Balances the house. `strict` throws RangeError where least squares would turn a load, the home or a phase around. */
export function balanceAc(topology: Topology, values: InstantValues, dc: readonly DcBus[], sigma: Amounts, strict: boolean): AcBus {
  const above = topology.cascade && values.cascade !== null ? readAbove(topology.cascade.loads, values.cascade, values, sigma) : null;
  const boundary = boundaryOf(values, above, sigma);
  const channels = channelsOf(topology, values, boundary, above, sigma);
  const ports = dc.reduce((sum, one) => sum + one.ac, 0);
  const moveAll = (list: readonly Channel[]): Record<string, number> | null =>
    evenOut(list, ports, {topology, perPhase: isPerPhase(topology, values), spare: above?.spare ?? null}, strict);
  const found = homeOf(values, channels, ports, boundary !== null, sigma['home'] ?? 0, moveAll);

  const rows = empty<number>();
  const columns = empty<number>();
  const signed = (id: string, milliW: number): void => addAmount(milliW >= 0 ? rows : columns, id, Math.abs(milliW));
  for (const {id, v} of channels) {
    const milliW = found.adjusted?.[id] ?? v;
    const kind = topology.generation.find(one => one.id === id)?.kind;
    if (kind) signed(milliW >= 0 ? kind : 'standby', milliW);
    else if (topology.batteries.includes(id)) signed(id, milliW);
    else if (id !== boundary?.id) addAmount(columns, id, -milliW);
  }
  const through = boundary ? (found.adjusted?.[boundary.id] ?? boundary.milliW) : found.grid;
  if (!above && isPerPhase(topology, values)) for (const phase of values.gridPhases ?? []) signed('grid', phase);
  else if (!above && values.gridOn) signed('grid', through);
  addAmount(columns, 'home', found.home);
  addAmount(found.unexplained > 0 ? rows : columns, 'unexplained', Math.abs(found.unexplained));

  const worseAbove = above && above.quality !== 'ok' && (found.quality === 'ok' || above.quality === 'suspect');
  return {
    quality: worseAbove ? above.quality : found.quality,
    reason: worseAbove ? above.reason : found.reason,
    home: found.home,
    grid: above ? above.grid : through,
    unexplained: found.unexplained + (above?.unexplained ?? 0),
    adjusted: found.adjusted,
    rows,
    columns,
    cascade: above && bookAbove(above, through),
  };
}

const isPerPhase = (topology: Topology, {gridPhases, gridOn}: InstantValues): boolean =>
  topology.netting === 'per-phase' && gridPhases !== null && gridOn;

/** What the meter at the connection says, + import; null where it says nothing. Without a grid it is 0. */
const gridOf = ({gridOn, gridPhases, grid}: InstantValues): number | null =>
  !gridOn ? 0 : gridPhases ? gridPhases.reduce((a, b) => a + b, 0) : grid;

/** The meter through which the bus of the house is fed. Null where there is none, or it says nothing. */
type Boundary = {readonly id: 'grid' | 'cascade'; readonly milliW: number; readonly sigma: number} | null;

function boundaryOf(values: InstantValues, above: Above | null, sigma: Amounts): Boundary {
  // Where both meters and all loads between them are measured, they have been brought into agreement already.
  if (above) return {id: 'cascade', milliW: above.z2, sigma: above.spare === null ? 0 : (sigma['cascade'] ?? 0)};
  const grid = values.gridOn ? gridOf(values) : null;
  return grid === null ? null : {id: 'grid', milliW: grid, sigma: sigma['grid'] ?? 0};
}

/** Every measured channel of the bus, signed into it, in the order of the rules. */
function channelsOf(topology: Topology, values: InstantValues, boundary: Boundary, above: Above | null, sigma: Amounts): Channel[] {
  const list: Channel[] = [];
  const add = (id: string, milliW: number | undefined): void => {
    if (milliW !== undefined) list.push({id, v: milliW, sigma: sigma[id] ?? 0});
  };
  for (const {id} of topology.generation) add(id, values.generation[id]);
  for (const id of topology.batteries) add(id, values.batteries[id]);
  if (boundary) list.push({id: boundary.id, v: boundary.milliW, sigma: boundary.sigma});
  for (const id of topology.loads) {
    const milliW = values.loads[id];
    if (milliW !== undefined && !(above && topology.cascade?.loads.includes(id))) add(id, -milliW);
  }
  return list;
}

/** The grid only where the boundary says nothing: as it follows from the rest. */
type Found = Pick<AcBus, 'quality' | 'reason' | 'home' | 'grid' | 'unexplained' | 'adjusted'>;
const CONTRADICTION = say('the readings contradict each other inside their tolerance');

/** What the house takes, and what of the readings had to give way for it. */
function homeOf(
  values: InstantValues,
  channels: readonly Channel[],
  ports: number,
  bounded: boolean,
  homeSigma: number,
  moveAll: (list: readonly Channel[]) => Record<string, number> | null,
): Found {
  const measured = channels.reduce((sum, one) => sum + one.v, 0) + ports;
  const plain: Found = {
    quality: values.gridOn ? 'ok' : 'islanded',
    reason: values.gridOn ? null : say('the grid is off; the house runs on its own'),
    home: values.home ?? Math.max(0, measured),
    grid: 0,
    unexplained: 0,
    adjusted: null,
  };
  if (values.gridOn && !bounded) {
    const derived = {...plain, grid: plain.home - measured};
    return values.home === null
      ? {...derived, quality: 'suspect', reason: say('neither the grid meter nor the house meter tells anything')}
      : {...derived, quality: 'grid-derived', reason: say('the grid is derived from the meter of the house')};
  }
  const excess = measured - plain.home;
  if (excess === 0) return plain;
  const adjusted = moveAll(values.home === null ? channels : [...channels, {id: 'home', v: -values.home, sigma: homeSigma}]);
  if (adjusted)
    return {...plain, quality: 'adjusted', reason: CONTRADICTION, home: values.home === null ? 0 : -(adjusted['home'] ?? 0), adjusted};
  const w = Math.round(Math.abs(excess) / 1000);
  const reason =
    values.home === null
      ? say('{w} W more left the house than came in', {w})
      : say(excess > 0 ? '{w} W vanish between the meters' : '{w} W appear between the meters', {w});
  return {...plain, quality: 'suspect', reason, unexplained: -excess};
}

/** `spare`: what the second meter may still rise before the load above it would give; null where that meter stands. */
type Limits = {readonly topology: Topology; readonly perPhase: boolean; readonly spare: number | null};

/** Least squares over the channels inside their tolerance; null where they are beyond it, or one would turn around. */
function evenOut(
  all: readonly Channel[],
  ports: number,
  {topology, perPhase, spare}: Limits,
  strict: boolean,
): Record<string, number> | null {
  // A load that takes nothing cannot take less: in a running house it stays where it is, and the others bear the difference.
  const list = strict ? all : all.map(one => (one.v === 0 && topology.loads.includes(one.id) ? {...one, sigma: 0} : one));
  const excess = list.reduce((sum, one) => sum + one.v, 0) + ports;
  if (!withinTolerance(excess, list)) return null;
  const moved = adjust(list, -ports);
  const turned = list.some((one, index) => {
    const next = moved[index] as number;
    if (one.id === 'grid') return perPhase && next !== one.v;
    if (one.id === 'cascade') return spare !== null && next - one.v > spare;
    return (one.id === 'home' || topology.loads.includes(one.id)) && next > 0;
  });
  if (!turned) return Object.fromEntries(list.map((one, index) => [one.id, moved[index] as number]));
  if (strict) throw new RangeError('least squares would turn a load, the home or a phase around');
  return null;
}

// ---- Above a second meter

type Above = {
  readonly grid: number;
  readonly z2: number;
  readonly metered: Amounts;
  readonly derived: string | null;
  /** What the derived load takes; null where all loads are measured, or the meters leave less than nothing for it. */
  readonly spare: number | null;
  readonly unexplained: number;
  readonly quality: NodeQuality;
  readonly reason: Said | null;
};

/** The bus between grid meter and second meter: the loads there; the one without a reading is the difference. */
function readAbove(loads: readonly string[], z2: number, values: InstantValues, sigma: Amounts): Above {
  const metered = empty<number>();
  for (const id of loads) addAmount(metered, id, values.loads[id] ?? 0);
  const derived = loads.find(id => values.loads[id] === undefined) ?? null;
  const told = gridOf(values);
  const grid = told ?? z2 + total(metered);
  const common = {grid, z2, metered, derived, spare: null, unexplained: 0};
  if (told === null)
    return {...common, quality: 'grid-derived', reason: say('the grid is derived from the second meter and the loads above it')};
  const rest = grid - z2 - total(metered);
  if (derived !== null && rest >= 0) return {...common, spare: rest, quality: 'ok', reason: null};
  if (rest === 0) return {...common, quality: 'ok', reason: null};
  const tolerances = ['cascade', 'grid'].map(id => ({id, v: 0, sigma: sigma[id] ?? 0}));
  // The boundary is the utility's own; the second meter gives way.
  if (withinTolerance(rest, tolerances))
    return {
      ...common,
      z2: z2 + rest,
      quality: 'adjusted',
      reason: say('the two meters contradict each other inside their tolerance'),
    };
  const w = Math.round(Math.abs(rest) / 1000);
  const reason = say(rest > 0 ? '{w} W vanish between the two meters' : '{w} W appear between the two meters', {w});
  return {...common, unexplained: -rest, quality: 'suspect', reason};
}

/** Rows and columns of the upper bus once it is known what went through the second meter. */
function bookAbove({grid, metered, derived, spare, unexplained, z2}: Above, through: number): NonNullable<AcBus['cascade']> {
  const rows = empty<number>();
  const columns: Record<string, number> = Object.assign(empty<number>(), metered);
  if (derived !== null && spare !== null) addAmount(columns, derived, spare - (through - z2));
  addAmount(grid > 0 ? rows : columns, 'grid', Math.abs(grid));
  addAmount(unexplained > 0 ? rows : columns, 'unexplained', Math.abs(unexplained));
  return {z2: through, rows, columns};
}
