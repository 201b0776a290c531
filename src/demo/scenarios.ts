// The named houses of the demo: what stands in them, and what happens there.

import {AppError} from '../core/errors.ts';
import {nearest} from '../core/nearest.ts';
import type {HousePlan} from './house.ts';

/** What a simulated device stands for, and which of our profiles it speaks. */
export type SimDevice = {
  readonly id: string;
  readonly profile: string;
  readonly unit: number;
  readonly plays: 'grid' | 'heat_pump' | 'solar' | 'battery' | 'hybrid';
  readonly model: string;
};

export type Scenario = {
  readonly name: string;
  /** One line for people. */
  readonly story: string;
  readonly plan: HousePlan;
  readonly devices: readonly SimDevice[];
  /** Seconds since UTC midnight at which a new house begins. */
  readonly startS: number;
  /** Late, lost and lying answers. */
  readonly faults: boolean;
  /** Step of the coarsest lifetime register, Wh. */
  readonly counterWh: 1 | 100;
};

const HOUR_S = 3600;
/** Late in the morning: sun, battery and grid are all alive. */
const MORNING_S = 10 * HOUR_S + 600;
/** A minute before the night tariff. */
const NIGHT_S = 0 * HOUR_S + 59 * 60;

const WALL_BATTERY = {capacityWh: 10_000, powerW: 3500, oneWayPct: 95, startPct: 52, lowestPct: 10};

const villaPlan: HousePlan = {
  pvPeakW: 9800,
  coupling: 'ac',
  battery: WALL_BATTERY,
  batteryPhases: 'three',
  heatPump: true,
  nightCharge: {fromHour: 2, toHour: 5, powerW: 2500, untilPct: 70},
  eveningExport: {fromHour: 19, toHour: 20, powerW: 1000, downToPct: 50},
  outage: null,
};
const hybridPlan: HousePlan = {...villaPlan, coupling: 'dc', battery: {...WALL_BATTERY, powerW: 5000, oneWayPct: 97}};

const METER: SimDevice = {id: 'meter', profile: 'eastron-sdm630', unit: 1, plays: 'grid', model: 'SDM630'};
const HEATING: SimDevice = {id: 'heating', profile: 'eastron-sdm630', unit: 2, plays: 'heat_pump', model: 'SDM630'};
const ROOF: SimDevice = {id: 'roof', profile: 'sunspec', unit: 1, plays: 'solar', model: 'Symo 9.8-3-M'};
const WALL: SimDevice = {id: 'wall', profile: 'sunspec', unit: 1, plays: 'battery', model: 'Wall 10'};
const HYBRID: SimDevice = {id: 'goodwe', profile: 'goodwe-et', unit: 247, plays: 'hybrid', model: 'GW10K-ET'};

const villaDevices = [METER, HEATING, ROOF, WALL];
const SCENARIOS: readonly Scenario[] = [
  {
    name: 'villa',
    story: 'a roof, a battery with an inverter of its own, a heat pump, and the grid meter',
    plan: villaPlan,
    devices: villaDevices,
    startS: MORNING_S,
    faults: false,
    counterWh: 1,
  },
  {
    name: 'hybrid',
    story: 'sun and battery behind one hybrid inverter; its losses are booked',
    plan: hybridPlan,
    devices: [METER, HEATING, HYBRID],
    startS: MORNING_S,
    faults: false,
    counterWh: 100,
  },
  {
    name: 'night-charging',
    story: 'cheap energy of the night goes into the battery and is told apart from the sun for as long as it is there',
    plan: {...villaPlan, battery: {...WALL_BATTERY, startPct: 25}, nightCharge: {fromHour: 2, toHour: 5, powerW: 3000, untilPct: 90}},
    devices: villaDevices,
    startS: NIGHT_S,
    faults: false,
    counterWh: 1,
  },
  {
    name: 'three-phase',
    story: 'a battery on one phase: one phase buys while another sells, and the meter nets them',
    plan: {...villaPlan, batteryPhases: 'one'},
    devices: villaDevices,
    startS: MORNING_S,
    faults: false,
    counterWh: 1,
  },
  {
    name: 'noisy',
    story: 'the villa on a bad day: late, lost, refused and lying answers',
    plan: villaPlan,
    devices: villaDevices,
    startS: MORNING_S,
    faults: true,
    counterWh: 1,
  },
  {
    name: 'island',
    story: 'the grid fails now and then, and the hybrid carries the house alone',
    plan: {...hybridPlan, outage: {firstS: 180, everyS: 2400, lastsS: 600}},
    devices: [METER, HEATING, HYBRID],
    startS: MORNING_S,
    faults: false,
    counterWh: 100,
  },
];

export const scenarioNames = (): readonly string[] => SCENARIOS.map(one => one.name);
export const scenarioStories = (): readonly {readonly name: string; readonly story: string}[] => SCENARIOS;

/** The scenario of that name. Throws AppError USAGE. */
export function scenarioNamed(name: string): Scenario {
  const found = SCENARIOS.find(one => one.name === name);
  if (found) return found;
  const near = nearest(name, scenarioNames());
  throw new AppError(
    'USAGE',
    '--scenario',
    `no scenario "${name}"${near ? `; did you mean "${near}"?` : `; there are ${scenarioNames().join(', ')}`}`,
  );
}
