// Energies out of the ledger: by quarter hour from the slots, by day and longer from the days that are kept beside them.

import type {SlotQuality} from '../core/flow/model.ts';
import {dayStart, localDay} from '../core/flow/slots.ts';
import type {Policy} from '../core/site.ts';
import type {Db} from './connect.ts';
import {joined, type Part, partsOf} from './days.ts';
import {joinQualities} from './ledger.ts';
import {getMeta} from './meta.ts';
import type {CellRow, FlowQuery, FlowRow, LedgerStep, SlotInfo, TotalQuery, TotalRow} from './queries.ts';
import {msOfSlot, POLICY_IDS, SLOT_S, slotOfMs} from './schema.ts';
import {firstDay, hourSlots, KEPT_LENGTH} from './steps.ts';

type Names = Pick<FlowRow, 'origin' | 'via' | 'source' | 'sink' | 'label'>;

export const cellNames = (db: Db): Map<number, Names> =>
  new Map(
    (db.prepare('SELECT id, origin, via, source, sink, label FROM wl_cell_name').all() as (Names & {id: number})[]).map(
      ({id, ...names}) => [id, names],
    ),
  );
const totalNames = (db: Db): Map<number, string> =>
  new Map(db.prepare('SELECT id, name FROM wl_total_name').raw().all() as [number, string][]);
const isLong = (step: LedgerStep): step is '1d' | '1mo' | '1y' => step !== '15m' && step !== '1h';

/** Local days of a range of whole days, first and last. */
const daysOf = ({fromMs, toMs, zone}: TotalQuery): [string, string] => [localDay(zone, fromMs), localDay(zone, Math.max(fromMs, toMs - 1))];

/** First quarter hours of the steps below a day. */
const bucketOf = ({step, fromMs, zone}: TotalQuery): ((slot: number) => number) =>
  step === '15m' ? slot => slot : hourSlots(zone, fromMs);

/** Where another zone is asked for than the one that the stored days belong to, days are made from the slots. */
const isStoredZone = (db: Db, zone: string): boolean => getMeta(db, 'zone') === zone;

/** Energies per cell and step, in order of time. */
export function flows(db: Db, query: FlowQuery): FlowRow[] {
  return joined(
    partsFor(db, query).map(part => (part.whole ? flowsOfDays : flowsOfSlots)(db, {...query, ...part})),
    ({origin, via, source, sink, label}) => [origin, via, source, sink, label].join('|'),
    () => ({}),
  );
}

/** Only days of the zone they belong to are kept. */
const partsFor = (db: Db, query: TotalQuery): readonly Part[] =>
  isLong(query.step) && isStoredZone(db, query.zone) ? partsOf(query) : [{...query, whole: false}];

/** Whole days by the steps of a question: what of their names a step keeps, where steps begin, and what was said of them. */
function keptDays(db: Db, query: TotalQuery) {
  const kept = KEPT_LENGTH[query.step as keyof typeof KEPT_LENGTH];
  const startOf = dayStarts(query.zone);
  const [from, to] = daysOf(query);
  const qualities = dayQualities(db, kept, from, to);
  return {kept, from, to, startOf, qualityOf: (step: string): string => qualities.get(step) ?? 'ok'};
}

function flowsOfDays(db: Db, query: FlowQuery): FlowRow[] {
  const names = cellNames(db);
  const {kept, from, to, startOf, qualityOf} = keptDays(db, query);
  const sums = db
    .prepare(
      'SELECT substr(day, 1, ?) AS step, cell, sum(energy_mwh) FROM wl_day WHERE policy = ? AND day BETWEEN ? AND ? GROUP BY step, cell ORDER BY step, cell',
    )
    .raw()
    .all(kept, POLICY_IDS[query.policy], from, to) as [string, number, number][];
  return sums.flatMap(([step, cell, energyMilliWh]) => {
    const name = names.get(cell);
    const day = firstDay(step);
    return name && energyMilliWh !== 0 ? [{startMs: startOf(day), day, ...name, energyMilliWh, quality: qualityOf(step)}] : [];
  });
}

function flowsOfSlots(db: Db, query: FlowQuery): FlowRow[] {
  const names = cellNames(db);
  const policy = POLICY_IDS[query.policy];
  const rows: FlowRow[] = [];
  const add = (startMs: number, day: string | null, cell: number, energyMilliWh: number, quality: string): void => {
    const name = names.get(cell);
    if (name && energyMilliWh !== 0) rows.push({startMs, day, ...name, energyMilliWh, quality});
  };
  const range = slotsIn(query);
  if (isLong(query.step)) {
    const kept = KEPT_LENGTH[query.step];
    const startOf = dayStarts(query.zone);
    for (const {step, sums, quality} of bySlot(db, range, slot => localDay(query.zone, msOfSlot(slot)).slice(0, kept), policy)) {
      const day = firstDay(step);
      for (const [cell, energy] of sums) add(startOf(day), day, cell, energy, quality);
    }
  } else if (query.step === '15m') {
    // As it is stored: nothing is to be added up.
    for (const [slot, cell, energy, quality] of slotCells(db, range, policy)) add(msOfSlot(slot), null, cell, energy, quality);
  } else {
    for (const {step, sums, quality} of bySlot(db, range, bucketOf(query), policy))
      for (const [cell, energy] of sums) add(msOfSlot(step), null, cell, energy, quality);
  }
  return rows;
}

/** Begins of days; each is worked out once, which costs more than all its rows. */
function dayStarts(zone: string): (day: string) => number {
  const known = new Map<string, number>();
  return day => {
    const startMs = known.get(day) ?? dayStart(zone, day);
    known.set(day, startMs);
    return startMs;
  };
}

/** Quarter hours that begin in the range. */
const slotsIn = ({fromMs, toMs}: TotalQuery): [number, number] => [Math.ceil(fromMs / (SLOT_S * 1000)), Math.ceil(toMs / (SLOT_S * 1000))];

function dayQualities(db: Db, kept: number, from: string, to: string): Map<string, string> {
  const words = new Map<string, string[]>();
  const rows = db
    .prepare("SELECT DISTINCT substr(day, 1, ?), quality FROM wl_day_quality WHERE day BETWEEN ? AND ? AND quality <> 'ok'")
    .raw()
    .all(kept, from, to);
  for (const [step, quality] of rows as [string, string][]) words.set(step, [...(words.get(step) ?? []), quality]);
  return new Map([...words].map(([step, texts]) => [step, joinQualities(texts)]));
}

type SlotCellRow = [slot: number, cell: number, energyMilliWh: number, quality: string];

const slotCells = (db: Db, [from, to]: [number, number], policy: number): IterableIterator<SlotCellRow> =>
  db
    .prepare(
      'SELECT c.slot, c.cell, c.energy_mwh, s.quality FROM wl_slot s CROSS JOIN wl_cell c ON c.slot = s.slot AND c.policy = ? WHERE s.slot >= ? AND s.slot < ? ORDER BY s.slot, c.cell',
    )
    .raw()
    .iterate(policy, from, to) as IterableIterator<SlotCellRow>;

function* bySlot<T>(
  db: Db,
  range: [number, number],
  stepOf: (slot: number) => T,
  policy: number,
): Generator<{step: T; sums: Map<number, number>; quality: string}> {
  let current: {step: T; sums: Map<number, number>; qualities: Set<string>} | null = null;
  for (const [slot, cell, energy, quality] of slotCells(db, range, policy)) {
    const step = stepOf(slot);
    if (!current || current.step !== step) {
      if (current) yield {step: current.step, sums: current.sums, quality: joinQualities([...current.qualities])};
      current = {step, sums: new Map(), qualities: new Set()};
    }
    current.sums.set(cell, (current.sums.get(cell) ?? 0) + energy);
    current.qualities.add(quality);
  }
  if (current) yield {step: current.step, sums: current.sums, quality: joinQualities([...current.qualities])};
}

/** Totals per name and step, in order of time. */
export function totals(db: Db, query: TotalQuery): TotalRow[] {
  return joined(
    partsFor(db, query).map(part => (part.whole ? totalsOfDays : totalsOfSlots)(db, {...query, ...part})),
    ({name}) => name,
    (a, b) => ({rawMilliWh: a.rawMilliWh + b.rawMilliWh, counterWh: b.counterWh}),
  );
}

function totalsOfDays(db: Db, query: TotalQuery): TotalRow[] {
  const names = totalNames(db);
  const {kept, from, to, startOf, qualityOf} = keptDays(db, query);
  const sums = db
    .prepare(
      'SELECT substr(day, 1, ?) AS step, name, sum(energy_mwh), sum(raw_mwh) FROM wl_total_day WHERE day BETWEEN ? AND ? GROUP BY step, name ORDER BY step, name',
    )
    .raw()
    .all(kept, from, to) as [string, number, number, number][];
  return sums.map(([step, name, energyMilliWh, rawMilliWh]) => {
    const day = firstDay(step);
    return {startMs: startOf(day), day, name: names.get(name) ?? '', energyMilliWh, rawMilliWh, counterWh: null, quality: qualityOf(step)};
  });
}

function totalsOfSlots(db: Db, query: TotalQuery): TotalRow[] {
  const names = totalNames(db);
  if (!isLong(query.step))
    return sumTotals(db, slotsIn(query), bucketOf(query), names).map(({step, ...row}) => ({...row, startMs: msOfSlot(step), day: null}));
  const kept = KEPT_LENGTH[query.step];
  const startOf = dayStarts(query.zone);
  return sumTotals(db, slotsIn(query), slot => localDay(query.zone, msOfSlot(slot)).slice(0, kept), names).map(({step, ...row}) => ({
    ...row,
    counterWh: null,
    startMs: startOf(firstDay(step)),
    day: firstDay(step),
  }));
}

function sumTotals<T>(
  db: Db,
  [from, to]: [number, number],
  stepOf: (slot: number) => T,
  names: Map<number, string>,
): (Omit<TotalRow, 'startMs' | 'day'> & {step: T})[] {
  type Sum = {step: T; name: string; energyMilliWh: number; rawMilliWh: number; counterWh: number | null; quality: string};
  const sums: Sum[] = [];
  let current = new Map<number, Sum>();
  const select = db
    .prepare('SELECT slot, name, energy_mwh, raw_mwh, counter_wh, quality FROM wl_total WHERE slot >= ? AND slot < ? ORDER BY slot, name')
    .raw();
  for (const [slot, name, energy, raw, counter, quality] of select.iterate(from, to) as IterableIterator<
    [number, number, number, number, number | null, string | null]
  >) {
    const step = stepOf(slot);
    let sum = current.get(name);
    if (!sum || sum.step !== step) {
      if ([...current.values()].some(one => one.step !== step)) current = new Map();
      sum = {step, name: names.get(name) ?? '', energyMilliWh: 0, rawMilliWh: 0, counterWh: null, quality: 'ok'};
      current.set(name, sum);
      sums.push(sum);
    }
    sum.energyMilliWh += energy;
    sum.rawMilliWh += raw;
    sum.counterWh = counter ?? sum.counterWh;
    if (quality !== null) sum.quality = joinQualities([sum.quality, quality]);
  }
  return sums;
}

export function slotOf(db: Db, atMs: number): SlotInfo | null {
  type Row = {slot: number; day: string; closed: number; quality: SlotQuality; reason: string | null; bounds: string | null};
  const row = db.prepare('SELECT slot, day, closed, quality, reason, bounds FROM wl_slot WHERE slot = ?').get(slotOfMs(atMs)) as
    | Row
    | undefined;
  if (!row) return null;
  const {day, quality, reason} = row;
  return {
    startMs: msOfSlot(row.slot),
    day,
    closed: row.closed === 1,
    quality,
    reason,
    bounds: row.bounds === null ? null : (JSON.parse(row.bounds) as SlotInfo['bounds']),
  };
}

export const cellsOf = (db: Db, startMs: number, policy: Policy): CellRow[] =>
  db
    .prepare(
      'SELECT n.origin, n.via, n.source, n.sink, n.label, c.energy_mwh AS energyMilliWh FROM wl_cell c JOIN wl_cell_name n ON n.id = c.cell WHERE c.slot = ? AND c.policy = ? ORDER BY n.id',
    )
    .all(slotOfMs(startMs), POLICY_IDS[policy]) as CellRow[];

export const totalsOf = (db: Db, startMs: number): TotalRow[] =>
  totals(db, {fromMs: startMs, toMs: startMs + SLOT_S * 1000, step: '15m', zone: 'UTC'});
