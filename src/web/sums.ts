// Sums over slots for the pages: what was produced, used, bought, sold, and by which way. Pure.

import type {Cell, Slot} from './data.ts';

export type Sums = {
  readonly produced: number;
  readonly consumed: number;
  readonly bought: number;
  readonly sold: number;
  readonly labels: Readonly<Record<string, number>>;
  /** Wh from a source to a sink, told apart by origin behind a battery. */
  readonly flows: readonly {readonly from: string; readonly origin: string; readonly to: string; readonly wh: number}[];
  readonly batteryOrigin: Readonly<Record<string, number>>;
  readonly selfSufficiency: number | null;
  readonly selfConsumption: number | null;
};

const MADE = ['solar', 'wind', 'generator'];
/** Less is 0.00 kWh, of which no share can be told. */
const LEAST_WH = 5;
const NO_USE = ['grid', 'loss', 'unexplained'];

export function sumsOf(slots: readonly Slot[], batteries: readonly string[]): Sums {
  const labels: Record<string, number> = {};
  const flows = new Map<string, {from: string; origin: string; to: string; wh: number}>();
  const batteryOrigin: Record<string, number> = {};
  let [produced, consumed, bought, sold] = [0, 0, 0, 0];
  for (const cell of slots.flatMap(slot => slot.cells) as Cell[]) {
    const {source, sink, wh, label, origin} = cell;
    labels[label] = (labels[label] ?? 0) + wh;
    const from = batteries.includes(source) ? origin : source;
    const flow = flows.get(`${source}|${from}|${sink}`) ?? {from: source, origin: from, to: sink, wh: 0};
    flow.wh += wh;
    flows.set(`${source}|${from}|${sink}`, flow);
    if (MADE.includes(source)) produced += wh;
    if (source === 'grid' && sink !== 'grid') bought += wh;
    if (sink === 'grid' && source !== 'grid') sold += wh;
    if (batteries.includes(source)) batteryOrigin[origin] = (batteryOrigin[origin] ?? 0) + wh;
    if (!NO_USE.includes(sink) && !batteries.includes(sink)) consumed += wh;
  }
  return {
    produced,
    consumed,
    bought,
    sold,
    labels,
    flows: [...flows.values()].sort((a, b) => b.wh - a.wh),
    batteryOrigin,
    selfSufficiency: consumed >= LEAST_WH ? (100 * (labels['btm_consumed'] ?? 0)) / consumed : null,
    selfConsumption: produced >= LEAST_WH ? (100 * Math.max(0, produced - (labels['exported'] ?? 0))) / produced : null,
  };
}
