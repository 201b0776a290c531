// Day: sources stacked over what they served, quarter hour by quarter hour, in the site's own time.

import {useState} from 'preact/hooks';
import {type Bar, Bars, type Price} from '../charts/bars.tsx';
import {narrow} from '../charts/size.ts';
import {ask, type Flows, now, type Slot} from '../data.ts';
import {dayOf, isDay, shiftDay} from '../periods.ts';
import {place, turnTo} from '../place.ts';
import {sumsOf} from '../sums.ts';
import {clock, currency, dayName, kwh, minuteOf, nameOf, percent, t, wordOf} from '../text.ts';
import {Figures} from './figures.tsx';
import {useAnswer} from './load.ts';
import {Pager} from './pager.tsx';

const QUARTER_MS = 900_000;
/** The narrowest view, quarter hours. */
const NARROWEST = 8;

export function DayPage() {
  const site = now.value?.site;
  if (!site) return <p class="quiet">…</p>;
  const nowMs = now.value?.ts ? Date.parse(now.value.ts) : Date.now();
  const today = dayOf(nowMs, site.timezone);
  const wished = place.value.more[0];
  const day = isDay(wished) && wished < today ? wished : today;
  // Today is named by no date: the page then goes on with the next day at midnight.
  const turn = (to: string): void => (to < today ? turnTo('day', to) : turnTo('day'));
  return (
    <>
      <Pager
        title={dayName(day, narrow.value ? 'short' : 'long')}
        onBack={() => turn(shiftDay(day, -1))}
        onOn={day < today ? () => turn(shiftDay(day, 1)) : null}
        date={{value: day, most: today, onChange: turn}}
      />
      <OneDay key={day} day={day} zone={site.timezone} nowMs={nowMs} />
    </>
  );
}

type Series = {readonly rows: readonly {readonly startMs: number; readonly avg: number}[]};
type DayFlows = Flows & {readonly from: string; readonly to: string};
type Prices = {readonly currency: string; readonly steps: readonly {readonly start_utc: string; readonly import_price?: number}[]};
type View = {readonly from: number; readonly count: number};

function OneDay({day, zone, nowMs}: {readonly day: string; readonly zone: string; readonly nowMs: number}) {
  const batteries = now.value?.roles.batteries ?? [];
  const range = {from: day, to: shiftDay(day, 1)};
  const [view, setView] = useState<View | null>(null);
  const {data, error} = useAnswer(day, () => ask<DayFlows>('flows', {...range, step: '15m'}), 15_000);
  const soc = useAnswer(
    `soc ${day}`,
    () =>
      Promise.all(
        (now.value?.soc ?? []).map(async ({id, device, point}) => ({
          id,
          rows: (await ask<Series>('points', {device, point, ...range, points: '100'})).rows,
        })),
      ),
    60_000,
  );
  const prices = useAnswer(
    `price ${day}`,
    async () => (now.value?.site.tariffs ? ask<Prices>('money', {...range, step: '15m'}) : null),
    60_000,
  );
  if (error && !data) return <p class="warning">{error}</p>;
  if (!data) return <p class="quiet pending">…</p>;
  if (data.slots.length === 0) return <p class="card">{t('noData')}</p>;
  const starts = startsOf(data.from, data.to);
  const shown = view ?? {from: 0, count: starts.length};
  const cut = <T,>(list: readonly T[]): T[] => list.slice(shown.from, shown.from + shown.count);
  const bars = barsOf(data, starts, zone, batteries, nowMs, pricesOf(prices.data));
  const sums = sumsOf(data.slots, batteries);
  const lines = (soc.data ?? [])
    .map(({id, rows}) => ({name: batteries.length > 1 ? `${t('soc')} ${nameOf(id)}` : t('soc'), values: levelsOf(rows, starts)}))
    .filter(({values}) => values.some(level => level !== null))
    .map(({name, values}) => ({name, unit: '%', most: 100, values: cut(values)}));
  const figures: [string, string][] = [
    [t('produced'), kwh(sums.produced / 1000)],
    [t('consumed'), kwh(sums.consumed / 1000)],
    [t('bought'), kwh(sums.bought / 1000)],
    [t('sold'), kwh(sums.sold / 1000)],
    [t('selfSufficiency'), percent(sums.selfSufficiency)],
    [t('selfConsumption'), percent(sums.selfConsumption)],
  ];
  const summary = figures.map(([name, text]) => `${name} ${text}`).join(', ');
  const zoom = (count: number, middle = shown.from + shown.count / 2): void => {
    const wanted = Math.max(NARROWEST, Math.min(starts.length, Math.round(count)));
    const from = Math.max(0, Math.min(starts.length - wanted, Math.round(middle - wanted / 2)));
    setView(wanted === starts.length ? null : {from, count: wanted});
  };
  const last = shown.from + shown.count;
  return (
    <section class="card">
      <div class="tools">
        <span class="quiet">
          {view
            ? `${clock(starts[shown.from] ?? 0, zone)} – ${last === starts.length ? '24:00' : clock(starts[last] ?? 0, zone)}`
            : t('wholeDay')}
        </span>
        <button type="button" aria-label={t('earlier')} disabled={shown.from === 0} onClick={() => zoom(shown.count, shown.from)}>
          ‹
        </button>
        <button type="button" aria-label={t('zoomOut')} disabled={!view} onClick={() => zoom(shown.count * 2)}>
          −
        </button>
        <button type="button" aria-label={t('zoomIn')} disabled={shown.count <= NARROWEST} onClick={() => zoom(shown.count / 2)}>
          +
        </button>
        <button type="button" aria-label={t('later')} disabled={last >= starts.length} onClick={() => zoom(shown.count, last)}>
          ›
        </button>
        {view && (
          <button type="button" onClick={() => setView(null)}>
            {t('wholeDay')}
          </button>
        )}
      </div>
      <Bars
        bars={cut(bars)}
        lines={lines}
        barMinutes={15}
        summary={summary}
        onRange={(from, to) => zoom(to - from + 1, shown.from + (from + to + 1) / 2)}
      />
      <Figures list={figures} small />
      <p class="quiet">{t('dayNote')}</p>
    </section>
  );
}

/** Begins of all quarter hours of the day: 92 or 100 of them when the clocks change. */
function startsOf(from: string, to: string): number[] {
  const starts: number[] = [];
  for (let at = Date.parse(from); at < Date.parse(to); at += QUARTER_MS) starts.push(at);
  return starts;
}

function levelsOf(rows: Series['rows'], starts: readonly number[]): (number | null)[] {
  const byStart = new Map<number, number>();
  for (const {startMs, avg} of rows) byStart.set(Math.floor(startMs / QUARTER_MS) * QUARTER_MS, avg);
  return starts.map(start => byStart.get(start) ?? null);
}

/** Prices of a kWh by begin of the quarter hour. */
function pricesOf(prices: Prices | null): ReadonlyMap<number, Price> {
  return new Map(
    (prices?.steps ?? []).flatMap(({start_utc, import_price}) =>
      typeof import_price === 'number'
        ? [[Date.parse(start_utc), {value: import_price, text: currency(import_price, prices?.currency ?? 'EUR', 4)}] as const]
        : [],
    ),
  );
}

function barsOf(
  flows: DayFlows,
  starts: readonly number[],
  zone: string,
  batteries: readonly string[],
  nowMs: number,
  prices: ReadonlyMap<number, Price>,
): Bar[] {
  const byStart = new Map<number, Slot>(flows.slots.map(slot => [Date.parse(slot.start), slot]));
  const labels = starts.map(start => clock(start, zone));
  const twice = new Set(labels.filter((label, index) => labels.indexOf(label) !== index));
  return starts.map((start, index) => {
    const label = labels[index] as string;
    const price = prices.get(start);
    return {
      ...stackOf(byStart.get(start), batteries, start > nowMs - QUARTER_MS),
      label,
      minute: minuteOf(start, zone),
      // The hour that comes twice has to be told apart.
      title: twice.has(label) ? `${label} ${offsetOf(start, zone)}` : label,
      ...(price === undefined ? {} : {price}),
    };
  });
}

const offsetOf = (at: number, zone: string): string =>
  new Intl.DateTimeFormat('en', {timeZone: zone, timeZoneName: 'shortOffset'}).formatToParts(at).find(part => part.type === 'timeZoneName')
    ?.value ?? '';

type Stack = Pick<Bar, 'up' | 'down' | 'flagged' | 'hollow' | 'quality' | 'missing' | 'ahead'>;

/** What makes the figures of a whole step doubtful. A reading that was brought to its moment does not: that is told, not drawn. */
const DOUBTFUL = new Set(['gap', 'undated', 'suspect', 'stalled', 'unanchored']);

/** Consumption by source upwards; what was exported or stored downwards. `ahead`: the step is not over yet. */
export function stackOf(slot: Slot | undefined, batteries: readonly string[], ahead = false): Stack {
  const up: Record<string, number> = {};
  const down: Record<string, number> = {};
  for (const {source, sink, wh} of slot?.cells ?? []) {
    if (sink === 'grid' || batteries.includes(sink)) {
      if (source !== sink) down[`to_${sink}`] = (down[`to_${sink}`] ?? 0) + wh;
    } else up[source] = (up[source] ?? 0) + wh;
  }
  const order = ['solar', 'wind', 'generator', ...batteries, 'grid', 'unexplained'];
  const words = slot?.quality ?? [];
  return {
    up: Object.fromEntries(order.filter(id => up[id]).map(id => [id, up[id] as number])),
    down,
    flagged: words.some(word => DOUBTFUL.has(word)),
    hollow: words.includes('stale-estimated') && !words.some(word => DOUBTFUL.has(word)),
    quality: words.map(wordOf).join(', '),
    missing: slot === undefined && !ahead,
    ahead: slot === undefined && ahead,
  };
}
