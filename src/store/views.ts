// The views that people and Grafana read, and the table `about` that describes each of their columns.

import type {Db} from './connect.ts';

type Column = readonly [name: string, unit: string | null, description: string];
type View = {readonly name: string; readonly description: string; readonly sql: string; readonly columns: readonly Column[]};

const CELL_COLUMNS: readonly Column[] = [
  ['policy', null, 'how simultaneous sources are matched with sinks: solar-first, proportional or battery-first'],
  ['origin', null, 'where the energy came from in the first place: solar, wind, generator, grid, unknown or unexplained'],
  ['via', null, 'direct, or the battery that held it in between'],
  ['source', null, 'what gave it in this quarter hour: solar, wind, generator, grid, a battery or unexplained'],
  ['sink', null, 'what took it: home, a load, a battery, grid, standby, loss or unexplained'],
  ['energy_mwh', 'mWh', 'energy in whole thousandths of a watt-hour; per source and per sink the cells add up exactly'],
  ['energy_wh', 'Wh', 'the same in watt-hours'],
  ['label', null, 'btm_consumed, stored, exported, imported, imported_earlier, re_exported, lost, unknown_origin or unexplained'],
  ['quality', null, 'ok, or what is to be known about these figures, joined by commas'],
];
const ROLLUP_COLUMNS: readonly Column[] = [
  ['device', null, 'id of the device in the configuration'],
  ['point', null, 'name of the point, such as grid.power_w'],
  ['n', null, 'how many samples there were'],
  ['avg', 'unit', 'mean of the samples'],
  ['min', 'unit', 'smallest sample'],
  ['max', 'unit', 'largest sample'],
  ['last', 'unit', 'last sample; for a counter, its reading at the end'],
  ['unit', null, 'unit of avg, min, max and last'],
];
const SLOT_START: Column = ['slot_start_utc', 'UTC', 'begin of the quarter hour, ISO 8601'];
const DAY: Column = ['day', null, "local day in the site's time zone, YYYY-MM-DD"];

/** `a / 10.0` gives the decimal nearest to the stored integer; `a * 0.1` would not. */
const inUnits = (value: string, perUnit: string): string => `CASE ${perUnit} WHEN 1 THEN ${value} ELSE ${value} * 1.0 / ${perUnit} END`;
const rollup = (alias: string): string =>
  (['avg', 'min', 'max', 'last'] as const).map(column => `${inUnits(`${alias}.${column}`, 'p.per_unit')} AS ${column}`).join(', ');
const SLOT_UTC = (slot: string): string => `strftime('%Y-%m-%dT%H:%M:%SZ', ${slot} * 900, 'unixepoch')`;

/** CROSS JOIN fixes the order of the tables: the planner has no statistics and would else begin with the smallest. */
const VIEWS: readonly View[] = [
  {
    name: 'energy_15m',
    description: 'the ledger: what every source gave to every sink, by quarter hour and policy',
    sql: `SELECT s.start_utc AS slot_start_utc, o.name AS policy, n.origin AS origin, n.via AS via, n.source AS source, n.sink AS sink,
  c.energy_mwh AS energy_mwh, c.energy_mwh / 1000.0 AS energy_wh, n.label AS label, s.quality AS quality
FROM wl_slot s CROSS JOIN wl_cell c ON c.slot = s.slot JOIN wl_policy o ON o.id = c.policy JOIN wl_cell_name n ON n.id = c.cell`,
    columns: [SLOT_START, ...CELL_COLUMNS],
  },
  {
    name: 'energy_day',
    description: 'the ledger by local day: exactly the sum of its quarter hours',
    sql: `SELECT d.day AS day, o.name AS policy, n.origin AS origin, n.via AS via, n.source AS source, n.sink AS sink,
  d.energy_mwh AS energy_mwh, d.energy_mwh / 1000.0 AS energy_wh, n.label AS label, coalesce(q.quality, 'ok') AS quality
FROM wl_policy o CROSS JOIN wl_day d ON d.policy = o.id LEFT JOIN wl_day_quality q ON q.day = d.day JOIN wl_cell_name n ON n.id = d.cell`,
    columns: [DAY, ...CELL_COLUMNS],
  },
  {
    name: 'energy_undated',
    description: 'slots that ran before the clock could be trusted; they leave this view when they get their date',
    sql: `SELECT u.boot_id AS boot_id, u.start_mono_ms AS start_mono_ms, u.end_mono_ms AS end_mono_ms, o.name AS policy,
  n.origin AS origin, n.via AS via, n.source AS source, n.sink AS sink,
  c.energy_mwh AS energy_mwh, c.energy_mwh / 1000.0 AS energy_wh, n.label AS label, u.quality AS quality
FROM wl_undated u CROSS JOIN wl_undated_cell c ON c.boot_id = u.boot_id AND c.start_mono_ms = u.start_mono_ms
JOIN wl_policy o ON o.id = c.policy JOIN wl_cell_name n ON n.id = c.cell`,
    columns: [
      ['boot_id', null, 'run of the daemon'],
      ['start_mono_ms', 'ms', 'begin on the monotonic clock of that run'],
      ['end_mono_ms', 'ms', 'end on the monotonic clock of that run'],
      ...CELL_COLUMNS,
    ],
  },
  {
    name: 'totals_15m',
    description: 'what the meters measured by quarter hour',
    sql: `SELECT s.start_utc AS slot_start_utc, n.name AS name, t.energy_mwh AS energy_mwh, t.raw_mwh AS raw_mwh, t.counter_wh AS counter_wh,
  coalesce(t.quality, 'ok') AS quality
FROM wl_slot s CROSS JOIN wl_total t ON t.slot = s.slot JOIN wl_total_name n ON n.id = t.name`,
    columns: [
      SLOT_START,
      [
        'name',
        null,
        'grid_import, grid_export, solar, battery_charge, battery_discharge, home, …: as in the MQTT topic site/energy, without the unit',
      ],
      ['energy_mwh', 'mWh', "energy held to the device's own counter where it has one"],
      ['raw_mwh', 'mWh', 'energy integrated from power alone'],
      ['counter_wh', 'Wh', "the device's own counter at the end of the quarter hour; NULL where there is none"],
      ['quality', null, 'ok, or what is to be known about this figure, joined by commas'],
    ],
  },
  {
    name: 'point_15m',
    description: 'every measured point by quarter hour; built once an hour',
    sql: `SELECT ${SLOT_UTC('a.slot')} AS slot_start_utc, d.key AS device, p.name AS point, a.n AS n, ${rollup('a')}, p.unit AS unit
FROM wl_device d CROSS JOIN wl_point p ON p.device = d.id CROSS JOIN wl_point_15m a ON a.point = p.id`,
    columns: [SLOT_START, ...ROLLUP_COLUMNS],
  },
  {
    name: 'point_day',
    description: 'every measured point by local day; built once an hour',
    sql: `SELECT a.day AS day, d.key AS device, p.name AS point, a.n AS n, ${rollup('a')}, p.unit AS unit
FROM wl_device d CROSS JOIN wl_point p ON p.device = d.id CROSS JOIN wl_point_day a ON a.point = p.id`,
    columns: [DAY, ...ROLLUP_COLUMNS],
  },
  {
    name: 'events',
    description: 'what happened: devices lost and back, clock steps, counters held back, restarts, corrections',
    sql: `SELECT id, strftime('%Y-%m-%dT%H:%M:%fZ', at_ms / 1000.0, 'unixepoch') AS utc, kind, about, detail, evidence FROM wl_event`,
    columns: [
      ['id', null, 'number of the event'],
      ['utc', 'UTC', 'when, ISO 8601'],
      ['kind', null, 'what kind of event'],
      ['about', null, 'device or channel it is about, or NULL'],
      ['detail', null, 'what happened, in words'],
      ['evidence', 'JSON', 'the numbers behind it, or NULL'],
    ],
  },
  {
    name: 'corrections',
    description: 'every change of history made by hand or by a recomputation',
    sql: `SELECT id, strftime('%Y-%m-%dT%H:%M:%fZ', at_ms / 1000.0, 'unixepoch') AS utc, who, why, what, ${SLOT_UTC('slot')} AS slot_start_utc, before, after
FROM wl_correction`,
    columns: [
      ['id', null, 'number of the correction'],
      ['utc', 'UTC', 'when it was made, ISO 8601'],
      ['who', null, 'who made it'],
      ['why', null, 'why, in the words of who made it'],
      ['what', null, 'what was changed'],
      ['slot_start_utc', 'UTC', 'the quarter hour that was changed, or NULL'],
      ['before', 'JSON', 'the figures before'],
      ['after', 'JSON', 'the figures after'],
    ],
  },
  {
    name: 'price_15m',
    description: 'price series as they were fetched, by quarter hour',
    sql: `SELECT ${SLOT_UTC('slot')} AS slot_start_utc, series, micro / 1000000.0 AS price, micro FROM wl_price`,
    columns: [
      SLOT_START,
      ['series', null, 'id of the series in the configuration'],
      ['price', 'currency/kWh', 'the price; for CO2 grams per kWh'],
      ['micro', null, 'the same in whole millionths'],
    ],
  },
  {
    name: 'bills',
    description: 'bills as they were computed; a corrected tariff or ledger adds a row, the old one stays',
    sql: `SELECT id, month, from_day, to_day, strftime('%Y-%m-%dT%H:%M:%fZ', computed_ms / 1000.0, 'unixepoch') AS computed_utc,
  currency, CAST(due_pico AS REAL) / 1e12 AS due, due_pico, result FROM wl_bill`,
    columns: [
      ['id', null, 'number of the row; the highest of a month is the present one'],
      ['month', null, 'month in which the bill begins'],
      ['from_day', null, 'its first local day'],
      ['to_day', null, 'the day after its last one'],
      ['computed_utc', 'UTC', 'when it was computed, ISO 8601'],
      ['currency', null, 'currency of the amounts'],
      ['due', 'currency', 'what is to be paid; negative: to be received'],
      ['due_pico', null, 'the same in whole billionths of a thousandth (10^-12), exact'],
      ['result', 'JSON', 'its lines, what is carried on, and the tariffs'],
    ],
  },
];

export const quoted = (name: string): string => `"${name.replaceAll('"', '""')}"`;

/** Names that no view of a device may take. */
const isReserved = (name: string): boolean => name === 'about' || /^(wl_|sqlite_)/.test(name) || VIEWS.some(view => view.name === name);

/** The device's own id, unless a view of ours or of another device has that name. */
export function freeView(db: Db, key: string): string {
  const taken = db.prepare('SELECT 1 FROM wl_device WHERE view = ?');
  let view = key;
  while (isReserved(view) || taken.get(view)) view = /^(wl_|sqlite_)/.test(view) ? `device_${view}` : `${view}_device`;
  return view;
}

type DeviceRow = {readonly id: number; readonly key: string; readonly view: string; readonly raw: string};
type PointRow = {
  readonly id: number;
  readonly name: string;
  readonly col: string;
  readonly unit: string;
  readonly kind: string;
  readonly per_unit: number;
};

/** Makes every view anew and describes it. Inside the caller's transaction. */
export function createViews(db: Db): void {
  for (const {name} of db.prepare("SELECT name FROM sqlite_schema WHERE type = 'view'").all() as {name: string}[])
    db.exec(`DROP VIEW ${quoted(name)}`);
  db.exec('DELETE FROM about');
  const describe = db.prepare('INSERT INTO about VALUES (?, ?, ?, ?)');
  describe.run('about', null, null, 'describes every view and every column of this database');
  for (const [column, text] of [
    ['view', 'name of the view'],
    ['column', 'name of the column; NULL in the row that describes the view itself'],
    ['unit', 'unit of the column, where it has one'],
    ['description', 'what it means'],
  ] as const)
    describe.run('about', column, null, text);
  for (const view of VIEWS) {
    db.exec(`CREATE VIEW ${view.name} AS ${view.sql}`);
    describe.run(view.name, null, null, view.description);
    for (const [column, unit, text] of view.columns) describe.run(view.name, column, unit, text);
  }
  for (const device of db.prepare('SELECT id, key, view, raw FROM wl_device').all() as DeviceRow[]) {
    // A later version may have a view with the name that a device had first.
    const view = isReserved(device.view) ? freeView(db, device.key) : device.view;
    if (view !== device.view) db.prepare('UPDATE wl_device SET view = ? WHERE id = ?').run(view, device.id);
    createDeviceView(db, {...device, view});
  }
}

/** One row per poll in the units of the points' names. Inside the caller's transaction. */
export function createDeviceView(db: Db, device: DeviceRow): void {
  const points = db
    .prepare('SELECT id, name, col, unit, kind, per_unit FROM wl_point WHERE device = ? ORDER BY id')
    .all(device.id) as PointRow[];
  const columns = points.map(point => {
    if (point.kind === 'text') {
      return `(SELECT s.value FROM wl_state s WHERE s.point = ${point.id} AND s.ts <= r.ts ORDER BY s.ts DESC LIMIT 1) AS ${quoted(point.col)}`;
    }
    const column = `r.${quoted(point.col)}`;
    return `${point.per_unit === 1 ? column : `${column} / ${point.per_unit}.0`} AS ${quoted(point.col)}`;
  });
  db.exec(`DROP VIEW IF EXISTS ${quoted(device.view)}`);
  db.exec(
    `CREATE VIEW ${quoted(device.view)} AS SELECT ${[`r.ts AS ts`, `strftime('%Y-%m-%dT%H:%M:%SZ', r.ts, 'unixepoch') AS utc`, ...columns].join(',\n  ')}\nFROM ${quoted(device.raw)} r`,
  );
  db.prepare('DELETE FROM about WHERE "view" = ?').run(device.view);
  const describe = db.prepare('INSERT INTO about VALUES (?, ?, ?, ?)');
  describe.run(device.view, null, null, `raw values of the device "${device.key}", a row per poll, as long as they are kept`);
  describe.run(device.view, 'ts', 's', 'moment of the poll, Unix seconds');
  describe.run(device.view, 'utc', 'UTC', 'the same, ISO 8601');
  for (const point of points) {
    const kind = point.kind === 'text' ? 'text, as last seen' : point.kind === 'counter' ? 'lifetime counter' : 'measured';
    describe.run(
      device.view,
      point.col,
      point.unit === 'none' ? null : point.unit,
      `${point.name}: ${kind}; NULL where that poll did not read it`,
    );
  }
}
