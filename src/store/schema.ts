// The tables, as a numbered list of steps that is only ever added to. The views are the interface; see views.ts.

export type Migration = {readonly version: number; readonly what: string; readonly sql: string};

/**
 * Quarter hours are numbered: `slot` = UTC seconds / 900. Energies are whole mWh. Points are whole multiples of 1 / per_unit.
 * Every internal table begins with `wl_`, so that views may be named after devices.
 */
export const MIGRATIONS: readonly Migration[] = [
  {
    version: 1,
    what: 'first version',
    sql: `
CREATE TABLE wl_meta (key TEXT PRIMARY KEY, value TEXT) STRICT;

CREATE TABLE wl_policy (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT;
INSERT INTO wl_policy VALUES (1, 'solar-first'), (2, 'proportional'), (3, 'battery-first');

CREATE TABLE wl_slot (
  slot INTEGER PRIMARY KEY,
  start_utc TEXT NOT NULL UNIQUE,
  day TEXT NOT NULL,
  closed INTEGER NOT NULL,
  quality TEXT NOT NULL,
  reason TEXT,
  bounds TEXT
) STRICT;
CREATE INDEX wl_slot_day ON wl_slot (day);

CREATE TABLE wl_cell_name (
  id INTEGER PRIMARY KEY,
  origin TEXT NOT NULL, via TEXT NOT NULL, source TEXT NOT NULL, sink TEXT NOT NULL, label TEXT NOT NULL,
  UNIQUE (origin, via, source, sink, label)
) STRICT;
CREATE TABLE wl_cell (
  slot INTEGER NOT NULL, policy INTEGER NOT NULL, cell INTEGER NOT NULL, energy_mwh INTEGER NOT NULL,
  PRIMARY KEY (slot, policy, cell)
) STRICT, WITHOUT ROWID;
CREATE TABLE wl_day (
  policy INTEGER NOT NULL, day TEXT NOT NULL, cell INTEGER NOT NULL, energy_mwh INTEGER NOT NULL,
  PRIMARY KEY (policy, day, cell)
) STRICT, WITHOUT ROWID;
CREATE TABLE wl_day_quality (day TEXT PRIMARY KEY, quality TEXT NOT NULL) STRICT, WITHOUT ROWID;

CREATE TABLE wl_total_name (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT;
CREATE TABLE wl_total (
  slot INTEGER NOT NULL, name INTEGER NOT NULL,
  energy_mwh INTEGER NOT NULL, raw_mwh INTEGER NOT NULL, counter_wh REAL, quality TEXT,
  PRIMARY KEY (slot, name)
) STRICT, WITHOUT ROWID;
CREATE TABLE wl_total_day (
  day TEXT NOT NULL, name INTEGER NOT NULL, energy_mwh INTEGER NOT NULL, raw_mwh INTEGER NOT NULL,
  PRIMARY KEY (day, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE wl_undated (
  boot_id TEXT NOT NULL, start_mono_ms INTEGER NOT NULL, end_mono_ms INTEGER NOT NULL,
  closed INTEGER NOT NULL, quality TEXT NOT NULL, reason TEXT, totals TEXT NOT NULL,
  PRIMARY KEY (boot_id, start_mono_ms)
) STRICT, WITHOUT ROWID;
CREATE TABLE wl_undated_cell (
  boot_id TEXT NOT NULL, start_mono_ms INTEGER NOT NULL, policy INTEGER NOT NULL, cell INTEGER NOT NULL, energy_mwh INTEGER NOT NULL,
  PRIMARY KEY (boot_id, start_mono_ms, policy, cell)
) STRICT, WITHOUT ROWID;

CREATE TABLE wl_device (id INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, view TEXT NOT NULL UNIQUE, raw TEXT NOT NULL UNIQUE) STRICT;
CREATE TABLE wl_point (
  id INTEGER PRIMARY KEY,
  device INTEGER NOT NULL REFERENCES wl_device (id),
  name TEXT NOT NULL,
  col TEXT NOT NULL,
  unit TEXT NOT NULL,
  kind TEXT NOT NULL CHECK (kind IN ('gauge', 'counter', 'text')),
  per_unit INTEGER NOT NULL,
  UNIQUE (device, name)
) STRICT;
CREATE TABLE wl_state (point INTEGER NOT NULL, ts INTEGER NOT NULL, value TEXT, PRIMARY KEY (point, ts)) STRICT, WITHOUT ROWID;
CREATE TABLE wl_raw_day (day INTEGER PRIMARY KEY) STRICT;
CREATE TABLE wl_todo (device INTEGER NOT NULL, slot INTEGER NOT NULL, PRIMARY KEY (device, slot)) STRICT, WITHOUT ROWID;
CREATE TABLE wl_point_15m (
  point INTEGER NOT NULL, slot INTEGER NOT NULL,
  n INTEGER NOT NULL, avg INTEGER NOT NULL, min INTEGER NOT NULL, max INTEGER NOT NULL, last INTEGER NOT NULL,
  PRIMARY KEY (point, slot)
) STRICT, WITHOUT ROWID;
CREATE TABLE wl_point_day (
  point INTEGER NOT NULL, day TEXT NOT NULL,
  n INTEGER NOT NULL, avg INTEGER NOT NULL, min INTEGER NOT NULL, max INTEGER NOT NULL, last INTEGER NOT NULL,
  PRIMARY KEY (point, day)
) STRICT, WITHOUT ROWID;
CREATE TABLE wl_archive (
  device INTEGER NOT NULL, day TEXT NOT NULL, row_count INTEGER NOT NULL, csv_gz BLOB NOT NULL,
  PRIMARY KEY (device, day)
) STRICT;

CREATE TABLE wl_event (
  id INTEGER PRIMARY KEY, at_ms INTEGER NOT NULL, kind TEXT NOT NULL, about TEXT, detail TEXT NOT NULL, evidence TEXT
) STRICT;
CREATE INDEX wl_event_at ON wl_event (at_ms);

CREATE TABLE wl_outbox (
  id INTEGER PRIMARY KEY AUTOINCREMENT, key TEXT NOT NULL, topic TEXT NOT NULL, payload TEXT NOT NULL, created_ms INTEGER NOT NULL
) STRICT;
CREATE INDEX wl_outbox_key ON wl_outbox (key);

CREATE TABLE wl_correction (
  id INTEGER PRIMARY KEY, at_ms INTEGER NOT NULL, who TEXT NOT NULL, why TEXT NOT NULL, what TEXT NOT NULL,
  slot INTEGER, before TEXT, after TEXT
) STRICT;

CREATE TABLE about ("view" TEXT NOT NULL, "column" TEXT, unit TEXT, description TEXT NOT NULL) STRICT;
`,
  },
  {
    version: 2,
    what: 'price series and bills',
    sql: `
CREATE TABLE wl_price (
  series TEXT NOT NULL, slot INTEGER NOT NULL, micro INTEGER NOT NULL,
  PRIMARY KEY (series, slot)
) STRICT, WITHOUT ROWID;
CREATE TABLE wl_bill (
  id INTEGER PRIMARY KEY, month TEXT NOT NULL, from_day TEXT NOT NULL, to_day TEXT NOT NULL, computed_ms INTEGER NOT NULL,
  currency TEXT NOT NULL, due_pico TEXT NOT NULL, result TEXT NOT NULL
) STRICT;
CREATE INDEX wl_bill_month ON wl_bill (month);
`,
  },
];

export const SCHEMA_VERSION = MIGRATIONS.at(-1)?.version ?? 0;

/** Seconds of a quarter hour. */
export const SLOT_S = 900;
export const slotOfMs = (wallMs: number): number => Math.floor(wallMs / (SLOT_S * 1000));
export const msOfSlot = (slot: number): number => slot * SLOT_S * 1000;

export const POLICY_IDS = {'solar-first': 1, proportional: 2, 'battery-first': 3} as const;
