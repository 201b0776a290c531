// Energy: a day, month, year or everything; bars, who gave to whom, and how the battery's energy was made.

import {useState} from 'preact/hooks';
import {type Bar, Bars} from '../charts/bars.tsx';
import {Swatch} from '../charts/patterns.tsx';
import {SankeyChart} from '../charts/sankey-chart.tsx';
import {ask, dayOf, type Flows, now, shiftDay} from '../data.ts';
import {type Sums, sumsOf} from '../sums.ts';
import {clock, dayName, kwh, minuteOf, monthName, nameOf, percent, shortDay, t} from '../text.ts';
import {stackOf} from './day.tsx';
import {Figures} from './figures.tsx';
import {useAnswer} from './load.ts';
import {MoneyCard} from './money.tsx';
import {Pager} from './pager.tsx';

type Kind = 'day' | 'month' | 'year' | 'all';
type Period = {
  readonly title: string;
  readonly from: string;
  readonly to: string;
  readonly step: string;
  readonly before: {readonly from: string; readonly to: string} | null;
};
type PeriodFlows = Flows & {readonly from: string; readonly to: string};
const HOUR_MS = 3_600_000;
const QUARTER_MS = 900_000;
const POLICIES = [
  ['solar-first', 'solarFirst'],
  ['proportional', 'proportional'],
  ['battery-first', 'batteryFirst'],
] as const;

export function EnergyPage() {
  const site = now.value?.site;
  const [kind, setKind] = useState<Kind>('day');
  const [shift, setShift] = useState(0);
  const [policy, setPolicy] = useState<string | null>(null);
  if (!site) return <p class="quiet">…</p>;
  const nowMs = now.value?.ts ? Date.parse(now.value.ts) : Date.now();
  const choose = (one: Kind): void => {
    setKind(one);
    setShift(0);
  };
  const period = periodOf(kind, dayOf(nowMs, site.timezone), shift);
  return (
    <>
      <div class="choices">
        <fieldset>
          <legend>{t('period')}</legend>
          {(['day', 'month', 'year', 'all'] as const).map(one => (
            <button type="button" key={one} aria-pressed={kind === one} onClick={() => choose(one)}>
              {t(one)}
            </button>
          ))}
        </fieldset>
        <fieldset>
          <legend>{t('policy')}</legend>
          {POLICIES.filter(([id]) => id !== 'battery-first' || site.policy === id).map(([id, word]) => (
            <button type="button" key={id} aria-pressed={(policy ?? site.policy) === id} onClick={() => setPolicy(id)}>
              {t(word)}
            </button>
          ))}
        </fieldset>
      </div>
      <Pager
        title={period.title}
        onBack={kind === 'all' ? null : () => setShift(shift - 1)}
        onOn={kind === 'all' || shift >= 0 ? null : () => setShift(shift + 1)}
      />
      <OnePeriod key={`${period.from} ${kind} ${policy}`} period={period} policy={policy ?? site.policy} zone={site.timezone} />
    </>
  );
}

function periodOf(kind: Kind, today: string, shift: number): Period {
  if (kind === 'day') {
    const day = shiftDay(today, shift);
    return {title: dayName(day), from: day, to: shiftDay(day, 1), step: '1h', before: {from: shiftDay(day, -1), to: day}};
  }
  const month = (offset: number): string => {
    const date = new Date(Date.UTC(Number(today.slice(0, 4)), Number(today.slice(5, 7)) - 1 + offset, 1));
    return date.toISOString().slice(0, 10);
  };
  if (kind === 'month')
    return {
      title: monthName(month(shift).slice(0, 7)),
      from: month(shift),
      to: month(shift + 1),
      step: '1d',
      before: {from: month(shift - 1), to: month(shift)},
    };
  const year = Number(today.slice(0, 4)) + shift;
  if (kind === 'year')
    return {
      title: String(year),
      from: `${year}-01-01`,
      to: `${year + 1}-01-01`,
      step: '1mo',
      before: {from: `${year - 1}-01-01`, to: `${year}-01-01`},
    };
  return {title: t('all'), from: '2015-01-01', to: `${Number(today.slice(0, 4)) + 1}-01-01`, step: '1y', before: null};
}

function OnePeriod({period, policy, zone}: {readonly period: Period; readonly policy: string; readonly zone: string}) {
  const batteries = now.value?.roles.batteries ?? [];
  const {from, to, step, before} = period;
  const {data, error} = useAnswer(`${from} ${to} ${policy}`, () => ask<PeriodFlows>('flows', {from, to, step, policy}), 15_000);
  const other = useAnswer(`${from} ${to} other`, () =>
    ask<Flows>('flows', {from, to, step, policy: policy === 'proportional' ? 'solar-first' : 'proportional'}),
  );
  const past = before && alike(before, period, zone);
  const earlier = useAnswer(`before ${past?.from} ${past?.to} ${policy}`, async () =>
    past ? ask<Flows>('flows', {...past, step, policy}) : null,
  );
  if (error && !data) return <p class="warning">{error}</p>;
  if (!data) return <p class="quiet">…</p>;
  if (data.slots.length === 0) return <p class="card">{t('noData')}</p>;
  const sums = sumsOf(data.slots, batteries);
  // One quarter hour that is flagged does not make a whole bar so: which one it was is for the page Day.
  const bars = barsOf(data, from, to, step, zone, batteries).map(bar => ({
    ...bar,
    hollow: false,
    flagged: false,
    partly: bar.flagged,
    quality: bar.flagged ? t('partlyFlagged') : '',
  }));
  const summary = `${t('produced')} ${kwh(sums.produced / 1000)}, ${t('consumed')} ${kwh(sums.consumed / 1000)}`;
  return (
    <>
      <PeriodFigures
        sums={sums}
        bounds={other.data ? sumsOf(other.data.slots, batteries) : null}
        before={earlier.data && earlier.data.slots.length > 0 ? sumsOf(earlier.data.slots, batteries) : null}
      />
      <section class="card">
        <Bars bars={bars} summary={summary} {...(step === '1h' ? {barMinutes: 60} : {})} />
        {bars.some(bar => bar.partly) && <p class="quiet">{t('energyNote')}</p>}
      </section>
      <section class="card">
        <h3>{t('flowsTitle')}</h3>
        <SankeyChart
          sums={sums}
          order={[
            'solar',
            'wind',
            'generator',
            'home',
            ...(now.value?.roles.loads ?? []),
            ...batteries,
            'grid',
            'loss',
            'standby',
            'unexplained',
          ]}
        />
      </section>
      {Object.keys(sums.batteryOrigin).length > 0 && (
        <section class="card">
          <h3>{t('batteryOrigin')}</h3>
          <ul class="labels">
            {Object.entries(sums.batteryOrigin).map(([origin, wh]) => (
              <li key={origin}>
                <Swatch name={origin} /> {nameOf(origin)} <b>{kwh(wh / 1000)}</b>
              </li>
            ))}
          </ul>
        </section>
      )}
      {now.value?.site.tariffs && <MoneyCard from={from} to={to} step={step} policy={policy} bills={step === '1d' || step === '1mo'} />}
      <p>
        <a class="button" href={`api/v1/export?${new URLSearchParams({from, to, policy, step: step === '1h' ? '15m' : '1d'})}`}>
          {t('download')}
        </a>
      </p>
    </>
  );
}

/** As much of the period before as has passed of a running one: half a day is not held against a whole one. */
function alike(before: {from: string; to: string}, {from, to}: Period, zone: string): {from: string; to: string} {
  const nowMs = now.value?.ts ? Date.parse(now.value.ts) : Date.now();
  const today = dayOf(nowMs, zone);
  if (today < from || today >= to) return before;
  if (from === today) return {from: before.from, to: new Date(Math.floor(nowMs / QUARTER_MS) * QUARTER_MS - 24 * HOUR_MS).toISOString()};
  const days = Math.round((Date.parse(today) - Date.parse(from)) / (24 * HOUR_MS)) + 1;
  const end = shiftDay(before.from, days);
  return {from: before.from, to: end < before.to ? end : before.to};
}

/** All steps of the period, so that an hour stands where it belongs and a hole is seen. */
function barsOf(data: PeriodFlows, from: string, to: string, step: string, zone: string, batteries: readonly string[]): Bar[] {
  const nowMs = now.value?.ts ? Date.parse(now.value.ts) : Date.now();
  const today = dayOf(nowMs, zone);
  const known = new Map(data.slots.map(slot => [step === '1h' ? slot.start : (slot.day ?? slot.start.slice(0, 10)), slot]));
  if (step === '1h') {
    const starts: number[] = [];
    for (let at = Date.parse(data.from); at < Date.parse(data.to); at += HOUR_MS) starts.push(at);
    const byMs = new Map(data.slots.map(slot => [Date.parse(slot.start), slot]));
    return starts.map(start => {
      const label = clock(start, zone);
      return {
        ...stackOf(byMs.get(start), batteries, start > nowMs - HOUR_MS),
        label,
        minute: minuteOf(start, zone),
        title: label + (starts.some(other => other < start && clock(other, zone) === label) ? ' (2)' : ''),
      };
    });
  }
  const days = [...known.keys()].sort();
  const first = step === '1y' ? (days[0] ?? from) : from;
  const last = step === '1y' ? shiftDay(days.at(-1) ?? from, 1) : to;
  const bars: Bar[] = [];
  for (let day = first; day < last; day = nextStep(day, step)) {
    const label = step === '1d' ? shortDay(day) : step === '1mo' ? monthName(day.slice(0, 7), false) : day.slice(0, 4);
    const title = step === '1d' ? dayName(day) : step === '1mo' ? monthName(day.slice(0, 7)) : day.slice(0, 4);
    bars.push({...stackOf(known.get(day), batteries, nextStep(day, step) > today), label, title});
  }
  return bars;
}

function nextStep(day: string, step: string): string {
  if (step === '1d') return shiftDay(day, 1);
  const [year, month] = [Number(day.slice(0, 4)), Number(day.slice(5, 7))];
  return new Date(Date.UTC(step === '1y' ? year + 1 : year, step === '1y' ? 0 : month, 1)).toISOString().slice(0, 10);
}

function PeriodFigures({sums, before, bounds}: {readonly sums: Sums; readonly before: Sums | null; readonly bounds: Sums | null}) {
  const change = (value: number, old: number | undefined): string | null =>
    old === undefined || old === 0
      ? null
      : `${value >= old ? '+' : '−'}${Math.abs(Math.round((100 * (value - old)) / old))} % ${t('compare')}`;
  const between = (a: number | null, b: number | null | undefined): string | null =>
    a === null || b === null || b === undefined || Math.round(a) === Math.round(b)
      ? null
      : t('between', {least: percent(Math.min(a, b)), most: percent(Math.max(a, b))});
  const figures: [string, string, string | null][] = [
    [t('produced'), kwh(sums.produced / 1000), change(sums.produced, before?.produced)],
    [t('consumed'), kwh(sums.consumed / 1000), change(sums.consumed, before?.consumed)],
    [t('bought'), kwh(sums.bought / 1000), change(sums.bought, before?.bought)],
    [t('sold'), kwh(sums.sold / 1000), change(sums.sold, before?.sold)],
    [t('selfSufficiency'), percent(sums.selfSufficiency), between(sums.selfSufficiency, bounds?.selfSufficiency)],
    [t('selfConsumption'), percent(sums.selfConsumption), between(sums.selfConsumption, bounds?.selfConsumption)],
  ];
  return <Figures list={figures} />;
}
