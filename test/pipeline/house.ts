// A small simulated house with books of its own: what the pipeline is measured against. Pure and seeded.

import type {Reading} from '../../src/core/reading.ts';
import type {ChannelRef, Site} from '../../src/core/site.ts';

export type Instant = {solarW: number; loadW: number; batteryW: number; gridW: number};
export type Counters = {import: number; export: number; solar: number; charge: number; discharge: number};

export function random(seed: number): () => number {
  let state = seed >>> 0 || 1;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

/** `days` of a house at 1 s: clouds, appliances, a thermostat, a battery that follows with a lag, night charging and evening export. */
export function simulate(seconds: number, seed: number, startHour = 0): {at: Instant[]; counters: Counters[]} {
  const next = random(seed);
  const at: Instant[] = [];
  const counters: Counters[] = [];
  const sums: Counters = {import: 0, export: 0, solar: 0, charge: 0, discharge: 0};
  let cloud = 1;
  let cloudUntil = 0;
  let appliance = 0;
  let applianceUntil = 0;
  let soc = 4000;
  let battery = 0;
  for (let t = 0; t < seconds; t++) {
    const hour = (startHour + t / 3600) % 24;
    if (t >= cloudUntil) {
      cloud = [1, 0.95, 0.35, 0.25][Math.floor(next() * 4)] ?? 1;
      cloudUntil = t + 15 + Math.floor(next() * 90);
    }
    if (t >= applianceUntil) {
      appliance = next() < 0.3 ? 90 + next() * 3100 : 0;
      applianceUntil = t + 10 + Math.floor(next() * 400);
    }
    const sun = Math.max(0, Math.sin(((hour - 6) / 12) * Math.PI));
    const solarW = Math.round(hour > 6 && hour < 18 ? 6000 * sun * cloud : 0);
    const loadW = Math.round(180 + appliance + (t % 1500 < 500 ? 150 : 0) + (hour >= 17 && hour < 21 ? 900 : 0));
    let wanted = loadW - solarW;
    if (hour < 3) wanted = -1500;
    if (hour >= 19 && hour < 20) wanted = 3000;
    wanted = Math.max(-3500, Math.min(3500, wanted));
    if (soc >= 10_000 && wanted < 0) wanted = 0;
    if (soc <= 500 && wanted > 0) wanted = 0;
    battery += Math.round((wanted - battery) / 2);
    const gridW = loadW - solarW - battery;
    soc += battery < 0 ? (-battery * 0.95) / 3600 : -battery / 0.95 / 3600;
    sums.import += Math.max(0, gridW) / 3600;
    sums.export += Math.max(0, -gridW) / 3600;
    sums.solar += solarW / 3600;
    sums.charge += Math.max(0, -battery) / 3600;
    sums.discharge += Math.max(0, battery) / 3600;
    at.push({solarW, loadW, batteryW: battery, gridW});
    counters.push({...sums});
  }
  return {at, counters};
}

const ref = (device: string, part: string, id: string, ...points: string[]): ChannelRef => ({device, part, id, side: 'ac', points});

/** A house of a grid meter, a PV inverter and an AC battery. */
export function siteOf(change: Partial<Site['flows']> = {}, pollEveryMs = 2000): Site {
  return {
    id: 'home',
    name: 'Test',
    timezone: 'Europe/Berlin',
    currency: 'EUR',
    pollEveryMs,
    map: {
      grid: {
        meter: ref('meter', 'meter', 'grid', 'power_w', 'import_energy_wh', 'export_energy_wh'),
        at: 'grid',
        state: null,
        energyNetting: 'net',
      },
      hybrids: [],
      solar: [ref('pv', 'inverter', 'pv', 'power_w', 'energy_wh')],
      wind: [],
      generator: [],
      batteries: [ref('bat', 'battery', 'battery', 'power_w', 'soc_pct', 'charge_energy_wh', 'discharge_energy_wh')],
      loads: [],
      home: null,
      cascade: null,
    },
    flows: {
      policy: 'solar-first',
      netting: 'net',
      withdrawal: 'proportional',
      sourceOrder: [],
      sinkOrder: [],
      efficiencyPpm: 850_000,
      limitsW: {},
      sigma: {},
      ageMs: {},
      ...change,
    },
  };
}

/** Registers cut to their resolution, Wh. */
export const cut = (wh: number, resolutionWh: number): number => Math.floor(wh / resolutionWh + 1e-9) * resolutionWh;

/** What a poll at house second `t` reads; the inverter and the battery a moment later than the meter, the counters once a minute and at each quarter hour. */
export function readingsAt(
  house: ReturnType<typeof simulate>,
  t: number,
  monoMs: number,
  options: {skewMs: number; counters: boolean; resolutionWh: number},
): Reading[] {
  const last = house.at.length - 1;
  const at = (second: number): Instant => house.at[Math.max(0, Math.min(last, second))] as Instant;
  const counter = (second: number): Counters => house.counters[Math.max(0, Math.min(last, second))] as Counters;
  const later = Math.round(options.skewMs / 1000);
  const good = (device: string, point: string, value: number, offsetMs: number): Reading => ({
    device,
    point,
    measured: {kind: 'good', value, monoMs: monoMs + offsetMs},
  });
  const readings = [
    good('meter', 'meter.power_w', at(t).gridW, 0),
    good('pv', 'inverter.power_w', at(t + later).solarW, options.skewMs),
    good('bat', 'battery.power_w', at(t + later).batteryW, options.skewMs),
  ];
  if (options.counters) {
    const r = options.resolutionWh;
    readings.push(
      good('meter', 'meter.import_energy_wh', cut(counter(t).import, r), 0),
      good('meter', 'meter.export_energy_wh', cut(counter(t).export, r), 0),
      good('pv', 'inverter.energy_wh', cut(counter(t + later).solar, r), options.skewMs),
      good('bat', 'battery.charge_energy_wh', cut(counter(t + later).charge, r), options.skewMs),
      good('bat', 'battery.discharge_energy_wh', cut(counter(t + later).discharge, r), options.skewMs),
    );
  }
  return readings;
}
