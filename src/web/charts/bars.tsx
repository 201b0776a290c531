// Stacked bars over time: what came in above the line, what went out of the house below. Gaps stay gaps; what was held is hollow, what is flagged is hatched.

import {useRef, useState} from 'preact/hooks';
import {fixed} from '../text.ts';
import {dashOf, Legend, Told} from './bars-caption.tsx';
import {BarsTable} from './bars-table.tsx';
import {colour, Patterns, patternOf} from './patterns.tsx';
import {PriceLane} from './price-lane.tsx';
import {axisOf} from './scale.ts';
import {narrow} from './size.ts';

export type Bar = {
  /** Shown below and in the table. */
  readonly label: string;
  readonly title: string;
  readonly up: Readonly<Record<string, number>>;
  readonly down: Readonly<Record<string, number>>;
  readonly flagged: boolean;
  /** Made of held values. */
  readonly hollow: boolean;
  /** What is to be known about it, in words. */
  readonly quality: string;
  /** Nothing is stored for this step. */
  readonly missing: boolean;
  /** This step is not there yet. */
  readonly ahead: boolean;
  /** Some of what a long step consists of is flagged. */
  readonly partly?: boolean;
  /** Local minute of the day at which a bar of a day begins. */
  readonly minute?: number;
  /** Price of a kWh. */
  readonly price?: Price;
  /** Address of what this bar is made of. */
  readonly href?: string;
};
export type Price = {readonly value: number; readonly text: string};
export type Line = {readonly name: string; readonly values: readonly (number | null)[]; readonly unit: string; readonly most: number};
type BarsProps = {
  readonly bars: readonly Bar[];
  /** On a scale of their own, from nothing to `most`. */
  readonly lines?: readonly Line[];
  readonly summary: string;
  /** Minutes of a bar of a day: labels then name round hours where bars begin, else the bars themselves. */
  readonly barMinutes?: number;
  /** Chosen with a drag over the chart: first and last bar. */
  readonly onRange?: (from: number, to: number) => void;
};

const HEIGHT = 270;
const LEFT = 40;
const TOP = 22;
const BOTTOM = 22;
const RIGHT = 40;
const LANE = 46;
/** Minutes between two labels of an axis of time. */
const ROUND = [15, 30, 60, 120, 180, 240, 360];

/** Own sources, batteries, the grid; then where energy went. */
const RANKS = ['solar', 'wind', 'generator', '', 'grid', 'unexplained'];
const rankOf = (name: string): number => {
  const sink = name.startsWith('to_');
  const rank = RANKS.indexOf(sink ? name.slice(3) : name);
  return (sink ? RANKS.length : 0) + (rank < 0 ? 3 : rank);
};

export function Bars({bars, lines = [], summary, barMinutes, onRange}: BarsProps) {
  const chartWidth = narrow.value ? 340 : 720;
  const [focus, setFocus] = useState<number | null>(null);
  const dragFrom = useRef<number | null>(null);
  const sum = (parts: Readonly<Record<string, number>>): number => Object.values(parts).reduce((a, b) => a + b, 0);
  const axis = axisOf(Math.max(0, ...bars.map(bar => sum(bar.up))) / 1000, Math.max(0, ...bars.map(bar => sum(bar.down))) / 1000);
  const plot = HEIGHT - BOTTOM - TOP;
  const y = (wh: number): number => TOP + ((axis.most - wh / 1000) / (axis.most - axis.least)) * plot;
  const [line] = lines;
  const right = line ? RIGHT : 0;
  const step = (chartWidth - LEFT - right) / Math.max(1, bars.length);
  const width = Math.max(1, step - (bars.length > 60 ? 1 : bars.length > 20 ? 3 : 6));
  const labels = narrow.value ? 5 : 9;
  const every = Math.ceil(bars.length / labels);
  const round = barMinutes ? (ROUND.find(one => (bars.length * barMinutes) / one <= labels) ?? 720) : 0;
  const isLabelled = ({minute}: Bar, index: number): boolean => (barMinutes ? (minute ?? 0) % round === 0 : index % every === 0);
  const lane = bars.some(bar => bar.price) ? LANE : 0;
  const chosen = focus === null ? null : bars[focus];
  const indexAt = (event: PointerEvent): number | null => {
    const box = (event.currentTarget as SVGElement).getBoundingClientRect();
    const index = Math.floor((((event.clientX - box.left) / box.width) * chartWidth - LEFT) / step);
    return index >= 0 && index < bars.length ? index : null;
  };
  const press = (event: PointerEvent): void => {
    const index = indexAt(event);
    dragFrom.current = index;
    // A finger hovers over nothing: what it touches is told until it touches something else.
    if (event.pointerType !== 'mouse') setFocus(index === focus ? null : index);
  };
  const release = (event: PointerEvent): void => {
    const [from, to] = [dragFrom.current, indexAt(event)];
    dragFrom.current = null;
    if (from === null || to === null) return;
    if (onRange && Math.abs(to - from) >= 2) {
      setFocus(null);
      onRange(Math.min(from, to), Math.max(from, to));
    } else if (from === to && event.pointerType === 'mouse') open(bars[to]);
  };
  const leave = (event: PointerEvent): void => {
    dragFrom.current = null;
    if (event.pointerType === 'mouse') setFocus(null);
  };
  const open = (bar: Bar | null | undefined): void => {
    if (bar?.href) location.hash = bar.href;
  };
  const onKey = (event: KeyboardEvent): void => {
    if (event.key === 'Enter') open(chosen);
    if (event.key !== 'ArrowLeft' && event.key !== 'ArrowRight') return;
    event.preventDefault();
    const at = (focus ?? (event.key === 'ArrowRight' ? -1 : bars.length)) + (event.key === 'ArrowRight' ? 1 : -1);
    setFocus(Math.max(0, Math.min(bars.length - 1, at)));
  };
  const names = [...new Set(bars.flatMap(bar => [...Object.keys(bar.up), ...Object.keys(bar.down)]))].sort((a, b) => rankOf(a) - rankOf(b));
  const dragged = onRange && dragFrom.current !== null && focus !== null && dragFrom.current !== focus ? [dragFrom.current, focus] : null;
  return (
    <figure class="chart">
      <svg
        viewBox={`0 0 ${chartWidth} ${HEIGHT + lane}`}
        role="img"
        aria-label={summary}
        // biome-ignore lint/a11y/noNoninteractiveTabindex: arrow keys walk along the bars
        tabIndex={0}
        class={chosen?.href ? 'leads' : ''}
        onPointerDown={press}
        onPointerMove={event => setFocus(indexAt(event))}
        onPointerUp={release}
        onPointerCancel={leave}
        onPointerLeave={leave}
        onKeyDown={onKey}
      >
        <Patterns />
        <text x={LEFT - 6} y={10} class="tick end">
          kWh
        </text>
        {axis.ticks.map(value => (
          <g key={value}>
            <line x1={LEFT} x2={chartWidth - right} y1={y(value * 1000)} y2={y(value * 1000)} class={value === 0 ? 'axis' : 'rule'} />
            <text x={LEFT - 6} y={y(value * 1000) + 4} class="tick end">
              {fixed(Math.abs(value), axis.digits)}
            </text>
          </g>
        ))}
        {bars.map(
          (bar, index) =>
            bar.missing && (
              <rect key={`gap ${bar.title}`} x={LEFT + index * step} width={step} y={TOP} height={plot} fill="url(#gap)" class="gap" />
            ),
        )}
        {bars.map((bar, index) => (
          <OneBar key={bar.title} bar={bar} x={LEFT + index * step + (step - width) / 2} width={width} y={y} chosen={focus === index} />
        ))}
        {bars.map(
          (bar, index) =>
            isLabelled(bar, index) && (
              <text key={bar.title} x={LEFT + (index + (barMinutes ? 0 : 0.5)) * step} y={HEIGHT - 6} class="tick middle">
                {bar.label}
              </text>
            ),
        )}
        {line && (
          <>
            {lines.map((one, index) => (
              <g key={one.name}>
                <path class="line halo" d={lineOf(one, step, plot)} />
                <path class="line" stroke-dasharray={dashOf(index)} d={lineOf(one, step, plot)} />
              </g>
            ))}
            {[0, 50, 100].map(value => (
              <text key={value} x={chartWidth - right + 6} y={TOP + (1 - value / line.most) * plot + 4} class="tick">
                {value} {value === 100 ? line.unit : ''}
              </text>
            ))}
          </>
        )}
        {lane > 0 && <PriceLane bars={bars} step={step} left={LEFT} top={HEIGHT + 6} height={LANE - 12} />}
        {dragged && (
          <rect
            class="drag"
            x={LEFT + Math.min(...dragged) * step}
            width={(Math.abs((dragged[1] as number) - (dragged[0] as number)) + 1) * step}
            y={TOP}
            height={plot}
          />
        )}
      </svg>
      <figcaption aria-live="polite">
        {chosen ? <Told bar={chosen} lines={lines} at={focus as number} /> : <Legend names={names} lines={lines} />}
      </figcaption>
      <BarsTable bars={bars} lines={lines} names={names} />
    </figure>
  );
}

type OneBarProps = {
  readonly bar: Bar;
  readonly x: number;
  readonly width: number;
  readonly y: (wh: number) => number;
  readonly chosen: boolean;
};

function OneBar({bar, x, width, y, chosen}: OneBarProps) {
  let [top, bottom] = [0, 0];
  const parts = [
    ...Object.entries(bar.up).map(([name, wh]) => {
      top += wh;
      return {name, y1: y(top), y2: y(top - wh)};
    }),
    ...Object.entries(bar.down).map(([name, wh]) => {
      bottom += wh;
      return {name, y1: y(wh - bottom), y2: y(-bottom)};
    }),
  ];
  return (
    <g class={`${chosen ? 'chosen' : ''} ${bar.hollow ? 'hollow' : ''}`}>
      {parts.map(({name, y1, y2}) => {
        const kind = colour(name);
        const pattern = width > 5 && !bar.hollow ? patternOf(kind) : undefined;
        return (
          <rect
            key={name}
            x={x}
            width={width}
            y={y1}
            height={Math.max(0, y2 - y1)}
            class={`fill ${kind}`}
            style={pattern ? {fill: pattern} : undefined}
          />
        );
      })}
      {bar.partly && <circle cx={x + width / 2} cy={y(top) - 6} r="2.5" class="partly" />}
      {bar.flagged && <rect x={x} width={width} y={y(top)} height={Math.max(0, y(-bottom) - y(top))} fill="url(#hatch)" />}
    </g>
  );
}

function lineOf({values, most}: Line, step: number, plot: number): string {
  let path = '';
  let drawing = false;
  values.forEach((value, index) => {
    if (value === null) {
      drawing = false;
      return;
    }
    path += `${drawing ? 'L' : 'M'}${(LEFT + (index + 0.5) * step).toFixed(1)} ${(TOP + (1 - value / most) * plot).toFixed(1)}`;
    drawing = true;
  });
  return path;
}
