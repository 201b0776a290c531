// A Sankey diagram of two columns: who gave, who took; what a battery gave is told apart by its origin. Pure layout.

/** What flowed from a source to a sink; `origin` differs from the source behind a battery. */
type Flow = {readonly from: string; readonly origin: string; readonly to: string; readonly wh: number};
type Band = Flow & {readonly path: string; readonly width: number};
type Block = {
  readonly id: string;
  readonly side: 'from' | 'to';
  readonly wh: number;
  readonly x: number;
  readonly y: number;
  readonly height: number;
};
type Sankey = {readonly width: number; readonly height: number; readonly bands: readonly Band[]; readonly blocks: readonly Block[]};

export const SANKEY_BLOCK = 14;
const HEIGHT = 320;
const PAD = 26;
/** Below this share of the whole a band is a hair nobody can follow; it stays in the table. */
const HAIR = 0.0005;

/** `inset` is the room for the names at each side. */
export function sankey(flows: readonly Flow[], order: readonly string[], width: number, inset: number): Sankey {
  const rank = (id: string): number => (order.includes(id) ? order.indexOf(id) : order.length);
  const total = flows.reduce((sum, one) => sum + one.wh, 0);
  const list = flows
    .filter(one => one.wh > total * HAIR)
    .sort((a, b) => rank(a.from) - rank(b.from) || rank(a.to) - rank(b.to) || rank(a.origin) - rank(b.origin));
  const column = (side: 'from' | 'to'): Map<string, number> => {
    const sums = new Map<string, number>();
    for (const one of [...list].sort((a, b) => rank(a[side]) - rank(b[side]))) sums.set(one[side], (sums.get(one[side]) ?? 0) + one.wh);
    return sums;
  };
  const [givers, takers] = [column('from'), column('to')];
  // One scale for both sides, so that a band is as wide where it ends as where it begins.
  const scale = (HEIGHT - PAD * (Math.max(givers.size, takers.size) - 1)) / Math.max(1, total);
  const blocks: Block[] = [];
  const place = (side: 'from' | 'to', sums: ReadonlyMap<string, number>, x: number): Map<string, {next: number}> => {
    const placed = new Map<string, {next: number}>();
    const tall = [...sums.values()].reduce((sum, wh) => sum + wh * scale, 0) + PAD * (sums.size - 1);
    let y = (HEIGHT - tall) / 2;
    for (const [id, wh] of sums) {
      blocks.push({id, side, wh, x, y, height: Math.max(1, wh * scale)});
      placed.set(id, {next: y});
      y += wh * scale + PAD;
    }
    return placed;
  };
  const from = place('from', givers, inset);
  const to = place('to', takers, width - inset - SANKEY_BLOCK);
  const bands = list.map((flow): Band => {
    const thick = flow.wh * scale;
    const take = (place: {next: number} | undefined): number => {
      if (!place) return 0;
      place.next += thick;
      return place.next - thick / 2;
    };
    const [y1, y2] = [take(from.get(flow.from)), take(to.get(flow.to))];
    const [x1, x2] = [inset + SANKEY_BLOCK, width - inset - SANKEY_BLOCK];
    const middle = (x1 + x2) / 2;
    return {
      ...flow,
      width: Math.max(0.75, thick),
      path: `M${x1} ${y1.toFixed(1)} C${middle} ${y1.toFixed(1)} ${middle} ${y2.toFixed(1)} ${x2} ${y2.toFixed(1)}`,
    };
  });
  return {width, height: HEIGHT, bands, blocks};
}
