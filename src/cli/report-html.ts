// A report as one HTML page that prints well on white: no script, no file beside it.

import {netOf} from '../core/tariff/shown.ts';
import {chart, quoted, stacked} from './html-charts.ts';
import {kwh, percent} from './page.ts';
import type {Report} from './report.ts';
import {lineName, shownAmount} from './report-money.ts';
import {stepName, title} from './report-text.ts';

type Cell = string;
type Row = readonly Cell[];

export function htmlOf(report: Report): string {
  const {period, policy, zone, figures, coverage, money} = report;
  const name = title(period, zone);
  const notes = [
    ...(coverage.stored < coverage.expected ? [`${coverage.stored} of ${coverage.expected} quarter hours are stored.`] : []),
    ...(figures.quality.length > 0 ? [`Not all was measured at its best: ${figures.quality.join(', ')}.`] : []),
    ...(money && money.answer.sum.unpricedQuarterHours > 0
      ? [
          `For ${money.answer.sum.unpricedQuarterHours} quarter hours no price is known; ${kwh(money.answer.sum.unpricedImportMilliWh)} kWh of imports and ${kwh(money.answer.sum.unpricedExportMilliWh)} kWh of exports are left out of the money.`,
        ]
      : []),
  ];
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>${quoted(name)} – energy report</title>
<style>${STYLE}</style></head><body>
<header><h1>${quoted(name)}</h1><p>${quoted(zone)}, ${policy}</p></header>
${coverage.stored === 0 ? '<p>Nothing is stored for this period.</p>' : energyPart(report)}
${money ? moneyPart(report) : ''}
${coverage.stored === 0 ? '' : stepsPart(report)}
${notes.length > 0 ? `<section><h2>To be known</h2>${notes.map(note => `<p>${quoted(note)}</p>`).join('')}</section>` : ''}
</body></html>
`;
}

function energyPart({period, zone, figures, money}: Report): string {
  const {totalsMilliWh} = figures;
  const numbers: [string, string, string][] = [
    ['Produced', kwh(figures.producedMilliWh), 'kWh'],
    ['Consumed', kwh(figures.consumedMilliWh), 'kWh'],
    ['From the grid', kwh(totalsMilliWh['grid_import'] ?? 0), 'kWh'],
    ['To the grid', kwh(totalsMilliWh['grid_export'] ?? 0), 'kWh'],
    ['Self-sufficiency', percent(figures.selfSufficiency), ''],
    ['Self-consumption', percent(figures.selfConsumption), ''],
    ...(money ? [['Paid on balance', shownAmount(netOf(money.answer.sum)), quoted(money.currency)] as [string, string, string]] : []),
  ];
  return `<dl class="figures">${numbers.map(([what, value, unit]) => `<div><dt>${what}</dt><dd>${value} <small>${unit}</small></dd></div>`).join('')}</dl>
<section>${chart(
    figures.steps.map(step => ({
      name: stepName(period, zone, step),
      producedMilliWh: step.producedMilliWh,
      consumedMilliWh: step.consumedMilliWh,
    })),
  )}</section>
<section class="pair">${stacked('Consumption came from', figures.consumedFromMilliWh)}${stacked('Production went to', figures.producedToMilliWh)}</section>
<section class="pair">${stacked('Labels', figures.labelsMilliWh)}${stacked('Out of the battery came', figures.batteryOriginMilliWh)}</section>`;
}

/** The first column is text, the others are figures. */
function table(caption: string, head: Row, rows: readonly Row[], foot: readonly Row[] = []): string {
  const line = (row: Row, tag: 'td' | 'th'): string =>
    `<tr>${row.map((cell, index) => (index === 0 ? `<th scope="row">${cell}</th>` : `<${tag}>${cell}</${tag}>`)).join('')}</tr>`;
  return `<section><h2>${quoted(caption)}</h2><table><thead><tr>${head.map(cell => `<th scope="col">${cell}</th>`).join('')}</tr></thead>
<tbody>${rows.map(row => line(row, 'td')).join('\n')}</tbody>${foot.length > 0 ? `<tfoot>${foot.map(row => line(row, 'td')).join('')}</tfoot>` : ''}</table></section>`;
}

const words = (name: string): string => quoted(name.replaceAll('_', ' '));

function moneyPart({period, money}: Report): string {
  if (!money) return '';
  const {answer, currency, comparison} = money;
  const {sum, sinks, stocks, bills} = answer;
  const net = netOf(sum);
  const batteries = Object.keys(stocks);
  const unit = quoted(currency);
  const energy = (milliWh: number | null): string => (milliWh === null ? '' : kwh(milliWh));
  const parts = [
    table(
      'Money',
      ['', 'kWh', unit],
      [
        ['Imports', kwh(sum.importMilliWh), shownAmount(sum.cost)],
        ['Exports', kwh(sum.exportMilliWh), shownAmount(-sum.credit)],
        ...(batteries.length > 0 ? [['Without the battery it would have been', '', shownAmount(sum.withoutBattery)]] : []),
        ['Without own energy it would have been', '', shownAmount(sum.withoutOwn)],
        ...(batteries.length > 0 ? [['The battery made', '', shownAmount(sum.withoutBattery - net)]] : []),
        [batteries.length > 0 ? 'Sun and battery made' : 'The sun made', '', shownAmount(sum.withoutOwn - net)],
        ['Own energy used, at the import price of its quarter hour', kwh(sum.savedMilliWh), shownAmount(sum.saved)],
        ...(sum.notEligibleMilliWh > 0 ? [['Exports of an origin that is not paid', kwh(sum.notEligibleMilliWh), '']] : []),
        ...(sum.suspendedMilliWh > 0 ? [['Exports not paid, prices below zero', kwh(sum.suspendedMilliWh), '']] : []),
      ],
      [[net < 0n ? 'Earned on balance' : 'Paid on balance', '', shownAmount(net < 0n ? -net : net)]],
    ),
  ];
  const used = Object.entries(sinks).filter(([name]) => !batteries.includes(name));
  if (used.length > 0)
    parts.push(
      table(
        'What used it',
        ['', 'kWh', `paid, ${unit}`, `own part if sold, ${unit}`, 'made of'],
        used
          .toSorted((a, b) => b[1].energyMilliWh - a[1].energyMilliWh)
          .map(([name, one]) => [
            words(name),
            kwh(one.energyMilliWh),
            shownAmount(one.paidPico),
            shownAmount(one.foregonePico),
            stacked('', one.originMilliWh),
          ]),
      ),
    );
  const held = Object.entries(stocks).filter(([, stock]) => stock.energyMilliWh > 0);
  if (held.length > 0)
    parts.push(
      table(
        'In the battery at the end',
        ['', 'kWh', `paid, ${unit}`, `own part if sold, ${unit}`, 'made of'],
        held.map(([name, one]) => [
          words(name),
          kwh(one.energyMilliWh),
          shownAmount(one.paidPico),
          shownAmount(one.foregonePico),
          stacked('', one.originMilliWh),
        ]),
      ),
    );
  if (period.kind !== 'day')
    for (const bill of bills) {
      const {fromDay, toDay, complete, lines, duePico, withoutBatteryPico, withoutOwnPico, carry} = bill;
      parts.push(
        table(
          `Bill from ${fromDay} to before ${toDay}${complete ? '' : ', so far'}`,
          ['', 'kWh', unit],
          lines.map(({kind, name, energyMilliWh, pico}) => [quoted(lineName(kind, name)), energy(energyMilliWh), shownAmount(pico)]),
          [
            [duePico < 0n ? 'To be received' : 'To be paid', '', shownAmount(duePico < 0n ? -duePico : duePico)],
            ...(batteries.length > 0 ? [['Without the battery', '', shownAmount(withoutBatteryPico)]] : []),
            ['Without own energy', '', shownAmount(withoutOwnPico)],
            ...Object.entries(carry.bankMilliWh).flatMap(([name, banked]) =>
              banked > 0 ? [[`Banked, ${quoted(name)}`, kwh(banked), '']] : [],
            ),
            ...(carry.creditPico === 0n ? [] : [['Credit carried on', '', shownAmount(carry.creditPico)]]),
          ],
        ),
      );
    }
  if (comparison) {
    const figure = (value: number | null): string => (value === null ? '–' : value.toFixed(2));
    parts.push(
      table(
        'Against the bill',
        ['', 'ledger', 'bill', 'difference'],
        comparison.rows.map(({what, unit: kind, ledger, billed, difference}) => [
          `${what}, ${kind === 'currency' ? unit : kind}`,
          figure(ledger),
          figure(billed),
          figure(difference),
        ]),
      ),
    );
  }
  return parts.join('\n');
}

function stepsPart({period, zone, figures, money}: Report): string {
  const costs = new Map(money?.answer.rows.map(row => [row.startMs, row.money]));
  return table(
    {day: 'Hours', month: 'Days', bill: 'Days', year: 'Months'}[period.kind],
    ['', 'produced', 'consumed', 'from the grid', 'to the grid', ...(money ? [`cost, ${quoted(money.currency)}`, 'earned', 'saved'] : [])],
    figures.steps.map(step => {
      const one = costs.get(step.startMs);
      return [
        quoted(stepName(period, zone, step)),
        ...[step.producedMilliWh, step.consumedMilliWh, step.importedMilliWh, step.exportedMilliWh].map(kwh),
        ...(money ? [one?.cost, one?.credit, one?.saved].map(pico => (pico === undefined ? '' : shownAmount(pico))) : []),
      ];
    }),
  );
}

const STYLE = `
:root{color-scheme:light;--ink:#1c2733;--quiet:#5b6b7b;--line:#d5dde5}
body{font:14px/1.45 system-ui,sans-serif;color:var(--ink);background:#fff;max-width:760px;margin:2rem auto;padding:0 1rem;font-variant-numeric:tabular-nums}
header{display:flex;justify-content:space-between;align-items:baseline;border-bottom:2px solid var(--ink);margin-bottom:1rem}
h1{font-size:1.4rem;margin:0 0 .25rem} header p{color:var(--quiet);margin:0}
h2{font-size:1rem;margin:0 0 .4rem} section{margin:0 0 1.4rem;break-inside:avoid}
dl.figures{display:grid;grid-template-columns:repeat(auto-fit,minmax(92px,1fr));gap:.5rem 1rem;margin:0 0 1.2rem}
dt{color:var(--quiet);font-size:.85em} dd{margin:0;font-size:1.25rem;white-space:nowrap} small{font-size:.6em;color:var(--quiet)}
.pair{display:grid;grid-template-columns:1fr 1fr;gap:2rem} .pair>div:empty{display:none}
svg{width:100%;height:auto;display:block} svg text{font-size:9px;fill:var(--quiet)}
.key{list-style:none;display:flex;flex-wrap:wrap;gap:.1rem .8rem;margin:.3rem 0 0;padding:0;font-size:.85em;color:var(--quiet)}
.key i{display:inline-block;width:.7em;height:.7em;border-radius:2px;margin-right:.3em} .key.long{display:block} .key.long li{display:flex} .key.long b{margin-left:auto;font-weight:400;color:var(--ink)}
.bar{display:flex;height:.9em;border-radius:3px;overflow:hidden;min-width:90px} .bar i{display:block}
table{border-collapse:collapse;width:100%} td,thead th{text-align:right;padding:.15rem 0 .15rem .8rem;white-space:nowrap} thead th{color:var(--quiet);font-weight:400;font-size:.85em;white-space:normal;vertical-align:bottom}
tbody th,tfoot th{text-align:left;font-weight:400} tr+tr{border-top:1px solid #eef2f5} tfoot tr:first-child{border-top:1px solid var(--ink)} tfoot tr:first-child *{font-weight:600}
thead{border-bottom:1px solid var(--line)} thead th:first-child{text-align:left}
@page{margin:15mm}
@media print{body{margin:0;max-width:none;padding:0;font-size:11px} *{-webkit-print-color-adjust:exact;print-color-adjust:exact} thead{display:table-header-group} tr{break-inside:avoid}}
@media (max-width:560px){.pair{grid-template-columns:1fr;gap:1rem} header{display:block}}
`;
