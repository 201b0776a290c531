// Devices of one make that mean another thing by the same register: models, generations, firmware, and what they say at rest.

import {test} from 'vitest';
import {type Case, expectPoints, f32, holding, input, lowFirst, NOT_S32, NOT_U32, s16, s32} from '../support/registers.ts';

/** Deye, one phase: rated power in 0.1 W, grid and load, the battery's current, the inverter's frequency. */
const deye = (ratedW: number, hz: number): Case['served'] => [
  holding(1, {0: [3], 16: lowFirst(s32(ratedW * 10)), 169: [s16(-520)], 178: [13], 190: [s16(-1016), s16(-1890), hz * 100, hz * 100]}),
];
/** The low and the high words of numbers whose registers are apart. */
const lowPart = (...values: number[]): number[] => values.map(value => s32(value)[1] as number);
const highPart = (...values: number[]): number[] => values.map(value => s32(value)[0] as number);
const f64 = (value: number): number[] => {
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, value);
  return [0, 2, 4, 6].map(at => view.getUint16(at));
};
const text = (letters: string, words: number): number[] =>
  Array.from({length: words}, (_, i) => ((letters.charCodeAt(2 * i) || 0) << 8) | (letters.charCodeAt(2 * i + 1) || 0));

const CASES: readonly (readonly [string, string, Case])[] = [
  [
    'sma-hybrid',
    'at night, the battery at rest: not available is nothing, but not for the grid',
    {
      served: [
        holding(3, {30773: NOT_S32, 30961: NOT_S32, 30967: NOT_S32, 30775: NOT_S32, 30865: NOT_S32, 30867: NOT_S32}),
        input(3, {31393: NOT_U32, 31395: NOT_U32}),
      ],
      expected: {
        'pv.power_w': 0,
        'inverter.power_w': 0,
        'battery.power_w': 0,
        'grid.power_w': 'absent',
        'pv.string1_power_w': 'absent',
      },
    },
  ],
  ...(
    [
      ['charging', {31393: [0, 500], 31395: NOT_U32}, -500],
      ['discharging', {31393: NOT_U32, 31395: [0, 700]}, 700],
    ] as const
  ).map(
    ([title, blocks, watts]) =>
      ['sma-hybrid', `${title}, the other way not available`, {served: [input(3, blocks)], expected: {'battery.power_w': watts}}] as const,
  ),
  [
    'sma-hybrid',
    'one string in the sun',
    {
      served: [holding(3, {30773: s32(812), 30961: NOT_S32, 30967: NOT_S32})],
      expected: {'pv.power_w': 812, 'inverter.power_w': 'refused', 'battery.power_w': 'refused'},
    },
  ],
  [
    'sma-storage',
    'the AC side counts for itself',
    {
      served: [holding(3, {30595: [...s32(8_000_100), ...s32(7_000_200)], 31397: [0, 0, ...s32(7_700_000), 0, 0, ...s32(7_300_000)]})],
      expected: {'battery.charge_energy_wh': 8_000_100, 'battery.discharge_energy_wh': 7_000_200},
    },
  ],
  [
    'sma-storage',
    'only the battery counts',
    {
      served: [holding(3, {31397: [0, 0, ...s32(7_700_000), 0, 0, ...s32(7_300_000)]})],
      expected: {'battery.charge_energy_wh': 7_700_000, 'battery.discharge_energy_wh': 7_300_000},
    },
  ],
  ['sma-storage', 'at rest', {served: [holding(3, {30775: NOT_S32})], expected: {'battery.power_w': 0}}],
  ['deye-1p', '8 kW: watts', {served: deye(8000, 50), expected: {'grid.power_w': -520, 'load.power_w': 13, 'battery.current_a': -18.9}}],
  [
    'deye-1p',
    '10 kW: tens of watts for the grid and the load, watts for the rest',
    {
      served: deye(10_000, 50),
      expected: {'grid.power_w': -5200, 'load.power_w': 130, 'battery.power_w': -1016, 'battery.current_a': undefined},
    },
  ],
  ['deye-1p', '12 kW at 60 Hz: watts', {served: deye(12_000, 60), expected: {'grid.power_w': -520, 'battery.current_a': -18.9}}],
  [
    'deye-1p',
    'the owner says watts',
    {served: deye(12_000, 50), options: {power_step: '1'}, expected: {'grid.power_w': -520, 'load.power_w': 13}},
  ],
  ['deye-1p', 'the owner says tens', {served: deye(8000, 60), options: {power_step: '10'}, expected: {'grid.power_w': -5200}}],
  ['deye-3p', 'the largest of high voltage', {served: [holding(1, {0: [0x0602], 590: [s16(-321)]})], expected: {'battery.power_w': -3210}}],
  [
    'deye-3p',
    'a second battery of high voltage',
    {
      served: [holding(1, {0: [6], 516: [...lowFirst(s32(55)), ...lowFirst(s32(44))], 588: [61, 47, s16(-321), 0, 0, 4100, 0, 125]})],
      options: {second_battery: 'high voltage', energy_step: '1'},
      expected: {
        'battery.power_w': -3210,
        'battery2.power_w': 1250,
        'battery2.soc_pct': 47,
        'battery2.voltage_v': 410,
        'battery.charge_energy_wh': undefined,
      },
    },
  ],
  [
    'deye-3p',
    'a second battery of low voltage',
    {
      served: [holding(1, {0: [5], 588: [61, 47, s16(-321), 0, 0, 5200, 0, 125]})],
      options: {second_battery: 'low voltage'},
      expected: {'battery.power_w': -321, 'battery2.power_w': 125, 'battery2.voltage_v': 52},
    },
  ],
  [
    'fox-h1',
    'a KH from firmware 1.33 on counts export as positive, 32 bits wide',
    {
      served: [
        holding(247, {
          31008: [1800],
          31022: [s16(-400)],
          39279: [...s32(1100), ...s32(900), ...s32(0), ...s32(0)],
          39168: s32(350),
          32012: s32(4321),
        }),
      ],
      options: {model: 'kh-1.33'},
      expected: {
        'pv.power_w': 2000,
        'pv.string2_power_w': 900,
        'grid.power_w': -350,
        'inverter.power_w': 1800,
        'battery.power_w': -400,
        'grid.import_energy_wh': 432_100,
      },
    },
  ],
  [
    'fox-h1',
    'an H1 of the second generation writes the low word of a string alone',
    {
      served: [holding(247, {31014: [s16(-250)], 39279: [0, 1200, 0, s16(-3)], 32000: s32(9876)})],
      options: {model: 'h1-g2'},
      expected: {'pv.power_w': 1197, 'grid.power_w': 250, 'pv.energy_wh': 987_600},
    },
  ],
  [
    'goodwe-et',
    'counters of all batteries are none of the first',
    {
      served: [holding(247, {35182: s32(900), 35206: s32(55), 35209: s32(44), 35264: [...s32(-1254), 3]})],
      expected: {
        'battery.power_w': 900,
        'battery2.power_w': -1254,
        'battery.charge_energy_wh': undefined,
        'battery.discharge_energy_wh': undefined,
      },
    },
  ],
  [
    'goodwe-et',
    'with one battery they are its own',
    {
      served: [holding(247, {35206: s32(55), 35209: s32(44), 35264: [0, 0, 0]})],
      expected: {'battery.charge_energy_wh': 5500, 'battery.discharge_energy_wh': 4400},
    },
  ],
  [
    'goodwe-et',
    'newer counters that are not filled',
    {
      served: [holding(247, {36015: [...f32(4200), ...f32(1300)], 36104: Array<number>(20).fill(0)})],
      expected: {'grid.export_energy_wh': 4200, 'grid.import_energy_wh': 1300},
    },
  ],
  [
    'goodwe-et',
    'newer counters of a house that never exported',
    {
      served: [holding(247, {36015: [...f32(0), ...f32(1300)], 36104: [0, 0, 0, 0, ...Array<number>(12).fill(0), 0, 0, 0, 131]})],
      expected: {'grid.export_energy_wh': 0, 'grid.import_energy_wh': 1310},
    },
  ],
  [
    'solaredge-hybrid',
    'a battery that does not count its energies',
    {
      served: [holding(1, {57716: lowFirst(f32(1500)), 57718: Array<number>(8).fill(0)})],
      expected: {'battery.power_w': -1500, 'battery.charge_energy_wh': 'absent', 'battery.discharge_energy_wh': 'absent'},
    },
  ],
  [
    'solax-hybrid',
    'counters of all batteries are none of the first',
    {
      served: [input(1, {22: [s16(-700)], 29: [...lowFirst(s32(99)), 0, 0, ...lowFirst(s32(111))], 297: [250]})],
      options: {extras: 'second battery'},
      expected: {'battery.power_w': 700, 'battery2.power_w': -250, 'battery.charge_energy_wh': undefined},
    },
  ],
  [
    'deye-3p',
    'above 30 kW: powers in two registers each, and no load',
    {
      served: [
        holding(1, {
          0: [6],
          20: lowFirst(s32(500_000)),
          622: lowPart(-12_000, 9000, -40_000, -43_000),
          633: lowPart(15_000, 14_000, 16_000, 45_000),
          653: [7],
          687: [...highPart(-12_000, 9000, -40_000, -43_000), ...highPart(15_000, 14_000, 16_000, 45_000)],
        }),
      ],
      expected: {
        'grid.power_w': -43_000,
        'grid.power_l1_w': -12_000,
        'grid.power_l2_w': 9000,
        'grid.power_l3_w': -40_000,
        'inverter.power_w': 45_000,
        'inverter.power_l3_w': 16_000,
        'load.power_w': undefined,
      },
    },
  ],
  [
    'deye-3p',
    'up to 30 kW: the second registers may hold anything',
    {
      served: [holding(1, {0: [6], 20: lowFirst(s32(300_000)), 622: lowPart(-12_000, 9000, 1, -2999), 687: [0, 0, 0, 0]})],
      expected: {'grid.power_w': -2999, 'grid.power_l1_w': -12_000},
    },
  ],
  [
    'deye-3p',
    'eight trackers',
    {
      served: [holding(1, {0: [6], 22: [0x0803], 672: [100, 90, 80, 70], 727: [60, 50, 40, 30]})],
      expected: {'pv.power_w': 5200, 'pv.string4_power_w': 700, 'pv.string8_power_w': 300},
    },
  ],
  [
    'deye-3p',
    'four trackers: those beyond are not asked for',
    {served: [holding(1, {0: [6], 22: [0x0403], 672: [100, 90, 80, 70]})], expected: {'pv.power_w': 3400, 'pv.string5_power_w': undefined}},
  ],
  [
    'siemens-pac2200',
    'both tariffs',
    {
      served: [input(1, {1: f32(230), 801: [...f64(1500), ...f64(800)], 809: [...f64(40), ...f64(3)]})],
      expected: {'meter.import_energy_wh': 2300, 'meter.export_energy_wh': 43},
    },
  ],
  [
    'marstek-venus',
    'generation 3 by its name, without the option',
    {
      served: [holding(1, {31000: text('VNSE3-0', 10), 30006: [s16(-442)], 34002: [815], 32104: [3], 32202: s32(99)})],
      expected: {'battery.power_w': -442, 'battery.soc_pct': 81.5},
    },
  ],
  [
    'luxpower',
    'three phases',
    {
      served: [input(1, {4: [523, 24_105], 26: [0, 900], 184: [400, 0, 0, 300]})],
      options: {phases: 3},
      expected: {'grid.power_w': 800, 'grid.power_l1_w': 900, 'grid.power_l2_w': -400, 'grid.power_l3_w': 300},
    },
  ],
  [
    'sofar-g3',
    'counters of all batteries are none of the first',
    {
      served: [holding(1, {1542: [s16(-70)], 1549: [25], 1686: s32(111), 1690: s32(99)})],
      options: {batteries: 2},
      expected: {'battery.power_w': 700, 'battery2.power_w': -250, 'battery.charge_energy_wh': undefined},
    },
  ],
  [
    'growatt-tlxh',
    'a counter of the sun that stays at zero',
    {served: [input(1, {91: s32(43_210), 3053: s32(0)})], expected: {'pv.energy_wh': 4_321_000}},
  ],
  ['growatt-tlxh', 'the usual counter', {served: [input(1, {91: s32(7), 3053: s32(43_211)})], expected: {'pv.energy_wh': 4_321_100}}],
  [
    'saj-h2',
    'three phases: the sums, not the first phase',
    {
      served: [holding(1, {16629: s32(1111), 16637: s32(2222), 16749: s32(7777), 16757: s32(5555)})],
      expected: {'grid.import_energy_wh': 77_770, 'grid.export_energy_wh': 55_550},
    },
  ],
  [
    'saj-h2',
    'one phase: no sums',
    {
      served: [holding(1, {16629: s32(1111), 16637: s32(2222), 16749: s32(0), 16757: s32(0)})],
      expected: {'grid.import_energy_wh': 22_220, 'grid.export_energy_wh': 11_110},
    },
  ],
  [
    'kostal-plenticore',
    'the sun without the battery of the third input',
    {
      served: [holding(71, {5: [1], 260: f32(700), 270: f32(800), 280: f32(-350), 1066: f32(1500)})],
      expected: {'pv.power_w': 1500, 'pv.string3_power_w': -350},
    },
  ],
  [
    'kostal-plenticore',
    'a firmware that does not tell the sum',
    {served: [holding(71, {5: [1], 260: f32(700), 270: f32(800), 280: f32(90)})], expected: {'pv.power_w': 1590}},
  ],
  [
    'sungrow-sg',
    'the finer of two yields',
    {
      served: [input(1, {5003: lowFirst(s32(1234)), 5143: lowFirst(s32(12_347))})],
      expected: {'inverter.energy_wh': 1_234_700},
    },
  ],
  [
    'sungrow-sg',
    'whole kWh where there is nothing finer',
    {served: [input(1, {5003: lowFirst(s32(1234))})], expected: {'inverter.energy_wh': 1_234_000}},
  ],
];

test.each(CASES)('%s: %s', (id, _what, registers) => expectPoints(id, registers));
