// Below the bars: what one of them says, or else what the colours and lines mean.

import {kwh, number, t, wayOf} from '../text.ts';
import type {Bar, Line} from './bars.tsx';
import {Swatch} from './patterns.tsx';

/** What tells lines apart. */
const DASHES = [undefined, '6 3', '2 2.5', '9 3 2 3'];
export const dashOf = (index: number): string | undefined => DASHES[index % DASHES.length];

/** A bar in words; `at` is its place, where the lines have their values. */
export function Told({bar, lines, at}: {readonly bar: Bar; readonly lines: readonly Line[]; readonly at: number}) {
  return (
    <>
      <strong>{bar.href ? <a href={bar.href}>{bar.title}</a> : bar.title}</strong>
      {bar.missing ? <span>{t('noData')}</span> : null}
      {[...Object.entries(bar.up), ...Object.entries(bar.down)].map(([name, wh]) => (
        <span key={name} class="key">
          <Swatch name={name} /> {wayOf(name)} {kwh(wh / 1000)}
        </span>
      ))}
      {lines.map(({name, unit, values}, index) =>
        typeof values[at] === 'number' ? (
          <span key={name} class="key">
            <Dash index={index} /> {name} {number(Math.round(values[at]))} {unit}
          </span>
        ) : null,
      )}
      {bar.price ? <span class="key">{t('priceOf', {price: bar.price.text})}</span> : null}
      {bar.quality && <span>{bar.quality}</span>}
    </>
  );
}

export function Legend({names, lines}: {readonly names: readonly string[]; readonly lines: readonly Line[]}) {
  return (
    <>
      {names.map(name => (
        <span key={name} class="key">
          <Swatch name={name} /> {wayOf(name)}
        </span>
      ))}
      {lines.map(({name, unit}, index) => (
        <span key={name} class="key">
          <Dash index={index} /> {name} ({unit})
        </span>
      ))}
    </>
  );
}

const Dash = ({index}: {readonly index: number}) => (
  <svg class="dash" viewBox="0 0 20 8" aria-hidden="true">
    <path class="line" stroke-dasharray={dashOf(index)} d="M0 4h20" />
  </svg>
);
