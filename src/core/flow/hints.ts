// What a lasting contradiction most likely is, said once, with its evidence.

import type {FlowState} from './state.ts';

type Note = (kind: string, about: string | null, detail: string, evidence?: Record<string, number | string>) => void;

const LASTING_MS = 15 * 60_000;
/** Below this nothing is worth a word, mW. */
const WORTH = 50_000;

/** + power appears from nowhere, - power vanishes. After a quarter hour of the same sign a named hint is noted. */
export function watchUnexplained(state: FlowState, monoMs: number, unexplained: number, note: Note): void {
  const sign = Math.abs(unexplained) < WORTH ? 0 : Math.sign(unexplained);
  if (sign === 0) {
    state.odd = null;
    return;
  }
  if (!state.odd || state.odd.sign !== sign) state.odd = {sinceMonoMs: monoMs, sign, told: false, sumMilliW: 0, count: 0};
  const {odd} = state;
  odd.sumMilliW += unexplained;
  odd.count++;
  if (odd.told || monoMs - odd.sinceMonoMs < LASTING_MS) return;
  odd.told = true;
  const meanW = Math.round(odd.sumMilliW / odd.count / 1000);
  note(
    'hint',
    null,
    sign > 0
      ? `unmetered generation, or a meter with the wrong sign: ${meanW} W more leave the house than come in, for 15 minutes`
      : `unmetered load or wrong sign: ${-meanW} W vanish between the meters, for 15 minutes`,
    {hint: sign > 0 ? 'unmetered generation' : 'unmetered load or wrong sign', meanW, nodes: odd.count},
  );
}
