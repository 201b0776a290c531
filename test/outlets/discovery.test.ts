// What Home Assistant is told: the rules it holds us to, and the messages of known houses, letter by letter.

import {readFileSync} from 'node:fs';
import {describe, expect, test} from 'vitest';
import {advance, createFlow} from '../../src/core/flow/advance.ts';
import {houseOf} from '../../src/core/flow/channels.ts';
import type {DeviceHealth} from '../../src/core/health.ts';
import type {Reading} from '../../src/core/reading.ts';
import type {ChannelRef, Site} from '../../src/core/site.ts';
import {VERSION} from '../../src/core/version.ts';
import {PARTS, parsePoint, QUANTITIES} from '../../src/core/vocabulary.ts';
import {discoveryProblems} from '../../src/outlets/mqtt/discovery-rules.ts';
import {discoveries, messagesOf} from '../../src/outlets/mqtt/homeassistant.ts';
import {namesOf} from '../../src/outlets/mqtt/names.ts';
import {HEALTH, SITE} from './house.ts';

/** Powers in W by `device/point`. */
type Powers = Readonly<Record<string, number>>;
type Home = {
  readonly site: Site;
  readonly devices: readonly DeviceHealth[];
  readonly powers: Powers;
  /** Every energy that such a house may ever tell, and money, instead of those of its first second. */
  readonly inFull?: boolean;
};

const device = (id: string, model: string, ...points: string[]): DeviceHealth => ({
  ...(HEALTH.devices[0] as DeviceHealth),
  id,
  identity: {profile: 'sunspec', unit: 1, manufacturer: 'Acme', model, serial: `SN-${id}`, firmware: '1.08'},
  points,
});
const dc = (part: string): ChannelRef => ({device: 'hybrid', part, id: part, side: 'dc', points: ['power_w']});

const VILLA: Home = {
  site: SITE,
  devices: [
    device(
      'meter',
      'SDM630',
      'meter.power_w',
      'meter.power_l1_w',
      'meter.import_energy_wh',
      'meter.export_energy_wh',
      'meter.voltage_l1_v',
    ),
    device('roof', 'Symo', 'inverter.power_w', 'inverter.energy_wh', 'inverter.state', 'pv.string1_voltage_v', 'inverter.temperature_c'),
    device('wall', 'Wall 10', 'battery.power_w', 'battery.soc_pct', 'battery.capacity_wh', 'battery.charge_energy_wh'),
    device('pump', 'SDM120', 'meter.power_w', 'meter.power_factor', 'meter.apparent_power_va', 'meter.frequency_hz', 'meter.current_l1_a'),
  ],
  powers: {'meter/meter.power_w': -900, 'roof/inverter.power_w': 3000, 'wall/battery.power_w': -700, 'pump/meter.power_w': 800},
};
const HYBRID: Home = {
  site: {
    ...SITE,
    id: 'farm',
    name: 'Farm',
    map: {
      ...SITE.map,
      solar: [],
      batteries: [],
      loads: [],
      hybrids: [{id: 'hybrid', pv: [dc('pv')], battery: [dc('battery')], ac: {...dc('inverter'), side: 'ac'}}],
    },
  },
  devices: [device('hybrid', 'GW10K-ET', 'pv.power_w', 'pv.energy_wh', 'battery.power_w', 'battery.soc_pct', 'inverter.power_w')],
  powers: {'meter/meter.power_w': -900, 'hybrid/pv.power_w': 3000, 'hybrid/battery.power_w': -700, 'hybrid/inverter.power_w': 2200},
};

const at = (id: string, part: string): ChannelRef => ({device: id, part, id, side: 'ac', points: ['power_w', 'soc_pct']});
const ESTATE: Home = {
  site: {
    ...SITE,
    id: 'estate',
    name: 'Estate',
    map: {
      ...SITE.map,
      wind: [at('mill', 'wind')],
      generator: [at('diesel', 'generator')],
      batteries: [at('wall', 'battery'), at('barn', 'battery')],
      loads: [at('pump', 'meter'), at('way_to_pond', 'meter')],
      hybrids: [{id: 'hybrid', pv: [dc('pv')], battery: [], ac: {...dc('inverter'), side: 'ac'}}],
    },
  },
  // Every point there is a word for, so that each is frozen; phases and strings by one of them.
  devices: [
    device(
      'everything',
      'E 1',
      ...[...PARTS, 'battery2'].flatMap(part =>
        Object.keys(QUANTITIES)
          .flatMap(quantity => [quantity, quantity.replace(/_([a-z]+)$/, '_l2_$1'), quantity.replace('string_', 'string7_')])
          .map(quantity => `${part}.${quantity}`)
          .filter((point, i, all) => parsePoint(point) !== null && all.indexOf(point) === i),
      ),
    ),
  ],
  powers: {
    'meter/meter.power_w': -900,
    'roof/inverter.power_w': 2500,
    'hybrid/pv.power_w': 1100,
    'hybrid/inverter.power_w': 1050,
    'mill/wind.power_w': 300,
    'diesel/generator.power_w': 0,
    'wall/battery.power_w': 700,
    'barn/battery.power_w': -100,
    'pump/meter.power_w': 800,
    'way_to_pond/meter.power_w': 60,
  },
  inFull: true,
};
const MONEY = [
  'import_price',
  'export_price',
  ...['today', 'month', 'year'].flatMap(span => ['from', 'cost', 'credit', 'saved'].map(what => `${span}_${what}`)),
];

/** One line per entity, so that a change of one shows as a change of one. The keys are those that the house really publishes. */
function told({site, devices, powers, inFull = false}: Home, style: 'device' | 'single'): {topic: string; payload: string}[] {
  const readings = Object.entries(powers).map(([key, value]): Reading => {
    const [id = '', point = ''] = key.split('/');
    return {device: id, point, measured: {kind: 'good', value, monoMs: 1000}};
  });
  let flow = createFlow(site, 'boot');
  let step = advance(site, flow, {
    tick: {seq: 0, monoMs: 1000, wallMs: Date.UTC(2026, 10, 24, 12)},
    readings,
    clockTrusted: true,
    flush: true,
  });
  flow = step.state;
  const later = readings.map(reading => ({...reading, measured: {...reading.measured, monoMs: 2000}}) as Reading);
  step = advance(site, flow, {
    tick: {seq: 1, monoMs: 2000, wallMs: Date.UTC(2026, 10, 24, 12, 0, 1)},
    readings: later,
    clockTrusted: true,
    flush: true,
  });
  const keys = (message: object | null): string[] => Object.keys(message ?? {});
  return discoveries({
    site,
    base: 'wattledger',
    devices,
    stateKeys: keys(step.siteState),
    energyKeys: inFull ? [...namesOf(site)].map(name => `${name}_kwh`) : keys(step.energy),
    dayKeys: inFull ? ['self_sufficiency_pct', 'self_consumption_pct'] : keys(step.day),
    moneyKeys: inFull ? MONEY : [],
    tariffs: false,
  }).flatMap(discovery => messagesOf(discovery, 'homeassistant', style));
}
const lines = (messages: readonly {topic: string; payload: string}[]): string =>
  `${messages
    .flatMap(({topic, payload}) => {
      const {components, ...rest} = JSON.parse(payload.replaceAll(`"${VERSION}"`, '"VERSION"')) as {components: Record<string, object>};
      return [
        topic,
        `  ${JSON.stringify(rest)}`,
        ...Object.entries(components).map(([key, component]) => `  ${key} ${JSON.stringify(component)}`),
      ];
    })
    .join('\n')}\n`;
const uniqueIds = (messages: readonly {payload: string}[]): string[] =>
  messages.flatMap(({payload}) => [...payload.matchAll(/"unique_id":"([^"]+)"/g)].map(match => match[1] as string));

describe.each([
  ['villa', VILLA],
  ['hybrid', HYBRID],
  ['estate', ESTATE],
] as const)('the messages of a known house: %s', (name, home) => {
  test('are those of all versions before: an id that changes costs people their history', async () => {
    await expect(lines(told(home, 'device'))).toMatchFileSnapshot(`../golden/discovery-${name}.txt`);
  });
  test.each(['device', 'single'] as const)('keep the rules in style %s', style => {
    expect(told(home, style).flatMap(({topic, payload}) => discoveryProblems(topic, payload))).toEqual([]);
  });
  test('name what they offer among all that such a house may tell', () => {
    const {batteries} = houseOf(home.site);
    expect(namesOf(home.site)).toContain(`grid_via_${batteries[0]}_to_home`);
    for (const {payload} of told({...home, inFull: false}, 'single')) {
      const {state_topic: from, unique_id: id} = JSON.parse(payload);
      if (from === 'wattledger/site/energy') expect(namesOf(home.site)).toContain(id.slice(`wattledger_${home.site.id}_`.length, -4));
    }
  });
  test('have the same unique ids in either style, each once', () => {
    const ids = uniqueIds(told(home, 'device'));
    expect(uniqueIds(told(home, 'single'))).toEqual(ids);
    expect(new Set(ids).size).toBe(ids.length);
    expect(ids.length).toBeGreaterThan(30);
  });
  test('a sleeping device keeps its counters, and loses its powers', () => {
    for (const {payload} of told(home, 'single')) {
      const {device_class: kind, availability, state_topic: from} = JSON.parse(payload);
      if (!from.startsWith('wattledger/device/')) continue;
      expect(availability.map(({topic}: {topic: string}) => topic)).toEqual(
        kind === 'energy' ? ['wattledger/status'] : ['wattledger/status', from.replace('/state', '/availability')],
      );
    }
  });
});

test('one message an entity: topics and payloads, letter by letter', async () => {
  const messages = told(HYBRID, 'single').map(({topic, payload}) => `${topic}\n  ${payload.replaceAll(`"${VERSION}"`, '"VERSION"')}\n`);
  await expect(messages.join('')).toMatchFileSnapshot('../golden/discovery-single.txt');
});

test('the page about Home Assistant names entities that are offered, each fit for its field of the Energy dashboard', () => {
  const home = {...VILLA, site: {...SITE, id: 'home'}, inFull: true};
  const offered = new Map(
    told(home, 'single').map(({payload}) => {
      const config = JSON.parse(payload) as Record<string, string>;
      return [config['default_entity_id'], [config['device_class'], config['state_class'], config['unit_of_measurement']]];
    }),
  );
  const named = readFileSync('docs/home-assistant.md', 'utf8').match(/sensor\.home_\w+/g) ?? [];
  expect(named.length).toBeGreaterThan(15);
  const FIT: readonly [RegExp, readonly (string | undefined)[]][] = [
    [/_kwh$/, ['energy', 'total_increasing', 'kWh']],
    [/_w$/, ['power', 'measurement', 'W']],
    [/_soc_pct$/, ['battery', 'measurement', '%']],
    [/_price$/, [undefined, 'measurement', 'EUR/kWh']],
    [/_(cost|credit)$/, ['monetary', 'total', 'EUR']],
  ];
  for (const name of named) {
    const id = name.replace('LOAD', 'heat_pump');
    expect([id, offered.get(id)]).toEqual([id, FIT.find(([ending]) => ending.test(id))?.[1]]);
  }
});

test('a load whose id begins with a digit has templates that Home Assistant can read', () => {
  const [pump] = VILLA.site.map.loads;
  const home = {...VILLA, inFull: true, site: {...VILLA.site, map: {...VILLA.site.map, loads: [{...(pump as ChannelRef), id: '2nd_car'}]}}};
  const messages = told(home, 'device');
  expect(messages.flatMap(({topic, payload}) => discoveryProblems(topic, payload))).toEqual([]);
  for (const key of ['2nd_car_power_w', '2nd_car_kwh'])
    expect(messages.some(({payload}) => payload.includes(`{{ value_json['${key}'] }}`))).toBe(true);
});

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
    ['a template with a number for a name', {value_template: '{{ value_json.2nd_car_kwh }}'}],
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
