// A report as one HTML page that prints well: no script, no file beside it.

import type {Figures} from './figures.ts';

export type HtmlReport = {
  readonly title: string;
  readonly figures: Figures;
  /** Names of the steps, as many as the figures have. */
  readonly stepNames: readonly string[];
  /** The same report as a terminal shows it, for the details. */
  readonly text: string;
};

const quoted = (text: string): string => text.replace(/[&<>"]/g, letter => `&#${letter.charCodeAt(0)};`);
const WIDTH = 680;
const HEIGHT = 180;
const kwh = (milliWh: number): string => (milliWh / 1_000_000).toFixed(2);

export function htmlOf({title, figures, stepNames, text}: HtmlReport): string {
  const {totalsMilliWh, producedMilliWh, consumedMilliWh} = figures;
  const numbers: [string, string][] = [
    ['Produced', `${kwh(producedMilliWh)} kWh`],
    ['Consumed', `${kwh(consumedMilliWh)} kWh`],
    ['From the grid', `${kwh(totalsMilliWh['grid_import'] ?? 0)} kWh`],
    ['To the grid', `${kwh(totalsMilliWh['grid_export'] ?? 0)} kWh`],
    ['Self-sufficiency', figures.selfSufficiency === null ? '–' : `${Math.round(figures.selfSufficiency * 100)} %`],
    ['Self-consumption', figures.selfConsumption === null ? '–' : `${Math.round(figures.selfConsumption * 100)} %`],
  ];
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>${quoted(title)}</title>
<style>
body{font:14px/1.5 system-ui,sans-serif;color:#1c2733;max-width:720px;margin:2rem auto;padding:0 1rem}
h1{font-size:1.4rem;margin:0 0 1rem} dl{display:grid;grid-template-columns:repeat(3,1fr);gap:.75rem;margin:0 0 1.5rem}
dt{color:#5b6b7b;font-size:.85em} dd{margin:0;font-size:1.25rem;font-variant-numeric:tabular-nums}
svg{width:100%;height:auto} .p{fill:#e8a400} .c{fill:#3a6ea5} text{font-size:9px;fill:#5b6b7b}
pre{font:12px/1.45 ui-monospace,monospace;white-space:pre;overflow:auto;border-top:1px solid #d5dde5;padding-top:1rem}
@media print{body{margin:0;max-width:none} pre{overflow:visible}}
</style></head><body>
<h1>${quoted(title)}</h1>
<dl>${numbers.map(([name, value]) => `<div><dt>${name}</dt><dd>${value}</dd></div>`).join('')}</dl>
${chart(figures, stepNames)}
<pre>${quoted(text)}</pre>
</body></html>
`;
}

function chart({steps}: Figures, names: readonly string[]): string {
  if (steps.length === 0) return '';
  const most = Math.max(1, ...steps.flatMap(step => [step.producedMilliWh, step.consumedMilliWh]));
  const slot = WIDTH / steps.length;
  const bar = (index: number, at: number, energy: number, kind: string, what: string): string => {
    const height = (energy / most) * HEIGHT;
    const x = index * slot + at * slot * 0.45 + slot * 0.05;
    return `<rect class="${kind}" x="${x.toFixed(1)}" y="${(HEIGHT - height).toFixed(1)}" width="${(slot * 0.42).toFixed(1)}" height="${height.toFixed(1)}"><title>${quoted(names[index] ?? '')} ${what} ${kwh(energy)} kWh</title></rect>`;
  };
  const every = Math.ceil(steps.length / 16);
  return `<svg viewBox="0 0 ${WIDTH} ${HEIGHT + 16}" role="img" aria-label="Produced and consumed energy by step, at most ${kwh(most)} kWh">
${steps.map((step, index) => bar(index, 0, step.producedMilliWh, 'p', 'produced') + bar(index, 1, step.consumedMilliWh, 'c', 'consumed')).join('\n')}
${steps.map((_, index) => (index % every === 0 ? `<text x="${(index * slot).toFixed(1)}" y="${HEIGHT + 12}">${quoted(names[index] ?? '')}</text>` : '')).join('')}
</svg><p><span style="color:#a87800">■</span> produced <span style="color:#3a6ea5">■</span> consumed, kWh</p>`;
}
