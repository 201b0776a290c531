// Keeps the money of today, this month and this year at hand, and the bills of closed months on record. Sums are asked for behind the
// commits; bills, which walk far back, of the store's reader.

import type {MoneyConfig} from '../config/tariffs.ts';
import type {FlowEvent} from '../core/flow/model.ts';
import {dayStart, localDay} from '../core/flow/slots.ts';
import type {Log} from '../core/log.ts';
import {say} from '../core/sentences/say.ts';
import type {Site} from '../core/site.ts';
import {type MoneyNow, moneyNow} from '../core/tariff/now.ts';
import {addMoney, type Money, noMoney} from '../core/tariff/value.ts';
import {type Clock, utcText} from '../core/time.ts';
import type {MoneyQuery} from '../store/read-money.ts';
import type {Store} from '../store/store.ts';

type MoneyKeeper = {now(): MoneyNow | null; stop(): void};
type MoneyDeps = {
  readonly site: Site;
  readonly clock: Clock;
  readonly log: Log;
  readonly store: Pick<Store, 'query' | 'queryBehind' | 'keepBills'>;
  readonly note: (event: FlowEvent) => void;
  /** Real ms between two looks; the ledger changes with each commit. */
  readonly everyMs: number;
};

const HOUR_MS = 3_600_000;
/** Bills are computed again each day as far back as this, and once after each start (tariffs may be others then) from the ledger's begin. */
const BILLS_BACK_MS = 400 * 24 * HOUR_MS;
/** One question to the reader's thread; others wait no longer than for this. */
const CHUNK_MS = 92 * 24 * HOUR_MS;

export function keepMoney(config: MoneyConfig, {site, clock, log, store, note, everyMs}: MoneyDeps): MoneyKeeper {
  const {tariffs} = config;
  const zone = site.timezone;
  /** Sums of time that is over; a correction of history shows within the hour. */
  const past = new Map<string, Money>();
  let newest: MoneyNow | null = null;
  let billedDay = '';
  let ended = false;
  let trouble: string | null = null;

  const question = (fromMs: number, toMs: number, depth: MoneyQuery['depth']): MoneyQuery => ({
    fromMs,
    toMs,
    step: 'all',
    policy: site.flows.policy,
    zone,
    tariffs,
    nowMs: clock.wallMs(),
    efficiencyPpm: site.flows.efficiencyPpm,
    depth,
  });
  async function sumOf(fromMs: number, toMs: number, over: boolean): Promise<Money> {
    if (fromMs >= toMs) return noMoney();
    const key = `${fromMs} ${toMs} ${Math.floor(clock.wallMs() / HOUR_MS)}`;
    const known = over ? past.get(key) : undefined;
    if (known) return known;
    const {sum} = await store.queryBehind('money', question(fromMs, toMs, 'sums'));
    if (over) {
      if (past.size > 8) past.clear();
      past.set(key, sum);
    }
    return sum;
  }

  async function look(): Promise<void> {
    const nowMs = clock.wallMs();
    const today = localDay(zone, nowMs);
    const [yearMs, monthMs, dayMs] = [`${today.slice(0, 4)}-01-01`, `${today.slice(0, 7)}-01`, today].map(day => dayStart(zone, day)) as [
      number,
      number,
      number,
    ];
    const day = await sumOf(dayMs, nowMs, false);
    const month = added(await sumOf(monthMs, dayMs, true), day);
    const year = added(await sumOf(yearMs, monthMs, true), month);
    const prices = await store.queryBehind('pricesNow', {tariffs, zone, atMs: nowMs});
    newest = moneyNow(utcText(nowMs), tariffs.currency, prices, {
      today: {fromMs: dayMs, money: day},
      month: {fromMs: monthMs, money: month},
      year: {fromMs: yearMs, money: year},
    });
    if (today !== billedDay) {
      const first = billedDay === '';
      billedDay = today;
      const beginMs = (await store.queryBehind('ledgerBounds')).firstSlotMs ?? nowMs;
      const fromMs = first ? beginMs : Math.max(beginMs, nowMs - BILLS_BACK_MS);
      for (let at = fromMs; at < nowMs && !ended; at += CHUNK_MS) await keepBills(at, Math.min(at + CHUNK_MS, nowMs));
    }
  }

  async function keepBills(fromMs: number, toMs: number): Promise<void> {
    const {bills} = await store.query('money', question(fromMs, toMs, 'bills'));
    const changed = await store.keepBills(
      bills.filter(bill => bill.complete && (bill.quarterHours.stored > 0 || bill.lines.length > 0)),
      tariffs.currency,
    );
    for (const month of changed)
      note({
        kind: 'bill-changed',
        monoMs: clock.monoMs(),
        about: 'money',
        detail: say(
          'the bill of {month} is another one now: a tariff, a price or the ledger was corrected; the earlier one stays in the view bills',
          {month},
        ),
      });
  }

  const loop = async (): Promise<void> => {
    try {
      await look();
      trouble = null;
    } catch (error) {
      const what = (error as Error).message;
      if (what !== trouble) log.warn({part: 'money', err: error}, `money cannot be computed: ${what}`);
      trouble = what;
    }
    if (!ended) timer = setTimeout(() => void loop(), everyMs).unref();
  };
  let timer = setTimeout(() => void loop(), Math.min(everyMs, 2000)).unref();
  return {
    now: () => newest,
    stop() {
      ended = true;
      clearTimeout(timer);
    },
  };
}

function added(...sums: readonly Money[]): Money {
  const all = noMoney();
  for (const sum of sums) addMoney(all, sum);
  return all;
}
