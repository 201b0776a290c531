// The instant behind a stored number: worked out again from the raw values by the same rules, with what each device said and where it stands
// in its registers.

import type {DeviceConfig} from '../config/load.ts';
import {advance, createFlow, type FlowState} from '../core/flow/advance.ts';
import type {Sample} from '../core/flow/align.ts';
import {type Channel, houseOf} from '../core/flow/channels.ts';
import type {FlowNode} from '../core/flow/model.ts';
import {fieldsOf} from '../core/planner.ts';
import type {Field} from '../core/profile.ts';
import type {Reading} from '../core/reading.ts';
import type {Policy, Site} from '../core/site.ts';
import type {Reader} from '../store/queries.ts';

/** Raw values from this long before are needed to know where the house came from, and so long after to bring readings to one moment. */
const BEFORE_POLLS = 60;
const AFTER_POLLS = 5;
const MOST_ROWS = 2000;

/** Signed into the bus, loads and the house against it; mW. `before` and `after`: the samples around the instant, UTC ms. */
type Aligned = {
  readonly channel: string;
  readonly device: string;
  readonly point: string;
  readonly registers: string;
  readonly before: Sample | null;
  readonly after: Sample | null;
  /** After balancing; null where it is no channel of its own in the picture. */
  readonly balancedMilliW: number | null;
};
export type ExplainedInstant = {readonly node: FlowNode; readonly atMs: number; readonly aligned: readonly Aligned[]};

/** The instant nearest to `atMs`, or null where no raw values are left of that time. */
export function explainInstant(reader: Reader, site: Site, devices: readonly DeviceConfig[], atMs: number): ExplainedInstant | null {
  const aged = withLearnedAges(reader, site, atMs);
  const pollMs = Math.max(1000, aged.pollEveryMs);
  const byTime = readingsBetween(reader, aged, atMs - BEFORE_POLLS * pollMs, atMs + AFTER_POLLS * pollMs);
  let state = createFlow(aged, 'explained');
  let best: FlowNode | null = null;
  let seq = 0;
  for (const [ms, readings] of byTime) {
    const step = advance(aged, state, {
      tick: {seq: seq++, monoMs: ms, wallMs: ms},
      readings,
      clockTrusted: true,
      flush: false,
      totals: false,
    });
    state = step.state;
    for (const node of step.nodes) if (!best || Math.abs(node.monoMs - atMs) < Math.abs(best.monoMs - atMs)) best = node;
    if (best && step.nodes.some(node => node.monoMs >= atMs)) break;
  }
  if (!best || Math.abs(best.monoMs - atMs) > AFTER_POLLS * pollMs) return null;
  const node = best;
  return {node, atMs: node.monoMs, aligned: houseOf(aged).channels.map(channel => alignedOf(channel, state, node, devices))};
}

/** Ages that the nights before had taught; what the owner has set stands. */
function withLearnedAges(reader: Reader, site: Site, atMs: number): Site {
  const learned: Record<string, number> = {};
  for (const event of reader.events({fromMs: 0, toMs: atMs, limit: 10_000})) {
    const ageMs = event.evidence?.['ageMs'];
    if (event.kind === 'age-learned' && event.about !== null && typeof ageMs === 'number') learned[event.about] ??= ageMs;
  }
  return {...site, flows: {...site.flows, ageMs: {...learned, ...site.flows.ageMs}}};
}

/** Raw rows of the mapped devices as readings, in the order of time. */
function readingsBetween(reader: Reader, site: Site, fromMs: number, toMs: number): [number, Reading[]][] {
  const byTime = new Map<number, Reading[]>();
  const {grid} = site.map;
  const names = new Set([...houseOf(site).channels.map(channel => channel.ref.device), ...(grid?.state ? [grid.state.device] : [])]);
  for (const device of names) {
    for (const {atMs, values} of reader.rawAround({device, fromMs, toMs, limit: MOST_ROWS})) {
      const list = byTime.get(atMs) ?? [];
      byTime.set(atMs, list);
      for (const [point, value] of Object.entries(values))
        if (value !== null) list.push({device, point, measured: {kind: 'good', value, monoMs: atMs}});
    }
  }
  return [...byTime].sort((a, b) => a[0] - b[0]);
}

function alignedOf(channel: Channel, state: FlowState, node: FlowNode, devices: readonly DeviceConfig[]): Aligned {
  const samples = state.samples[channel.id] ?? [];
  const point = `${channel.ref.part}.${channel.ref.points.includes('power_w') ? 'power_w' : 'power_l1_w'}`;
  return {
    channel: channel.id,
    device: channel.ref.device,
    point,
    registers: registersOf(
      devices.find(device => device.id === channel.ref.device),
      point,
    ),
    before: samples.filter(([at]) => at <= node.monoMs).at(-1) ?? null,
    after: samples.find(([at]) => at > node.monoMs) ?? null,
    balancedMilliW: node.powersMilliW[channel.id] ?? null,
  };
}

/** Where the point stands in the device: function code, address, type, scale. */
function registersOf(device: DeviceConfig | undefined, point: string): string {
  const profile = device?.profile;
  const definition = [...(profile?.variants.flatMap(variant => variant.points) ?? []), ...(profile?.points ?? [])].filter(
    one => one.name === point,
  );
  const fields = definition.flatMap(one => fieldsOf(one.source)).map(fieldText);
  if (fields.length === 0) return profile?.driver === 'sunspec' ? 'in the model list of the device (SunSpec)' : 'not in the configuration';
  const turned = definition.some(one => one.turned) ? '; turned around by the configuration' : '';
  return `${[...new Set(fields)].join('; ')}${turned}`;
}

function fieldText({fc, at, wordsAt, type, scale, offset, invert}: Field): string {
  const by = scale.kind === 'exponentAt' ? ` × 10^[${scale.at}]` : scale.by === 1 ? '' : ` × ${scale.by}`;
  const plus = offset === 0 ? '' : ` + ${offset}`;
  return `fc ${fc}, register ${(wordsAt ?? [at]).join(' and ')}, ${type}${by}${plus}${invert ? ', sign turned' : ''}`;
}

const watts = (milliW: number): string => `${(milliW / 1000).toFixed(1)} W`;

/** For people; `time` writes an instant in the site's zone. */
export function instantLines(it: ExplainedInstant, policy: Policy, cell: string | null, time: (ms: number) => string): string[] {
  const {node} = it;
  const lines = [
    '',
    `The instant ${time(it.atMs)}, worked out again from the raw values (their times are kept to the second)`,
    `  ${node.quality}${node.reason === null ? '' : `: ${node.reason}`}`,
  ];
  for (const one of it.aligned) {
    const told = (sample: Sample | null): string | null => (sample ? `${watts(sample[1])} at ${time(sample[0])}` : null);
    const exact = one.before?.[0] === it.atMs;
    const said = exact ? told(one.before) : [told(one.before), told(one.after)].filter(text => text !== null).join(' and ');
    const balanced = one.balancedMilliW === null ? '' : `; in the picture ${watts(one.balancedMilliW)}`;
    lines.push(
      `  ${one.channel.padEnd(14)} ${said || 'said nothing'}${balanced}`,
      `  ${''.padEnd(14)} ${one.device} ${one.point}: ${one.registers}`,
    );
  }
  lines.push(`  ${'home'.padEnd(14)} ${watts(node.powersMilliW['home'] ?? 0)}`);
  const matrix = node.matrix[policy] ?? {};
  for (const source in matrix)
    for (const sink in matrix[source]) {
      const name = `${source}_to_${sink}`;
      if (cell === null || name === cell) lines.push(`  ${name.padEnd(28)} ${watts(matrix[source][sink] as number)}`);
    }
  return lines;
}

export const instantJson = (it: ExplainedInstant, policy: Policy, time: (ms: number) => string): unknown => ({
  utc: time(it.atMs),
  quality: it.node.quality,
  reason: it.node.reason,
  aligned: it.aligned.map(({before, after, balancedMilliW, ...one}) => ({
    ...one,
    before: before && {utc: time(before[0]), power_w: before[1] / 1000},
    after: after && {utc: time(after[0]), power_w: after[1] / 1000},
    balanced_w: balancedMilliW === null ? null : balancedMilliW / 1000,
  })),
  home_w: (it.node.powersMilliW['home'] ?? 0) / 1000,
  cells_w: Object.fromEntries(
    Object.entries(it.node.matrix[policy] ?? {}).flatMap(([source, row]) =>
      Object.entries(row).map(([sink, milliW]) => [`${source}_to_${sink}`, milliW / 1000]),
    ),
  ),
});
