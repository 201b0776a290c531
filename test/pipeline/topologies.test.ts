// Every kind of house through every kind of trouble: each quarter hour adds up, and all totals are those of the registers.

import {describe, expect, test} from 'vitest';
import {advance, createFlow, type FlowState, restoreFlow, serialiseFlow} from '../../src/core/flow/advance.ts';
import {houseOf} from '../../src/core/flow/channels.ts';
import {merged} from '../../src/core/flow/merge.ts';
import type {SlotRecord} from '../../src/core/flow/model.ts';
import type {Reading} from '../../src/core/reading.ts';
import type {ChannelRef, Site, SiteMap} from '../../src/core/site.ts';
import {cut, random, siteOf} from './house.ts';

const ref = (device: string, part: string, id: string, ...points: string[]): ChannelRef => ({device, part, id, side: 'ac', points});
const METER = ['power_w', 'import_energy_wh', 'export_energy_wh'];
const pv = ref('pv', 'inverter', 'pv', 'power_w', 'energy_wh');
const wall = (id = 'battery'): ChannelRef => ref(id, 'battery', id, 'power_w', 'soc_pct', 'charge_energy_wh', 'discharge_energy_wh');
const pump = ref('pump', 'load', 'heat_pump', 'power_w', 'import_energy_wh');
const hybrid = (battery: string): SiteMap['hybrids'][number] => ({
  id: 'hy',
  pv: [ref('hy', 'pv', 'hy_pv', 'power_w', 'energy_wh')],
  battery: [{...wall(battery), device: 'hy'}],
  ac: ref('hy', 'inverter', 'hy_ac', 'power_w'),
});
const {map} = siteOf();
const grid = map.grid as NonNullable<SiteMap['grid']>;
const second = {meter: ref('second', 'meter', 'cascade', ...METER), loads: ['heat_pump']};
const house = ref('house', 'meter', 'home', 'power_w');

const HOUSES: Readonly<Record<string, Partial<SiteMap>>> = {
  'a roof and a battery': {solar: [pv], batteries: [wall()]},
  'two roofs, two batteries, a generator and a metered load': {
    solar: [pv, {...pv, device: 'shed', id: 'shed'}],
    batteries: [wall('one'), wall('two')],
    generator: [ref('diesel', 'generator', 'diesel', 'power_w', 'energy_wh')],
    loads: [pump],
  },
  'a hybrid': {solar: [], batteries: [], hybrids: [hybrid('battery')]},
  'a hybrid beside a roof and an AC battery': {solar: [pv], batteries: [wall()], hybrids: [hybrid('hy')]},
  'a second meter with the load above it measured': {solar: [pv], batteries: [wall()], loads: [pump], cascade: second},
  'a second meter with the load above it derived': {solar: [pv], batteries: [wall()], cascade: second},
  'a meter at the house instead of at the street': {
    solar: [pv],
    batteries: [wall()],
    grid: {...grid, at: 'load', meter: ref('meter', 'meter', 'home', 'power_w')},
  },
  'a meter of the whole house besides': {solar: [pv], batteries: [wall()], home: house},
  'three phases, billed one by one': {
    solar: [pv],
    batteries: [wall()],
    grid: {
      ...grid,
      energyNetting: 'per-phase',
      meter: ref('meter', 'meter', 'grid', ...METER, 'power_l1_w', 'power_l2_w', 'power_l3_w'),
    },
  },
};
type Trouble = {
  readonly restarts?: boolean;
  readonly gaps?: boolean;
  readonly clock?: boolean;
  readonly lies?: boolean;
  readonly silent?: boolean;
  readonly island?: boolean;
};
const TROUBLES: Readonly<Record<string, Trouble>> = {
  'nothing at all': {},
  'restarts and holes': {restarts: true, gaps: true},
  'a clock that jumps': {clock: true},
  'an inverter that falls silent': {silent: true},
  'an island for a while': {island: true},
  'all of it, and lies': {restarts: true, gaps: true, clock: true, lies: true, silent: true, island: true},
};

const POLL_S = 10;
const SECONDS = 2 * 3600;
const START_WH = 12_345;
const LIES = [Number.NaN, 0, 65_535, -32_768, 4_294_967_295];

type Lived = {slots: SlotRecord[]; site: Site; first: Record<string, number>; last: Record<string, number>};

function live(parts: Partial<SiteMap>, trouble: Trouble, seed: number): Lived {
  const next = random(seed);
  const base = siteOf({netting: parts.grid?.energyNetting === 'per-phase' ? 'per-phase' : 'net'}, 1000 * POLL_S);
  const street = parts.grid ?? grid;
  const state0 = trouble.island ? {device: 'meter', point: 'inverter.state'} : null;
  const site: Site = {...base, map: {...map, ...parts, grid: {...street, state: state0}}};
  const {channels, registers, topology} = houseOf(site);
  let state: FlowState = createFlow(site, 'boot-0');
  const slots = new Map<string, SlotRecord>();
  const closed = new Set<string>();
  const sums: Record<string, number> = {};
  const lived: Lived = {slots: [], site, first: {}, last: {}};
  let [wallMs, monoMs, boots, deafUntilS, countersAtS] = [Date.UTC(2026, 4, 10, 9), 1_000_000, 0, 0, -60];
  let [cloud, appliance, quarterRead] = [1, 0, 0];
  for (let t = 0; t <= SECONDS; t++) {
    if (t % 40 === 0) cloud = [1, 0.95, 0.35, 0.25][Math.floor(next() * 4)] as number;
    if (t % 30 === 0) appliance = next() < 0.4 ? 90 + Math.floor(next() * 3100) : 0;
    const gridOn = !(trouble.island && t >= 1800 && t < 2400);
    const power: Record<string, number> = {};
    const of = (...kinds: string[]): typeof channels => channels.filter(channel => kinds.includes(channel.kind));
    for (const [index, {id}] of of('solar', 'pv').entries()) power[id] = t % 5400 < 4000 ? Math.round((5000 * cloud) / (1 + index)) : -5;
    for (const {id} of of('generator')) power[id] = t % 3600 < 300 ? 2000 : 0;
    const drawn = topology.loads.length > 0 && t % 1500 < 600 ? 1500 : 0;
    const home = 200 + appliance;
    for (const {id} of of('battery')) power[id] = t % 5400 < 900 ? -1500 : t % 5400 < 1500 ? 1100 : -Math.round(300 * cloud);
    for (const {id, pv: panels, batteries} of topology.hybrids) {
      const dc = [...panels, ...batteries].reduce((sum, one) => sum + (power[one] ?? 0), 0);
      power[`${id}_ac`] = Math.round(dc - 30 - 0.03 * Math.abs(dc));
    }
    const made = channels
      .filter(channel => channel.hybrid === null || channel.kind === 'ac')
      .reduce((sum, channel) => sum + (power[channel.id] ?? 0), 0);
    const bought = gridOn ? home + drawn - made : 0;
    const phases = [bought + 800, -1200, 400];
    for (const {id} of of('load')) power[id] = drawn;
    for (const {id} of of('grid')) power[id] = bought;
    for (const {id} of of('cascade')) power[id] = bought - drawn;
    for (const {id} of of('home')) power[id] = site.map.grid?.at === 'load' ? home + drawn : home;
    const count = (key: string, w: number): void => {
      sums[key] = (sums[key] ?? 0) + Math.max(0, w) / 3600;
    };
    for (const {key, channel, direction} of registers) {
      const sign = direction === 'out' || topology.loads.includes(channel) ? 1 : -1;
      if (channel !== 'grid' || site.flows.netting === 'net') count(key, sign * (power[channel] ?? 0));
      else if (gridOn) for (const phase of phases) count(key, sign * phase);
    }

    if (t % POLL_S !== 0 || t < deafUntilS) continue;
    const calm = t > SECONDS - 300;
    if (trouble.gaps && !calm && next() < 0.004)
      deafUntilS = Math.min(t + ([20, 70, 200, 1500][Math.floor(next() * 4)] as number), SECONDS - 300);
    if (trouble.restarts && !calm && next() < 0.008) {
      state = restoreFlow(serialiseFlow(state), site, `boot-${++boots}`) as FlowState;
      [monoMs, countersAtS] = [5000 + 777 * boots - 1000 * t, -60];
    }
    if (trouble.clock && next() < 0.006) wallMs += Math.round((next() - 0.5) * ([5000, 4e6, 4e9][Math.floor(next() * 3)] as number));
    // As the daemon does: each minute, and at each quarter hour.
    const quarter = Math.floor((wallMs + 1000 * t) / 900_000);
    const counters = t - countersAtS >= 60 || quarter !== quarterRead || calm;
    quarterRead = quarter;
    if (counters) countersAtS = t;
    const readings: Reading[] = [];
    const tell = (device: string, point: string, value: number | string, lateMs: number): void => {
      const lie = trouble.lies && !calm && next() < 0.004 ? (LIES[Math.floor(next() * LIES.length)] as number) : value;
      readings.push({device, point, measured: {kind: 'good', value: lie, monoMs: monoMs + 1000 * t + lateMs}});
    };
    if (trouble.island) tell('meter', 'inverter.state', gridOn ? 'on grid' : 'island', 0);
    for (const {id, kind, ref: own} of channels) {
      if (trouble.silent && own.device === 'pv' && t % 2400 > 1500 && !calm) continue;
      const lateMs = kind === 'grid' ? 0 : 300;
      tell(own.device, `${own.part}.power_w`, kind === 'grid' && !gridOn ? -32_768 : (power[id] ?? 0), lateMs);
      if (own.points.includes('power_l1_w'))
        for (const [index, w] of phases.entries()) tell(own.device, `${own.part}.power_l${index + 1}_w`, w, lateMs);
      if (!counters) continue;
      for (const {key, device, point, channel} of registers) {
        if (channel !== id) continue;
        const wh = START_WH + cut(sums[key] ?? 0, 1);
        tell(device, point, wh, lateMs);
        lived.first[key] ??= wh;
        lived.last[key] = wh;
      }
    }
    const flush = t % 60 === 0 || t + POLL_S > SECONDS;
    const tick = {seq: t, monoMs: monoMs + 1000 * t + 500, wallMs: wallMs + 1000 * t + 500};
    const step = advance(site, state, {tick, readings, clockTrusted: true, flush});
    state = step.state;
    for (const {quality, reason} of step.nodes) expect(quality === 'ok' || reason !== null, quality).toBe(true);
    for (const slot of step.slots) {
      const name = JSON.stringify(slot.slot.kind === 'utc' ? slot.slot : [slot.slot.bootId, slot.slot.startMonoMs]);
      expect(closed.has(name) && !slot.adds, `${name} is written again after it was closed`).toBe(false);
      if (slot.closed) closed.add(name);
      const before = slots.get(name);
      slots.set(name, slot.adds && before ? merged(before, [slot]) : slot);
      for (const {bootId, startMonoMs} of slot.takes ?? []) slots.delete(JSON.stringify([bootId, startMonoMs]));
    }
  }
  return {...lived, slots: [...slots.values()]};
}

/** Rows and columns of a slot are its totals, under each policy; whatever is to be known of it has a reason, and what was filled its bounds. */
function expectSound({quality, reason, totals, cells, bounds}: SlotRecord, site: Site): void {
  const {batteries, topology, primary} = houseOf(site);
  expect(quality.length === 0 || reason !== null, `${quality}`).toBe(true);
  const total = (name: string): number => totals.find(one => one.name === name)?.energyMilliWh ?? 0;
  for (const list of Object.values(cells)) {
    const by = (side: 'source' | 'sink', ...ids: readonly string[]): number =>
      list.filter(cell => ids.includes(cell[side])).reduce((sum, cell) => sum + cell.energyMilliWh, 0);
    for (const cell of list) expect(Number.isSafeInteger(cell.energyMilliWh) && cell.energyMilliWh > 0, JSON.stringify(cell)).toBe(true);
    expect({
      grid_import: by('source', 'grid'),
      grid_export: by('sink', 'grid'),
      solar: by('source', 'solar'),
      home: by('sink', 'home'),
      battery_charge: by('sink', ...batteries),
      battery_discharge: by('source', ...batteries),
      loads: by('sink', ...topology.loads),
    }).toEqual({
      grid_import: total('grid_import'),
      grid_export: total('grid_export'),
      solar: total('solar'),
      home: total('home'),
      battery_charge: total('battery_charge'),
      battery_discharge: total('battery_discharge'),
      loads: topology.loads.reduce((sum, load) => sum + total(load), 0),
    });
  }
  for (const [name, [least, most]] of Object.entries(bounds ?? {})) {
    const [source, sink] = name.split('->');
    const own = (cells[primary] ?? []).filter(cell => cell.source === source && cell.sink === sink);
    const energy = own.reduce((sum, cell) => sum + cell.energyMilliWh, 0);
    expect(energy >= least - 1 && energy <= most + 1, `${name} ${energy} not in ${least} to ${most}`).toBe(true);
  }
}

describe.each(Object.entries(HOUSES))('%s', (_name, parts) => {
  test.each(Object.entries(TROUBLES))('through %s', (_trouble, trouble) => {
    for (const seed of [11, 12]) {
      const {slots, site, first, last} = live(parts, trouble, seed);
      for (const slot of slots) expectSound(slot, site);
      if (trouble.lies) continue;
      // Registers that share a total are told apart by nobody: their sum is the total's.
      const {registers, channels} = houseOf(site);
      const nameOf = (channel: string, direction: string): string => {
        const kind = channels.find(one => one.id === channel)?.kind;
        if (kind === 'grid') return direction === 'out' ? 'grid_import' : 'grid_export';
        if (kind === 'battery') return direction === 'out' ? 'battery_discharge' : 'battery_charge';
        return kind === 'solar' || kind === 'pv' ? 'solar' : kind === 'load' ? channel : (kind ?? '');
      };
      const risen: Record<string, {wh: number; registers: number}> = {};
      for (const {key, channel, direction} of registers) {
        const name = nameOf(channel, direction);
        risen[name] ??= {wh: 0, registers: 0};
        risen[name].wh += (last[key] ?? 0) - (first[key] ?? 0);
        risen[name].registers++;
      }
      for (const [name, {wh, registers: count}] of Object.entries(risen)) {
        const booked = slots.reduce((sum, slot) => sum + (slot.totals.find(one => one.name === name)?.energyMilliWh ?? 0), 0) / 1000;
        // Each register holds its own total to less than its step of 1 Wh.
        expect(booked, `${name}, seed ${seed}`).toBeGreaterThanOrEqual(wh);
        expect(booked, `${name}, seed ${seed}`).toBeLessThan(wh + count);
      }
    }
  });
});
