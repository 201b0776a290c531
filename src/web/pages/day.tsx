// Day: sources stacked over what they served, quarter hour by quarter hour, in the site's own time.

import {useState} from 'preact/hooks';
import {type Bar, Bars} from '../charts/bars.tsx';
import {ask, dayOf, type Flows, now, type Slot, shiftDay} from '../data.ts';
import {sumsOf} from '../sums.ts';
import {clock, dayName, kwh, percent, t} from '../text.ts';
import {useAnswer} from './load.ts';

const QUARTER_MS = 900_000;

export function DayPage() {
  const site = now.value?.site;
  const [shift, setShift] = useState(0);
  if (!site) return <p class="quiet">…</p>;
  const nowMs = now.value?.ts ? Date.parse(now.value.ts) : Date.now();
  const day = shiftDay(dayOf(nowMs, site.timezone), shift);
  return (
    <>
      <div class="pager">
        <button type="button" onClick={() => setShift(shift - 1)} aria-label={t('previous')}>
          ‹
        </button>
        <h2>{dayName(day)}</h2>
        <button type="button" onClick={() => setShift(shift + 1)} disabled={shift >= 0} aria-label={t('next')}>
          ›
        </button>
      </div>
      <OneDay key={day} day={day} zone={site.timezone} />
    </>
  );
}

type Series = {readonly rows: readonly {readonly startMs: number; readonly avg: number}[]};

function OneDay({day, zone}: {readonly day: string; readonly zone: string}) {
  const batteries = now.value?.roles.batteries ?? [];
  const {data, error} = useAnswer(
    day,
    () => ask<Flows & {from: string; to: string}>('flows', {from: day, to: shiftDay(day, 1), step: '15m'}),
    15_000,
  );
  const soc = useAnswer(`soc ${day}`, async () => {
    const place = (now.value as {soc?: readonly {device: string; point: string}[]} | null)?.soc?.[0];
    return place ? ask<Series>('points', {device: place.device, point: place.point, from: day, to: shiftDay(day, 1), points: '96'}) : null;
  });
  if (error) return <p class="warning">{error}</p>;
  if (!data) return <p class="quiet">…</p>;
  const bars = barsOf(data, zone, batteries);
  const sums = sumsOf(data.slots, batteries);
  const starts = startsOf(data.from, data.to);
  const rows = soc.data?.rows ?? [];
  const line =
    rows.length > 0
      ? {
          name: t('battery'),
          unit: '%',
          most: 100,
          values: starts.map(start => rows.find(row => Math.abs(row.startMs - start) < QUARTER_MS / 2)?.avg ?? null),
        }
      : undefined;
  const summary = `${t('produced')} ${kwh(sums.produced / 1000)}, ${t('consumed')} ${kwh(sums.consumed / 1000)}, ${t('bought')} ${kwh(sums.bought / 1000)}, ${t('sold')} ${kwh(sums.sold / 1000)}`;
  return (
    <section class="card">
      {data.slots.length === 0 && <p class="quiet">{t('noData')}</p>}
      <Bars bars={bars} line={line} summary={summary} />
      <p class="quiet">
        {summary} · {t('selfSufficiency')} {percent(sums.selfSufficiency)} · {t('gapNote')}
      </p>
    </section>
  );
}

/** Begins of all quarter hours of the day: 92 or 100 of them when the clocks change. */
function startsOf(from: string, to: string): number[] {
  const starts: number[] = [];
  for (let at = Date.parse(from); at < Date.parse(to); at += QUARTER_MS) starts.push(at);
  return starts;
}

function barsOf(flows: Flows & {from: string; to: string}, zone: string, batteries: readonly string[]): Bar[] {
  const byStart = new Map<number, Slot>(flows.slots.map(slot => [Date.parse(slot.start), slot]));
  return startsOf(flows.from, flows.to).map(start => {
    const slot = byStart.get(start);
    return {...stackOf(slot, batteries), label: clock(start, zone), title: `${clock(start, zone)}`, key: start};
  });
}

/** Consumption by source upwards; what was exported or stored downwards. */
export function stackOf(slot: Slot | undefined, batteries: readonly string[]): Pick<Bar, 'up' | 'down' | 'flagged' | 'missing'> {
  const up: Record<string, number> = {};
  const down: Record<string, number> = {};
  for (const {source, sink, wh} of slot?.cells ?? []) {
    if (sink === 'grid' || batteries.includes(sink)) {
      if (source !== sink) down[`to_${sink}`] = (down[`to_${sink}`] ?? 0) + wh;
    } else up[source] = (up[source] ?? 0) + wh;
  }
  const order = ['solar', 'wind', 'generator', ...batteries, 'grid', 'unexplained'];
  return {
    up: Object.fromEntries(order.filter(id => up[id]).map(id => [id, up[id] as number])),
    down,
    flagged: slot?.quality.some(word => word === 'gap' || word === 'suspect' || word === 'undated') ?? false,
    missing: slot === undefined,
  };
}
