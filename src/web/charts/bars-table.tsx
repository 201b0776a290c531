// The same bars as a table, for whoever reads or copies rather than looks.

import {Scroll} from '../scroll.tsx';
import {fixed, t, wayOf} from '../text.ts';
import type {Bar, Line} from './bars.tsx';

type Props = {readonly bars: readonly Bar[]; readonly lines: readonly Line[]; readonly names: readonly string[]};

export function BarsTable({bars, lines, names}: Props) {
  const rows = bars
    .map((bar, index) => ({bar, levels: lines.map(line => line.values[index] ?? null)}))
    .filter(({bar}) => !bar.missing && !bar.ahead);
  const priced = bars.some(bar => bar.price);
  return (
    <details>
      <summary>{t('table')}</summary>
      <Scroll name={t('table')}>
        <table class="numbers">
          <thead>
            <tr>
              <th scope="col">{t('time')}</th>
              {names.map(name => (
                <th key={name} scope="col">
                  {wayOf(name)} (kWh)
                </th>
              ))}
              {lines.map(line => (
                <th key={line.name} scope="col">
                  {line.name} ({line.unit})
                </th>
              ))}
              {priced && <th scope="col">{t('priceOf', {price: t('price')})}</th>}
              <th scope="col">{t('quality')}</th>
            </tr>
          </thead>
          <tbody>
            {rows.map(({bar, levels}) => (
              <tr key={bar.title}>
                <th scope="row">{bar.href ? <a href={bar.href}>{bar.title}</a> : bar.title}</th>
                {names.map(name => (
                  <td key={name}>{fixed(((bar.up[name] ?? 0) + (bar.down[name] ?? 0)) / 1000, 3)}</td>
                ))}
                {levels.map((level, index) => (
                  <td key={lines[index]?.name}>{level === null ? '' : Math.round(level)}</td>
                ))}
                {priced && <td>{bar.price?.text ?? ''}</td>}
                <td>{bar.quality}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </Scroll>
    </details>
  );
}
