// Registers of real devices through a real socket and `wattledger read`: values as the device's display or another program's log had them.

import {describe, expect, test} from 'vitest';
import {captureFile, haveCaptures, WITHOUT} from '../support/captures.ts';
import {run, start} from '../support/cli.ts';

type Case = {
  readonly capture: string;
  readonly profile: string;
  readonly unit: number;
  /** Signs are ours: into the house is positive. */
  readonly expected: Readonly<Record<string, number | string>>;
  readonly identity?: Readonly<Record<string, string>>;
};

const CASES: readonly Case[] = [
  {
    // Expected by the recorder's own test suite (model 101 of SMA's SunSpec list).
    capture: 'sma-sb36-day',
    profile: 'sunspec',
    unit: 126,
    expected: {'inverter.power_w': 1080, 'inverter.voltage_l1_v': 239.2, 'inverter.current_l1_a': 4.5, 'inverter.frequency_hz': 49.98},
    identity: {manufacturer: 'SMA', model: 'SB3.6-1AV-41', serial: '3005067415', firmware: '4.00.75.R'},
  },
  {
    // The goodwe library's sensor values; its meter counts export as positive: -110 W is 110 W of import.
    capture: 'goodwe-GW10K_ET',
    profile: 'goodwe-et',
    unit: 247,
    expected: {
      'pv.power_w': 3456,
      'pv.string1_power_w': 1695,
      'pv.string2_power_w': 1761,
      'inverter.power_w': 831,
      'grid.power_w': 110,
      'grid.power_l1_w': 57,
      'battery.power_w': -2512,
      'battery.soc_pct': 68,
    },
  },
  {
    // The owner's log of another program: "charging 7977 W", so -7977 W into the house.
    capture: 'frames-sungrow-18473-charge',
    profile: 'sungrow-sh',
    unit: 1,
    expected: {'battery.power_w': -7977, 'battery.soc_pct': 4.4},
  },
  {
    // A SolarEdge meter counts export as positive: -91 is 91 W of import.
    capture: 'frames-solaredge-15445-meter',
    profile: 'solaredge-hybrid',
    unit: 1,
    expected: {
      'grid.power_w': 91,
      'grid.power_l1_w': -1032,
      'grid.power_l2_w': 123,
      'grid.power_l3_w': 1000,
      'grid.frequency_hz': 49.99,
      'grid.import_energy_wh': 18090016,
      'grid.export_energy_wh': 21267458,
    },
  },
  {
    // The meter's manual names; energies in kWh there.
    capture: 'eastron-sdm230-0',
    profile: 'eastron-sdm230',
    unit: 1,
    expected: {
      'meter.voltage_l1_v': 236.314,
      'meter.current_l1_a': 0.03,
      'meter.power_w': 5.346,
      'meter.frequency_hz': 49.951,
      'meter.import_energy_wh': 291627,
      'meter.export_energy_wh': 0,
    },
  },
  {
    // Frames of an issue thread; the checksums were verified. 522 has its low word first.
    capture: 'frames-deye-14522-rtu',
    profile: 'deye-3p',
    unit: 1,
    expected: {'grid.power_w': 7, 'grid.import_energy_wh': 146_500},
  },
  {
    capture: 'frames-deye-kbialek31-sg04lp3',
    profile: 'deye-3p',
    unit: 1,
    expected: {
      'battery.soc_pct': 21,
      'battery.voltage_v': 51.24,
      'battery.power_w': 721,
      'battery.current_a': 14.09,
      'battery.temperature_c': 15.2,
      'battery.charge_energy_wh': 26_800,
      'battery.discharge_energy_wh': 35_900,
    },
  },
  {
    capture: 'frames-fox-22668-h3smart',
    profile: 'fox-h3-smart',
    unit: 1,
    expected: {
      'inverter.power_w': 10_566,
      'inverter.frequency_hz': 49.99,
      // The device says 1.003, which is no percentage.
      'inverter.power_factor': 1,
      'inverter.power_l1_w': 3435,
      'inverter.power_l3_w': 3405,
      'battery.power_w': 26,
      'battery.voltage_v': 298.8,
    },
  },
  {
    // The owner's log beside it: grid 10 W of import, battery 77 W discharging, sun 185 W.
    capture: 'frames-goodwe-30965-evening',
    profile: 'goodwe-et',
    unit: 247,
    expected: {'battery.power_w': 77, 'pv.power_w': 185},
  },
  {
    capture: 'frames-growatt-esphome2997',
    profile: 'growatt-string',
    unit: 1,
    expected: {
      'pv.power_w': 7780.5,
      'pv.string1_power_w': 4398.2,
      'pv.string2_power_w': 3382.3,
      'pv.string1_voltage_v': 467.9,
      'pv.string1_current_a': 9.4,
      'pv.string2_voltage_v': 490.2,
      'pv.string2_current_a': 6.9,
    },
  },
  {
    capture: 'frames-kostal-16992-grid',
    profile: 'kostal-plenticore',
    unit: 71,
    expected: {'grid.power_w': -91.9},
  },
  {
    capture: 'frames-sma-16972',
    profile: 'sma-hybrid',
    unit: 3,
    expected: {'pv.string2_power_w': 55, 'inverter.energy_wh': 12_515_833, 'battery.discharge_energy_wh': 2_628_397},
  },
  {
    // At night: 52 W of import are -52 in the register.
    capture: 'frames-solis-14711',
    profile: 'solis-hybrid',
    unit: 1,
    expected: {
      'grid.power_w': 52,
      'grid.import_energy_wh': 2_501_000,
      'grid.current_l1_a': 1.15,
      'grid.current_l2_a': 1.41,
      'grid.power_l1_w': -80,
      'grid.power_l2_w': -192,
    },
  },
  {
    capture: 'frames-sungrow-16696',
    profile: 'sungrow-sh',
    unit: 1,
    expected: {'battery.soc_pct': 98.8, 'battery.discharge_energy_wh': 1_177_000},
  },
  {
    capture: 'goodwe-GW6000_DT',
    profile: 'goodwe-dt',
    unit: 127,
    expected: {
      'inverter.power_w': 1835,
      'inverter.voltage_l1_v': 225.6,
      'inverter.frequency_hz': 49.98,
      'inverter.energy_wh': 13_350_200,
      'inverter.temperature_c': 41.3,
      'pv.string1_voltage_v': 320.8,
      'pv.string1_current_a': 3.1,
    },
  },
  {
    capture: 'goodwe-GW10K_MS_TCP',
    profile: 'goodwe-dt',
    unit: 127,
    expected: {
      'inverter.power_w': 5914,
      'inverter.voltage_l1_v': 241.1,
      'inverter.energy_wh': 998_200,
      'pv.string2_voltage_v': 364,
      'pv.string2_current_a': 3.6,
    },
  },
  {
    // A simulator of models 701-714. The DC total of 714 is its own; its ports tell other watts.
    capture: 'EmulatedDER',
    profile: 'sunspec',
    unit: 1,
    expected: {
      'inverter.power_w': 9800,
      'inverter.power_l1_w': 3200,
      'inverter.power_l2_w': 3300,
      'inverter.power_l3_w': 3500,
      'inverter.voltage_l1_v': 276.8,
      'inverter.frequency_hz': 60.01,
      'inverter.state': 'running',
      'pv.power_w': 10_000,
      'pv.string1_power_w': 5500,
    },
    identity: {manufacturer: 'DERSec', serial: 'SN-Three-Phase'},
  },
  {
    // The body of model 103 alone; the cabinet's temperature is a sentinel, the sink's is not.
    capture: 'frames-solaredge-12708-inv103',
    profile: 'solaredge-hybrid',
    unit: 1,
    expected: {
      'inverter.power_w': 5520,
      'inverter.frequency_hz': 49.96,
      'inverter.energy_wh': 33_319_778,
      'inverter.voltage_l1_v': 231.5,
      'inverter.temperature_c': 51.97,
      'pv.power_w': 5604,
    },
  },
  {
    capture: 'frames-e3dc-82',
    profile: 'e3dc',
    unit: 134,
    expected: {},
  },
];

describe.skipIf(!haveCaptures)(`real registers, read over TCP${WITHOUT}`, () => {
  test.each(CASES)('$capture with $profile', async ({capture, profile, unit, expected, identity}) => {
    const simulated = start(['simulate', captureFile(capture), '--listen', '127.0.0.1:0']);
    const link = await simulated.saying(/(tcp:\/\/127\.0\.0\.1:\d+)/);
    const {code, stdout, stderr} = await run(['read', '--link', link, '--unit', String(unit), '--profile', profile, '--json']);
    if (Object.keys(expected).length > 0) expect(stderr).toBe('');
    expect(code).toBe(0);
    const document = JSON.parse(stdout);
    for (const [point, value] of Object.entries(expected)) {
      const told = document.points[point];
      expect(told, point).toMatchObject({quality: 'good'});
      if (typeof value === 'number') expect(told.value, point).toBeCloseTo(value, 3);
      else expect(told.value, point).toBe(value);
    }
    if (identity) expect(document.device).toMatchObject(identity);
    expect(document.bus.requests).toBeGreaterThan(0);
  });
});
