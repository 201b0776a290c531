// Hour by hour: the cells of the ledger, of the house's books and of the latest values, and how far they are apart.

import {MILLI_J_PER_MILLI_WH} from '../../src/demo/cell.ts';
import type {Latest} from '../../src/demo/latest.ts';
import type {Simulation} from '../../src/demo/simulation.ts';
import type {FlowRow} from '../../src/store/queries.ts';

export const HOUR_MS = 3_600_000;

type Cells = Readonly<Record<string, number>>;
/** Cells of one hour, mWh. */
type Hour = {readonly startMs: number; readonly house: Cells; readonly latest: Cells};
export type Apart = {
  /** Mean over the hours, Wh an hour, by cell. */
  readonly cells: Readonly<Record<string, {readonly ours: number; readonly latest: number}>>;
  /** All cells together, Wh an hour. */
  readonly ours: number;
  readonly latest: number;
  /** Energy of the home a day, ledger less house, Wh. */
  readonly oursHome: number;
  readonly latestHome: number;
  readonly hours: number;
};

/** Looks at the house's books and at the latest values at each full hour of the house's time. */
export function createHours(simulation: Simulation, latest: Latest): {pass(wallMs: number): void; list: readonly Hour[]} {
  const list: Hour[] = [];
  let from: {readonly atMs: number; readonly house: Cells; readonly latest: Cells} | null = null;
  return {
    list,
    pass(wallMs) {
      const atMs = Math.floor(wallMs / HOUR_MS) * HOUR_MS;
      if (from && atMs === from.atMs) return;
      const now = {atMs, house: simulation.booksAt(atMs).cells, latest: {...latest.cells()}};
      if (from && atMs === from.atMs + HOUR_MS)
        list.push({startMs: from.atMs, house: since(from.house, now.house), latest: since(from.latest, now.latest)});
      from = now;
    },
  };
}

const since = (before: Cells, after: Cells): Cells =>
  Object.fromEntries(Object.entries(after).map(([name, milliJ]) => [name, (milliJ - (before[name] ?? 0)) / MILLI_J_PER_MILLI_WH]));

/** `rows`: the ledger by hour. */
export function apart(hours: readonly Hour[], rows: readonly FlowRow[]): Apart {
  const ledger = new Map<number, Record<string, number>>(hours.map(({startMs}) => [startMs, {}]));
  for (const {startMs, source, sink, energyMilliWh} of rows) {
    const cells = ledger.get(startMs);
    const name = `${source}_to_${sink}`;
    if (cells) cells[name] = (cells[name] ?? 0) + energyMilliWh;
  }
  const names = new Set(hours.flatMap(({startMs, house, latest}) => [house, latest, ledger.get(startMs) ?? {}].flatMap(Object.keys)));
  const mean = (name: string, of: (hour: Hour) => Cells): number =>
    hours.reduce((sum, hour) => sum + Math.abs((of(hour)[name] ?? 0) - (hour.house[name] ?? 0)), 0) / hours.length / 1000;
  const ours = (hour: Hour): Cells => ledger.get(hour.startMs) ?? {};
  const latest = (hour: Hour): Cells => hour.latest;
  const cells = Object.fromEntries([...names].sort().map(name => [name, {ours: mean(name, ours), latest: mean(name, latest)}]));
  const home = (of: (hour: Hour) => Cells): number =>
    hours.reduce(
      (sum, hour) =>
        sum +
        [...names]
          .filter(name => name.endsWith('_to_home'))
          .reduce((all, name) => all + (of(hour)[name] ?? 0) - (hour.house[name] ?? 0), 0),
      0,
    ) /
    1000 /
    (hours.length / 24);
  return {
    cells,
    ours: Object.values(cells).reduce((sum, one) => sum + one.ours, 0),
    latest: Object.values(cells).reduce((sum, one) => sum + one.latest, 0),
    oursHome: home(ours),
    latestHome: home(latest),
    hours: hours.length,
  };
}
