// What is written about money: price series, and bills as they were computed.

import type {Bill} from '../core/tariff/bills.ts';
import type {SeriesRow} from '../core/tariff/series.ts';
import type {Db} from './connect.ts';
import {slotOfMs} from './schema.ts';

/** Stores a series; what is known of other quarter hours stays. Returns how many rows were new or changed. */
export function putPrices(db: Db, series: string, rows: readonly SeriesRow[]): number {
  const put = db.prepare(
    'INSERT INTO wl_price VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET micro = excluded.micro WHERE micro <> excluded.micro',
  );
  return db
    .transaction(() => rows.reduce((changed, {startMs, micro}) => changed + put.run(series, slotOfMs(startMs), micro).changes, 0))
    .immediate();
}

/** The bill as JSON text with exact amounts. */
const billJson = ({lines, carry, tariffs, peak, unpricedMilliWh}: Bill): string =>
  JSON.stringify({
    lines: lines.map(({kind, name, energyMilliWh, pico}) => ({kind, name, energy_mwh: energyMilliWh, pico: String(pico)})),
    bank_mwh: carry.bankMilliWh,
    credit_pico: String(carry.creditPico),
    tariffs,
    peak: peak && {start_ms: peak.startMs, mw: peak.milliW},
    unpriced_mwh: unpricedMilliWh,
  });

/** Keeps bills that differ from what was kept for their month before. Returns those months. */
export function keepBills(db: Db, bills: readonly Bill[], currency: string, atMs: number): string[] {
  const newest = db.prepare('SELECT due_pico AS due, result FROM wl_bill WHERE month = ? AND from_day = ? ORDER BY id DESC LIMIT 1');
  const insert = db.prepare(
    'INSERT INTO wl_bill (month, from_day, to_day, computed_ms, currency, due_pico, result) VALUES (?, ?, ?, ?, ?, ?, ?)',
  );
  return db
    .transaction(() =>
      bills.flatMap(bill => {
        const result = billJson(bill);
        const before = newest.get(bill.month, bill.fromDay) as {due: string; result: string} | undefined;
        if (before && before.due === String(bill.duePico) && before.result === result) return [];
        insert.run(bill.month, bill.fromDay, bill.toDay, Math.round(atMs), currency, String(bill.duePico), result);
        return before ? [bill.month] : [];
      }),
    )
    .immediate();
}
