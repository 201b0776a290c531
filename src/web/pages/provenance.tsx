// Where a number comes from: its points, each with the register it was read from, the raw words, and how old they are.

import {ask} from '../data.ts';
import {t} from '../text.ts';
import type {Answer} from './devices.tsx';
import {useAnswer} from './load.ts';
import {PointTable} from './points.tsx';

/** `keys` are `device/point`; `of` names the number they explain. */
export function Provenance({keys, of}: {readonly keys: readonly string[]; readonly of: string}) {
  const {data, error} = useAnswer(keys.join(), () => ask<Answer>('devices'), 3000);
  if (error && !data) return <p class="warning">{error}</p>;
  if (!data) return <p class="quiet">…</p>;
  const named = data.devices.map(device => ({device, points: device.points.filter(({point}) => keys.includes(`${device.id}/${point}`))}));
  return (
    <>
      {named
        .filter(({points}) => points.length > 0)
        .map(({device, points}) => (
          <div key={device.id}>
            <p class="quiet">
              {[device.id, device.manufacturer, device.model].filter(Boolean).join(' · ')} · {t('unit', {n: device.unit})} · {device.link}
            </p>
            <PointTable points={points} of={`${of}, ${device.id}`} />
          </div>
        ))}
    </>
  );
}
