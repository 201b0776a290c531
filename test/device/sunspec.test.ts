// SunSpec devices as they are built in the field: bases, odd lists, odd lengths, vendors with signs of their own. Offsets are those of the public model definitions.

import {describe, expect, test} from 'vitest';
import {realClock} from '../../src/app/clock.ts';
import {loadProfile} from '../../src/config/profiles.ts';
import {sunspecModels} from '../../src/config/sunspec.ts';
import {parseLinkUrl} from '../../src/core/linkurl.ts';
import {silentLog} from '../../src/core/log.ts';
import {createDevice, type Device} from '../../src/device/device.ts';
import {openLink} from '../../src/link/open.ts';
import {startModbusServer} from '../../src/link/server.ts';
import {afterTest} from '../support/after.ts';

type Body = Readonly<Record<number, number | readonly number[]>>;
/** A model: its head and, by offset from its id word, what it holds; the rest is zero. */
const model = (id: number, length: number, body: Body = {}): number[] => {
  const words = [id, length, ...Array<number>(length).fill(0)];
  for (const [offset, value] of Object.entries(body))
    for (const [i, word] of [value].flat().entries()) words[Number(offset) + i] = word & 0xffff;
  return words;
};
const text = (value: string, words: number): number[] =>
  Array.from({length: words}, (_, i) => ((value.charCodeAt(2 * i) || 0) << 8) | (value.charCodeAt(2 * i + 1) || 0));
const f32 = (value: number): number[] => {
  const view = new DataView(new ArrayBuffer(4));
  view.setFloat32(0, value);
  return [view.getUint16(0), view.getUint16(2)];
};
const u32 = (value: number): number[] => [value >>> 16, value & 0xffff];

const END = [0xffff, 0];
const common = (maker: string, length = 66): number[] =>
  model(1, length, {2: text(maker, 16), 18: text('M-1', 16), 42: text('1.0', 8), 50: text('S-9', 16)});
const inverter103 = (watts: number, exponent = 0): number[] =>
  model(103, 50, {
    2: 31,
    3: [11, 9, 12],
    6: -1,
    10: [2301, 2312, 2323],
    13: -1,
    14: [watts, exponent],
    16: [4998, -2],
    24: [0, 12345, 1],
    31: [3300, 0],
    33: [0x8000, 415, 0x8000, 0x8000, -1],
    38: 4,
  });
const inverter113 = (watts: number): number[] =>
  model(113, 60, {22: f32(watts), 24: f32(50.01), 32: f32(7777), 38: f32(watts + 100), 48: 4});
const meter203 = (watts: number): number[] =>
  model(203, 105, {
    8: [2296, 2307, 2318],
    15: -1,
    16: [5002, -2],
    18: [watts, watts - 700, 300, 400],
    22: 0,
    38: u32(21_000),
    46: u32(18_000),
    54: 1,
  });
/** Strings and the rest of model 160: [label, watts, watt hours]. */
const modules160 = (...modules: readonly (readonly [string, number, number])[]): number[] =>
  model(160, 8 + 20 * modules.length, {
    2: [-2, -1, 0, 0],
    8: modules.length,
    ...Object.fromEntries(
      modules.flatMap(([label, watts, energy], i) => [
        [10 + 20 * i + 1, text(label, 8)],
        [10 + 20 * i + 9, [700 + i, 3000 + i, watts, ...u32(energy)]],
      ]),
    ),
  });

type Bank = Map<number, number>;
async function serve(base: number, ...models: readonly (readonly number[])[]): Promise<{device: Device; bank: Bank}> {
  const bank: Bank = new Map([0x5375, 0x6e53, ...models.flat()].map((word, i) => [base + i, word]));
  const read = (_fc: 3 | 4, at: number, words: number): number[] | {exception: number} => {
    const answer = Array.from({length: words}, (_, i) => bank.get(at + i));
    return answer.some(word => word === undefined) ? {exception: 2} : (answer as number[]);
  };
  const server = await startModbusServer({host: '127.0.0.1', port: 0, units: new Map([[1, {read}]])});
  afterTest(() => server.close());
  const linkUrl = parseLinkUrl(`tcp://127.0.0.1:${server.port}`);
  const link = openLink('test', linkUrl, {clock: realClock, timeoutMs: 30_000, minGapMs: 0});
  afterTest(() => link.close());
  const profile = loadProfile('sunspec');
  const device = createDevice(
    {id: 'sun', profile, link, linkUrl, unit: 1, units: {}, options: {}, everyMs: 0, slowEveryMs: 0},
    {clock: realClock, log: silentLog, note() {}, localHour: () => 12},
  );
  return {device, bank};
}
/** What the device tells: a value, or the kind of fault. */
async function told(device: Device): Promise<Record<string, unknown>> {
  const {readings, reason} = await device.sweep(new AbortController().signal);
  expect(reason).toBeNull();
  return Object.fromEntries(
    readings.map(({point, measured}) => [point, measured.kind === 'missing' ? measured.fault.kind : measured.value]),
  );
}

const unknown = (id: number, length: number): number[] => model(id, length, {2: 0xdead});
test.each([
  // what is odd about the list                     base    models
  ['base 40000', 40_000, [common('Acme'), inverter103(3200), END]],
  ['base 50000', 50_000, [common('Acme'), inverter103(3200), END]],
  ['base 0', 0, [common('Acme'), inverter103(3200), END]],
  ['a common block of 65', 40_000, [common('Acme', 65), inverter103(3200), END]],
  ['no end model', 40_000, [common('Acme'), inverter103(3200)]],
  ['an end model without a length', 40_000, [common('Acme'), inverter103(3200), [0xffff]]],
  ['zeros behind the list', 40_000, [common('Acme'), inverter103(3200), [0, 0, 0, 0]]],
  [
    'unknown models before and behind',
    40_000,
    [common('Acme'), unknown(11, 13), unknown(65_230, 1), inverter103(3200), unknown(64_001, 40), END],
  ],
  ['an unknown model that is only a head', 40_000, [common('Acme'), [64_002, 0], inverter103(3200), END]],
  [
    'settings between the measurements',
    40_000,
    [common('Acme'), model(121, 30), model(122, 44), inverter103(3200), model(126, 64), model(128, 14), END],
  ],
])('%s', async (_what, base, models) => {
  const {device} = await serve(base, ...models);
  const values = await told(device);
  expect(values).toMatchObject({
    'inverter.power_w': 3200,
    'inverter.voltage_l2_v': 231.2,
    'inverter.energy_wh': 123_450,
    'pv.power_w': 3300,
  });
  expect(values['inverter.temperature_c'], 'the heat sink, as the cabinet is not there').toBe(41.5);
  expect(device.health().identity).toMatchObject({manufacturer: 'Acme', model: 'M-1', serial: 'S-9', firmware: '1.0'});
});

test('a model shorter than its definition tells nothing of the next one', async () => {
  const {device} = await serve(40_000, common('Acme'), model(103, 30, {14: [900, 0], 16: [5000, -2]}), meter203(150), END);
  const values = await told(device);
  expect(values).toMatchObject({'inverter.power_w': 900, 'inverter.frequency_hz': 50, 'grid.power_w': 150});
  for (const point of ['pv.power_w', 'inverter.temperature_c', 'inverter.state']) expect(values, point).not.toHaveProperty([point]);
});

test('two encodings of one value are never added up, and the float one is asked first', async () => {
  const {device} = await serve(
    40_000,
    common('Acme'),
    inverter103(3200),
    inverter113(3207.5),
    meter203(150),
    model(213, 124, {28: f32(151.5)}),
    END,
  );
  expect(await told(device)).toMatchObject({
    'inverter.power_w': 3207.5,
    'pv.power_w': 3307.5,
    'inverter.energy_wh': 7777,
    'grid.power_w': 151.5,
  });
});

test('a scale factor that changes is the one of its sweep', async () => {
  const {device, bank} = await serve(40_000, common('Acme'), inverter103(3200), END);
  expect(await told(device)).toMatchObject({'inverter.power_w': 3200});
  const at = 40_002 + 68 + 14;
  bank.set(at, 451).set(at + 1, 1);
  expect(await told(device)).toMatchObject({'inverter.power_w': 4510});
  bank.set(at + 1, 0x8000);
  expect(await told(device)).toMatchObject({'inverter.power_w': 'absent'});
});

test('a hole in a model costs what stands in it, nothing that shares its request', async () => {
  const {device, bank} = await serve(40_000, common('Acme'), meter203(150), END);
  const at = 40_002 + 68;
  for (const offset of [16, 17]) bank.delete(at + offset);
  const values = await told(device);
  expect(values['meter.frequency_hz']).toBe('refused');
  expect(values).toMatchObject({
    'meter.power_w': 150,
    'meter.power_l3_w': 400,
    'meter.voltage_l2_v': 230.7,
    'meter.import_energy_wh': 180_000,
  });
});

test('what is not implemented is absent, by type', async () => {
  const nothing = model(103, 50, {
    2: Array(50).fill(0x8000),
    3: [0xffff, 0xffff, 0xffff, -1],
    10: [0xffff, 0xffff, 0xffff, -1],
    14: [0x8000, 0],
    16: [0xffff, -2],
    24: [0, 0, 0],
    31: [0x8000, 0],
    38: 0xffff,
  });
  const {device} = await serve(40_000, common('Acme'), nothing, model(213, 124, {28: [0x7fc0, 0]}), END);
  const values = await told(device);
  for (const [point, value] of Object.entries(values))
    if (/^(inverter|pv)\./.test(point) || point === 'grid.power_w') expect(value, point).toBe('absent');
});

describe('vendors', () => {
  const site = {
    'grid.power_w': 91,
    'grid.power_l1_w': -609,
    'grid.power_l2_w': 300,
    'grid.power_l3_w': 400,
    'grid.import_energy_wh': 180_000,
    'grid.export_energy_wh': 210_000,
  };
  test.each([
    ['Fronius', site],
    ['KOSTAL', site],
    ['SolarEdge ', {...site, 'grid.power_w': -91, 'grid.power_l1_w': 609, 'grid.power_l2_w': -300, 'grid.power_l3_w': -400}],
  ])('%s: the sign of its meter', async (maker, expected) => {
    const {device} = await serve(40_000, common(maker), inverter103(3200), meter203(91), END);
    expect(await told(device)).toMatchObject(expected);
  });

  test('SolarEdge: a meter behind a common block of its own', async () => {
    const {device} = await serve(40_000, common('SolarEdge ', 65), inverter103(3200), common('WattNode', 65), meter203(91), END);
    expect(await told(device)).toMatchObject({'inverter.power_w': 3200, 'grid.power_w': -91});
    expect(device.health().identity.manufacturer).toBe('SolarEdge');
  });

  test('Kostal: a counter that runs below zero is its size', async () => {
    const counters = model(203, 105, {18: 91, 22: 0, 38: [0xffb6, 0xd9fd], 46: u32(18_000), 54: 0});
    const {device} = await serve(
      40_000,
      common('KOSTAL'),
      inverter103(3200),
      counters,
      model(802, 62, {11: 64, 47: [-500], 56: 0, 63: 0}),
      END,
    );
    expect(await told(device)).toMatchObject({
      'grid.export_energy_wh': 0x1_0000_0000 - 0xffb6_d9fd,
      'grid.import_energy_wh': 18_000,
      'battery.power_w': -500,
      'battery.soc_pct': 64,
    });
  });

  test.each([
    ['by the names of its modules', ['MPPT 1', 'MPPT 2', 'StCha 3', 'StDisCha 4'], []],
    ['by their place, with a storage model', ['', '', '', ''], [model(124, 24, {8: 6150, 10: 2100, 22: -2, 24: -1})]],
  ])('Fronius: the battery is found %s', async (_how, names, more) => {
    const [a = '', b = '', charge = '', discharge = ''] = names;
    const strings = modules160([a, 1500, 5100], [b, 700, 5200], [charge, 0, 5300], [discharge, 400, 5400]);
    const {device} = await serve(40_000, common('Fronius'), inverter113(2500), strings, ...more, END);
    const values = await told(device);
    expect(values).toMatchObject({
      'pv.power_w': 2200,
      'pv.energy_wh': 10_300,
      'pv.string2_power_w': 700,
      'battery.power_w': 400,
      'battery.charge_energy_wh': 5300,
      'battery.discharge_energy_wh': 5400,
    });
    expect(values).not.toHaveProperty(['pv.string3_power_w']);
    if (more.length > 0) expect(values).toMatchObject({'battery.soc_pct': 61.5, 'battery.voltage_v': 210});
  });

  test('Fronius: four trackers without a battery are four strings', async () => {
    const strings = modules160(['MPPT 1', 1500, 1], ['MPPT 2', 700, 2], ['MPPT 3', 650, 3], ['MPPT 4', 600, 4]);
    const {device} = await serve(40_000, common('Fronius'), model(113, 60, {22: f32(3400)}), strings, END);
    const values = await told(device);
    expect(values).toMatchObject({'pv.string4_power_w': 600, 'pv.energy_wh': 10});
    expect(values).not.toHaveProperty(['battery.power_w']);
  });
});

test('strings: as many as there are and fit, the sum where the inverter tells no direct current', async () => {
  const strings = modules160(['', 1100, 10], ['', 900, 20], ['', 0xffff, 0]);
  strings[8] = 12; // says more than its length holds
  const {device} = await serve(
    40_000,
    common('Acme'),
    model(101, 50, {2: 87, 3: 0xffff, 6: -1, 14: [1950, 0], 31: [0x8000, 0]}),
    strings,
    END,
  );
  const values = await told(device);
  expect(values).toMatchObject({
    'pv.power_w': 2000,
    'pv.energy_wh': 30,
    'pv.string1_voltage_v': 300,
    'pv.string2_current_a': 7.01,
    'pv.string3_power_w': 'absent',
    'inverter.current_l1_a': 8.7,
  });
  expect(values).not.toHaveProperty(['pv.string4_power_w']);
});

test('a thousand strings are none: the inverter alone is read', async () => {
  const strings = modules160(...Array.from({length: 1000}, (_, i) => ['', i + 1, 1] as const));
  const {device} = await serve(40_000, common('Acme'), inverter103(1234), strings, END);
  const values = await told(device);
  expect(values).toMatchObject({'inverter.power_w': 1234});
  expect(Object.keys(values).filter(point => point.includes('string'))).toEqual([]);
});

test('models 701, 713 and 714: one phase, a port with a battery', async () => {
  const port = (type: number, amps: number, volts: number, watts: number, out: number, back: number): number[] => [
    type, 0, ...text('', 8), amps, volts, watts, 0, 0, ...u32(out), 0, 0, ...u32(back), 230, 1, 0, 0,
  ]; // biome-ignore format: a port is one row
  const ac = model(701, 153, {
    2: 0,
    3: 1,
    4: 3,
    10: 2300,
    14: 100,
    16: 2305,
    17: u32(50_010),
    19: [0, 0, ...u32(654_321)],
    36: 351,
    45: 0x8000,
    47: 0xffff,
    113: [-1, -1, -3, 0, -3, 0, 0, 0, 0, -1],
  });
  const dc = model(714, 68, {
    4: 2,
    5: [81, 2500],
    15: [-1, -1, 0, 0, -1],
    20: port(0, 55, 4001, 2200, 1111, 0),
    45: port(1, -15, 2000, -300, 2222, 3333),
  });
  const {device} = await serve(40_000, common('Acme'), ac, model(713, 7, {2: 96, 4: 555, 7: [2, -1]}), dc, END);
  expect(await told(device)).toMatchObject({
    'inverter.power_w': 2300,
    'inverter.current_l1_a': 10,
    'inverter.voltage_l1_v': 230.5,
    'inverter.frequency_hz': 50.01,
    'inverter.energy_wh': 654_321,
    'inverter.temperature_c': 35.1,
    'inverter.state': 'running',
    'pv.power_w': 2200,
    'pv.energy_wh': 1111,
    'battery.power_w': -300,
    'battery.charge_energy_wh': 3333,
    'battery.discharge_energy_wh': 2222,
    'battery.soc_pct': 55.5,
    'battery.capacity_wh': 9600,
  });
});

test('a meter of its own is a meter, and a second one behind an inverter too', async () => {
  const alone = await serve(40_000, common('Fronius'), meter203(91), END);
  expect(await told(alone.device)).toMatchObject({'meter.power_w': 91});
  const two = await serve(40_000, common('Fronius'), inverter103(1), meter203(91), meter203(55), END);
  expect(await told(two.device)).toMatchObject({'grid.power_w': 91, 'meter.power_w': 55});
});

test('every model that a home may have is described', () => {
  const ids = '1 101 102 103 111 112 113 120 121 122 123 124 126 127 128 160 201 202 203 204 211 212 213 214 802 803'
    .split(' ')
    .map(Number);
  for (let id = 701; id <= 714; id++) ids.push(id);
  for (const id of ids) expect(sunspecModels().get(id)?.name, String(id)).toBeTruthy();
});
