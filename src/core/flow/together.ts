// Panels and battery behind a hybrid are read together with its AC port: what least squares found of the port's way holds for them too.

import type {Sample} from './align.ts';

/** Shares are whole millionths, so that no product leaves the integers. */
const WHOLE = 1_000_000;

/** The AC port at an instant: its samples, what least squares made of it, and how far it moves without telling anything; mW. */
type Port = {readonly samples: readonly Sample[]; readonly balanced: number; readonly sigma: number};

/**
 * A channel's power at the instant, mW: as far between its sample before and the one after as the port is between its own, so that the loss
 * between them stays what the device said. `laterMs`: how much later the channel's samples are dated than the port's, of the same reading.
 * Null where they were not read together.
 */
export function alongPort(own: readonly Sample[], laterMs: number, port: Port, atMs: number): number | null {
  const next = port.samples.findIndex(([at]) => at > atMs);
  const [before, after] = [port.samples[next - 1], port.samples[next]];
  if (!before || !after) return null;
  const from = own.find(([at]) => at === before[0] + laterMs);
  const to = own.find(([at]) => at === after[0] + laterMs);
  if (!from || !to) return null;
  const way = after[1] - before[1];
  const share = Math.abs(way) > 3 * port.sigma ? part(port.balanced - before[1], way) : part(atMs - before[0], after[0] - before[0]);
  return from[1] + Math.round(((to[1] - from[1]) * share) / WHOLE) + 0;
}

/** Beyond either sample nothing was read. */
const part = (of: number, whole: number): number => Math.max(0, Math.min(WHOLE, Math.round((of * WHOLE) / whole)));
