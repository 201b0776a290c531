// The house as channels: what each measures, in which direction, from which points, with which uncertainty and which registers.

import type {Measured} from '../reading.ts';
import type {ChannelRef, Policy, Site} from '../site.ts';
import {type Orders, sinkOrder, sourceOrder} from './orders.ts';
import type {Topology} from './topology.ts';

type ChannelKind = 'grid' | 'solar' | 'wind' | 'generator' | 'battery' | 'load' | 'home' | 'cascade' | 'pv' | 'ac';
export type Channel = {
  /** Id of the channel in the balance: unique over the house. */
  readonly id: string;
  readonly kind: ChannelKind;
  readonly ref: ChannelRef;
  /** The hybrid it belongs to, or null on the AC bus. */
  readonly hybrid: string | null;
  readonly limitMilliW: number;
  readonly ageMs: number;
  /** The owner has set it: it is not learned. */
  readonly ageIsSet: boolean;
  /** Whether its power is part of the home's balance; else it is behind a hybrid's port. */
  readonly onBus: boolean;
  /** Its points: power, by phase, and charge. */
  readonly points: {readonly power: string; readonly phases: readonly string[]; readonly soc: string};
  /** Its two directions: `ID>out` is out of the device into the bus. */
  readonly out: string;
  readonly into: string;
};
/** A lifetime register that anchors one direction of a channel. */
export type Register = {
  /** `channel>direction`. */
  readonly key: string;
  readonly device: string;
  readonly point: string;
  readonly channel: string;
  readonly direction: Direction;
  readonly maxPower: number;
  readonly ageMs: number;
};
type Direction = 'out' | 'in';
/** Row or column that a direction of a channel feeds. `out`: out of the device into the bus. */
type Margin = {readonly side: 'row' | 'column'; readonly id: string};

/** One direction of a channel, where it is booked. */
type Edge = {readonly key: string; readonly margin: Margin | null};

export type House = {
  readonly channels: readonly Channel[];
  /** Both directions of every channel. */
  readonly edges: readonly Edge[];
  readonly registers: readonly Register[];
  readonly topology: Topology;
  /** What the configuration puts in front. */
  readonly orders: Orders;
  /** Whole orders of the cells of a slot. */
  readonly slotOrders: Orders & {readonly sinksBatteriesFirst: readonly string[]};
  /** Loads without a meter of their own. */
  readonly derivedLoads: readonly string[];
  /** The meter at the connection, and the channels of the home's balance whose registers may be old when they are read; by id. */
  readonly reference: string | null;
  readonly ageing: readonly string[];
  readonly batteries: readonly string[];
  readonly policies: readonly Policy[];
  readonly primary: Policy;
  /** Devices of a kind, to tell a missing value from none. */
  readonly kinds: ReadonlySet<ChannelKind>;
};

const DEFAULT_LIMIT_W = 100_000;
const AGEING: ReadonlySet<ChannelKind> = new Set(['solar', 'wind', 'generator', 'battery', 'ac']);
const houses = new WeakMap<Site, House>();

/** The channels of a site; worked out once. */
export function houseOf(site: Site): House {
  let house = houses.get(site);
  if (!house) {
    house = build(site);
    houses.set(site, house);
  }
  return house;
}

function build(site: Site): House {
  const {map, flows} = site;
  const channels: Channel[] = [];
  const add = (kind: ChannelKind, ref: ChannelRef, id: string, hybrid: string | null = null): void => {
    channels.push({
      id,
      kind,
      ref,
      hybrid,
      limitMilliW: Math.round((flows.limitsW[id] ?? DEFAULT_LIMIT_W) * 1000),
      ageMs: flows.ageMs[id] ?? 0,
      ageIsSet: flows.ageMs[id] !== undefined,
      onBus: hybrid === null || kind === 'ac',
      points: {
        power: `${ref.part}.power_w`,
        phases: [1, 2, 3].map(phase => `${ref.part}.power_l${phase}_w`),
        soc: `${ref.part}.soc_pct`,
      },
      out: `${id}>out`,
      into: `${id}>in`,
    });
  };
  for (const ref of map.solar) add('solar', ref, ref.id);
  for (const ref of map.wind) add('wind', ref, ref.id);
  for (const ref of map.generator) add('generator', ref, ref.id);
  for (const ref of map.batteries) add('battery', ref, ref.id);
  for (const hybrid of map.hybrids) {
    for (const ref of hybrid.pv) add('pv', ref, ref.id, hybrid.id);
    for (const ref of hybrid.battery) add('battery', ref, ref.id, hybrid.id);
    add('ac', hybrid.ac, `${hybrid.id}_ac`, hybrid.id);
  }
  // A meter at the load measures the whole house; the grid is derived from it.
  if (map.grid) add(map.grid.at === 'load' ? 'home' : 'grid', map.grid.meter, map.grid.at === 'load' ? 'home' : 'grid');
  if (map.cascade) add('cascade', map.cascade.meter, 'cascade');
  for (const ref of map.loads) add('load', ref, ref.id);
  if (map.home) add('home', map.home, 'home');

  const has = (ref: ChannelRef, quantity: string): boolean => ref.points.includes(quantity);
  const registers: Register[] = [];
  const register = (channel: Channel, direction: Direction, ...quantities: string[]): void => {
    const quantity = quantities.find(one => has(channel.ref, one));
    if (quantity === undefined) return;
    registers.push({
      key: `${channel.id}>${direction}`,
      device: channel.ref.device,
      point: `${channel.ref.part}.${quantity}`,
      channel: channel.id,
      direction,
      maxPower: channel.limitMilliW,
      ageMs: channel.ageMs,
    });
  };
  for (const channel of channels) {
    switch (channel.kind) {
      case 'grid':
        // Registers that count each phase for itself differ from what a netting utility counts.
        if (flows.netting === 'net' && map.grid?.energyNetting === 'per-phase') break;
        register(channel, 'out', 'import_energy_wh');
        register(channel, 'in', 'export_energy_wh');
        break;
      case 'solar':
      case 'wind':
      case 'generator':
        register(channel, 'out', 'energy_wh', ...(channel.ref.part.startsWith('meter') ? ['import_energy_wh'] : []));
        break;
      case 'pv':
        register(channel, 'out', 'energy_wh');
        break;
      case 'battery':
        register(channel, 'out', 'discharge_energy_wh');
        register(channel, 'in', 'charge_energy_wh');
        break;
      case 'load':
        register(channel, 'in', 'import_energy_wh', 'energy_wh');
        break;
      case 'home':
      case 'cascade':
      case 'ac':
        break;
    }
  }
  const batteries = channels.filter(channel => channel.kind === 'battery').map(channel => channel.id);
  const policies: Policy[] =
    flows.policy === 'battery-first' ? ['battery-first', 'solar-first', 'proportional'] : ['solar-first', 'proportional'];
  const loads = [...map.loads.map(ref => ref.id), ...(map.cascade?.loads ?? []).filter(id => !map.loads.some(ref => ref.id === id))];
  return {
    channels,
    edges: channels.flatMap(channel => [
      {key: channel.out, margin: marginOf(channel, 'out')},
      {key: channel.into, margin: marginOf(channel, 'in')},
    ]),
    registers,
    orders: {sources: flows.sourceOrder, sinks: flows.sinkOrder},
    slotOrders: {
      sources: sourceOrder(batteries, flows.sourceOrder),
      sinks: [...sinkOrder(loads, batteries, ['hybrid'], flows.sinkOrder, false), 'loss'],
      sinksBatteriesFirst: [...sinkOrder(loads, batteries, ['hybrid'], flows.sinkOrder, true), 'loss'],
    },
    reference: channels.find(channel => channel.kind === 'grid')?.id ?? null,
    ageing: channels.filter(channel => channel.onBus && AGEING.has(channel.kind)).map(channel => channel.id),
    derivedLoads: loads.filter(load => !channels.some(channel => channel.id === load)),
    batteries,
    policies,
    primary: flows.policy,
    kinds: new Set(channels.map(channel => channel.kind)),
    topology: {
      generation: channels.flatMap(channel =>
        channel.kind === 'solar' || channel.kind === 'wind' || channel.kind === 'generator' ? [{id: channel.id, kind: channel.kind}] : [],
      ),
      batteries: channels.filter(channel => channel.kind === 'battery' && channel.hybrid === null).map(channel => channel.id),
      hybrids: map.hybrids.map(hybrid => ({id: hybrid.id, pv: hybrid.pv.map(ref => ref.id), batteries: hybrid.battery.map(ref => ref.id)})),
      loads,
      netting: flows.netting,
      homeMeter: channels.some(channel => channel.kind === 'home'),
      cascade: map.cascade ? {loads: map.cascade.loads} : null,
    },
  };
}

/** Row or column that a direction of a channel is booked in; null for edges inside the house. */
/** Where a register's energy is booked; null where its channel has no row or column of its own. */
export const marginOfRegister = ({edges}: House, {key}: Register): Margin | null => edges.find(edge => edge.key === key)?.margin ?? null;

/** How old the channel's registers are when they are read, ms: as the owner has set it, else as it was learned. */
export const ageOf = ({id, ageMs, ageIsSet}: Channel, learned: Readonly<Record<string, number>>): number =>
  ageIsSet ? ageMs : (learned[id] ?? 0);

function marginOf(channel: Channel, direction: Direction): Margin | null {
  switch (channel.kind) {
    case 'grid':
      return {side: direction === 'out' ? 'row' : 'column', id: 'grid'};
    case 'solar':
    case 'pv':
      return {side: direction === 'out' ? 'row' : 'column', id: direction === 'out' ? 'solar' : 'standby'};
    case 'wind':
    case 'generator':
      return {side: direction === 'out' ? 'row' : 'column', id: direction === 'out' ? channel.kind : 'standby'};
    case 'battery':
      return {side: direction === 'out' ? 'row' : 'column', id: channel.id};
    case 'load':
      return direction === 'in' ? {side: 'column', id: channel.id} : null;
    case 'home':
    case 'cascade':
    case 'ac':
      return null;
  }
}

/** Default uncertainty: a revenue meter 1 %, an inverter 3 %. One standard deviation, mW. */
export function sigmaOf(site: Site, channel: Channel, milliW: number): number {
  const own = site.flows.sigma[channel.id];
  const size = Math.abs(milliW);
  if (own) return Math.round(Math.max(own.w * 1000, own.share * size));
  const meter =
    channel.kind === 'grid' ||
    channel.kind === 'load' ||
    channel.kind === 'home' ||
    channel.kind === 'cascade' ||
    channel.ref.part.startsWith('meter');
  return Math.round(meter ? Math.max(2000, size / 100) : Math.max(10_000, (3 * size) / 100));
}

/** What one reading set says of one channel: mW signed into the bus (loads and home as magnitudes), with its time; null where it says nothing. */
type ChannelReading = {readonly atMs: number; readonly milliW: number; readonly phases: readonly number[] | null} | 'asleep' | null;

export type Lookup = (device: string, point: string) => Measured | undefined;

/** The channel's power in this reading set. Beyond its limit it is not believed. */
export function readChannel(channel: Channel, lookup: Lookup): ChannelReading {
  const {points, ref} = channel;
  const whole = powerOf(channel, lookup(ref.device, points.power));
  if (whole === 'asleep') return 'asleep';
  const triple: number[] = [];
  let firstMs: number | null = null;
  for (const point of points.phases) {
    const phase = powerOf(channel, lookup(ref.device, point));
    if (phase === null || phase === 'asleep') break;
    triple.push(phase.milliW);
    firstMs ??= phase.atMs;
  }
  const phases = triple.length === points.phases.length ? triple : null;
  if (whole) return {...whole, phases};
  if (phases && firstMs !== null && !ref.points.includes('power_w'))
    return {atMs: firstMs, milliW: phases.reduce((a, b) => a + b, 0), phases};
  return null;
}

function powerOf(channel: Channel, measured: Measured | undefined): {readonly milliW: number; readonly atMs: number} | 'asleep' | null {
  if (!measured) return null;
  if (measured.kind === 'missing') return measured.fault.kind === 'asleep' ? 'asleep' : null;
  const {kind, value, monoMs} = measured;
  if (kind !== 'good' || typeof value !== 'number' || !Number.isFinite(value) || !Number.isFinite(monoMs)) return null;
  const milliW = Math.round(value * 1000) + 0;
  return Math.abs(milliW) <= channel.limitMilliW ? {milliW, atMs: Math.round(monoMs) - channel.ageMs} : null;
}
