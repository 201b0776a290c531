// Now: the flow picture, how fresh it is, what does not add up, and today in six numbers.

import {signal} from '@preact/signals';
import {flowPicture, NARROW, RADIUS, WIDE} from '../charts/flow.ts';
import {connected, type Now, now, watt} from '../data.ts';
import {kwh, nameOf, percent, t, watts} from '../text.ts';

const phone = matchMedia('(max-width: 560px)');
const narrow = signal(phone.matches);
phone.addEventListener('change', () => {
  narrow.value = phone.matches;
});

export function NowPage() {
  const state = now.value;
  if (!state) return <p class="quiet">…</p>;
  if (state.ts === null) return <Waiting state={state} />;
  const unexplained = watt(state, 'unexplained_w') ?? 0;
  return (
    <>
      <Picture state={state} />
      {Math.abs(unexplained) >= 1 && (
        <p class="warning" role="status">
          {t(unexplained > 0 ? 'unexplainedPlus' : 'unexplainedMinus', {w: watts(Math.abs(unexplained))})}
        </p>
      )}
      <Freshness state={state} />
      <Labels state={state} />
      <Today state={state} />
    </>
  );
}

function Waiting({state}: {readonly state: Now}) {
  return (
    <section class="card">
      <h2>{t('waiting')}</h2>
      <p>
        {t('waitingHelp')} <a href="#/devices">{t('devices')}</a>
      </p>
      <ul>
        {state.problems.map(problem => (
          <li key={problem}>{problem}</li>
        ))}
      </ul>
    </section>
  );
}

function Picture({state}: {readonly state: Now}) {
  const {batteries, loads} = state.roles;
  const picture = flowPicture(state, batteries, loads, narrow.value ? NARROW : WIDE);
  const words = picture.edges.map(edge => `${nameOf(edge.from)} → ${nameOf(edge.to)} ${watts(edge.w)}`).join(', ');
  return (
    <section class="card flow">
      <svg viewBox={`0 0 ${picture.width} ${picture.height}`} role="img" aria-label={words || t('idle')}>
        {picture.edges.map(edge => (
          <g key={`${edge.from}-${edge.to}`} class={`edge ${edge.label}`}>
            <path d={edge.path} class="bed" stroke-width={edge.width} />
            <path
              d={edge.path}
              class="stream"
              stroke-width={Math.max(2, edge.width * 0.55)}
              style={{animationDuration: `${edge.seconds.toFixed(2)}s`}}
            />
          </g>
        ))}
        {picture.nodes.map(node => (
          <g key={node.id} class={`node ${node.kind} ${node.id}`} transform={`translate(${node.x} ${node.y})`}>
            <circle r={RADIUS} />
            {node.kind === 'battery' && <Soc pct={socOf(state, node.id)} />}
            <text class="name" y="-12">
              {nameOf(node.id)}
            </text>
            <text class="power" y="10">
              {watts(powerOf(state, node.id))}
            </text>
            <text class="note" y="28">
              {noteOf(state, node.id)}
            </text>
          </g>
        ))}
      </svg>
      <details>
        <summary>{t('table')}</summary>
        <table>
          <tbody>
            {picture.edges.map(edge => (
              <tr key={`${edge.from}-${edge.to}`}>
                <th scope="row">
                  {nameOf(edge.from)} → {nameOf(edge.to)}
                </th>
                <td>{watts(edge.w)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </details>
    </section>
  );
}

/** The ring that fills with the state of charge. */
function Soc({pct}: {readonly pct: number | null}) {
  if (pct === null) return null;
  const around = 2 * Math.PI * RADIUS;
  return (
    <circle r={RADIUS} class="soc" stroke-dasharray={`${((around * pct) / 100).toFixed(1)} ${around.toFixed(1)}`} transform="rotate(-90)" />
  );
}

const socOf = (state: Now, id: string): number | null =>
  watt(state, `${id}_soc_pct`) ?? (state.roles.batteries.length === 1 ? watt(state, 'battery_soc_pct') : null);

function powerOf(state: Now, id: string): number | null {
  const own =
    watt(state, `${id}_power_w`) ??
    (state.roles.batteries.length === 1 && id === state.roles.batteries[0] ? watt(state, 'battery_power_w') : null);
  if (own !== null) return Math.abs(own);
  if (id === 'unexplained') return Math.abs(watt(state, 'unexplained_w') ?? 0);
  let sum = 0;
  for (const [key, value] of Object.entries(state)) if (key.endsWith(`_to_${id}_w`) && typeof value === 'number') sum += value;
  return id === 'loss' || id === 'standby' ? sum : null;
}

function noteOf(state: Now, id: string): string {
  const w =
    watt(state, `${id}_power_w`) ??
    (state.roles.batteries.length === 1 && id === state.roles.batteries[0] ? watt(state, 'battery_power_w') : null);
  if (id === 'grid' && w !== null && Math.abs(w) >= 1) return t(w > 0 ? 'importing' : 'exporting');
  if (state.roles.batteries.includes(id)) {
    const soc = socOf(state, id);
    // An arrow says the direction where a word would not fit into the ring.
    return `${soc === null ? '' : percent(soc)}${w !== null && Math.abs(w) >= 5 ? (w > 0 ? ' ▾' : ' ▴') : ''}`;
  }
  return '';
}

function Freshness({state}: {readonly state: Now}) {
  const late = Math.max(15, (3 * state.poll_every_ms) / 1000);
  const old = state.devices.filter(device => device.state !== 'good' || (device.age_s ?? 0) > late);
  return (
    <p class="fresh" role="status">
      <span class={`dot ${connected.value && old.length === 0 ? 'good' : 'bad'}`} />
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
                    : t('old', {device: id, n: age_s}),
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
    <ul class="labels">
      {rows.map(([style, word, key]) => (
        <li key={key}>
          <i class={`swatch label ${style}`} /> {t(word)} <b>{watts(watt(state, key))}</b>
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
    <section aria-label={t('today')}>
      <h2>{t('today')}</h2>
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
