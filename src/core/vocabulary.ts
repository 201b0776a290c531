// The one table of what can be measured: the name ends in its unit, and says whether it is a gauge, a counter or a text.

import type {PollClass} from './profile.ts';

export type Unit = 'w' | 'wh' | 'v' | 'a' | 'hz' | 'pct' | 'c' | 'va' | 'var';
type QuantityInfo = {
  readonly unit: Unit | 'none';
  readonly behaves: 'gauge' | 'counter' | 'text';
  readonly label: string;
  /** Smallest step that is stored, in the unit of the name: raw tables hold whole multiples of it. */
  readonly step: number;
  /** What a home can have, in the unit of the name: outside, a register says something else (a sentinel, a swapped word). Null: anything. */
  readonly plausible: readonly [number, number] | null;
};

type Checked<T extends Record<string, QuantityInfo>> = {
  [K in keyof T]: T[K]['unit'] extends 'none' ? T[K] : K extends `${string}_${T[K]['unit']}` ? T[K] : never;
};
const vocabulary = <const T extends Record<string, QuantityInfo>>(rows: T & Checked<T>): T => rows;

/** Five megawatts either way. */
const POWER: readonly [number, number] = [-5e6, 5e6];
/** Twenty gigawatt hours: below the sentinels of 32-bit counters in steps of 10 Wh. */
const ENERGY: readonly [number, number] = [0, 2e10];

/** Quantities without their phase or string number: `power_l1_w` is `power_w` on L1, `string2_voltage_v` is `string_voltage_v`. */
export const QUANTITIES = vocabulary({
  power_w: {unit: 'w', behaves: 'gauge', label: 'Power', step: 0.1, plausible: POWER},
  energy_wh: {unit: 'wh', behaves: 'counter', label: 'Energy, lifetime', step: 1, plausible: ENERGY},
  import_energy_wh: {unit: 'wh', behaves: 'counter', label: 'Energy imported, lifetime', step: 1, plausible: ENERGY},
  export_energy_wh: {unit: 'wh', behaves: 'counter', label: 'Energy exported, lifetime', step: 1, plausible: ENERGY},
  charge_energy_wh: {unit: 'wh', behaves: 'counter', label: 'Energy charged, lifetime', step: 1, plausible: ENERGY},
  discharge_energy_wh: {unit: 'wh', behaves: 'counter', label: 'Energy discharged, lifetime', step: 1, plausible: ENERGY},
  soc_pct: {unit: 'pct', behaves: 'gauge', label: 'State of charge', step: 0.1, plausible: [0, 100]},
  capacity_wh: {unit: 'wh', behaves: 'gauge', label: 'Capacity', step: 1, plausible: [0, 1e8]},
  voltage_v: {unit: 'v', behaves: 'gauge', label: 'Voltage', step: 0.01, plausible: [-10, 1500]},
  current_a: {unit: 'a', behaves: 'gauge', label: 'Current', step: 0.001, plausible: [-3000, 3000]},
  frequency_hz: {unit: 'hz', behaves: 'gauge', label: 'Frequency', step: 0.001, plausible: [0, 70]},
  temperature_c: {unit: 'c', behaves: 'gauge', label: 'Temperature', step: 0.1, plausible: [-60, 200]},
  apparent_power_va: {unit: 'va', behaves: 'gauge', label: 'Apparent power', step: 0.1, plausible: POWER},
  reactive_power_var: {unit: 'var', behaves: 'gauge', label: 'Reactive power', step: 0.1, plausible: POWER},
  string_power_w: {unit: 'w', behaves: 'gauge', label: 'String power', step: 0.1, plausible: [-1000, 500_000]},
  string_voltage_v: {unit: 'v', behaves: 'gauge', label: 'String voltage', step: 0.01, plausible: [-50, 2000]},
  string_current_a: {unit: 'a', behaves: 'gauge', label: 'String current', step: 0.001, plausible: [-50, 300]},
  power_factor: {unit: 'none', behaves: 'gauge', label: 'Power factor', step: 0.001, plausible: null},
  state: {unit: 'none', behaves: 'text', label: 'State', step: 1, plausible: null},
});
type Quantity = keyof typeof QUANTITIES;

export const PARTS = ['grid', 'meter', 'load', 'pv', 'wind', 'generator', 'battery', 'inverter'] as const;
export type Part = (typeof PARTS)[number];

/** A point's name taken apart: `battery2.power_l1_w` is part `battery`, instance 2, quantity `power_w`, phase 1. */
export type PointName = {
  readonly part: Part;
  /** 1 unless the part's name ends in a number. */
  readonly instance: number;
  readonly quantity: Quantity;
  /** 1 to 3, or null for the sum or the only one. */
  readonly phase: 1 | 2 | 3 | null;
  /** Number of the PV string, or null. */
  readonly string: number | null;
};

const cache = new Map<string, PointName | null>();

/** The parts of a point's name, or null where it is not in the vocabulary. */
export function parsePoint(name: string): PointName | null {
  let known = cache.get(name);
  if (known === undefined) {
    known = takeApart(name);
    if (cache.size < 10_000) cache.set(name, known);
  }
  return known;
}

function takeApart(name: string): PointName | null {
  const match = /^([a-z]+)(\d*)\.(.+)$/.exec(name);
  if (!match) return null;
  const [, part = '', instance = '', rest = ''] = match;
  if (!(PARTS as readonly string[]).includes(part)) return null;
  const string = /^string(\d+)_(.+)$/.exec(rest);
  const bare = string ? `string_${string[2]}` : rest;
  const phase = /^(.+)_l([123])_([a-z]+)$/.exec(bare);
  const quantity = phase ? `${phase[1]}_${phase[3]}` : bare;
  if (!Object.hasOwn(QUANTITIES, quantity) || quantity.startsWith('string_') !== (string !== null)) return null;
  return {
    part: part as Part,
    instance: instance === '' ? 1 : Number(instance),
    quantity: quantity as Quantity,
    phase: phase ? (Number(phase[2]) as 1 | 2 | 3) : null,
    string: string ? Number(string[1]) : null,
  };
}

/** What is known of a point by its name. Throws on a name outside the vocabulary: names are checked where profiles are loaded. */
export function pointInfo(name: string): QuantityInfo {
  const parsed = parsePoint(name);
  if (!parsed) throw new Error(`"${name}" is no point name`);
  return QUANTITIES[parsed.quantity];
}

/** How often a point is read where its profile does not say: what changes slowly is read slowly. */
export const usualPace = (name: string): PollClass =>
  pointInfo(name).behaves === 'counter' || name.endsWith('temperature_c') || name.endsWith('capacity_wh') ? 'slow' : 'fast';

/** `grid.power_w` as a key of JSON payloads and a column of tables: `grid_power_w`. */
export const pointKey = (name: string): string => name.replaceAll('.', '_');
