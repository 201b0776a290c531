// Whether the house's powers are still told: what a monitor wants to know, and what a living process alone does not say.

import type {TickRecord} from '../core/sink.ts';
import type {SiteMap} from '../core/site.ts';
import {freshnessOf} from './freshness.ts';

type Staleness = {
  follow(record: TickRecord): void;
  /** For people; empty while every power of the picture was told within `afterMs`. */
  problems(afterMs: number): string[];
};

/**
 * Watches what the picture stands on: grid, sources, batteries and a meter of the home. A load that is switched off is no reason to
 * wake somebody up. `nowMs` is real time, so that a demo that lives faster does not age faster.
 */
export function createStaleness(map: SiteMap, nowMs: () => number): Staleness {
  const loads = new Set(map.loads.map(load => load.id));
  const told = new Map<string, {atMs: number; devices: readonly string[]}>();
  return {
    follow({board, tick}) {
      for (const [id, {quality, devices}] of Object.entries(freshnessOf(map, board, tick.monoMs))) {
        if (loads.has(id)) continue;
        if (quality === 'good' || quality === 'asleep' || !told.has(id)) told.set(id, {atMs: nowMs(), devices});
      }
    },
    problems: afterMs =>
      [...told]
        .filter(([, {atMs}]) => nowMs() - atMs > afterMs)
        .map(([id, {atMs, devices}]) => `${id}: ${devices.join(', ')} tells nothing new for ${Math.round((nowMs() - atMs) / 1000)} s`),
  };
}
