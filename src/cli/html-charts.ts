// Charts and tables of a printed page as plain SVG and HTML. Pure; every text is quoted here.

import {type Colour, colourOf, kwh, percent} from './page.ts';

export const quoted = (text: string): string => text.replace(/[&<>"']/g, letter => `&#${letter.charCodeAt(0)};`);

/** Light colours for paper, and a second shade of each for what came through a battery. */
const SHADES: Readonly<Record<Colour, readonly [string, string]>> = {
  solar: ['#e8a400', '#f3cf73'],
  battery: ['#3f9c95', '#9accc7'],
  grid: ['#3a6ea5', '#93b4d6'],
  home: ['#8a63b8', '#bda5d8'],
  good: ['#3c8a3c', '#8fc48f'],
  bad: ['#b0453a', '#d99a93'],
  dim: ['#8a97a3', '#c3ccd4'],
  bold: ['#1c2733', '#5b6b7b'],
};
const shadeOf = (name: string): string =>
  / via /.test(name)
    ? SHADES[colourOf(name.replace(/ via .*/, ''))][1]
    : SHADES[colourOf(name)][/earlier|again|re_|unknown/.test(name) ? 1 : 0];

/** A bar made of shares with its key; in a table (no heading) the key is on one line. Empty where there is nothing. */
export function stacked(heading: string, sums: Readonly<Record<string, number | undefined>>): string {
  const parts = Object.entries(sums)
    .map(([name, energy]) => [name, energy ?? 0] as const)
    .filter(([, energy]) => energy > 0)
    .sort((a, b) => b[1] - a[1]);
  const whole = parts.reduce((sum, [, energy]) => sum + energy, 0);
  if (whole === 0) return heading === '' ? '' : '<div></div>';
  const shades = distinct(parts.map(([name]) => shadeOf(name)));
  const bars = parts.map(
    ([name, energy], index) =>
      `<i style="width:${((energy / whole) * 100).toFixed(2)}%;background:${shades[index]}" title="${quoted(name)} ${kwh(energy)} kWh"></i>`,
  );
  const key = parts.map(
    ([name, energy], index) =>
      `<li><span><i style="background:${shades[index]}"></i>${quoted(name.replaceAll('_', ' '))} ${percent(energy / whole)}</span>${heading === '' ? '' : `<b>${kwh(energy)}</b>`}</li>`,
  );
  return `<div>${heading === '' ? '' : `<h2>${quoted(heading)}, kWh</h2>`}<div class="bar">${bars.join('')}</div><ul class="key${heading === '' ? '' : ' long'}">${key.join('')}</ul></div>`;
}

/** Two neighbours of one colour would be one: the second gets lighter. */
function distinct(shades: readonly string[]): string[] {
  const used = new Map<string, number>();
  return shades.map(shade => {
    const times = used.get(shade) ?? 0;
    used.set(shade, times + 1);
    return times === 0 ? shade : `color-mix(in srgb, ${shade} ${Math.max(30, 100 - 30 * times)}%, white)`;
  });
}

type Row = readonly string[];

/** The first column is text, the others are figures; all cells are HTML. The first row of the foot is the sum. */
export function table(caption: string, head: Row, rows: readonly Row[], foot: readonly Row[] = []): string {
  const line = ([name = '', ...cells]: Row): string =>
    `<tr><th scope="row">${name}</th>${cells.map(cell => `<td>${cell}</td>`).join('')}</tr>`;
  return `<section><h2>${quoted(caption)}</h2><table><thead><tr>${head.map(cell => `<th scope="col">${cell}</th>`).join('')}</tr></thead>
<tbody>${rows.map(line).join('\n')}</tbody>${foot.length > 0 ? `<tfoot>${foot.map(line).join('')}</tfoot>` : ''}</table></section>`;
}

const WIDTH = 720;
const HEIGHT = 170;
const LEFT = 30;
type ChartStep = {readonly name: string; readonly producedMilliWh: number; readonly consumedMilliWh: number};

/** Produced and consumed of each step, side by side, on a scale in kWh. */
export function chart(steps: readonly ChartStep[]): string {
  if (steps.length === 0) return '';
  const most = Math.max(1, ...steps.flatMap(step => [step.producedMilliWh, step.consumedMilliWh]));
  const tickKwh = tickOf(most / 1_000_000);
  const topMilliWh = Math.ceil(most / 1_000_000 / tickKwh) * tickKwh * 1_000_000;
  const slot = (WIDTH - LEFT) / steps.length;
  const y = (energy: number): number => HEIGHT + 8 - (energy / topMilliWh) * HEIGHT;
  const column = (index: number, at: number, energy: number, colour: Colour, what: string): string => {
    const x = LEFT + index * slot + (0.1 + at * 0.4) * slot;
    return `<rect x="${x.toFixed(1)}" y="${y(energy).toFixed(1)}" width="${(slot * 0.38).toFixed(1)}" height="${(HEIGHT + 8 - y(energy)).toFixed(1)}" fill="${SHADES[colour][0]}"><title>${quoted(steps[index]?.name ?? '')} ${what} ${kwh(energy)} kWh</title></rect>`;
  };
  const lines = Array.from({length: Math.round(topMilliWh / 1_000_000 / tickKwh) + 1}, (_, index) => {
    const at = y(index * tickKwh * 1_000_000).toFixed(1);
    const label = Number((index * tickKwh).toFixed(3));
    return `<line x1="${LEFT}" x2="${WIDTH}" y1="${at}" y2="${at}" stroke="#e3e9ee"/><text x="${LEFT - 4}" y="${Number(at) + 3}" text-anchor="end">${label}</text>`;
  });
  const every = Math.ceil(steps.length / 16);
  return `<svg viewBox="0 0 ${WIDTH} ${HEIGHT + 24}" role="img" aria-label="Produced and consumed energy by step, at most ${kwh(most)} kWh">
${lines.join('')}
${steps.map((step, index) => column(index, 0, step.producedMilliWh, 'solar', 'produced') + column(index, 1, step.consumedMilliWh, 'home', 'consumed')).join('\n')}
${steps.map(({name}, index) => (index % every === 0 ? `<text x="${(LEFT + (index + 0.5) * slot).toFixed(1)}" y="${HEIGHT + 20}" text-anchor="middle">${quoted(name)}</text>` : '')).join('')}
</svg><ul class="key"><li><i style="background:${SHADES.solar[0]}"></i>produced</li><li><i style="background:${SHADES.home[0]}"></i>consumed, kWh</li></ul>`;
}

/** A round step of a scale that needs three to six of them: 1, 2 or 5 times a power of ten. */
function tickOf(most: number): number {
  const power = 10 ** Math.floor(Math.log10(most / 5));
  return ([1, 2, 5, 10].find(one => most / (one * power) <= 6) ?? 10) * power;
}
