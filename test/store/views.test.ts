// The views as anyone reads them, with the plain sqlite3 shell: names, columns, units and descriptions are an interface.

import {readFileSync} from 'node:fs';
import path from 'node:path';
import {describe, expect, test} from 'vitest';
import {quoted} from '../../src/core/sentences/say.ts';
import {type Bench, bench, hasShell, never, shell, shellTitle} from './harness.ts';
import {good, record, SLOT_MS, START_MS, slot} from './house.ts';

const CONTRACT: readonly (readonly [view: string, columns: readonly string[]])[] = [
  ['energy_15m', ['slot_start_utc', 'policy', 'origin', 'via', 'source', 'sink', 'energy_mwh', 'energy_wh', 'label', 'quality']],
  ['energy_day', ['day', 'policy', 'origin', 'via', 'source', 'sink', 'energy_mwh', 'energy_wh', 'label', 'quality']],
  ['energy_undated', ['policy', 'origin', 'via', 'source', 'sink', 'energy_mwh', 'energy_wh', 'label', 'quality']],
  ['totals_15m', ['slot_start_utc', 'name', 'energy_mwh', 'raw_mwh', 'counter_wh', 'quality']],
  ['point_15m', ['slot_start_utc', 'device', 'point', 'n', 'avg', 'min', 'max', 'last', 'unit']],
  ['point_day', ['day', 'device', 'point', 'n', 'avg', 'min', 'max', 'last', 'unit']],
  ['events', ['utc', 'kind', 'about', 'detail']],
  ['meter', ['ts', 'utc', 'grid_power_w', 'inverter_state']],
];

async function filled(): Promise<Bench> {
  const place = bench();
  const store = place.open();
  await store.start();
  await store.write(
    [
      record(0, START_MS, {
        readings: [
          good('meter', 'grid.power_w', -1234.5),
          good('meter', 'grid.current_l1_a', 0.123),
          good('meter', 'inverter.state', 'on grid'),
          good('events', 'pv.power_w', 7),
        ],
        slots: [slot(START_MS, 1), slot(START_MS + 4 * SLOT_MS, 2, {quality: ['gap', 'unanchored', 'ok']})],
        events: [
          {kind: 'clock-step', monoMs: 0, about: null, detail: quoted('the clock was set 3600 s forward'), evidence: {step_s: 3600}},
        ],
      }),
    ],
    never,
  );
  await store.close(never);
  return place;
}

describe.skipIf(!hasShell)(shellTitle('the sqlite3 shell'), () => {
  test.each(CONTRACT)('%s has the columns that were promised, and `about` describes each', async (view, columns) => {
    const {file} = await filled();
    const present = shell(file, `SELECT name FROM pragma_table_info('${view}')`);
    expect(present).toEqual(expect.arrayContaining([...columns]));
    expect(shell(file, `SELECT "column" FROM about WHERE "view" = '${view}' AND "column" IS NOT NULL`).sort()).toEqual([...present].sort());
    expect(shell(file, `SELECT count(*) FROM about WHERE view = '${view}' AND column IS NULL AND description <> ''`)).toEqual(['1']);
  });

  test('every view there is, is described', async () => {
    const {file} = await filled();
    expect(
      shell(file, "SELECT name FROM sqlite_schema WHERE type = 'view' AND name NOT IN (SELECT view FROM about WHERE column IS NULL)"),
    ).toEqual([]);
  });

  test.each([
    ['SELECT * FROM meter', [`${START_MS / 1000}|2026-03-28T22:00:00Z|-1234.5|0.123|on grid`]],
    [
      "SELECT slot_start_utc, energy_mwh, energy_wh, label, quality FROM energy_15m WHERE policy = 'solar-first' AND source = 'grid'",
      ['2026-03-28T22:00:00Z|3001|3.001|imported|ok', '2026-03-28T23:00:00Z|3002|3.002|imported|gap,unanchored'],
    ],
    [
      "SELECT day, energy_mwh, quality FROM energy_day WHERE policy = 'proportional' AND via = 'battery' ORDER BY day",
      ['2026-03-28|702|ok', '2026-03-29|703|gap,unanchored'],
    ],
    [
      "SELECT name, energy_mwh, raw_mwh, counter_wh, quality FROM totals_15m WHERE name = 'grid_import'",
      ['grid_import|3001|3004|1001.0|ok', 'grid_import|3002|3005|1002.0|ok'],
    ],
    [
      "SELECT slot_start_utc, n, avg, min, max, last, unit FROM point_15m WHERE device = 'meter' AND point = 'grid.power_w'",
      ['2026-03-28T22:00:00Z|1|-1234.5|-1234.5|-1234.5|-1234.5|w'],
    ],
    ["SELECT day, n, avg FROM point_day WHERE device = 'meter' AND point = 'grid.current_l1_a'", ['2026-03-28|1|0.123']],
    [
      'SELECT utc, kind, detail, evidence FROM events',
      ['2026-03-28T22:00:00.000Z|clock-step|the clock was set 3600 s forward|{"step_s":3600}'],
    ],
    // A device may be called like one of our views; the view keeps its name.
    ['SELECT pv_power_w FROM events_device', ['7.0']],
  ])('%s', async (sql, rows) => {
    const {file} = await filled();
    expect(shell(file, sql)).toEqual(rows);
  });

  test('cells of a slot and policy add up to what each source gave', async () => {
    const {file} = await filled();
    expect(
      shell(
        file,
        "SELECT slot_start_utc, source, sum(energy_mwh) FROM energy_15m WHERE policy = 'solar-first' AND source IN ('grid', 'solar') GROUP BY 1, 2",
      ),
    ).toEqual(
      shell(
        file,
        "SELECT slot_start_utc, CASE name WHEN 'grid_import' THEN 'grid' ELSE 'solar' END, energy_mwh FROM totals_15m WHERE name IN ('grid_import', 'solar') ORDER BY 1, 2",
      ),
    );
  });

  test.each([
    ["EXPLAIN QUERY PLAN SELECT * FROM energy_15m WHERE slot_start_utc >= '2026-01-01' AND slot_start_utc < '2026-02-01'", 'SCAN s'],
    ["EXPLAIN QUERY PLAN SELECT * FROM energy_day WHERE policy = 'solar-first' AND day >= '2026-01-01'", 'SCAN d'],
    ["EXPLAIN QUERY PLAN SELECT * FROM totals_15m WHERE slot_start_utc >= '2026-01-01'", 'SCAN s'],
    ["EXPLAIN QUERY PLAN SELECT * FROM point_15m WHERE device = 'meter' AND point = 'grid.power_w'", 'SCAN a'],
  ])('%s uses an index', async (sql, scan) => {
    const {file} = await filled();
    expect(shell(file, sql).join('\n')).not.toContain(scan);
  });

  test('the documentation names every view', async () => {
    const text = readFileSync(path.resolve('docs/database.md'), 'utf8');
    for (const [view] of CONTRACT) expect(text).toContain(`\`${view}\``);
  });
});
