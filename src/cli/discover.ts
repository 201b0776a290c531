// Devices found on a link, for `scan` and `init`: unit by unit, the same device once.

import {realClock} from '../app/clock.ts';
import {listProfiles, loadProfile} from '../config/profiles.ts';
import {AppError} from '../core/errors.ts';
import type {LinkUrl} from '../core/linkurl.ts';
import type {DeviceProfile} from '../core/profile.ts';
import {type Fit, scanUnit} from '../device/scan.ts';
import type {Link} from '../link/link.ts';
import {openLink} from '../link/open.ts';
import {deviceByHand} from './devices.ts';

export type Discovered = Fit & {
  readonly unit: number;
  /** Further unit ids under which the same device answers. */
  readonly twins: readonly number[];
};
export type Discovery = {
  readonly found: readonly Discovered[] /** Units that answer and fit no profile. */;
  readonly unknown: readonly number[];
};

/** Unit ids that devices have out of the box, the commonest first. */
export const USUAL_UNITS: readonly number[] = [1, 247, 2, 3, 4, 5, 10, 16, 33, 71, 85, 100, 126, 127, 200, 240];
const PATIENCE_MS = 600;

/**
 * `tell` is called before each unit, `patienceMs` is how long an answer may take.
 * Throws AppError DEVICE_SILENT where nothing can be reached at all.
 */
export async function discover(
  url: LinkUrl,
  units: readonly number[],
  folders: readonly string[],
  signal: AbortSignal,
  tell: (unit: number, index: number) => void,
  patienceMs = PATIENCE_MS,
): Promise<Discovery> {
  const profiles = allProfiles(folders).map(profile => ({
    ...profile,
    timing: {...profile.timing, timeoutMs: Math.max(profile.timing.timeoutMs, patienceMs)},
  }));
  const link = openLink('scan', url, {clock: realClock, timeoutMs: patienceMs});
  const found: Discovered[] = [];
  const unknown: number[] = [];
  const bySerial = new Map<string, number>();
  const known: {readonly index: number; readonly profile: string; readonly traits: Traits}[] = [];
  let reached = false;
  let reason: string | null = null;
  try {
    for (const [index, unit] of units.entries()) {
      if (signal.aborted) break;
      tell(unit, index);
      const scan = await scanUnit(profiles, unit, async (_key, fc, at, words) => {
        const answer = await link.read(unit, {fc, at, words}, signal, {timeoutMs: patienceMs, priority: 'probe'});
        if (answer.kind === 'words' || answer.fault.kind === 'refused') reached = true;
        else if (answer.fault.kind === 'disconnected') reason = answer.fault.reason;
        return answer;
      });
      if (reason !== null && !reached && !signal.aborted) throw new AppError('DEVICE_SILENT', url.text, reason);
      if (scan.kind === 'unknown') unknown.push(unit);
      if (scan.kind !== 'fits') continue;
      const fit = scan.fit.tied.length === 0 ? scan.fit : await settle(scan.fit, unit, url, link, signal);
      const key = fit.identity.serial === null ? null : `${fit.profile.id}/${fit.identity.serial}`;
      const traits = key === null ? await traitsOf(fit, unit, url, link, signal) : null;
      const twin =
        key === null
          ? known.find(other => other.profile === fit.profile.id && traits && alike(other.traits, traits))?.index
          : bySerial.get(key);
      if (twin !== undefined) {
        const before = found[twin] as Discovered;
        found[twin] = {...before, twins: [...before.twins, unit]};
        continue;
      }
      if (key !== null) bySerial.set(key, found.length);
      else if (traits) known.push({index: found.length, profile: fit.profile.id, traits});
      found.push({...fit, unit, twins: []});
    }
  } finally {
    await link.close();
  }
  return {found, unknown};
}

/** A counter may move on between two looks, Wh. */
const MOVED_WH = 20;
/** Counters below this are those of any new device, Wh. */
const NEW_WH = 1000;

/** Two looks at one device that has no counters differ by this part at most, in all but a few of its values. */
const MOVED_PART = 0.03;
const ALIKE = 0.9;
const FEWEST_VALUES = 4;

/** What tells two devices apart that have no serial number: their lifetime counters, else all their values. */
type Traits = {readonly counters: boolean; readonly values: ReadonlyMap<string, number>};

async function traitsOf({profile}: Fit, unit: number, linkUrl: LinkUrl, link: Link, signal: AbortSignal): Promise<Traits> {
  const counting = profile.points.filter(point => point.name.endsWith('energy_wh'));
  const points = counting.length > 0 ? counting : profile.points;
  const plain = {...profile, points, variants: []};
  const device = deviceByHand({id: profile.id, profile: plain, link, linkUrl, unit, units: {}, options: {}});
  const {readings} = await device.sweep(signal);
  const values = readings.flatMap(({point, measured}): [string, number][] =>
    measured.kind === 'good' && typeof measured.value === 'number' ? [[point, measured.value]] : [],
  );
  return {counters: counting.length > 0, values: new Map(values)};
}

function alike(one: Traits, other: Traits): boolean {
  if (one.values.size !== other.values.size || one.values.size === 0) return false;
  const pairs = [...one.values].map(([point, value]) => [value, other.values.get(point) ?? Infinity] as const);
  if (one.counters)
    return pairs.some(([value]) => value >= NEW_WH) && pairs.every(([value, before]) => Math.abs(value - before) <= MOVED_WH);
  const telling = pairs.filter(([value, before]) => value !== 0 || before !== 0);
  const close = telling.filter(([value, before]) => Math.abs(value - before) <= MOVED_PART * Math.max(Math.abs(value), Math.abs(before)));
  return telling.length >= FEWEST_VALUES && close.length >= ALIKE * telling.length;
}

/** Among profiles for which as much speaks, the one whose points the device tells: what is missing counts against it. */
async function settle(fit: Fit, unit: number, linkUrl: LinkUrl, link: Link, signal: AbortSignal): Promise<Fit> {
  let best = fit;
  let most = -Infinity;
  for (const profile of [fit.profile, ...fit.tied]) {
    const device = deviceByHand({id: profile.id, profile, link, linkUrl, unit, units: {}, options: {}});
    const {readings, identity} = await device.sweep(signal);
    const good = readings.filter(reading => reading.measured.kind === 'good').length;
    // A single-phase meter answers for the phases it does not have with zeros.
    const zero = readings.filter(({measured}) => measured.kind === 'good' && measured.value === 0).length;
    const score = good - 1.5 * zero - 3 * (readings.length - good);
    if (score <= most) continue;
    most = score;
    const also = [fit.profile.id, ...fit.also].filter(id => id !== profile.id);
    best = {...fit, profile, identity, also, why: [...fit.why, `${good} of its ${readings.length} points have a value`]};
  }
  return best;
}

const allProfiles = (folders: readonly string[]): DeviceProfile[] => listProfiles(folders).map(one => loadProfile(one.id, folders));

/** `1`, `1-10`, `1,3,7-9` as unit ids. Throws AppError USAGE. */
export function unitList(text: string): number[] {
  const units = new Set<number>();
  for (const part of text.split(',')) {
    const match = /^\s*(\d{1,3})(?:-(\d{1,3}))?\s*$/.exec(part);
    const from = Number(match?.[1]);
    const to = Number(match?.[2] ?? match?.[1]);
    if (!match || from > to || to > 255)
      throw new AppError('USAGE', '--units', `found "${text}", expected unit ids such as 1-247 or 1,3,71`);
    for (let unit = from; unit <= to; unit++) units.add(unit);
  }
  return [...units];
}

/** An id for a device: from its model or profile, unique among those taken. */
export function deviceId({identity, profile}: Fit, taken: ReadonlySet<string>): string {
  const base =
    (identity.model ?? profile.id)
      .toLowerCase()
      .replace(/[^a-z0-9]+/g, '_')
      .replace(/^_+|_+$/g, '')
      .slice(0, 24) || 'device';
  let id = base;
  for (let i = 2; taken.has(id); i++) id = `${base}_${i}`;
  return id;
}
