// Clamps on the wrong phase: a step that one device shows on one phase must show on the same phase of the grid meter. Where it shows on
// another one again and again, that is said. Energy of a netting meter is not touched by it; what is billed by phase is.

import {type EventKind, type Said, say} from '../sentences/say.ts';
import type {Channel} from './channels.ts';

type Note = (kind: EventKind, about: string | null, detail: Said, evidence?: Record<string, number | string>) => void;

/** Smaller steps tell nothing, mW. */
const STEP_MILLI_W = 300_000;
/** A step belongs to one phase where the others move by less than this share of it, and matches where it differs by less. */
const SHARE = 0.25;
/** So many steps on one phase must have been seen, and so many percent of them on another phase of the meter. */
const ENOUGH = 20;
const SWAPPED_PCT = 90;

/** Per device: the last powers of the phases, mW, how often a step of phase i was seen on phase j of the meter, and whether that was told. */
export type PhaseWatch = {
  last: Record<string, readonly number[]>;
  seen: Record<string, number[][]>;
  told: string[];
};
export const newPhaseWatch = (): PhaseWatch => ({last: {}, seen: {}, told: []});

/** The phases of one reading set, mW, by channel: `grid` + import, the others into the bus. */
export function watchPhases(
  watch: PhaseWatch,
  channels: readonly Channel[],
  phases: Readonly<Record<string, readonly number[]>>,
  note: Note,
): void {
  const moved = (id: string): readonly number[] | null => {
    const [before, now] = [watch.last[id], phases[id]];
    return before && now ? now.map((milliW, phase) => milliW - (before[phase] ?? 0)) : null;
  };
  const meter = moved('grid');
  for (const {id, ref} of channels) {
    const own = id === 'grid' ? null : moved(id);
    const from = own && loneStep(own);
    const to = meter && loneStep(meter);
    // What a device gives more, the meter imports less.
    if (!own || !meter || typeof from !== 'number' || typeof to !== 'number') continue;
    const [gave, took] = [own[from] as number, -(meter[to] as number)];
    if (Math.abs(gave - took) > SHARE * Math.abs(gave)) continue;
    watch.seen[id] ??= [0, 1, 2].map(() => [0, 0, 0]);
    const row = watch.seen[id][from] as number[];
    row[to] = (row[to] ?? 0) + 1;
    const steps = row.reduce((sum, count) => sum + count, 0);
    const percent = Math.round((100 * (row[to] as number)) / steps);
    if (from === to || watch.told.includes(id) || steps < ENOUGH || percent < SWAPPED_PCT) continue;
    watch.told.push(id);
    note(
      'hint',
      ref.device,
      say('{device}: swapped phases: what steps on its L{from} steps on L{to} of the grid meter, in {percent} % of {n} steps', {
        device: ref.device,
        from: from + 1,
        to: to + 1,
        percent,
        n: steps,
      }),
      {hint: 'swapped phases', steps, percent, device_phase: from + 1, meter_phase: to + 1},
    );
  }
  watch.last = {...phases};
}

/** The phase on which alone something happened; null where nothing did, or on several. */
function loneStep(moved: readonly number[]): number | null {
  const sizes = moved.map(Math.abs);
  const largest = Math.max(...sizes);
  if (!(largest >= STEP_MILLI_W)) return null;
  return sizes.filter(size => size > SHARE * largest).length === 1 ? sizes.indexOf(largest) : null;
}
