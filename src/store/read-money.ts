// Money out of the ledger: its quarter hours, with the stored price series, through the tariffs. Made anew at every question, so that a corrected tariff corrects all.

import {dayStart, localDay} from '../core/flow/slots.ts';
import type {Policy} from '../core/site.ts';
import {billMonth, billReachMs, billSpan} from '../core/tariff/bills.ts';
import {calendarOf} from '../core/tariff/calendar.ts';
import {type Evidence, startEvidence} from '../core/tariff/evidence.ts';
import {type Series, type Tariffs, usedSeries} from '../core/tariff/model.ts';
import {type ComparedBill, type MoneySlot, type SinkMoney, startWalk} from '../core/tariff/money.ts';
import {pricesAt, type SlotPrices, tariffAt} from '../core/tariff/prices.ts';
import type {SeriesRow} from '../core/tariff/series.ts';
import type {BatteryNote, Held} from '../core/tariff/stock.ts';
import {addMoney, type Money, type MoneyCell, noMoney} from '../core/tariff/value.ts';
import type {Db} from './connect.ts';
import {getMeta} from './meta.ts';
import type {LedgerStep} from './queries.ts';
import {cellNames} from './read-flows.ts';
import {batteries as batteriesOf} from './read-rest.ts';
import {msOfSlot, POLICY_IDS, slotOfMs} from './schema.ts';
import {firstDay, hourSlots, KEPT_LENGTH} from './steps.ts';

/** Quarter hours that begin in [fromMs, toMs). Plain data: it goes to another thread. */
export type MoneyQuery = {
  readonly fromMs: number;
  readonly toMs: number;
  readonly step: LedgerStep | 'all';
  readonly policy: Policy;
  readonly zone: string;
  readonly tariffs: Tariffs;
  readonly efficiencyPpm: number;
  /** A bill is complete when its days are over. */
  readonly nowMs: number;
  /** `stocks`: also what batteries hold, and what was paid for it; `bills`: also the bills that touch the range, as far back as banks and credits are carried from. */
  readonly depth: 'sums' | 'stocks' | 'bills';
};
type MoneyRow = {
  readonly startMs: number;
  /** First local day of the step; null for steps below a day. */
  readonly day: string | null;
  /** For quarter hours only. */
  readonly prices: SlotPrices | null;
  readonly money: Money;
};
export type MoneyAnswer = {
  readonly rows: readonly MoneyRow[];
  readonly sum: Money;
  readonly sinks: Readonly<Record<string, SinkMoney>>;
  /** What the batteries hold at the end of the range. */
  readonly stocks: Readonly<Record<string, Held>>;
  readonly lost: Readonly<Record<string, Held>>;
  readonly bills: readonly ComparedBill[];
};
export type PriceQuery = {readonly series: string; readonly fromMs: number; readonly toMs: number};
export type EvidenceQuery = Pick<MoneyQuery, 'fromMs' | 'toMs' | 'policy'>;

/** A battery is watched this long before the range, so that what it held at its begin has a price. */
const STOCK_MS = 31 * 86_400_000;

/** What the ledger noted about its batteries, by the quarter hour that follows it, in order of time. */
function batteryNotes(db: Db, toMs: number): {readonly slot: number; readonly note: BatteryNote}[] {
  const rows = db
    .prepare(
      "SELECT at_ms, about, CASE kind WHEN 'efficiency-learned' THEN json_extract(evidence, '$.in_use_ppm') END FROM wl_event WHERE (kind = 'battery-trued-up' OR kind = 'efficiency-learned' AND evidence IS NOT NULL) AND at_ms < ? ORDER BY at_ms, id",
    )
    .raw()
    .all(toMs) as [number, string, number | null][];
  return rows.map(([atMs, battery, ppm]) => ({
    slot: slotOfMs(atMs),
    note: ppm === null ? {kind: 'empty', battery} : {kind: 'efficiency', battery, ppm},
  }));
}

/** Quarter hours in order of time with their cells under one policy, and with what was noted up to their begin. */
function* slotsOf(db: Db, fromMs: number, toMs: number, policy: Policy): Generator<MoneySlot> {
  const names = cellNames(db);
  const select = db
    .prepare(
      'SELECT c.slot, c.cell, c.energy_mwh FROM wl_slot s CROSS JOIN wl_cell c ON c.slot = s.slot AND c.policy = ? WHERE s.slot >= ? AND s.slot < ? ORDER BY s.slot, c.cell',
    )
    .raw();
  const pending = batteryNotes(db, toMs);
  const notesUpTo = (last: number): BatteryNote[] => {
    const count = pending.findIndex(({slot}) => slot > last);
    return pending.splice(0, count < 0 ? pending.length : count).map(({note}) => note);
  };
  let slot = -1;
  let cells: MoneyCell[] = [];
  for (const [at, cell, energyMilliWh] of select.iterate(
    POLICY_IDS[policy],
    Math.ceil(fromMs / msOfSlot(1)),
    Math.ceil(toMs / msOfSlot(1)),
  ) as IterableIterator<[number, number, number]>) {
    if (at !== slot) {
      if (slot >= 0) yield {startMs: msOfSlot(slot), cells, notes: notesUpTo(slot)};
      slot = at;
      cells = [];
    }
    const name = names.get(cell);
    if (name) cells.push({...name, energyMilliWh});
  }
  if (slot >= 0) yield {startMs: msOfSlot(slot), cells, notes: notesUpTo(slot)};
}

export const prices = (db: Db, {series, fromMs, toMs}: PriceQuery): SeriesRow[] =>
  (
    db
      .prepare('SELECT slot, micro FROM wl_price WHERE series = ? AND slot >= ? AND slot < ? ORDER BY slot')
      .raw()
      .all(series, slotOfMs(fromMs), Math.ceil(toMs / msOfSlot(1))) as [number, number][]
  ).map(([slot, micro]) => ({startMs: msOfSlot(slot), micro}));

/** Stored series over a range, as the tariffs ask for them. */
function seriesOf(db: Db, tariffs: Tariffs, fromMs: number, toMs: number): Series {
  const maps = new Map<string, Map<number, number>>();
  for (const name of usedSeries(tariffs))
    maps.set(name, new Map(prices(db, {series: name, fromMs, toMs}).map(({startMs, micro}) => [startMs, micro])));
  return (name, startMs) => maps.get(name)?.get(startMs);
}

export function money(db: Db, query: MoneyQuery): MoneyAnswer {
  const {tariffs, zone, efficiencyPpm, policy, toMs} = query;
  const stocksMs = query.depth === 'sums' ? query.fromMs : query.fromMs - STOCK_MS;
  const walkMs =
    query.depth === 'bills'
      ? Math.min(billReachMs(tariffs, zone, billMonth(localDay(zone, query.fromMs), tariffs.billingDay)), stocksMs)
      : stocksMs;
  const untilMs = query.depth === 'bills' ? Math.max(toMs, lastBillEnd(query)) : toMs;
  const walk = startWalk({
    tariffs,
    zone,
    series: seriesOf(db, tariffs, walkMs, untilMs),
    batteries: batteriesOf(db),
    efficiencyPpm,
    stocksFromMs: stocksMs,
    bills: query.depth === 'bills',
  });
  const rows = new Map<number | string, MoneyRow>();
  const sum = noMoney();
  const nameOf = stepName(query);
  const firstMs = Math.min(query.fromMs, msOfSlot((db.prepare('SELECT min(slot) FROM wl_slot').pluck().get() as number | null) ?? 0));
  let readMs = query.fromMs;
  for (const slot of slotsOf(db, Math.max(walkMs, firstMs), untilMs, policy)) {
    const counted = slot.startMs >= query.fromMs && slot.startMs < toMs;
    const priced = walk.take(slot, counted);
    readMs = slot.startMs + msOfSlot(1);
    if (!counted) continue;
    const {key, startMs, day} = nameOf(slot.startMs, priced.day);
    let row = rows.get(key);
    if (!row) {
      row = {startMs, day, prices: query.step === '15m' ? priced.prices : null, money: noMoney()};
      rows.set(key, row);
    }
    addMoney(row.money, priced.money);
    addMoney(sum, priced.money);
  }
  const {sinks, stocks, lost, bills} = walk.end(Math.max(readMs, Math.min(untilMs, query.nowMs)));
  const [first, last] = [localDay(zone, query.fromMs), localDay(zone, Math.max(query.fromMs, toMs - 1))];
  return {
    rows: [...rows.values()],
    sum,
    sinks,
    stocks,
    lost,
    bills: bills.filter(bill => bill.toDay > first && bill.fromDay <= last),
  };
}

function stepName({
  step,
  zone,
  fromMs,
}: MoneyQuery): (startMs: number, day: string) => {key: number | string; startMs: number; day: string | null} {
  if (step === '15m') return startMs => ({key: startMs, startMs, day: null});
  if (step === 'all') return () => ({key: '', startMs: fromMs, day: null});
  if (step === '1h') {
    const hourOf = hourSlots(zone, fromMs);
    return startMs => {
      const hourMs = msOfSlot(hourOf(slotOfMs(startMs)));
      return {key: hourMs, startMs: hourMs, day: null};
    };
  }
  const kept = KEPT_LENGTH[step];
  const starts = new Map<string, number>();
  return (_, day) => {
    const key = day.slice(0, kept);
    const first = firstDay(key);
    let startMs = starts.get(key);
    if (startMs === undefined) {
      startMs = dayStart(zone, first);
      starts.set(key, startMs);
    }
    return {key, startMs, day: first};
  };
}

function lastBillEnd({tariffs, zone, toMs}: MoneyQuery): number {
  const bill = billSpan(billMonth(localDay(zone, toMs - 1), tariffs.billingDay), tariffs.billingDay);
  return dayStart(zone, bill.toDay);
}

/** Prices of a moment, whether the ledger has it or not; null before the first tariff. */
export function pricesNow(db: Db, {tariffs, zone, atMs}: {tariffs: Tariffs; zone: string; atMs: number}): SlotPrices | null {
  const startMs = msOfSlot(slotOfMs(atMs));
  const tariff = tariffAt(tariffs, startMs);
  return tariff && pricesAt(tariff, startMs, calendarOf(zone, tariffs.holidays)(startMs), seriesOf(db, tariffs, startMs, startMs + 1));
}

/** As `flows.efficiency` has it where it is not set. */
const USUAL_EFFICIENCY_PPM = 850_000;

/** Quarter hours as evidence, in order; the batteries' content is followed from the ledger's begin. The file alone is enough. */
export function* evidence(db: Db, {fromMs, toMs, policy}: EvidenceQuery): Generator<Evidence> {
  const efficiencyPpm = Number(getMeta(db, 'efficiency_ppm') ?? USUAL_EFFICIENCY_PPM);
  const step = startEvidence({batteries: batteriesOf(db), efficiencyPpm});
  for (const slot of slotsOf(db, 0, toMs, policy)) {
    const one = step(slot);
    if (slot.startMs >= fromMs) yield one;
  }
}
