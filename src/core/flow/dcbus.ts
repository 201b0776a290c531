// The DC bus of a hybrid inverter: what comes in from panels and battery, what is lost, and what goes through the AC port.

import {type Said, say} from '../sentences/say.ts';
import {attribute} from './attribute.ts';
import {adjust, type Channel, withinTolerance} from './balance.ts';
import {addAmount, addCell, empty, type MutableAmounts, type MutableMatrix} from './cells.ts';
import type {Amounts} from './model.ts';
import {largestRemainder} from './split.ts';
import type {Topology} from './topology.ts';

/** One hybrid's DC bus, balanced. Amounts in mW. */
export type DcBus = {
  readonly id: string;
  /** Inflows from the DC side by label, mW. */
  readonly inflow: Amounts;
  readonly charging: Amounts;
  readonly standby: number;
  readonly ac: number;
  readonly loss: number;
  readonly unexplained: number;
  readonly quality: 'ok' | 'adjusted' | 'suspect';
  readonly reason: Said | null;
  readonly adjusted: Readonly<Record<string, number>> | null;
};

/** Inflows, charging and loss of a hybrid's DC bus. More out than in is evened out inside the tolerance, and `unexplained` beyond. */
export function balanceDc(
  hybrid: Topology['hybrids'][number],
  values: {readonly pv: Amounts; readonly batteries: Amounts; readonly ac: number},
  sigma: Amounts,
): DcBus {
  const port = `${hybrid.id}_ac`;
  const channels: Channel[] = [
    ...hybrid.pv.map(id => ({id, v: values.pv[id] ?? 0, sigma: sigma[id] ?? 0})),
    ...hybrid.batteries.map(id => ({id, v: values.batteries[id] ?? 0, sigma: sigma[id] ?? 0})),
    {id: port, v: -values.ac, sigma: sigma[port] ?? 0},
  ];
  const excess = channels.reduce((sum, channel) => sum + channel.v, 0);
  let moved = channels.map(channel => channel.v);
  let quality: DcBus['quality'] = 'ok';
  let reason: Said | null = null;
  if (excess < 0) {
    const fixed = withinTolerance(excess, channels) ? adjust(channels) : null;
    // The adjusted AC port would change what the house's balance sees; only small contradictions may.
    quality = fixed ? 'adjusted' : 'suspect';
    reason = fixed
      ? say('{id}: more power left the inverter than came in, inside the tolerance', {id: hybrid.id})
      : say('{id}: {w} W more left the inverter than came in', {id: hybrid.id, w: Math.round(-excess / 1000)});
    if (fixed) moved = fixed;
  }
  const inflow = empty<number>();
  const charging = empty<number>();
  let standby = 0;
  hybrid.pv.forEach((_, index) => {
    const v = moved[index] as number;
    if (v >= 0) addAmount(inflow, 'solar', v);
    else standby -= v;
  });
  hybrid.batteries.forEach((id, index) => {
    const v = moved[hybrid.pv.length + index] as number;
    if (v >= 0) addAmount(inflow, id, v);
    else addAmount(charging, id, -v);
  });
  const ac = -(moved.at(-1) as number);
  const loss = Math.max(
    0,
    moved.reduce((a, b) => a + b, 0),
  );
  const unexplained = quality === 'suspect' ? -excess : 0;
  if (unexplained > 0) addAmount(inflow, 'unexplained', unexplained);
  const adjusted =
    quality === 'adjusted'
      ? Object.fromEntries(channels.map((channel, index) => [channel.id, channel.id === port ? ac : (moved[index] as number)]))
      : null;
  return {id: hybrid.id, inflow, charging, standby, ac, loss, unexplained, quality, reason, adjusted};
}

/** Cells of a DC bus: loss first, pro rata; then the batteries, then (as sink `up`) the AC port. `inflow` includes what came through the AC port. */
export function traceDc(
  inflow: Amounts,
  charging: Amounts,
  standby: number,
  up: number,
  loss: number,
  policy: 'solar-first' | 'proportional',
  sources: readonly string[],
  cells: MutableMatrix,
): Amounts {
  const present = sources.filter(id => (inflow[id] ?? 0) > 0);
  const rest = empty<number>();
  const losses =
    loss > 0
      ? largestRemainder(
          loss,
          present.map(id => inflow[id] as number),
        )
      : present.map(() => 0);
  present.forEach((id, index) => {
    addCell(cells, id, 'loss', losses[index] as number);
    addAmount(rest, id, (inflow[id] as number) - (losses[index] as number));
  });
  const columns: MutableAmounts = Object.assign(empty<number>(), charging);
  addAmount(columns, 'standby', standby);
  addAmount(columns, 'up', up);
  const through = empty<number>();
  const matrix = attribute(rest, columns, policy, sources, ['standby', ...Object.keys(charging), 'up']);
  for (const source in matrix) {
    for (const sink in matrix[source]) {
      const amount = matrix[source][sink] as number;
      if (sink === 'up') addAmount(through, source, amount);
      else addCell(cells, source, sink, amount);
    }
  }
  return through;
}
