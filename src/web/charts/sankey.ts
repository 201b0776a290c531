// A Sankey diagram of two columns: who gave, who took. Pure layout.

export type Band = {readonly from: string; readonly to: string; readonly wh: number; readonly path: string; readonly width: number};
export type Block = {
  readonly id: string;
  readonly side: 'from' | 'to';
  readonly wh: number;
  readonly x: number;
  readonly y: number;
  readonly height: number;
};
export type Sankey = {readonly width: number; readonly height: number; readonly bands: readonly Band[]; readonly blocks: readonly Block[]};

const WIDTH = 720;
const HEIGHT = 320;
const BLOCK = 14;
const PAD = 16;
const INSET = 150;

export function sankey(pairs: Readonly<Record<string, Readonly<Record<string, number>>>>, order: readonly string[]): Sankey {
  const rank = (id: string): number => (order.includes(id) ? order.indexOf(id) : order.length);
  const list = Object.entries(pairs)
    .flatMap(([from, row]) => Object.entries(row).map(([to, wh]) => ({from, to, wh})))
    .filter(one => one.wh > 0)
    .sort((a, b) => rank(a.from) - rank(b.from) || rank(a.to) - rank(b.to));
  const total = list.reduce((sum, one) => sum + one.wh, 0);
  const columns = (side: 'from' | 'to'): Map<string, number> => {
    const sums = new Map<string, number>();
    for (const one of [...list].sort((a, b) => rank(a[side]) - rank(b[side]))) sums.set(one[side], (sums.get(one[side]) ?? 0) + one.wh);
    return sums;
  };
  const blocks: Block[] = [];
  const place = (side: 'from' | 'to', x: number): Map<string, {y: number; used: number}> => {
    const sums = columns(side);
    const scale = (HEIGHT - PAD * (sums.size - 1)) / Math.max(1, total);
    const placed = new Map<string, {y: number; used: number}>();
    let y = 0;
    for (const [id, wh] of sums) {
      const height = Math.max(1, wh * scale);
      blocks.push({id, side, wh, x, y, height});
      placed.set(id, {y, used: 0});
      y += height + PAD;
    }
    return placed;
  };
  const from = place('from', INSET);
  const to = place('to', WIDTH - INSET - BLOCK);
  const scaleOf = (count: number): number => (HEIGHT - PAD * (count - 1)) / Math.max(1, total);
  const [a, b] = [scaleOf(from.size), scaleOf(to.size)];
  const bands = list.map(({from: source, to: sink, wh}) => {
    const [start, end] = [from.get(source) as {y: number; used: number}, to.get(sink) as {y: number; used: number}];
    const width = Math.max(0.5, wh * Math.min(a, b));
    const y1 = start.y + start.used + (wh * a) / 2;
    const y2 = end.y + end.used + (wh * b) / 2;
    start.used += wh * a;
    end.used += wh * b;
    const [x1, x2] = [INSET + BLOCK, WIDTH - INSET - BLOCK];
    const middle = (x1 + x2) / 2;
    return {
      from: source,
      to: sink,
      wh,
      width,
      path: `M${x1} ${y1.toFixed(1)} C${middle} ${y1.toFixed(1)} ${middle} ${y2.toFixed(1)} ${x2} ${y2.toFixed(1)}`,
    };
  });
  return {width: WIDTH, height: HEIGHT, bands, blocks};
}
export const SANKEY_BLOCK = BLOCK;
