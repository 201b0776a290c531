// Follows the daemon's records, so that ledger and house are compared over the same time: from each counter's first reading to its last, or to
// where the ledger still went on with the power of a device that had fallen silent. A busy machine reads one device long after another.

import type {FlowNode} from '../core/flow/model.ts';
import type {Reading} from '../core/reading.ts';
import type {TickRecord} from '../core/sink.ts';
import type {ChannelRef, Site} from '../core/site.ts';
import {openReader} from '../store/queries.ts';
import {type Books, emptyBooks, TOTALS, type Total} from './books.ts';
import {createLatest} from './latest.ts';
import type {Simulation} from './simulation.ts';
import {type Compared, compare, ledgerSums} from './summary.ts';

type Comparison = {
  take(record: TickRecord): void;
  /** After the daemon has ended. */
  result(database: string): {totals: Compared; cells: Compared};
};

const FOREVER_MS = 4e12;
/** Home is what is left of the others: whatever is counted for longer or shorter than the grid moves it. */
const HOME_SIGN: Readonly<Record<Total, -1 | 0 | 1>> = {
  grid_import: 1,
  grid_export: -1,
  solar: 1,
  battery_charge: -1,
  battery_discharge: 1,
  home: 0,
  heat_pump: -1,
};

/** `wallOf` gives the house's time at a monotonic moment, `shownAt` the moment a device's registers were made. */
export function createComparison(
  site: Site,
  simulation: Simulation,
  wallOf: (monoMs: number) => number,
  shownAt: (device: string, value: number, nearMs: number) => number,
): Comparison {
  const counters = countersOf(site);
  const firstMs = new Map<Total, number>();
  const lastMs = new Map<Total, number>();
  const powers = powersOf(site);
  let node: FlowNode | null = null;
  /** An earlier run began the ledger, or this one once its first instant is told. */
  let begun = simulation.opening() !== null;
  let awaited: readonly Total[] = [];
  let closing: Books | null = null;
  const latest = createLatest(site);

  const seenAt = (reading: Reading): number | null =>
    reading.measured.kind === 'good' && typeof reading.measured.value === 'number'
      ? shownAt(reading.device, reading.measured.value, wallOf(reading.measured.monoMs))
      : null;

  return {
    take(record) {
      for (const reading of record.readings) {
        const totals = counters.get(`${reading.device}/${reading.point}`);
        const atMs = totals ? seenAt(reading) : null;
        if (!totals || atMs === null) continue;
        for (const total of totals) {
          if (!firstMs.has(total)) firstMs.set(total, atMs);
          lastMs.set(total, atMs);
        }
      }
      for (const next of record.nodes) {
        for (const [total, power] of powers) if (firstMs.has(total)) carry(total, power, next);
        node = next;
      }
      // The house is not asked later: it remembers only a while.
      const firstNode = record.nodes[0];
      if (firstNode && !begun) {
        begun = true;
        awaited = TOTALS.filter(total => !firstMs.has(total));
        simulation.openLedger(wallOf(firstNode.monoMs), booksAt(firstMs));
      } else openLate();
      if (record.readings.length > 0 || record.nodes.length > 0) closing = booksAt(lastMs);
      if (simulation.opening()) latest.take(record);
    },
    result(database) {
      const opening = simulation.opening()?.books ?? emptyBooks();
      const reader = openReader(database, {inside: true});
      try {
        const range = {fromMs: 0, toMs: FOREVER_MS, step: '1y', zone: site.timezone} as const;
        const ledger = ledgerSums(reader.flows({...range, policy: site.flows.policy}), reader.totals(range));
        return compare(ledger, opening, closing ?? opening, latest.cells());
      } finally {
        reader.close();
      }
    },
  };

  /** What was read for the first time only after the ledger had begun is compared from there. */
  function openLate(): void {
    const late = new Map([...firstMs].filter(([total]) => awaited.includes(total)));
    const opening = simulation.opening();
    if (late.size === 0 || !opening) return;
    awaited = awaited.filter(total => !late.has(total));
    simulation.openLedger(opening.atS * 1000, movedTo(late, opening.books));
  }

  /** A power that is known is booked up to that instant; the last one before a silence falls to zero by the next. */
  function carry(total: Total, power: string, next: FlowNode): void {
    const isKnown = (one: FlowNode): boolean => (one.powersMilliW[power] ?? null) !== null;
    if (!isKnown(next) && !(node && isKnown(node))) return;
    const untilMs = isKnown(next) ? next.monoMs : ((node as FlowNode).monoMs + next.monoMs) / 2;
    lastMs.set(total, Math.max(lastMs.get(total) ?? 0, wallOf(untilMs)));
  }

  /** Each total at the moment its own counter was read; what has no counter goes with the grid's. */
  function booksAt(readMs: ReadonlyMap<Total, number>): Books {
    return movedTo(readMs, simulation.booksAt(readMs.get('grid_import') ?? Math.max(0, ...readMs.values())));
  }

  function movedTo(readMs: ReadonlyMap<Total, number>, {cells, totals: before}: Books): Books {
    const totals = {...before};
    for (const [total, atMs] of readMs) {
      totals[total] = simulation.booksAt(atMs).totals[total];
      totals.home += HOME_SIGN[total] * (totals[total] - before[total]);
    }
    return {cells, totals};
  }
}

/** The power that a total is the energy of, by its name in the instants. */
function powersOf({map}: Site): [Total, string][] {
  const found: [Total, string][] = [
    ['grid_import', 'grid'],
    ['grid_export', 'grid'],
    ['solar', 'solar'],
  ];
  if ([...map.batteries, ...map.hybrids].length > 0) found.push(['battery_charge', 'battery'], ['battery_discharge', 'battery']);
  for (const {id} of map.loads) found.push(['heat_pump', id]);
  return found;
}

/** Which totals a counter feeds, by `device/point`. */
function countersOf({map}: Site): Map<string, Total[]> {
  const found = new Map<string, Total[]>();
  const add = (ref: ChannelRef | undefined, quantity: string, total: Total): void => {
    if (ref) found.set(`${ref.device}/${ref.part}.${quantity}`, [...(found.get(`${ref.device}/${ref.part}.${quantity}`) ?? []), total]);
  };
  add(map.grid?.meter, 'import_energy_wh', 'grid_import');
  add(map.grid?.meter, 'export_energy_wh', 'grid_export');
  for (const ref of [...map.solar, ...map.hybrids.flatMap(hybrid => hybrid.pv)]) add(ref, 'energy_wh', 'solar');
  for (const ref of [...map.batteries, ...map.hybrids.flatMap(hybrid => hybrid.battery)]) {
    add(ref, 'charge_energy_wh', 'battery_charge');
    add(ref, 'discharge_energy_wh', 'battery_discharge');
  }
  for (const ref of map.loads) add(ref, 'import_energy_wh', 'heat_pump');
  return found;
}
