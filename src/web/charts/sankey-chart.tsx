// From where to where, as a picture and as a table.

import {Scroll} from '../scroll.tsx';
import type {Sums} from '../sums.ts';
import {fixed, kwh, nameOf, short, t} from '../text.ts';
import {colour} from './patterns.tsx';
import {SANKEY_BLOCK, sankey} from './sankey.ts';
import {narrow} from './size.ts';

export function SankeyChart({sums, order}: {readonly sums: Sums; readonly order: readonly string[]}) {
  const [wide, inset, room] = narrow.value ? [360, 90, 11] : [720, 110, 15];
  const {width, height, bands, blocks} = sankey(sums.flows, order, wide, inset);
  const named = (from: string, origin: string): string => (origin === from ? nameOf(from) : `${nameOf(from)} (${nameOf(origin)})`);
  return (
    <figure class="chart sankey">
      <svg
        viewBox={`0 -10 ${width} ${height + 26}`}
        role="img"
        aria-label={bands.map(band => `${named(band.from, band.origin)} → ${nameOf(band.to)} ${kwh(band.wh / 1000)}`).join(', ')}
      >
        {bands.map(band => (
          <path
            key={`${band.from} ${band.origin} ${band.to}`}
            d={band.path}
            stroke-width={band.width}
            class={`band ${colour(band.origin)} ${band.origin === band.from ? '' : 'via'}`}
          >
            <title>{`${named(band.from, band.origin)} → ${nameOf(band.to)} ${kwh(band.wh / 1000)}`}</title>
          </path>
        ))}
        {blocks.map(({id, side, wh, x, y, height: tall}) => {
          const [textX, anchor] = side === 'from' ? [x - 8, 'end'] : [x + SANKEY_BLOCK + 8, ''];
          return (
            <g key={`${side} ${id}`}>
              <rect
                x={x}
                y={y}
                width={SANKEY_BLOCK}
                height={tall}
                class={`fill ${side === 'from' ? colour(id) : colour(`to_${id}`)}`}
                rx="2"
              />
              <text x={textX} y={y + tall / 2 - 2} class={`who ${anchor}`}>
                {nameOf(id).length > room && <title>{nameOf(id)}</title>}
                {short(nameOf(id), room)}
              </text>
              <text x={textX} y={y + tall / 2 + 12} class={`tick ${anchor}`}>
                {kwh(wh / 1000)}
              </text>
            </g>
          );
        })}
      </svg>
      <details>
        <summary>{t('table')}</summary>
        <Scroll name={t('flowsTitle')}>
          <table class="numbers">
            <thead>
              <tr>
                <th scope="col">{t('source')}</th>
                <th scope="col">{t('origin')}</th>
                <th scope="col">{t('sink')}</th>
                <th scope="col">kWh</th>
              </tr>
            </thead>
            <tbody>
              {sums.flows.map(flow => (
                <tr key={`${flow.from} ${flow.origin} ${flow.to}`}>
                  <th scope="row">{nameOf(flow.from)}</th>
                  <td>{nameOf(flow.origin)}</td>
                  <td>{nameOf(flow.to)}</td>
                  <td>{fixed(flow.wh / 1000, 3)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </Scroll>
      </details>
    </figure>
  );
}
