// Price series from files and addresses into the database, again and again. What cannot be had is said once, and tried again.

import {readFile, stat} from 'node:fs/promises';
import type {MoneyConfig, SeriesSource} from '../config/tariffs.ts';
import type {FlowEvent} from '../core/flow/model.ts';
import type {Log} from '../core/log.ts';
import {maskUrls} from '../core/masked.ts';
import {type EventKind, type Said, say} from '../core/sentences/say.ts';
import {parseCsv, parseJsonSeries, type SeriesRow} from '../core/tariff/series.ts';
import type {Clock} from '../core/time.ts';
import type {Store} from '../store/store.ts';

type PriceDeps = {
  readonly clock: Clock;
  readonly log: Log;
  readonly zone: string;
  readonly store: Pick<Store, 'putPrices'>;
  readonly note: (event: FlowEvent) => void;
};
export type Prices = {
  /** Takes a message of a topic; false where no series listens to it. */
  receive(topic: string, payload: string): boolean;
  stop(): void;
};

const TIMEOUT_MS = 30_000;
const LARGEST_BYTES = 8 * 1024 * 1024;
/** After a failure, doubled up to `every`. */
const RETRY_MS = 60_000;

/** Reads a file or an address once. Throws Error with words for people. */
export async function fetchSeries(source: SeriesSource, zone: string, stop?: AbortSignal): Promise<SeriesRow[]> {
  if (source.file !== null) return parseCsv(await readFile(source.file, 'utf8'), source, zone);
  const signal = AbortSignal.any([AbortSignal.timeout(TIMEOUT_MS), ...(stop ? [stop] : [])]);
  const answer = await fetch(source.url ?? '', {signal, headers: {accept: 'application/json'}});
  if (!answer.ok) throw new Error(`answered ${answer.status} ${answer.statusText}`);
  const bytes = Buffer.from(await answer.arrayBuffer());
  if (bytes.length > LARGEST_BYTES) throw new Error(`answered ${bytes.length} bytes, more than a price list has`);
  return parseText(bytes.toString('utf8'), source, zone);
}

/** Why a series could not be read, in words for people. */
export function troubleOf(error: unknown): string {
  const {name, message, cause, code} = error as NodeJS.ErrnoException & {cause?: {message?: string}};
  if (name === 'TimeoutError') return say('does not answer');
  if (code === 'ENOENT') return say('no such file');
  return cause?.message || message;
}

function parseText(text: string, source: SeriesSource, zone: string): SeriesRow[] {
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch {
    throw new Error('is no JSON');
  }
  return parseJsonSeries(document, source, zone);
}

export function watchPrices({series}: MoneyConfig, {clock, log, zone, store, note}: PriceDeps): Prices {
  const timers = new Map<string, NodeJS.Timeout>();
  const troubles = new Map<string, string>();
  const seen = new Map<string, number>();
  const stop = new AbortController();

  const take = async (source: SeriesSource, rows: readonly SeriesRow[]): Promise<void> => {
    const changed = await store.putPrices(source.id, rows);
    if (changed > 0) log.info({part: 'money', series: source.id, prices: changed}, `${changed} new prices of ${source.id}`);
    if (troubles.delete(source.id)) tell(source, 'price-series-back', say('{id}: prices come again', {id: source.id}));
  };
  const failed = (source: SeriesSource, error: unknown): void => {
    const what = maskUrls(`${source.file ?? source.url ?? source.topic}: ${troubleOf(error)}`);
    if (troubles.get(source.id) !== what) {
      log.warn({part: 'money', series: source.id}, `no prices of ${source.id}: ${what}`);
      tell(source, 'price-series-lost', say('{id}: no new prices: {trouble}', {id: source.id, trouble: what}));
    }
    troubles.set(source.id, what);
  };
  const tell = (source: SeriesSource, kind: EventKind, detail: Said): void =>
    note({kind, monoMs: clock.monoMs(), about: source.id, detail});

  async function read(source: SeriesSource, retryMs: number): Promise<void> {
    let nextMs = source.everyMs;
    let later = RETRY_MS;
    try {
      // A file that has not changed tells nothing new; it is looked at every minute.
      const changedMs = source.file === null ? null : (await stat(source.file)).mtimeMs;
      if (changedMs === null || changedMs !== seen.get(source.id)) await take(source, await fetchSeries(source, zone, stop.signal));
      if (changedMs !== null) {
        seen.set(source.id, changedMs);
        nextMs = Math.min(nextMs, RETRY_MS);
      }
    } catch (error) {
      if (stop.signal.aborted) return;
      failed(source, error);
      nextMs = Math.min(retryMs, source.everyMs);
      later = Math.min(2 * retryMs, source.everyMs);
    }
    if (!stop.signal.aborted) timers.set(source.id, setTimeout(() => void read(source, later), nextMs).unref());
  }

  for (const source of series) if (source.topic === null) void read(source, RETRY_MS);
  return {
    receive(topic, payload) {
      const listeners = series.filter(source => source.topic === topic);
      for (const source of listeners) {
        (async () => take(source, parseText(payload, source, zone)))().catch(error => failed(source, error));
      }
      return listeners.length > 0;
    },
    stop() {
      // A request under way would hold up the end.
      stop.abort();
      for (const timer of timers.values()) clearTimeout(timer);
    },
  };
}
