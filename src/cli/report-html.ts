// A report as one HTML page that prints well on white: no script, no file beside it.

import {netOf} from '../core/tariff/shown.ts';
import {chart, quoted, stacked, table} from './html-charts.ts';
import {kwh, percent} from './page.ts';
import type {Report} from './report.ts';
import {moneyPart} from './report-html-money.ts';
import {shownAmount} from './report-money.ts';
import {stepName, title} from './report-text.ts';

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
${money ? moneyPart(money, period.kind) : ''}
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
dl.figures{display:grid;grid-template-columns:repeat(auto-fit,minmax(150px,1fr));gap:.5rem 1rem;margin:0 0 1.2rem}
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
