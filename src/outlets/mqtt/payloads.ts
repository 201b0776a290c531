// What stands in the messages: flat JSON, numbers in the unit of the key, null for what is not known. Pure.

import type {Board} from '../../core/board.ts';
import type {SiteEnergy} from '../../core/flow/model.ts';
import type {DeviceHealth, Health} from '../../core/health.ts';
import type {Reading} from '../../core/reading.ts';
import type {Site} from '../../core/site.ts';
import {utcText} from '../../core/time.ts';
import {VERSION} from '../../core/version.ts';
import {parsePoint, pointInfo, pointKey} from '../../core/vocabulary.ts';

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
export const isCounter = (point: string): boolean => parsePoint(point) !== null && pointInfo(point).behaves === 'counter';

/** Lifetime counters of a device in Wh, as far as they are known now. */
export function deviceCounters(readings: readonly Reading[]): ReadonlyMap<string, number> {
  const counters = new Map<string, number>();
  for (const {point, measured} of readings)
    if (isCounter(point) && measured.kind === 'good' && typeof measured.value === 'number') counters.set(point, measured.value);
  return counters;
}

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
    tick: health.tick,
    devices: Object.fromEntries(
      health.devices.map(({id, state, polls, faults, latencyMs, lastFault, lastGoodMs}) => [
        id,
        {state, polls, faults, latency_ms: latencyMs, last_fault: lastFault, last_good: lastGoodMs === null ? null : utcText(lastGoodMs)},
      ]),
    ),
    links: health.links,
    outlets: health.sinks,
    store: health.store,
  });

/** Keys of an energy message that are energies. */
export const energies = (energy: SiteEnergy): [string, number][] =>
  Object.entries(energy).filter((entry): entry is [string, number] => entry[0].endsWith('_kwh') && typeof entry[1] === 'number');
