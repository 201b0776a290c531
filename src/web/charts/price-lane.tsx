// The price of a kWh below the bars, on a scale of its own: lowest to highest of what is shown.

import {t} from '../text.ts';
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
  // Beside the end of the line where there is room, else above it.
  const end = left + (bars.findLastIndex(bar => bar.price) + 1) * step;
  const beside = left + bars.length * step - end > 60;
  const [x, anchor, up] = beside ? [end + 6, '', 4] : [end - 4, 'end', -3];
  return (
    <g class="lane">
      <path d={path} class="price" />
      <text x={left - 6} y={top + height / 2 + 4} class="tick end">
        {t('price')}
      </text>
      <text x={x} y={y(most) + up} class={`tick ${anchor}`}>
        {most.text}
      </text>
      {span > 0 && (
        <text x={x} y={y(least) + up} class={`tick ${anchor}`}>
          {least.text}
        </text>
      )}
    </g>
  );
}
