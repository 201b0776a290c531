// What a lasting contradiction most likely is, said once, with its evidence.

import {type EventKind, type Said, say} from '../sentences/say.ts';
import type {FlowState} from './state.ts';

type Note = (kind: EventKind, about: string | null, detail: Said, evidence?: Record<string, number | string>) => void;

const LASTING_MS = 15 * 60_000;
/** Below this nothing is worth a word, mW. */
const WORTH = 50_000;

/** Of the instants of a contradiction, so many must add up with one sign turned before that sign is named, percent. */
const TURNED_PCT = 90;

/**
 * + power appears from nowhere, - power vanishes. After a quarter hour of the same sign a named hint is noted. `measured`: what each meter
 * and each phase of the grid meter says, signed into the bus, mW, by its name for people: one whose sign turned around would make the house
 * add up is named, with how often it would.
 */
export function watchUnexplained(
  state: FlowState,
  monoMs: number,
  unexplained: number,
  measured: () => Readonly<Record<string, number>>,
  note: Note,
): void {
  const sign = Math.abs(unexplained) < WORTH ? 0 : Math.sign(unexplained);
  if (sign === 0) {
    state.odd = null;
    return;
  }
  if (!state.odd || state.odd.sign !== sign) state.odd = {sinceMonoMs: monoMs, sign, told: false, sumMilliW: 0, count: 0, turned: {}};
  const {odd} = state;
  odd.sumMilliW += unexplained;
  odd.count++;
  // Without the contradiction the house would use nothing: a turned sign must bring at least what is missing.
  if (sign > 0) {
    const said = measured();
    for (const name in said) if (-2 * (said[name] as number) >= unexplained) odd.turned[name] = (odd.turned[name] ?? 0) + 1;
  }
  if (odd.told || monoMs - odd.sinceMonoMs < LASTING_MS) return;
  odd.told = true;
  const meanW = Math.round(odd.sumMilliW / odd.count / 1000);
  const suspects = Object.entries(odd.turned)
    .map(([name, count]) => [name, Math.round((100 * count) / odd.count)] as const)
    .filter(([, percent]) => percent >= TURNED_PCT)
    .sort((a, b) => b[1] - a[1]);
  if (suspects.length > 0) {
    const names = suspects.map(([name]) => name);
    note(
      'hint',
      names.length === 1 ? (names[0] as string) : null,
      say(
        '{names}: clamp reversed, or wrong sign: {w} W more leave the house than come in, for 15 minutes; with this sign turned around it adds up in {percent} % of {n} instants',
        {names: names.join(' or '), w: meanW, percent: suspects[0]?.[1] ?? 0, n: odd.count},
      ),
      {
        hint: 'reversed clamp or wrong sign',
        meanW,
        nodes: odd.count,
        ...Object.fromEntries(suspects.map(([name, percent]) => [`${name}, adds up turned, %`, percent])),
      },
    );
    return;
  }
  note(
    'hint',
    null,
    sign > 0
      ? say('unmetered generation, or a meter with the wrong sign: {w} W more leave the house than come in, for 15 minutes', {w: meanW})
      : say('unmetered load or wrong sign: {w} W vanish between the meters, for 15 minutes', {w: -meanW}),
    {hint: sign > 0 ? 'unmetered generation' : 'unmetered load or wrong sign', meanW, nodes: odd.count},
  );
}
