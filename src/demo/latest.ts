// What a system makes of the same readings that takes the latest value of each device, cuts a negative home off at zero and multiplies with
// time: the ledger is held against it as well as against the house.

import {boardNumber} from '../core/board.ts';
import type {TickRecord} from '../core/sink.ts';
import type {ChannelRef, Site} from '../core/site.ts';
import {cellsOf} from './books.ts';

export type Latest = {
  take(record: TickRecord): void;
  /** mJ per cell so far, as in the house's books. */
  cells(): Readonly<Record<string, number>>;
};

const MS_PER_S = 1000;

export function createLatest({map}: Site): Latest {
  const sums: Record<string, number> = {};
  let before: {readonly monoMs: number; readonly cells: Readonly<Record<string, number>>} | null = null;

  const powersOf = ({board}: TickRecord): Readonly<Record<string, number>> | null => {
    const sum = (refs: readonly ChannelRef[]): number =>
      refs.reduce((all, {device, part}) => all + Math.round(1000 * (boardNumber(board, device, `${part}.power_w`) ?? Number.NaN)), 0);
    const grid = sum(map.grid ? [map.grid.meter] : []);
    const port = sum(map.hybrids.map(hybrid => hybrid.ac));
    const [solarAc, batteryAc, heatPump] = [sum(map.solar), sum(map.batteries), sum(map.loads)];
    const solar = solarAc + sum(map.hybrids.flatMap(hybrid => hybrid.pv));
    const battery = batteryAc + sum(map.hybrids.flatMap(hybrid => hybrid.battery));
    const home = Math.max(0, grid + port + solarAc + batteryAc - heatPump);
    const flows = {
      solar: Math.max(0, solar),
      discharge: Math.max(0, battery),
      charge: Math.max(0, -battery),
      gridImport: Math.max(0, grid),
      gridExport: Math.max(0, -grid),
      home,
      heatPump,
      loss: map.hybrids.length > 0 ? Math.max(0, solar + battery - port - solarAc - batteryAc) : 0,
      acOut: Math.max(0, port),
      acIn: Math.max(0, -port),
    };
    return Object.values(flows).every(Number.isFinite) ? cellsOf(flows) : null;
  };

  return {
    take(record) {
      const {monoMs} = record.tick;
      for (const [name, milliW] of Object.entries(before?.cells ?? {}))
        sums[name] = (sums[name] ?? 0) + (milliW * (monoMs - (before?.monoMs ?? monoMs))) / MS_PER_S;
      const cells = powersOf(record);
      before = cells && {monoMs, cells};
    },
    cells: () => sums,
  };
}
