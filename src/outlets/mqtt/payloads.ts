// What stands in the messages: flat JSON, numbers in the unit of the key, null for what is not known. Pure.

import type {Board} from '../../core/board.ts';
import type {FlowEvent, SiteEnergy} from '../../core/flow/model.ts';
import type {DeviceHealth, Health} from '../../core/health.ts';
import type {Reading} from '../../core/reading.ts';
import type {Site} from '../../core/site.ts';
import {utcText} from '../../core/time.ts';
import {VERSION} from '../../core/version.ts';
import {parsePoint, pointInfo, pointKey} from '../../core/vocabulary.ts';
import {type Counted, type Energies, isCount} from './floors.ts';

/** The board's readings by device. */
export function byDevice(board: Board): ReadonlyMap<string, readonly Reading[]> {
  const devices = new Map<string, Reading[]>();
  for (const reading of board.values()) {
    const list = devices.get(reading.device);
    if (list) list.push(reading);
    else devices.set(reading.device, [reading]);
  }
  return devices;
}

/** `device/ID/state`: every point of the device, with the time of the tick. */
export function deviceState(readings: readonly Reading[], wallMs: number): string {
  const state: Record<string, number | string | null> = {ts: utcText(wallMs)};
  for (const {point, measured} of readings) state[pointKey(point)] = measured.kind === 'missing' ? null : measured.value;
  return JSON.stringify(state);
}

/** `grid.import_energy_wh` is `grid_import_energy_kwh` in `device/ID/energy`. */
export const energyKey = (point: string): string => pointKey(point).replace(/_wh$/, '_kwh');
const isCounter = (point: string): boolean => parsePoint(point) !== null && pointInfo(point).behaves === 'counter';

/** A lifetime counter: its key in `device/ID/energy`, the register in kWh, and when it was read. */
type CounterReading = {readonly key: string; readonly kwh: number; readonly monoMs: number};

/** Lifetime counters of a device that were read well. */
export function deviceCounters(readings: readonly Reading[]): CounterReading[] {
  const counters: CounterReading[] = [];
  for (const {point, measured} of readings)
    if (isCounter(point) && measured.kind === 'good' && typeof measured.value === 'number')
      counters.push({key: energyKey(point), kwh: Math.round(measured.value * 1000) / 1_000_000, monoMs: measured.monoMs});
  return counters;
}

/** `device/ID/energy`: what is not known of a counter yet is null, since Home Assistant complains of each key that is not there. */
export const deviceEnergy = (points: readonly string[], told: Energies, wallMs: number): string =>
  JSON.stringify({
    ts: utcText(wallMs),
    ...Object.fromEntries(points.filter(isCounter).map(point => [energyKey(point), null])),
    ...told,
  });

export const bridgeInfo = (site: Site, startedMs: number, protocol: 4 | 5): string =>
  JSON.stringify({
    schema: 1,
    version: VERSION,
    started_at: utcText(startedMs),
    site: {id: site.id, name: site.name, timezone: site.timezone, currency: site.currency},
    mqtt: {protocol},
  });

export const bridgeDevices = (devices: readonly DeviceHealth[]): string =>
  JSON.stringify(
    devices.map(({id, identity, points}) => ({
      id,
      profile: identity.profile,
      unit: identity.unit,
      manufacturer: identity.manufacturer,
      model: identity.model,
      serial: identity.serial,
      firmware: identity.firmware,
      points: points.map(point => ({name: point, key: pointKey(point), unit: pointInfo(point).unit})),
    })),
  );

export const bridgeHealth = (health: Health): string =>
  JSON.stringify({
    ts: utcText(health.tick.lastMs),
    ok: health.ok,
    problem: !health.ok,
    problems: health.problems,
    version: health.version,
    uptime_s: health.uptimeS,
    rss_mb: health.rssMb,
    clock: health.clock,
    tick: {
      seq: health.tick.seq,
      every_ms: health.tick.everyMs,
      last: utcText(health.tick.lastMs),
      late_ms: health.tick.lateMs,
      missed: health.tick.missed,
    },
    devices: Object.fromEntries(
      health.devices.map(({id, state, polls, faults, latencyMs, lastFault, lastGoodMs}) => [
        id,
        {state, polls, faults, latency_ms: latencyMs, last_fault: lastFault, last_good: lastGoodMs === null ? null : utcText(lastGoodMs)},
      ]),
    ),
    links: health.links.map(({busLoad, latencyMs, lastError, ...link}) => ({
      ...link,
      bus_load: busLoad,
      latency_ms: latencyMs,
      last_error: lastError,
    })),
    outlets: health.sinks.map(({lastError, ...outlet}) => ({...outlet, last_error: lastError})),
    store: health.store,
  });

/** What of an energy message is energy. */
export const energiesOf = (energy: SiteEnergy): Energies =>
  Object.fromEntries(
    Object.entries(energy).filter((entry): entry is [string, number] => entry[0].endsWith('_kwh') && typeof entry[1] === 'number'),
  );

/** The energies of a message that was published earlier; none where it cannot be read. */
export function energiesIn(payload: string): Energies {
  try {
    return Object.fromEntries(Object.entries(energiesOf(JSON.parse(payload) as SiteEnergy)).filter(([, kwh]) => isCount(kwh)));
  } catch {
    return {};
  }
}

const COUNTER_TEXTS: Readonly<Record<NonNullable<Counted['note']>, string>> = {
  'held-back': 'does not go on from its last value; what is published waits',
  replaced: 'counts anew; what is published goes on from its last value',
  returned: 'is back where it was',
};

/** `bridge/event` messages. */
export const bridgeEvent = {
  flow: (wallMs: number, {kind, about, detail, evidence}: FlowEvent): string =>
    JSON.stringify({ts: utcText(wallMs), kind, about, detail, ...(evidence ? {evidence} : {})}),
  counter: (wallMs: number, device: string, key: string, registerKwh: number, {note, kwh}: Counted): string =>
    JSON.stringify({
      ts: utcText(wallMs),
      kind: `counter-${note}`,
      about: device,
      detail: `${device}: ${key} ${note === null ? '' : COUNTER_TEXTS[note]}`,
      evidence: {key, register_kwh: registerKwh, published_kwh: kwh},
    }),
} as const;
