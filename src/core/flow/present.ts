// Which channels speak at an instant, and what follows from that alone. It changes only where one falls silent or comes back.

import type {Channel, House} from './channels.ts';
import type {Topology} from './topology.ts';

export type Presence = {
  readonly alive: readonly Channel[];
  /** Those in the balance of the AC bus, and those behind a hybrid's port. */
  readonly onBus: readonly Channel[];
  readonly onDc: readonly Channel[];
  readonly grid: Channel | null;
  readonly hasHome: boolean;
  /** The house without the channels that tell nothing. */
  readonly topology: Topology;
  /** Devices behind the grid meter that tell nothing. */
  readonly silent: readonly string[];
};

const newest = new WeakMap<House, Presence>();

/** `alive` in the order of the house's channels. */
export function presenceOf(house: House, alive: readonly Channel[]): Presence {
  const known = newest.get(house);
  if (known && known.alive.length === alive.length && alive.every((channel, index) => channel === known.alive[index])) return known;
  const presence = build(house, alive);
  newest.set(house, presence);
  return presence;
}

function build(house: House, alive: readonly Channel[]): Presence {
  const onBus = alive.filter(channel => channel.onBus);
  const missing = house.channels.filter(channel => !alive.includes(channel) && channel.kind !== 'grid');
  return {
    alive,
    onBus,
    onDc: alive.filter(channel => !channel.onBus),
    grid: alive.find(channel => channel.kind === 'grid') ?? null,
    hasHome: alive.some(channel => channel.kind === 'home'),
    topology: topologyOf(house.topology, new Set(alive.map(channel => channel.id))),
    silent: [...new Set(missing.map(channel => channel.ref.device))],
  };
}

const topologyOf = (topology: Topology, ids: ReadonlySet<string>): Topology => ({
  ...topology,
  generation: topology.generation.filter(one => ids.has(one.id)),
  batteries: topology.batteries.filter(id => ids.has(id)),
  // Without its AC port a hybrid has no place in the balance.
  hybrids: topology.hybrids.filter(one => ids.has(`${one.id}_ac`)),
  homeMeter: ids.has('home'),
  cascade: ids.has('cascade') ? topology.cascade : null,
});
