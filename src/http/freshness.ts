// How old the power behind each node of the flow picture is, and which device told it. Pure.

import type {Board} from '../core/board.ts';
import {type Reading, readingKey} from '../core/reading.ts';
import type {ChannelRef, SiteMap} from '../core/site.ts';

/** `age_s` is null where no power is known; `quality` is the worst of the node's points; an inverter in the dark is `asleep`, not missing. */
type NodeFreshness = {
  readonly devices: readonly string[];
  /** Points whose registers `devices` has: `meter/grid.power_w`. */
  readonly points: readonly string[];
  readonly age_s: number | null;
  readonly quality: (typeof WORSE)[number];
};

const POWER = /^power(_l[123])?_w$/;
const WORSE = ['good', 'asleep', 'held', 'missing'] as const;

/** By node: `grid`, `solar`, `home` where it is measured, each battery and load by its id. `monoMs` is the moment of the last tick. */
export function freshnessOf(map: SiteMap, board: Board, monoMs: number): Readonly<Record<string, NodeFreshness>> {
  const nodes: Record<string, readonly ChannelRef[]> = {
    grid: map.grid ? [map.grid.meter] : [],
    solar: [...map.solar, ...map.hybrids.flatMap(hybrid => hybrid.pv)],
    wind: map.wind,
    generator: map.generator,
    home: map.home ? [map.home] : [],
  };
  for (const ref of [...map.batteries, ...map.hybrids.flatMap(hybrid => hybrid.battery), ...map.loads])
    nodes[ref.id] = [...(nodes[ref.id] ?? []), ref];
  const told = Object.entries(nodes).filter(([, refs]) => refs.length > 0);
  return Object.fromEntries(told.map(([id, refs]) => [id, freshness(refs, board, monoMs)]));
}

function freshness(refs: readonly ChannelRef[], board: Board, monoMs: number): NodeFreshness {
  let worst = 0;
  let oldestMs: number | null = null;
  const points: string[] = [];
  for (const ref of refs) {
    const names = ref.points.filter(name => POWER.test(name));
    // The total stands for its phases where the device tells both.
    for (const name of names.includes('power_w') ? ['power_w'] : names) {
      const key = readingKey(ref.device, `${ref.part}.${name}`);
      const measured = board.get(key)?.measured;
      points.push(key);
      worst = Math.max(worst, WORSE.indexOf(kindOf(measured)));
      if (measured && measured.kind !== 'missing') oldestMs = Math.max(oldestMs ?? 0, monoMs - measured.monoMs);
    }
  }
  return {
    devices: [...new Set(refs.map(ref => ref.device))],
    points,
    age_s: oldestMs === null ? null : Math.max(0, Math.round(oldestMs / 100) / 10),
    quality: WORSE[worst] ?? 'missing',
  };
}

const kindOf = (measured: Reading['measured'] | undefined): NodeFreshness['quality'] =>
  measured?.kind === 'missing' && measured.fault.kind === 'asleep' ? 'asleep' : (measured?.kind ?? 'missing');
