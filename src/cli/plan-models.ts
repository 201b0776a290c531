// A SunSpec device's own list, for `plan`: its points, and what was asked to learn of them.

import {realClock} from '../app/clock.ts';
import {type BusTiming, requestMs} from '../core/bustime.ts';
import {describeFault} from '../core/faults.ts';
import type {LinkUrl} from '../core/linkurl.ts';
import type {DeviceProfile, PointDef} from '../core/profile.ts';
import type {Planned} from '../device/plan.ts';
import {prepare} from '../device/prepare.ts';
import {openLink} from '../link/open.ts';
import type {DeviceSettings} from './devices.ts';

type AskedModels = {
  readonly points: readonly PointDef[];
  readonly once: readonly Planned[];
  /** Why there is no list; null where there is. */
  readonly reason: string | null;
};

const PATIENCE_MS = 8000;

/** Walks the list as the start of a device does. Without a device: no points, and the requests that look for one. */
export async function askModels(
  profile: DeviceProfile,
  url: LinkUrl,
  {unit, options}: DeviceSettings,
  bus: BusTiming,
  signal: AbortSignal,
): Promise<AskedModels> {
  const link = openLink('plan', url, {clock: realClock});
  const deadline = AbortSignal.any([signal, AbortSignal.timeout(PATIENCE_MS)]);
  const once: Planned[] = [];
  try {
    const found = await prepare(profile, unit, options, (_key, fc, at, words) => {
      once.push({class: 'once', unit, variant: null, request: {fc, at, words, ms: requestMs(bus, words)}});
      return link.read(unit, {fc, at, words}, deadline, profile.timing);
    });
    if (found.kind === 'ready') return {points: found.prepared.points, once, reason: null};
    return {points: [], once, reason: found.kind === 'silent' ? describeFault(found.fault) : found.reason};
  } finally {
    await link.close();
  }
}
