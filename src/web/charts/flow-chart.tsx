// The flow picture: a ring for each node, a band for each flow; a ring is broken where its value is old or unknown.

import {freshnessOf, type Now, watt} from '../data.ts';
import {nameOf, percent, t, watts} from '../text.ts';
import {flowPicture, NARROW, RADIUS, WIDE} from './flow.ts';
import {narrow} from './size.ts';

export function FlowChart({state}: {readonly state: Now}) {
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
              stroke-width={Math.max(2.5, edge.width * 0.5)}
              style={{animationDuration: `${edge.seconds.toFixed(2)}s`}}
            />
          </g>
        ))}
        {picture.nodes.map(node => (
          <g
            key={node.id}
            class={`node ${node.kind} ${node.id} ${freshnessOf(state, node.id)}`}
            transform={`translate(${node.x} ${node.y})`}
          >
            <circle r={RADIUS} />
            {node.kind === 'battery' && <Soc state={state} id={node.id} />}
            <text class="name" y="-15">
              {short(nameOf(node.id))}
            </text>
            <text class="power" y="6">
              {watts(powerOf(state, node.id))}
            </text>
            <text class="note" y="25">
              {noteOf(state, node.id)}
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
              <th scope="col">W</th>
            </tr>
          </thead>
          <tbody>
            {picture.edges.map(edge => (
              <tr key={`${edge.from}-${edge.to}`}>
                <th scope="row">{nameOf(edge.from)}</th>
                <td>{nameOf(edge.to)}</td>
                <td>{watts(edge.w)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </details>
    </section>
  );
}

const LONGEST = 12;
const short = (name: string): string => (name.length > LONGEST ? `${name.slice(0, LONGEST - 1)}…` : name);

/** The ring fills with the state of charge. Of its origin only what was charged on record is known, so that is said in words below. */
function Soc({state, id}: {readonly state: Now; readonly id: string}) {
  const pct = socOf(state, id);
  if (pct === null) return null;
  const around = 2 * Math.PI * RADIUS;
  const arc = `${((around * pct) / 100).toFixed(1)} ${around.toFixed(1)}`;
  return <circle r={RADIUS} class="soc" stroke-dasharray={arc} transform="rotate(-90)" />;
}

export const socOf = (state: Now, id: string): number | null =>
  watt(state, `${id}_soc_pct`) ?? (state.roles.batteries.length === 1 ? watt(state, 'battery_soc_pct') : null);

/** Percent of what the battery holds that came from the sun; null where nothing is known about it. */
export function solarShareOf(state: Now, id: string): number | null {
  const mix = state.stored[id];
  const sum = Object.values(mix ?? {}).reduce((a, b) => a + b, 0);
  return mix && sum > 0 ? (100 * (mix['solar'] ?? 0)) / sum : null;
}

/** Signed power of a node as told, W. */
const signedOf = (state: Now, id: string): number | null =>
  watt(state, `${id}_power_w`) ??
  (state.roles.batteries.length === 1 && id === state.roles.batteries[0] ? watt(state, 'battery_power_w') : null);

function powerOf(state: Now, id: string): number | null {
  const own = signedOf(state, id);
  if (own !== null) return Math.abs(own);
  if (id === 'unexplained') return Math.abs(watt(state, 'unexplained_w') ?? 0);
  if (id !== 'loss' && id !== 'standby') return null;
  let sum = 0;
  for (const [key, value] of Object.entries(state)) if (key.endsWith(`_to_${id}_w`) && typeof value === 'number') sum += value;
  return sum;
}

function noteOf(state: Now, id: string): string {
  const w = signedOf(state, id);
  if (id === 'grid' && w !== null && Math.abs(w) >= 1) return t(w > 0 ? 'importing' : 'exporting');
  if (!state.roles.batteries.includes(id)) return '';
  const soc = socOf(state, id);
  // An arrow says the direction where a word would not fit into the ring.
  return `${soc === null ? '' : percent(soc)}${w !== null && Math.abs(w) >= 5 ? (w > 0 ? ' ▾' : ' ▴') : ''}`;
}
