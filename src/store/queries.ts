// What can be asked of the ledger: the questions, the shape of the answers, and a reader with its own read-only connection.

import type {Label, Origin} from '../core/flow/model.ts';
import type {Policy} from '../core/site.ts';
import type {Evidence} from '../core/tariff/evidence.ts';
import type {Tariffs} from '../core/tariff/model.ts';
import type {SlotPrices} from '../core/tariff/prices.ts';
import type {SeriesRow} from '../core/tariff/series.ts';
import {openReadOnly} from './connect.ts';
import {cellsOf, flows, slotOf, totals, totalsOf} from './read-flows.ts';
import {type EvidenceQuery, evidence, type MoneyAnswer, type MoneyQuery, money, type PriceQuery, prices, pricesNow} from './read-money.ts';
import {eachRaw, latestRaw, points, rawAround} from './read-points.ts';
import {batteries, bills, corrections, coverage, devices, events, ledgerBounds, size} from './read-rest.ts';
import {eachSample, type Sample, type SampleQuery} from './read-stream.ts';

export type LedgerStep = '15m' | '1h' | '1d' | '1mo' | '1y';

/** Slots that begin in [fromMs, toMs), UTC. With a step of a day or more the range widens to whole local days of `zone`. */
export type FlowQuery = {
  readonly fromMs: number;
  readonly toMs: number;
  readonly step: LedgerStep;
  readonly policy: Policy;
  /** IANA zone of days, months and years; hours begin where the zone's hours do. */
  readonly zone: string;
};
export type FlowRow = {
  /** Begin of the step, UTC ms. */
  readonly startMs: number;
  /** Local day `YYYY-MM-DD` on which the step begins; null for steps below a day. */
  readonly day: string | null;
  readonly origin: Origin | 'unexplained';
  /** `direct`, or the battery the energy came out of. */
  readonly via: string;
  readonly source: string;
  readonly sink: string;
  readonly energyMilliWh: number;
  readonly label: Label;
  /** Words of `SlotQuality`, joined by commas; `ok` where nothing is to be said. */
  readonly quality: string;
};

export type TotalQuery = Omit<FlowQuery, 'policy'>;
export type TotalRow = {
  readonly startMs: number;
  readonly day: string | null;
  /** `grid_import`, `solar`, `home`, …: as in `site/energy` without the unit. */
  readonly name: string;
  readonly energyMilliWh: number;
  readonly rawMilliWh: number;
  /** Register at the end of the step, Wh. */
  readonly counterWh: number | null;
  readonly quality: string;
};

export type SlotInfo = {
  readonly startMs: number;
  readonly day: string;
  readonly closed: boolean;
  readonly quality: string;
  readonly reason: string | null;
  /** Bounds of cells, mWh, where a gap was filled. */
  readonly bounds: Readonly<Record<string, readonly [number, number]>> | null;
};
export type CellRow = Omit<FlowRow, 'startMs' | 'day' | 'quality'>;

export type PointQuery = {
  readonly device: string;
  readonly point: string;
  readonly fromMs: number;
  readonly toMs: number;
  /** At most this many rows come back. */
  readonly maxPoints: number;
};
/** One row per bucket, in order of time; buckets without a sample are left out. Values are in the unit of the point's name. */
export type PointSeries = {
  readonly device: string;
  readonly point: string;
  readonly unit: string;
  /** What the rows were made from. */
  readonly resolution: 'raw' | '15m' | '1d';
  readonly bucketMs: number;
  readonly rows: readonly {
    readonly startMs: number;
    readonly n: number;
    readonly avg: number;
    readonly min: number;
    readonly max: number;
    readonly last: number;
  }[];
};

export type EventQuery = {readonly fromMs: number; readonly toMs: number; readonly limit: number};
/** Newest first. */
export type EventRow = {
  readonly id: number;
  readonly atMs: number;
  readonly kind: string;
  readonly about: string | null;
  readonly detail: string;
  readonly evidence: Readonly<Record<string, number | string>> | null;
};

/** The newest raw row of a device; values in the units of the names, null where that poll did not read the point. */
export type LatestRaw = {readonly device: string; readonly atMs: number; readonly values: Readonly<Record<string, number | null>>};
export type RawQuery = {readonly device: string; readonly fromMs: number; readonly toMs: number; readonly limit: number};
export type RawRow = {readonly atMs: number; readonly values: Readonly<Record<string, number | string | null>>};

export type StoredDevice = {
  readonly id: string;
  /** Name of its view in the database. */
  readonly view: string;
  readonly points: readonly {readonly name: string; readonly unit: string; readonly kind: string}[];
  readonly firstRawMs: number | null;
};

export type SizeInfo = {
  readonly path: string;
  readonly fileBytes: number;
  readonly walBytes: number;
  /** Pages inside the file that wait to be used again. */
  readonly freeBytes: number;
  readonly diskFreeBytes: number | null;
  readonly slots: number;
  readonly schemaVersion: number;
};

/** What the ledger spans; null where it is still empty. */
export type LedgerBounds = {
  readonly firstSlotMs: number | null;
  readonly lastSlotMs: number | null;
  readonly firstDay: string | null;
  readonly lastDay: string | null;
  readonly undated: number;
  /** Zone the stored local days belong to. */
  readonly zone: string;
};

export type CorrectionRow = {
  readonly id: number;
  readonly atMs: number;
  readonly who: string;
  readonly why: string;
  readonly what: string;
  readonly slotMs: number | null;
  readonly before: string | null;
  readonly after: string | null;
};

export type BillRow = {
  readonly id: number;
  readonly month: string;
  readonly fromDay: string;
  readonly toDay: string;
  readonly computedMs: number;
  readonly currency: string;
  readonly duePico: string;
  /** JSON: lines, carry, tariffs. */
  readonly result: string;
};

/** One method per question, so that a worker thread can answer them by name. */
type Questions = {
  flows(query: FlowQuery): FlowRow[];
  totals(query: TotalQuery): TotalRow[];
  points(query: PointQuery): PointSeries;
  events(query: EventQuery): EventRow[];
  latestRaw(device: string): LatestRaw | null;
  rawAround(query: RawQuery): RawRow[];
  devices(): StoredDevice[];
  size(): SizeInfo;
  ledgerBounds(): LedgerBounds;
  /** The slot that holds this moment, or null. */
  slot(atMs: number): SlotInfo | null;
  slotCells(query: {readonly startMs: number; readonly policy: Policy}): CellRow[];
  slotTotals(startMs: number): TotalRow[];
  corrections(query: EventQuery): CorrectionRow[];
  /** Ids that the ledger ever saw as batteries. */
  batteries(): string[];
  /** Quarter hours stored in [fromMs, toMs). */
  coverage(query: {readonly fromMs: number; readonly toMs: number}): number;
  money(query: MoneyQuery): MoneyAnswer;
  /** Prices of a stored series, in order of time. */
  prices(query: PriceQuery): SeriesRow[];
  pricesNow(query: {readonly tariffs: Tariffs; readonly zone: string; readonly atMs: number}): SlotPrices | null;
  /** Every bill that was ever kept, newest first: a corrected tariff adds a row and leaves the old one. */
  bills(): BillRow[];
};
export type QuestionName = keyof Questions;
export type QuestionArgs<K extends QuestionName> = Parameters<Questions[K]>;
export type Answer<K extends QuestionName> = ReturnType<Questions[K]>;

export type Reader = Questions & {
  /** Streams for exports, in constant memory; for the thread that owns the reader. */
  eachSample(query: SampleQuery): Generator<Sample>;
  eachRaw(query: RawQuery): Generator<RawRow>;
  eachEvidence(query: EvidenceQuery): Generator<Evidence>;
  close(): void;
};

/** Opens a database for reading only; the daemon may run meanwhile, `inside` this process too. Throws AppError STORE_UNUSABLE or STORE_NEWER. */
export function openReader(path: string, where: {readonly inside?: boolean} = {}): Reader {
  const db = openReadOnly(path, where);
  return {
    flows: query => flows(db, query),
    totals: query => totals(db, query),
    points: query => points(db, query),
    events: query => events(db, query),
    latestRaw: device => latestRaw(db, device),
    rawAround: query => rawAround(db, query),
    devices: () => devices(db),
    size: () => size(db),
    ledgerBounds: () => ledgerBounds(db),
    slot: atMs => slotOf(db, atMs),
    slotCells: query => cellsOf(db, query.startMs, query.policy),
    slotTotals: startMs => totalsOf(db, startMs),
    corrections: query => corrections(db, query),
    batteries: () => batteries(db),
    coverage: query => coverage(db, query),
    money: query => money(db, query),
    prices: query => prices(db, query),
    pricesNow: query => pricesNow(db, query),
    bills: () => bills(db),
    eachSample: query => eachSample(db, query),
    eachRaw: query => eachRaw(db, query),
    eachEvidence: query => evidence(db, query),
    close: () => void db.close(),
  };
}
