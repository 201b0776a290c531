// The ledger as a download: streamed window by window, so that ten years need no more memory than a month.

import {columnsOf} from '../core/columns.ts';
import {addDays, dayStart, localDay} from '../core/flow/slots.ts';
import {POLICIES} from '../core/site.ts';
import {moneyRow} from '../core/tariff/shown.ts';
import {dayText, stepText} from '../core/time.ts';
import type {HttpDeps} from './deps.ts';
import {HttpError} from './errors.ts';
import {oneOf, onlyKnown, rangeOf, STEPS} from './parameters.ts';

type Download = {readonly type: string; readonly fileName: string; readonly chunks: AsyncIterable<string>};

const WINDOW_DAYS = 31;

/** Flows or totals as CSV or JSON lines. Throws HttpError. */
export function exportOf(deps: HttpDeps, query: URLSearchParams): Download {
  onlyKnown(query, ['from', 'to', 'step', 'policy', 'format', 'what']);
  const zone = deps.site.timezone;
  const {fromMs, toMs} = rangeOf(query, zone, deps.wallMs());
  const step = oneOf(query, 'step', STEPS, '15m');
  const policy = oneOf(query, 'policy', POLICIES, deps.site.flows.policy);
  const format = oneOf(query, 'format', ['csv', 'jsonl'], 'csv');
  const what = oneOf(query, 'what', ['flows', 'totals', 'money'], 'flows');
  const money = deps.money;
  if (what === 'money' && !money) throw new HttpError(404, 'no tariffs are configured; see `tariffs:` in the configuration');
  if (toMs - fromMs > 100 * 366 * 86_400_000) throw new HttpError(400, 'from and to: at most a hundred years');

  async function* chunks(): AsyncGenerator<string> {
    const columns = columnsOf(what, step);
    // A table without a row is a table all the same. The head waits for the first answer: until then an error can be told as a status.
    let head = format === 'csv' ? `${columns.join(',')}\n` : '';
    for (let beginMs = fromMs; beginMs < toMs; ) {
      const long = step === '1mo' || step === '1y';
      const endMs = long ? toMs : Math.min(toMs, dayStart(zone, addDays(localDay(zone, beginMs), WINDOW_DAYS)));
      const rows: Record<string, string | number | null>[] = [];
      const when = (startMs: number, day: string | null): Record<string, string> =>
        day === null ? {slot_start_utc: stepText(startMs)} : {day: dayText(day, step)};
      if (what === 'flows') {
        for (const {startMs, day, origin, via, source, sink, energyMilliWh, label, quality} of await deps.query('flows', {
          fromMs: beginMs,
          toMs: endMs,
          step,
          policy,
          zone,
        }))
          rows.push({
            ...when(startMs, day),
            policy,
            origin,
            via,
            source,
            sink,
            energy_mwh: energyMilliWh,
            energy_wh: energyMilliWh / 1000,
            label,
            quality,
          });
      } else if (what === 'money' && money) {
        const answer = await deps.query('money', {
          fromMs: beginMs,
          toMs: endMs,
          step,
          policy,
          zone,
          depth: 'sums',
          nowMs: deps.wallMs(),
          ...money,
        });
        for (const row of answer.rows)
          rows.push({...when(row.startMs, row.day), policy, ...moneyRow(money.tariffs.currency, row, step === '15m')});
      } else {
        for (const {startMs, day, name, energyMilliWh, rawMilliWh, counterWh, quality} of await deps.query('totals', {
          fromMs: beginMs,
          toMs: endMs,
          step,
          zone,
        }))
          rows.push({
            ...when(startMs, day),
            name,
            energy_mwh: energyMilliWh,
            energy_wh: energyMilliWh / 1000,
            raw_mwh: rawMilliWh,
            counter_wh: counterWh,
            quality,
          });
      }
      const lineOf = (row: (typeof rows)[number]): string =>
        format === 'jsonl' ? JSON.stringify(row) : columns.map(name => csvField(row[name] ?? null)).join(',');
      const text = head + rows.map(row => `${lineOf(row)}\n`).join('');
      head = '';
      if (text !== '') yield text;
      beginMs = endMs;
    }
  }

  return {
    type: format === 'csv' ? 'text/csv; charset=utf-8' : 'application/jsonl; charset=utf-8',
    fileName: `wattledger-${what}-${localDay(zone, fromMs)}.${format}`,
    chunks: chunks(),
  };
}

const csvField = (value: string | number | null): string => {
  const text = value === null ? '' : String(value);
  return /[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
};
