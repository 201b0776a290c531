// What is done once per device before its points are read: the SunSpec walk or the variants, and the identity.

import {decode} from '../core/codec.ts';
import type {DeviceIdentity} from '../core/health.ts';
import {EXCEPTION} from '../core/modbus.ts';
import type {DeviceProfile, Field, IdentifyRule, Limits, PointDef, Variant} from '../core/profile.ts';
import type {Fault} from '../core/reading.ts';
import {type Said, say} from '../core/sentences/say.ts';
import {turnPoints} from '../core/turn.ts';
import type {PduAnswer} from '../link/pdu.ts';
import {fits, speaksAgainst} from './against.ts';
import {unread} from './identity.ts';
import {patient} from './patient.ts';

export type Reader = (unitKey: string | null, fc: 3 | 4, at: number, words: number) => Promise<PduAnswer>;
export type Options = Readonly<Record<string, string | number | boolean>>;

export type Prepared = {
  readonly points: readonly PointDef[];
  readonly limits: Limits;
  readonly identity: DeviceIdentity;
  readonly variants: readonly string[];
  /** Why this may be another device than the profile says; it is read all the same. */
  readonly against: readonly Said[];
};
type Preparation =
  | {readonly kind: 'ready'; readonly prepared: Prepared}
  | {readonly kind: 'silent'; readonly fault: Fault}
  | {readonly kind: 'foreign'; readonly reason: string};

/** `silent`: it does not answer, try again later. `foreign`: it answers, but it is not what the profile says. */
export async function prepare(profile: DeviceProfile, unit: number, options: Options, read: Reader): Promise<Preparation> {
  let points = profile.points;
  let limits = profile.limits;
  let definitions = profile.identity;
  let identity = unread(profile, unit);
  if (profile.driver === 'sunspec') {
    // Its table of models is only for those who have such a device.
    const {walkSunspec} = await import('./sunspec.ts');
    const walk = await walkSunspec((at, words) => read(null, 3, at, words));
    if (walk.kind === 'none')
      return walk.fault ? {kind: 'silent', fault: walk.fault} : {kind: 'foreign', reason: say('no SunSpec marker at 40000, 50000 or 0')};
    const {manufacturer, model, serial, firmware} = walk.device;
    identity = {...identity, manufacturer: manufacturer ?? identity.manufacturer, model, serial, firmware};
    const own = new Set(points.map(point => point.name));
    const found = turnPoints(walk.device.points, profile.turned ?? []);
    points = [...found.filter(point => !own.has(point.name)), ...points];
  } else {
    const answered = await knock(profile, read);
    if (answered) return {kind: 'silent', fault: answered};
  }

  const probe = patient(read, () => knock(profile, read));
  const variants: Variant[] = [];
  for (const variant of profile.variants) {
    const {when} = variant;
    const holds =
      when.kind === 'option'
        ? optionHolds(profile, when, options)
        : when.kind === 'answers'
          ? (await probe.read(null, when.field.fc, when.field.at, when.field.words)).kind === 'words'
          : (await ruleHolds(when, probe.read)) === true;
    if (!holds) continue;
    variants.push(variant);
    definitions = {...definitions, ...variant.identity};
  }
  ({points, limits} = withVariants({points, limits}, variants));

  const told = {...identity};
  for (const key of ['manufacturer', 'model', 'serial', 'firmware'] as const) {
    const definition = definitions[key];
    if (definition === undefined) continue;
    told[key] = typeof definition === 'string' ? definition : ((await readText(definition, probe.read)) ?? told[key]);
  }
  const against = await speaksAgainst(profile, probe.read);
  const gone = probe.gone();
  if (gone) return {kind: 'silent', fault: gone};
  const within = points.map(point => {
    const range = profile.plausible[point.name];
    if (!range) return point;
    // The owner speaks of the value as told; the range is held against it before it is turned.
    return {...point, between: point.turned ? ([-range[1], -range[0]] as const) : range};
  });
  return {kind: 'ready', prepared: {points: within, limits, identity: told, variants: variants.map(variant => variant.name), against}};
}

/** Points and limits with these variants in force, in their order. */
export function withVariants(
  profile: Pick<DeviceProfile, 'points' | 'limits'>,
  variants: readonly Variant[],
): Pick<DeviceProfile, 'points' | 'limits'> {
  return variants.reduce((so, variant) => {
    const replaced = new Set([...variant.points.map(point => point.name), ...variant.without]);
    return {
      points: [...so.points.filter(point => !replaced.has(point.name)), ...variant.points],
      limits: {...so.limits, ...variant.limits},
    };
  }, profile);
}

export const optionHolds = (profile: DeviceProfile, when: Extract<Variant['when'], {kind: 'option'}>, options: Options): boolean =>
  (options[when.option] ?? profile.options[when.option]?.default) === when.value;

/** One register decides whether the device is there at all; an exception is an answer. */
async function knock(profile: DeviceProfile, read: Reader): Promise<Fault | null> {
  const [first] = profile.points;
  if (!first) return null;
  const field = firstField(first);
  const answer = await read(first.unitKey, field.fc, field.at, field.words);
  if (answer.kind === 'words') return null;
  const {fault} = answer;
  return fault.kind === 'refused' && fault.exception !== EXCEPTION.targetSilent ? null : fault;
}

function firstField(point: PointDef): Field {
  let source = point.source;
  for (;;) {
    switch (source.kind) {
      case 'field':
        return source.field;
      case 'sum':
        return source.fields[0] as Field;
      case 'difference':
        return (source.plus[0] ?? source.minus[0]) as Field;
      case 'flagged':
        return source.magnitude;
      case 'product':
        return source.fields[0];
      case 'first':
      case 'total':
        source = source.of[0] as PointDef['source'];
    }
  }
}

/** True or false by what the register says, null where it could not be read. */
export async function ruleHolds(rule: IdentifyRule, read: Reader): Promise<boolean | null> {
  const {field} = rule;
  const answer = await read(null, field.fc, field.at, field.words);
  if (answer.kind === 'fault') return null;
  const decoded = decode(field, address => answer.words[address - field.at]);
  return decoded.kind !== 'absent' && fits(rule, decoded.value);
}

async function readText(field: Field, read: Reader): Promise<string | null> {
  const answer = await read(null, field.fc, field.at, field.words);
  if (answer.kind === 'fault') return null;
  const decoded = decode(field, address => answer.words[address - field.at]);
  return decoded.kind === 'absent' ? null : String(decoded.value);
}
