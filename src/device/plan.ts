// What will be read of a device, and when: requests by pace, over a bus whose speed is known.

import {type BusTiming, bitsPerCharacter, requestMs, silenceMs} from '../core/bustime.ts';
import type {LinkUrl} from '../core/linkurl.ts';
import {MOST_REGISTERS} from '../core/modbus.ts';
import {fieldsOf, type PlannedRequest, type Span, spansOf} from '../core/planner.ts';
import type {DeviceProfile, Field, Limits, PointDef, PollClass, Timing, Variant} from '../core/profile.ts';
import {createLearned, type Learned} from './learned.ts';
import {type Options, optionHolds, withVariants} from './prepare.ts';

export type PlanView = readonly {readonly class: PollClass; readonly unit: number; readonly request: PlannedRequest}[];
export const PACES = ['fast', 'slow', 'once'] as const;

/** The registers of a point. */
export const spansOfPoint = ({source}: PointDef, limits: Limits): readonly Span[] =>
  fieldsOf(source).flatMap(field => spansOf(field, limits));

/** The read plan of a set of points: the paces apart, so that slow points never lengthen a fast sweep. */
export function planOf(
  points: readonly PointDef[],
  limits: Limits,
  unitOf: (unitKey: string | null) => number,
  bus: BusTiming,
  learnedOf: (unit: number) => Learned = () => createLearned(),
): PlanView {
  return PACES.flatMap(pace => {
    const members = points.filter(point => point.every === pace);
    const units = [...new Set(members.map(point => unitOf(point.unitKey)))];
    return units.flatMap(unit => {
      const spans = members.filter(point => unitOf(point.unitKey) === unit).flatMap(point => spansOfPoint(point, limits));
      return learnedOf(unit)
        .plan(spans, limits, bus)
        .map(request => ({class: pace, unit, request}));
    });
  });
}

/** A request, and the variant of the profile that it belongs to where it is not part of every plan. */
export type Planned = PlanView[number] & {readonly variant: string | null};

export type Planning = {
  readonly unit: number;
  readonly units: Readonly<Record<string, number>>;
  readonly options: Options;
  readonly maxRegisters?: number | undefined;
};

/** The unit id of a point by its key in `units:` of the profile; null is the device's own. */
export const unitFinder =
  (profile: DeviceProfile, {unit, units}: Pick<Planning, 'unit' | 'units'>) =>
  (key: string | null): number =>
    key === null ? unit : (units[key] ?? profile.units[key]?.default ?? unit);

/** Every request that a profile may lead to: those at the start, those of its points, and what a variant adds that only the device can decide on. */
export function planProfile(
  profile: DeviceProfile,
  bus: BusTiming,
  {unit, units, options, maxRegisters = MOST_REGISTERS}: Planning,
): Planned[] {
  const unitOf = unitFinder(profile, {unit, units});
  const plan = (kept: readonly Variant[]): PlanView => {
    const {points, limits} = withVariants(profile, kept);
    return planOf(points, {...limits, maxRegisters: Math.min(limits.maxRegisters, maxRegisters)}, unitOf, bus);
  };
  const decided = profile.variants.filter(({when}) => when.kind === 'option' && optionHolds(profile, when, options));
  const planned: Planned[] = plan(decided).map(one => ({...one, variant: null}));
  const listed = new Set(planned.map(keyOf));
  for (const variant of profile.variants.filter(({when}) => when.kind !== 'option')) {
    const kept = profile.variants.filter(one => one === variant || decided.includes(one));
    for (const one of plan(kept)) {
      if (listed.has(keyOf(one))) continue;
      listed.add(keyOf(one));
      planned.push({...one, variant: variant.name});
    }
  }
  return [...planned, ...startOf(profile, unitOf, bus).map(one => ({...one, variant: null}))];
}

const keyOf = ({class: pace, unit, request}: PlanView[number]): string => `${pace}/${unit}/${request.fc}/${request.at}/${request.words}`;

/** What is read once at the start: whether somebody is there, the probes of the variants, who the device is, and whether it is the one. */
function startOf(profile: DeviceProfile, unitOf: (unitKey: string | null) => number, bus: BusTiming): PlanView {
  const [first] = profile.points;
  const knock = first ? fieldsOf(first.source).slice(0, 1) : [];
  const probes = profile.variants.flatMap(({when}) => ('field' in when ? [when.field] : []));
  const identity = Object.values(profile.identity).filter((one): one is Field => typeof one === 'object');
  const once = (field: Field, unit: number): PlanView[number] => ({
    class: 'once',
    unit,
    request: {fc: field.fc, at: field.at, words: field.words, ms: requestMs(bus, field.words)},
  });
  return [
    ...knock.map(field => once(field, unitOf(first?.unitKey ?? null))),
    ...[...probes, ...identity, ...profile.identify.map(rule => rule.field)].map(field => once(field, unitOf(null))),
  ];
}

/** A sweep of one pace: what it takes of the bus, and the pauses that the device wants on top. */
export function sweepMs(requests: PlanView, pace: PollClass, bus: BusTiming): {readonly busMs: number; readonly pauseMs: number} {
  const members = requests.filter(one => one.class === pace);
  return {busMs: members.reduce((sum, one) => sum + one.request.ms, 0), pauseMs: members.length * (bus.pauseMs ?? 0)};
}

/** Typical time between request and answer, where nothing was measured yet, ms. Sources: field logs of meters and inverters at 9600 baud and on a LAN. */
const SERIAL_TURNAROUND_MS = 30;
const TURNAROUNDS_MS: Readonly<Record<string, number>> = {tcp: 10, 'goodwe+udp': 100, 'solarman+tcp': 1000};

/** The bus as the planner sees it, with the pauses that a device wants. */
export function timingOf(url: LinkUrl, timing?: Timing, turnaroundMs?: number): BusTiming {
  const bus: BusTiming =
    'serial' in url
      ? {
          kind: 'serial',
          baud: url.serial.baud,
          bitsPerCharacter: bitsPerCharacter(url.serial),
          turnaroundMs: turnaroundMs ?? SERIAL_TURNAROUND_MS,
          ascii: url.kind === 'ascii',
        }
      : {kind: 'tcp', turnaroundMs: turnaroundMs ?? TURNAROUNDS_MS[url.kind] ?? 0};
  return {...bus, pauseMs: Math.max(0, (timing?.minGapMs ?? 0) - silenceMs(bus))};
}
