// Inputs of the conformance kinds that no acceptance case shows: what the rules say of them, worked out by hand. And the command around them.

import {spawnSync} from 'node:child_process';
import {describe, expect, test} from 'vitest';
import {conform} from '../../src/cli/conformance-kinds.ts';

describe('rules at their edges', () => {
  test.each<[string, string, unknown, unknown]>([
    // what, kind, input, at least this
    [
      'a channel without sigma is not moved',
      'wls',
      {
        channels: [
          {id: 'a', v: 5},
          {id: 'b', v: 1, sigma: 3},
        ],
      },
      {adjusted: {a: 5, b: -5}},
    ],
    [
      'a load that takes nothing bears its share where power is left over',
      'snapshot',
      {readings: {solar: 300, loads: {car: 0}, homeMeter: 100, grid: 0}, sigma: {solar: 100, car: 100}},
      {home: 100, quality: 'adjusted', adjusted: {solar: 200, grid: 0, car: -100, homeMeter: -100}},
    ],
    [
      'an id that is named twice in an order is served once',
      'snapshot',
      {readings: {solar: 300, grid: -100}, sinkOrder: ['grid', 'home', 'grid']},
      {matrix: {solar: {grid: 100, home: 200}}},
    ],
    [
      'a battery that is named twice gives and takes once',
      'rebalance',
      {matrix: {b: {home: 8, grid: 2}, solar: {grid: 2}}, batteries: ['b', 'b'], targets: {rows: {solar: 2}, cols: {grid: 6}}},
      {matrix: {b: {home: 7, grid: 4}, solar: {grid: 2}}},
    ],
    [
      'the bounds are those of the formula, also where energy must pass through the battery',
      'gap',
      {counters: {discharge: 1, import: 5, charge: 0, export: 4}},
      {home: 2, matrix: {grid: {grid: 3, home: 2}, battery: {grid: 1}}, bounds: {'battery->home': [0, -3]}},
    ],
    ['a counter that nobody asks for may be anything', 'gap', {counters: {solar: 3, note: 'dusty'}}, {home: 3}],
    [
      'a year between two nodes',
      'integrate',
      {nodes: [0, 31_536_000_000].map(t => ({t, readings: {grid: 10_000_001}}))},
      {mWh: {grid: {home: 87_600_008_760}}, remainder: {}},
    ],
    [
      'two samples of the same moment add nothing',
      'clock',
      {
        samples: [
          [5, 5, 9],
          [5, 5, 7],
          [10, 10, 7],
        ],
      },
      {mWh: 0, remainder: 70},
    ],
    [
      'a midnight that comes twice is the first',
      'slots',
      {tz: 'America/St_Johns', day: '2010-11-07'},
      {startUtc: '2010-11-07T02:30Z', quarterHours: 100},
    ],
    [
      'a midnight that does not exist',
      'slots',
      {tz: 'America/Sao_Paulo', day: '2018-11-04'},
      {startUtc: '2018-11-04T03:00Z', quarterHours: 92},
    ],
    ['a day that does not exist', 'slots', {tz: 'Pacific/Apia', day: '2011-12-30'}, {startUtc: '2011-12-30T10:00Z', quarterHours: 0}],
    [
      'whole quarter hours of a day that begins 30 seconds after a minute',
      'slots',
      {tz: 'Africa/Monrovia', day: '1972-01-07'},
      {startUtc: '1972-01-07T00:44Z', endUtc: '1972-01-08T00:00Z', quarterHours: 93},
    ],
    [
      'a value held for very long may have moved very far',
      'align',
      {node: 4_000_000_000, series: {grid: [[0, 5]]}, staleRate: {grid: 9_000_000_001}, homePrior: {value: 1, sigma: 0}},
      {quality: 'stale-estimated', adjusted: {grid: 1}},
    ],
    [
      'ids that are words of the language',
      'snapshot',
      {readings: {solar: 90, batteries: {constructor: 10}, loads: {valueOf: 0}, grid: -110}, sigma: {solar: 10}},
      {quality: 'adjusted', adjusted: {solar: 100, constructor: 10, valueOf: 0, grid: -110}, matrix: {constructor: {grid: 10}}},
    ],
    [
      'a tolerance that belongs to no channel',
      'snapshot',
      {readings: {solar: 100, grid: 0, homeMeter: 90}, sigma: {home: 50}},
      {quality: 'suspect', matrix: {solar: {home: 90, unexplained: 10}}},
    ],
    [
      'devices that are called like meters',
      'snapshot',
      {readings: {solar: {home: 1000, cascade: 500}, grid: -1600}, sigma: {home: 50}},
      {home: 0, quality: 'adjusted', adjusted: {home: 1100, cascade: 500, grid: -1600}, matrix: {solar: {grid: 1600}}},
    ],
    [
      'an inverter whose battery has its name',
      'snapshot',
      {readings: {solar: {inverter: 1000, roof: 200}, batteries: {inverter: -500}, grid: -400}},
      {home: 300, quality: 'ok', matrix: {solar: {home: 300, inverter: 500, grid: 400}}},
    ],
    ['phases take the place of the grid value, whatever it is', 'snapshot', {readings: {gridPhases: [1, 2, 3], grid: 0.5}}, {home: 6}],
    [
      'a last home below zero, which is only a number',
      'align',
      {node: 0, series: {grid: [[0, 5]]}, homePrior: {value: -3, sigma: 1}},
      {home: 5, quality: 'ok'},
    ],
    [
      'powers whose sum leaves the range',
      'clock',
      {
        samples: [
          [0, 0, 9_007_199_254_740_991],
          [1, 1, 9_007_199_254_740_990],
        ],
      },
      {mWh: 2_501_999_792, remainder: 7_081_981},
    ],
    ['a half cent that is paid back', 'tariff', {rule: 'energy-cost', items: [{mWh: -25_000, price: 200_000}]}, {pico: -5e9, cents: -1}],
    [
      'credit in a bucket that does not count',
      'tariff',
      {rule: 'net-metering-tou', prices: {day: 1}, months: [], bank: {day: 2, night: 3}, trueUpPrice: 0},
      {trueUp: {surplus: 2}},
    ],
  ])('%s', (_what, kind, input, wanted) => {
    const plain = JSON.stringify(conform(kind, input), (_, value) => (typeof value === 'bigint' ? Number(value) : value));
    expect(JSON.parse(plain)).toMatchObject(wanted as object);
  });

  test.each<[string, string, unknown]>([
    ['a load that least squares would turn around', 'snapshot', {readings: {solar: 0, loads: {car: 0}, grid: -10}, sigma: {car: 10}}],
    ['an origin that is none', 'ledger', {mode: 'fifo', etaPpm: 900_000, initial: {coal: 0}, events: []}],
    ['a battery that gives back more than it took', 'ledger', {mode: 'fifo', etaPpm: 1_000_001, events: []}],
    [
      'a moment before the last one',
      'clock',
      {
        samples: [
          [5, 5, 1],
          [4, 4, 1],
        ],
      },
    ],
    ['a kind that is a word of the language', 'constructor', {}],
    [
      'two adjusted channels of one name',
      'snapshot',
      {readings: {solar: {inverter: 1000}, batteries: {inverter: -500}, grid: -501}, sigma: {inverter: 1}},
    ],
    ['a battery that is called like a row', 'snapshot', {readings: {solar: 5, batteries: {solar: 1}, grid: 0}}],
    ['more quarter hours than memory holds', 'gap', {counters: {solar: 1}, slots: 1_000_000_000}],
    ['a day before the calendar', 'slots', {tz: 'UTC', day: '0000-01-01'}],
    ['energy that is unknown', 'tariff', {rule: 'net-billing', intervals: [{import: null, export: 1, buy: 1, sell: 1}]}],
    ['a power that is unknown', 'snapshot', {readings: {solar: null, grid: 5}}],
    [
      'a power of a hybrid that is unknown',
      'snapshot',
      {topology: 'dc-hybrid', readings: {pvDc: 5, battDc: 0, ac: 5, grid: 0, solarAc: null}},
    ],
    ['a counter of a gap that is unknown', 'gap', {counters: {solar: null, import: 5}}],
    ['energy that is missing', 'tariff', {rule: 'feed-in', price: 1, intervals: [{eligible: 1, spot: 1}]}],
    ['a month without its export', 'tariff', {rule: 'net-metering-tou', prices: {day: 1}, months: [{import: {day: 1}}]}],
    ['a quarter hour without its name', 'tariff', {rule: 'demand', pricePerKw: 1, quarterHours: [{import: 1}]}],
    ['a register that is missing', 'anchor', {resolution: 1, K0: 0, events: [{integrated: 1}]}],
    ['energy that leaves the range', 'anchor', {resolution: 1, K0: 9_007_199_254_740_991, events: [{integrated: 2, counter: null}]}],
  ])('no result: %s', (_what, kind, input) => {
    expect(() => conform(kind, input)).toThrow(RangeError);
  });
});

describe('the command', () => {
  const run = (input: string): unknown[] =>
    spawnSync(process.execPath, ['src/cli/conformance.ts'], {input, encoding: 'utf8'})
      .stdout.trim()
      .split('\n')
      .map(line => JSON.parse(line) as unknown);
  const good = (id: string): string => JSON.stringify({id, kind: 'wls', input: {channels: [{id: 'a', v: -0, sigma: 1}]}});

  test('leaves out blank lines, names the line that is none where its id can be read, and goes on', () => {
    const lines = ['', good('1'), '  ', '{"id":"2","kind":"wls","inp', '{', 'null', good('a\u2028b'), '\r'];
    expect(run(lines.join('\n'))).toEqual([
      {id: '1', result: {adjusted: {a: 0}}},
      {id: '2', error: expect.stringMatching(/^not JSON/)},
      {id: null, error: expect.stringMatching(/^not JSON/)},
      {id: null, error: expect.stringMatching(/^kind/)},
      {id: 'a\u2028b', result: {adjusted: {a: 0}}},
    ]);
  });

  test('goes on after what nests too deep to be written', () => {
    const deep = '['.repeat(100_000) + ']'.repeat(100_000);
    const label = `{"rule":"demand","pricePerKw":1,"quarterHours":[{"import":1,"t":${deep}}]}`;
    expect(run([`{"id":${deep},"kind":"wls"}`, `{"id":"1","kind":"tariff","input":${label}}`, good('2')].join('\n'))).toMatchObject([
      {id: null, error: expect.any(String)},
      {id: '1', error: expect.any(String)},
      {id: '2', result: {}},
    ]);
  });

  test('takes ids of digits in the order of the line', () => {
    const readings = '{"batteries":{"2":100,"1":100},"loads":{ "8":100,"7":20 },"grid":-80}';
    expect(run(`{"id":"3","kind":"snapshot","input":{"readings":${readings},"sinkOrder":["grid"]}}`)).toEqual([
      {id: '3', result: {home: 0, quality: 'ok', matrix: {'2': {grid: 80, '8': 20}, '1': {'8': 80, '7': 20}}}},
    ]);
  });

  test('takes files that were put together, a case with a field called cases, and names a broken line by its number', () => {
    const named = good('2').replace('{', '{"cases":[1],');
    expect(run([good('1'), `\uFEFF${named}\r`, '{"id":-3,"input":NaN}'].join('\n'))).toMatchObject([
      {id: '1', result: {}},
      {id: '2', result: {}},
      {id: -3, error: expect.stringMatching(/^not JSON/)},
    ]);
  });

  test('takes a whole document with its cases as well', () => {
    const document = JSON.stringify(
      {format: 'flow-cases/1', list: ['grid', 'unexplained'], cases: ['1', '2'].map(id => JSON.parse(good(id)))},
      null,
      1,
    );
    expect(run(document)).toMatchObject([{id: '1'}, {id: '2'}]);
    expect(run(`{\n${good('3')}`)).toMatchObject([{id: null}, {id: '3'}]);
  });

  test.each([
    ['a document on one line', `{"cases":[${good('1')},${good('2')}]}\n`],
    ['a list on one line', `[${good('1')},${good('2')}]`],
    ['a list over lines', `[\n  ${good('1')},\n  ${good('2')}\n]\n`],
    ['a document whose list begins on its first line', `{"cases": [\n${good('1')},\n${good('2')}]}`],
  ])('takes %s', (_what, text) =>
    expect(run(text)).toMatchObject([
      {id: '1', result: {}},
      {id: '2', result: {}},
    ]),
  );
});
