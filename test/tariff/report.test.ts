// Reports as their reader has them: the terminal page at its widths, CSV, the printed page, the bill from the post, and what was asked for wrongly.

import {writeFileSync} from 'node:fs';
import path from 'node:path';
import {describe, expect, test} from 'vitest';
import {command as exporting} from '../../src/cli/export.ts';
import {figuresOf} from '../../src/cli/figures.ts';
import {type PageStyle, widthOf} from '../../src/cli/page.ts';
import type {Report} from '../../src/cli/report.ts';
import {textOf} from '../../src/cli/report-text.ts';
import {periodOf} from '../../src/cli/when.ts';
import {parseConfig} from '../../src/config/load.ts';
import {openForChange} from '../../src/store/correction.ts';
import {openReader} from '../../src/store/queries.ts';
import {type Bench, bench, never, ZONE} from '../store/harness.ts';
import {cell, good, record, SLOT_MS, START_MS, slot, total} from '../store/house.ts';
import {run} from '../support/cli.ts';
import {HOUSE} from './configured.ts';

// Each asks the program several times, a process each.

const TARIFFS = `
  - import: [{name: peak, price: 1.25, hours: "23:00-24:00"}, {name: else, price: 0.31}]
    export: 0.08
    paid_origins: [solar]
    fixed: {per_month: 12}
    co2: 363
`;

/** A home that uses, sells, charges from sun and street and gives it back, over sixteen quarter hours; a heat pump beside it. */
async function filled(tariffs = TARIFFS): Promise<Bench & {readonly config: string}> {
  const place = bench();
  const store = place.open();
  await store.start();
  const slots = Array.from({length: 16}, (_, n) =>
    slot(START_MS + n * SLOT_MS, n, {
      cells: {
        'solar-first': [
          cell('solar', 'direct', 'solar', 'home', 310_000 + n, 'btm_consumed'),
          cell('solar', 'direct', 'solar', 'battery', 420_000 + n, 'stored'),
          cell('grid', 'direct', 'grid', 'battery', 130_000 + n, 'imported'),
          cell('grid', 'direct', 'grid', 'heat_pump', 540_000 + n, 'imported'),
          cell('solar', 'battery', 'battery', 'heat_pump', 110_000 + n, 'btm_consumed'),
          cell('grid', 'battery', 'battery', 'grid', 21_000 + n, 're_exported'),
          cell('solar', 'direct', 'solar', 'grid', 730_000 + n, 'exported'),
        ],
      },
      totals: [
        total('grid_import', 670_000 + 2 * n),
        total('grid_export', 751_000 + 2 * n),
        total('battery_charge', 550_000 + 2 * n),
        total('battery_discharge', 131_000 + 2 * n),
      ],
      quality: n === 3 ? ['gap'] : ['ok'],
    }),
  );
  await store.write([record(0, START_MS, {readings: [good('meter', 'meter.power_w', 7)], slots})], never);
  await store.close(never);
  const config = path.join(place.folder, 'site.yaml');
  writeFileSync(config, `${HOUSE}store: {path: wattledger.db}\n${tariffs === '' ? '' : `tariffs:${tariffs}`}`);
  return {...place, config};
}

function reportOf(place: Bench, kind: 'day' | 'month' | 'bill' | 'year', name: string): Report {
  const reader = openReader(place.file);
  try {
    const period = periodOf(kind, name, ZONE, START_MS);
    const {fromMs, toMs} = period;
    const {money} = parseConfig(`${HOUSE}tariffs:${TARIFFS}`, 'site.yaml');
    if (!money) throw new Error('no tariffs');
    const step = {day: '1h', month: '1d', bill: '1d', year: '1mo'} as const;
    const policy = 'solar-first' as const;
    const rows = reader.flows({fromMs, toMs, step: step[kind], policy, zone: ZONE});
    const answer = reader.money({
      fromMs,
      toMs,
      step: step[kind],
      policy,
      zone: ZONE,
      tariffs: money.tariffs,
      efficiencyPpm: 850_000,
      nowMs: toMs,
      depth: 'bills',
    });
    const figures = figuresOf(rows, reader.totals({fromMs, toMs, step: '15m', zone: ZONE}), reader.batteries());
    return {period, policy, zone: ZONE, figures, coverage: {stored: 16, expected: 96}, money: {answer, currency: 'EUR', comparison: null}};
  } finally {
    reader.close();
  }
}

describe('the page of a terminal', () => {
  const style = (columns: number, colour: boolean): PageStyle => ({columns, colour});

  test.each([60, 80, 100, 120, 200])('at %i columns no line is longer, in no period', async columns => {
    const place = await filled();
    for (const [kind, name] of [
      ['day', '2026-03-29'],
      ['month', '2026-03'],
      ['bill', '2026-03'],
      ['year', '2026'],
    ] as const) {
      const lines = textOf(reportOf(place, kind, name), style(columns, true)).split('\n');
      // Figures of money are a table that needs its 80.
      const most = Math.max(80, Math.min(columns, 120));
      expect(lines.filter(line => widthOf(line) > most)).toEqual([]);
    }
  });

  test('has colours where they are wanted, and says the same without them', async () => {
    const place = await filled();
    const report = reportOf(place, 'day', '2026-03-29');
    const [plain, coloured] = [textOf(report, style(80, false)), textOf(report, style(80, true))];
    const ESCAPE = String.fromCharCode(27);
    expect(plain).not.toContain(ESCAPE);
    expect(coloured).toContain(`${ESCAPE}[38;5;208m`);
    const bare = coloured
      .split('\n')
      .map(line => line.split(ESCAPE).map((part, at) => (at === 0 ? part : part.replace(/^\[[0-9;]*m/, ''))));
    expect(bare.map(parts => parts.join('').trimEnd()).join('\n')).toBe(plain);
  });

  test('tells cost, counterfactuals, what used it and of what it was made, and the content of the battery', async () => {
    const place = await filled();
    const {stdout, stderr, code} = await run(['report', '--bill', '2026-03', '--config', place.config]);
    expect([code, stderr]).toEqual([0, '']);
    for (const line of [
      /^Bill of 1 ?– ?31 March 2026 +Europe\/Berlin, solar-first$/m,
      /^ {2}Produced +23\.36 kWh {2}█+/m,
      /^ {2}Paid on balance +\d+\.\d\d$/m,
      /^ {2}Without the battery +\d+\.\d\d {3}the battery (made|lost) \d+\.\d\d$/m,
      /^ {2}Without own energy +\d+\.\d\d {3}own energy made \d+\.\d\d$/m,
      /^ {2}Exports never paid +0\.34 {3}of an origin that is not paid$/m,
      /^ {2}CO2 of imports +3\.9 kg {3}2\.4 kg saved$/m,
      /^In the battery at the end +kWh +EUR +if sold\n {2}battery +\d+\.\d\d +\d+\.\d\d +\d+\.\d\d\n {4}■ solar \d+ % {2}■ grid \d+ %$/m,
      /^ {2}heat pump +10\.40 +\d+\.\d\d +\d+\.\d\d\n {4}■ grid 83 % {2}■ solar 17 %$/m,
      /^Bill from 2026-03-01 +kWh +EUR\n {2}to before 2026-04-01\n(?: {2}.*\n)* {2}Fixed charge +12\.00\n {2}To be paid +\d+\.\d\d$/m,
      /16 of 2972 quarter hours are stored\./,
      /Not all was measured at its best: gap\./,
    ])
      expect(stdout).toMatch(line);
  });
});

test('what the ledger noted about its battery counts for money and evidence, from the database alone', async () => {
  const place = await filled();
  const ask = async () => {
    const report = JSON.parse((await run(['report', '--day', '2026-03-29', '--json', '--config', place.config])).stdout);
    const options = ['--from', '2026-03-28', '--to', '2026-03-30', '--what', 'evidence', '--db', place.file];
    const lines = (await run(['export', ...options])).stdout.trim().split('\n');
    return {money: report.money, most: lines.slice(1).map(line => Number(line.split(',').at(-1)))};
  };
  const before = await ask();
  expect(before.money.battery_losses).toEqual({});
  const db = openForChange(place.file);
  const note = db.prepare("INSERT INTO wl_event (at_ms, kind, about, detail) VALUES (?, 'battery-trued-up', 'battery', 'rests empty')");
  note.run(START_MS + 8 * SLOT_MS + 20_000);
  db.close();
  const after = await ask();
  const held = before.money.batteries.battery.wh;
  expect(after.money.battery_losses.battery.wh).toBeGreaterThan(0.4 * held);
  expect(after.money.batteries.battery.wh + after.money.battery_losses.battery.wh).toBeCloseTo(held, 3);
  expect(after.most[7]).toBe(before.most[7]);
});

test('CSV has a line per step, and the same money as the export', async () => {
  const place = await filled();
  const {stdout} = await run(['report', '--month', '2026-03', '--format', 'csv', '--config', place.config]);
  const exported = await run([
    'export',
    '--from',
    '2026-03-01',
    '--to',
    '2026-04-01',
    '--step',
    '1d',
    '--what',
    'money',
    '--config',
    place.config,
  ]);
  const table = (text: string): Record<string, string>[] => {
    const [head = '', ...lines] = text.trim().split('\n');
    return lines.map(line => Object.fromEntries(line.split(',').map((field, at) => [head.split(',')[at] ?? '', field])));
  };
  const [report, money] = [table(stdout), table(exported.stdout)];
  const never = await run(['report', '--month', '2020-03', '--format', 'csv', '--config', place.config]);
  expect(never.stdout).toBe(`${stdout.split('\n')[0]}\n`);
  expect(report.map(row => row['day'])).toEqual(['2026-03-28', '2026-03-29']);
  expect(report.map(row => [row['cost_exact'], row['credit_exact'], row['import_mwh']])).toEqual(
    money.map(row => [row['cost_exact'], row['credit_exact'], row['import_mwh']]),
  );
  expect(report.reduce((sum, row) => sum + Number(row['produced_wh']), 0)).toBe(16 * 1460 + (3 * 120) / 1000);
});

test('a table says what it holds: the same columns with rows and without, and the keys of JSON lines', async () => {
  const place = await filled();
  // In this process: a program each would take long.
  const ask = async (year: string, values: Record<string, string>): Promise<string> => {
    const lines: string[] = [];
    await exporting.run({
      values: {config: place.config, from: `${year}-03-28`, to: `${year}-03-30`, ...values},
      positionals: [],
      out: line => void lines.push(line),
      err: () => {},
      tty: false,
      signal: never,
    });
    return lines[0] ?? '';
  };
  for (const [what, step] of [
    ['flows', '15m'],
    ['totals', '1d'],
    ['money', '15m'],
    ['money', '1h'],
    ['evidence', '15m'],
    ['points', 'raw'],
    ['points', '1mo'],
  ] as const) {
    const columns = await ask('2026', {what, step});
    expect(await ask('2020', {what, step}), `${what} ${step}`).toBe(columns);
    expect(Object.keys(JSON.parse(await ask('2026', {what, step, format: 'jsonl'}))).join(), `${what} ${step}`).toBe(columns);
  }
});

test('the bill that came by post stands beside the ledger', async () => {
  const place = await filled();
  const ask = ['report', '--bill', '2026-03', '--config', place.config];
  const {stdout} = await run([...ask, '--billed', '15.00', '--billed-import', '10.75', '--json']);
  const {money} = JSON.parse(stdout) as {money: {bills: {due: number}[]; comparison: Record<string, unknown>[]}};
  const due = money.bills[0]?.due ?? Number.NaN;
  expect(money.comparison).toEqual([
    expect.objectContaining({what: 'To be paid', ledger: due, billed: 15, difference: Math.round((15 - due) * 100) / 100}),
    expect.objectContaining({what: 'Imported', ledger: 10.72, billed: 10.75, difference: 0.03}),
  ]);
  const page = await run([...ask, '--billed-export', '12', '--format', 'html']);
  expect(page.stdout).toMatch(/Against the bill[\s\S]*Exported, kWh<\/th><td>12\.02<\/td><td>12\.00<\/td><td>-0\.02</);
});

test('a house that only buys is told nothing of own energy', async () => {
  const place = bench();
  const store = place.open();
  await store.start();
  const bought = {
    cells: {'solar-first': [cell('grid', 'direct', 'grid', 'home', 500_000, 'imported')]},
    totals: [total('grid_import', 500_000), total('home', 500_000)],
  };
  await store.write([record(0, START_MS, {slots: [slot(START_MS, 0, bought)]})], never);
  await store.close(never);
  const config = path.join(place.folder, 'site.yaml');
  writeFileSync(config, `${HOUSE}store: {path: wattledger.db}\ntariffs:${TARIFFS}`);
  const {stdout} = await run(['report', '--bill', '2026-03', '--config', config]);
  expect(stdout).toMatch(/To be paid +12\.63/);
  expect(stdout).not.toMatch(/battery|own energy/i);
});

describe('periods without figures', () => {
  test.each([
    ['--day', '2031-01-01', /^Wednesday, 1 January 2031/],
    ['--month', '2031-01', /^January 2031/],
    ['--year', '2031', /^2031/],
    ['--year', '0001', /^0001/],
  ])('%s %s: nothing is stored, and it is said', async (option, name, title) => {
    const place = await filled();
    const {stdout, code} = await run(['report', option, name, '--config', place.config]);
    expect(code).toBe(0);
    expect(stdout).toMatch(title);
    expect(stdout).toMatch(/Nothing is stored for this period\./);
    const {money, quarter_hours: slots} = JSON.parse((await run(['report', option, name, '--json', '--config', place.config])).stdout);
    expect([money.cost, slots.stored]).toEqual([0, 0]);
  });

  test('before the first tariff all energy is counted as without a price', async () => {
    const place = await filled('\n  - {from: 2026-04-01, import: 0.3, export: 0.08}\n');
    const {money} = JSON.parse((await run(['report', '--month', '2026-03', '--json', '--config', place.config])).stdout);
    expect(money).toMatchObject({cost: 0, credit: 0, bills: [], unpriced: {import_wh: 10_720.24, quarter_hours: 16}});
  });

  test('a database in which nothing ever was', async () => {
    const place = bench();
    const store = place.open();
    await store.start();
    await store.close(never);
    for (const format of ['text', 'json', 'csv', 'html'])
      expect((await run(['report', '--db', place.file, '--format', format])).code, format).toBe(0);
  });
});

test.each([
  [['--day', '2026-02-30'], /--day: found "2026-02-30", expected 2026-11-24/],
  [['--day', '24.11.2026'], /--day: found "24\.11\.2026"/],
  [['--month', '2026-13'], /--month: found "2026-13", expected 2026-11/],
  [['--year', '26'], /--year: found "26", expected 2026/],
  [['--bill', 'last'], /--bill: found "last"/],
  [['--day', 'today', '--year', '2026'], /expected one of --day, --month, --bill and --year/],
  [['--format', 'pdf'], /--format: found "pdf", expected text, json, csv, html/],
  [['--policy', 'mine'], /--policy: found "mine"/],
  [['--billed', '80'], /--billed: a bill is compared with --bill M/],
  [['--bill', '2026-03', '--billed', 'much'], /--billed: found "much", expected a number/],
  [['--bill', '2026-03', '--billed', '80'], /--billed: a bill needs `tariffs:`/],
])('report %j is refused in words', async (args, message) => {
  const place = await filled('');
  const {code, stdout, stderr} = await run(['report', '--config', place.config, ...args]);
  expect([code, stdout]).toEqual([2, '']);
  expect(stderr).toMatch(message);
});
