// What a look at the configuration alone can tell: parts that will not do what their owner expects. Pure; nothing is asked.

import {type Said, say} from './sentences/say.ts';
import type {ChannelRef, Site} from './site.ts';

/** `where` is a key of the configuration or a part of the system; `what` says what was found, `todo` what to do about it. */
export type Finding = {readonly where: string; readonly what: string; readonly todo: string};
type SiteFinding = Finding & {readonly what: Said; readonly todo: Said};

/** Rows and columns that every house may have. */
const WORDS = ['standby', 'hybrid', 'unexplained'];

const has = (ref: ChannelRef, quantity: string): boolean => ref.points.includes(quantity);

/** Findings about who plays which part. `devices`: the points that each configured device tells, by its id. */
export function siteFindings(site: Site, devices: ReadonlyMap<string, readonly string[]>): SiteFinding[] {
  const {map, flows} = site;
  const found: SiteFinding[] = [];
  const add = (where: string, what: Said, todo: Said): void => void found.push({where, what, todo});

  const refs: readonly ChannelRef[] = [
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
  const mapped = new Set([...refs.map(ref => ref.device), ...(map.grid?.state ? [map.grid.state.device] : [])]);
  for (const id of devices.keys())
    if (!mapped.has(id))
      add(`devices.${id}`, say('is read and stored, but plays no part in the house'), say('name it under `map:`, or leave it out'));

  if (!map.grid)
    add(
      'map.grid',
      say('there is no meter at the utility connection; import and export are derived'),
      say('add the grid meter for figures that can be audited'),
    );
  else if (!has(map.grid.meter, 'import_energy_wh') && !has(map.grid.meter, 'export_energy_wh'))
    add(
      'map.grid',
      say('{device} tells no energy counters; totals are integrated from power', {device: map.grid.meter.device}),
      say('use a meter with counters where the bill must match'),
    );
  if (map.grid && flows.netting === 'per-phase' && !has(map.grid.meter, 'power_l3_w'))
    add(
      'flows.netting',
      say('per-phase, but {device} tells no power per phase', {device: map.grid.meter.device}),
      say('use `net`, or a meter that tells its phases'),
    );
  if (map.grid && flows.netting === 'net' && map.grid.energyNetting === 'per-phase')
    add(
      'map.grid',
      say('the counters of {device} add up the phases one by one, the utility nets them; they cannot hold the totals', {
        device: map.grid.meter.device,
      }),
      say('see the notes of the profile: many meters have a setting for this'),
    );

  for (const [name, list] of [
    ['solar', map.solar],
    ['battery', map.batteries],
  ] as const) {
    for (const ref of list)
      if (ref.side === 'dc')
        add(
          `map.${name}`,
          say("{part} is measured on the DC side but stands on the AC side; the inverter's losses will look like consumption", {
            part: `${ref.device}.${ref.part}`,
          }),
          say('name it under `map.hybrid` with its `ac:` part'),
        );
  }
  for (const {device, part} of map.solar) {
    // The AC port of a hybrid carries its battery as well.
    const battery = (devices.get(device) ?? []).find(point => /^battery\d*\.power_w$/.test(point))?.split('.')[0];
    if (!part.startsWith('inverter') || battery === undefined) continue;
    const twice = map.batteries.some(ref => ref.device === device);
    add(
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
    );
  }
  for (const ref of [...map.batteries, ...map.hybrids.flatMap(hybrid => hybrid.battery)]) {
    if (!has(ref, 'soc_pct'))
      add(
        'map.battery',
        say('{part} tells no state of charge', {part: `${ref.device}.${ref.part}`}),
        say('losses and origins of its energy are estimated'),
      );
  }
  const known = new Set([...refs.map(ref => ref.id), 'solar', 'wind', 'generator', 'battery', 'grid', 'home', ...WORDS]);
  for (const [key, ids] of [
    ['flows.source_order', flows.sourceOrder],
    ['flows.sink_order', flows.sinkOrder],
    ['flows.limits', Object.keys(flows.limitsW)],
    ['flows.sigma', Object.keys(flows.sigma)],
    ['flows.age', Object.keys(flows.ageMs)],
  ] as const)
    for (const id of ids)
      if (!known.has(id)) add(key, say('"{id}" is nobody in this house', {id}), say('known: {names}', {names: [...known].join(', ')}));
  return found;
}
