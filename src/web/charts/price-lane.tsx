// The price of a kWh below the bars, on a scale of its own: lowest to highest of what is shown.

import {fixed, t} from '../text.ts';
import type {Bar, Price} from './bars.tsx';

type Props = {readonly bars: readonly Bar[]; readonly step: number; readonly left: number; readonly top: number; readonly height: number};

export function PriceLane({bars, step, left, top, height}: Props) {
  const known = bars.map(bar => bar.price).filter((price): price is Price => price !== undefined);
  const least = known.reduce((a, b) => (b.value < a.value ? b : a));
  const most = known.reduce((a, b) => (b.value > a.value ? b : a));
  const span = most.value - least.value;
  const y = ({value}: Price): number => top + (span > 0 ? (1 - (value - least.value) / span) * height : height / 2);
  let path = '';
  let drawing = false;
  bars.forEach(({price}, index) => {
    if (price) path += `${drawing ? 'L' : 'M'}${(left + index * step).toFixed(1)} ${y(price).toFixed(1)}h${step.toFixed(1)}`;
    drawing = price !== undefined;
  });
  const tick = (text: string, at: number) => (
    <text x={left - 6} y={at + 4} class="tick end">
      {text}
    </text>
  );
  return (
    <g class="lane">
      <path d={path} class="price" />
      {span > 0 && tick(scaled(most.value), top)}
      {tick(t('price'), span > 0 ? top + height / 2 : top)}
      {tick(scaled(least.value), span > 0 ? top + height : top + height / 2)}
    </g>
  );
}

/** As many decimals as there is room for beside the lane; the whole price stands with each bar. */
const scaled = (value: number): string =>
  fixed(value, Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : Math.abs(value) >= 1 ? 2 : 3);
