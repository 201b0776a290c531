// Every energy a house may ever publish, by name without its unit: what is not among them belonged to something that is gone. Pure.

import {houseOf} from '../../core/flow/channels.ts';
import {ORIGINS} from '../../core/flow/model.ts';
import type {Site} from '../../core/site.ts';

const named = new WeakMap<Site, ReadonlySet<string>>();

/** `solar_to_home`, `grid_via_battery_to_home`, `battery_charge`, `heat_pump`, … */
export function namesOf(site: Site): ReadonlySet<string> {
  let names = named.get(site);
  if (!names) {
    names = new Set(allNames(site));
    named.set(site, names);
  }
  return names;
}

function allNames(site: Site): string[] {
  const {kinds, batteries, topology} = houseOf(site);
  const made = ['solar', ...(['wind', 'generator'] as const).filter(kind => kinds.has(kind))];
  const sources = [...made, ...batteries, 'grid', 'unexplained'];
  const sinks = ['home', ...topology.loads, 'standby', 'loss', ...batteries, 'grid', 'unexplained'];
  return [
    ...[...made, 'home', 'grid_import', 'grid_export', ...topology.loads],
    ...['battery', ...batteries].flatMap(id => [`${id}_charge`, `${id}_discharge`]),
    ...sources.flatMap(source => sinks.map(sink => `${source}_to_${sink}`)),
    ...batteries.flatMap(id => ORIGINS.flatMap(origin => sinks.map(sink => `${origin}_via_${id}_to_${sink}`))),
  ];
}
