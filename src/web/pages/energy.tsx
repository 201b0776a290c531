// Energy: a day, month, year or everything; bars, who gave to whom, and how the battery's energy was made.

import {type Bar, Bars} from '../charts/bars.tsx';
import {Swatch} from '../charts/patterns.tsx';
import {SankeyChart} from '../charts/sankey-chart.tsx';
import {narrow} from '../charts/size.ts';
import {ask, type Flows, now, presentMs, type Slot} from '../data.ts';
import {
  alike,
  type Chosen,
  chosenOf,
  dayOf,
  isComparable,
  KINDS,
  type Kind,
  type Range,
  rangeOf,
  shiftDay,
  startOf,
  stepped,
  wordsOf,
} from '../periods.ts';
import {hashOf, place, turnTo} from '../place.ts';
import {type Sums, sumsOf} from '../sums.ts';
import {clock, dayName, kwh, minuteOf, monthName, nameOf, percent, shortDay, t} from '../text.ts';
import {stackOf} from './day.tsx';
import {Figures} from './figures.tsx';
import {useAnswer} from './load.ts';
import {MoneyCard} from './money.tsx';
import {Pager} from './pager.tsx';

type Period = {
  readonly title: string;
  readonly from: string;
  readonly to: string;
  readonly step: string;
  /** What it is held against. */
  readonly before: Range | null;
};
type PeriodFlows = Flows & {readonly from: string; readonly to: string};
const HOUR_MS = 3_600_000;
const POLICIES = [
  ['solar-first', 'solarFirst'],
  ['proportional', 'proportional'],
  ['battery-first', 'batteryFirst'],
] as const;

export function EnergyPage() {
  const site = now.value?.site;
  if (!site) return <p class="quiet">…</p>;
  const nowMs = now.value?.ts ? Date.parse(now.value.ts) : Date.now();
  const today = dayOf(nowMs, site.timezone);
  const chosen = chosenOf(place.value.more, today, [site.policy, ...POLICIES.map(([id]) => id)]);
  const {kind, start, policy} = chosen;
  const isNow = start === startOf(kind, today);
  const turn = (to: Partial<Chosen>): void => turnTo('energy', ...wordsOf({...chosen, ...to}, today, site.policy));
  const period = {
    ...rangeOf(kind, start, today),
    kind,
    title: titleOf(kind, start),
    step: STEPS[kind],
    before: alike(kind, start, nowMs, today),
  };
  return (
    <>
      <div class="choices">
        <fieldset>
          <legend>{t('period')}</legend>
          {KINDS.map(one => (
            <button
              type="button"
              key={one}
              aria-pressed={kind === one}
              onClick={() => turn({kind: one, start: startOf(one, isNow ? today : start)})}
            >
              {t(one)}
            </button>
          ))}
        </fieldset>
        <fieldset>
          <legend>{t('policy')}</legend>
          {POLICIES.filter(([id]) => id !== 'battery-first' || site.policy === id).map(([id, word]) => (
            <button type="button" key={id} aria-pressed={policy === id} onClick={() => turn({policy: id})}>
              {t(word)}
            </button>
          ))}
        </fieldset>
      </div>
      <Pager
        title={period.title}
        onBack={kind === 'all' ? null : () => turn({start: stepped(kind, start, -1)})}
        onOn={kind === 'all' || isNow ? null : () => turn({start: stepped(kind, start, 1)})}
        date={kind === 'day' ? {value: start, most: today, onChange: day => turn({start: day})} : null}
      />
      <OnePeriod
        key={`${period.from} ${kind} ${policy}`}
        period={period}
        policy={policy}
        zone={site.timezone}
        hrefOf={day => hashOf('energy', ...wordsOf({...chosen, kind: NEXT[kind], start: day}, today, site.policy))}
      />
    </>
  );
}

/** What a bar of a period is, looked at more closely. */
const NEXT: Readonly<Record<Kind, Kind>> = {all: 'year', year: 'month', month: 'day', day: 'day'};

const STEPS: Readonly<Record<Kind, string>> = {day: '1h', month: '1d', year: '1mo', all: '1y'};

const titleOf = (kind: Kind, start: string): string =>
  ({
    day: () => dayName(start, narrow.value ? 'short' : 'long'),
    month: () => monthName(start.slice(0, 7)),
    year: () => start.slice(0, 4),
    all: () => t('all'),
  })[kind]();

type OnePeriodProps = {
  readonly period: Period;
  readonly policy: string;
  readonly zone: string;
  /** Address of the shorter period that begins on a day. */
  readonly hrefOf: (day: string) => string;
};

function OnePeriod({period, policy, zone, hrefOf}: OnePeriodProps) {
  const batteries = now.value?.roles.batteries ?? [];
  const {from, to, step, before} = period;
  const flowsBy = (one: string): Promise<PeriodFlows> => ask<PeriodFlows>('flows', {from, to, step, policy: one});
  // Both at once: of two moments they would differ by what happened in between.
  const answer = useAnswer(
    `${from} ${to} ${policy}`,
    () => Promise.all([flowsBy(policy), flowsBy(policy === 'proportional' ? 'solar-first' : 'proportional')]),
    15_000,
  );
  const earlier = useAnswer(`before ${before?.from} ${before?.to} ${policy}`, async () =>
    before ? ask<Flows>('flows', {...before, step, policy}) : null,
  );
  if (answer.error && !answer.data) return <p class="warning">{answer.error}</p>;
  if (!answer.data) return <p class="quiet pending">…</p>;
  const [data, other] = answer.data;
  if (data.slots.length === 0) return <p class="card">{t('noData')}</p>;
  const sums = sumsOf(data.slots, batteries);
  const passed = step === '1d' ? passedOf(data.slots, zone) : data.slots;
  const past = earlier.data?.slots;
  // One quarter hour that is flagged does not make a whole bar so: which one it was is for the page Day.
  const bars = barsOf(data, from, to, step, zone, batteries, hrefOf).map(bar => ({
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
        bounds={sumsOf(other.slots, batteries)}
        passed={sumsOf(passed, batteries)}
        before={past && isComparable(past.length, passed.length) ? sumsOf(past, batteries) : null}
      />
      <section class="card">
        <Bars bars={bars} summary={summary} {...(step === '1h' ? {barMinutes: 60} : {})} />
        {bars.some(bar => bar.partly) && (
          <p class="quiet">
            {t('energyNote')} {step === '1h' && <a href={hashOf('day', from)}>{t('openDay')}</a>}
          </p>
        )}
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

/** All steps of the period, so that an hour stands where it belongs and a hole is seen. */
function barsOf(
  data: PeriodFlows,
  from: string,
  to: string,
  step: string,
  zone: string,
  batteries: readonly string[],
  hrefOf: (day: string) => string,
): Bar[] {
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
    const stack = stackOf(known.get(day), batteries, nextStep(day, step) > today);
    bars.push({...stack, label, title, ...(stack.missing || stack.ahead ? {} : {href: hrefOf(day)})});
  }
  return bars;
}

function nextStep(day: string, step: string): string {
  if (step === '1d') return shiftDay(day, 1);
  const [year, month] = [Number(day.slice(0, 4)), Number(day.slice(5, 7))];
  return new Date(Date.UTC(step === '1y' ? year + 1 : year, step === '1y' ? 0 : month, 1)).toISOString().slice(0, 10);
}

/** Days that are over: a part of one is not held against a whole one. */
function passedOf(slots: readonly Slot[], zone: string): Slot[] {
  const today = dayOf(presentMs(), zone);
  return slots.filter(({day}) => day !== today);
}

type PeriodFiguresProps = {
  readonly sums: Sums;
  /** What of it is held against the period before. */
  readonly passed: Sums;
  readonly before: Sums | null;
  readonly bounds: Sums;
};

function PeriodFigures({sums, passed, before, bounds}: PeriodFiguresProps) {
  const change = (value: number, old: number | undefined): string | null =>
    old === undefined || old === 0
      ? null
      : `${value >= old ? '+' : '−'}${Math.abs(Math.round((100 * (value - old)) / old))} % ${t('compare')}`;
  const between = (a: number | null, b: number | null): string | null =>
    a === null || b === null || Math.round(a) === Math.round(b)
      ? null
      : t('between', {least: percent(Math.min(a, b)), most: percent(Math.max(a, b))});
  const figures: [string, string, string | null][] = [
    [t('produced'), kwh(sums.produced / 1000), change(passed.produced, before?.produced)],
    [t('consumed'), kwh(sums.consumed / 1000), change(passed.consumed, before?.consumed)],
    [t('bought'), kwh(sums.bought / 1000), change(passed.bought, before?.bought)],
    [t('sold'), kwh(sums.sold / 1000), change(passed.sold, before?.sold)],
    [t('selfSufficiency'), percent(sums.selfSufficiency), between(sums.selfSufficiency, bounds.selfSufficiency)],
    [t('selfConsumption'), percent(sums.selfConsumption), between(sums.selfConsumption, bounds.selfConsumption)],
  ];
  return <Figures list={figures} />;
}
