// Points as a table: value, quality, age, and the registers with their raw words.

import {Scroll} from '../scroll.tsx';
import {duration, number, t, wordOf} from '../text.ts';

export type Point = {
  readonly point: string;
  readonly unit: string;
  readonly value: number | string | null;
  readonly quality: string;
  readonly fault: string | null;
  readonly age_ms: number | null;
  readonly registers: readonly {readonly fc: number; readonly at: number; readonly word: number | null}[];
  readonly note: string | null;
};
const SYMBOLS: Readonly<Record<string, string>> = {w: 'W', wh: 'Wh', v: 'V', a: 'A', hz: 'Hz', pct: '%', c: '°C', va: 'VA', var: 'var'};

/** `of` says whose they are, for whoever cannot see what stands around. */
export function PointTable({points, of}: {readonly points: readonly Point[]; readonly of: string}) {
  return (
    <Scroll name={`${t('points')}: ${of}`}>
      <table>
        <thead>
          <tr>
            <th scope="col">{t('point')}</th>
            <th scope="col">{t('value')}</th>
            <th scope="col">{t('quality')}</th>
            <th scope="col">{t('age')}</th>
            <th scope="col">{t('registers')}</th>
          </tr>
        </thead>
        <tbody>
          {points.map(point => (
            <tr key={point.point} class={point.quality}>
              <th scope="row" title={point.note ?? undefined}>
                {point.point}
              </th>
              <td>{shownOf(point)}</td>
              <td>
                {wordOf(point.quality)}
                {point.fault ? ` (${wordOf(point.fault)})` : ''}
              </td>
              <td>{point.age_ms === null ? '–' : duration(point.age_ms / 1000)}</td>
              <td class="mono">{rangesOf(point.registers).join(' ')}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </Scroll>
  );
}

const shownOf = ({value, unit}: Point): string =>
  value === null ? '–' : `${typeof value === 'number' ? number(value) : value}\u00a0${SYMBOLS[unit] ?? ''}`;

/** Neighbours in one piece: `4:52–53=4591 a333`, function code, addresses on the wire, words in hex. */
function rangesOf(registers: Point['registers']): string[] {
  const ranges: {fc: number; from: number; words: string[]}[] = [];
  for (const {fc, at, word} of registers) {
    const last = ranges.at(-1);
    const text = word === null ? '?' : word.toString(16).padStart(4, '0');
    if (last && last.fc === fc && last.from + last.words.length === at) last.words.push(text);
    else ranges.push({fc, from: at, words: [text]});
  }
  return ranges.map(({fc, from, words}) => `${fc}:${from}${words.length > 1 ? `–${from + words.length - 1}` : ''}=${words.join('\u00a0')}`);
}
