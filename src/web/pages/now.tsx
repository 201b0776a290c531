// Now: the flow picture, how fresh it is, what does not add up, and today in six numbers.

import {FlowChart, socOf, solarShareOf} from '../charts/flow-chart.tsx';
import {connected, freshnessOf, type Now, now, watt} from '../data.ts';
import {kwh, nameOf, number, percent, t, watts} from '../text.ts';
import {FirstSteps, Waiting} from './first.tsx';

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
      <FlowChart state={state} />
      {Math.abs(unexplained) >= 1 && (
        <p class="warning" role="status">
          {t(unexplained > 0 ? 'unexplainedPlus' : 'unexplainedMinus', {w: watts(Math.abs(unexplained))})}
        </p>
      )}
      <Labels state={state} />
      <Today state={state} />
      <Ages state={state} />
    </>
  );
}

function Freshness({state}: {readonly state: Now}) {
  const late = Math.max(15, (3 * state.poll_every_ms) / 1000);
  const old = state.devices.filter(device => device.state !== 'good' || (device.age_s ?? 0) > late);
  const fine = connected.value && old.every(device => device.state === 'asleep');
  return (
    <p class="fresh" role="status">
      <span class={`dot ${fine ? 'good' : 'bad'}`} />{' '}
      {!connected.value
        ? t('reconnecting')
        : old.length === 0
          ? t('fresh')
          : old
              .map(({id, state: now, age_s}) =>
                now === 'asleep'
                  ? t('asleep', {device: id})
                  : age_s === null || now === 'lost'
                    ? t('lostDevice', {device: id})
                    : t('old', {device: id, n: number(age_s)}),
              )
              .join(' · ')}
      {state['quality'] !== 'ok' && typeof state['quality'] === 'string' ? ` · ${t('quality')}: ${state['quality']}` : ''}
      {typeof state['reason'] === 'string' ? ` (${state['reason']})` : ''}
    </p>
  );
}

function Labels({state}: {readonly state: Now}) {
  const rows = [
    ['own', 'btm_consumed', 'btm_consumed_w'],
    ['stored', 'stored', 'stored_w'],
    ['exported', 'exported', 'btm_exported_w'],
    ['imported', 'imported', 'imported_w'],
  ] as const;
  return (
    <ul class="labels four">
      {rows.map(([style, word, key]) => (
        <li key={key}>
          <svg class={`sample edge ${style}`} viewBox="0 0 34 10" aria-hidden="true">
            <path d="M2 5h30" class="bed" stroke-width="9" />
            <path d="M2 5h30" class="stream still" stroke-width="4.5" />
          </svg>
          <span>{t(word)}</span> <b>{watts(watt(state, key))}</b>
        </li>
      ))}
    </ul>
  );
}

function Today({state}: {readonly state: Now}) {
  const day = state.day;
  if (!day) return null;
  const value = (key: string): number | null => (typeof day[key] === 'number' ? (day[key] as number) : null);
  const used = [value('home_kwh'), ...state.roles.loads.map(id => value(`${id}_kwh`))].reduce<number>((sum, one) => sum + (one ?? 0), 0);
  const made = ['solar', 'wind', 'generator'].reduce((sum, id) => sum + (value(`${id}_kwh`) ?? 0), 0);
  const figures: [string, string][] = [
    [t('produced'), kwh(made)],
    [t('consumed'), kwh(used)],
    [t('bought'), kwh(value('grid_import_kwh'))],
    [t('sold'), kwh(value('grid_export_kwh'))],
    [t('selfSufficiency'), percent(value('self_sufficiency_pct'))],
    [t('selfConsumption'), percent(value('self_consumption_pct'))],
  ];
  return (
    <section aria-labelledby="today">
      <h2 id="today">{t('today')}</h2>
      <dl class="figures">
        {figures.map(([name, text]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{text}</dd>
          </div>
        ))}
      </dl>
    </section>
  );
}

/** Every value with its age and the device that told it. */
function Ages({state}: {readonly state: Now}) {
  const rows = Object.entries(state.freshness);
  if (rows.length === 0) return null;
  return (
    <section class="card">
      <h2>{t('howOld')}</h2>
      <ul class="ages">
        {rows.map(([id, {devices, age_s}]) => {
          const fresh = freshnessOf(state, id);
          const solar = solarShareOf(state, id);
          const soc = socOf(state, id);
          return (
            <li key={id}>
              <span class={`dot ${fresh === 'fresh' ? 'good' : 'bad'}`} /> <b>{nameOf(id)}</b>{' '}
              {age_s === null ? t('missing') : t('ago', {n: number(age_s)})}
              {fresh === 'held' ? `, ${t('held')}` : ''} <span class="quiet">{devices.join(', ')}</span>
              {state.roles.batteries.includes(id) && soc !== null && solar !== null ? (
                <span>
                  {' '}
                  · {percent(soc)}, {percent(solar)} {t('solarShare')}
                </span>
              ) : null}
            </li>
          );
        })}
      </ul>
    </section>
  );
}
