// Money from end to end: the ledger in a real file, prices from a file, a server and a broker, the command line, MQTT and Home Assistant.

import {execFileSync} from 'node:child_process';
import {writeFileSync} from 'node:fs';
import {createServer} from 'node:http';
import type {AddressInfo} from 'node:net';
import path from 'node:path';
import {describe, expect, test} from 'vitest';
import {keepMoney} from '../../src/app/money.ts';
import {fetchSeries, watchPrices} from '../../src/app/prices.ts';
import {parseConfig} from '../../src/config/load.ts';
import type {FlowEvent} from '../../src/core/flow/model.ts';
import {silentLog} from '../../src/core/log.ts';
import {openReader} from '../../src/store/queries.ts';
import {bench, clockAt, never, until, ZONE} from '../store/harness.ts';
import {record, SLOT_MS, START_MS, slot} from '../store/house.ts';
import {run, start, tempFolder} from '../support/cli.ts';
import {haveMosquitto, mosquitto, WITHOUT_MOSQUITTO} from '../support/programs.ts';
import {subscribe} from '../support/subscriber.ts';
import {HOUSE} from './configured.ts';

const moneyOf = (tariffs: string, folder = '/nowhere') => {
  const {money, site} = parseConfig(`${HOUSE}tariffs:\n${tariffs.replace(/^/gm, '  ')}`, path.join(folder, 'site.yaml'));
  if (!money) throw new Error('no tariffs');
  return {money, site};
};
/** Eight quarter hours before and after the change to summer time, figures known. */
async function filled(place: ReturnType<typeof bench>) {
  const first = place.open();
  await first.start();
  await first.write([record(0, START_MS, {slots: Array.from({length: 8}, (_, n) => slot(START_MS + n * SLOT_MS, n))})], never);
  await first.close(never);
  const store = place.open();
  await store.start();
  return store;
}

describe('prices come into the database', () => {
  const QUARTER = '2026-03-28T22:15:00Z';

  test('from a file, and again when it changes', async () => {
    const place = bench();
    const store = await filled(place);
    const file = path.join(place.folder, 'spot.csv');
    writeFileSync(file, `start,price\n${QUARTER},87.345\n`);
    const {money} = moneyOf(
      `periods: [{import: {series: spot}}]\nseries: {spot: {file: spot.csv, unit: EUR/MWh, lasts: 15m}}`,
      place.folder,
    );
    const prices = watchPrices(money, {clock: clockAt(START_MS), log: silentLog, zone: ZONE, store, note: () => {}});
    const stored = () => store.query('prices', {series: 'spot', fromMs: START_MS, toMs: START_MS + 8 * SLOT_MS});
    await until(stored, rows => rows.length === 1);
    expect(await stored()).toEqual([{startMs: Date.parse(QUARTER), micro: 87_345}]);
    prices.stop();
  });

  test('from a server; what it answers wrongly is said and stored nowhere', async () => {
    const answers = [
      [200, JSON.stringify({data: [{t: QUARTER, p: 0.25}]})],
      [500, ''],
      [200, '<html>'],
      [200, '{"data": [{"t": "soon", "p": 1}]}'],
    ] as const;
    let turn = 0;
    const server = createServer((_, response) => {
      const [status, body] = answers[turn++] ?? [404, ''];
      response.writeHead(status).end(body);
    }).listen(0, '127.0.0.1');
    await new Promise(resolve => server.once('listening', resolve));
    const {money} = moneyOf(
      `periods: [{import: {series: spot}}]\nseries: {spot: {url: "http://127.0.0.1:${(server.address() as AddressInfo).port}/prices", list: data, start: t, price: p, lasts: 15m}}`,
    );
    const [source] = money.series;
    if (!source) throw new Error('no series');
    expect(await fetchSeries(source, ZONE)).toEqual([{startMs: Date.parse(QUARTER), micro: 250_000}]);
    await expect(fetchSeries(source, ZONE)).rejects.toThrow(/answered 500/);
    await expect(fetchSeries(source, ZONE)).rejects.toThrow(/is no JSON/);
    await expect(fetchSeries(source, ZONE)).rejects.toThrow(/entry 1: "t" is "soon"/);
    server.close();
  });

  test('a source that is away is said once, and once when it is back', async () => {
    const place = bench();
    const store = await filled(place);
    const {money} = moneyOf(`periods: [{import: {series: spot}}]\nseries: {spot: {topic: prices/spot, lasts: 15m}}`);
    const events: FlowEvent[] = [];
    const prices = watchPrices(money, {
      clock: clockAt(START_MS),
      log: silentLog,
      zone: ZONE,
      store,
      note: event => void events.push(event),
    });
    expect(prices.receive('other', '{}')).toBe(false);
    for (const payload of ['nonsense', 'nonsense', JSON.stringify([{start: QUARTER, price: -0.01}])])
      prices.receive('prices/spot', payload);
    await until(
      () => events.length,
      count => count === 2,
    );
    expect(events.map(event => event.kind)).toEqual(['price-series-lost', 'price-series-back']);
    expect(await store.query('prices', {series: 'spot', fromMs: START_MS, toMs: START_MS + 8 * SLOT_MS})).toEqual([
      {startMs: Date.parse(QUARTER), micro: -10_000},
    ]);
    prices.stop();
  });
});

test('check looks at the files of prices, and for a broker where they come from a topic', async () => {
  const place = bench();
  const config = path.join(place.folder, 'site.yaml');
  writeFileSync(path.join(place.folder, 'bad.csv'), 'start,price\n2026-01-01T00:00,cheap\n');
  writeFileSync(
    config,
    `${HOUSE}mqtt: false\nstore: {path: wattledger.db}\ntariffs:\n  periods: [{import: 0.3, export: 0}]\n  series: {gone: {file: gone.csv}, bad: {file: bad.csv}, told: {topic: prices}}\n`,
  );
  const {code, stdout} = await run(['check', '--config', config]);
  expect(code).toBe(3);
  expect(stdout).toMatch(/tariffs\.series\.gone: .*gone\.csv: no such file/);
  expect(stdout).toMatch(/tariffs\.series\.bad: .*bad\.csv: line 2: "cheap" is no price/);
  expect(stdout).toMatch(/tariffs\.series\.told: comes from a topic, but there is no broker/);
});

describe('bills on record', () => {
  test('a corrected tariff adds a bill after the next start, however long ago it was, says so, and leaves the old one', async () => {
    const place = bench();
    const store = await filled(place);
    const events: FlowEvent[] = [];
    const laterMs = Date.parse('2028-05-10T00:00:00Z');
    for (const price of ['0.30', '0.30', '0.31']) {
      const {money, site} = moneyOf(`[{import: ${price}, export: 0.08}]`);
      const keeper = keepMoney(money, {
        site,
        clock: clockAt(laterMs),
        log: silentLog,
        store,
        note: event => void events.push(event),
        everyMs: 1,
      });
      await until(
        () => keeper.now(),
        now => now !== null,
      );
      await until(
        () => store.query('bills'),
        bills => bills.length >= (price === '0.31' ? 2 : 1),
      );
      keeper.stop();
    }
    const bills = await store.query('bills');
    // 8 quarter hours with 3,000 + n mWh of import each.
    const imported = 8 * 3000 + 28;
    expect(bills.map(bill => [bill.month, bill.duePico])).toEqual([
      ['2026-03', String(imported * 310_000)],
      ['2026-03', String(imported * 300_000)],
    ]);
    expect(events.map(event => event.kind)).toEqual(['bill-changed']);
    await store.close(never);
    const shell = execFileSync('sqlite3', [place.file, 'SELECT month, due FROM bills ORDER BY id'], {encoding: 'utf8'});
    expect(shell).toBe(`2026-03|${(imported * 300_000) / 1e12}\n2026-03|${(imported * 310_000) / 1e12}\n`);
  });
});

describe('on the command line', () => {
  test('report and export tell the same money; evidence adds up; the page for the printer is one document', async () => {
    const place = bench();
    const store = await filled(place);
    await store.close(never);
    const config = path.join(place.folder, 'site.yaml');
    writeFileSync(config, `${HOUSE}store: {path: wattledger.db}\ntariffs: [{import: 0.3, export: 0.08, fixed: {per_month: 12}}]\n`);
    const ask = async (...args: string[]): Promise<string> => {
      const {code, stdout, stderr} = await run([...args, '--config', config]);
      expect(stderr).toBe('');
      expect(code).toBe(0);
      return stdout;
    };
    const report = JSON.parse(await ask('report', '--month', '2026-03', '--json')) as {
      money: {exact: {cost: string}; bills: {due_exact: string}[]};
    };
    const rows = (await ask('export', '--from', '2026-03-01', '--to', '2026-04-01', '--what', 'money', '--format', 'jsonl'))
      .trim()
      .split('\n')
      .map(line => JSON.parse(line) as {cost_exact: string; import_price: number});
    expect(rows).toHaveLength(8);
    const sum = rows.reduce((all, row) => all + BigInt(row.cost_exact.replace('.', '')), 0n);
    expect(BigInt(report.money.exact.cost.replace('.', ''))).toBe(sum);
    expect(sum).toBe(BigInt(8 * 3000 + 28) * 300_000n);
    expect(report.money.bills[0]?.due_exact).toBe(`12.${String(sum).padStart(12, '0')}`);
    const evidence = (await ask('export', '--from', '2026-03-01', '--to', '2026-04-01', '--what', 'evidence', '--format', 'jsonl'))
      .trim()
      .split('\n')
      .map(line => JSON.parse(line) as Record<string, number>);
    expect(evidence.map(row => [row['generation_mwh'], row['import_mwh'], row['charge_mwh'], row['discharge_mwh']])).toEqual(
      Array.from({length: 8}, (_, n) => [120_000 + 2 * n, 3000 + n, 20_000 + n, 700 + n]),
    );
    for (const row of evidence) {
      expect(row['grid_reexported_min_mwh']).toBeLessThanOrEqual(row['grid_reexported_mwh'] ?? -1);
      expect(row['grid_reexported_mwh']).toBeLessThanOrEqual(row['grid_reexported_max_mwh'] ?? -1);
    }
    const page = await ask('report', '--month', '2026-03', '--format', 'html');
    expect(page).toMatch(/^<!doctype html>[\s\S]*<svg[\s\S]*Bill from 2026-03-01 to before 2026-04-01[\s\S]*<\/html>\s*$/);
    expect(page).not.toMatch(/<script|https?:/);
  });

  test('without tariffs money is refused in words, and null in the report', async () => {
    const place = bench();
    const store = await filled(place);
    await store.close(never);
    const refused = await run(['export', '--db', place.file, '--from', '2026-03-01', '--to', '2026-04-01', '--what', 'money']);
    expect([refused.code, refused.stderr]).toEqual([2, expect.stringMatching(/tariffs.*--config/)]);
    const {stdout} = await run(['report', '--db', place.file, '--month', '2026-03', '--json']);
    expect(JSON.parse(stdout)).toMatchObject({money: null});
  });

  test("the utility's own readings show the drift and book the difference", async () => {
    const place = bench();
    const store = await filled(place);
    await store.close(never);
    const {stdout, code} = await run([
      'correct',
      '--db',
      place.file,
      '--from',
      '2026-03-28T22:00:00Z',
      '--to',
      '2026-03-29T00:00:00Z',
      '--meter-reading',
      'grid_import=100.000:100.030',
      '--why',
      'bill of March',
    ]);
    expect(code).toBe(0);
    expect(stdout).toMatch(/The meter says 30 Wh, the ledger had 24\.028 Wh: a drift of 5\.972 Wh \(19\.907 %\)/);
    const reader = openReader(place.file);
    const total = reader.totals({fromMs: START_MS, toMs: START_MS + 8 * SLOT_MS, step: '1h', zone: 'UTC'});
    expect(total.filter(row => row.name === 'grid_import').reduce((all, row) => all + row.energyMilliWh, 0)).toBe(30_000);
    reader.close();
  });
});

test.skipIf(!haveMosquitto)(
  `the demo's money is on the broker, with entities for Home Assistant, and on the API${WITHOUT_MOSQUITTO}`,
  async () => {
    const broker = await mosquitto();
    const listener = await subscribe(broker.url, 'wattledger/site/money', 'homeassistant/#');
    const demo = start(['demo', '--data', tempFolder(), '--speed', '60', '--port', '0', '--mqtt', broker.url, '--seconds', '1800']);
    const money = JSON.parse(await listener.until('wattledger/site/money', text => Number(JSON.parse(text).today_saved) > 0));
    expect(money).toMatchObject({currency: 'EUR', export_price: 0.0786, import_price: expect.any(Number), today_cost: expect.any(Number)});
    const config = await listener.until('homeassistant/device/wattledger_demo_house/config', text => text.includes('today_cost'));
    const {components} = JSON.parse(config) as {components: Record<string, Record<string, unknown>>};
    expect(components['today_cost']).toMatchObject({
      device_class: 'monetary',
      state_class: 'total',
      unit_of_measurement: 'EUR',
      last_reset_value_template: '{{ value_json.today_from }}',
    });
    expect(components['import_price']).toMatchObject({unit_of_measurement: 'EUR/kWh', state_class: 'measurement'});
    demo.child.kill('SIGTERM');
    await demo.ended;
    await listener.end();
    await broker.kill();
  },
);
