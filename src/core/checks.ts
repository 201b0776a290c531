// What a look at the configuration alone can tell: parts that will not do what their owner expects. Pure; nothing is asked.

import {type Said, say} from './sentences/say.ts';
import type {ChannelRef, Site, SiteMap} from './site.ts';

/** `where` is a key of the configuration or a part of the system; `what` says what was found, `todo` what to do about it. */
export type Finding = {readonly where: string; readonly what: string; readonly todo: string};
type SiteFinding = Finding & {readonly what: Said; readonly todo: Said};
/** The points that each configured device tells, by its id. */
type Told = ReadonlyMap<string, readonly string[]>;

/** Rows and columns that every house may have. */
const WORDS = ['standby', 'hybrid', 'unexplained'];

const finding = (where: string, what: Said, todo: Said): SiteFinding => ({where, what, todo});
const has = (ref: ChannelRef, quantity: string): boolean => ref.points.includes(quantity);
/** Every part that a house has a use for. */
export const refsOf = (map: SiteMap): readonly ChannelRef[] => [
  ...(map.grid ? [map.grid.meter] : []),
  ...map.hybrids.flatMap(hybrid => [...hybrid.pv, ...hybrid.battery, hybrid.ac]),
  ...map.solar,
  ...map.wind,
  ...map.generator,
  ...map.batteries,
  ...map.loads,
  ...(map.home ? [map.home] : []),
  ...(map.cascade ? [map.cascade.meter] : []),
];

/** Findings about who plays which part. */
export const siteFindings = (site: Site, devices: Told): SiteFinding[] => [
  ...withoutPart(site, devices),
  ...gridMeter(site),
  ...onWrongSide(site),
  ...hybridAsSolar(site, devices),
  ...withoutCharge(site),
  ...strangers(site),
];

function withoutPart({map}: Site, devices: Told): SiteFinding[] {
  const mapped = new Set([...refsOf(map).map(ref => ref.device), ...(map.grid?.state ? [map.grid.state.device] : [])]);
  return [...devices.keys()]
    .filter(id => !mapped.has(id))
    .map(id =>
      finding(`devices.${id}`, say('is read and stored, but plays no part in the house'), say('name it under `map:`, or leave it out')),
    );
}

function gridMeter({map: {grid}, flows}: Site): SiteFinding[] {
  if (!grid)
    return [
      finding(
        'map.grid',
        say('there is no meter at the utility connection; import and export are derived'),
        say('add the grid meter for figures that can be audited'),
      ),
    ];
  const {device} = grid.meter;
  const found: SiteFinding[] = [];
  if (!has(grid.meter, 'import_energy_wh') && !has(grid.meter, 'export_energy_wh'))
    found.push(
      finding(
        'map.grid',
        say('{device} tells no energy counters; totals are integrated from power', {device}),
        say('use a meter with counters where the bill must match'),
      ),
    );
  if (flows.netting === 'per-phase' && !has(grid.meter, 'power_l3_w'))
    found.push(
      finding(
        'flows.netting',
        say('per-phase, but {device} tells no power per phase', {device}),
        say('use `net`, or a meter that tells its phases'),
      ),
    );
  if (flows.netting === 'net' && grid.energyNetting === 'per-phase')
    found.push(
      finding(
        'map.grid',
        say('the counters of {device} add up the phases one by one, the utility nets them; they cannot hold the totals', {device}),
        say('see the notes of the profile: many meters have a setting for this'),
      ),
    );
  return found;
}

function onWrongSide({map}: Site): SiteFinding[] {
  const placed = [...map.solar.map(ref => ({where: 'map.solar', ref})), ...map.batteries.map(ref => ({where: 'map.battery', ref}))];
  return placed
    .filter(({ref}) => ref.side === 'dc')
    .map(({where, ref}) =>
      finding(
        where,
        say("{part} is measured on the DC side but stands on the AC side; the inverter's losses will look like consumption", {
          part: `${ref.device}.${ref.part}`,
        }),
        say('name it under `map.hybrid` with its `ac:` part'),
      ),
    );
}

/** The AC port of a hybrid carries its battery as well. */
function hybridAsSolar({map}: Site, devices: Told): SiteFinding[] {
  return map.solar.flatMap(({device, part}) => {
    const battery = (devices.get(device) ?? []).find(point => /^battery\d*\.power_w$/.test(point))?.split('.')[0];
    if (!part.startsWith('inverter') || battery === undefined) return [];
    const twice = map.batteries.some(ref => ref.device === device);
    return [
      finding(
        'map.solar',
        twice
          ? say('{part} carries what {battery} gives and takes, and that stands under `battery:` as well: the battery is counted twice', {
              part: `${device}.${part}`,
              battery: `${device}.${battery}`,
            })
          : say('{device} is a hybrid: what its battery gives and takes would be called sun', {device}),
        say('name it under `map.hybrid`: {example}', {
          example: `{id: ${device}, pv: ${device}.pv, ${twice ? `battery: ${device}.${battery}, ` : ''}ac: ${device}.${part}}`,
        }),
      ),
    ];
  });
}

function withoutCharge({map}: Site): SiteFinding[] {
  return [...map.batteries, ...map.hybrids.flatMap(hybrid => hybrid.battery)]
    .filter(ref => !has(ref, 'soc_pct'))
    .map(ref =>
      finding(
        'map.battery',
        say('{part} tells no state of charge', {part: `${ref.device}.${ref.part}`}),
        say('losses and origins of its energy are estimated'),
      ),
    );
}

/** Ids under `flows:` that nobody has. */
function strangers({map, flows}: Site): SiteFinding[] {
  const known = new Set([...refsOf(map).map(ref => ref.id), 'solar', 'wind', 'generator', 'battery', 'grid', 'home', ...WORDS]);
  const names = [...known].join(', ');
  const named: readonly (readonly [key: string, ids: readonly string[]])[] = [
    ['flows.source_order', flows.sourceOrder],
    ['flows.sink_order', flows.sinkOrder],
    ['flows.limits', Object.keys(flows.limitsW)],
    ['flows.sigma', Object.keys(flows.sigma)],
    ['flows.age', Object.keys(flows.ageMs)],
  ];
  return named.flatMap(([key, ids]) =>
    ids.filter(id => !known.has(id)).map(id => finding(key, say('"{id}" is nobody in this house', {id}), say('known: {names}', {names}))),
  );
}
