// Where the pieces of the flow picture stand and what runs between them. Pure: powers in, coordinates out.

export type Label = 'own' | 'stored' | 'exported' | 'imported' | 'unexplained' | 'lost';
export type FlowNode = {
  readonly id: string;
  readonly x: number;
  readonly y: number;
  readonly kind: 'source' | 'battery' | 'grid' | 'sink' | 'odd';
};
export type FlowEdge = {
  readonly from: string;
  readonly to: string;
  readonly w: number;
  readonly path: string;
  readonly width: number;
  readonly label: Label;
  readonly seconds: number;
};
export type FlowPicture = {
  readonly width: number;
  readonly height: number;
  readonly nodes: readonly FlowNode[];
  readonly edges: readonly FlowEdge[];
};

/** Wide enough for three columns; on a phone they stand closer. */
export const WIDE = 720;
export const NARROW = 430;
const MARGIN = {[WIDE]: 80, [NARROW]: 56};
const ROW = 132;
const LEAST_W = 1;
const WIDEST = 18;
/** A ring's radius; lines end at it. */
export const RADIUS = 50;

/** `state` has keys such as `solar_to_home_w`. */
export function flowPicture(
  state: Readonly<Record<string, unknown>>,
  batteries: readonly string[],
  loads: readonly string[],
  width: typeof WIDE | typeof NARROW = WIDE,
): FlowPicture {
  const cells: {from: string; to: string; w: number}[] = [];
  for (const [key, value] of Object.entries(state)) {
    const match = /^(.+)_to_(.+)_w$/.exec(key);
    if (match && typeof value === 'number' && value >= LEAST_W) cells.push({from: match[1] as string, to: match[2] as string, w: value});
  }
  const active = (id: string): boolean => cells.some(cell => cell.from === id || cell.to === id);
  const made = ['solar', ...['wind', 'generator'].filter(id => typeof state[`${id}_power_w`] === 'number')];
  const odd = ['unexplained'].filter(active);
  const sinks = ['home', ...loads, ...['standby', 'loss'].filter(active)];
  const left = [...made, ...odd.filter(id => cells.some(cell => cell.from === id))];
  const right = [...sinks, ...odd.filter(id => cells.some(cell => cell.to === id))];
  const rows = Math.max(left.length + 1, right.length, 2) + (batteries.length > 0 ? 0.35 : 0);
  const height = Math.round(rows * ROW);
  const nodes: FlowNode[] = [];
  const spread = (ids: readonly string[], x: number, kind: (id: string) => FlowNode['kind']): void =>
    ids.forEach((id, index) => void nodes.push({id, x, y: Math.round(((index + 0.5) * height) / ids.length), kind: kind(id)}));
  const margin = MARGIN[width] as number;
  spread([...left, 'grid'], margin, id => (id === 'grid' ? 'grid' : id === 'unexplained' ? 'odd' : 'source'));
  spread(batteries, width / 2, () => 'battery');
  spread(right, width - margin, id => (id === 'unexplained' ? 'odd' : 'sink'));
  const at = new Map(nodes.map(node => [node.id, node]));
  const most = Math.max(2000, ...cells.map(cell => cell.w));
  const edges = cells.flatMap(({from, to, w}): FlowEdge[] => {
    const [a, b] = [at.get(from), at.get(to)];
    if (!a || !b || from === to) return [];
    return [
      {
        from,
        to,
        w,
        path: curve(a, b),
        width: Math.max(2, (WIDEST * w) / most),
        label: labelOf(from, to, batteries),
        seconds: Math.max(0.6, 6 - (5 * w) / most),
      },
    ];
  });
  return {width, height, nodes, edges: edges.sort((a, b) => b.w - a.w)};
}

function curve(a: FlowNode, b: FlowNode): string {
  const dir = Math.sign(b.x - a.x);
  if (dir === 0) {
    const down = Math.sign(b.y - a.y);
    const bend = 90;
    return `M${a.x + RADIUS * 0.7} ${a.y + down * RADIUS * 0.7} C${a.x + bend} ${a.y + down * 60} ${b.x + bend} ${b.y - down * 60} ${b.x + RADIUS * 0.7} ${b.y - down * RADIUS * 0.7}`;
  }
  const [x1, x2] = [a.x + dir * RADIUS, b.x - dir * RADIUS];
  const middle = (x1 + x2) / 2;
  return `M${x1} ${a.y} C${middle} ${a.y} ${middle} ${b.y} ${x2} ${b.y}`;
}

export function labelOf(from: string, to: string, batteries: readonly string[]): Label {
  if (from === 'unexplained' || to === 'unexplained') return 'unexplained';
  if (to === 'loss') return 'lost';
  if (from === 'grid') return 'imported';
  if (to === 'grid') return 'exported';
  return batteries.includes(to) ? 'stored' : 'own';
}
