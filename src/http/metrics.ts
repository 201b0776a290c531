// The house and the daemon as Prometheus metrics (text format 0.0.4, names by its conventions). Pure.

import type {Health} from '../core/health.ts';
import type {TickRecord} from '../core/sink.ts';
import {VERSION} from '../core/version.ts';

type Labels = Readonly<Record<string, string>>;

/** The page of metrics. */
export function metricsText(record: TickRecord | null, health: Health): string {
  const lines: string[] = [];
  const metric = (name: string, type: 'gauge' | 'counter', help: string, samples: readonly (readonly [Labels, number | null])[]): void => {
    const known = samples.filter((sample): sample is readonly [Labels, number] => sample[1] !== null && Number.isFinite(sample[1]));
    if (known.length === 0) return;
    lines.push(`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`);
    for (const [labels, value] of known) lines.push(`${name}${labelText(labels)} ${value}`);
  };
  const state = record?.state ?? {};
  const entries = (end: string, of: Readonly<Record<string, number | string | null>>): [string, number | null][] =>
    Object.entries(of)
      .filter(([key]) => key.endsWith(end))
      .map(([key, value]) => [key.slice(0, -end.length), typeof value === 'number' ? value : null]);

  metric('wattledger_info', 'gauge', 'Version of the daemon.', [[{version: VERSION}, 1]]);
  metric(
    'wattledger_power_watts',
    'gauge',
    'Power into the AC bus: grid + import, battery + discharge; loads as magnitudes.',
    entries('_power_w', state).map(([channel, value]) => [{channel}, value]),
  );
  metric(
    'wattledger_flow_watts',
    'gauge',
    'Power from a source to a sink.',
    entries('_w', state)
      .filter(([key]) => key.includes('_to_'))
      .map(([key, value]) => {
        const [source = '', sink = ''] = key.split('_to_');
        return [{source, sink}, value];
      }),
  );
  metric('wattledger_unexplained_watts', 'gauge', 'Power that appears from nowhere (+) or vanishes (-).', [
    [{}, typeof state['unexplained_w'] === 'number' ? state['unexplained_w'] : null],
  ]);
  metric(
    'wattledger_battery_charge_ratio',
    'gauge',
    'State of charge, 0 to 1.',
    entries('_soc_pct', state).map(([battery, pct]) => [{battery}, pct === null ? null : pct / 100]),
  );
  metric(
    'wattledger_energy_watthours_total',
    'counter',
    'Lifetime energy by total or cell.',
    entries('_kwh', record?.energy ?? {}).map(([name, kwh]) => [{name}, kwh === null ? null : Math.round(kwh * 1e6) / 1000]),
  );

  metric(
    'wattledger_device_up',
    'gauge',
    '1 while the device answers.',
    health.devices.map(({id, state: now}) => [{device: id}, now === 'good' || now === 'partial' ? 1 : 0]),
  );
  metric(
    'wattledger_device_last_success_timestamp_seconds',
    'gauge',
    'Time of the last good poll.',
    health.devices.map(({id, lastGoodMs}) => [{device: id}, lastGoodMs === null ? null : lastGoodMs / 1000]),
  );
  metric(
    'wattledger_device_polls_total',
    'counter',
    'Sweeps of a device.',
    health.devices.map(({id, polls}) => [{device: id}, polls]),
  );
  metric(
    'wattledger_device_faults_total',
    'counter',
    'Faults of a device by kind.',
    health.devices.flatMap(({id, faults}) => Object.entries(faults).map(([kind, count]): [Labels, number] => [{device: id, kind}, count])),
  );
  metric(
    'wattledger_device_latency_seconds',
    'gauge',
    'Typical time between request and answer.',
    health.devices.map(({id, latencyMs}) => [{device: id}, latencyMs === null ? null : latencyMs / 1000]),
  );
  metric(
    'wattledger_link_up',
    'gauge',
    '1 while the link is connected.',
    health.links.map(({name, state: now}) => [{link: name}, now === 'connected' ? 1 : 0]),
  );
  metric(
    'wattledger_link_requests_total',
    'counter',
    'Requests sent over a link.',
    health.links.map(({name, requests}) => [{link: name}, requests]),
  );
  metric(
    'wattledger_link_busy_ratio',
    'gauge',
    'Share of the time a bus is busy.',
    health.links.map(({name, busLoad}) => [{link: name}, busLoad]),
  );
  metric(
    'wattledger_outlet_up',
    'gauge',
    '1 while an outlet takes records.',
    health.sinks.map(({name, state: now}) => [{outlet: name}, now === 'open' ? 1 : 0]),
  );
  metric(
    'wattledger_outlet_dropped_total',
    'counter',
    'Records an outlet did not take in time.',
    health.sinks.map(({name, dropped}) => [{outlet: name}, dropped]),
  );
  metric('wattledger_ticks_total', 'counter', 'Beats since the start.', [[{}, health.tick.seq]]);
  metric('wattledger_ticks_missed_total', 'counter', 'Sweeps a bus had to skip because it was busy.', [[{}, health.tick.missed]]);
  metric('wattledger_last_tick_timestamp_seconds', 'gauge', 'Time of the last beat.', [[{}, health.tick.lastMs / 1000]]);
  metric('wattledger_clock_trusted', 'gauge', '1 while the clock is believed.', [[{}, health.clock.trusted ? 1 : 0]]);
  metric('wattledger_healthy', 'gauge', '1 while nothing is wrong.', [[{}, health.ok ? 1 : 0]]);
  metric('process_resident_memory_bytes', 'gauge', 'Resident memory.', [[{}, Math.round(health.rssMb * 1e6)]]);
  metric('process_start_time_seconds', 'gauge', 'Start of the process.', [[{}, Math.round(health.startedMs / 1000)]]);
  return `${lines.join('\n')}\n`;
}

const labelText = (labels: Labels): string => {
  const pairs = Object.entries(labels).map(
    ([key, value]) => `${key}="${value.replace(/\\/g, '\\\\').replace(/"/g, '\\"').replace(/\n/g, '\\n')}"`,
  );
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`;
};
