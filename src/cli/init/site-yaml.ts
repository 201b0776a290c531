// A configuration for found devices, as text with comments. Pure.

import {offeredPoints} from '../../config/sitemap.ts';
import type {LinkUrl} from '../../core/linkurl.ts';
import type {DeviceProfile} from '../../core/profile.ts';
import type {Reading} from '../../core/reading.ts';

export type FoundDevice = {
  readonly id: string;
  readonly link: string;
  readonly url: LinkUrl;
  readonly unit: number;
  readonly profile: DeviceProfile;
  readonly model: string;
  /** What it told when it was found; empty where it fell silent. */
  readonly readings: readonly Reading[];
};
export type Role = 'grid' | 'hybrid' | 'solar' | 'battery' | 'load' | 'grid and hybrid' | 'grid and solar' | 'none';
type FoundSite = {
  readonly name: string;
  readonly zone: string;
  readonly links: readonly {readonly name: string; readonly url: LinkUrl}[];
  readonly devices: readonly FoundDevice[];
  readonly roles: ReadonlyMap<string, Role>;
  /** Ids of single consumers, by the device that measures them. */
  readonly loads: ReadonlyMap<string, string>;
  /** Parts that are mounted the other way round, by device. */
  readonly inverted: ReadonlyMap<string, readonly string[]>;
  /** What a person found wrong and nothing could be done about, by device. */
  readonly doubts: ReadonlyMap<string, string>;
  readonly broker: {readonly url: string; readonly username: string | null; readonly passwordFile: string | null} | null;
  /** The page for other machines, with the names under which they find this one; null: this machine only. */
  readonly page: {readonly passwordFile: string; readonly hosts: readonly string[]} | null;
};

/** Parts that a device tells a power of: those that it really told, else those of its profile. */
export function partsOf({profile, readings}: Pick<FoundDevice, 'profile' | 'readings'>): readonly string[] {
  const names = readings.length > 0 ? readings.map(reading => reading.point) : offeredPoints(profile);
  return [...new Set(names.filter(point => /\.power(_l1)?_w$/.test(point)).map(point => point.split('.')[0] as string))];
}

/** What a device can be in the house, the likeliest first. */
export function rolesFor(parts: readonly string[]): Role[] {
  const has = (...names: string[]): boolean => names.every(name => parts.includes(name));
  const roles: Role[] = [];
  if (has('pv', 'battery', 'inverter')) roles.push(...(has('grid') ? (['grid and hybrid'] as const) : []), 'hybrid');
  else if (has('battery')) roles.push('battery');
  if (roles.length === 0 && (has('inverter') || has('pv'))) roles.push(...(has('grid') ? (['grid and solar'] as const) : []), 'solar');
  if (has('meter')) roles.push('grid', 'load', 'solar');
  else if (has('grid')) roles.push('grid');
  if (has('load') && !roles.includes('load')) roles.push('load');
  return [...new Set(roles)];
}

/** The reference of a device that makes solar power: its AC port where it has one. */
export function solarRef(device: FoundDevice): string {
  const part = ['inverter', 'pv', 'meter'].find(one => partsOf(device).includes(one));
  return part === undefined || part === 'meter' ? device.id : `${device.id}.${part}`;
}

/** The file's text; it passes the schema. */
export function siteYaml(site: FoundSite): string {
  const {name, zone, links, devices, roles, loads, inverted, doubts, broker, page} = site;
  const of = (...wanted: Role[]): FoundDevice[] => devices.filter(device => wanted.includes(roles.get(device.id) ?? 'none'));
  const [grid] = of('grid', 'grid and hybrid', 'grid and solar');
  const hybrids = of('hybrid', 'grid and hybrid');
  const solar = of('solar', 'grid and solar');
  const batteries = of('battery');
  const consumers = of('load');
  return `${[
    '# wattledger: what is where in this house. `wattledger check --config FILE` tells whether it makes sense.',
    'version: 1',
    '',
    '# The id stands in every name at the broker and in Home Assistant: choose it now, never change it.',
    `site: {id: home, name: ${JSON.stringify(name)}, timezone: ${zone}}`,
    '',
    '# Each bus or host once, whatever the number of devices on it.',
    'links:',
    ...links.map(link => `  ${link.name}: {url: ${JSON.stringify(link.url.text)}}`),
    '',
    '# `wattledger profiles ID` tells what a device can say. `invert: meter` turns a part that is mounted the other way round.',
    'devices:',
    ...devices.flatMap(({id, link, unit, profile, model}) => [
      ...(doubts.has(id) ? [`  # ${doubts.get(id)}`] : []),
      `  ${id}: {profile: ${profile.id}, link: ${link}, unit: ${unit}${invertText(inverted.get(id))}}${model ? `  # ${model}` : ''}`,
    ]),
    '',
    '# Who plays which part: a device, or one part of it as device.part. Each part counts once.',
    'map:',
    grid
      ? `  grid: ${partsOf(grid).includes('grid') ? `${grid.id}.grid` : grid.id}  # the meter at the utility connection: + import, - export`
      : '  # grid: DEVICE  # the meter at the utility connection is still missing',
    ...(hybrids.length > 0
      ? [
          '  hybrid:  # solar and battery behind one inverter; what it loses is booked',
          ...hybrids.map(({id}) => `    - {id: ${id}, pv: ${id}.pv, battery: ${id}.battery, ac: ${id}.inverter}`),
        ]
      : []),
    ...(solar.length > 0 ? [`  solar: [${solar.map(solarRef).join(', ')}]`] : []),
    ...(batteries.length > 0 ? [`  battery: [${batteries.map(({id}) => `${id}.battery`).join(', ')}]`] : []),
    ...(consumers.length > 0
      ? [
          '  loads:  # meters of single consumers',
          ...consumers.map(
            device => `    ${loads.get(device.id) ?? device.id}: ${partsOf(device).includes('load') ? `${device.id}.load` : device.id}`,
          ),
        ]
      : []),
    '',
    '# How often powers are read; `wattledger plan` tells what a bus can carry.',
    'poll: {every: 2s}',
    '',
    '# Where the sun goes first when there is not enough for all: solar-first | proportional | battery-first. A convention; any can be seen later.',
    'flows: {policy: solar-first}',
    '',
    ...(broker
      ? ['# The broker; Home Assistant finds the house there by itself.', `mqtt: {${brokerText(broker)}, homeassistant: true}`]
      : [
          '# The broker, and Home Assistant behind it. The password stands in a file beside this one.',
          '# mqtt: {url: "mqtt://localhost:1883", username: NAME, password: {file: mqtt-password}}',
        ]),
    '',
    ...(page
      ? [
          '# The page, for other machines in the house as well; it asks for the password in the file.',
          `http: {listen: "0.0.0.0:8080", hosts: [${page.hosts.join(', ')}], password: {file: ${page.passwordFile}}}`,
        ]
      : ['# The page. On any other address than this machine a password or token is required.', 'http: {listen: "127.0.0.1:8080"}']),
    '',
    '# What energy costs: docs/tariffs.md. A verified copy of the ledger every night, best on another disk:',
    '# store: {backup: {folder: /mnt/usb/wattledger}}',
  ].join('\n')}\n`;
}

const invertText = (parts: readonly string[] | undefined): string =>
  parts === undefined || parts.length === 0 ? '' : `, invert: ${parts.length === 1 ? parts[0] : `[${parts.join(', ')}]`}`;

const brokerText = ({url, username, passwordFile}: NonNullable<FoundSite['broker']>): string =>
  [
    `url: ${JSON.stringify(url)}`,
    ...(username === null ? [] : [`username: ${JSON.stringify(username)}`]),
    ...(passwordFile === null ? [] : [`password: {file: ${passwordFile}}`]),
  ].join(', ');
