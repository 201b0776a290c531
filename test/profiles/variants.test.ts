// One profile, several devices: what a register, an answer or an option of the configuration changes. Words are written out by hand from the documents.

import {describe, expect, test} from 'vitest';
import {parseConfig} from '../../src/config/load.ts';
import {loadProfile} from '../../src/config/profiles.ts';
import type {DeviceProfile} from '../../src/core/profile.ts';
import {prepare, type Reader} from '../../src/device/prepare.ts';
import {type Blocks, type Case, expectPoints, f32, holding, input, lowFirst, s16, s32, u64} from '../support/registers.ts';

/** SolarEdge: direct current power, the battery's block, the meter's powers `by` registers further. */
const solaredge = (by: number): Blocks => ({
  40100: [2000, 0],
  57716: lowFirst(f32(1500)),
  [40_206 + by]: [s16(-910), s16(-610), s16(-100), s16(-200), 0],
});
const sun = {'pv.power_w': 3500, 'battery.power_w': -1500, 'grid.power_w': 910, 'grid.power_l1_w': 610, 'grid.power_l3_w': 200};

const CASES: readonly (readonly [string, string, Case])[] = [
  [
    'deye-3p',
    'high voltage counts power in tens of watts',
    {
      served: [holding(1, {0: [6], 587: [4012, 77, 0, s16(-321), s16(-801)], 625: [s16(-1234)], 672: [301, 212, 0, 0]})],
      expected: {
        'battery.power_w': -3210,
        'battery.voltage_v': 401.2,
        'pv.power_w': 5130,
        'pv.string1_power_w': 3010,
        'grid.power_w': -1234,
      },
    },
  ],
  [
    'deye-3p',
    'low voltage counts it in watts, and energies in steps of 0.1 kWh',
    {
      served: [holding(1, {0: [5], 522: lowFirst(s32(70_001)), 587: [5124, 21, 0, 721]})],
      expected: {'battery.power_w': 721, 'battery.voltage_v': 51.24, 'grid.import_energy_wh': 7_000_100},
    },
  ],
  [
    'deye-3p',
    'energies in whole kWh',
    {
      served: [holding(1, {0: [6], 522: lowFirst(s32(70_001))})],
      options: {energy_step: '1'},
      expected: {'grid.import_energy_wh': 70_001_000},
    },
  ],
  [
    'kostal-plenticore',
    'floats with the low word first, as usual',
    {
      served: [holding(71, {5: [0], 252: lowFirst(f32(-91.9)), 210: lowFirst(f32(54))})],
      expected: {'grid.power_w': -91.9, 'battery.soc_pct': 54},
    },
  ],
  [
    'kostal-plenticore',
    'floats with the high word first',
    {
      served: [holding(71, {5: [1], 252: f32(-91.9), 260: [...f32(700)], 270: f32(800), 280: f32(0)})],
      expected: {'grid.power_w': -91.9, 'pv.power_w': 1500},
    },
  ],
  [
    'goodwe-et',
    'a second battery, and the newer counters of the meter',
    {
      served: [holding(247, {35262: [4178, s16(-30), ...s32(-1254), 3], 39005: [41], 36104: u64(3555), 36120: u64(15)})],
      expected: {
        'battery2.power_w': -1254,
        'battery2.voltage_v': 417.8,
        'battery2.soc_pct': 41,
        'grid.export_energy_wh': 35_550,
        'grid.import_energy_wh': 150,
      },
    },
  ],
  ['goodwe-et', 'no second battery', {served: [holding(247, {35262: [0, 0, 0, 0, 0]})], expected: {'battery2.power_w': undefined}}],
  [
    'goodwe-dt',
    'a meter on the inverter',
    {
      served: [holding(127, {30195: [...s32(-420), ...s32(12_345), ...s32(6789)], 30209: [1]})],
      expected: {'grid.power_w': 420, 'grid.export_energy_wh': 12_345, 'grid.import_energy_wh': 6789},
    },
  ],
  [
    'fox-h1',
    'the RS485 port',
    {
      served: [
        input(247, {
          11000: [3111, 41, 1275, 2987, 32, 956, 512, s16(-55), s16(-2816), 2301, 97, 2240, 0, 0, 5001],
          11021: [s16(-700)],
          11036: [63],
        }),
      ],
      expected: {
        'pv.power_w': 2231,
        'battery.power_w': -2816,
        'battery.voltage_v': 51.2,
        'inverter.power_w': 2240,
        'inverter.frequency_hz': 50.01,
        'grid.power_w': 700,
        'battery.soc_pct': 63,
      },
    },
  ],
  [
    'fox-h1',
    'a KH counts import as positive',
    {
      served: [holding(247, {31002: [1000], 31005: [900], 31041: [800], 31044: [700], 31049: s32(-350)})],
      options: {model: 'kh'},
      expected: {'pv.power_w': 3400, 'grid.power_w': -350},
    },
  ],
  [
    'sofar-g3',
    'two batteries',
    {
      served: [holding(1, {1542: [s16(-120), 21, 55], 1547: [4001, 310, 124, 22, 66]})],
      options: {batteries: 2},
      expected: {'battery.power_w': 1200, 'battery2.power_w': -1240, 'battery2.soc_pct': 66},
    },
  ],
  [
    'solax-hybrid',
    'three phases',
    {
      served: [input(1, {106: [2301, 11, 250, 5001, 2312, s16(-12), s16(-260), 5001, 2323, 13, 270], 202: [2298, 2299, 2297]})],
      expected: {'inverter.power_w': 260, 'inverter.power_l2_w': -260, 'grid.voltage_l3_v': 229.7},
    },
  ],
  [
    'solax-hybrid',
    'a third string and a second battery',
    {
      served: [input(1, {10: [1000, 900], 290: [4100, 21, 861], 297: [s16(-500)], 301: [77]})],
      options: {extras: 'both'},
      expected: {'pv.power_w': 2761, 'battery2.power_w': 500, 'battery2.soc_pct': 77},
    },
  ],
  ['solaredge-hybrid', 'the sun is the direct current less what the battery gives', {served: [holding(1, solaredge(0))], expected: sun}],
  [
    'solaredge-hybrid',
    'two trackers put the meter 50 registers further',
    {
      served: [
        holding(1, {...solaredge(50), 40121: [160, 48, s16(-2), s16(-1), 0, 0, 0, 0, 2, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 512, 3801, 1946]}),
      ],
      expected: {...sun, 'pv.string1_power_w': 1946, 'pv.string1_current_a': 5.12},
    },
  ],
  ['solaredge-hybrid', 'three trackers put it 70 further', {served: [holding(1, {...solaredge(70), 40121: [160, 68]})], expected: sun}],
  [
    'solaredge-hybrid',
    'no battery: all ones or the largest float',
    {
      served: [holding(1, {...solaredge(0), 57716: lowFirst([0xff7f, 0xffff])})],
      expected: {'pv.power_w': 2000, 'battery.power_w': 'absent'},
    },
  ],
  [
    'sungrow-sh',
    'neither flag, a negative current: charging',
    {served: [input(1, {13000: [0x01], 13020: [s16(-35), 1800]})], expected: {'battery.power_w': -1800}},
  ],
  [
    'sungrow-sh',
    'neither flag, a positive current: discharging',
    {served: [input(1, {13000: [0], 13020: [4, 184]})], expected: {'battery.power_w': 184}},
  ],
  [
    'sungrow-sh',
    'a firmware that signs the power itself',
    {served: [input(1, {13000: [0], 13020: [s16(-35), s16(-1800)]})], expected: {'battery.power_w': -1800}},
  ],
  [
    'sigenergy',
    'function 4',
    {
      served: [input(247, {30005: s32(-2300), 30031: s32(4100)}), input(1, {30500: [0x5369, 0x6745], 31002: [5003]})],
      expected: {'grid.power_w': -2300, 'inverter.power_w': 4100},
    },
  ],
  [
    'sigenergy',
    'function 3',
    {
      served: [holding(247, {30005: s32(-2300), 30031: s32(4100)}), holding(1, {31002: [5003]})],
      expected: {'grid.power_w': -2300, 'inverter.power_w': 4100},
    },
  ],
  [
    'huawei-sun2000',
    'an export counter that runs below zero',
    {
      served: [holding(1, {37119: [...s32(-54_321), ...s32(12_345)]})],
      expected: {'grid.export_energy_wh': 543_210, 'grid.import_energy_wh': 123_450},
    },
  ],
];

test.each(CASES)('%s: %s', (id, _what, registers) => expectPoints(id, registers));

test('the owner says what is plausible', async () => {
  const config = (range: string): string => `version: 1
links: {bus: {url: "tcp://meter.lan"}}
devices: {meter: {profile: eastron-sdm630, link: bus, plausible: {${range}}}}
map: {grid: meter}
`;
  const profile = parseConfig(config('meter.power_w: [-9000, 11000]'), 'site.yaml').devices[0]?.profile as DeviceProfile;
  const silent = (): Promise<{kind: 'fault'; fault: {kind: 'refused'; exception: number}}> =>
    Promise.resolve({kind: 'fault', fault: {kind: 'refused', exception: 2}});
  const prepared = await prepare(profile, 1, {}, silent);
  const between = prepared.kind === 'ready' && prepared.prepared.points.find(point => point.name === 'meter.power_w')?.between;
  expect(between).toEqual([-9000, 11_000]);
  expect(() => parseConfig(config('meter.powr_w: [0, 1]'), 'site.yaml')).toThrow(/site\.yaml:3.*meter\.powr_w.*meter\.power_w/);
});

describe('a variant is decided for good, so one lost request does not decide it', () => {
  const deye = loadProfile('deye-3p');
  type Answer = Awaited<ReturnType<Reader>>;
  const lost: Answer = {kind: 'fault', fault: {kind: 'timeout', afterMs: 1}};
  const refused: Answer = {kind: 'fault', fault: {kind: 'refused', exception: 2}};
  /** A high-voltage Deye (register 0 is 6) that answers anything else with ones; `probe` is what becomes of each asking for register 0. */
  const asked = async (probe: readonly (Answer | 'word')[], others: 'answer' | 'lost-after-probe' = 'answer') => {
    let probes = 0;
    const read: Reader = (_unit, _fc, at, words) => {
      const said = at === 0 ? probe[Math.min(probes++, probe.length - 1)] : undefined;
      if (said === 'word') return Promise.resolve({kind: 'words', words: [6]});
      if (said) return Promise.resolve(said);
      return Promise.resolve(others === 'lost-after-probe' && probes > 0 ? lost : {kind: 'words', words: Array<number>(words).fill(1)});
    };
    return {outcome: await prepare(deye, 1, {}, read), probes: () => probes};
  };

  test('lost once: asked again, and each register only once for all variants', async () => {
    const {outcome, probes} = await asked([lost, 'word']);
    expect(outcome).toMatchObject({kind: 'ready', prepared: {variants: ['high voltage']}});
    expect(probes()).toBe(2);
  });

  test('busy once: asked again', async () => {
    const {outcome} = await asked([{kind: 'fault', fault: {kind: 'refused', exception: 6}}, 'word']);
    expect(outcome).toMatchObject({kind: 'ready', prepared: {variants: ['high voltage']}});
  });

  test('silent at this register alone: it does not exist', async () => {
    const {outcome, probes} = await asked([lost]);
    expect(outcome).toMatchObject({kind: 'ready'});
    expect(probes()).toBe(2);
  });

  test('refused: it does not exist', async () => {
    const {outcome, probes} = await asked([refused]);
    expect(outcome).toMatchObject({kind: 'ready'});
    expect(probes()).toBe(1);
  });

  test('gone altogether: nothing is decided', async () => {
    expect((await asked([lost], 'lost-after-probe')).outcome).toMatchObject({kind: 'silent', fault: {kind: 'timeout'}});
  });
});
