// Every profile, the same questions: does it hold the conventions, is it read inside its limits, and does it decode a capture made from its documentation.

import {readdirSync, readFileSync} from 'node:fs';
import {describe, expect, test} from 'vitest';
import {realClock} from '../../src/app/clock.ts';
import {rolesFor} from '../../src/cli/init/site-yaml.ts';
import {listProfiles, loadProfile} from '../../src/config/profiles.ts';
import {fieldSpans} from '../../src/core/codec.ts';
import {parseLinkUrl} from '../../src/core/linkurl.ts';
import {silentLog} from '../../src/core/log.ts';
import {fieldsOf, spansOf} from '../../src/core/planner.ts';
import type {Field, PointSource} from '../../src/core/profile.ts';
import {parsePoint} from '../../src/core/vocabulary.ts';
import {bankOf, type Capture, readCapture} from '../../src/device/capture.ts';
import {createDevice} from '../../src/device/device.ts';
import {planOf, timingOf} from '../../src/device/plan.ts';
import {openLink} from '../../src/link/open.ts';
import {startModbusServer} from '../../src/link/server.ts';
import {devicePages} from '../../tools/device-pages.ts';
import {afterTest} from '../support/after.ts';

const IDS = listProfiles().map(profile => profile.id);
/** The ids people and scripts hold on to. */
const PROMISED =
  `sunspec goodwe-et goodwe-dt sungrow-sh sungrow-sg deye-3p deye-1p solis-hybrid solis-string growatt-tlxh growatt-sph growatt-string
  huawei-sun2000 fox-h1 fox-h3 fox-h3-smart sma-hybrid sma-storage sma-home-manager solaredge-hybrid kostal-plenticore kostal-ksem victron-gx e3dc
  sigenergy sofar-g3 solax-hybrid eastron-sdm72 eastron-sdm120 eastron-sdm230 eastron-sdm630 carlo-gavazzi-em24 carlo-gavazzi-em340 chint-dtsu666
  abb-b23 schneider-iem3000 janitza-umg siemens-pac2200 inepro-pro380 orno-we516 finder-7m shelly-pro-3em`.split(/\s+/);
const SENTINELS: Readonly<Partial<Record<Field['type'], bigint>>> = {
  u16: 0xffffn,
  s16: 0x8000n,
  u32: 0xffff_ffffn,
  s32: 0x8000_0000n,
  u64: 0xffff_ffff_ffff_ffffn,
  s64: 0x8000_0000_0000_0000n,
};
/** The fields that tell a quantity; flags are patterns of bits. */
const valuesOf = (source: PointSource): readonly Field[] =>
  source.kind === 'flagged'
    ? [source.magnitude]
    : source.kind === 'first' || source.kind === 'total'
      ? source.of.flatMap(valuesOf)
      : fieldsOf(source);
test('all promised ids are there, and each profile has a capture of its own', () => {
  expect(IDS).toEqual(expect.arrayContaining(PROMISED));
  const captures = readdirSync('test/captures').map(file => file.replace('.json', ''));
  expect(captures.sort()).toEqual([...IDS].sort());
});

describe.each(IDS)('%s', id => {
  const profile = loadProfile(id);

  test('holds the conventions', () => {
    expect(profile.source.length, 'a document and what it was compared with').toBeGreaterThanOrEqual(2);
    expect(profile.setup.length, 'how Modbus is switched on').toBeGreaterThanOrEqual(1);
    expect(profile.name.length).toBeGreaterThan(3);
    const names = profile.points.map(point => point.name);
    expect(new Set(names).size).toBe(names.length);
    for (const point of profile.points) {
      expect(parsePoint(point.name), point.name).not.toBeNull();
      if (/(^|[._])energy_wh$/.test(point.name)) expect(point.every, point.name).toBe('slow');
      if (/power(_l\d)?_w$/.test(point.name)) expect(point.every, point.name).toBe('fast');
    }
    // Something that can stand in the house: a power of some part.
    if (profile.driver === 'fixed') expect(names.some(name => name.endsWith('.power_w'))).toBe(true);
    // A hybrid says on which side it measures.
    for (const part of ['pv', 'battery'] as const)
      if (names.includes(`${part}.power_w`) && names.includes('inverter.power_w'))
        expect(profile.side[part], `side of ${part}`).toBeDefined();
    expect(
      profile.driver === 'sunspec' || rolesFor(names.map(name => name.split('.')[0] as string)).length > 0,
      'has a place in the house',
    ).toBe(true);
    // Where the device's own sign is the other one, people are told so.
    for (const part of ['grid', 'battery'] as const) {
      const power = profile.points.find(point => point.name === `${part}.power_w`);
      if (power && fieldsOf(power.source).some(field => field.invert))
        expect(profile.notes.join(' '), `the sign of ${part}`).toMatch(part === 'grid' ? /(grid|meter).*turned/ : /battery.*turned/);
    }
  });

  test('takes the value that stands for "not implemented" in no register for a number', () => {
    const known = [...profile.points, ...profile.variants.flatMap(variant => variant.points)];
    for (const {name, source} of known)
      for (const field of valuesOf(source)) {
        const sentinel = SENTINELS[field.type];
        if (sentinel !== undefined && field.bits === null) expect(field.absent, `${name} at ${field.at}`).toContain(sentinel);
      }
  });

  test('reads no register as two different things', () => {
    const variants = profile.variants.map(variant => variant.points);
    for (const points of [profile.points, ...variants]) {
      const seen = new Map<string, string>();
      for (const point of points)
        for (const field of fieldsOf(point.source))
          for (const {at, words} of fieldSpans(field))
            for (let address = at; address < at + words; address++) {
              const key = `${point.unitKey}/${field.fc}/${address}`;
              const value = `${at}+${words}`;
              expect(seen.get(key) ?? value, `${point.name}: register ${address}`).toBe(value);
              seen.set(key, value);
            }
    }
  });

  test('is read inside its limits, every point once', () => {
    const {limits, points} = profile;
    const plan = planOf(points, limits, () => 1, timingOf(parseLinkUrl('tcp://h')));
    for (const {request} of plan) {
      expect(request.words).toBeLessThanOrEqual(limits.maxRegisters);
      for (const [from, to] of limits.forbidden) expect(request.at > to || request.at + request.words - 1 < from).toBe(true);
    }
    for (const point of points)
      for (const field of fieldsOf(point.source))
        for (const span of spansOf(field, limits))
          expect(
            plan.some(
              ({class: pace, request}) =>
                pace === point.every &&
                request.fc === span.fc &&
                request.at <= span.at &&
                request.at + request.words >= span.at + span.words,
            ),
            `${point.name} at ${span.at}`,
          ).toBe(true);
  });

  test('decodes its capture, read over a socket', async () => {
    const capture = readCapture(`test/captures/${id}.json`);
    const {expected, identity} = JSON.parse(readFileSync(`test/captures/${id}.json`, 'utf8')) as Capture & {
      identity: Record<string, string>;
      expected: Record<string, number | string | null>;
    };
    expect(capture.note).toMatch(/^synthetic/);
    const server = await startModbusServer({host: '127.0.0.1', port: 0, units: bankOf(capture, () => 0)});
    afterTest(() => server.close());
    const linkUrl = parseLinkUrl(`tcp://127.0.0.1:${server.port}`);
    const link = openLink('test', linkUrl, {clock: realClock, timeoutMs: 30_000, minGapMs: 0});
    afterTest(() => link.close());
    // Pauses are for real devices; what they are is checked by the profile's schema.
    const quick = {...profile, timing: {...profile.timing, connectDelayMs: 0, minGapMs: 0, unitPauseMs: 0, timeoutMs: 30_000}};
    const units = Object.fromEntries(Object.entries(profile.units).map(([key, unit]) => [key, unit.default]));
    const device = createDevice(
      {id, profile: quick, link, linkUrl, unit: profile.defaults.unit, units, options: {}, everyMs: 0, slowEveryMs: 0},
      {clock: realClock, log: silentLog, note() {}, localHour: () => 12},
    );
    const sweep = await device.sweep(new AbortController().signal);
    expect(sweep.fault).toBeNull();
    expect(sweep.against, 'speaks against its own profile').toEqual([]);
    const told = Object.fromEntries(
      sweep.readings.map(({point, measured}) => [point, measured.kind === 'missing' ? measured.fault : measured.value]),
    );
    for (const [point, value] of Object.entries(expected)) {
      if (typeof value === 'number') {
        expect(told[point], point).toBeTypeOf('number');
        expect(Math.abs((told[point] as number) - value), `${point}: ${told[point]} is not ${value}`).toBeLessThanOrEqual(
          Math.abs(value) * 1e-6,
        );
      } else if (value === null) expect(told[point], point).toEqual({kind: 'absent'});
      else expect(told[point], point).toBe(value);
    }
    expect(Object.keys(expected).sort(), 'every point is expected').toEqual(Object.keys(told).sort());
    for (const [key, text] of Object.entries(identity)) expect(sweep.identity[key as 'model'], key).toBe(text);
    // Each number is there once, so that two registers swapped would show.
    const numbers = Object.values(expected).filter(value => typeof value === 'number');
    expect(new Set(numbers).size).toBe(numbers.length);
  });
});

/** What people rely on that a device tells, as far as it has it. */
const LEAST: Readonly<Record<string, string>> = {
  'solaredge-hybrid':
    'grid.power_w grid.power_l1_w grid.power_l3_w grid.voltage_l1_v grid.frequency_hz grid.import_energy_wh grid.export_energy_wh inverter.power_w inverter.energy_wh inverter.frequency_hz inverter.voltage_l1_v inverter.current_l1_a inverter.temperature_c battery.power_w battery.soc_pct battery.charge_energy_wh battery.discharge_energy_wh',
  'goodwe-et':
    'grid.power_w grid.power_l1_w grid.power_l3_w grid.import_energy_wh grid.export_energy_wh pv.power_w pv.string1_power_w pv.string3_power_w pv.string1_voltage_v pv.energy_wh battery.power_w battery.voltage_v battery.current_a battery.soc_pct battery.charge_energy_wh battery.discharge_energy_wh inverter.power_w inverter.frequency_hz',
  'goodwe-dt': 'inverter.power_w pv.power_w inverter.energy_wh pv.string1_voltage_v inverter.voltage_l1_v inverter.frequency_hz',
  'sungrow-sh':
    'grid.power_w grid.import_energy_wh pv.power_w pv.energy_wh battery.power_w battery.soc_pct battery.discharge_energy_wh inverter.voltage_l1_v',
  'deye-3p':
    'grid.power_w grid.import_energy_wh grid.export_energy_wh grid.voltage_l1_v pv.power_w pv.energy_wh battery.power_w battery.soc_pct battery.voltage_v battery.current_a battery.temperature_c battery.charge_energy_wh battery.discharge_energy_wh',
  'deye-1p':
    'grid.power_w grid.voltage_l1_v grid.frequency_hz battery.power_w battery.soc_pct inverter.power_w pv.string1_power_w pv.string2_power_w',
  'solis-hybrid':
    'grid.power_w grid.power_l1_w grid.power_l2_w grid.power_l3_w grid.import_energy_wh battery.power_w battery.soc_pct pv.power_w pv.energy_wh',
  'solis-string': 'inverter.power_w inverter.energy_wh',
  'huawei-sun2000':
    'pv.power_w inverter.power_w grid.power_w battery.power_w battery.soc_pct grid.import_energy_wh grid.export_energy_wh inverter.energy_wh grid.voltage_l1_v',
  'growatt-tlxh': 'battery.power_w pv.power_w pv.string1_power_w pv.string1_voltage_v pv.string1_current_a',
  'growatt-string': 'pv.power_w pv.string1_power_w pv.string1_voltage_v pv.string1_current_a',
  'sma-hybrid': 'pv.string1_power_w pv.string2_power_w battery.power_w battery.discharge_energy_wh inverter.energy_wh',
  'sma-storage': 'battery.power_w battery.soc_pct',
  'fox-h3-smart': 'inverter.power_w inverter.frequency_hz battery.power_w',
  'kostal-plenticore': 'grid.power_w',
  'sofar-g3': 'grid.power_w grid.import_energy_wh pv.power_w pv.energy_wh battery.power_w battery.soc_pct',
  'eastron-sdm230': 'meter.voltage_l1_v meter.current_l1_a meter.power_w meter.frequency_hz meter.import_energy_wh meter.export_energy_wh',
  'eastron-sdm630':
    'meter.voltage_l1_v meter.voltage_l3_v meter.current_l3_a meter.power_w meter.power_l1_w meter.power_l3_w meter.frequency_hz meter.import_energy_wh meter.export_energy_wh',
};
test.each(Object.entries(LEAST))('%s tells at least what is promised', (id, points) => {
  expect(loadProfile(id).points.map(point => point.name)).toEqual(expect.arrayContaining(points.split(' ')));
});

test('docs/devices.md and the page of each device are what `node tools/device-pages.ts` writes', () => {
  const pages = devicePages();
  for (const [file, text] of pages) expect(readFileSync(file, 'utf8'), file).toBe(text);
  expect(readFileSync('README.md', 'utf8')).toContain(`[${IDS.length} profiles](docs/devices.md)`);
  expect(readdirSync('docs/devices').sort()).toEqual(
    [...pages.keys()].flatMap(file => (/docs\/devices\/(.+)/.exec(file) ?? []).slice(1)).sort(),
  );
});
