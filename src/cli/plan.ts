// `wattledger plan`: the read plan of a device or of a whole configuration, before anything is saved.

import {loadConfig} from '../config/load.ts';
import {loadProfile} from '../config/profiles.ts';
import type {BusTiming} from '../core/bustime.ts';
import {AppError} from '../core/errors.ts';
import {type LinkUrl, parseLinkUrl} from '../core/linkurl.ts';
import type {DeviceProfile, PointDef} from '../core/profile.ts';
import {type Planned, type Planning, planProfile, spansOfPoint, sweepMs, timingOf} from '../device/plan.ts';
import {type Command, type CommandContext, flagOption, textOption} from './command.ts';
import {deviceOptions, deviceSettings, durationOf, listOption, requireText} from './devices.ts';
import {askModels} from './plan-models.ts';

/** Share of the bus that may be planned; the rest is for retries and others. */
const TARGET_LOAD = 0.7;
const SLOW_EVERY_MS = 60_000;

export const command: Command = {
  name: 'plan',
  summary: 'the read plan: every request, its predicted milliseconds, the bus load, and the largest rate that fits',
  usage: '(--profile ID | --config FILE) --link LINK [--turnaround MS] [--json]',
  options: {
    ...deviceOptions,
    config: {type: 'string', short: 'c'},
    turnaround: {type: 'string'},
    every: {type: 'string'},
    json: {type: 'boolean'},
  },
  help: `  --profile ID      one device on --link
  --config FILE     every device of a configuration, bus by bus
  --link LINK       the bus; its baud rate decides the milliseconds
  --unit N          the unit id, and --option K=V an option of the profile
  --turnaround MS   time between request and answer, without the wire (default 30 on a serial bus, 10 on TCP,
                    100 for GoodWe's UDP, 1000 for a stick logger)
  --every T         the pace of the fast points (default 2s, or the configuration's)
  --json            as JSON

Fast points are read on each poll, slow ones once a minute, once-only ones at the start. Requests of a variant are only sent where the device
turns out to be one. Nothing is connected, but for the profile \`sunspec\`: such a device has a list of its own, and is asked for it.`,

  async run(context) {
    const turnaround = textOption(context, 'turnaround');
    const turnaroundMs = turnaround === undefined ? undefined : /^\d+(\.\d+)?$/.test(turnaround) ? Number(turnaround) : Number.NaN;
    if (turnaroundMs !== undefined && !(turnaroundMs >= 0 && turnaroundMs <= 10_000))
      throw new AppError('USAGE', '--turnaround', `found "${turnaround}", expected milliseconds`);
    const config = textOption(context, 'config');
    const json = flagOption(context, 'json');
    if (config !== undefined && textOption(context, 'profile') !== undefined)
      throw new AppError('USAGE', 'wattledger plan', 'expected either --profile ID or --config FILE');
    if (config !== undefined) {
      const {devices, buses} = configPlans(config, turnaroundMs);
      if (json) context.out(JSON.stringify({schema: 1, devices, buses}, null, 2));
      else for (const line of [...devices.flatMap(lines), ...buses.map(busLine)]) context.out(line);
      return 0;
    }
    const plan = await singlePlan(context, turnaroundMs);
    if (json) context.out(JSON.stringify(plan, null, 2));
    else for (const line of lines(plan)) context.out(line);
    return 0;
  },
};

type Paces = {readonly everyMs: number; readonly slowEveryMs: number};
type DevicePlan = ReturnType<typeof describePlan> & {device?: string; bus?: string};

async function singlePlan(context: CommandContext, turnaroundMs: number | undefined): Promise<DevicePlan> {
  const profile = loadProfile(requireText(context, 'profile', 'ID or --config FILE'), listOption(context, 'profiles'));
  const url = parseLinkUrl(requireText(context, 'link', 'tcp://HOST'), '--link');
  const settings = deviceSettings(context, profile);
  const bus = timingOf(url, profile.timing, turnaroundMs);
  const paces = {everyMs: durationOf(textOption(context, 'every') ?? '2s', 'every'), slowEveryMs: SLOW_EVERY_MS};
  if (profile.driver !== 'sunspec') return describePlan(profile, url, bus, planProfile(profile, bus, settings), paces);
  const {points, once, reason} = await askModels(profile, url, settings, bus, context.signal);
  if (reason !== null) context.err(`${url.text} unit ${settings.unit}: ${reason}; the plan of such a device comes from its own list`);
  const walked = {...profile, points};
  const planned = planProfile({...walked, identity: {}}, bus, settings).filter(one => one.class !== 'once');
  return describePlan(walked, url, bus, [...planned, ...once], paces);
}

function configPlans(fileName: string, turnaroundMs: number | undefined) {
  const config = loadConfig(fileName, 'none');
  const devices = config.devices.map(device => {
    const {url} = config.links.find(link => link.name === device.link) as {url: LinkUrl};
    const bus = timingOf(url, device.profile.timing, turnaroundMs);
    const planning: Planning = device;
    const paces = {everyMs: Math.max(config.site.pollEveryMs, device.everyMs ?? 0), slowEveryMs: config.countersEveryMs};
    const plan = describePlan(device.profile, url, bus, planProfile(device.profile, bus, planning), paces, device.maxRegisters);
    return {...plan, device: device.id, bus: device.link};
  });
  const buses = config.links.map(({name, url}) => {
    const members = devices.filter(device => device.bus === name);
    const total = (of: (plan: DevicePlan) => number): number => members.reduce((sum, plan) => sum + of(plan), 0);
    return {
      link: name,
      url: url.text,
      devices: members.map(plan => plan.device),
      bus_load: Math.round(1000 * total(plan => plan.bus_load)) / 1000,
      min_interval_ms: shortest(
        total(plan => plan.sweep_ms.fast + plan.pauses_ms.fast),
        total(plan => plan.sweep_ms.slow + plan.pauses_ms.slow) / config.countersEveryMs,
      ),
    };
  });
  return {devices, buses};
}

/** The shortest interval of fast sweeps beside this share of slow ones; null where none fits. */
const shortest = (fastMs: number, slowLoad: number): number | null =>
  slowLoad < TARGET_LOAD ? Math.max(1, Math.ceil(fastMs / (TARGET_LOAD - slowLoad))) : null;

function describePlan(
  profile: DeviceProfile,
  url: LinkUrl,
  bus: BusTiming,
  planned: readonly Planned[],
  {everyMs, slowEveryMs}: Paces,
  maxRegisters = profile.limits.maxRegisters,
) {
  // Each request as it is shown, so that the sums are those of what is shown.
  const shown = planned.map(one => ({...one, request: {...one.request, ms: round(one.request.ms)}}));
  const of = (part: 'busMs' | 'pauseMs') => ({
    fast: round(sweepMs(shown, 'fast', bus)[part]),
    slow: round(sweepMs(shown, 'slow', bus)[part]),
    once: round(sweepMs(shown, 'once', bus)[part]),
  });
  const [sweep, pauses] = [of('busMs'), of('pauseMs')];
  const [fastMs, slowLoad] = [sweep.fast + pauses.fast, (sweep.slow + pauses.slow) / slowEveryMs];
  const {limits} = profile;
  const severalUnits = new Set(shown.map(one => one.unit)).size > 1;
  return {
    schema: 1,
    profile: profile.id,
    link: {kind: url.kind, ...('serial' in url ? {baud: url.serial.baud, parity: url.serial.parity} : {}), turnaround_ms: bus.turnaroundMs},
    limits: {
      max_registers: Math.min(limits.maxRegisters, maxRegisters),
      max_gap: limits.maxGap,
      barriers: limits.barriers,
      forbidden: limits.forbidden,
      single: limits.single,
      atomic: limits.atomic,
    },
    points: profile.points.map(point => pointJson(point, profile)),
    requests: shown.map(({class: pace, unit, request, variant}) => ({
      class: pace,
      ...(severalUnits ? {unit} : {}),
      ...(variant === null ? {} : {variant}),
      fc: request.fc,
      start: request.at,
      count: request.words,
      ms: request.ms,
    })),
    sweep_ms: sweep,
    pauses_ms: pauses,
    bus_load: Math.round((fastMs / everyMs + slowLoad) * 1000) / 1000,
    min_interval_ms: shortest(fastMs, slowLoad),
  };
}

const round = (ms: number): number => Math.round(ms * 10) / 10;

const pointJson = (point: PointDef, {limits}: DeviceProfile) => ({
  name: point.name,
  class: point.every,
  registers: spansOfPoint(point, limits).map(span => ({fc: span.fc, start: span.at, count: span.words})),
});

function lines(plan: DevicePlan): string[] {
  const pauses = plan.pauses_ms.fast > 0 ? `, and ${plan.pauses_ms.fast} ms of pauses` : '';
  return [
    `${plan.device ? `${plan.device} on ${plan.bus}: ` : ''}${plan.profile}, ${plan.points.length} points in ${plan.requests.length} requests`,
    ...plan.requests.map(
      one =>
        `  ${one.class.padEnd(4)}  fc ${one.fc}  ${String(one.start).padStart(5)} + ${String(one.count).padEnd(3)}  ${one.ms.toFixed(1).padStart(7)} ms${one.variant === undefined ? '' : `  where it is a ${one.variant}`}`,
    ),
    `  sweep: fast ${plan.sweep_ms.fast} ms${pauses}, slow ${plan.sweep_ms.slow} ms, once ${plan.sweep_ms.once} ms`,
    `  bus load ${(plan.bus_load * 100).toFixed(1)} %, shortest interval ${plan.min_interval_ms ?? '-'} ms`,
    '',
  ];
}

const busLine = (bus: ReturnType<typeof configPlans>['buses'][number]): string =>
  `bus ${bus.link}: ${bus.devices.join(', ') || 'nobody'}; load ${(bus.bus_load * 100).toFixed(1)} %, shortest interval for all ${bus.min_interval_ms ?? '-'} ms`;
