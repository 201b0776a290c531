// What `check`, `init` and `doctor` look at beside the configuration: the bus load, the clock, the disk, and the devices themselves.

import {accessSync, constants, existsSync, statfsSync} from 'node:fs';
import {connect} from 'node:net';
import path from 'node:path';
import {realClock} from '../app/clock.ts';
import type {AppConfig} from '../config/load.ts';
import {type Finding, siteFindings} from '../core/checks.ts';
import {silentLog} from '../core/log.ts';
import {tariffFindings} from '../core/tariff/checks.ts';
import {createDevice, planOf, timingOf} from '../device/device.ts';
import {openLink} from '../link/open.ts';

/** Above this share of the time on the wire, polls begin to wait for each other. */
const BUSY_BUS = 0.8;
const LITTLE_SPACE_MB = 500;
/** No clock that has been set shows a time before this program was written. */
const EARLIEST_MS = Date.UTC(2026, 0, 1);

/** What can be found without asking anybody. */
export function offlineFindings(config: AppConfig): Finding[] {
  return [
    ...siteFindings(
      config.site,
      config.devices.map(device => device.id),
    ),
    ...(config.money ? tariffFindings(config.money.tariffs, config.site.timezone, realClock.wallMs()) : []),
    ...config.clearSecrets.map(key => ({
      where: key,
      what: 'a secret in clear text',
      todo: 'name a file, an environment variable or a systemd credential instead',
    })),
    ...busFindings(config),
    ...machineFindings(config),
  ];
}

/** Share of the time each link is busy, predicted from the read plans. */
export function busLoads(config: AppConfig): ReadonlyMap<string, number> {
  const loads = new Map<string, number>();
  for (const device of config.devices) {
    const url = config.links.find(link => link.name === device.link)?.url;
    if (!url) continue;
    const unitOf = (key: string | null): number => (key === null ? device.unit : (device.units[key] ?? device.unit));
    const requests = planOf(device.profile.points, device.profile.limits, unitOf, timingOf(url));
    const msOf = (kind: string): number =>
      requests.filter(one => one.class === kind).reduce((sum, one) => sum + one.request.ms + device.profile.timing.minGapMs, 0);
    const everyMs = Math.max(config.site.pollEveryMs, device.everyMs ?? 0);
    loads.set(device.link, (loads.get(device.link) ?? 0) + msOf('fast') / everyMs + msOf('slow') / config.countersEveryMs);
  }
  return loads;
}

function busFindings(config: AppConfig): Finding[] {
  return [...busLoads(config)]
    .filter(([, load]) => load > BUSY_BUS)
    .map(([link, load]) => ({
      where: `links.${link}`,
      what: `the bus would be busy ${Math.round(load * 100)} % of the time`,
      todo: `poll every ${Math.ceil((config.site.pollEveryMs * load) / BUSY_BUS / 100) / 10} s or slower, or raise the baud rate; \`wattledger plan\` shows each request`,
    }));
}

function machineFindings(config: AppConfig): Finding[] {
  const found: Finding[] = [];
  if (realClock.wallMs() < EARLIEST_MS)
    found.push({
      where: 'clock',
      what: `the clock shows ${new Date(realClock.wallMs()).getUTCFullYear()}`,
      todo: 'set it; until then energy is counted without a date',
    });
  else if (existsSync('/run/systemd/timesync') && !existsSync('/run/systemd/timesync/synchronized'))
    found.push({where: 'clock', what: 'the clock has not been synchronised since the start', todo: 'check the network, or `timedatectl`'});
  const folder = nearestFolder(path.dirname(config.store.path));
  try {
    accessSync(existsSync(config.store.path) ? config.store.path : folder, constants.W_OK);
    const {bavail, bsize} = statfsSync(folder);
    const freeMb = Math.floor((bavail * bsize) / 1e6);
    if (freeMb < LITTLE_SPACE_MB)
      found.push({where: 'store.path', what: `only ${freeMb} MB are free in ${folder}`, todo: 'make room, or name another path'});
  } catch (error) {
    found.push({
      where: 'store.path',
      what: `${config.store.path} cannot be written: ${(error as Error).message}`,
      todo: 'run the check as the user of the service, or change owner or path',
    });
  }
  return found;
}

function nearestFolder(folder: string): string {
  let here = folder;
  while (!existsSync(here) && path.dirname(here) !== here) here = path.dirname(here);
  return here;
}

export type DeviceTold = {
  readonly id: string;
  readonly identity: Readonly<Record<string, string | number | null>>;
  readonly good: number;
  readonly missing: readonly string[];
};

const BROKER_PATIENCE_MS = 3000;
const DEVICE_PATIENCE_MS = 15_000;

/** Asks each device once, and knocks at each broker. `tell` is called as each is done. */
export async function onlineFindings(config: AppConfig, signal: AbortSignal, tell: (told: DeviceTold) => void): Promise<Finding[]> {
  const found: Finding[] = [];
  const serials = new Map<string, string>();
  await Promise.all(
    config.links.map(async ({name, url}) => {
      const link = openLink(name, url, {clock: realClock});
      try {
        for (const device of config.devices.filter(one => one.link === name)) {
          const {id, profile, unit, units, options, maxRegisters} = device;
          const own = createDevice(
            {
              id,
              profile,
              link,
              linkUrl: url,
              unit,
              units,
              options,
              everyMs: 0,
              slowEveryMs: 0,
              ...(maxRegisters === undefined ? {} : {maxRegisters}),
            },
            {clock: realClock, log: silentLog, note() {}, localHour: () => 12},
          );
          const sweep = await own.sweep(AbortSignal.any([signal, AbortSignal.timeout(DEVICE_PATIENCE_MS)]));
          const where = `devices.${id}`;
          if (sweep.fault) {
            found.push({
              where,
              what: sweep.reason ?? 'no answer',
              todo: 'check address, port and unit id, and that Modbus is switched on in the device',
            });
            continue;
          }
          const missing = sweep.readings.filter(reading => reading.measured.kind === 'missing').map(reading => reading.point);
          const {model, serial, manufacturer, firmware} = sweep.identity;
          tell({id, identity: {manufacturer, model, serial, firmware}, good: sweep.readings.length - missing.length, missing});
          if (sweep.readings.length > 0 && missing.length === sweep.readings.length)
            found.push({
              where,
              what: `answers, but tells none of the values of ${profile.id}`,
              todo: 'this is probably another device; `wattledger scan` tells which profile fits',
            });
          const twin = serial ? serials.get(serial) : undefined;
          if (twin) found.push({where, what: `has the serial number of ${twin}: the same device twice`, todo: 'remove one of them'});
          if (serial) serials.set(serial, id);
          for (const ref of mappedRefs(config, id)) {
            const power = sweep.readings.find(reading => reading.point === `${ref.part}.power_w`);
            if (power?.measured.kind === 'missing' && power.measured.fault.kind !== 'asleep')
              found.push({
                where,
                what: `${ref.part}.power_w is missing (${power.measured.fault.kind}), and the house needs it`,
                todo: `see \`wattledger profiles ${profile.id}\` for its notes`,
              });
          }
        }
      } finally {
        await link.close();
      }
    }),
  );
  for (const {url} of config.mqtt) {
    const problem = await knock(url);
    if (problem) found.push({where: 'mqtt.url', what: `${url}: ${problem}`, todo: 'check host and port, and that the broker runs'});
  }
  return found;
}

const mappedRefs = ({site: {map}}: AppConfig, id: string): {readonly part: string}[] =>
  [
    ...(map.grid ? [map.grid.meter] : []),
    ...map.hybrids.flatMap(hybrid => [...hybrid.pv, ...hybrid.battery, hybrid.ac]),
    ...map.solar,
    ...map.batteries,
    ...map.loads,
  ].filter(ref => ref.device === id);

function knock(url: string): Promise<string | null> {
  const {hostname, port, protocol} = new URL(url);
  const usual = /s:$/.test(protocol) ? 8883 : 1883;
  return new Promise(resolve => {
    const socket = connect({host: hostname.replace(/^\[|\]$/g, ''), port: Number(port) || usual});
    const done = (problem: string | null): void => {
      socket.destroy();
      resolve(problem);
    };
    socket.setTimeout(BROKER_PATIENCE_MS, () => done('no answer'));
    socket.once('connect', () => done(null));
    socket.once('error', (error: NodeJS.ErrnoException) => done(error.code === 'ECONNREFUSED' ? 'nobody listens there' : error.message));
  });
}
