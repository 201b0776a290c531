// Evidence for subsidies and compliance: per quarter hour what was generated, imported, exported, charged and discharged, how much of the
// charge came from the grid, and how much of the export had come from it: as the ledger attributes it, and as an interval.

import {cellBounds} from '../flow/attribute.ts';
import {cellOf, rowSum} from '../flow/cells.ts';
import {ORIGINS, type Origin} from '../flow/model.ts';
import {charge, compact, discharge, type Pool} from '../flow/origin.ts';
import {largestRemainder} from '../flow/split.ts';
import type {MoneySlot} from './money.ts';

/** mWh. */
export type Evidence = {
  readonly startMs: number;
  readonly generation: number;
  readonly solar: number;
  readonly wind: number;
  readonly generator: number;
  readonly import: number;
  readonly export: number;
  readonly charge: number;
  readonly discharge: number;
  /** Grid energy into batteries, as attributed, and between what any attribution that conserves this quarter hour leaves it. */
  readonly gridCharged: number;
  readonly gridChargedMin: number;
  readonly gridChargedMax: number;
  /** Out of a battery to the grid, though nobody saw it charged. */
  readonly unknownExported: number;
  /** Grid energy that a battery gave back to the grid, by the ledger's own rule of withdrawal. */
  readonly gridReexported: number;
  /** The same, had the battery always given everything else first, and had it always given grid energy first. */
  readonly gridReexportedMin: number;
  readonly gridReexportedMax: number;
};

const GENERATION: readonly string[] = ['solar', 'wind', 'generator'];
const originOf = (source: string): Origin => (GENERATION.includes(source) || source === 'grid' ? (source as Origin) : 'unknown');
const MODES = ['solar-first', 'grid-first'] as const;
type Mode = (typeof MODES)[number];

/** Takes the ledger's quarter hours from its begin, in order. */
export function startEvidence({
  batteries,
  efficiencyPpm,
}: {
  readonly batteries: readonly string[];
  readonly efficiencyPpm: number;
}): (slot: MoneySlot) => Evidence {
  const pools: Record<Mode, Record<string, Pool>> = {'solar-first': {}, 'grid-first': {}};

  const efficiencies: Record<string, number> = {};

  return ({startMs, cells, notes = []}) => {
    for (const note of notes) {
      if (note.kind === 'efficiency') efficiencies[note.battery] = note.ppm;
      else for (const mode of MODES) pools[mode][note.battery] = [];
    }
    const matrix: Record<string, Record<string, number>> = {};
    const made: Record<string, number> = {solar: 0, wind: 0, generator: 0};
    let [imported, exported, charged, discharged, gridCharged, unknownExported, reexported] = [0, 0, 0, 0, 0, 0, 0];
    for (const {origin, via, source, sink, energyMilliWh} of cells) {
      matrix[source] ??= {};
      const row = matrix[source];
      row[sink] = (row[sink] ?? 0) + energyMilliWh;
      if (GENERATION.includes(source)) made[source] = (made[source] ?? 0) + energyMilliWh;
      if (source === 'grid') imported += energyMilliWh;
      if (sink === 'grid') exported += energyMilliWh;
      if (batteries.includes(sink)) charged += energyMilliWh;
      if (batteries.includes(sink) && source === 'grid') gridCharged += energyMilliWh;
      if (origin === 'unknown' && sink === 'grid') unknownExported += energyMilliWh;
      if (batteries.includes(source)) discharged += energyMilliWh;
      if (origin === 'grid' && via !== 'direct' && sink === 'grid') reexported += energyMilliWh;
    }
    const of = {} as Record<Mode, number>;
    for (const mode of MODES) of[mode] = batteries.reduce((sum, battery) => sum + step(battery, mode, matrix), 0);
    const [gridChargedMin, gridChargedMax] = gridChargeBounds(matrix);
    const {solar = 0, wind = 0, generator = 0} = made;
    return {
      startMs,
      generation: solar + wind + generator,
      solar,
      wind,
      generator,
      import: imported,
      export: exported,
      charge: charged,
      discharge: discharged,
      gridCharged,
      // The ledger's own figure is a conserving one too, but where it joins several attributions of one quarter hour.
      gridChargedMin: Math.min(gridChargedMin, gridCharged),
      gridChargedMax: Math.max(gridChargedMax, gridCharged),
      unknownExported,
      gridReexported: reexported,
      gridReexportedMin: Math.min(of['solar-first'], reexported),
      gridReexportedMax: Math.max(of['grid-first'], reexported),
    };
  };

  /** Least and most grid energy into all batteries together; they are one sink here, so that their sum is bounded. */
  function gridChargeBounds(matrix: Readonly<Record<string, Readonly<Record<string, number>>>>): readonly [number, number] {
    const rows: Record<string, number> = {};
    const columns: Record<string, number> = {};
    const one = (id: string): string => (batteries.includes(id) ? 'batteries' : id);
    for (const [source, row] of Object.entries(matrix))
      for (const [sink, energy] of Object.entries(row)) {
        if (energy === 0) continue;
        rows[one(source)] = (rows[one(source)] ?? 0) + energy;
        columns[one(sink)] = (columns[one(sink)] ?? 0) + energy;
      }
    return cellBounds(rows, columns)['grid->batteries'] ?? [0, 0];
  }

  /** Grid energy from this battery to the grid, the least or the most of it. What is unknown may be from the grid, or may not. */
  function step(battery: string, mode: Mode, matrix: Readonly<Record<string, Record<string, number>>>): number {
    const own = pools[mode];
    const arriving: Partial<Record<Origin, number>> = {};
    for (const source in matrix) {
      const amount = cellOf(matrix, source, battery);
      if (amount === 0) continue;
      if (!batteries.includes(source)) {
        arriving[originOf(source)] = (arriving[originOf(source)] ?? 0) + amount;
        continue;
      }
      const pool = own[source] ?? [];
      const weights = ORIGINS.map(origin => pool.reduce((sum, [lot, energy]) => sum + (lot === origin ? energy : 0), 0));
      const known = weights.some(weight => weight > 0);
      largestRemainder(amount, known ? weights : ORIGINS.map(origin => (origin === 'unknown' ? 1 : 0))).forEach((part, index) => {
        const origin = ORIGINS[index] as Origin;
        arriving[origin] = (arriving[origin] ?? 0) + part;
      });
    }
    own[battery] = charge(own[battery] ?? [], arriving);
    const out = rowSum(matrix, battery);
    if (out === 0) return 0;
    const gone = discharge(own[battery], out, efficiencies[battery] ?? efficiencyPpm, mode);
    own[battery] = compact(gone.pool, mode);
    const toGrid = cellOf(matrix, battery, 'grid');
    const least = gone.delivered.grid ?? 0;
    return mode === 'solar-first' ? Math.max(0, least + toGrid - out) : Math.min(toGrid, least + (gone.delivered.unknown ?? 0));
  }
}
