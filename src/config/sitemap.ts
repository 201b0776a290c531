// `map:` of the configuration against the devices' profiles: who plays which part, with errors that name the line.

import {AppError} from '../core/errors.ts';
import {nearest} from '../core/nearest.ts';
import type {DeviceProfile} from '../core/profile.ts';
import type {ChannelRef, SiteMap} from '../core/site.ts';
import {PARTS, type Part, parsePoint} from '../core/vocabulary.ts';
import {placeOf, type YamlFile} from './document.ts';
import type {ConfigFile} from './schema.ts';

/** Words that name rows, columns or totals of their own and cannot be ids of batteries and loads. */
const RESERVED = ['solar', 'wind', 'generator', 'grid', 'home', 'standby', 'loss', 'hybrid', 'unexplained', 'unknown', 'direct'];

/** Names of published energies that are no ids: a load called so would be added up with them. */
const ENERGIES = [
  'grid_import', 'grid_export', 'btm_consumed', 'stored', 'exported', 'imported', 'imported_earlier', 're_exported', 'lost', 'unknown_origin',
]; // biome-ignore format: a list
/** Rows of the ledger that are there whatever the house has. */
const SOURCES = ['solar', 'wind', 'generator', 'grid', 'unexplained', 'unknown', 'battery'];

type Role = 'grid' | 'solar' | 'wind' | 'generator' | 'battery' | 'load' | 'home' | 'pv' | 'ac' | 'cascade';

/** Parts that can play a role, best first, for a reference that names the device only. */
const CANDIDATES: Readonly<Record<Role, readonly Part[]>> = {
  grid: ['grid', 'meter'],
  solar: ['inverter', 'pv', 'meter'],
  wind: ['wind', 'inverter', 'meter'],
  generator: ['generator', 'meter'],
  battery: ['battery', 'meter'],
  load: ['load', 'meter'],
  home: ['load', 'meter'],
  pv: ['pv'],
  ac: ['inverter'],
  cascade: ['meter', 'grid', 'load'],
};

/** What a SunSpec device may offer; its own model list decides at run time. */
const SUNSPEC_POINTS = [
  'inverter.power_w', 'inverter.energy_wh', 'inverter.power_l1_w', 'inverter.power_l2_w', 'inverter.power_l3_w', 'pv.power_w', 'pv.energy_wh',
  'grid.power_w', 'grid.power_l1_w', 'grid.power_l2_w', 'grid.power_l3_w', 'grid.import_energy_wh', 'grid.export_energy_wh',
  'meter.power_w', 'meter.power_l1_w', 'meter.power_l2_w', 'meter.power_l3_w', 'meter.import_energy_wh', 'meter.export_energy_wh',
  'battery.power_w', 'battery.soc_pct', 'battery.charge_energy_wh', 'battery.discharge_energy_wh', 'inverter.state',
]; // biome-ignore format: a list

/** Names of all points a profile may tell, variants included. */
export function offeredPoints(profile: DeviceProfile): readonly string[] {
  const names = [...profile.points, ...profile.variants.flatMap(variant => variant.points)].map(point => point.name);
  return [...new Set(profile.driver === 'sunspec' ? [...names, ...SUNSPEC_POINTS] : names)];
}

/** Resolves the map. Throws AppError SITE_INCONSISTENT with the line. */
export function resolveMap(map: ConfigFile['map'], profiles: ReadonlyMap<string, DeviceProfile>, file: YamlFile): SiteMap {
  const taken = new Map<string, string>();
  const fail = (path: readonly PropertyKey[], what: string): never => {
    throw new AppError('SITE_INCONSISTENT', placeOf(file, path), `${path.join('.')}: ${what}`);
  };

  const channel = (ref: string, role: Role, id: string, path: readonly PropertyKey[], shared = false): ChannelRef => {
    const [device = '', named] = ref.split('.');
    const profile = profiles.get(device);
    if (!profile) {
      const near = nearest(device, [...profiles.keys()]);
      return fail(path, `no device "${device}"${near ? `; did you mean "${near}"?` : ''}`);
    }
    const offered = offeredPoints(profile);
    const parts = [...new Set(offered.map(point => point.split('.')[0] ?? ''))];
    const part = named ?? pick(role, parts, profile);
    if (part === undefined) return fail(path, `${profile.name} has nothing that can be a ${role}; it has ${parts.join(', ')}`);
    if (!parts.includes(part)) return fail(path, `${profile.name} has no part "${part}"; it has ${parts.join(', ')}`);
    const key = `${device}.${part}`;
    const before = taken.get(key);
    if (before !== undefined && !shared) return fail(path, `${key} already plays ${before}; a part is counted once`);
    taken.set(key, path.join('.'));
    const points = offered.filter(point => point.startsWith(`${part}.`)).map(point => point.slice(part.length + 1));
    if (!points.some(point => /^power(_l[123])?_w$/.test(point))) return fail(path, `${profile.name} tells no power of "${part}"`);
    const kind = parsePoint(`${part}.${points[0]}`)?.part ?? 'meter';
    const side = kind === 'pv' || kind === 'battery' || kind === 'inverter' ? profile.side[kind] : undefined;
    return {device, part, id, side: side ?? 'ac', points};
  };

  const list = (refs: readonly string[], role: Role, name: 'solar' | 'wind' | 'generator'): ChannelRef[] =>
    refs.map((ref, index) => channel(ref, role, ref.replace('.', '_'), listPath(file, name, index)));

  const hybridBatteries = map.hybrid.flatMap(hybrid =>
    hybrid.battery.map((ref, index) => ({ref, id: hybrid.battery.length > 1 ? `${hybrid.id}_${index + 1}` : hybrid.id})),
  );
  const onlyBattery = hybridBatteries.length + map.battery.length === 1;
  const batteryId = (id: string): string => (onlyBattery ? 'battery' : id);

  const grid = map.grid
    ? {
        meter: channel(map.grid.meter, 'grid', 'grid', ['map', 'grid']),
        at: map.grid.at,
        state: map.grid.state === undefined ? null : splitPoint(map.grid.state, profiles, fail),
        energyNetting: profiles.get(map.grid.meter.split('.')[0] ?? '')?.energyNetting ?? ('unknown' as const),
      }
    : null;
  const home = map.home === undefined ? null : channel(map.home, 'home', 'home', ['map', 'home']);
  const hybrids = map.hybrid.map((hybrid, at) => ({
    id: hybrid.id,
    pv: hybrid.pv.map((ref, index) =>
      channel(ref, 'pv', `${hybrid.id}_pv${hybrid.pv.length > 1 ? index + 1 : ''}`, ['map', 'hybrid', at, 'pv']),
    ),
    battery: hybrid.battery.map((ref, index) =>
      channel(ref, 'battery', batteryId(hybrid.battery.length > 1 ? `${hybrid.id}_${index + 1}` : hybrid.id), [
        'map',
        'hybrid',
        at,
        'battery',
      ]),
    ),
    ac: channel(hybrid.ac, 'ac', `${hybrid.id}_ac`, ['map', 'hybrid', at, 'ac']),
  }));
  const solar = list(map.solar, 'solar', 'solar');
  const wind = list(map.wind, 'wind', 'wind');
  const generator = list(map.generator, 'generator', 'generator');
  const batteries = map.battery.map((ref, index) =>
    channel(ref, 'battery', batteryId(ref.replace('.', '_')), listPath(file, 'battery', index)),
  );
  const loads = Object.entries(map.loads).map(([id, ref]) => channel(ref, 'load', id, ['map', 'loads', id]));
  const cascade = map.cascade
    ? {meter: channel(map.cascade.meter, 'cascade', 'cascade', ['map', 'cascade', 'meter']), loads: map.cascade.loads}
    : null;

  if (!grid && !home)
    fail(['map'], 'no grid meter; name the meter at the utility connection under `grid:` (or one of the whole house under `home:`)');
  checkIds(map, [...batteries, ...hybrids.flatMap(hybrid => hybrid.battery)], fail);
  const derived = cascade?.loads.filter(load => !(load in map.loads)) ?? [];
  if (derived.length > 1)
    fail(['map', 'cascade', 'loads'], `${derived.join(' and ')} have no meter; the difference of the two meters can only be one of them`);
  if (home && grid?.at === 'load')
    fail(['map', 'home'], 'the meter under `grid:` stands `at: load` and measures the whole house already; one of them is enough');
  return {grid, hybrids, solar, wind, generator, batteries, loads, home, cascade};
}

/** The part of a device for a role; a plain PV inverter is taken at its AC port, unless its solar power is an AC measurement itself. */
function pick(role: Role, parts: readonly string[], profile: DeviceProfile): string | undefined {
  const order = role === 'solar' && profile.side.pv === 'ac' ? (['pv', 'inverter', 'meter'] as const) : CANDIDATES[role];
  return order.find(part => parts.includes(part));
}

/** A list may stand as a single word in the file. */
function listPath(file: YamlFile, name: string, index: number): PropertyKey[] {
  const many = file.document.hasIn(['map', name, 0]);
  return many ? ['map', name, index] : ['map', name];
}

function splitPoint(
  text: string,
  profiles: ReadonlyMap<string, DeviceProfile>,
  fail: (path: readonly PropertyKey[], what: string) => never,
): {device: string; point: string} {
  const [device = '', ...rest] = text.split('.');
  if (!profiles.has(device)) fail(['map', 'grid', 'state'], `no device "${device}"`);
  return {device, point: rest.join('.')};
}

function checkIds(
  map: ConfigFile['map'],
  batteries: readonly ChannelRef[],
  fail: (path: readonly PropertyKey[], what: string) => never,
): void {
  const used = new Map<string, string>();
  const stores = batteries.map(battery => battery.id);
  const claim = (id: string, path: readonly PropertyKey[], allowed = false): void => {
    if (!allowed && (RESERVED.includes(id) || (PARTS as readonly string[]).includes(id)))
      fail(path, `"${id}" is a word of its own; choose another id`);
    const isEnergy = ENERGIES.includes(id) || ['battery', ...stores].some(store => id === `${store}_charge` || id === `${store}_discharge`);
    if (isEnergy || [...SOURCES, ...stores].some(source => id.startsWith(`${source}_to_`) || id.startsWith(`${source}_via_`)))
      fail(path, `"${id}" is the name of a total or of a cell; choose another id`);
    if (used.has(id)) fail(path, `the id "${id}" is used twice`);
    used.set(id, path.join('.'));
  };
  for (const battery of batteries) claim(battery.id, ['map', 'battery'], battery.id === 'battery' && batteries.length === 1);
  for (const load of Object.keys(map.loads)) claim(load, ['map', 'loads', load]);
  for (const load of map.cascade?.loads ?? []) if (!(load in map.loads)) claim(load, ['map', 'cascade', 'loads']);
}
