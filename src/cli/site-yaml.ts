// A configuration for found devices, as text with comments. Pure.

import {offeredPoints} from '../config/sitemap.ts';
import type {LinkUrl} from '../core/linkurl.ts';
import type {DeviceProfile} from '../core/profile.ts';

export type FoundDevice = {
  readonly id: string;
  readonly link: string;
  readonly unit: number;
  readonly profile: DeviceProfile;
  readonly model: string;
};
export type Role = 'grid' | 'hybrid' | 'solar' | 'battery' | 'load' | 'grid and hybrid' | 'grid and solar' | 'none';
export type FoundSite = {
  readonly name: string;
  readonly zone: string;
  readonly links: readonly {readonly name: string; readonly url: LinkUrl}[];
  readonly devices: readonly FoundDevice[];
  readonly roles: ReadonlyMap<string, Role>;
  /** URL of the broker, or null. */
  readonly mqtt: string | null;
};

/** Parts that a device tells a power of. */
export const partsOf = (profile: DeviceProfile): readonly string[] => [
  ...new Set(
    offeredPoints(profile)
      .filter(point => /\.power(_l1)?_w$/.test(point))
      .map(point => point.split('.')[0] as string),
  ),
];

/** What a device can be in the house, the likeliest first. */
export function rolesFor(profile: DeviceProfile): Role[] {
  const parts = partsOf(profile);
  const has = (...names: string[]): boolean => names.every(name => parts.includes(name));
  // What any SunSpec device has shows in its own list only; most are inverters.
  if (profile.id === 'sunspec') return ['solar', 'grid and solar', 'grid', 'hybrid', 'grid and hybrid', 'battery', 'load'];
  const roles: Role[] = [];
  if (has('pv', 'battery', 'inverter')) roles.push(...(has('grid') ? (['grid and hybrid'] as const) : []), 'hybrid');
  else if (has('battery')) roles.push('battery');
  if (roles.length === 0 && (has('inverter') || has('pv'))) roles.push(...(has('grid') ? (['grid and solar'] as const) : []), 'solar');
  if (has('meter')) roles.push('grid', 'load', 'solar');
  else if (has('grid')) roles.push('grid');
  if (has('load') && !roles.includes('load')) roles.push('load');
  return roles;
}

/** The file's text; it passes the schema. */
export function siteYaml({name, zone, links, devices, roles, mqtt}: FoundSite): string {
  const grid = devices.find(device => roles.get(device.id)?.startsWith('grid'));
  const of = (...wanted: Role[]): FoundDevice[] => devices.filter(device => wanted.includes(roles.get(device.id) ?? 'none'));
  const gridRef = grid && (partsOf(grid.profile).includes('grid') ? `${grid.id}.grid` : grid.id);
  const hybrids = of('hybrid', 'grid and hybrid');
  const solar = of('solar', 'grid and solar');
  const solarRef = ({id, profile}: FoundDevice): string =>
    partsOf(profile).includes('inverter') ? `${id}.inverter` : partsOf(profile).includes('pv') ? `${id}.pv` : id;
  return `${[
    '# wattledger: what is where in this house. `wattledger check --config FILE` tells whether it makes sense.',
    'version: 1',
    `site: {id: home, name: ${JSON.stringify(name)}, timezone: ${zone}}`,
    '',
    '# Each bus or host once, whatever the number of devices on it.',
    'links:',
    ...links.map(link => `  ${link.name}: {url: ${JSON.stringify(link.url.text)}}`),
    '',
    '# `wattledger profiles ID` tells what a device can say.',
    'devices:',
    ...devices.map(
      ({id, link, unit, profile, model}) => `  ${id}: {profile: ${profile.id}, link: ${link}, unit: ${unit}}${model ? `  # ${model}` : ''}`,
    ),
    '',
    '# Who plays which part. Each measured part may play one role only.',
    'map:',
    gridRef
      ? `  grid: ${gridRef}  # the meter at the utility connection: + import`
      : '  # grid: DEVICE  # the meter at the utility connection is still missing',
    ...(hybrids.length > 0
      ? [
          '  hybrid:  # solar and battery behind one inverter',
          ...hybrids.map(({id}) => `    - {id: ${id}, pv: ${id}.pv, battery: ${id}.battery, ac: ${id}.inverter}`),
        ]
      : []),
    ...(solar.length > 0 ? [`  solar: [${solar.map(solarRef).join(', ')}]`] : []),
    ...(of('battery').length > 0
      ? [
          `  battery: [${of('battery')
            .map(({id}) => `${id}.battery`)
            .join(', ')}]`,
        ]
      : []),
    ...(of('load').length > 0 ? ['  loads:  # meters of single consumers', ...of('load').map(({id}) => `    ${id}: ${id}`)] : []),
    '',
    'poll: {every: 2s}',
    '',
    mqtt
      ? `mqtt: {url: ${JSON.stringify(mqtt)}, homeassistant: true}  # username: …, password: {file: /etc/wattledger/mqtt-password}`
      : '# mqtt: {url: "mqtt://localhost:1883", homeassistant: true}',
    '',
    '# The page. On any other address than this machine a password or token is required.',
    'http: {listen: "127.0.0.1:8080"}',
  ].join('\n')}\n`;
}
