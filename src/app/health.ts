// Health put together from those who know it; the same value feeds the page, MQTT, metrics and systemd.

import type {DeviceHealth, Health} from '../core/health.ts';
import {type Said, say} from '../core/sentences/say.ts';
import type {SinkHealth} from '../core/sink.ts';
import type {Clock} from '../core/time.ts';
import {VERSION} from '../core/version.ts';
import type {HouseLink} from './house.ts';

type HealthSources = {
  readonly clock: Clock;
  readonly startedMs: number;
  readonly everyMs: number;
  readonly devices: () => readonly DeviceHealth[];
  readonly links: () => readonly HouseLink[];
  readonly sinks: () => readonly SinkHealth[];
  readonly store: () => Health['store'];
  readonly beat: Beat;
  readonly trusted: () => boolean;
};

/** What the heartbeat leaves behind for others to judge it by. */
export type Beat = {seq: number; lastMonoMs: number; lastWallMs: number; lateMs: number; missed: number; clockSteps: number};

/** Ticks without which the daemon is not well. */
const LATE_BEATS = 5;

export function readHealth(sources: HealthSources): Health {
  const {clock, beat, everyMs} = sources;
  const devices = sources.devices();
  const sinks = sources.sinks();
  const store = sources.store();
  const problems: Said[] = [];
  const silentMs = clock.monoMs() - beat.lastMonoMs;
  if (beat.seq > 0 && silentMs > Math.max(LATE_BEATS * everyMs, 30_000))
    problems.push(say('no tick for {s} s', {s: Math.round(silentMs / 1000)}));
  for (const device of devices) {
    if (device.state === 'lost')
      problems.push(say('{device}: no answer ({fault})', {device: device.id, fault: device.lastFault ?? say('no reason known')}));
  }
  for (const sink of sinks) {
    if (sink.state === 'failing') problems.push(say('{name}: {trouble}', {name: sink.name, trouble: sink.lastError ?? say('failing')}));
  }
  // The same once: a store that fails says so as an outlet already.
  if (store && typeof store['problem'] === 'string') problems.push(say('{name}: {trouble}', {name: 'store', trouble: store['problem']}));
  return {
    ok: problems.length === 0,
    problems: [...new Set(problems)],
    version: VERSION,
    startedMs: sources.startedMs,
    uptimeS: Math.round((clock.wallMs() - sources.startedMs) / 1000),
    rssMb: Math.round(process.memoryUsage.rss() / 1e5) / 10,
    tick: {seq: beat.seq, everyMs, lastMs: beat.lastWallMs, lateMs: beat.lateMs, missed: beat.missed},
    devices,
    links: sources.links().map(({faults: _, ...link}) => link),
    sinks,
    store,
    clock: {trusted: sources.trusted(), steps: beat.clockSteps},
  };
}
