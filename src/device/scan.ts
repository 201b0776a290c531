// Who answers at a unit id, and which profile fits: by SunSpec's own list, by identity registers, by plausible values.

import {sunspecModels} from '../config/sunspec.ts';
import type {DeviceIdentity} from '../core/health.ts';
import {EXCEPTION} from '../core/modbus.ts';
import type {DeviceProfile, IdentifyRule} from '../core/profile.ts';
import type {Fault} from '../core/reading.ts';
import {unread} from './identity.ts';
import {prepare, type Reader, ruleHolds} from './prepare.ts';
import {walkSunspec} from './sunspec.ts';

export type Fit = {
  readonly profile: DeviceProfile;
  readonly identity: DeviceIdentity;
  /** What spoke for it, for people. */
  readonly why: readonly string[];
  /** Ids of further profiles whose rules hold as well. */
  readonly also: readonly string[];
  /** Those of them for which just as much speaks. */
  readonly tied: readonly DeviceProfile[];
};
type UnitScan =
  | {readonly kind: 'silent'}
  /** Somebody answers, but no profile fits. */
  | {readonly kind: 'unknown'}
  | {readonly kind: 'fits'; readonly fit: Fit};

/** A text that matches says more than a number in a range. */
const WEIGHT: Readonly<Record<IdentifyRule['kind'], number>> = {matches: 10, equals: 6, between: 1};
/** Knocking at so many addresses without any answer means that nobody is there. */
const KNOCKS: readonly (readonly [3 | 4, number, number])[] = [
  [3, 0, 1],
  [4, 0, 1],
  [3, 40_000, 2],
];
const NO_TARGET: readonly number[] = [EXCEPTION.gatewayPath, EXCEPTION.targetSilent];

/** `read` reads from that unit. Each register is read once, whatever the number of profiles. */
export async function scanUnit(profiles: readonly DeviceProfile[], unit: number, read: Reader): Promise<UnitScan> {
  const cache = new Map<string, ReturnType<Reader>>();
  const once: Reader = (key, fc, at, words) => {
    const name = `${fc}/${at}/${words}`;
    let answer = cache.get(name);
    if (!answer) {
      answer = read(key, fc, at, words);
      cache.set(name, answer);
    }
    return answer;
  };
  if (!(await isThere(once))) return {kind: 'silent'};

  const fits: {readonly profile: DeviceProfile; readonly score: number; readonly why: string[]}[] = [];
  for (const profile of profiles) {
    if (profile.driver === 'sunspec' || profile.identify.length === 0) continue;
    const why: string[] = [];
    let score = 0;
    for (const rule of profile.identify) {
      if ((await ruleHolds(rule, once)) !== true) {
        score = -1;
        break;
      }
      score += WEIGHT[rule.kind];
      why.push(tell(rule));
    }
    if (score > 0) fits.push({profile, score, why});
  }
  const sunspec = profiles.find(profile => profile.driver === 'sunspec' && profile.id === 'sunspec');
  if (sunspec) {
    const walk = await walkSunspec((at, words) => once(null, 3, at, words));
    if (walk.kind === 'found')
      fits.push({profile: sunspec, score: 8, why: [`a SunSpec model list: ${walk.device.models.map(modelName).join(', ')}`]});
  }
  fits.sort((a, b) => b.score - a.score);
  const [best, ...others] = fits;
  if (!best) return {kind: 'unknown'};
  const prepared = await prepare(best.profile, unit, {}, once);
  const identity = prepared.kind === 'ready' ? prepared.prepared.identity : unread(best.profile, unit);
  return {
    kind: 'fits',
    fit: {
      profile: best.profile,
      identity,
      why: best.why,
      also: others.map(other => other.profile.id),
      tied: others.filter(other => other.score === best.score).map(other => other.profile),
    },
  };
}

async function isThere(read: Reader): Promise<boolean> {
  for (const [fc, at, words] of KNOCKS) {
    const answer = await read(null, fc, at, words);
    if (answer.kind === 'words') return true;
    if (answer.fault.kind === 'refused') return !NO_TARGET.includes(answer.fault.exception);
    if (hopeless(answer.fault)) return false;
  }
  return false;
}

const modelName = ({id}: {readonly id: number}): string => {
  const known = sunspecModels().get(id);
  return known ? `${id} ${known.name}` : String(id);
};

/** Without a connection there is no unit to look for. */
const hopeless = (fault: Fault): boolean => fault.kind === 'disconnected';

function tell(rule: IdentifyRule): string {
  const at = `register ${rule.field.at}`;
  switch (rule.kind) {
    case 'matches':
      return `${at} is a text of this maker`;
    case 'equals':
      return `${at} is ${rule.values.join(' or ')}`;
    case 'between':
      return `${at} is a plausible value (${rule.min} to ${rule.max})`;
  }
}
