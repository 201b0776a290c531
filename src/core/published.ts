// What people and outlets see: the house now, its lifetime totals, its day. Decimals made from the integers; a published total never goes back.

import type {House} from './flow/channels.ts';
import {labelOf} from './flow/labels.ts';
import {
  type FlowNode,
  type Label,
  ORIGINS,
  type Origin,
  type SiteEnergy,
  type SiteState,
  type SlotQuality,
  type SlotRecord,
  worseFirst,
} from './flow/model.ts';
import {byOrigin} from './flow/origin.ts';
import {localDay} from './flow/slots.ts';
import type {FlowState, Sums} from './flow/state.ts';
import {newSums} from './flow/state.ts';
import {addSums} from './flow/timeline.ts';
import type {Tick} from './sink.ts';
import type {Site} from './site.ts';
import {utcText} from './time.ts';

type Note = (kind: string, about: string | null, detail: string) => void;

/** mW as W with one digit. */
const watts = (milliW: number): number => Math.round(milliW / 100) / 10 + 0;
/** mWh as kWh, exact to the mWh. */
const kwh = (milliWh: number): number => milliWh / 1_000_000;

/** Names of the cells that are always there, zeros included; the same for a house at every beat. */
function baseCells(house: House): readonly string[] {
  let names = baseNames.get(house);
  if (!names) {
    names = baseCellsOf(house);
    baseNames.set(house, names);
  }
  return names;
}
const baseNames = new WeakMap<House, readonly string[]>();

function baseCellsOf(house: House): string[] {
  const sources = ['solar', ...(['wind', 'generator'] as const).filter(kind => house.kinds.has(kind)), ...house.batteries, 'grid'];
  const sinks = [
    'home',
    ...house.topology.loads,
    'standby',
    ...(house.topology.hybrids.length > 0 ? ['loss'] : []),
    ...house.batteries,
    'grid',
  ];
  return sources.flatMap(source => sinks.filter(sink => source !== sink || source === 'grid').map(sink => `${source}_to_${sink}`));
}

/** `site/state`: powers in W, one key per cell, labels, what does not add up. */
export function publishState(house: House, state: FlowState, node: FlowNode, tick: Tick): SiteState {
  const result: Record<string, number | string | null> = {ts: utcText(tick.wallMs)};
  const power = (id: string): number | null => {
    const value = node.powersMilliW[id];
    return value === undefined || value === null ? null : watts(value);
  };
  for (const id of ['grid', 'solar', 'battery', 'home']) result[`${id}_power_w`] = power(id);
  for (const kind of ['wind', 'generator'] as const) if (house.kinds.has(kind)) result[`${kind}_power_w`] = power(kind);
  if (house.batteries.length > 1) for (const id of house.batteries) result[`${id}_power_w`] = power(id);
  for (const load of house.topology.loads) result[`${load}_power_w`] = power(load);
  const socs = house.batteries.map(id => state.socPct[id]).filter(soc => typeof soc === 'number');
  result['battery_soc_pct'] =
    house.batteries.length > 0 && socs.length === house.batteries.length
      ? Math.round((10 * socs.reduce((a, b) => a + b, 0)) / socs.length) / 10
      : null;
  if (house.batteries.length > 1) for (const id of house.batteries) result[`${id}_soc_pct`] = state.socPct[id] ?? null;

  const matrix = node.matrix[house.primary] ?? {};
  const labels: Partial<Record<Label, number>> = {};
  for (const cell of baseCells(house)) result[`${cell}_w`] = 0;
  for (const source in matrix) {
    const mix = house.batteries.includes(source) ? byOrigin(state.pools[house.primary]?.[source] ?? []) : null;
    const stored = mix ? ORIGINS.reduce((sum, origin) => sum + (mix[origin] ?? 0), 0) : 0;
    for (const sink in matrix[source]) {
      const milliW = matrix[source][sink] as number;
      result[`${source}_to_${sink}_w`] = watts(milliW);
      const isBattery = house.batteries.includes(sink);
      const add = (origin: Origin | 'unexplained', share: number): void => {
        const label = labelOf(origin, mix ? source : 'direct', sink, isBattery);
        labels[label] = (labels[label] ?? 0) + milliW * share;
      };
      if (!mix) add(source === 'unexplained' ? 'unexplained' : (source as Origin), 1);
      else if (stored === 0) add('unknown', 1);
      else for (const origin of ORIGINS) if (mix[origin]) add(origin, (mix[origin] as number) / stored);
    }
  }
  result['btm_consumed_w'] = watts(labels.btm_consumed ?? 0);
  result['stored_w'] = watts(labels.stored ?? 0);
  result['btm_exported_w'] = watts(labels.exported ?? 0);
  result['imported_w'] = watts(labels.imported ?? 0);
  result['unexplained_w'] = watts(node.powersMilliW['unexplained'] ?? 0);
  result['quality'] = node.quality;
  result['reason'] = node.reason;
  result['skew_ms'] = node.skewMs;
  return result;
}

/** Closed and running slots together. */
function sumsWith(house: House, closed: Sums, open: readonly SlotRecord[]): Sums {
  const sums: Sums = {cells: {...closed.cells}, totals: {...closed.totals}};
  for (const record of open) addSums(sums, house, record);
  return sums;
}

/** What a cell of the sums is called where it is published, and its name by origin where it came out of a battery. */
function namesOf(key: string): {readonly cell: string; readonly origin: string | null} {
  let names = published.get(key);
  if (!names) {
    const [origin = '', via = '', source = '', sink = ''] = key.split('|');
    names = {cell: `${source}_to_${sink}`, origin: via === 'direct' ? null : `${origin}_via_${via}_to_${sink}`};
    published.set(key, names);
  }
  return names;
}
const published = new Map<string, {readonly cell: string; readonly origin: string | null}>();

/** Keys of cells and origins with their energy, mWh. */
function energyKeys(house: House, sums: Sums): Record<string, number> {
  const values: Record<string, number> = {};
  for (const cell of baseCells(house)) values[cell] = 0;
  for (const key in sums.cells) {
    const {cell, origin} = namesOf(key);
    const energy = sums.cells[key] as number;
    values[cell] = (values[cell] ?? 0) + energy;
    if (origin !== null) values[origin] = (values[origin] ?? 0) + energy;
  }
  for (const [name, energy] of Object.entries(sums.totals)) values[name] = energy;
  return values;
}

/** What is to be known about figures, the worst word first; `ok` where there is nothing. */
const qualityText = (words: readonly SlotQuality[]): string => [...new Set(words)].sort(worseFirst).join(',') || 'ok';

/** A total that would go back by more than this is worth an event, mWh. */
const WORTH = 10_000;

/** `site/energy`: monotonic kWh, with the quality of the quarter hour that is running. What would go back waits until the truth has caught up. */
export function publishEnergy(house: House, state: FlowState, open: readonly SlotRecord[], tick: Tick, note: Note): SiteEnergy {
  const values = energyKeys(house, sumsWith(house, state.lifetime, open));
  const result: Record<string, number | string | null> = {
    ts: utcText(tick.wallMs),
    quality: qualityText(open.flatMap(record => record.quality)),
    reason: open.findLast(record => record.reason !== null)?.reason ?? null,
  };
  const waiting: string[] = [];
  for (const [key, energy] of Object.entries(values)) {
    const before = state.published[key] ?? 0;
    if (energy < before - WORTH) waiting.push(key);
    state.published[key] = Math.max(before, energy);
  }
  for (const key of waiting)
    if (!state.waiting.includes(key)) note('total-waits', key, `${key}: the published total waits until the ledger has caught up`);
  state.waiting = waiting;
  for (const [key, energy] of Object.entries(state.published)) result[`${key}_kwh`] = kwh(energy);
  return result;
}

/** `site/day`: today in the site's zone, kWh, and its two ratios in percent. */
export function publishDay(site: Site, house: House, state: FlowState, open: readonly SlotRecord[], tick: Tick): SiteEnergy {
  const today = localDay(site.timezone, tick.wallMs);
  const dated = open.filter(record => record.slot.kind === 'utc' && localDay(site.timezone, record.slot.startMs) === today);
  const sums = sumsWith(house, state.day?.day === today ? state.day.sums : newSums(), dated);
  const before = state.day?.day === today ? (state.day.qualities ?? []) : [];
  const result: Record<string, number | string | null> = {
    ts: utcText(tick.wallMs),
    day: today,
    quality: qualityText([...before, ...dated.flatMap(record => record.quality)]),
  };
  for (const [key, energy] of Object.entries(energyKeys(house, sums))) result[`${key}_kwh`] = kwh(energy);
  const labels: Partial<Record<Label, number>> = {};
  for (const [key, energy] of Object.entries(sums.cells)) {
    const [origin = '', via = '', , sink = ''] = key.split('|');
    const label = labelOf(origin as Origin, via, sink, house.batteries.includes(sink));
    labels[label] = (labels[label] ?? 0) + energy;
  }
  for (const name of ['btm_consumed', 'stored', 'exported', 'imported', 'imported_earlier', 'lost', 'unexplained'] as const)
    result[`${name}_kwh`] = kwh(labels[name] ?? 0);
  const used = (sums.totals['home'] ?? 0) + house.topology.loads.reduce((sum, load) => sum + (sums.totals[load] ?? 0), 0);
  const made = ['solar', 'wind', 'generator'].reduce((sum, kind) => sum + (sums.totals[kind] ?? 0), 0);
  const percent = (part: number, whole: number): number => Math.round((1000 * Math.min(part, whole)) / whole) / 10;
  result['self_sufficiency_pct'] = used > 0 ? percent(labels.btm_consumed ?? 0, used) : null;
  result['self_consumption_pct'] = made > 0 ? percent(Math.max(0, made - (labels.exported ?? 0)), made) : null;
  return result;
}
