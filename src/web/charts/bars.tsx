// Stacked bars over time: what came in above the line, what went out of the house below. Gaps stay gaps; what is flagged is hatched.

import {useState} from 'preact/hooks';
import {Scroll} from '../scroll.tsx';
import {kwh, nameOf, t} from '../text.ts';

export type Bar = {
  /** Shown below and in the table. */
  readonly label: string;
  readonly title: string;
  readonly up: Readonly<Record<string, number>>;
  readonly down: Readonly<Record<string, number>>;
  readonly flagged: boolean;
  /** Nothing is stored for this step. */
  readonly missing: boolean;
};
export type Line = {readonly name: string; readonly values: readonly (number | null)[]; readonly unit: string; readonly most: number};

const WIDTH = 720;
const HEIGHT = 260;
const LEFT = 44;
const BOTTOM = 22;

export function Bars({bars, line, summary}: {readonly bars: readonly Bar[]; readonly line?: Line | undefined; readonly summary: string}) {
  const [focus, setFocus] = useState<number | null>(null);
  const sum = (parts: Readonly<Record<string, number>>): number => Object.values(parts).reduce((a, b) => a + b, 0);
  const most = Math.max(1, ...bars.map(bar => sum(bar.up)));
  const least = Math.max(0, ...bars.map(bar => sum(bar.down)));
  const span = most + least;
  const y = (wh: number): number => ((most - wh) / span) * (HEIGHT - BOTTOM);
  const step = (WIDTH - LEFT) / Math.max(1, bars.length);
  const width = Math.max(1, step - (bars.length > 60 ? 1 : 3));
  const every = Math.ceil(bars.length / 8);
  const ticks = [0, most / 2, most, ...(least > most / 6 ? [-least] : [])];
  const chosen = focus === null ? null : bars[focus];
  const pick = (event: PointerEvent): void => {
    const box = (event.currentTarget as SVGElement).getBoundingClientRect();
    const index = Math.floor((((event.clientX - box.left) / box.width) * WIDTH - LEFT) / step);
    setFocus(index >= 0 && index < bars.length ? index : null);
  };
  const onKey = (event: KeyboardEvent): void => {
    if (event.key !== 'ArrowLeft' && event.key !== 'ArrowRight') return;
    event.preventDefault();
    const at = (focus ?? (event.key === 'ArrowRight' ? -1 : bars.length)) + (event.key === 'ArrowRight' ? 1 : -1);
    setFocus(Math.max(0, Math.min(bars.length - 1, at)));
  };
  const names = [...new Set(bars.flatMap(bar => [...Object.keys(bar.up), ...Object.keys(bar.down)]))];
  return (
    <figure class="chart">
      <svg
        viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
        role="img"
        aria-label={summary}
        // biome-ignore lint/a11y/noNoninteractiveTabindex: arrow keys walk along the bars
        tabIndex={0}
        onPointerMove={pick}
        onPointerLeave={() => setFocus(null)}
        onKeyDown={onKey}
      >
        <defs>
          <pattern id="hatch" width="5" height="5" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">
            <rect width="2" height="5" class="hatch" />
          </pattern>
        </defs>
        {ticks.map(wh => (
          <g key={wh}>
            <line x1={LEFT} x2={WIDTH} y1={y(wh)} y2={y(wh)} class={wh === 0 ? 'axis' : 'rule'} />
            <text x={LEFT - 6} y={y(wh) + 4} class="tick end">
              {(wh / 1000).toFixed(most >= 20_000 ? 0 : most >= 2000 ? 1 : 2)}
            </text>
          </g>
        ))}
        {bars.map((bar, index) => {
          const x = LEFT + index * step;
          let [top, bottom] = [0, 0];
          return (
            <g key={bar.title} class={focus === index ? 'chosen' : ''}>
              {Object.entries(bar.up).map(([name, wh]) => {
                top += wh;
                return (
                  <rect
                    key={name}
                    x={x}
                    width={width}
                    y={y(top)}
                    height={Math.max(0, y(top - wh) - y(top))}
                    class={`fill ${colour(name)}`}
                  />
                );
              })}
              {Object.entries(bar.down).map(([name, wh]) => {
                bottom += wh;
                return (
                  <rect
                    key={name}
                    x={x}
                    width={width}
                    y={y(-(bottom - wh))}
                    height={Math.max(0, y(-bottom) - y(-(bottom - wh)))}
                    class={`fill soft ${colour(name)}`}
                  />
                );
              })}
              {bar.flagged && <rect x={x} width={width} y={y(top)} height={Math.max(0, y(-bottom) - y(top))} fill="url(#hatch)" />}
              {index % every === 0 && (
                <text x={x + width / 2} y={HEIGHT - 6} class="tick middle">
                  {bar.label}
                </text>
              )}
            </g>
          );
        })}
        {line && <path class="line" d={lineOf(line, step)} />}
      </svg>
      <figcaption aria-live="polite">
        {chosen ? (
          <>
            <strong>{chosen.title}</strong>
            {chosen.missing ? ` ${t('noData')}` : null}
            {[...Object.entries(chosen.up), ...Object.entries(chosen.down)].map(([name, wh]) => (
              <span key={name} class="key">
                <i class={`swatch ${colour(name)}`} /> {nameOf(name.replace(/^to_/, ''))} {kwh(wh / 1000)}
              </span>
            ))}
            {line && focus !== null && line.values[focus] !== null ? (
              <span class="key">
                {line.name} {Math.round(line.values[focus] as number)} {line.unit}
              </span>
            ) : null}
          </>
        ) : (
          names.map(name => (
            <span key={name} class="key">
              <i class={`swatch ${colour(name)}`} /> {name.startsWith('to_') ? `→ ${nameOf(name.slice(3))}` : nameOf(name)}
            </span>
          ))
        )}
      </figcaption>
      <details>
        <summary>{t('table')}</summary>
        <Scroll name={t('table')}>
          <table>
            <thead>
              <tr>
                <th scope="col">{t('time')}</th>
                {names.map(name => (
                  <th key={name} scope="col">
                    {name.startsWith('to_') ? `→ ${nameOf(name.slice(3))}` : nameOf(name)} (kWh)
                  </th>
                ))}
                {line && (
                  <th scope="col">
                    {line.name} ({line.unit})
                  </th>
                )}
              </tr>
            </thead>
            <tbody>
              {bars
                .filter(bar => !bar.missing)
                .map((bar, index) => (
                  <tr key={bar.title}>
                    <th scope="row">{bar.title}</th>
                    {names.map(name => (
                      <td key={name}>{(((bar.up[name] ?? 0) + (bar.down[name] ?? 0)) / 1000).toFixed(3)}</td>
                    ))}
                    {line && (
                      <td>
                        {line.values[index] === null || line.values[index] === undefined ? '' : Math.round(line.values[index] as number)}
                      </td>
                    )}
                  </tr>
                ))}
            </tbody>
          </table>
        </Scroll>
      </details>
    </figure>
  );
}

/** Colour class of a source or, with `to_`, of a sink. */
export const colour = (name: string): string => {
  const id = name.replace(/^to_/, '');
  return ['solar', 'wind', 'generator', 'grid', 'home', 'loss', 'standby', 'unexplained', 'battery'].includes(id)
    ? name.startsWith('to_')
      ? `to-${id}`
      : id
    : name.startsWith('to_')
      ? 'to-load'
      : 'battery';
};

function lineOf({values, most}: Line, step: number): string {
  let path = '';
  let drawing = false;
  values.forEach((value, index) => {
    if (value === null) {
      drawing = false;
      return;
    }
    path += `${drawing ? 'L' : 'M'}${(LEFT + (index + 0.5) * step).toFixed(1)} ${((1 - value / most) * (HEIGHT - BOTTOM)).toFixed(1)}`;
    drawing = true;
  });
  return path;
}
