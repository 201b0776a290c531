// One polled device: what is due of it, read by its plan and evaluated, and what it has learned about itself.

import {describeFault} from '../core/faults.ts';
import type {DeviceHealth, DeviceIdentity} from '../core/health.ts';
import type {LinkUrl} from '../core/linkurl.ts';
import {fieldsOf} from '../core/planner.ts';
import type {DeviceProfile, Limits, PointDef, PollClass} from '../core/profile.ts';
import type {Fault, Reading} from '../core/reading.ts';
import {say} from '../core/sentences/say.ts';
import type {Link} from '../link/link.ts';
import {createDoubt} from './doubt.ts';
import {evaluate, rawWords} from './evaluate.ts';
import {changeOf, isWatched, known, unread} from './identity.ts';
import {createLatest} from './latest.ts';
import {createLearned, type Learned} from './learned.ts';
import {PACES, type PlanView, planOf, spansOfPoint, timingOf, unitFinder} from './plan.ts';
import {type Options, type Prepared, prepare, type Reader} from './prepare.ts';
import {createPresence, type PresenceDeps} from './presence.ts';
import {type Registers, readSpans, type Sweep} from './words.ts';

type DeviceOptions = {
  readonly id: string;
  readonly profile: DeviceProfile;
  readonly link: Link;
  readonly linkUrl: LinkUrl;
  readonly unit: number;
  readonly units: Readonly<Record<string, number>>;
  readonly options: Options;
  readonly maxRegisters?: number;
  readonly everyMs: number;
  /** Pace of slow points: counters, temperatures. */
  readonly slowEveryMs: number;
};
type PointDetail = {
  readonly point: string;
  readonly every: PollClass;
  readonly registers: readonly {readonly fc: number; readonly at: number; readonly word: number | null}[];
  readonly note: string | null;
};
/** One whole sweep, as `read` shows it. */
export type FullSweep = {
  readonly identity: DeviceIdentity;
  readonly readings: readonly Reading[];
  readonly bus: {readonly requests: number; readonly registers: number; readonly ms: number};
  readonly fault: Fault | null;
  readonly reason: string | null;
  /** Why this may be another device than the profile says. */
  readonly against: readonly string[];
};

export interface Device {
  readonly id: string;
  readonly linkName: string;
  readonly everyMs: number;
  poll(monoMs: number, signal: AbortSignal): Promise<readonly Reading[]>;
  /** Everything at once, slow and once-only points included. */
  sweep(signal: AbortSignal): Promise<FullSweep>;
  health(): DeviceHealth;
  details(): readonly PointDetail[];
  plan(): PlanView;
}

const SLOT_MS = 900_000;
/** Identity is read again so often, and after each silence. */
const IDENTITY_EVERY_MS = 3_600_000;
/** Beats are not exact: a slow point at the pace of the beat is due on each. */
const ALMOST = 0.75;
/** What the house's balance hangs on is read first. */
const LEADING = /^(grid|meter)\.power_w$/;

const tenths = (ms: number): number => Math.round(ms * 10) / 10;

export function createDevice(options: DeviceOptions, deps: PresenceDeps): Device {
  const {id, profile, link, unit} = options;
  const {clock, log} = deps;
  const learnedByUnit = new Map<number, Learned>();
  const bus = timingOf(options.linkUrl, profile.timing);
  const latest = createLatest();
  const doubt = createDoubt();
  // What was refused before it went away may be there now.
  const presence = createPresence(id, profile, deps, () => {
    for (const learned of learnedByUnit.values()) learned.forget();
  });
  let prepared: Prepared | null = null;
  let slowDueMs = -Infinity;
  let slowSlot = -1;
  let onceDue = true;
  let polls = 0;
  let latencyMs: number | null = null;
  let identityDueMs = Infinity;
  let setup = {requests: 0, registers: 0, ms: 0};

  const unitOf = unitFinder(profile, options);
  const learnedOf = (one: number): Learned => {
    let learned = learnedByUnit.get(one);
    if (!learned) {
      learned = createLearned(options.maxRegisters);
      learnedByUnit.set(one, learned);
    }
    return learned;
  };

  const reader =
    (signal: AbortSignal): Reader =>
    async (unitKey, fc, at, words) => {
      const priority = presence.health().state === 'good' ? 'poll' : 'probe';
      const answer = await link.read(unitOf(unitKey), {fc, at, words}, signal, {...profile.timing, priority});
      setup = {
        requests: setup.requests + 1,
        registers: setup.registers + (answer.kind === 'words' ? words : 0),
        ms: setup.ms + answer.tookMs,
      };
      return answer;
    };

  function silent(fault: Fault): readonly Reading[] {
    identityDueMs = -Infinity;
    onceDue = true;
    return presence.silent(fault, prepared?.points ?? profile.points);
  }

  async function ensurePrepared(signal: AbortSignal): Promise<Fault | null> {
    if (prepared) return null;
    const outcome = await prepare(profile, unit, options.options, reader(signal));
    if (outcome.kind === 'silent') return outcome.fault;
    if (outcome.kind === 'foreign') return {kind: 'bad_frame', reason: outcome.reason};
    prepared = outcome.prepared;
    identityDueMs = clock.monoMs() + IDENTITY_EVERY_MS;
    const {identity, points, variants} = prepared;
    log.info(
      {part: 'device', device: id, ...identity, points: points.length, variants},
      `${id} is a ${[identity.manufacturer, identity.model].filter(Boolean).join(' ') || profile.name}`,
    );
    tellAgainst(prepared);
    return null;
  }

  function tellAgainst({against}: Prepared): void {
    for (const detail of against) {
      log.warn({part: 'device', device: id, profile: profile.id}, `${id} may be another device: ${detail}`);
      deps.note({kind: 'profile-doubtful', monoMs: clock.monoMs(), about: id, detail, evidence: {profile: profile.id}});
    }
  }

  /** Looks whether it is still the same device with the same firmware. What could not be read this time is no change. */
  async function lookAgain(signal: AbortSignal): Promise<Fault | null> {
    if (!prepared || !isWatched(profile) || clock.monoMs() < identityDueMs) return null;
    const outcome = await prepare(profile, unit, options.options, reader(signal));
    if (outcome.kind === 'silent') return outcome.fault;
    identityDueMs = clock.monoMs() + IDENTITY_EVERY_MS;
    if (outcome.kind === 'foreign' || signal.aborted) return null;
    const change = changeOf(prepared.identity, outcome.prepared.identity);
    if (!change) return null;
    const {kind, before, after} = change;
    prepared = {...outcome.prepared, identity: known(prepared.identity, outcome.prepared.identity)};
    // What the old firmware refused, the new one may have; and its counters are wanted at once.
    learnedByUnit.clear();
    slowDueMs = -Infinity;
    onceDue = true;
    doubt.begin(clock.monoMs());
    tellAgainst(prepared);
    const detail = say('{before} became {after}; values that do not fit are held back until they prove plausible', {before, after});
    log.warn(
      {part: 'device', device: id, before, after},
      `${id}: ${kind === 'firmware-changed' ? 'firmware' : 'serial number'} ${before} became ${after}`,
    );
    deps.note({kind, monoMs: clock.monoMs(), about: id, detail, evidence: {before, after}});
    return null;
  }

  /** Reads the registers of these points, unit by unit. */
  async function readPoints(points: readonly PointDef[], limits: Limits, signal: AbortSignal): Promise<Map<number, Sweep>> {
    const sweeps = new Map<number, Sweep>();
    for (const one of new Set(points.map(point => unitOf(point.unitKey)))) {
      const members = points.filter(point => unitOf(point.unitKey) === one);
      const spans = members.flatMap(point => spansOfPoint(point, limits));
      const first = members.filter(point => LEADING.test(point.name)).flatMap(point => spansOfPoint(point, limits));
      const {timing} = profile;
      const asked = {link, unit: one, limits, timing, bus, learned: learnedOf(one), monoMs: clock.monoMs(), first};
      sweeps.set(one, await readSpans(spans, asked, signal));
    }
    return sweeps;
  }

  const none: Registers = {word: () => undefined, fault: () => undefined};
  const readingsOf = (points: readonly PointDef[], sweeps: ReadonlyMap<number, Registers>): Reading[] =>
    points.map(point => ({device: id, point: point.name, measured: evaluate(point, sweeps.get(unitOf(point.unitKey)) ?? none)}));

  return {
    id,
    linkName: link.name,
    everyMs: options.everyMs,

    async poll(monoMs, signal) {
      polls++;
      const failed = (await ensurePrepared(signal)) ?? (await lookAgain(signal));
      if (failed) return signal.aborted ? [] : silent(failed);
      const {points, limits} = prepared as Prepared;
      const fast = points.filter(point => point.every === 'fast');
      const slot = Math.floor(clock.wallMs() / SLOT_MS);
      const slowDue = monoMs >= slowDueMs || slot !== slowSlot;
      const others = points.filter(({every}) => (every === 'slow' && slowDue) || (every === 'once' && onceDue));
      const sweeps = await readPoints(fast, limits, signal);
      if (signal.aborted) return [];
      if (fast.length > 0 && [...sweeps.values()].every(sweep => sweep.answered === 0))
        return silent([...sweeps.values()].find(sweep => sweep.broken)?.broken ?? {kind: 'timeout', afterMs: 0});
      const otherSweeps = await readPoints(others, limits, signal);
      onceDue = false;
      if (slowDue) [slowDueMs, slowSlot] = [monoMs + options.slowEveryMs * ALMOST, slot];

      const readings = doubt.judge([...readingsOf(fast, sweeps), ...readingsOf(others, otherSweeps)]);
      const all = [...sweeps.values(), ...otherSweeps.values()];
      const requests = all.reduce((sum, sweep) => sum + sweep.requests, 0);
      if (requests > 0) latencyMs = all.reduce((sum, sweep) => sum + sweep.ms, 0) / requests;
      latest.add(all);
      return presence.heard(readings, all);
    },

    async sweep(signal) {
      setup = {requests: 0, registers: 0, ms: 0};
      const failed = await ensurePrepared(signal);
      if (failed) {
        const readings = profile.points.map(({name}): Reading => ({device: id, point: name, measured: {kind: 'missing', fault: failed}}));
        return {
          identity: {...unread(profile, unit), manufacturer: null},
          readings,
          bus: {...setup, ms: tenths(setup.ms)},
          fault: failed,
          reason: describeFault(failed),
          against: [],
        };
      }
      const {points, limits, identity, against} = prepared as Prepared;
      const all: Sweep[] = [];
      const readings = new Map<string, Reading>();
      for (const pace of PACES) {
        const members = points.filter(point => point.every === pace);
        const sweeps = await readPoints(members, limits, signal);
        all.push(...sweeps.values());
        for (const reading of readingsOf(members, sweeps)) readings.set(reading.point, reading);
        if (all.length > 0 && all.every(sweep => sweep.answered === 0)) break;
      }
      latest.add(all);
      const total = (of: (sweep: Sweep) => number, before: number): number => all.reduce((sum, sweep) => sum + of(sweep), before);
      const answered = all.length === 0 || all.some(sweep => sweep.answered > 0);
      const broken = all.find(sweep => sweep.broken)?.broken ?? null;
      return {
        identity,
        readings: points.flatMap(point => readings.get(point.name) ?? []),
        bus: {
          requests: total(sweep => sweep.requests, setup.requests),
          registers: total(sweep => sweep.registers, setup.registers),
          ms: tenths(total(sweep => sweep.ms, setup.ms)),
        },
        fault: answered ? null : broken,
        reason: broken && describeFault(broken),
        against,
      };
    },

    health: () => ({
      id,
      link: link.name,
      identity: prepared?.identity ?? unread(profile, unit),
      ...presence.health(),
      polls,
      latencyMs: latencyMs === null ? null : tenths(latencyMs),
      points: (prepared?.points ?? profile.points).map(point => point.name),
    }),

    details: () =>
      (prepared?.points ?? profile.points).map(point => ({
        point: point.name,
        every: point.every,
        registers: rawWords(point.source, latest, fieldsOf),
        note: point.note,
      })),

    plan: () => planOf(prepared?.points ?? profile.points, prepared?.limits ?? profile.limits, unitOf, bus, learnedOf),
  };
}
