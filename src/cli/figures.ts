// The figures of a period out of the ledger's rows: pure sums, the same for the terminal and for scripts.

import type {Label} from '../core/flow/model.ts';
import type {FlowRow, TotalRow} from '../store/queries.ts';

export type StepFigures = {
  readonly startMs: number;
  readonly day: string | null;
  readonly producedMilliWh: number;
  readonly consumedMilliWh: number;
  readonly importedMilliWh: number;
  readonly exportedMilliWh: number;
};

export type Figures = {
  /** What the meters measured, by name: `grid_import`, `solar`, …. */
  readonly totalsMilliWh: Readonly<Record<string, number>>;
  readonly labelsMilliWh: Readonly<Partial<Record<Label, number>>>;
  /** `solar_to_home`, over all origins. */
  readonly cellsMilliWh: Readonly<Record<string, number>>;
  readonly producedMilliWh: number;
  /** Taken by home, loads and standby. */
  readonly consumedMilliWh: number;
  /** Consumption by origin and way: `solar`, `solar via battery`, `grid`. */
  readonly consumedFromMilliWh: Readonly<Record<string, number>>;
  /** Production by where it went: home, each load, each battery, grid, lost. */
  readonly producedToMilliWh: Readonly<Record<string, number>>;
  /** What batteries gave, by origin. */
  readonly batteryOriginMilliWh: Readonly<Record<string, number>>;
  /** Share of the consumption that came from behind the meter; null without consumption. */
  readonly selfSufficiency: number | null;
  /** Share of the production that stayed; null without production. */
  readonly selfConsumption: number | null;
  readonly steps: readonly StepFigures[];
  /** Quality words that occur, without `ok`. */
  readonly quality: readonly string[];
};

const LOCAL: readonly string[] = ['solar', 'wind', 'generator'];
/** Sinks that consume nothing. */
const ELSEWHERE: readonly string[] = ['grid', 'loss', 'unexplained'];

/** `batteries`: every id the ledger ever saw as one. `rows` of one policy and step, and the totals of the same period. */
export function figuresOf(rows: readonly FlowRow[], totals: readonly TotalRow[], batteries: readonly string[]): Figures {
  const labels: Partial<Record<Label, number>> = {};
  const cells: Record<string, number> = {};
  const consumedFrom: Record<string, number> = {};
  const producedTo: Record<string, number> = {};
  const batteryOrigin: Record<string, number> = {};
  const steps = new Map<number, {-readonly [K in keyof StepFigures]: StepFigures[K]}>();
  const quality = new Set<string>();
  let produced = 0;
  let consumed = 0;
  let own = 0;
  let exported = 0;
  for (const row of rows) {
    const {origin, via, source, sink, energyMilliWh: energy, label} = row;
    add(labels as Record<string, number>, label, energy);
    add(cells, `${source}_to_${sink}`, energy);
    for (const word of row.quality.split(',')) if (word !== 'ok') quality.add(word);
    let step = steps.get(row.startMs);
    if (!step) {
      step = {startMs: row.startMs, day: row.day, producedMilliWh: 0, consumedMilliWh: 0, importedMilliWh: 0, exportedMilliWh: 0};
      steps.set(row.startMs, step);
    }
    if (LOCAL.includes(source)) {
      produced += energy;
      step.producedMilliWh += energy;
      add(producedTo, sink, energy);
    }
    if (source === 'grid' && sink !== 'grid') step.importedMilliWh += energy;
    if (sink === 'grid' && source !== 'grid') step.exportedMilliWh += energy;
    if (batteries.includes(source)) add(batteryOrigin, origin, energy);
    if (label === 'exported') exported += energy;
    if (ELSEWHERE.includes(sink) || batteries.includes(sink)) continue;
    consumed += energy;
    step.consumedMilliWh += energy;
    if (label === 'btm_consumed') own += energy;
    add(consumedFrom, via === 'direct' ? origin : `${origin} via ${via}`, energy);
  }
  const totalsMilliWh: Record<string, number> = {};
  for (const {name, energyMilliWh} of totals) add(totalsMilliWh, name, energyMilliWh);
  return {
    totalsMilliWh,
    labelsMilliWh: labels,
    cellsMilliWh: cells,
    producedMilliWh: produced,
    consumedMilliWh: consumed,
    consumedFromMilliWh: consumedFrom,
    producedToMilliWh: producedTo,
    batteryOriginMilliWh: batteryOrigin,
    selfSufficiency: consumed > 0 ? own / consumed : null,
    selfConsumption: produced > 0 ? Math.max(0, produced - exported) / produced : null,
    steps: [...steps.values()],
    quality: [...quality].sort(),
  };
}

function add(sums: Record<string, number>, key: string, energyMilliWh: number): void {
  sums[key] = (sums[key] ?? 0) + energyMilliWh;
}
