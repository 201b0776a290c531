// What a silent device tells later, in a quarter hour that was corrected by hand meanwhile.

import {labelOf} from '../core/flow/labels.ts';
import type {SlotCell, SlotRecord} from '../core/flow/model.ts';
import type {Policy} from '../core/site.ts';

/**
 * What takes the place of energy from nowhere was reckoned by the cells as they were told. Where a correction has moved that energy to other
 * sinks, it is found there: no cell is less than nothing, and what each source gave and each sink took stays as it is.
 */
export function settled(whole: SlotRecord, added: SlotRecord, batteries: ReadonlySet<string>): SlotRecord {
  const policies = Object.entries(whole.cells) as [Policy, readonly SlotCell[]][];
  if (policies.every(([, list]) => list.every(cell => cell.energyMilliWh >= 0))) return whole;
  return {
    ...whole,
    cells: Object.fromEntries(policies.map(([policy, list]) => [policy, mended(list, added.cells[policy] ?? [], batteries)])),
  };
}

function mended(list: readonly SlotCell[], added: readonly SlotCell[], batteries: ReadonlySet<string>): SlotCell[] {
  const energies = new Map(list.map(cell => [keyOf(cell), cell]));
  const change = (like: SlotCell, sink: string, byMilliWh: number): void => {
    const isBattery = batteries.has(sink);
    const cell = {...like, sink, energyMilliWh: 0, label: labelOf(like.origin, like.via, sink, isBattery)};
    const before = energies.get(keyOf(cell)) ?? cell;
    energies.set(keyOf(cell), {...before, energyMilliWh: before.energyMilliWh + byMilliWh});
  };
  const move = (like: SlotCell, from: string, to: string, energyMilliWh: number): void => {
    change(like, from, -energyMilliWh);
    change(like, to, energyMilliWh);
  };
  for (const lack of list.filter(cell => cell.energyMilliWh < 0)) {
    const givers = added.filter(cell => cell.sink === lack.sink && cell.energyMilliWh > 0);
    for (const giver of givers) {
      let left = giver.energyMilliWh;
      for (const {sink} of list.filter(cell => cell.source === lack.source && cell.sink !== lack.sink)) {
        const [owed, there] = [lack, {...lack, sink}].map(cell => energies.get(keyOf(cell))?.energyMilliWh ?? 0) as [number, number];
        const part = Math.max(0, Math.min(left, -owed, there));
        move(lack, sink, lack.sink, part);
        move(giver, lack.sink, sink, part);
        left -= part;
      }
    }
  }
  return [...energies.values()].filter(cell => cell.energyMilliWh !== 0);
}

const keyOf = ({origin, via, source, sink}: SlotCell): string => `${origin}|${via}|${source}|${sink}`;
