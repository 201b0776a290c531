// The house that the store is measured with: five devices of forty points, every figure following from the second of the day.

import type {SlotCell} from '../src/core/flow/model.ts';
import type {Reading} from '../src/core/reading.ts';
import type {TickRecord} from '../src/core/sink.ts';

export const DEVICES = 5;
export const POINTS = 40;
export const POLL_S = 5;
export const COMMIT_S = 60;
export const DAY_S = 86_400;
/** Local midnight. */
export const START_MS = Date.parse('2026-05-31T22:00:00Z');
export const ZONE = 'Europe/Berlin';

/**
 * `house`: an inverter that sleeps at night, a battery, a meter, a heat pump in cycles and a wallbox for the evening; a third of the points
 * are limits and settings that stand still. `busy`: every point of every device moves with every poll, all day.
 */
export type Kind = 'house' | 'busy';

// biome-ignore format: a list
export const NAMES = [
  'inverter.power_w', 'inverter.voltage_l1_v', 'inverter.voltage_l2_v', 'inverter.voltage_l3_v', 'inverter.current_l1_a', 'inverter.current_l2_a',
  'inverter.current_l3_a', 'inverter.power_l1_w', 'inverter.power_l2_w', 'inverter.power_l3_w', 'inverter.frequency_hz', 'inverter.temperature_c',
  'inverter.power_factor', 'inverter.apparent_power_va', 'grid.power_w', 'grid.power_l1_w', 'grid.power_l2_w', 'grid.power_l3_w', 'grid.voltage_l1_v',
  'grid.voltage_l2_v', 'grid.voltage_l3_v', 'grid.current_l1_a', 'grid.current_l2_a', 'grid.current_l3_a', 'battery.power_w', 'battery.soc_pct',
  'battery.voltage_v', 'battery.current_a', 'battery.temperature_c', 'pv.power_w', 'pv.string1_power_w', 'pv.string1_voltage_v', 'pv.string1_current_a',
  'pv.string2_power_w', 'pv.string2_voltage_v', 'pv.string2_current_a', 'grid.import_energy_wh', 'grid.export_energy_wh', 'pv.energy_wh',
  'battery.charge_energy_wh',
].slice(0, POINTS);

/** Share of its power that a device runs at: of the sun, the battery, the house, a heat pump, a car. */
function activity(device: number, t: number): number {
  const hour = (t / 3600) % 24;
  const sun = Math.max(0, Math.sin(((hour - 5.5) / 15) * Math.PI));
  return [sun, hour > 9 && hour < 23 ? 0.4 : 0, 0.3 + 0.2 * sun, t % 5400 < 1500 ? 1 : 0, hour > 18 && hour < 21 ? 1 : 0][device] ?? 0;
}

export function readingsAt(t: number, kind: Kind): Reading[] {
  const list: Reading[] = [];
  for (let device = 0; device < DEVICES; device++) {
    const active = kind === 'busy' ? 1 : activity(device, t);
    NAMES.forEach((point, index) => {
      const still = kind === 'house' && index % 3 === 2;
      const wave = still ? 0 : Math.sin(t / (97 + 13 * index) + device);
      const noise = still || active === 0 ? 0 : (t * 7919 + index) % 41;
      const value = point.endsWith('energy_wh')
        ? Math.floor(10_000_000 + t * 0.4 * active + device)
        : /_(w|va)$/.test(point)
          ? Math.round(active * (2500 + 2400 * wave) + noise)
          : point.endsWith('_v')
            ? Math.round((232 + 3 * wave) * 10) / 10
            : Math.round((20 + 10 * wave) * (point.endsWith('_a') ? active : 1) * 100) / 100;
      list.push({device: `device${device}`, point, measured: {kind: 'good', value, monoMs: t * 1000}});
    });
  }
  return list;
}

const CELLS: readonly [string, string, string][] = [
  ['solar', 'direct', 'home'],
  ['solar', 'direct', 'battery'],
  ['solar', 'direct', 'grid'],
  ['grid', 'direct', 'home'],
  ['solar', 'battery', 'home'],
  ['grid', 'battery', 'home'],
];
const cells = (n: number): SlotCell[] =>
  CELLS.map(([origin, via, sink], index) => ({
    origin: origin as SlotCell['origin'],
    via,
    source: via === 'direct' ? origin : via,
    sink,
    energyMilliWh: 1000 * (index + 1) + (n % 977),
    label: (sink === 'home'
      ? origin === 'grid'
        ? 'imported'
        : 'btm_consumed'
      : sink === 'battery'
        ? 'stored'
        : 'exported') as SlotCell['label'],
  }));
const TOTALS = ['grid_import', 'grid_export', 'solar', 'battery_charge', 'battery_discharge', 'home'];

export function recordAt(t: number, kind: Kind = 'house'): TickRecord {
  const startMs = START_MS + Math.floor(t / 900) * 900_000;
  const due = t % COMMIT_S === 0;
  return {
    tick: {seq: t / POLL_S, monoMs: t * 1000, wallMs: START_MS + t * 1000},
    readings: readingsAt(t, kind),
    board: new Map(),
    nodes: [],
    slots: due
      ? [
          {
            slot: {kind: 'utc', startMs},
            closed: t % 900 === 0,
            cells: {'solar-first': cells(t), proportional: cells(t + 1)},
            totals: TOTALS.map(name => ({name, energyMilliWh: t, rawMilliWh: t, counterWh: 1000 + t, quality: []})),
            quality: [],
            reason: null,
            bounds: null,
          },
        ]
      : [],
    events: [],
    state: null,
    energy: due ? {ts: new Date(START_MS + t * 1000).toISOString(), grid_import_kwh: t} : null,
    day: null,
    flowState: due ? JSON.stringify({t, filler: 'x'.repeat(4000)}) : null,
  };
}
