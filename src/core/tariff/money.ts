// A walk through the ledger's quarter hours: what each cost, what each load took, what batteries hold, and the bills.

import type {Origin} from '../flow/model.ts';
import {type Bill, startBills} from './bills.ts';
import {calendarOf} from './calendar.ts';
import type {Series, Tariff, Tariffs} from './model.ts';
import {pricesAt, type SlotPrices, tariffAt} from './prices.ts';
import {pico} from './rules.ts';
import {type BatteryNote, EMPTY_STOCK, type Held, heldIn, putIn, type Stock, takeOut} from './stock.ts';
import {consumes, type Exchanges, exchangesOf, isPaid, type Money, type MoneyCell, slotMoney} from './value.ts';

export type MoneySlot = {
  readonly startMs: number;
  readonly cells: readonly MoneyCell[];
  /** What was learned about batteries since the slot before. */
  readonly notes?: readonly BatteryNote[];
};

/** One quarter hour, with the prices that held. */
type PricedSlot = {readonly startMs: number; readonly day: string; readonly prices: SlotPrices | null; readonly money: Money};

/** What one sink (home, a load, a battery) took. */
export type SinkMoney = {
  energyMilliWh: number;
  /** Paid: its grid part now, and the grid part of what a battery gave it, at the price of then. */
  paidPico: bigint;
  /** Export credit that its own energy would have earned. */
  foregonePico: bigint;
  /** What it was made of, by origin, mWh. */
  originMilliWh: Record<string, number>;
  /** Without a known price. */
  unpricedMilliWh: number;
};

/** A bill, and what it would have been without the battery, and without generation and battery. */
export type ComparedBill = Bill & {readonly withoutBatteryPico: bigint; readonly withoutOwnPico: bigint};

type WalkDeps = {
  readonly tariffs: Tariffs;
  readonly zone: string;
  readonly series: Series;
  readonly batteries: readonly string[];
  /** Round trip of batteries until it has been measured. */
  readonly efficiencyPpm: number;
  /** Batteries are followed from here on. */
  readonly stocksFromMs: number;
  /** Whether bills are asked for. */
  readonly bills: boolean;
};
type Walk = {
  /** Slots in order of time. `counted`: it belongs to what was asked for; the others only fill batteries and bills. */
  take(slot: MoneySlot, counted: boolean): PricedSlot;
  /** `endMs`: the ledger was read up to here. */
  end(endMs: number): {
    readonly sinks: Readonly<Record<string, SinkMoney>>;
    readonly stocks: Readonly<Record<string, Held>>;
    /** What turned out to be lost: on record, but gone when a battery was found empty. */
    readonly lost: Readonly<Record<string, Held>>;
    readonly bills: readonly ComparedBill[];
  };
};

export function startWalk(deps: WalkDeps): Walk {
  const {tariffs, zone, batteries, efficiencyPpm} = deps;
  const calendar = calendarOf(zone, tariffs.holidays);
  const sinks: Record<string, SinkMoney> = {};
  const stocks: Record<string, Stock> = {};
  const lost: Record<string, Stock> = {};
  const efficiencies: Record<string, number> = {};
  const books = {
    actual: startBills(tariffs, zone, calendar),
    withoutBattery: startBills(tariffs, zone, calendar),
    withoutOwn: startBills(tariffs, zone, calendar),
  } satisfies Record<keyof Exchanges, unknown>;

  return {
    take({startMs, cells, notes = []}, counted) {
      for (const note of notes) learn(note, counted);
      const local = calendar(startMs);
      const tariff = tariffAt(tariffs, startMs);
      const prices = tariff && pricesAt(tariff, startMs, local, deps.series);
      const exchanges = exchangesOf(cells, tariff, batteries);
      if (deps.bills && tariff && prices)
        for (const [name, {importMilliWh, paidMilliWh}] of Object.entries(exchanges) as [keyof Exchanges, Exchanges['actual']][])
          books[name].add({startMs, local, tariff, prices, importMilliWh, exportMilliWh: paidMilliWh});
      if (startMs >= deps.stocksFromMs) takeSinks(cells, tariff, prices, counted);
      return {startMs, day: local.day, prices, money: slotMoney(cells, tariff, prices, exchanges)};
    },
    end(endMs) {
      const [withoutBattery, withoutOwn] = [books.withoutBattery.end(endMs), books.withoutOwn.end(endMs)];
      const bills = books.actual.end(endMs).map((bill, index) => ({
        ...bill,
        withoutBatteryPico: withoutBattery[index]?.duePico ?? bill.duePico,
        withoutOwnPico: withoutOwn[index]?.duePico ?? bill.duePico,
      }));
      return {sinks, stocks: held(stocks), lost: held(lost), bills};
    },
  };

  function learn(note: BatteryNote, counted: boolean): void {
    if (note.kind === 'efficiency') {
      efficiencies[note.battery] = note.ppm;
      return;
    }
    const gone = heldIn(stocks[note.battery] ?? EMPTY_STOCK);
    stocks[note.battery] = EMPTY_STOCK;
    // Money is of no origin once it is gone.
    if (counted && gone.energyMilliWh > 0)
      lost[note.battery] = putIn(lost[note.battery] ?? EMPTY_STOCK, 'unknown', gone.energyMilliWh, gone.paidPico, gone.foregonePico);
  }

  /** Batteries first take, then give, as in the ledger's own quarter hour. */
  function takeSinks(cells: readonly MoneyCell[], tariff: Tariff | null, prices: SlotPrices | null, counted: boolean): void {
    const buy = prices && prices.import !== null ? prices.import + (tariff?.nonBypassable ?? 0) : null;
    const sell = prices?.export ?? null;
    const worth = (cell: MoneyCell): {paid: bigint; foregone: bigint; unpricedMilliWh: number} => {
      const {origin, source, energyMilliWh} = cell;
      if (source === 'grid')
        return {paid: buy === null ? 0n : pico(energyMilliWh, buy), foregone: 0n, unpricedMilliWh: buy === null ? energyMilliWh : 0};
      const foregone = sell !== null && source !== 'unexplained' && isPaid(tariff, origin) ? pico(energyMilliWh, sell) : 0n;
      return {paid: 0n, foregone, unpricedMilliWh: 0};
    };
    for (const cell of cells) {
      if (!batteries.includes(cell.sink) || batteries.includes(cell.source)) continue;
      const {paid, foregone} = worth(cell);
      stocks[cell.sink] = putIn(stocks[cell.sink] ?? EMPTY_STOCK, originOf(cell), cell.energyMilliWh, paid, foregone);
    }
    for (const cell of cells) {
      const {origin, source, sink, energyMilliWh} = cell;
      let [paidPico, foregonePico, unpricedMilliWh] = [0n, 0n, 0];
      if (batteries.includes(source)) {
        const out = takeOut(stocks[source] ?? EMPTY_STOCK, originOf(cell), energyMilliWh, efficiencies[source] ?? efficiencyPpm);
        stocks[source] = out.stock;
        [paidPico, foregonePico, unpricedMilliWh] = [out.paidPico, out.foregonePico, out.unknownMilliWh];
        if (batteries.includes(sink))
          stocks[sink] = putIn(stocks[sink] ?? EMPTY_STOCK, originOf(cell), energyMilliWh, paidPico, foregonePico);
      } else {
        const own = worth(cell);
        [paidPico, foregonePico, unpricedMilliWh] = [own.paid, own.foregone, own.unpricedMilliWh];
      }
      if (!counted || !(consumes(sink, batteries) || batteries.includes(sink))) continue;
      sinks[sink] ??= {energyMilliWh: 0, paidPico: 0n, foregonePico: 0n, originMilliWh: {}, unpricedMilliWh: 0};
      const sums = sinks[sink];
      sums.energyMilliWh += energyMilliWh;
      sums.paidPico += paidPico;
      sums.foregonePico += foregonePico;
      sums.unpricedMilliWh += unpricedMilliWh;
      sums.originMilliWh[origin] = (sums.originMilliWh[origin] ?? 0) + energyMilliWh;
    }
  }
}

const originOf = ({origin}: MoneyCell): Origin => (origin === 'unexplained' ? 'unknown' : origin);
const held = (stocks: Readonly<Record<string, Stock>>): Record<string, Held> =>
  Object.fromEntries(Object.entries(stocks).map(([name, stock]) => [name, heldIn(stock)]));
