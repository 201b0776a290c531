// What `check` and `doctor` find without asking anybody: the configuration, the bus load, the clock, the disk.

import {accessSync, constants, existsSync, statfsSync, statSync} from 'node:fs';
import path from 'node:path';
import {realClock} from '../app/clock.ts';
import {fetchSeries, troubleOf} from '../app/prices.ts';
import {EARLIEST_MS} from '../app/trust.ts';
import type {AppConfig} from '../config/load.ts';
import {type Finding, siteFindings} from '../core/checks.ts';
import {maskUrls} from '../core/masked.ts';
import type {PollClass} from '../core/profile.ts';
import {tariffFindings} from '../core/tariff/checks.ts';
import {planProfile, sweepMs, timingOf} from '../device/plan.ts';

/** Above this share of the time on the wire, polls begin to wait for each other. */
const BUSY_BUS = 0.8;
const LITTLE_SPACE_MB = 500;

/** What can be found without asking anybody. */
export function offlineFindings(config: AppConfig): Finding[] {
  return [
    ...siteFindings(
      config.site,
      // What a SunSpec device tells is known to itself only.
      new Map(config.devices.map(({id, profile}) => [id, profile.points.map(point => point.name)])),
    ),
    ...(config.money ? tariffFindings(config.money.tariffs, config.site.timezone, realClock.wallMs()) : []),
    ...config.clearSecrets.map(key => ({
      where: key,
      what: 'a secret in clear text',
      todo: 'name a file, an environment variable or a systemd credential instead',
    })),
    ...linkFindings(config),
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
    const bus = timingOf(url, device.profile.timing);
    const requests = planProfile(device.profile, bus, device).filter(one => one.variant === null);
    const msOf = (pace: PollClass): number => {
      const {busMs, pauseMs} = sweepMs(requests, pace, bus);
      return busMs + pauseMs;
    };
    const everyMs = Math.max(config.site.pollEveryMs, device.everyMs ?? 0);
    loads.set(device.link, (loads.get(device.link) ?? 0) + msOf('fast') / everyMs + msOf('slow') / config.countersEveryMs);
  }
  return loads;
}

/** Two links to one place are two connections: a device that admits one client answers one of them, a serial port opens once. */
function linkFindings({links}: AppConfig): Finding[] {
  const goal = ({url}: AppConfig['links'][number]): string =>
    'host' in url ? `${url.host}:${url.port}` : url.usb ? JSON.stringify(url.usb) : url.path;
  return links.flatMap((link, index) => {
    const first = links.slice(0, index).find(one => goal(one) === goal(link));
    if (!first) return [];
    return [
      {
        where: `links.${link.name}`,
        what: `leads where \`links.${first.name}\` leads, over a connection of its own`,
        todo: `put its devices on \`link: ${first.name}\`: one link carries any number of units`,
      },
    ];
  });
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
    requireFile(config.store.path, folder);
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

/** Throws where the database would be a folder, or would lie in a file. */
function requireFile(file: string, folder: string): void {
  if (existsSync(file) && statSync(file).isDirectory()) throw new Error('it is a directory, expected a file');
  if (!statSync(folder).isDirectory()) throw new Error(`${folder} is no directory`);
}

/** Price series as the daemon would read them: files always, addresses only `online`. */
export async function priceFindings(config: AppConfig, online: boolean): Promise<Finding[]> {
  const found = (config.money?.series ?? []).map(async (source): Promise<Finding[]> => {
    const where = `tariffs.series.${source.id}`;
    if (source.topic !== null)
      return config.mqtt.length > 0
        ? []
        : [{where, what: 'comes from a topic, but there is no broker', todo: 'name a broker under `mqtt:`'}];
    if (source.url !== null && !online) return [];
    try {
      const rows = await fetchSeries(source, config.site.timezone);
      if (rows.length > 0) return [];
      return [{where, what: maskUrls(`${source.file ?? source.url} holds no price`), todo: 'see docs/tariffs.md for the form of a list'}];
    } catch (error) {
      return [
        {where, what: maskUrls(`${source.file ?? source.url}: ${troubleOf(error)}`), todo: 'without prices, energy is counted as unpriced'},
      ];
    }
  });
  return (await Promise.all(found)).flat();
}

/** The folder itself, or what there is of the way to it. */
export function nearestFolder(folder: string): string {
  let here = folder;
  while (!existsSync(here) && path.dirname(here) !== here) here = path.dirname(here);
  return here;
}
