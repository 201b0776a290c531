// What a look at the configuration alone can tell: parts that will not do what their owner expects. Pure; nothing is asked.

import type {ChannelRef, Site} from './site.ts';

/** `where` is a key of the configuration or a part of the system; `what` says what was found, `todo` what to do about it. */
export type Finding = {readonly where: string; readonly what: string; readonly todo: string};

/** Rows and columns that every house may have. */
const WORDS = ['standby', 'hybrid', 'unexplained'];

const has = (ref: ChannelRef, quantity: string): boolean => ref.points.includes(quantity);

/** Findings about who plays which part. `devices`: the points that each configured device tells, by its id. */
export function siteFindings(site: Site, devices: ReadonlyMap<string, readonly string[]>): Finding[] {
  const {map, flows} = site;
  const found: Finding[] = [];
  const add = (where: string, what: string, todo: string): void => void found.push({where, what, todo});

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
      add(`devices.${id}`, 'is read and stored, but plays no part in the house', 'name it under `map:`, or leave it out');

  if (!map.grid)
    add(
      'map.grid',
      'there is no meter at the utility connection; import and export are derived',
      'add the grid meter for figures that can be audited',
    );
  else if (!has(map.grid.meter, 'import_energy_wh') && !has(map.grid.meter, 'export_energy_wh'))
    add(
      'map.grid',
      `${map.grid.meter.device} tells no energy counters; totals are integrated from power`,
      'use a meter with counters where the bill must match',
    );
  if (map.grid && flows.netting === 'per-phase' && !has(map.grid.meter, 'power_l3_w'))
    add('flows.netting', `per-phase, but ${map.grid.meter.device} tells no power per phase`, 'use `net`, or a meter that tells its phases');
  if (map.grid && flows.netting === 'net' && map.grid.energyNetting === 'per-phase')
    add(
      'map.grid',
      `the counters of ${map.grid.meter.device} add up the phases one by one, the utility nets them; they cannot hold the totals`,
      'see the notes of the profile: many meters have a setting for this',
    );

  for (const [name, list] of [
    ['solar', map.solar],
    ['battery', map.batteries],
  ] as const) {
    for (const ref of list)
      if (ref.side === 'dc')
        add(
          `map.${name}`,
          `${ref.device}.${ref.part} is measured on the DC side but stands on the AC side; the inverter's losses will look like consumption`,
          'name it under `map.hybrid` with its `ac:` part',
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
        ? `${device}.${part} carries what ${device}.${battery} gives and takes, and that stands under \`battery:\` as well: the battery is counted twice`
        : `${device} is a hybrid: what its battery gives and takes would be called sun`,
      `name it under \`map.hybrid\`: {id: ${device}, pv: ${device}.pv, ${twice ? `battery: ${device}.${battery}, ` : ''}ac: ${device}.${part}}`,
    );
  }
  for (const ref of [...map.batteries, ...map.hybrids.flatMap(hybrid => hybrid.battery)]) {
    if (!has(ref, 'soc_pct'))
      add('map.battery', `${ref.device}.${ref.part} tells no state of charge`, 'losses and origins of its energy are estimated');
  }
  const known = new Set([...refs.map(ref => ref.id), 'solar', 'wind', 'generator', 'battery', 'grid', 'home', ...WORDS]);
  for (const [key, ids] of [
    ['flows.source_order', flows.sourceOrder],
    ['flows.sink_order', flows.sinkOrder],
    ['flows.limits', Object.keys(flows.limitsW)],
    ['flows.sigma', Object.keys(flows.sigma)],
    ['flows.age', Object.keys(flows.ageMs)],
  ] as const)
    for (const id of ids) if (!known.has(id)) add(key, `"${id}" is nobody in this house`, `known: ${[...known].join(', ')}`);
  return found;
}
