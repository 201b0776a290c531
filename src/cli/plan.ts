// `wattledger plan`: the read plan of a device or of a whole configuration, before anything is connected.

import {loadConfig} from '../config/load.ts';
import {loadProfile} from '../config/profiles.ts';
import type {BusTiming} from '../core/bustime.ts';
import {requestMs} from '../core/bustime.ts';
import {AppError} from '../core/errors.ts';
import {type LinkUrl, parseLinkUrl} from '../core/linkurl.ts';
import {fieldsOf, spansOf} from '../core/planner.ts';
import type {DeviceProfile, Field, IdentityDef, PointDef} from '../core/profile.ts';
import {type PlanView, planOf, timingOf} from '../device/device.ts';
import {type Command, flagOption, textOption} from './command.ts';
import {durationOf, listOption, requireText} from './devices.ts';

/** Share of the bus that may be planned; the rest is for retries and others. */
const TARGET_LOAD = 0.7;
const SLOW_EVERY_MS = 60_000;

export const command: Command = {
  name: 'plan',
  summary: 'the read plan: every request, its predicted milliseconds, the bus load, and the largest rate that fits',
  usage: '(--profile ID | --config FILE) [--link LINK] [--turnaround MS] [--json]',
  options: {
    profile: {type: 'string', short: 'p'},
    config: {type: 'string', short: 'c'},
    link: {type: 'string', short: 'l'},
    turnaround: {type: 'string'},
    every: {type: 'string'},
    profiles: {type: 'string', multiple: true},
    json: {type: 'boolean'},
  },
  help: `  --profile ID      one device on --link
  --config FILE     every device of a configuration, bus by bus
  --link LINK       the bus; its baud rate decides the milliseconds
  --turnaround MS   time between request and answer, without the wire (default 30 on a serial bus, 10 on TCP)
  --every T         the pace of the fast points (default 2s, or the configuration's)
  --json            as JSON

Fast points are read on each poll, slow ones once a minute, once-only ones at the start. Nothing is connected.`,

  async run(context) {
    const turnaround = textOption(context, 'turnaround');
    const turnaroundMs = turnaround === undefined ? undefined : Number(turnaround);
    if (turnaroundMs !== undefined && !(turnaroundMs >= 0 && turnaroundMs <= 10_000))
      throw new AppError('USAGE', '--turnaround', `found "${turnaround}", expected milliseconds`);
    const everyMs = durationOf(textOption(context, 'every') ?? '2s', 'every');
    const config = textOption(context, 'config');
    const plans =
      config === undefined
        ? [
            devicePlan(
              loadProfile(requireText(context, 'profile', 'ID or --config FILE'), listOption(context, 'profiles')),
              parseLinkUrl(requireText(context, 'link', 'tcp://HOST'), '--link'),
              turnaroundMs,
              everyMs,
            ),
          ]
        : configPlans(config, turnaroundMs);
    if (flagOption(context, 'json')) context.out(JSON.stringify(config === undefined ? plans[0] : {schema: 1, devices: plans}, null, 2));
    else for (const plan of plans) for (const line of lines(plan)) context.out(line);
    return 0;
  },
};

type DevicePlan = ReturnType<typeof devicePlan> & {device?: string; bus?: string};

function configPlans(fileName: string, turnaroundMs: number | undefined): DevicePlan[] {
  const config = loadConfig(fileName);
  const links = new Map(config.links.map(link => [link.name, link.url]));
  return config.devices.map(device => ({
    ...devicePlan(
      device.profile,
      links.get(device.link) as LinkUrl,
      turnaroundMs,
      Math.max(config.site.pollEveryMs, device.everyMs ?? 0),
      device.unit,
      device.units,
      device.maxRegisters,
    ),
    device: device.id,
    bus: device.link,
  }));
}

function devicePlan(
  profile: DeviceProfile,
  url: LinkUrl,
  turnaroundMs: number | undefined,
  everyMs: number,
  unit = profile.defaults.unit,
  units: Readonly<Record<string, number>> = {},
  maxRegisters = 125,
) {
  const bus = timingOf(url, turnaroundMs);
  const unitOf = (key: string | null): number => (key === null ? unit : (units[key] ?? profile.units[key]?.default ?? unit));
  const limits = {...profile.limits, maxRegisters: Math.min(profile.limits.maxRegisters, maxRegisters)};
  const requests = [...planOf(profile.points, limits, unitOf, bus), ...identityRequests(profile, unit, bus)];
  const gapMs = profile.timing.minGapMs;
  const sum = (kind: string): number =>
    round(requests.filter(one => one.class === kind).reduce((total, one) => total + one.request.ms + gapMs, 0));
  const sweep = {fast: sum('fast'), slow: sum('slow'), once: sum('once')};
  const load = sweep.fast / everyMs + sweep.slow / SLOW_EVERY_MS;
  const room = TARGET_LOAD - sweep.slow / SLOW_EVERY_MS;
  return {
    schema: 1,
    profile: profile.id,
    link: linkJson(url, bus),
    limits: {max_registers: limits.maxRegisters, max_gap: limits.maxGap, barriers: limits.barriers, forbidden: limits.forbidden},
    points: profile.points.map(point => pointJson(point, profile)),
    requests: requests.map(one => ({
      class: one.class,
      ...(unitCount(requests) > 1 ? {unit: one.unit} : {}),
      fc: one.request.fc,
      start: one.request.at,
      count: one.request.words,
      ms: round(one.request.ms),
    })),
    sweep_ms: sweep,
    bus_load: Math.round(load * 1000) / 1000,
    min_interval_ms: room > 0 ? Math.max(1, Math.ceil(sweep.fast / room)) : null,
  };
}

/** What is read once at the start: who the device is, and the probes of its variants. */
function identityRequests(profile: DeviceProfile, unit: number, bus: BusTiming): PlanView {
  const knock = profile.points[0] ? [fieldsOf(profile.points[0].source)[0]] : [];
  const identity = (Object.values(profile.identity) as IdentityDef[keyof IdentityDef][]).filter(
    (one): one is Field => typeof one === 'object',
  );
  const probes = profile.variants.flatMap(variant => ('field' in variant.when ? [variant.when.field] : []));
  const fields = [...knock, ...probes, ...identity].filter((field): field is Field => field !== undefined);
  return fields.map(field => ({
    class: 'once' as const,
    unit,
    request: {fc: field.fc, at: field.at, words: field.words, ms: requestMs(bus, field.words)},
  }));
}

const unitCount = (requests: PlanView): number => new Set(requests.map(one => one.unit)).size;
const round = (ms: number): number => Math.round(ms * 10) / 10;

function linkJson(url: LinkUrl, bus: BusTiming): Record<string, unknown> {
  return {kind: url.kind, ...('serial' in url ? {baud: url.serial.baud, parity: url.serial.parity} : {}), turnaround_ms: bus.turnaroundMs};
}

function pointJson(point: PointDef, profile: DeviceProfile): unknown {
  const spans = fieldsOf(point.source).flatMap(field => spansOf(field, profile.limits));
  return {name: point.name, class: point.every, registers: spans.map(span => ({fc: span.fc, start: span.at, count: span.words}))};
}

function lines(plan: DevicePlan): string[] {
  return [
    `${plan.device ? `${plan.device} on ${plan.bus}: ` : ''}${plan.profile}, ${plan.points.length} points in ${plan.requests.length} requests`,
    ...plan.requests.map(
      one =>
        `  ${one.class.padEnd(4)}  fc ${one.fc}  ${String(one.start).padStart(5)} + ${String(one.count).padEnd(3)}  ${one.ms.toFixed(1).padStart(7)} ms`,
    ),
    `  sweep: fast ${plan.sweep_ms.fast} ms, slow ${plan.sweep_ms.slow} ms, once ${plan.sweep_ms.once} ms`,
    `  bus load ${(plan.bus_load * 100).toFixed(1)} %, shortest interval ${plan.min_interval_ms ?? '-'} ms`,
    '',
  ];
}
