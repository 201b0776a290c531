// Where the pieces of the flow picture stand and what runs between them. Pure: powers in, coordinates out.

export type Label = 'own' | 'earlier' | 'unknown' | 'stored' | 'exported' | 'imported' | 'unexplained' | 'lost';
export type FlowNode = {
  readonly id: string;
  readonly x: number;
  readonly y: number;
  readonly side: Side;
  readonly kind: 'source' | 'battery' | 'grid' | 'sink' | 'odd';
  /** Something runs to or from it. */
  readonly active: boolean;
};
type FlowEdge = {
  readonly from: string;
  readonly to: string;
  readonly w: number;
  readonly path: string;
  /** Outline of the arrow at its end: without motion and without colour it still says which way. */
  readonly arrow: string;
  readonly width: number;
  readonly label: Label;
  readonly seconds: number;
};
export type FlowPicture = {
  readonly width: number;
  readonly height: number;
  readonly radius: number;
  readonly nodes: readonly FlowNode[];
  readonly edges: readonly FlowEdge[];
};
type Place = {readonly x: number; readonly y: number};
type Cell = {readonly from: string; readonly to: string; readonly w: number};
/** A cell between two rings. */
type Run = Cell & {readonly a: FlowNode; readonly b: FlowNode; readonly label: Label};
type Side = 'top' | 'left' | 'bottom' | 'right';
type Port = {readonly at: Place; readonly below: Place; readonly facing: Place};

type Frame = {
  readonly width: number;
  readonly radius: number;
  readonly row: number;
  /** Sources stand at the top and batteries at the bottom of the middle, this far apart. */
  readonly beside: number;
  readonly middle: number;
  /** What uses power begins so far below the top, beside one source and beside several: lines would run behind the sources. */
  readonly lift: readonly [number, number];
};
export const WIDE: Frame = {width: 720, radius: 48, row: 140, beside: 128, middle: 320, lift: [0, 70]};
export const NARROW: Frame = {width: 360, radius: 42, row: 124, beside: 94, middle: 172, lift: [58, 110]};

const MARGIN = 10;
/** As many users stand in one column; more of them stand in two, each between two of the other column, or nobody could read them on a phone. */
const COLUMN = 5;
/** Room for the name above or below a ring. */
const NAME = 24;
const LEAST_W = 1;
/** Bands of the busiest ring together are this share of its width. */
const WIDEST = 0.45;
const GAP = 3;
/** How much of the way towards its other end a line goes around the ring before it leaves. */
const WILLING = 0.85;
/** No further than this, in radians, where another ring stands beside it. */
const CROWDED = 0.6;
/** Where a ring faces. */
const FACING: Readonly<Record<Side, Place>> = {
  top: {x: 0, y: 1},
  left: {x: 1, y: 0},
  bottom: {x: 0, y: -1},
  right: {x: -1, y: 0},
};

const KINDS: Readonly<Record<Side, FlowNode['kind']>> = {top: 'source', left: 'grid', bottom: 'battery', right: 'sink'};

/** `state` has keys such as `solar_to_home_w`. Sources on top, the grid left, batteries below, what uses power on the right. */
export function flowPicture(
  state: Readonly<Record<string, unknown>>,
  batteries: readonly string[],
  loads: readonly string[],
  frame: Frame = WIDE,
): FlowPicture {
  const cells = cellsOf(state);
  const {freshness} = state as {freshness?: Readonly<Record<string, unknown>>};
  const made = [
    ...(!freshness || 'solar' in freshness ? ['solar'] : []),
    ...['wind', 'generator'].filter(id => typeof state[`${id}_power_w`] === 'number'),
  ];
  const {nodes, height} = standing(cells, {made, batteries, loads}, frame);
  const shares = {own: ownShareOf(cells, state, 'own', batteries), exported: ownShareOf(cells, state, 'exported', batteries)};
  const runs = cells.flatMap((cell): Run[] => {
    // What is unexplained may appear and vanish at once; then it stands at both ends.
    const a = nodes.find(node => node.id === cell.from && (node.kind !== 'odd' || node.side === 'top'));
    const b = nodes.find(node => node.id === cell.to && (node.kind !== 'odd' || node.side === 'right'));
    if (!a || !b || a === b) return [];
    const label = labelOf(cell.from, cell.to, batteries);
    if (a.kind !== 'battery' || (label !== 'own' && label !== 'exported')) return [{...cell, a, b, label}];
    const unknown = unknownShareOf(state, a.id);
    const parts = [
      {w: cell.w * shares[label], label},
      {w: cell.w * (1 - shares[label]) * (1 - unknown), label: 'earlier' as const},
      {w: cell.w * (1 - shares[label]) * unknown, label: 'unknown' as const},
    ];
    return parts.filter(({w}) => w >= LEAST_W).map(part => ({...cell, ...part, a, b}));
  });
  const through = (node: FlowNode): number => runs.reduce((sum, {a, b, w}) => sum + (a === node || b === node ? w : 0), 0);
  const most = Math.max(2000, ...nodes.map(through));
  const widthOf = (w: number): number => Math.max(2, (2 * frame.radius * WIDEST * w) / most);
  const crowded = ({side}: FlowNode): boolean =>
    (side === 'top' || side === 'bottom') && nodes.filter(node => node.side === side).length > 1;
  const angles = new Map(nodes.map(node => [node, around(node, crowded(node), runs, w => (widthOf(w) + GAP) / frame.radius)]));
  const portOf = (node: FlowNode, run: Run): Port => {
    const angle = angles.get(node)?.get(run) ?? 0;
    const facing = turned(FACING[node.side], angle);
    const on = (far: number): Place => ({x: node.x + facing.x * far, y: node.y + facing.y * far});
    return {facing, at: on(frame.radius), below: on(frame.radius / 2)};
  };
  const edges = runs.map((run): FlowEdge => {
    const width = widthOf(run.w);
    const {from, to, w, label} = run;
    return {from, to, w, label, ...curve(portOf(run.a, run), portOf(run.b, run), width), width, seconds: secondsOf(w / most)};
  });
  return {width: frame.width, height, radius: frame.radius, nodes, edges: edges.sort((a, b) => b.w - a.w)};
}

/** Of what batteries give, to the house or the grid, the share that was made behind the meter: what the label has beyond what comes directly. */
function ownShareOf(
  cells: readonly Cell[],
  state: Readonly<Record<string, unknown>>,
  label: 'own' | 'exported',
  batteries: readonly string[],
): number {
  const labelled = state[label === 'own' ? 'btm_consumed_w' : 'btm_exported_w'];
  const such = cells.filter(({from, to}) => labelOf(from, to, batteries) === label);
  const sum = (list: readonly Cell[]): number => list.reduce((total, {w}) => total + w, 0);
  const given = sum(such.filter(({from}) => batteries.includes(from)));
  if (typeof labelled !== 'number' || given === 0) return 1;
  return Math.max(0, Math.min(1, (labelled - (sum(such) - given)) / given));
}

/** Of what a battery holds that was not made here, the share of unknown origin: what it held before the ledger began. All of it where nothing is on record. */
function unknownShareOf(state: Readonly<Record<string, unknown>>, battery: string): number {
  const mix = (state['stored'] as Readonly<Record<string, Readonly<Record<string, number>>>> | undefined)?.[battery] ?? {};
  const [unknown, bought] = [mix['unknown'] ?? 0, mix['grid'] ?? 0];
  return unknown + bought > 0 ? unknown / (unknown + bought) : 1;
}

function cellsOf(state: Readonly<Record<string, unknown>>): Cell[] {
  return Object.entries(state).flatMap(([key, value]) => {
    const match = /^(.+)_to_(.+)_w$/.exec(key);
    return match && typeof value === 'number' && value >= LEAST_W ? [{from: match[1] as string, to: match[2] as string, w: value}] : [];
  });
}

type Cast = {readonly made: readonly string[]; readonly batteries: readonly string[]; readonly loads: readonly string[]};

function standing(cells: readonly Cell[], {made, batteries, loads}: Cast, frame: Frame): {nodes: FlowNode[]; height: number} {
  const {width, radius, row, beside, middle} = frame;
  const gives = (id: string): boolean => cells.some(cell => cell.from === id);
  const takes = (id: string): boolean => cells.some(cell => cell.to === id);
  const top = [...made, ...['unexplained'].filter(gives)];
  const right = ['home', ...loads, ...['standby', 'loss', 'unexplained'].filter(takes)];
  const [begin, end] = [MARGIN + radius, width - MARGIN - radius];
  /** Places of so many rings beside each other: around the middle, closer where they would leave the picture. */
  const inRow = (count: number, index: number): number => {
    const apart = count > 1 ? Math.min(beside, (end - begin) / (count - 1)) : 0;
    const first = Math.max(begin, Math.min(end - (count - 1) * apart, middle - ((count - 1) / 2) * apart));
    return first + index * apart;
  };
  const columns = right.length > COLUMN ? 2 : 1;
  // Rings of two columns stand half as far apart; the first and the last keep as far from the edge.
  const edge = columns > 1 ? row / 4 : 0;
  const lift = edge + (top.length > 1 || (columns > 1 && top.length > 0) ? frame.lift[1] : right.length > 1 ? frame.lift[0] : 0);
  const meets = batteries.length > 0 && (columns > 1 || inRow(batteries.length, batteries.length - 1) > end - 2 * radius);
  const above = edge + (meets ? frame.lift[1] : 0);
  // A house without sources and batteries is one line: it needs no room above and below.
  const least = made.length + batteries.length > 0 ? 3 * row : 1.4 * row;
  const height = Math.max(least, lift + (right.length * row) / columns + above);
  const node = (id: string, side: Side, x: number, y: number): FlowNode => ({
    id,
    side,
    x,
    y,
    kind: id === 'unexplained' ? 'odd' : KINDS[side],
    active: (side !== 'right' && gives(id)) || (side !== 'top' && takes(id)),
  });
  return {
    height,
    nodes: [
      ...top.map((id, index) => node(id, 'top', inRow(top.length, index), NAME + radius)),
      node('grid', 'left', begin, height / 2),
      ...batteries.map((id, index) => node(id, 'bottom', inRow(batteries.length, index), height - NAME - radius)),
      ...right.map((id, index) =>
        node(
          id,
          'right',
          end - (index % columns) * (2 * radius + MARGIN),
          lift + ((index + 0.5) * (height - lift - above)) / right.length - NAME / 3,
        ),
      ),
    ],
  };
}

/** Where lines leave a ring, as angles from its front: towards the other end, and never one above the other. `crowded`: others stand beside it. */
function around(node: FlowNode, crowded: boolean, runs: readonly Run[], roomOf: (w: number) => number): Map<Run, number> {
  const most = crowded ? CROWDED : Math.PI;
  const wishOf = (from: FlowNode, to: FlowNode): number => Math.max(-most, Math.min(most, WILLING * turn(FACING[from.side], from, to)));
  const own = runs
    .filter(({a, b}) => a === node || b === node)
    .map(run => ({run, wish: wishOf(node, run.a === node ? run.b : run.a), room: roomOf(run.w)}))
    // Two that run side by side lie the other way around at their end.
    .sort((one, other) => one.wish - other.wish || (one.run.a === node ? 1 : -1) * (runs.indexOf(one.run) - runs.indexOf(other.run)));
  let before = Number.NEGATIVE_INFINITY;
  const placed = own.map(({run, wish, room}) => {
    const angle = Math.max(wish, before + room / 2);
    before = angle + room / 2;
    return {run, angle, moved: angle - wish};
  });
  const shift = placed.reduce((sum, {moved}) => sum + moved, 0) / Math.max(1, placed.length);
  return new Map(placed.map(({run, angle}) => [run, angle - shift]));
}

/** Angle from where a ring faces to another one. */
function turn(facing: Place, from: Place, to: Place): number {
  const [dx, dy] = [to.x - from.x, to.y - from.y];
  return Math.atan2(facing.x * dy - facing.y * dx, facing.x * dx + facing.y * dy);
}

const turned = ({x, y}: Place, angle: number): Place => ({
  x: x * Math.cos(angle) - y * Math.sin(angle),
  y: x * Math.sin(angle) + y * Math.cos(angle),
});

/** Out of one ring in its direction, and into the other against its direction; the arrow covers the end. */
function curve(start: Port, end: Port, width: number): {path: string; arrow: string} {
  const tip = end.at;
  const long = 8 + width * 0.22;
  const last = {x: tip.x + end.facing.x * long, y: tip.y + end.facing.y * long};
  const reach = (port: Port, x: number, y: number): Place => {
    const far = Math.max(26, 0.6 * Math.abs((last.x - start.at.x) * port.facing.x + (last.y - start.at.y) * port.facing.y));
    return {x: x + port.facing.x * far, y: y + port.facing.y * far};
  };
  const [c, d] = [reach(start, start.at.x, start.at.y), reach(end, last.x, last.y)];
  const half = width / 2 + 3;
  const [px, py] = [-end.facing.y * half, end.facing.x * half];
  return {
    // From below the ring, whose disc covers it: a broad band would leave a gap beside the curve.
    path: `M${pair(start.below)} L${pair(start.at)} C${pair(c)} ${pair(d)} ${pair(last)}`,
    arrow: `M${pair(tip)} L${pair({x: last.x + px, y: last.y + py})} L${pair({x: last.x - px, y: last.y - py})}Z`,
  };
}

const pair = ({x, y}: Place): string => `${x.toFixed(1)} ${y.toFixed(1)}`;

/** Few different speeds: a new one makes the stream jump, and power never stands still. */
const secondsOf = (share: number): number => [14, 10, 7, 5, 3.5][Math.min(4, Math.floor(Math.sqrt(share) * 5))] ?? 3.5;

function labelOf(from: string, to: string, batteries: readonly string[]): Label {
  if (from === 'unexplained' || to === 'unexplained') return 'unexplained';
  if (to === 'loss') return 'lost';
  if (from === 'grid') return 'imported';
  if (to === 'grid') return 'exported';
  return batteries.includes(to) ? 'stored' : 'own';
}
