// What `check` says of a house whose map contradicts itself or the devices: counted twice, mapped as something else, anchored by the wrong register.

import {describe, expect, test} from 'vitest';
import {offlineFindings} from '../../src/cli/findings.ts';
import {parseConfig} from '../../src/config/load.ts';
import {AppError} from '../../src/core/errors.ts';

const config = (map: string, flows = '{}') =>
  parseConfig(
    `version: 1
site: {id: home, name: Our house, timezone: Europe/Berlin, currency: EUR}
links: {cellar: {url: "tcp://192.0.2.10:502"}, roof: {url: "tcp://192.0.2.11:502"}, hall: {url: "tcp://192.0.2.12:502"}}
devices:
  meter: {profile: eastron-sdm630, link: cellar, unit: 1}
  second: {profile: eastron-sdm630, link: cellar, unit: 2}
  sungrow: {profile: sungrow-sh, link: roof, unit: 1}
  shelly: {profile: shelly-pro-3em, link: hall, unit: 1}
map: ${map}
flows: ${flows}
store: {path: /tmp/ledger.db}
`,
    'site.yaml',
  );
const HYBRID = 'hybrid: [{id: sungrow, pv: sungrow.pv, battery: sungrow.battery, ac: sungrow.inverter}]';

describe('a finding', () => {
  test.each([
    // when, map, flows, where, what
    ['a hybrid stands as plain PV', '{grid: meter, solar: sungrow}', '{}', 'map.solar', /is a hybrid/],
    ['a battery is counted twice', '{grid: meter, solar: sungrow, battery: sungrow}', '{}', 'map.solar', /counted twice/],
    ['a hybrid’s parts stand on the AC side', '{grid: meter, solar: sungrow.pv}', '{}', 'map.solar', /measured on the DC side/],
    ['counters of single phases anchor a netting site', `{grid: shelly, ${HYBRID}}`, '{}', 'map.grid', /add up the phases one by one/],
    ['an order names nobody', `{grid: meter, ${HYBRID}}`, '{sink_order: [ev]}', 'flows.sink_order', /"ev" is nobody/],
  ])('%s', (_when, map, flows, where, what) => {
    expect(offlineFindings(config(map, flows))).toContainEqual(
      expect.objectContaining({where, what: expect.stringMatching(what), todo: expect.stringMatching(/./)}),
    );
  });

  test('is made of two links to one place', () => {
    const twice = parseConfig(
      `version: 1
links: {a: {url: "tcp://192.0.2.10"}, b: {url: "tcp://192.0.2.10:502"}, c: {url: "tcp://192.0.2.10:503"}}
devices: {meter: {profile: eastron-sdm630, link: a, unit: 1}, second: {profile: eastron-sdm630, link: b, unit: 2}}
map: {grid: meter, loads: {pump: second}}
store: {path: /tmp/ledger.db}
`,
      'site.yaml',
    );
    const found = offlineFindings(twice).filter(({where}) => where.startsWith('links.'));
    expect(found).toEqual([expect.objectContaining({where: 'links.b', what: expect.stringContaining('`links.a`')})]);
  });

  test('is not made of a house that is right', () => {
    const found = offlineFindings(config(`{grid: meter, ${HYBRID}, loads: {heat_pump: second}}`, '{sink_order: [standby, home, hybrid]}'));
    expect(found.filter(({where}) => /^(map|flows)/.test(where))).toEqual([]);
  });
});

describe('an error', () => {
  test.each([
    ['a part plays two roles', `{grid: meter, ${HYBRID}, battery: sungrow.battery}`, /already plays map\.hybrid\.0\.battery/],
    ['two meters measure the same whole house', '{grid: {meter: meter, at: load}, home: second}', /one of them is enough/],
    ['a second meter leaves two loads open', '{grid: meter, cascade: {meter: second, loads: [heat_pump, car]}}', /can only be one of them/],
    ['a load above the second meter has the name of a row', '{grid: meter, cascade: {meter: second, loads: [grid]}}', /a word of its own/],
  ])('%s', (_when, map, what) => {
    expect(() => config(map)).toThrow(AppError);
    expect(() => config(map)).toThrow(what);
  });
});

test('one of several batteries is not called like all of them together', () => {
  const two = (first: string): string => `version: 1
links: {a: {url: "tcp://192.0.2.10"}, b: {url: "tcp://192.0.2.11"}}
devices: {meter: {profile: eastron-sdm630, link: a, unit: 1}, ${first}: {profile: sungrow-sh, link: b, unit: 1}, garage: {profile: sungrow-sh, link: b, unit: 2}}
map: {grid: meter, battery: [${first}, garage]}
store: {path: /tmp/ledger.db}
`;
  expect(() => parseConfig(two('battery'), 'site.yaml')).toThrow(/"battery" is a word of its own/);
  expect(parseConfig(two('cellar'), 'site.yaml').site.map.batteries.map(({id}) => id)).toEqual(['cellar', 'garage']);
});

test('a second meter needs no third one: the load above it is the difference', () => {
  const {cascade, loads} = config('{grid: meter, cascade: {meter: second, loads: [heat_pump]}}').site.map;
  expect(loads).toEqual([]);
  expect(cascade?.loads).toEqual(['heat_pump']);
});
