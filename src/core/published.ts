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
import {remembered} from './flow/remembered.ts';
import {localDay} from './flow/slots.ts';
import type {FlowState, Sums} from './flow/state.ts';
import {newSums, sumsOfDay} from './flow/state.ts';
import {sumKey} from './flow/timeline.ts';
import {type EventKind, type Said, say} from './sentences/say.ts';
import type {Tick} from './sink.ts';
import type {Site} from './site.ts';
import {utcText} from './time.ts';

type Note = (kind: EventKind, about: string | null, detail: Said) => void;

/** mW as W with one digit. */
const watts = (milliW: number): number => Math.round(milliW / 100) / 10 + 0;
/** mWh as kWh, exact to the mWh. */
const kwh = (milliWh: number): number => milliWh / 1_000_000;

/** Names of what is published of a house: the same at every beat. */
type Names = {
  /** Ids of powers and batteries with the keys they are published under. */
  readonly powers: readonly (readonly [id: string, key: string])[];
  readonly socs: readonly (readonly [id: string, key: string])[];
  /** Cells that are always there. */
  readonly cells: readonly string[];
  /** A state in which nothing is known and nothing flows: its keys in their order. */
  readonly blank: SiteState;
};
const known = new WeakMap<House, Names>();

function namesOf(house: House): Names {
  let names = known.get(house);
  if (!names) {
    names = nameAll(house);
    known.set(house, names);
  }
  return names;
}

function nameAll(house: House): Names {
  const kinds = (['wind', 'generator'] as const).filter(kind => house.kinds.has(kind));
  const several = house.batteries.length > 1 ? house.batteries : [];
  const powers = ['grid', 'solar', 'battery', 'home', ...kinds, ...several, ...house.topology.loads];
  const sources = ['solar', ...kinds, ...house.batteries, 'grid'];
  const sinks = [
    'home',
    ...house.topology.loads,
    'standby',
    ...(house.topology.hybrids.length > 0 ? ['loss'] : []),
    ...house.batteries,
    'grid',
  ];
  const cells = sources.flatMap(source => sinks.filter(sink => source !== sink || source === 'grid').map(sink => cellName(source, sink)));
  const blank = {
    ts: null,
    ...Object.fromEntries(powers.map(id => [`${id}_power_w`, null])),
    battery_soc_pct: null,
    ...Object.fromEntries(several.map(id => [`${id}_soc_pct`, null])),
    ...Object.fromEntries(cells.map(cell => [`${cell}_w`, 0])),
  };
  return {
    powers: powers.map(id => [id, `${id}_power_w`]),
    socs: several.map(id => [id, `${id}_soc_pct`]),
    cells,
    // The engine copies a parsed object in a tenth of the time of one that was put together key by key.
    blank: JSON.parse(JSON.stringify(blank)) as SiteState,
  };
}

const cellName = remembered((source, sink) => `${source}_to_${sink}`);
const withUnit = remembered((name, unit) => `${name}_${unit}`);

/** `site/state`: powers in W, one key per cell, labels, what does not add up. */
export function publishState(house: House, state: FlowState, node: FlowNode, tick: Tick): SiteState {
  const names = namesOf(house);
  const result: Record<string, number | string | null> = {...names.blank};
  result['ts'] = utcText(tick.wallMs);
  for (const [id, key] of names.powers) {
    const milliW = node.powersMilliW[id];
    if (typeof milliW === 'number') result[key] = watts(milliW);
  }
  for (const [id, key] of names.socs) result[key] = state.socPct[id] ?? null;
  result['battery_soc_pct'] = meanSoc(house, state);

  const matrix = node.matrix[house.primary] ?? {};
  const labels: Partial<Record<Label, number>> = {};
  for (const source in matrix) {
    const mix = house.batteries.includes(source) ? byOrigin(state.pools[house.primary]?.[source] ?? []) : null;
    const stored = mix ? ORIGINS.reduce((sum, origin) => sum + (mix[origin] ?? 0), 0) : 0;
    for (const sink in matrix[source]) {
      const milliW = matrix[source][sink] as number;
      result[withUnit(cellName(source, sink), 'w')] = watts(milliW);
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

/** Mean of all batteries, percent; null where one does not tell. */
function meanSoc(house: House, state: FlowState): number | null {
  let sum = 0;
  for (const id of house.batteries) {
    const soc = state.socPct[id];
    if (typeof soc !== 'number') return null;
    sum += soc;
  }
  return house.batteries.length > 0 ? Math.round((10 * sum) / house.batteries.length) / 10 : null;
}

/** How a cell of the sums is published: its name, its name by origin where it came out of a battery, and its label. */
type CellWords = {readonly cell: string; readonly byOrigin: string | null; readonly label: Label};
const words = new WeakMap<House, Map<string, CellWords>>();

function wordsOf(house: House, key: string): CellWords {
  let own = words.get(house);
  if (!own) {
    own = new Map();
    words.set(house, own);
  }
  let found = own.get(key);
  if (!found) {
    const [origin = '', via = '', source = '', sink = ''] = key.split('|');
    found = {
      cell: cellName(source, sink),
      byOrigin: via === 'direct' ? null : `${origin}_via_${via}_to_${sink}`,
      label: labelOf(origin as Origin, via, sink, house.batteries.includes(sink)),
    };
    own.set(key, found);
  }
  return found;
}

/** Energies as published, mWh. */
type Energies = {
  /** By cell, by origin and by total, in the order in which they are published. */
  readonly byName: ReadonlyMap<string, number>;
  readonly totals: ReadonlyMap<string, number>;
  readonly labels: Readonly<Partial<Record<Label, number>>>;
};

/** Closed and running slots together. */
function energiesOf(house: House, closed: Sums, open: readonly SlotRecord[]): Energies {
  const byName = new Map<string, number>();
  const totals = new Map<string, number>();
  const labels: Partial<Record<Label, number>> = {};
  const add = (to: Map<string, number>, name: string, energy: number): void => void to.set(name, (to.get(name) ?? 0) + energy);
  const addCell = (key: string, energy: number): void => {
    const {cell, byOrigin: origin, label} = wordsOf(house, key);
    add(byName, cell, energy);
    if (origin !== null) add(byName, origin, energy);
    labels[label] = (labels[label] ?? 0) + energy;
  };
  for (const cell of namesOf(house).cells) byName.set(cell, 0);
  for (const key in closed.cells) addCell(key, closed.cells[key] as number);
  for (const name in closed.totals) totals.set(name, closed.totals[name] as number);
  for (const record of open) {
    for (const cell of record.cells[house.primary] ?? []) addCell(sumKey(cell), cell.energyMilliWh);
    for (const {name, energyMilliWh} of record.totals) add(totals, name, energyMilliWh);
  }
  for (const [name, energy] of totals) byName.set(name, energy);
  return {byName, totals, labels};
}

/** What is to be known about figures, the worst word first; `ok` where there is nothing. */
const qualityText = (words: readonly SlotQuality[]): string => [...new Set(words)].sort(worseFirst).join(',') || 'ok';

/** A total that would go back by more than this is worth an event, mWh. */
const WORTH = 10_000;

/** `site/energy`: monotonic kWh, with the quality of the quarter hour that is running. What would go back waits until the truth has caught up. */
export function publishEnergy(house: House, state: FlowState, open: readonly SlotRecord[], tick: Tick, note: Note): SiteEnergy {
  const {byName} = energiesOf(house, state.lifetime, open);
  const result: Record<string, number | string | null> = {
    ts: utcText(tick.wallMs),
    quality: qualityText(open.flatMap(record => record.quality)),
    reason: open.findLast(record => record.reason !== null)?.reason ?? null,
  };
  const waiting: string[] = [];
  for (const [key, energy] of byName) {
    const before = state.published[key] ?? 0;
    if (energy < before - WORTH) waiting.push(key);
    state.published[key] = Math.max(before, energy);
  }
  for (const key of waiting)
    if (!state.waiting.includes(key))
      note('total-waits', key, say('{key}: the published total waits until the ledger has caught up', {key}));
  state.waiting = waiting;
  for (const key in state.published) result[withUnit(key, 'kwh')] = kwh(state.published[key] as number);
  return result;
}

/** `site/day`: today in the site's zone, kWh, and its two ratios in percent. */
export function publishDay(site: Site, house: House, state: FlowState, open: readonly SlotRecord[], tick: Tick): SiteEnergy {
  const today = localDay(site.timezone, tick.wallMs);
  const dated = open.filter(record => record.slot.kind === 'utc' && localDay(site.timezone, record.slot.startMs) === today);
  const known = sumsOfDay(state, today);
  const {byName, totals, labels} = energiesOf(house, known?.sums ?? newSums(), dated);
  const before = known?.qualities ?? [];
  const result: Record<string, number | string | null> = {
    ts: utcText(tick.wallMs),
    day: today,
    quality: qualityText([...before, ...dated.flatMap(record => record.quality)]),
  };
  for (const [key, energy] of byName) result[withUnit(key, 'kwh')] = kwh(energy);
  for (const name of ['btm_consumed', 'stored', 'exported', 'imported', 'imported_earlier', 'lost', 'unexplained'] as const)
    result[withUnit(name, 'kwh')] = kwh(labels[name] ?? 0);
  const sumOf = (names: readonly string[]): number => names.reduce((sum, name) => sum + (totals.get(name) ?? 0), 0);
  const used = sumOf(['home', ...house.topology.loads]);
  const made = sumOf(['solar', 'wind', 'generator']);
  const percent = (part: number, whole: number): number => Math.round((1000 * Math.min(part, whole)) / whole) / 10;
  result['self_sufficiency_pct'] = used > 0 ? percent(labels.btm_consumed ?? 0, used) : null;
  result['self_consumption_pct'] = made > 0 ? percent(Math.max(0, made - (labels.exported ?? 0)), made) : null;
  return result;
}
