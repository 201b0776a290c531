// Parts that are mounted the other way round: their powers change sign, and their two counters change places. Pure.

import type {DeviceProfile, PointDef} from './profile.ts';
import {parsePoint} from './vocabulary.ts';

const SIGNED: readonly string[] = ['power_w', 'reactive_power_var', 'power_factor'];
const OPPOSITES: Readonly<Record<string, string>> = {import: 'export', export: 'import', discharge: 'charge', charge: 'discharge'};

/** The points of these parts as they read once the meter or the clamp is thought around; all others as they are. */
export function turnPoints(points: readonly PointDef[], parts: readonly string[]): readonly PointDef[] {
  if (parts.length === 0) return points;
  return points.map(point => {
    if (!parts.includes(point.name.split('.')[0] as string)) return point;
    if (SIGNED.includes(parsePoint(point.name)?.quantity ?? '')) return {...point, turned: true};
    return {...point, name: oppositeOf(point.name)};
  });
}

const oppositeOf = (name: string): string =>
  name.replace(/\.(import|export|discharge|charge)_energy/, (_, way: string) => `.${OPPOSITES[way]}_energy`);

/** A profile with these parts turned, variants included. */
export const turnProfile = (profile: DeviceProfile, parts: readonly string[]): DeviceProfile =>
  parts.length === 0
    ? profile
    : {
        ...profile,
        turned: parts,
        points: turnPoints(profile.points, parts),
        variants: profile.variants.map(variant => ({
          ...variant,
          points: turnPoints(variant.points, parts),
          without: variant.without.map(name => (parts.includes(name.split('.')[0] as string) ? oppositeOf(name) : name)),
        })),
      };
