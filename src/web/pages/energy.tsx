// Energy: a day, month, year or everything; bars, who gave to whom, and how the battery's energy was made.

import {useState} from 'preact/hooks';
import {Bars, colour} from '../charts/bars.tsx';
import {SANKEY_BLOCK, sankey} from '../charts/sankey.ts';
import {ask, dayOf, type Flows, now, shiftDay} from '../data.ts';
import {type Sums, sumsOf} from '../sums.ts';
import {clock, dayName, kwh, monthName, nameOf, percent, shortDay, t} from '../text.ts';
import {stackOf} from './day.tsx';
import {useAnswer} from './load.ts';
import {MoneyCard} from './money.tsx';

type Kind = 'day' | 'month' | 'year' | 'all';
type Period = {
  readonly title: string;
  readonly from: string;
  readonly to: string;
  readonly step: string;
  readonly before: {readonly from: string; readonly to: string} | null;
};
const POLICIES = [
  ['solar-first', 'solarFirst'],
  ['proportional', 'proportional'],
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
          {POLICIES.map(([id, word]) => (
            <button type="button" key={id} aria-pressed={(policy ?? site.policy) === id} onClick={() => setPolicy(id)}>
              {t(word)}
            </button>
          ))}
        </fieldset>
      </div>
      <div class="pager">
        <button type="button" onClick={() => setShift(shift - 1)} disabled={kind === 'all'} aria-label={t('previous')}>
          ‹
        </button>
        <h2>{period.title}</h2>
        <button type="button" onClick={() => setShift(shift + 1)} disabled={shift >= 0 || kind === 'all'} aria-label={t('next')}>
          ›
        </button>
      </div>
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
  const {data, error} = useAnswer(`${from} ${to} ${policy}`, () => ask<Flows>('flows', {from, to, step, policy}), 15_000);
  const other = useAnswer(`${from} ${to} other`, () =>
    ask<Flows>('flows', {from, to, step, policy: policy === 'proportional' ? 'solar-first' : 'proportional'}),
  );
  const earlier = useAnswer(`before ${from} ${policy}`, async () => (before ? ask<Flows>('flows', {...before, step, policy}) : null));
  if (error) return <p class="warning">{error}</p>;
  if (!data) return <p class="quiet">…</p>;
  if (data.slots.length === 0) return <p class="quiet">{t('noData')}</p>;
  const sums = sumsOf(data.slots, batteries);
  const bars = data.slots.map(slot => {
    const label =
      step === '1h'
        ? clock(slot.start, zone)
        : step === '1d'
          ? shortDay(slot.day ?? slot.start.slice(0, 10))
          : step === '1mo'
            ? monthName((slot.day ?? slot.start).slice(0, 7), false)
            : (slot.day ?? slot.start).slice(0, 4);
    return {...stackOf(slot, batteries), label, title: label};
  });
  const summary = `${t('produced')} ${kwh(sums.produced / 1000)}, ${t('consumed')} ${kwh(sums.consumed / 1000)}`;
  return (
    <>
      <Figures
        sums={sums}
        bounds={other.data ? sumsOf(other.data.slots, batteries) : null}
        before={earlier.data && earlier.data.slots.length > 0 ? sumsOf(earlier.data.slots, batteries) : null}
      />
      <section class="card">
        <Bars bars={bars} summary={summary} />
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
                <i class={`swatch ${colour(origin)}`} /> {nameOf(origin)} <b>{kwh(wh / 1000)}</b>
              </li>
            ))}
          </ul>
        </section>
      )}
      <MoneyCard from={from} to={to} step={step} policy={policy} bills={step === '1d' || step === '1mo'} />
      <p>
        <a href={`api/v1/export?${new URLSearchParams({from, to, policy, step: step === '1h' ? '15m' : '1d'})}`}>{t('download')}</a>
      </p>
    </>
  );
}

function Figures({sums, before, bounds}: {readonly sums: Sums; readonly before: Sums | null; readonly bounds: Sums | null}) {
  const change = (value: number, old: number | undefined): string | null =>
    old === undefined || old === 0
      ? null
      : `${value >= old ? '+' : '−'}${Math.abs(Math.round((100 * (value - old)) / old))} % ${t('compare')}`;
  const between = (a: number | null, b: number | null | undefined): string =>
    a === null
      ? '–'
      : b === null || b === undefined || Math.round(a) === Math.round(b)
        ? percent(a)
        : `${percent(a)} (${percent(Math.min(a, b))} – ${percent(Math.max(a, b))})`;
  const figures: [string, string, string | null][] = [
    [t('produced'), kwh(sums.produced / 1000), change(sums.produced, before?.produced)],
    [t('consumed'), kwh(sums.consumed / 1000), change(sums.consumed, before?.consumed)],
    [t('bought'), kwh(sums.bought / 1000), change(sums.bought, before?.bought)],
    [t('sold'), kwh(sums.sold / 1000), change(sums.sold, before?.sold)],
    [t('selfSufficiency'), between(sums.selfSufficiency, bounds?.selfSufficiency), null],
    [t('selfConsumption'), between(sums.selfConsumption, bounds?.selfConsumption), null],
  ];
  return (
    <dl class="figures">
      {figures.map(([name, text, note]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{text}</dd>
          {note && <dd class="quiet">{note}</dd>}
        </div>
      ))}
    </dl>
  );
}

function SankeyChart({sums, order}: {readonly sums: Sums; readonly order: readonly string[]}) {
  const {width, height, bands, blocks} = sankey(sums.pairs, order);
  return (
    <figure class="chart">
      <svg
        viewBox={`0 -4 ${width} ${height + 8}`}
        role="img"
        aria-label={bands.map(band => `${nameOf(band.from)} → ${nameOf(band.to)} ${kwh(band.wh / 1000)}`).join(', ')}
      >
        {bands.map(band => (
          <path key={`${band.from} ${band.to}`} d={band.path} stroke-width={band.width} class={`band ${colour(band.from)}`}>
            <title>{`${nameOf(band.from)} → ${nameOf(band.to)} ${kwh(band.wh / 1000)}`}</title>
          </path>
        ))}
        {blocks.map(({id, side, wh, x, y, height: tall}) => (
          <g key={`${side} ${id}`}>
            <rect
              x={x}
              y={y}
              width={SANKEY_BLOCK}
              height={tall}
              class={`fill ${side === 'from' ? colour(id) : colour(`to_${id}`)}`}
              rx="2"
            />
            <text x={side === 'from' ? x - 8 : x + SANKEY_BLOCK + 8} y={y + tall / 2 + 4} class={`tick ${side === 'from' ? 'end' : ''}`}>
              {nameOf(id)} {kwh(wh / 1000)}
            </text>
          </g>
        ))}
      </svg>
      <details>
        <summary>{t('table')}</summary>
        <table>
          <thead>
            <tr>
              <th scope="col">{t('source')}</th>
              <th scope="col">{t('sink')}</th>
              <th scope="col">kWh</th>
            </tr>
          </thead>
          <tbody>
            {bands.map(band => (
              <tr key={`${band.from} ${band.to}`}>
                <th scope="row">{nameOf(band.from)}</th>
                <td>{nameOf(band.to)}</td>
                <td>{(band.wh / 1000).toFixed(3)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </details>
    </figure>
  );
}
