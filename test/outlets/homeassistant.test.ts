// What Home Assistant makes of what we publish: entities, states, availability, a restart of its own.

import {describe, expect, test} from 'vitest';
import {afterTest} from '../support/after.ts';
import {type Assistant, rendered, startAssistant} from '../support/assistant.ts';
import {haveMosquitto, WITHOUT_MOSQUITTO} from '../support/programs.ts';
import {record} from './house.ts';
import {brokerWith, never, outlet, untilOpen} from './outlet.ts';

const NAMES = ['grid_import', 'grid_export', 'solar', 'battery_charge', 'battery_discharge', 'home'] as const;
async function assistantAt(url: string): Promise<Assistant> {
  const one = await startAssistant(url);
  afterTest(() => one.end());
  return one;
}

const allTotals = (assistant: Assistant): boolean =>
  NAMES.every(name => Number.isFinite(Number(assistant.entity(`sensor.house_${name}_kwh`)?.state())));

test.each([
  ['a number', '{"a": -1480.5}', '-1480.5'],
  ['null is None, which is shown as unknown', '{"a": null}', 'None'],
  ['a key that is not there is nothing, and keeps the value before', '{"b": 1}', ''],
  ['a truth has a capital', '{"a": true}', 'True'],
])('templates as Python renders them: %s', (_what, payload, expected) => {
  expect(rendered('{{ value_json.a }}', payload)).toBe(expected);
});

describe.skipIf(!haveMosquitto)(`Home Assistant's side${WITHOUT_MOSQUITTO}`, () => {
  test('everything the Energy dashboard asks for is there, with the classes and signs it asks for', async () => {
    const {url} = await brokerWith();
    const assistant = await assistantAt(url);
    const sink = outlet(url);
    await sink.open(never);
    await untilOpen(sink);
    await sink.write([record(1, 10)], never);
    await assistant.until('the first states', () => allTotals(assistant) && assistant.entity('sensor.house_skew_ms')?.state() === '12');
    expect(assistant.problems()).toEqual([]);
    for (const name of NAMES)
      expect(assistant.entity(`sensor.house_${name}_kwh`)?.config).toMatchObject({
        device_class: 'energy',
        state_class: 'total_increasing',
        unit_of_measurement: 'kWh',
      });
    for (const name of ['grid', 'solar', 'battery', 'home'])
      expect(assistant.entity(`sensor.house_${name}_power_w`)?.config).toMatchObject({
        device_class: 'power',
        state_class: 'measurement',
        unit_of_measurement: 'W',
      });
    expect(assistant.entity('sensor.house_battery_soc_pct')?.config).toMatchObject({
      device_class: 'battery',
      state_class: 'measurement',
      unit_of_measurement: '%',
    });
    expect(assistant.entity('sensor.house_grid_power_w')?.state()).toBe('420.5');
    const several = assistant.entities().filter(({config}) => (config['availability'] as unknown[] | undefined)?.length === 2);
    expect(several.length).toBeGreaterThan(10);
    expect(new Set(several.map(({config}) => config['availability_mode']))).toEqual(new Set(['all']));

    const unknown = {...record(2, 10), state: {...record(2, 10).state, battery_power_w: null}};
    await sink.write([unknown], never);
    await assistant.until('unknown', () => assistant.entity('sensor.house_battery_power_w')?.state() === 'unknown');

    await assistant.restart();
    expect(assistant.entity('sensor.house_grid_power_w')?.state()).toBe('unavailable');
    await assistant.until('all entities', () => assistant.entities().every(({state}) => state() !== 'unavailable'));
    await assistant.until('home_kwh after the restart', () => assistant.entity('sensor.house_home_kwh')?.state() === '2');

    await sink.close(never);
    await assistant.until('unavailable at the end', () => assistant.entity('sensor.house_home_kwh')?.state() === 'unavailable');
  });
});
