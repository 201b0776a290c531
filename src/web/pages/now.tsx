// Now: the flow picture, what does not add up, today in six numbers, and how fresh and whence every value is.

import {signal} from '@preact/signals';
import {flowPicture, type Label} from '../charts/flow.ts';
import {FlowChart, LABELS, socOf, solarShareOf} from '../charts/flow-chart.tsx';
import {ageOf, connected, freshnessOf, lateS, type Now, now, presentMs, watt} from '../data.ts';
import {said} from '../said.ts';
import {currency, duration, justClock, kwh, nameOf, percent, qualityOf, t, watts} from '../text.ts';
import {Figures} from './figures.tsx';
import {FirstSteps, Waiting} from './first.tsx';
import {Provenance} from './provenance.tsx';

/** Nodes whose origin is unfolded. */
const opened = signal<ReadonlySet<string>>(new Set());

function toggle(id: string, open: boolean): void {
  if (opened.value.has(id) === open) return;
  opened.value = new Set(open ? [...opened.value, id] : [...opened.value].filter(one => one !== id));
}

function show(id: string): void {
  toggle(id, true);
  document.getElementById(`origin-${id}`)?.scrollIntoView({block: 'nearest'});
}

export function NowPage() {
  const state = now.value;
  if (!state) return <p class="quiet">…</p>;
  if (state.devices.length === 0) return <FirstSteps />;
  if (state.ts === null) return <Waiting state={state} />;
  const unexplained = watt(state, 'unexplained_w') ?? 0;
  return (
    <>
      <h2 class="unseen">{t('now')}</h2>
      <Freshness state={state} />
      <div class="glance">
        <section class="card">
          <FlowChart state={state} onNode={show} />
          {Math.abs(unexplained) >= 1 && (
            <p class="warning" role="status">
              {t(unexplained > 0 ? 'unexplainedPlus' : 'unexplainedMinus', {w: watts(Math.abs(unexplained))})}
            </p>
          )}
        </section>
        <div>
          <Legend state={state} />
          <Today state={state} />
        </div>
      </div>
      <Ages state={state} />
    </>
  );
}

/** What is no reason to doubt the numbers; it is told below, beside their ages. */
const CALM = new Set(['ok', 'adjusted', 'skew-corrected', 'stale-estimated']);
const qualityText = ({quality, reason}: Now): string =>
  `${qualityOf(String(quality))}${typeof reason === 'string' ? ` (${said(reason)})` : ''}`;

function Freshness({state}: {readonly state: Now}) {
  const aged = state.devices.map(device => ({...device, age: ageOf(device)}));
  const old = aged.filter(({state: is, age}) => is !== 'good' || (age ?? 0) > lateS(state));
  const {quality} = state;
  const doubtful = typeof quality === 'string' && !CALM.has(quality);
  const fine = connected.value && !doubtful && old.every(device => device.state === 'asleep');
  return (
    <p class="fresh" role="status">
      <span class={`dot ${fine ? 'good' : 'bad'}`} />{' '}
      {!connected.value
        ? t('lastKnown', {at: justClock(state.ts ?? 0, state.site.timezone, presentMs())})
        : old.length === 0
          ? t('fresh')
          : old
              .map(({id, state: is, age}) =>
                is === 'asleep' || is === 'partial'
                  ? t(is === 'asleep' ? 'asleep' : 'partlyTold', {device: id})
                  : age === null || is === 'lost'
                    ? t('lostDevice', {device: id})
                    : t('old', {device: id, time: duration(age)}),
              )
              .join(' · ')}
      {doubtful && <span class="quiet"> · {qualityText(state)}</span>}
    </p>
  );
}

const ROWS = [
  ['own', 'btm_consumed_w'],
  ['stored', 'stored_w'],
  ['exported', 'btm_exported_w'],
  ['imported', 'imported_w'],
] as const;

/** Something here makes or stores energy. */
const hasOwn = ({freshness, roles}: Now): boolean =>
  roles.batteries.length > 0 || ['solar', 'wind', 'generator'].some(id => id in freshness);

function Legend({state}: {readonly state: Now}) {
  const rows = [
    ...ROWS.filter(([style]) => style === 'imported' || hasOwn(state)).map(([style, key]) => ({style, w: watt(state, key)})),
    // Only where there is some: what the battery gives back that was bought, and what it held before anybody kept a record.
    ...(['earlier', 'unknown'] as const).map(style => ({style, w: givenW(state, style)})).filter(({w}) => w >= 1),
  ];
  return (
    <ul class="card labels">
      {rows.map(({style, w}) => (
        <li key={style}>
          <svg class={`sample edge ${style}`} viewBox="0 0 34 10" aria-hidden="true">
            <path d="M2 5h30" class="bed" stroke-width="9" />
            <path d="M2 5h30" class="stream still" stroke-width="4" />
          </svg>
          <span>{t(LABELS[style])}</span> <b>{watts(w)}</b>
        </li>
      ))}
    </ul>
  );
}

const givenW = (state: Now, style: Label): number =>
  flowPicture(state, state.roles.batteries, state.roles.loads).edges.reduce((sum, {label, w}) => sum + (label === style ? w : 0), 0);

function Today({state}: {readonly state: Now}) {
  const day = state.day;
  if (!day) return null;
  const value = (key: string): number | null => (typeof day[key] === 'number' ? (day[key] as number) : null);
  /** Of what is known; null where nothing is. */
  const sum = (keys: readonly string[]): number | null =>
    keys.map(value).reduce((total, one) => (one === null ? total : (total ?? 0) + one), null);
  const figures: [string, string][] = [
    [t('produced'), kwh(sum(['solar_kwh', 'wind_kwh', 'generator_kwh']))],
    [t('consumed'), kwh(sum(['home_kwh', ...state.roles.loads.map(id => `${id}_kwh`)]))],
    [t('bought'), kwh(value('grid_import_kwh'))],
    [t('sold'), kwh(value('grid_export_kwh'))],
    [t('selfSufficiency'), percent(value('self_sufficiency_pct'))],
    [t('selfConsumption'), percent(value('self_consumption_pct'))],
  ];
  // A house that only buys has two of them.
  if (!hasOwn(state)) figures.splice(0, 6, ...figures.slice(1, 3));
  return (
    <section aria-labelledby="today">
      <h2 id="today">{t('today')}</h2>
      <Figures list={figures} />
      <MoneyToday state={state} />
    </section>
  );
}

function MoneyToday({state: {money}}: {readonly state: Now}) {
  if (!money) return null;
  const amount = (key: string, digits = 2): string =>
    typeof money[key] === 'number' ? currency(money[key] as number, String(money['currency']), digits) : '–';
  return (
    <p class="quiet">
      {t('moneyToday', {cost: amount('today_cost'), credit: amount('today_credit'), saved: amount('today_saved')})}
      {typeof money['import_price'] === 'number' ? ` · ${t('priceNow', {price: amount('import_price', 4)})}` : ''}
    </p>
  );
}

/** Every value with its age and the device that told it; unfolded, the points and their raw words. */
function Ages({state}: {readonly state: Now}) {
  const rows = Object.entries(state.freshness);
  if (rows.length === 0) return null;
  return (
    <section class="card">
      <h2>{t('howOld')}</h2>
      <p class="quiet">
        {t('howOldHelp')}
        {state['quality'] === 'ok' || state['quality'] === null ? '' : ` ${t('quality')}: ${qualityText(state)}.`}
      </p>
      {rows.map(([id, told]) => {
        const fresh = freshnessOf(state, id);
        const age = ageOf(told);
        const soc = state.soc.find(one => one.id === id);
        return (
          <details
            key={id}
            id={`origin-${id}`}
            class="origin"
            open={opened.value.has(id)}
            onToggle={event => toggle(id, event.currentTarget.open)}
          >
            <summary>
              <span class={`dot ${fresh === 'fresh' || fresh === 'asleep' ? 'good' : 'bad'}`} /> <b>{nameOf(id)}</b>{' '}
              {fresh === 'asleep' ? t('asleep_') : age === null ? t('missing') : t('ago', {time: duration(age)})}
              {fresh === 'held' ? `, ${t('held')}` : ''} <span class="quiet">{told.devices.join(', ')}</span>
              {state.roles.batteries.includes(id) && <ChargeText state={state} id={id} />}
            </summary>
            {opened.value.has(id) && <Provenance of={nameOf(id)} keys={[...told.points, ...(soc ? [`${soc.device}/${soc.point}`] : [])]} />}
          </details>
        );
      })}
    </section>
  );
}

function ChargeText({state, id}: {readonly state: Now; readonly id: string}) {
  const [soc, solar] = [socOf(state, id), solarShareOf(state, id)];
  if (soc === null) return null;
  return (
    <span>
      {' '}
      · {percent(soc)}
      {solar === null ? '' : `, ${percent(solar)} ${t('solarShare')}`}
    </span>
  );
}
