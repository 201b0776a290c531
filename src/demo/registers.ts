// What the simulated house looks like in the registers of real products: values by point name, and the words that stand for them.

import {sunspecModels} from '../config/sunspec.ts';
import {encode} from '../core/codec.ts';
import {EXCEPTION} from '../core/modbus.ts';
import {fieldsOf} from '../core/planner.ts';
import type {DeviceProfile, Field, PointSource} from '../core/profile.ts';
import type {RegisterSource} from '../link/server.ts';
import type {Books, Total} from './books.ts';
import {MILLI_J_PER_MILLI_WH} from './cell.ts';
import type {Moment} from './house.ts';
import type {Phases} from './living.ts';
import type {SimDevice} from './scenarios.ts';

/** Values in the units of the names; what a device does not tell is left out. */
export type Values = Readonly<Record<string, number | string>>;

/** Lifetime of the registers before the house's books begin, Wh: nobody's meter is new. */
const BEFORE_WH: Readonly<Record<Total, number>> = {
  grid_import: 432_100,
  grid_export: 234_500,
  solar: 12_345_600,
  battery_charge: 1_830_000,
  battery_discharge: 1_660_000,
  home: 0,
  heat_pump: 98_700,
};
const VOLTAGES: Phases = [230.4, 231.1, 229.8];
const FREQUENCY_HZ = 50;
const MILLI_J_PER_WH = 1000 * MILLI_J_PER_MILLI_WH;

/** The lifetime register of a total, in whole steps of its resolution (so many a Wh): a register never shows what has not been reached. */
const register = (books: Books, total: Total, stepsPerWh: number): number =>
  // Divided last, so that a tenth is the tenth people write.
  (BEFORE_WH[total] * stepsPerWh + Math.floor((books.totals[total] * stepsPerWh) / MILLI_J_PER_WH)) / stepsPerWh;

const phasePoints = (part: string, phases: Phases, voltages: Phases = VOLTAGES): Record<string, number> => {
  const points: Record<string, number> = {};
  phases.forEach((milliW, index) => {
    const volts = voltages[index] as number;
    points[`${part}.power_l${index + 1}_w`] = milliW / 1000;
    points[`${part}.voltage_l${index + 1}_v`] = volts;
    points[`${part}.current_l${index + 1}_a`] = volts === 0 ? 0 : Math.abs(milliW) / 1000 / volts;
  });
  return points;
};

/** What this device shows. `moment` is what its powers are of, `books` what its counters are of. */
export function valuesOf(device: SimDevice, moment: Moment, books: Books): Values {
  const {grid, solar, battery, inverter, socPct} = moment;
  switch (device.plays) {
    case 'grid':
      return {
        'meter.power_w': grid / 1000,
        ...phasePoints('meter', moment.gridPhases, moment.gridOn ? VOLTAGES : [0, 0, 0]),
        'meter.frequency_hz': moment.gridOn ? FREQUENCY_HZ : 0,
        'meter.power_factor': 1,
        'meter.apparent_power_va': Math.abs(grid) / 1000,
        'meter.import_energy_wh': register(books, 'grid_import', 10),
        'meter.export_energy_wh': register(books, 'grid_export', 10),
      };
    case 'heat_pump':
      return {
        'meter.power_w': moment.heatPump / 1000,
        ...phasePoints('meter', moment.heatPumpPhases),
        'meter.frequency_hz': FREQUENCY_HZ,
        'meter.power_factor': 1,
        'meter.apparent_power_va': moment.heatPump / 1000,
        'meter.import_energy_wh': register(books, 'heat_pump', 10),
        'meter.export_energy_wh': 0,
      };
    case 'solar':
      return {solar: solar / 1000, energy: register(books, 'solar', 1)};
    case 'battery':
      return {
        battery: battery / 1000,
        soc: socPct,
        charge: register(books, 'battery_charge', 1),
        discharge: register(books, 'battery_discharge', 1),
      };
    case 'hybrid':
      return {
        'pv.string1_power_w': Math.round(solar / 1800),
        'pv.string2_power_w': Math.round(solar / 1000) - Math.round(solar / 1800),
        'pv.string1_voltage_v': 611.2,
        'pv.string2_voltage_v': 498.7,
        'pv.string1_current_a': solar / 1800 / 611.2,
        'pv.string2_current_a': (solar / 1000 - solar / 1800) / 498.7,
        'pv.energy_wh': register(books, 'solar', 0.01),
        'inverter.power_w': inverter / 1000,
        ...phasePoints('inverter', [inverter / 3, inverter / 3, inverter / 3]),
        'inverter.frequency_hz': FREQUENCY_HZ,
        'inverter.temperature_c': 41.3,
        'inverter.state': moment.gridOn ? 1 : 0,
        'battery.power_w': battery / 1000,
        'battery.voltage_v': 402.6,
        'battery.current_a': battery / 1000 / 402.6,
        'battery.soc_pct': Math.round(socPct),
        'battery.temperature_c': 23.5,
        'battery.charge_energy_wh': register(books, 'battery_charge', 0.01),
        'battery.discharge_energy_wh': register(books, 'battery_discharge', 0.01),
        'grid.power_w': grid / 1000,
        'grid.power_l1_w': moment.gridPhases[0] / 1000,
        'grid.power_l2_w': moment.gridPhases[1] / 1000,
        'grid.power_l3_w': moment.gridPhases[2] / 1000,
        'grid.frequency_hz': moment.gridOn ? FREQUENCY_HZ : 0,
        'grid.import_energy_wh': register(books, 'grid_import', 10),
        'grid.export_energy_wh': register(books, 'grid_export', 10),
      };
  }
}

/** What stands at an address; undefined where the device has no register. */
export type Words = ReadonlyMap<number, number>;

/** A register source over words that are made anew for each request. Addresses of both function codes alike, as most devices have it. */
export const sourceOf = (words: () => Words): RegisterSource => ({
  read(_fc, at, count) {
    const now = words();
    const answer: number[] = [];
    for (let address = at; address < at + count; address++) {
      const word = now.get(address);
      if (word === undefined) return {exception: EXCEPTION.illegalAddress};
      answer.push(word);
    }
    return answer;
  },
});

/** All registers of a device with a fixed map: what the profile names, and the unused words between them. */
export function mapWords(profile: DeviceProfile, identity: Readonly<Record<string, string>>): (values: Values) => Words {
  const named: {readonly field: Field; readonly name: string}[] = [];
  for (const point of profile.points) {
    const field = plainField(point.source);
    if (field) named.push({field, name: point.name});
  }
  const spans = profile.points.flatMap(point => fieldsOf(point.source)).map(field => [field.at, field.at + field.words] as const);
  const blank = new Map<number, number>();
  let reached = -Infinity;
  for (const [from, to] of [...spans].sort((a, b) => a[0] - b[0])) {
    const start = from - reached <= profile.limits.maxGap + 1 ? reached : from;
    for (let address = Math.max(0, start); address < to; address++) blank.set(address, 0);
    reached = Math.max(reached, to);
  }
  for (const [name, field] of Object.entries(profile.identity))
    if (typeof field === 'object') for (const [at, word] of encode(field, identityOf(field, identity[name] ?? ''))) blank.set(at, word);
  return values => {
    const words = new Map(blank);
    for (const {field, name} of named)
      for (const [at, word] of encode(field, values[name] ?? (field.type === 'text' ? '' : 0))) words.set(at, word);
    return words;
  };
}

const identityOf = (field: Field, text: string): string | number => (field.type === 'text' ? text : Number(text.replace(/\D/g, '') || 0));

/** The one field of a point, and of a point with several encodings the first. Sums are made by their members. */
function plainField(source: PointSource): Field | null {
  if (source.kind === 'field') return source.field;
  if (source.kind === 'first') return source.of[0] ? plainField(source.of[0]) : null;
  return null;
}

type ModelWords = {
  readonly id: number;
  /** Registers after the model's two head words. */
  readonly length: number;
  readonly values: Values;
  /** Exponent at each scale factor's offset. */
  readonly exponents?: Readonly<Record<number, number>>;
  /** Values of the repeating group, one object a module. */
  readonly modules?: readonly Values[];
};

const SUNSPEC_BASE = 40_000;

/** A SunSpec model chain: "SunS", the models one after the other, the end model. */
function chainWords(models: readonly ModelWords[]): Words {
  const table = sunspecModels();
  const words = new Map([
    [SUNSPEC_BASE, 0x5375],
    [SUNSPEC_BASE + 1, 0x6e53],
  ]);
  let at = SUNSPEC_BASE + 2;
  for (const {id, length, values, exponents = {}, modules = []} of models) {
    const model = table.get(id);
    if (!model) throw new Error(`no SunSpec model ${id}`);
    words.set(at, id).set(at + 1, length);
    for (let offset = 2; offset < length + 2; offset++) words.set(at + offset, 0x8000); // not implemented, as a signed word or an exponent says it
    const put = (from: number, points: typeof model.points, given: Values): void => {
      for (const [name, point] of Object.entries(points)) {
        const value = given[name];
        if (value === undefined) {
          // An accumulator that is not implemented is zero.
          if (point.type === 'acc32') words.set(from + point.offset, 0).set(from + point.offset + 1, 0);
          continue;
        }
        const isText = point.type.startsWith('text');
        const exponent = point.exponent === null ? 0 : (exponents[point.exponent] ?? 0);
        const field: Field = {
          ...PLAIN,
          at: from + point.offset,
          type: (isText ? 'text' : point.type) as Field['type'],
          words: isText ? Number(point.type.slice(4)) : /32$/.test(point.type) ? 2 : 1,
          scale: {kind: 'exponentAt', at: 0},
        };
        for (const [address, word] of encode(field, value, exponent)) words.set(address, word);
      }
    };
    for (const [offset, exponent] of Object.entries(exponents)) words.set(at + Number(offset), exponent & 0xffff);
    put(at, model.points, values);
    modules.forEach((given, index) => {
      if (model.repeat) put(at + model.repeat.from + index * model.repeat.length, model.repeat.points, given);
    });
    at += length + 2;
  }
  return words.set(at, 0xffff).set(at + 1, 0);
}

const PLAIN: Omit<Field, 'at' | 'type' | 'words' | 'scale'> = {
  fc: 3,
  wordOrder: 'high-first',
  swapBytes: false,
  wordsAt: null,
  bits: null,
  offset: 0,
  invert: false,
  absent: [],
};

const COMMON_WORDS = 66;
const INVERTER_WORDS = 50;
const STORAGE_WORDS = 24;
const moduleWords = (count: number): number => 8 + 20 * count;
/** Model 1: who the device is. */
const commonModel = (identity: Readonly<Record<string, string>>): ModelWords => ({
  id: 1,
  length: COMMON_WORDS,
  values: {
    Mn: identity['manufacturer'] ?? '',
    Md: identity['model'] ?? '',
    SN: identity['serial'] ?? '',
    Vr: identity['firmware'] ?? '',
  },
});

/** Exponents of model 103: amperes, volts, watts, hertz, watt-hours, degrees. */
const INVERTER_EXPONENTS = {6: -2, 13: -1, 15: 0, 17: -2, 19: 0, 23: -2, 26: 0, 32: 0, 37: -1};
const RUNNING = 4;

const inverterModel = (powerW: number, extra: Values): ModelWords => ({
  id: 103,
  length: INVERTER_WORDS,
  exponents: INVERTER_EXPONENTS,
  values: {
    W: powerW,
    VA: Math.abs(powerW),
    A: Math.abs(powerW) / 230.4,
    ...Object.fromEntries(['A', 'B', 'C'].map((letter, index) => [`PhVph${letter}`, VOLTAGES[index] as number])),
    ...Object.fromEntries(['A', 'B', 'C'].map((letter, index) => [`Aph${letter}`, Math.abs(powerW) / 3 / (VOLTAGES[index] as number)])),
    Hz: FREQUENCY_HZ,
    TmpCab: 38.5,
    St: RUNNING,
    ...extra,
  },
});

/** The chain of the solar inverter on the roof: two strings in model 160. */
export function roofWords(identity: Readonly<Record<string, string>>, {solar, energy}: Values): Words {
  const watts = Number(solar);
  const first = Math.round(watts * 0.55);
  return chainWords([
    commonModel(identity),
    inverterModel(watts, {WH: Number(energy), DCW: watts}),
    {
      id: 160,
      length: moduleWords(2),
      exponents: {2: -2, 3: -1, 4: 0, 5: 0},
      values: {N: 2},
      modules: [
        {IDStr: 'String 1', DCA: first / 611.2, DCV: 611.2, DCW: first},
        {IDStr: 'String 2', DCA: (watts - first) / 498.7, DCV: 498.7, DCW: watts - first},
      ],
    },
  ]);
}

/** The chain of the battery's inverter on the wall: charge and discharge as two modules of model 160, as several makers do it. */
export function wallWords(identity: Readonly<Record<string, string>>, {battery, soc, charge, discharge}: Values): Words {
  const watts = Number(battery);
  return chainWords([
    commonModel(identity),
    inverterModel(watts, {}),
    {id: 124, length: STORAGE_WORDS, exponents: {22: -1, 24: -1}, values: {ChaState: Number(soc), InBatV: 402.6}},
    {
      id: 160,
      length: moduleWords(2),
      exponents: {2: -2, 3: -1, 4: 0, 5: 0},
      values: {N: 2},
      modules: [
        {IDStr: 'StCha 1', DCA: Math.max(0, -watts) / 402.6, DCV: 402.6, DCW: Math.max(0, -watts), DCWH: Number(charge)},
        {IDStr: 'StDisCha 1', DCA: Math.max(0, watts) / 402.6, DCV: 402.6, DCW: Math.max(0, watts), DCWH: Number(discharge)},
      ],
    },
  ]);
}
