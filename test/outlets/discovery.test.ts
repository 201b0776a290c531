// What Home Assistant is told: the rules it holds us to, and the messages of known houses, letter by letter.

import {describe, expect, test} from 'vitest';
import {discoveryProblems} from '../../src/outlets/mqtt/discovery-rules.ts';

describe('the rules of discovery', () => {
  const valid = {
    device: {identifiers: ['a'], name: 'A'},
    origin: {name: 'wattledger'},
    components: {
      p: {
        platform: 'sensor',
        unique_id: 'u',
        state_topic: 't',
        value_template: '{{ value_json.p }}',
        device_class: 'power',
        unit_of_measurement: 'W',
        state_class: 'measurement',
      },
    },
  };
  const change = (with_: object): string => JSON.stringify({...valid, components: {p: {...valid.components.p, ...with_}}});
  test('a good one passes', () => expect(discoveryProblems('homeassistant/device/a/config', JSON.stringify(valid))).toEqual([]));
  test.each([
    ['a unit of another class', {unit_of_measurement: 'kWh'}],
    ['energy as a measurement', {device_class: 'energy', unit_of_measurement: 'kWh'}],
    ['object_id', {object_id: 'x'}],
    ['an entity of another domain', {default_entity_id: 'binary_sensor.x'}],
    ['a template with logic', {value_template: '{{ value_json.p | float }}'}],
    ['a battery without statistics', {device_class: 'battery', unit_of_measurement: '%', state_class: undefined}],
    ['enum without options', {device_class: 'enum', unit_of_measurement: undefined, state_class: undefined}],
    ['two availabilities in mode latest', {availability: [{topic: 'a'}, {topic: 'b'}]}],
    ['no unique id', {unique_id: undefined}],
  ] as const)('%s is found', (_name, mistake) => {
    expect(discoveryProblems('homeassistant/device/a/config', change(mistake))).not.toEqual([]);
  });
  test('a device number that is no string, a topic with a space', () => {
    expect(
      discoveryProblems('homeassistant/device/a b/config', JSON.stringify({...valid, device: {...valid.device, serial_number: 5}})),
    ).toHaveLength(2);
  });
});
