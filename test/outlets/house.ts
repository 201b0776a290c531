// A small house as the outlets see it: its site, its health, one beat.

import type {Board} from '../../src/core/board.ts';
import type {Health} from '../../src/core/health.ts';
import type {TickRecord} from '../../src/core/sink.ts';
import type {Site} from '../../src/core/site.ts';
import {siteOf} from '../pipeline/house.ts';

const ref = (device: string, part: string, id: string) => ({device, part, id, side: 'ac' as const, points: ['power_w', 'soc_pct']});
export const SITE: Site = {
  ...siteOf({}, 1000),
  id: 'house',
  name: 'Our house',
  map: {
    ...siteOf().map,
    grid: {meter: ref('meter', 'meter', 'grid'), at: 'grid', state: null, energyNetting: 'net'},
    solar: [ref('roof', 'inverter', 'roof')],
    batteries: [ref('wall', 'battery', 'battery')],
    loads: [ref('pump', 'meter', 'heat_pump')],
  },
};
const device = (id: string, points: readonly string[]) => ({
  id,
  link: 'bus',
  identity: {profile: 'eastron-sdm630', unit: 1, manufacturer: 'Eastron', model: 'SDM630', serial: '4711', firmware: null},
  state: 'good' as const,
  sinceMs: 0,
  lastGoodMs: 1,
  polls: 1,
  faults: {},
  latencyMs: 5,
  lastFault: null,
  points,
});
export const HEALTH: Health = {
  ok: true,
  problems: [],
  version: '0',
  startedMs: 0,
  uptimeS: 1,
  rssMb: 50,
  tick: {seq: 1, everyMs: 1000, lastMs: 0, lateMs: 0, missed: 0},
  devices: [
    device('meter', [
      'meter.power_w',
      'meter.power_l1_w',
      'meter.voltage_l1_v',
      'meter.import_energy_wh',
      'meter.frequency_hz',
      'meter.power_factor',
    ]),
  ],
  links: [],
  sinks: [],
  store: null,
  clock: {trusted: true, steps: 0},
};

/** A beat in which only the import grows. */
export function record(seq: number, importKwh: number): TickRecord {
  const wallMs = Date.UTC(2026, 10, 24, 12) + seq * 1000;
  const ts = new Date(wallMs).toISOString();
  const good = (value: number) => ({kind: 'good' as const, value, monoMs: seq * 1000});
  const board: Board = new Map(
    [
      ['meter.power_w', 420.5],
      ['meter.import_energy_wh', importKwh * 1000],
    ].map(([point, value]) => [`meter/${point}`, {device: 'meter', point: point as string, measured: good(value as number)}]),
  );
  return {
    tick: {seq, monoMs: seq * 1000, wallMs},
    readings: [],
    board,
    nodes: [],
    slots: [],
    events: [],
    state: {
      ts,
      grid_power_w: 420.5,
      solar_power_w: 0,
      battery_power_w: 0,
      home_power_w: 420.5,
      battery_soc_pct: 55,
      grid_to_home_w: 420.5,
      btm_consumed_w: 0,
      unexplained_w: 0,
      quality: 'ok',
      skew_ms: 12,
      reason: null,
    },
    energy: {
      ts,
      grid_import_kwh: importKwh,
      grid_export_kwh: 0,
      solar_kwh: 1,
      battery_charge_kwh: 1,
      battery_discharge_kwh: 1,
      home_kwh: 2,
      grid_to_home_kwh: 1,
      solar_via_battery_to_home_kwh: 0.5,
    },
    day: {ts, day: '2026-11-24', home_kwh: 1, self_sufficiency_pct: 50},
    flowState: null,
  };
}
