// The flow picture: a ring for each node, a band for each flow; a ring is broken where its value is old or unknown.

import {ageOf, type Fresh, freshnessOf, type Now, watt} from '../data.ts';
import {Scroll} from '../scroll.tsx';
import type {TextKey} from '../text/en.ts';
import {duration, nameOf, percent, short, shortWatts, t, watts} from '../text.ts';
import {type FlowNode, flowPicture, type Label, NARROW, WIDE} from './flow.ts';
import {iconOf} from './icons.ts';
import {colour} from './patterns.tsx';
import {narrow} from './size.ts';

/** What a colour and its dashes say. */
export const LABELS = {
  own: 'btm_consumed',
  earlier: 'earlierGiven',
  unknown: 'unknownGiven',
  stored: 'stored',
  exported: 'exported',
  imported: 'imported',
  unexplained: 'unexplained',
  lost: 'lost',
} as const satisfies Record<Label, TextKey>;

type Props = {readonly state: Now; readonly /** A ring was touched. */ onNode: (id: string) => void};

export function FlowChart({state, onNode}: Props) {
  const {batteries, loads} = state.roles;
  const picture = flowPicture(state, batteries, loads, narrow.value ? NARROW : WIDE);
  const words = picture.edges.map(edge => `${nameOf(edge.from)} → ${nameOf(edge.to)} ${watts(edge.w)}`).join(', ');
  return (
    <figure class="flow">
      <svg viewBox={`0 0 ${picture.width} ${picture.height}`} role="img" aria-label={words || t('idle')}>
        {picture.edges.map(edge => (
          <g key={`${edge.from}-${edge.to}-${edge.label}`} class={`edge ${edge.label}`}>
            <title>{`${nameOf(edge.from)} → ${nameOf(edge.to)} ${watts(edge.w)}`}</title>
            <path d={edge.path} class="bed" stroke-width={edge.width} />
            <path
              d={edge.path}
              class="stream"
              stroke-width={Math.max(2.5, Math.min(7, edge.width * 0.4))}
              style={{animationDuration: `${edge.seconds}s`}}
            />
            <path d={edge.arrow} class="arrow" />
          </g>
        ))}
        {picture.nodes.map(node => (
          <Ring key={`${node.id} ${node.side}`} node={node} radius={picture.radius} state={state} onNode={onNode} />
        ))}
      </svg>
      <details>
        <summary>{t('table')}</summary>
        <Scroll name={t('table')}>
          <table class="numbers">
            <thead>
              <tr>
                <th scope="col">{t('source')}</th>
                <th scope="col">{t('sink')}</th>
                <th scope="col">{t('label')}</th>
                <th scope="col">{t('power')}</th>
              </tr>
            </thead>
            <tbody>
              {picture.edges.map(edge => (
                <tr key={`${edge.from}-${edge.to}-${edge.label}`}>
                  <th scope="row">{nameOf(edge.from)}</th>
                  <td>{nameOf(edge.to)}</td>
                  <td>{t(LABELS[edge.label])}</td>
                  <td>{watts(edge.w)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </Scroll>
      </details>
    </figure>
  );
}

type RingProps = {readonly node: FlowNode; readonly radius: number; readonly state: Now; readonly onNode: (id: string) => void};

function Ring({node, radius, state, onNode}: RingProps) {
  const {id, kind, side, x, y, active} = node;
  const fresh = freshnessOf(state, id);
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: a short way by hand to the list below, which the keyboard reaches
    <g class={`node ${kind} ${id} ${fresh} ${active ? '' : 'idle'}`} transform={`translate(${x} ${y})`} onClick={() => onNode(id)}>
      <circle r={radius} class="ring" />
      {kind === 'battery' && <Charge state={state} id={id} radius={radius} />}
      <path d={iconOf(id, kind)} class="icon" transform={`translate(-10 ${-radius * 0.42 - 12}) scale(.84)`} />
      <text class="power" y="9">
        {shortWatts(powerOf(state, node))}
      </text>
      <text class="note" y={radius * 0.6}>
        {noteOf(state, id, fresh)}
      </text>
      <text class="name" y={side === 'top' ? -radius - 9 : radius + 19}>
        {short(nameOf(id), narrow.value ? 11 : 15)}
      </text>
    </g>
  );
}

/** The ring fills with the state of charge; what is on record of its origin is told apart by colour, and in words below. */
function Charge({state, id, radius}: {readonly state: Now; readonly id: string; readonly radius: number}) {
  const pct = socOf(state, id);
  if (pct === null) return null;
  const around = 2 * Math.PI * radius;
  const mix = Object.entries(state.stored[id] ?? {}).filter(([, wh]) => wh > 0);
  const sum = mix.reduce((total, [, wh]) => total + wh, 0);
  let at = 0;
  return (
    <g transform="rotate(-90)">
      {(sum > 0 ? mix : [['battery', 1] as const]).map(([origin, wh]) => {
        const long = (around * pct * (sum > 0 ? wh / sum : 1)) / 100;
        at += long;
        return (
          <circle
            key={origin}
            r={radius}
            class={`soc ${colour(origin)}`}
            stroke-dasharray={`${long.toFixed(1)} ${around.toFixed(1)}`}
            stroke-dashoffset={(long - at).toFixed(1)}
          />
        );
      })}
    </g>
  );
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

function powerOf(state: Now, {id, side}: FlowNode): number | null {
  const own = signedOf(state, id);
  if (own !== null) return Math.abs(own);
  if (!['unexplained', 'loss', 'standby'].includes(id)) return null;
  const cell = side === 'top' ? new RegExp(`^${id}_to_.+_w$`) : new RegExp(`_to_${id}_w$`);
  return Object.entries(state).reduce((sum, [key, value]) => sum + (cell.test(key) && typeof value === 'number' ? value : 0), 0);
}

/** What the ring says below its number: how old it is where that matters, else which way, or how full. */
function noteOf(state: Now, id: string, fresh: Fresh): string {
  const w = signedOf(state, id);
  const told = state.freshness[id];
  const age = told ? ageOf(told) : null;
  if (fresh === 'asleep') return t('asleep_');
  if (fresh === 'held' && age !== null) return t('ago', {time: duration(age)});
  if (fresh === 'missing') return t('missing');
  if (id === 'grid' && w !== null && Math.abs(w) >= 1) return t(w > 0 ? 'importing' : 'exporting');
  if (!state.roles.batteries.includes(id)) return '';
  const soc = socOf(state, id);
  // An arrow says the direction where a word would not fit into the ring.
  return `${soc === null ? '' : percent(soc)}${w !== null && Math.abs(w) >= 5 ? (w > 0 ? ' ▾' : ' ▴') : ''}`;
}
