PRAGMA foreign_keys=OFF;
BEGIN TRANSACTION;
CREATE TABLE wl_meta (key TEXT PRIMARY KEY, value TEXT) STRICT;
INSERT INTO wl_meta VALUES('zone','Europe/Berlin');
INSERT INTO wl_meta VALUES('running','0');
INSERT INTO wl_meta VALUES('flow_state','{"from":"the release"}');
INSERT INTO wl_meta VALUES('energy','{"grid_import_kwh":1}');
INSERT INTO wl_meta VALUES('last_wall_ms','1774735200000');
CREATE TABLE wl_policy (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT;
INSERT INTO wl_policy VALUES(1,'solar-first');
INSERT INTO wl_policy VALUES(2,'proportional');
INSERT INTO wl_policy VALUES(3,'battery-first');
CREATE TABLE wl_slot (
  slot INTEGER PRIMARY KEY,
  start_utc TEXT NOT NULL UNIQUE,
  day TEXT NOT NULL,
  closed INTEGER NOT NULL,
  quality TEXT NOT NULL,
  reason TEXT,
  bounds TEXT
) STRICT;
INSERT INTO wl_slot VALUES(1971928,'2026-03-28T22:00:00Z','2026-03-28',1,'ok',NULL,NULL);
CREATE TABLE wl_cell_name (
  id INTEGER PRIMARY KEY,
  origin TEXT NOT NULL, via TEXT NOT NULL, source TEXT NOT NULL, sink TEXT NOT NULL, label TEXT NOT NULL,
  UNIQUE (origin, via, source, sink, label)
) STRICT;
INSERT INTO wl_cell_name VALUES(1,'solar','direct','solar','home','btm_consumed');
CREATE TABLE wl_cell (
  slot INTEGER NOT NULL, policy INTEGER NOT NULL, cell INTEGER NOT NULL, energy_mwh INTEGER NOT NULL,
  PRIMARY KEY (slot, policy, cell)
) STRICT, WITHOUT ROWID;
INSERT INTO wl_cell VALUES(1971928,1,1,123456);
CREATE TABLE wl_day (
  policy INTEGER NOT NULL, day TEXT NOT NULL, cell INTEGER NOT NULL, energy_mwh INTEGER NOT NULL,
  PRIMARY KEY (policy, day, cell)
) STRICT, WITHOUT ROWID;
INSERT INTO wl_day VALUES(1,'2026-03-28',1,123456);
CREATE TABLE wl_day_quality (day TEXT PRIMARY KEY, quality TEXT NOT NULL) STRICT, WITHOUT ROWID;
INSERT INTO wl_day_quality VALUES('2026-03-28','ok');
CREATE TABLE wl_total_name (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT;
INSERT INTO wl_total_name VALUES(1,'solar');
CREATE TABLE wl_total (
  slot INTEGER NOT NULL, name INTEGER NOT NULL,
  energy_mwh INTEGER NOT NULL, raw_mwh INTEGER NOT NULL, counter_wh REAL, quality TEXT,
  PRIMARY KEY (slot, name)
) STRICT, WITHOUT ROWID;
INSERT INTO wl_total VALUES(1971928,1,123456,123450,1000.0,NULL);
CREATE TABLE wl_total_day (
  day TEXT NOT NULL, name INTEGER NOT NULL, energy_mwh INTEGER NOT NULL, raw_mwh INTEGER NOT NULL,
  PRIMARY KEY (day, name)
) STRICT, WITHOUT ROWID;
INSERT INTO wl_total_day VALUES('2026-03-28',1,123456,123450);
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
INSERT INTO wl_device VALUES(1,'meter','meter','wl_raw_meter');
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
INSERT INTO wl_point VALUES(1,1,'grid.power_w','grid_power_w','w','gauge',10);
CREATE TABLE wl_state (point INTEGER NOT NULL, ts INTEGER NOT NULL, value TEXT, PRIMARY KEY (point, ts)) STRICT, WITHOUT ROWID;
CREATE TABLE wl_raw_day (day INTEGER PRIMARY KEY) STRICT;
INSERT INTO wl_raw_day VALUES(20540);
CREATE TABLE wl_todo (device INTEGER NOT NULL, slot INTEGER NOT NULL, PRIMARY KEY (device, slot)) STRICT, WITHOUT ROWID;
CREATE TABLE wl_point_15m (
  point INTEGER NOT NULL, slot INTEGER NOT NULL,
  n INTEGER NOT NULL, avg INTEGER NOT NULL, min INTEGER NOT NULL, max INTEGER NOT NULL, last INTEGER NOT NULL,
  PRIMARY KEY (point, slot)
) STRICT, WITHOUT ROWID;
INSERT INTO wl_point_15m VALUES(1,1971928,1,-12345,-12345,-12345,-12345);
CREATE TABLE wl_point_day (
  point INTEGER NOT NULL, day TEXT NOT NULL,
  n INTEGER NOT NULL, avg INTEGER NOT NULL, min INTEGER NOT NULL, max INTEGER NOT NULL, last INTEGER NOT NULL,
  PRIMARY KEY (point, day)
) STRICT, WITHOUT ROWID;
INSERT INTO wl_point_day VALUES(1,'2026-03-28',1,-12345,-12345,-12345,-12345);
CREATE TABLE wl_archive (
  device INTEGER NOT NULL, day TEXT NOT NULL, row_count INTEGER NOT NULL, csv_gz BLOB NOT NULL,
  PRIMARY KEY (device, day)
) STRICT;
CREATE TABLE wl_event (
  id INTEGER PRIMARY KEY, at_ms INTEGER NOT NULL, kind TEXT NOT NULL, about TEXT, detail TEXT NOT NULL, evidence TEXT
) STRICT;
INSERT INTO wl_event VALUES(1,1774735200000,'clock-step',NULL,'an event of the release',NULL);
CREATE TABLE wl_outbox (
  id INTEGER PRIMARY KEY AUTOINCREMENT, key TEXT NOT NULL, topic TEXT NOT NULL, payload TEXT NOT NULL, created_ms INTEGER NOT NULL
) STRICT;
CREATE TABLE wl_correction (
  id INTEGER PRIMARY KEY, at_ms INTEGER NOT NULL, who TEXT NOT NULL, why TEXT NOT NULL, what TEXT NOT NULL,
  slot INTEGER, before TEXT, after TEXT
) STRICT;
CREATE TABLE about ("view" TEXT NOT NULL, "column" TEXT, unit TEXT, description TEXT NOT NULL) STRICT;
INSERT INTO about VALUES('about',NULL,NULL,'describes every view and every column of this database');
INSERT INTO about VALUES('about','view',NULL,'name of the view');
INSERT INTO about VALUES('about','column',NULL,'name of the column; NULL in the row that describes the view itself');
INSERT INTO about VALUES('about','unit',NULL,'unit of the column, where it has one');
INSERT INTO about VALUES('about','description',NULL,'what it means');
INSERT INTO about VALUES('energy_15m',NULL,NULL,'the ledger: what every source gave to every sink, by quarter hour and policy');
INSERT INTO about VALUES('energy_15m','slot_start_utc','UTC','begin of the quarter hour, ISO 8601');
INSERT INTO about VALUES('energy_15m','policy',NULL,'how simultaneous sources are matched with sinks: solar-first, proportional or battery-first');
INSERT INTO about VALUES('energy_15m','origin',NULL,'where the energy came from in the first place: solar, wind, generator, grid, unknown or unexplained');
INSERT INTO about VALUES('energy_15m','via',NULL,'direct, or the battery that held it in between');
INSERT INTO about VALUES('energy_15m','source',NULL,'what gave it in this quarter hour: solar, wind, generator, grid, a battery or unexplained');
INSERT INTO about VALUES('energy_15m','sink',NULL,'what took it: home, a load, a battery, grid, standby, loss or unexplained');
INSERT INTO about VALUES('energy_15m','energy_mwh','mWh','energy in whole thousandths of a watt-hour; per source and per sink the cells add up exactly');
INSERT INTO about VALUES('energy_15m','energy_wh','Wh','the same in watt-hours');
INSERT INTO about VALUES('energy_15m','label',NULL,'btm_consumed, stored, exported, imported, imported_earlier, re_exported, lost, unknown_origin or unexplained');
INSERT INTO about VALUES('energy_15m','quality',NULL,'ok, or what is to be known about these figures, joined by commas');
INSERT INTO about VALUES('energy_day',NULL,NULL,'the ledger by local day: exactly the sum of its quarter hours');
INSERT INTO about VALUES('energy_day','day',NULL,'local day in the site''s time zone, YYYY-MM-DD');
INSERT INTO about VALUES('energy_day','policy',NULL,'how simultaneous sources are matched with sinks: solar-first, proportional or battery-first');
INSERT INTO about VALUES('energy_day','origin',NULL,'where the energy came from in the first place: solar, wind, generator, grid, unknown or unexplained');
INSERT INTO about VALUES('energy_day','via',NULL,'direct, or the battery that held it in between');
INSERT INTO about VALUES('energy_day','source',NULL,'what gave it in this quarter hour: solar, wind, generator, grid, a battery or unexplained');
INSERT INTO about VALUES('energy_day','sink',NULL,'what took it: home, a load, a battery, grid, standby, loss or unexplained');
INSERT INTO about VALUES('energy_day','energy_mwh','mWh','energy in whole thousandths of a watt-hour; per source and per sink the cells add up exactly');
INSERT INTO about VALUES('energy_day','energy_wh','Wh','the same in watt-hours');
INSERT INTO about VALUES('energy_day','label',NULL,'btm_consumed, stored, exported, imported, imported_earlier, re_exported, lost, unknown_origin or unexplained');
INSERT INTO about VALUES('energy_day','quality',NULL,'ok, or what is to be known about these figures, joined by commas');
INSERT INTO about VALUES('energy_undated',NULL,NULL,'slots that ran before the clock could be trusted; they leave this view when they get their date');
INSERT INTO about VALUES('energy_undated','boot_id',NULL,'run of the daemon');
INSERT INTO about VALUES('energy_undated','start_mono_ms','ms','begin on the monotonic clock of that run');
INSERT INTO about VALUES('energy_undated','end_mono_ms','ms','end on the monotonic clock of that run');
INSERT INTO about VALUES('energy_undated','policy',NULL,'how simultaneous sources are matched with sinks: solar-first, proportional or battery-first');
INSERT INTO about VALUES('energy_undated','origin',NULL,'where the energy came from in the first place: solar, wind, generator, grid, unknown or unexplained');
INSERT INTO about VALUES('energy_undated','via',NULL,'direct, or the battery that held it in between');
INSERT INTO about VALUES('energy_undated','source',NULL,'what gave it in this quarter hour: solar, wind, generator, grid, a battery or unexplained');
INSERT INTO about VALUES('energy_undated','sink',NULL,'what took it: home, a load, a battery, grid, standby, loss or unexplained');
INSERT INTO about VALUES('energy_undated','energy_mwh','mWh','energy in whole thousandths of a watt-hour; per source and per sink the cells add up exactly');
INSERT INTO about VALUES('energy_undated','energy_wh','Wh','the same in watt-hours');
INSERT INTO about VALUES('energy_undated','label',NULL,'btm_consumed, stored, exported, imported, imported_earlier, re_exported, lost, unknown_origin or unexplained');
INSERT INTO about VALUES('energy_undated','quality',NULL,'ok, or what is to be known about these figures, joined by commas');
INSERT INTO about VALUES('totals_15m',NULL,NULL,'what the meters measured by quarter hour');
INSERT INTO about VALUES('totals_15m','slot_start_utc','UTC','begin of the quarter hour, ISO 8601');
INSERT INTO about VALUES('totals_15m','name',NULL,'grid_import, grid_export, solar, battery_charge, battery_discharge, home, …: as in the MQTT topic site/energy, without the unit');
INSERT INTO about VALUES('totals_15m','energy_mwh','mWh','energy held to the device''s own counter where it has one');
INSERT INTO about VALUES('totals_15m','raw_mwh','mWh','energy integrated from power alone');
INSERT INTO about VALUES('totals_15m','counter_wh','Wh','the device''s own counter at the end of the quarter hour; NULL where there is none');
INSERT INTO about VALUES('totals_15m','quality',NULL,'ok, or what is to be known about this figure, joined by commas');
INSERT INTO about VALUES('point_15m',NULL,NULL,'every measured point by quarter hour; built once an hour');
INSERT INTO about VALUES('point_15m','slot_start_utc','UTC','begin of the quarter hour, ISO 8601');
INSERT INTO about VALUES('point_15m','device',NULL,'id of the device in the configuration');
INSERT INTO about VALUES('point_15m','point',NULL,'name of the point, such as grid.power_w');
INSERT INTO about VALUES('point_15m','n',NULL,'how many samples there were');
INSERT INTO about VALUES('point_15m','avg','unit','mean of the samples');
INSERT INTO about VALUES('point_15m','min','unit','smallest sample');
INSERT INTO about VALUES('point_15m','max','unit','largest sample');
INSERT INTO about VALUES('point_15m','last','unit','last sample; for a counter, its reading at the end');
INSERT INTO about VALUES('point_15m','unit',NULL,'unit of avg, min, max and last');
INSERT INTO about VALUES('point_day',NULL,NULL,'every measured point by local day; built once an hour');
INSERT INTO about VALUES('point_day','day',NULL,'local day in the site''s time zone, YYYY-MM-DD');
INSERT INTO about VALUES('point_day','device',NULL,'id of the device in the configuration');
INSERT INTO about VALUES('point_day','point',NULL,'name of the point, such as grid.power_w');
INSERT INTO about VALUES('point_day','n',NULL,'how many samples there were');
INSERT INTO about VALUES('point_day','avg','unit','mean of the samples');
INSERT INTO about VALUES('point_day','min','unit','smallest sample');
INSERT INTO about VALUES('point_day','max','unit','largest sample');
INSERT INTO about VALUES('point_day','last','unit','last sample; for a counter, its reading at the end');
INSERT INTO about VALUES('point_day','unit',NULL,'unit of avg, min, max and last');
INSERT INTO about VALUES('events',NULL,NULL,'what happened: devices lost and back, clock steps, counters held back, restarts, corrections');
INSERT INTO about VALUES('events','id',NULL,'number of the event');
INSERT INTO about VALUES('events','utc','UTC','when, ISO 8601');
INSERT INTO about VALUES('events','kind',NULL,'what kind of event');
INSERT INTO about VALUES('events','about',NULL,'device or channel it is about, or NULL');
INSERT INTO about VALUES('events','detail',NULL,'what happened, in words');
INSERT INTO about VALUES('events','evidence','JSON','the numbers behind it, or NULL');
INSERT INTO about VALUES('corrections',NULL,NULL,'every change of history made by hand or by a recomputation');
INSERT INTO about VALUES('corrections','id',NULL,'number of the correction');
INSERT INTO about VALUES('corrections','utc','UTC','when it was made, ISO 8601');
INSERT INTO about VALUES('corrections','who',NULL,'who made it');
INSERT INTO about VALUES('corrections','why',NULL,'why, in the words of who made it');
INSERT INTO about VALUES('corrections','what',NULL,'what was changed');
INSERT INTO about VALUES('corrections','slot_start_utc','UTC','the quarter hour that was changed, or NULL');
INSERT INTO about VALUES('corrections','before','JSON','the figures before');
INSERT INTO about VALUES('corrections','after','JSON','the figures after');
INSERT INTO about VALUES('meter',NULL,NULL,'raw values of the device "meter", a row per poll, as long as they are kept');
INSERT INTO about VALUES('meter','ts','s','moment of the poll, Unix seconds');
INSERT INTO about VALUES('meter','utc','UTC','the same, ISO 8601');
INSERT INTO about VALUES('meter','grid_power_w','w','grid.power_w: measured; NULL where that poll did not read it');
CREATE TABLE IF NOT EXISTS "wl_raw_meter" (ts INTEGER PRIMARY KEY, "grid_power_w" INTEGER) STRICT;
INSERT INTO wl_raw_meter VALUES(1774735200,-12345);
CREATE TABLE wl_price (
  series TEXT NOT NULL, slot INTEGER NOT NULL, micro INTEGER NOT NULL,
  PRIMARY KEY (series, slot)
) STRICT, WITHOUT ROWID;
INSERT INTO wl_price VALUES('spot',1974340,87345);
CREATE TABLE wl_bill (
  id INTEGER PRIMARY KEY, month TEXT NOT NULL, from_day TEXT NOT NULL, to_day TEXT NOT NULL, computed_ms INTEGER NOT NULL,
  currency TEXT NOT NULL, due_pico TEXT NOT NULL, result TEXT NOT NULL
) STRICT;
INSERT INTO wl_bill VALUES(1,'2026-03','2026-03-01','2026-04-01',1775000000000,'EUR','12345678901234','{}');
DELETE FROM sqlite_sequence;
CREATE INDEX wl_slot_day ON wl_slot (day);
CREATE INDEX wl_event_at ON wl_event (at_ms);
CREATE INDEX wl_outbox_key ON wl_outbox (key);
CREATE VIEW energy_15m AS SELECT s.start_utc AS slot_start_utc, o.name AS policy, n.origin AS origin, n.via AS via, n.source AS source, n.sink AS sink,
  c.energy_mwh AS energy_mwh, c.energy_mwh / 1000.0 AS energy_wh, n.label AS label, s.quality AS quality
FROM wl_slot s CROSS JOIN wl_cell c ON c.slot = s.slot JOIN wl_policy o ON o.id = c.policy JOIN wl_cell_name n ON n.id = c.cell;
CREATE VIEW energy_day AS SELECT d.day AS day, o.name AS policy, n.origin AS origin, n.via AS via, n.source AS source, n.sink AS sink,
  d.energy_mwh AS energy_mwh, d.energy_mwh / 1000.0 AS energy_wh, n.label AS label, coalesce(q.quality, 'ok') AS quality
FROM wl_policy o CROSS JOIN wl_day d ON d.policy = o.id LEFT JOIN wl_day_quality q ON q.day = d.day JOIN wl_cell_name n ON n.id = d.cell;
CREATE VIEW energy_undated AS SELECT u.boot_id AS boot_id, u.start_mono_ms AS start_mono_ms, u.end_mono_ms AS end_mono_ms, o.name AS policy,
  n.origin AS origin, n.via AS via, n.source AS source, n.sink AS sink,
  c.energy_mwh AS energy_mwh, c.energy_mwh / 1000.0 AS energy_wh, n.label AS label, u.quality AS quality
FROM wl_undated u CROSS JOIN wl_undated_cell c ON c.boot_id = u.boot_id AND c.start_mono_ms = u.start_mono_ms
JOIN wl_policy o ON o.id = c.policy JOIN wl_cell_name n ON n.id = c.cell;
CREATE VIEW totals_15m AS SELECT s.start_utc AS slot_start_utc, n.name AS name, t.energy_mwh AS energy_mwh, t.raw_mwh AS raw_mwh, t.counter_wh AS counter_wh,
  coalesce(t.quality, 'ok') AS quality
FROM wl_slot s CROSS JOIN wl_total t ON t.slot = s.slot JOIN wl_total_name n ON n.id = t.name;
CREATE VIEW point_15m AS SELECT strftime('%Y-%m-%dT%H:%M:%SZ', a.slot * 900, 'unixepoch') AS slot_start_utc, d.key AS device, p.name AS point, a.n AS n, CASE p.per_unit WHEN 1 THEN a.avg ELSE a.avg * 1.0 / p.per_unit END AS avg, CASE p.per_unit WHEN 1 THEN a.min ELSE a.min * 1.0 / p.per_unit END AS min, CASE p.per_unit WHEN 1 THEN a.max ELSE a.max * 1.0 / p.per_unit END AS max, CASE p.per_unit WHEN 1 THEN a.last ELSE a.last * 1.0 / p.per_unit END AS last, p.unit AS unit
FROM wl_device d CROSS JOIN wl_point p ON p.device = d.id CROSS JOIN wl_point_15m a ON a.point = p.id;
CREATE VIEW point_day AS SELECT a.day AS day, d.key AS device, p.name AS point, a.n AS n, CASE p.per_unit WHEN 1 THEN a.avg ELSE a.avg * 1.0 / p.per_unit END AS avg, CASE p.per_unit WHEN 1 THEN a.min ELSE a.min * 1.0 / p.per_unit END AS min, CASE p.per_unit WHEN 1 THEN a.max ELSE a.max * 1.0 / p.per_unit END AS max, CASE p.per_unit WHEN 1 THEN a.last ELSE a.last * 1.0 / p.per_unit END AS last, p.unit AS unit
FROM wl_device d CROSS JOIN wl_point p ON p.device = d.id CROSS JOIN wl_point_day a ON a.point = p.id;
CREATE VIEW events AS SELECT id, strftime('%Y-%m-%dT%H:%M:%fZ', at_ms / 1000.0, 'unixepoch') AS utc, kind, about, detail, evidence FROM wl_event;
CREATE VIEW corrections AS SELECT id, strftime('%Y-%m-%dT%H:%M:%fZ', at_ms / 1000.0, 'unixepoch') AS utc, who, why, what, strftime('%Y-%m-%dT%H:%M:%SZ', slot * 900, 'unixepoch') AS slot_start_utc, before, after
FROM wl_correction;
CREATE VIEW "meter" AS SELECT r.ts AS ts,
  strftime('%Y-%m-%dT%H:%M:%SZ', r.ts, 'unixepoch') AS utc,
  r."grid_power_w" / 10.0 AS "grid_power_w"
FROM "wl_raw_meter" r;
CREATE INDEX wl_bill_month ON wl_bill (month);
COMMIT;
