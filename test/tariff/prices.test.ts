// Prices by the calendar: bands, holidays, days on which the clocks change, and series with holes.

import {describe, expect, test} from 'vitest';
import {dayStart} from '../../src/core/flow/slots.ts';
import {calendarOf} from '../../src/core/tariff/calendar.ts';
import type {Tariffs} from '../../src/core/tariff/model.ts';
import {pricesAt, tariffAt} from '../../src/core/tariff/prices.ts';
import {decimal, parseCsv, parseJsonSeries} from '../../src/core/tariff/series.ts';
import {configured} from './configured.ts';

const QUARTER_MS = 900_000;

function priceAt(tariffs: Tariffs, local: string, zone = 'Europe/Berlin'): [number | null, string] {
  const [day = '', time = ''] = local.split(' ');
  const [hour = 0, minute = 0] = time.split(':').map(Number);
  const startMs = dayStart(zone, day) + (hour * 60 + minute) * 60_000;
  const tariff = tariffAt(tariffs, startMs);
  if (!tariff) return [null, 'none'];
  const found = pricesAt(tariff, startMs, calendarOf(zone, tariffs.holidays)(startMs), () => undefined);
  return [found.import, found.bucket];
}

describe('time of use', () => {
  // Periods of Spain's access tariff 2.0TD on the mainland (CNMC, circular 3/2020): peak 10-14 and 18-22, shoulder 8-10, 14-18 and 22-24 on
  // working days, valley else, on Saturdays, Sundays and national holidays of a fixed date.
  const spain = configured(`
periods:
  - import:
      - {name: P1, price: 0.2, days: mon-fri, hours: ["10:00-14:00", "18:00-22:00"]}
      - {name: P2, price: 0.15, days: mon-fri, hours: ["08:00-10:00", "14:00-18:00", "22:00-24:00"]}
      - {name: P3, price: 0.1}
holidays: ES
`);
  test.each([
    ['2026-11-23 09:45', 'P2'],
    ['2026-11-23 10:00', 'P1'],
    ['2026-11-23 13:45', 'P1'],
    ['2026-11-23 14:00', 'P2'],
    ['2026-11-23 21:45', 'P1'],
    ['2026-11-23 23:45', 'P2'],
    ['2026-11-23 00:00', 'P3'],
    ['2026-11-22 12:00', 'P3'], // Sunday
    ['2026-12-25 12:00', 'P3'], // Friday, Christmas
    ['2026-10-12 12:00', 'P3'], // Monday, national day
    ['2026-12-24 12:00', 'P1'], // Thursday
  ])('%s is %s', (local, bucket) => {
    expect(priceAt(spain, local)[1]).toBe(bucket);
  });

  test('over midnight and over new year', () => {
    const night = configured(`
- import:
    - {name: winter night, price: 0.11, months: nov-feb, hours: "22:00-06:00"}
    - {name: night, price: 0.13, hours: "22:00-06:00"}
    - {price: 0.3}
`);
    expect(
      ['2026-12-31 23:45', '2027-01-01 00:00', '2027-01-01 05:45', '2027-01-01 06:00', '2027-03-01 00:00', '2027-07-01 21:45'].map(
        at => priceAt(night, at)[0],
      ),
    ).toEqual([110_000, 110_000, 110_000, 300_000, 130_000, 300_000]);
  });

  test('where no band holds there is no price', () => {
    const partly = configured('- import: [{name: day, price: 0.3, hours: "06:00-22:00"}]');
    expect(priceAt(partly, '2026-11-23 03:00')).toEqual([null, 'otherwise']);
  });

  test.each([
    ['2026-03-29', 92, 4], // 02:00 to 03:00 does not exist
    ['2026-10-25', 100, 12], // 02:00 to 03:00 comes twice
    ['2028-02-29', 96, 8],
  ])('%s has %i quarter hours, %i of them between 01:00 and 03:00', (day, quarters, early) => {
    const tariffs = configured('- import: [{name: early, price: 0.1, hours: "01:00-03:00"}, {price: 0.3}]');
    const startMs = dayStart('Europe/Berlin', day);
    const at = calendarOf('Europe/Berlin', []);
    const slots = Array.from({length: 104}, (_, index) => startMs + index * QUARTER_MS).filter(ms => at(ms).day === day);
    expect(slots).toHaveLength(quarters);
    const [tariff] = tariffs.list;
    const named = slots.filter(ms => tariff && pricesAt(tariff, ms, at(ms), () => undefined).bucket === 'early');
    expect(named).toHaveLength(early);
  });

  test('a tariff changes in the middle of a day', () => {
    const two = configured('- {import: 0.3}\n- {from: 2026-07-01T12:00, import: 0.25}');
    expect([priceAt(two, '2026-07-01 11:45')[0], priceAt(two, '2026-07-01 12:00')[0]]).toEqual([300_000, 250_000]);
  });

  test('before the first tariff nothing has a price', () => {
    expect(priceAt(configured('- {from: 2026-01-01, import: 0.3}'), '2025-12-31 23:45')).toEqual([null, 'none']);
  });

  test('tax is on what is paid, not on what is earned', () => {
    const [tariff] = configured('- {import: 0.25, export: 0.08, tax: 1.19, non_bypassable: 0.01, fixed: {per_month: 10}}').list;
    expect(tariff).toMatchObject({
      import: {micro: 297_500},
      export: {micro: 80_000},
      nonBypassable: 11_900,
      fixed: {perMonth: 11_900_000},
    });
  });
});

test('several taxes are one on the other, and rounded once with the price', () => {
  const [tariff] = configured('- {import: 0.2, tax: [1.0511269632, 1.21], fixed: {per_month: 1}}').list;
  // 1.0511269632 x 1.21 is 1.271863625472.
  expect(tariff).toMatchObject({import: {micro: 254_373}, fixed: {perMonth: 1_271_864}});
});

describe('a series', () => {
  const tariffs = configured(`
periods:
  - {import: {series: spot, factor: 1.19, add: 0.1234}, export: 0.08, unpaid_below_zero: spot}
series: {spot: {file: spot.csv, unit: EUR/MWh}}
`);
  const [tariff] = tariffs.list;
  const at = (spot: number | undefined) => tariff && pricesAt(tariff, 0, calendarOf('UTC', [])(0), () => spot);

  test('is taken with factor and addition', () => {
    expect(at(87_345)).toMatchObject({import: 103_941 + 123_400, export: 80_000}); // 87.345 EUR/MWh x 1.19 = 0.10394055 EUR/kWh
    expect(at(-10_000)).toMatchObject({import: -11_900 + 123_400, export: 0});
    expect(at(0)).toMatchObject({export: 80_000});
  });

  test('that is not known gives no price', () => {
    expect(at(undefined)).toMatchObject({import: null, export: null});
  });
});

describe('lists of prices', () => {
  const shape = {unit: 'EUR/MWh', list: '', start: 'start', price: 'price', lastsMs: 3_600_000};
  const at = (text: string): number => Date.parse(text);

  test('CSV with a header, local times, a hole', () => {
    const rows = parseCsv('start;price\n2026-10-25T01:00;12,5\n2026-10-25T04:00;-3\n', shape, 'Europe/Berlin');
    expect(rows.map(row => row.micro)).toEqual([12_500, 12_500, 12_500, 12_500, -3000, -3000, -3000, -3000]);
    expect(rows[0]?.startMs).toBe(at('2026-10-24T23:00:00Z'));
    expect(rows[4]?.startMs).toBe(at('2026-10-25T03:00:00Z'));
  });

  test('CSV without a header, with the mark some editors put first', () => {
    expect(parseCsv('\uFEFF2026-01-01T00:00Z,5', {...shape, lastsMs: QUARTER_MS}, 'UTC')).toEqual([
      {startMs: at('2026-01-01T00:00:00Z'), micro: 5000},
    ]);
  });

  test('local times of a night in which the hour from two to three comes twice', () => {
    const hours = ['01:00', '02:00', '02:00', '03:00'].map((hour, index) => `2026-10-25T${hour},${index}`).join('\n');
    const rows = parseCsv(hours, {...shape, lastsMs: QUARTER_MS}, 'Europe/Berlin');
    expect(rows.map(row => row.micro / 1000)).toEqual([0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3]);
    expect(rows.map(row => (row.startMs - at('2026-10-24T23:00:00Z')) / QUARTER_MS)).toEqual(rows.map((_, index) => index));
  });

  test('JSON as exchanges give it', () => {
    const document = {
      data: [
        {start_timestamp: 1_764_000_000_000, marketprice: 87.345},
        {start_timestamp: 1_764_000_900_000, marketprice: '1e1'},
      ],
    };
    const rows = parseJsonSeries(
      document,
      {...shape, list: 'data', start: 'start_timestamp', price: 'marketprice', lastsMs: QUARTER_MS},
      'UTC',
    );
    expect(rows).toEqual([
      {startMs: 1_764_000_000_000, micro: 87_345},
      {startMs: 1_764_000_900_000, micro: 10_000},
    ]);
  });

  test.each([
    ['2026-13-01T00:00Z,5', /line 1: "2026-13-01T00:00Z" is no time/],
    ['# prices\nstart,price\n2026-01-01T00:00Z,x', /line 3: "x" is no price/],
    ['start,price\n2026-01-01T00:00Z,cheap', /line 2: "cheap" is no price/],
    ['start,price\nsoon,5', /line 2: "soon" is no time/],
  ])('%j is refused', (text, message) => {
    expect(() => parseCsv(text, shape, 'UTC')).toThrow(message);
  });

  test.each([
    [{}, /no list/],
    [{data: 5}, /no list/],
    [[{start: 'x', price: 1}], /entry 1: "start"/],
    [[{start: 0, price: null}], /entry 1: "price"/],
    [[7], /entry 1/],
  ])('%j is refused', (document, message) => {
    expect(() => parseJsonSeries(document, shape, 'UTC')).toThrow(message);
  });

  test.each([
    ['0.0786', 6, 78_600],
    ['87.345', 3, 87_345],
    ['-0.5', 0, -1],
    ['0.4999999', 0, 0],
    ['1e-3', 6, 1000],
    ['31,2', 4, null],
    ['', 6, null],
    ['9999999999999', 6, null],
  ])('%s by 10^%i is %s', (text, shift, expected) => {
    expect(decimal(text, shift)).toBe(expected);
  });
});

describe('a malformed tariff', () => {
  test.each([
    ['- {import: 0.1234567}', /test\.yaml:7:.*import.*six decimals/],
    ['- {import: cheap}', /test\.yaml:7:.*import/],
    ['- {from: 2026-02-30, import: 0.3}', /"2026-02-30" is no date/],
    ['- {from: 1.1.2026, import: 0.3}', /from: expected a local date/],
    ['- {import: 0.3}\n- {import: 0.2}', /test\.yaml:8:.*expected `from:`/],
    ['- {from: 2026-02-01, import: 0.3}\n- {from: 2026-01-01, import: 0.2}', /test\.yaml:8:.*later/],
    ['- import: [{price: 0.3}, {name: night, price: 0.2, hours: "22:00-06:00"}]', /always holds/],
    ['- import: [{name: a, price: 0.3, hours: "22:00-06:00"}, {name: a, price: 0.2}]', /two bands are called "a"/],
    ['- import: [{name: a, price: 0.3, hours: "22:10-06:00"}]', /quarter hours/],
    ['- import: [{name: a, price: 0.3, days: mon-fir}]', /expected mon, tue/],
    ['- import: [{name: a, price: 0.3, months: 11-2}]', /expected jan, feb/],
    ['- {import: {series: spot}}', /no series "spot"/],
    ['- {import: 0.3, settle: yearly}', /settle/],
    ['- {import: 0.3, tax: 19}', /tax/],
    ['- {imports: 0.3}', /unknown key; did you mean "import"/],
    ['periods: [{import: 0.3}]\nholidays: XX', /no holidays are known for "XX"/],
    ['periods: [{import: 0.3}]\nbilling_day: 31', /billing_day/],
    ['periods: [{import: {series: s}}]\nseries: {s: {unit: EUR/kWh}}', /one of file, url and topic/],
    ['periods: [{import: {series: s}}]\nseries: {s: {file: a.csv, unit: EUR/Wh}}', /unit/],
    ['[]', /tariffs: expected at least one tariff/],
    ['flat', /test\.yaml:7:.*expected a list of tariffs/],
    ['- import: [{name: a, prize: 0.3}]', /test\.yaml:7:24: tariffs\.0\.import\.0\.prize: unknown key; did you mean "price"\?/],
    ['- import: [{name: a, price: 0.3, day: mon-fri}]', /unknown key; did you mean "days"\?/],
    ['- import: {serie: spot}', /test\.yaml:7:.*serie: unknown key; did you mean "series"\?/],
    ['- {import: 0.3, settle: {net_meterin: {}}}', /unknown key; did you mean "net_metering"\?/],
    ['- {import: 0.3, settle: {net_metering: {true_up: april}}}', /true_up: found "april".*did you mean "apr"\?/],
    ['- {import: 0.3, settle: {year: {from: 7}}}', /settle\.year\.from/],
    ['- {import: 0.3, demand: {perkw: 3}}', /perkw: unknown key; did you mean "per_kw"\?/],
    ['- {import: 0.3, tax: none}', /tax: expected a factor from 1 to 3.*found "none"/],
    ['- {import: 0.3, settle: [month]}', /settle: found \["month"\], expected one of registers, 15m, 1h, month, year, net_billing/],
    ['- {import: 0.3, capacity: 4.6}', /capacity: expected \{kw: 4\.6, per_kw_month: 2\.05\}/],
    ['- import: [{name: a, price: 0.3, days: 1}]', /days: expected words such as mon-fri/],
    ['- import: [{name: a, price: 0.3, hours: 22}]', /hours: expected "HH:MM-HH:MM", or a list of such/],
    ['periods: [{import: 0.3}]\nholidays: 25', /holidays: expected a country such as ES, a region such as DE-BY, or a list of dates/],
    ['- {import: 0.3, demand: {per_kw: 3, average_of: 13}}', /average_of: expected a number of bills from 1 to 12/],
    ['- {import: 0.3, capacity: {kw: 0, per_kw_month: 3}}', /capacity\.kw: expected kW above zero/],
    ['- {import: 0.3, capacity: {kw: 4.6, per_kw_moth: 3}}', /unknown key; did you mean "per_kw_month"\?/],
    ['- {import: 0.3, fixed: {per_moth: 3}}', /per_moth: unknown key; did you mean "per_month"\?/],
    ['- {import: 0.3, paid_origins: [sun]}', /paid_origins\.0: found "sun", expected one of solar/],
    ['- {import: 0.3, unpaid_below_zero: spot}', /unpaid_below_zero: no series "spot"; known under tariffs.series: none/],
    ['- {import: 0.3, from: 2026-06-01T12:05}', /from: found "2026-06-01T12:05", expected a quarter hour/],
    ['- {import: 0.3, tax: 0.19}', /tax: expected a factor from 1 to 3.*found 0\.19/],
    ['- import: [{name: a, price: 0.3, days: monday}]', /found "monday".*did you mean "mon"\?/],
    ['- import: [{name: a, price: 0.3, days: mon-holiday}]', /found "mon-holiday"/],
    ['- import: [{name: a, price: 0.3, months: july}]', /found "july".*did you mean "jul"\?/],
    ['- import: [{name: a, price: 0.3, hours: "25:00-26:00"}]', /hours: expected "HH:MM-HH:MM"/],
    ['- import: []', /import: expected at least one band/],
    ['period: [{import: 0.3}]', /test\.yaml:7:.*period: unknown key; did you mean "periods"\?/],
    ['periods: []', /periods: expected at least one tariff/],
    ['periods: [{import: 0.3}]\nbilling_day: 0', /test\.yaml:8:.*billing_day: expected a day from 1 to 28 \(found 0\)/],
    ['periods: [{import: 0.3}]\nholidays: [2026-13-45]', /holidays\.0: expected a date.*"2026-13-45"/],
    ['periods: [{import: {series: spto}}]\nseries: {spot: {file: a.csv}}', /no series "spto"; did you mean "spot"\?/],
    [
      'periods: [{import: {series: s}}]\nseries: {s: {file: a.csv, unit: USD/kWh}}',
      /found "USD\/kWh", expected EUR\/kWh, EUR\/MWh, ct\/kWh, g\/kWh/,
    ],
    ['periods: [{import: 0.3}]\nseries: {s: {url: "ftp://x"}}', /url: expected http/],
  ])('%j', (text, message) => {
    expect(() => configured(text)).toThrow(expect.objectContaining({code: 'CONFIG_INVALID'}));
    expect(() => configured(text)).toThrow(message);
  });
});
