// A quarter hour while it runs, and what it is when it closes: anchored totals, rebalanced cells, origins.

import {type Said, say} from '../sentences/say.ts';
import type {Policy, Site} from '../site.ts';
import {attribute} from './attribute.ts';
import {addAmount, addCell, cellOf, columnSum, empty, type MutableAmounts, type MutableMatrix, rowSum, total} from './cells.ts';
import type {House} from './channels.ts';
import {UNITS_PER_MWH} from './integrate.ts';
import {labelOf} from './labels.ts';
import {merged} from './merge.ts';
import type {Amounts, Matrix, Origin, SlotCell, SlotName, SlotQuality, SlotRecord, SlotTotal} from './model.ts';
import {ORIGINS, worseFirst} from './model.ts';
import {byOrigin, charge, compact, discharge, type Pool} from './origin.ts';
import {rebalance} from './rebalance.ts';
import type {RegisterState} from './registers.ts';
import {efficiencyOf, type RestWatch} from './rest.ts';
import {largestRemainder} from './split.ts';

export type OpenSlot = {
  name: SlotName;
  /** Cells, units of (mW+mW) ms; whole mWh are taken when it closes, the rest goes on into the next slot. */
  units: Partial<Record<Policy, MutableMatrix>>;
  /** Directed channels, units, key `channel>direction`; and `loss`, `standby`, `unexplained>out`, `unexplained>in`, `home`. */
  margins: MutableAmounts;
  /** Anchored minus integrated, mWh, per directed channel. */
  corrections: MutableAmounts;
  /** Cells booked from counters over a gap, mWh, the same under every policy. */
  filled: MutableMatrix;
  qualities: SlotQuality[];
  /** Why, for people: the reason of the worst quality. */
  reason: string | null;
  /** Least and most of what was filled from counters, mWh, by `source->sink`. */
  bounds: Record<string, [number, number]> | null;
  /** Closed slots that had no date and turn out to be of this quarter hour. */
  joined?: SlotRecord[];
};

export const openSlot = (name: SlotName): OpenSlot => ({
  name,
  units: {},
  margins: empty<number>(),
  corrections: empty<number>(),
  filled: empty<Record<string, number>>(),
  qualities: [],
  reason: null,
  bounds: null,
});

export function addQuality(slot: Pick<OpenSlot, 'qualities' | 'reason'>, quality: SlotQuality, reason: Said | null): void {
  if (quality === 'ok' || slot.qualities.includes(quality)) return;
  if (slot.qualities.every(one => worseFirst(quality, one) < 0)) slot.reason = reason;
  slot.qualities.push(quality);
}

/** What a slot says of its registers. */
export type Shown = Readonly<Record<string, Pick<RegisterState, 'anchor' | 'shownWh' | 'stalled'>>>;
export type Pools = Partial<Record<Policy, Record<string, Pool>>>;
export type Closing = {
  readonly record: SlotRecord;
  readonly pools: Pools;
  readonly rest: Pick<OpenSlot, 'units' | 'margins' | 'corrections'>;
};

/** What closes a slot beside the slot itself: the registers, what the batteries hold, and their round trips where they were measured. */
type Books = {
  readonly registers: Shown;
  readonly pools: Pools;
  readonly rests: Readonly<Record<string, RestWatch>>;
};

/** The slot as a record under the policies asked for. Pure: the slot and the books given stay as they are. */
export function closeSlot(site: Site, house: House, slot: OpenSlot, books: Books, policies: readonly Policy[], closed: boolean): Closing {
  const {rows, columns, whole, home: left, rest: openRest} = balanceOf(house, slot);
  const rest: Closing['rest'] = {units: {}, ...openRest};
  let home = left;
  const marks = {qualities: [...slot.qualities], reason: slot.reason};
  if (home < 0) {
    // The counters leave less than nothing for the home: what is missing came from nowhere we know.
    addAmount(rows, 'unexplained', -home);
    home = 0;
    addQuality(marks, 'suspect', say('the counters say that more left the house than came in'));
  }

  let bounds: SlotRecord['bounds'] = slot.bounds;
  const cells: Partial<Record<Policy, readonly SlotCell[]>> = {};
  const {pools} = books;
  const nextPools: Pools = {...pools};
  for (const policy of policies) {
    const booked = empty<Record<string, number>>();
    const restUnits = empty<Record<string, number>>();
    const units = slot.units[policy] ?? {};
    for (const source in units) {
      for (const sink in units[source]) {
        const remainder = (units[source][sink] as number) % UNITS_PER_MWH;
        addCell(booked, source, sink, ((units[source][sink] as number) - remainder) / UNITS_PER_MWH);
        addCell(restUnits, source, sink, remainder);
      }
    }
    rest.units[policy] = restUnits;
    const {matrix: moved, anew} = fitted(house, booked, rows, columns, home, policy);
    if (policy === house.primary && slot.bounds) bounds = aroundMeasured(slot.bounds, moved);
    const matrix = withFilled(moved, slot.filled);
    if (anew)
      addQuality(
        marks,
        'suspect',
        say('the counters could not be brought into the cells that were measured; the quarter hour was divided by its totals'),
      );
    const own = {...(pools[policy] ?? {})};
    cells[policy] = origins(site, house, matrix, own, books);
    nextPools[policy] = own;
  }
  const totals = totalsOf(house, slot, rows, columns, home, whole, books.registers);
  const {qualities: quality, reason} = marks;
  const own: SlotRecord = {slot: slot.name, closed, cells, totals, quality, reason, bounds};
  return {record: slot.joined ? joined(own, slot.joined, policies) : own, pools: nextPools, rest};
}

/** Slots without a date, closed before, as part of this one: what they say of batteries is booked already. */
function joined(own: SlotRecord, parts: readonly SlotRecord[], policies: readonly Policy[]): SlotRecord {
  const fitting = parts.map(part => ({
    ...part,
    cells: Object.fromEntries(policies.map(policy => [policy, part.cells[policy] ?? []])),
  }));
  return {...merged(own, fitting), takes: parts.flatMap(({slot}) => (slot.kind === 'undated' ? [slot] : []))};
}

type SlotBalance = {
  /** Anchored, whole mWh. */
  readonly rows: MutableAmounts;
  readonly columns: MutableAmounts;
  /** What remains for the home; negative where the registers leave less than nothing. */
  readonly home: number;
  /** Integrated, whole mWh, by directed channel and derived term. */
  readonly whole: Amounts;
  /** What is not a whole mWh, and what a register takes off beyond what is there. */
  readonly rest: Pick<OpenSlot, 'margins' | 'corrections'>;
};

/** What each side of the house gave and took in the slot by its registers, mWh. */
export function balanceOf(house: House, slot: OpenSlot): SlotBalance {
  const rest = {margins: empty<number>(), corrections: empty<number>()};
  const whole = empty<number>();
  for (const key in slot.margins) {
    const remainder = (slot.margins[key] as number) % UNITS_PER_MWH;
    whole[key] = ((slot.margins[key] as number) - remainder) / UNITS_PER_MWH;
    rest.margins[key] = remainder;
  }
  const rows = empty<number>();
  const columns = empty<number>();
  for (const {key, margin} of house.edges) {
    const energy = (whole[key] ?? 0) + (slot.corrections[key] ?? 0);
    // A slot cannot give back: what a register still takes off, the next one bears.
    if (energy < 0) rest.corrections[key] = energy;
    if (margin && energy > 0) addAmount(margin.side === 'row' ? rows : columns, margin.id, energy);
  }
  addAmount(columns, 'loss', whole['loss'] ?? 0);
  // What an instant could not explain, the registers may: a device that was silent for a while has counted on.
  const told = correctionsOf(house, slot);
  addAmount(rows, 'unexplained', Math.max(0, (whole['unexplained>out'] ?? 0) - Math.max(0, told)));
  addAmount(columns, 'unexplained', Math.max(0, (whole['unexplained>in'] ?? 0) - Math.max(0, -told)));
  for (const load of house.topology.loads) addAmount(columns, load, whole[`derived>${load}`] ?? 0);
  return {rows, columns, home: total(rows) - total(columns), whole, rest};
}

/** What the registers added to the house's inflow in this slot, less what they added to its outflow, mWh. */
function correctionsOf(house: House, slot: OpenSlot): number {
  let sum = 0;
  for (const {key, margin} of house.edges) {
    const energy = slot.corrections[key] ?? 0;
    if (margin) sum += margin.side === 'row' ? energy : -energy;
  }
  return sum;
}

type Fitted = {readonly matrix: Matrix; readonly anew: boolean};

/** Booked cells moved to the margins; where that cannot be done, the margins are attributed anew. */
function fitted(house: House, booked: Matrix, rows: Amounts, columns: Amounts, home: number, policy: Policy): Fitted {
  const {sources} = house.slotOrders;
  const sinks = policy === 'battery-first' ? house.slotOrders.sinksBatteriesFirst : house.slotOrders.sinks;
  const targetRows = empty<number>();
  const targetColumns = empty<number>();
  for (const source in booked) targetRows[source] = rows[source] ?? 0;
  for (const source in rows) targetRows[source] = rows[source] as number;
  for (const sink of sinks)
    if (sink !== 'home' && sink !== 'hybrid' && ((columns[sink] ?? 0) > 0 || columnSum(booked, sink) > 0))
      targetColumns[sink] = columns[sink] ?? 0;
  try {
    return {matrix: rebalance(booked, {rows: targetRows, cols: targetColumns}, sources, sinks), anew: false};
  } catch {
    return {matrix: attributeAnew(rows, {...columns, home: (columns['home'] ?? 0) + home}, sources, sinks), anew: true};
  }
}

/** Margins of a stretch of time to cells, the home last: over a stretch that errs least. */
export const attributeAnew = (rows: Amounts, columns: Amounts, sources: readonly string[], sinks: readonly string[]): Matrix =>
  attribute(rows, columns, 'solar-first', sources, [...sinks.filter(sink => sink !== 'home'), 'home']);

/** Bounds of whole cells: what was measured in the slot beside its gap is certain. */
const aroundMeasured = (filled: NonNullable<OpenSlot['bounds']>, measured: Matrix): NonNullable<SlotRecord['bounds']> =>
  Object.fromEntries(
    Object.entries(filled).map(([cell, [least, most]]) => {
      const [source = '', sink = ''] = cell.split('->');
      const certain = cellOf(measured, source, sink);
      return [cell, [least + certain, most + certain]];
    }),
  );

function withFilled(matrix: Matrix, filled: Matrix): Matrix {
  const sum = empty<Record<string, number>>();
  for (const one of [matrix, filled])
    for (const source in one) for (const sink in one[source]) addCell(sum, source, sink, one[source][sink] as number);
  return sum;
}

/** Cells by origin: what came out of a battery carries the mix that went in. `pools` is changed. */
function origins(site: Site, house: House, matrix: Matrix, pools: Record<string, Pool>, books: Books): SlotCell[] {
  const {withdrawal, efficiencyPpm} = site.flows;
  const delivered = new Map<string, Partial<Record<Origin, number>>>();
  const mixOf = (battery: string): Partial<Record<Origin, number>> => {
    const mix = byOrigin(pools[battery] ?? []);
    return total(mix as Amounts) > 0 ? mix : {unknown: 1};
  };
  const originOf = (source: string): Origin =>
    source === 'solar' || source === 'wind' || source === 'generator' || source === 'grid' ? source : 'unknown';

  for (const battery of house.batteries) {
    const arriving: Partial<Record<Origin, number>> = {};
    for (const source in matrix) {
      const amount = cellOf(matrix, source, battery);
      if (amount === 0) continue;
      if (house.batteries.includes(source) && source !== battery) {
        const mix = mixOf(source);
        largestRemainder(
          amount,
          ORIGINS.map(origin => mix[origin] ?? 0),
        ).forEach((part, index) => {
          const origin = ORIGINS[index] as Origin;
          arriving[origin] = (arriving[origin] ?? 0) + part;
        });
      } else {
        arriving[originOf(source)] = (arriving[originOf(source)] ?? 0) + amount;
      }
    }
    pools[battery] = charge(pools[battery] ?? [], arriving);
  }
  for (const battery of house.batteries) {
    const out = rowSum(matrix, battery);
    if (out === 0) continue;
    const step = discharge(pools[battery] ?? [], out, efficiencyOf(books, battery, efficiencyPpm), withdrawal);
    pools[battery] = compact(step.pool, withdrawal);
    delivered.set(battery, step.delivered);
  }

  const cells: SlotCell[] = [];
  const put = (origin: Origin | 'unexplained', via: string, source: string, sink: string, energyMilliWh: number): void => {
    if (energyMilliWh > 0)
      cells.push({origin, via, source, sink, energyMilliWh, label: labelOf(origin, via, sink, house.batteries.includes(sink))});
  };
  for (const source in matrix) {
    const row = matrix[source] as Readonly<Record<string, number>>;
    const mix = delivered.get(source);
    if (!mix) {
      for (const sink in row) put(source === 'unexplained' ? 'unexplained' : originOf(source), 'direct', source, sink, row[sink] as number);
      continue;
    }
    const left = ORIGINS.map(origin => mix[origin] ?? 0);
    for (const sink in row) {
      largestRemainder(row[sink] as number, left).forEach((part, index) => {
        left[index] = (left[index] as number) - part;
        put(ORIGINS[index] as Origin, source, source, sink, part);
      });
    }
  }
  return cells;
}

function totalsOf(
  house: House,
  slot: OpenSlot,
  rows: Amounts,
  columns: Amounts,
  home: number,
  whole: Amounts,
  registers: Shown,
): SlotTotal[] {
  const filledRow = (id: string): number => rowSum(slot.filled, id);
  const filledColumn = (id: string): number => columnSum(slot.filled, id);
  const list: SlotTotal[] = [];
  const common = slot.qualities.filter(one => one === 'gap' || one === 'suspect' || one === 'undated');
  const add = (name: string, energyMilliWh: number, keys: readonly string[]): void => {
    const own: Shown[string][] = [];
    let counterWh: number | null = 0;
    let rawMilliWh = 0;
    for (const key of keys) {
      rawMilliWh += whole[key] ?? 0;
      const register = registers[key];
      if (!register) continue;
      own.push(register);
      counterWh = counterWh === null || register.shownWh === null ? null : counterWh + register.shownWh;
    }
    const quality: SlotQuality[] = [...common];
    if (own.length === 0 || own.some(register => register.anchor === null)) quality.push('unanchored');
    if (own.some(register => register.stalled)) quality.push('stalled');
    list.push({name, energyMilliWh, rawMilliWh, counterWh: own.length > 0 ? counterWh : null, quality});
  };
  const keysOf = (kinds: readonly string[], direction: 'out' | 'into'): string[] =>
    house.channels.filter(channel => kinds.includes(channel.kind)).map(channel => channel[direction]);
  add('grid_import', (rows['grid'] ?? 0) + filledRow('grid'), ['grid>out']);
  add('grid_export', (columns['grid'] ?? 0) + filledColumn('grid'), ['grid>in']);
  add('solar', (rows['solar'] ?? 0) + filledRow('solar'), keysOf(['solar', 'pv'], 'out'));
  for (const kind of ['wind', 'generator'] as const)
    if (house.kinds.has(kind)) add(kind, (rows[kind] ?? 0) + filledRow(kind), keysOf([kind], 'out'));
  const charged = house.batteries.reduce((sum, id) => sum + (columns[id] ?? 0) + filledColumn(id), 0);
  const released = house.batteries.reduce((sum, id) => sum + (rows[id] ?? 0) + filledRow(id), 0);
  add('battery_charge', charged, keysOf(['battery'], 'into'));
  add('battery_discharge', released, keysOf(['battery'], 'out'));
  if (house.batteries.length > 1) {
    for (const id of house.batteries) {
      add(`${id}_charge`, (columns[id] ?? 0) + filledColumn(id), [`${id}>in`]);
      add(`${id}_discharge`, (rows[id] ?? 0) + filledRow(id), [`${id}>out`]);
    }
  }
  for (const load of house.topology.loads) add(load, (columns[load] ?? 0) + filledColumn(load), [`${load}>in`]);
  list.push({
    name: 'home',
    energyMilliWh: home + filledColumn('home'),
    rawMilliWh: whole['home'] ?? 0,
    counterWh: null,
    quality: common,
  });
  return list;
}
