// Slots into the ledger: cells, totals and the days they belong to, always changed together.

import type {SlotCell, SlotQuality, SlotRecord, SlotTotal} from '../core/flow/model.ts';
import {localDay} from '../core/flow/slots.ts';
import type {Policy} from '../core/site.ts';
import type {Db} from './connect.ts';
import {setMeta} from './meta.ts';
import {msOfSlot, POLICY_IDS, slotOfMs} from './schema.ts';

export type Ledger = {
  /** Replaces what is known of this slot, per policy and total that the record names. What it takes in leaves the slots without a date. */
  put(record: SlotRecord): void;
  forget(): void;
};

/** Every quality but `ok`, sorted; `ok` where there is none. */
export const qualityText = (quality: readonly SlotQuality[]): string =>
  [...new Set(quality)]
    .filter(word => word !== 'ok')
    .sort()
    .join() || 'ok';
export const joinQualities = (texts: readonly string[]): string => qualityText(texts.flatMap(text => text.split(',')) as SlotQuality[]);

const utc = (slot: number): string => `${new Date(msOfSlot(slot)).toISOString().slice(0, 19)}Z`;

/** Writes inside the caller's transaction. */
export function createLedger(db: Db, zone: string): Ledger {
  const cellIds = new Map<string, number>();
  const totalIds = new Map<string, number>();
  const sql = {
    findCell: db.prepare('SELECT id FROM wl_cell_name WHERE origin = ? AND via = ? AND source = ? AND sink = ? AND label = ?').pluck(),
    addCell: db.prepare('INSERT INTO wl_cell_name (origin, via, source, sink, label) VALUES (?, ?, ?, ?, ?)'),
    findTotal: db.prepare('SELECT id FROM wl_total_name WHERE name = ?').pluck(),
    addTotal: db.prepare('INSERT INTO wl_total_name (name) VALUES (?)'),
    cells: db.prepare('SELECT cell, energy_mwh FROM wl_cell WHERE slot = ? AND policy = ?').raw(),
    putCell: db.prepare('INSERT INTO wl_cell VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET energy_mwh = excluded.energy_mwh'),
    dropCell: db.prepare('DELETE FROM wl_cell WHERE slot = ? AND policy = ? AND cell = ?'),
    addDay: db.prepare('INSERT INTO wl_day VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET energy_mwh = energy_mwh + excluded.energy_mwh'),
    emptyDay: db.prepare('DELETE FROM wl_day WHERE policy = ? AND day = ? AND cell = ? AND energy_mwh = 0'),
    totals: db.prepare('SELECT name, energy_mwh, raw_mwh FROM wl_total WHERE slot = ?').raw(),
    putTotal: db.prepare(
      'INSERT INTO wl_total VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET energy_mwh = excluded.energy_mwh, raw_mwh = excluded.raw_mwh, counter_wh = excluded.counter_wh, quality = excluded.quality',
    ),
    dropTotal: db.prepare('DELETE FROM wl_total WHERE slot = ? AND name = ?'),
    addTotalDay: db.prepare(
      'INSERT INTO wl_total_day VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET energy_mwh = energy_mwh + excluded.energy_mwh, raw_mwh = raw_mwh + excluded.raw_mwh',
    ),
    slot: db.prepare('SELECT day, quality FROM wl_slot WHERE slot = ?'),
    putSlot: db.prepare(
      'INSERT INTO wl_slot VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (slot) DO UPDATE SET closed = excluded.closed, quality = excluded.quality, reason = excluded.reason, bounds = excluded.bounds',
    ),
    dayQualities: db.prepare('SELECT DISTINCT quality FROM wl_slot WHERE day = ?').pluck(),
    putDayQuality: db.prepare(
      'INSERT INTO wl_day_quality VALUES (?, ?) ON CONFLICT DO UPDATE SET quality = excluded.quality WHERE quality <> excluded.quality',
    ),
    putUndated: db.prepare('INSERT OR REPLACE INTO wl_undated VALUES (?, ?, ?, ?, ?, ?, ?)'),
    dropUndated: db.prepare('DELETE FROM wl_undated WHERE boot_id = ? AND start_mono_ms = ?'),
    putUndatedCell: db.prepare('INSERT INTO wl_undated_cell VALUES (?, ?, ?, ?, ?)'),
    dropUndatedCells: db.prepare('DELETE FROM wl_undated_cell WHERE boot_id = ? AND start_mono_ms = ?'),
  };

  function cellId({origin, via, source, sink, label}: SlotCell): number {
    const key = [origin, via, source, sink, label].join('\n');
    let id = cellIds.get(key);
    if (id === undefined) {
      const found = sql.findCell.get(origin, via, source, sink, label);
      id = Number(found ?? sql.addCell.run(origin, via, source, sink, label).lastInsertRowid);
      cellIds.set(key, id);
    }
    return id;
  }
  function totalId(name: string): number {
    let id = totalIds.get(name);
    if (id === undefined) {
      id = Number(sql.findTotal.get(name) ?? sql.addTotal.run(name).lastInsertRowid);
      totalIds.set(name, id);
    }
    return id;
  }
  /** Energies by cell id; a cell told twice is summed. */
  function summed(cells: readonly SlotCell[]): Map<number, number> {
    const sums = new Map<number, number>();
    for (const cell of cells) {
      const id = cellId(cell);
      const sum = (sums.get(id) ?? 0) + cell.energyMilliWh;
      if (sum !== 0) sums.set(id, sum);
    }
    return sums;
  }

  function putCells(slot: number, day: string, policy: number, cells: readonly SlotCell[]): void {
    const wanted = summed(cells);
    const before = new Map(sql.cells.all(slot, policy) as [number, number][]);
    for (const [cell, energy] of wanted) {
      const change = energy - (before.get(cell) ?? 0);
      if (change === 0) continue;
      sql.putCell.run(slot, policy, cell, energy);
      sql.addDay.run(policy, day, cell, change);
    }
    for (const [cell, energy] of before) {
      if (wanted.has(cell)) continue;
      sql.dropCell.run(slot, policy, cell);
      sql.addDay.run(policy, day, cell, -energy);
      sql.emptyDay.run(policy, day, cell);
    }
  }

  function putTotals(slot: number, day: string, totals: readonly SlotTotal[]): void {
    const before = new Map((sql.totals.all(slot) as [number, number, number][]).map(([name, energy, raw]) => [name, {energy, raw}]));
    for (const total of totals) {
      const name = totalId(total.name);
      const old = before.get(name) ?? {energy: 0, raw: 0};
      before.delete(name);
      const quality = qualityText(total.quality);
      sql.putTotal.run(slot, name, total.energyMilliWh, total.rawMilliWh, total.counterWh, quality === 'ok' ? null : quality);
      sql.addTotalDay.run(day, name, total.energyMilliWh - old.energy, total.rawMilliWh - old.raw);
    }
    for (const [name, old] of before) {
      sql.dropTotal.run(slot, name);
      sql.addTotalDay.run(day, name, -old.energy, -old.raw);
    }
  }

  function putDated(record: SlotRecord, startMs: number): void {
    const slot = slotOfMs(startMs);
    const known = sql.slot.get(slot) as {day: string; quality: string} | undefined;
    const day = known?.day ?? localDay(zone, msOfSlot(slot));
    const quality = qualityText(record.quality);
    const bounds = record.bounds === null ? null : JSON.stringify(record.bounds);
    sql.putSlot.run(slot, utc(slot), day, record.closed ? 1 : 0, quality, record.reason, bounds);
    for (const [policy, cells] of Object.entries(record.cells)) {
      if (cells) putCells(slot, day, POLICY_IDS[policy as Policy], cells);
    }
    putTotals(slot, day, record.totals);
    if (known?.quality !== quality) sql.putDayQuality.run(day, joinQualities(sql.dayQualities.all(day) as string[]));
  }

  function putUndated(record: SlotRecord, slot: Extract<SlotRecord['slot'], {kind: 'undated'}>): void {
    const start = Math.round(slot.startMonoMs);
    sql.putUndated.run(
      slot.bootId,
      start,
      Math.round(slot.endMonoMs),
      record.closed ? 1 : 0,
      qualityText(record.quality),
      record.reason,
      JSON.stringify(record.totals),
    );
    sql.dropUndatedCells.run(slot.bootId, start);
    for (const [policy, cells] of Object.entries(record.cells)) {
      if (!cells) continue;
      for (const [cell, energy] of summed(cells)) sql.putUndatedCell.run(slot.bootId, start, POLICY_IDS[policy as Policy], cell, energy);
    }
  }

  return {
    put(record) {
      if (record.slot.kind === 'utc') putDated(record, record.slot.startMs);
      else putUndated(record, record.slot);
      for (const {bootId, startMonoMs} of record.takes ?? []) {
        sql.dropUndatedCells.run(bootId, Math.round(startMonoMs));
        sql.dropUndated.run(bootId, Math.round(startMonoMs));
      }
    },
    forget() {
      cellIds.clear();
      totalIds.clear();
    },
  };
}

/** Local days again for another zone, or after a repair. Days are derived: nothing is lost. */
export function rebuildDays(db: Db, zone: string): void {
  db.transaction(() => {
    const setDay = db.prepare('UPDATE wl_slot SET day = ? WHERE slot = ?');
    for (const [slot, day] of db.prepare('SELECT slot, day FROM wl_slot').raw().all() as [number, string][]) {
      const wanted = localDay(zone, msOfSlot(slot));
      if (wanted !== day) setDay.run(wanted, slot);
    }
    db.exec(`
DELETE FROM wl_day;
INSERT INTO wl_day SELECT c.policy, s.day, c.cell, sum(c.energy_mwh) FROM wl_cell c JOIN wl_slot s USING (slot) GROUP BY 1, 2, 3;
DELETE FROM wl_total_day;
INSERT INTO wl_total_day SELECT s.day, t.name, sum(t.energy_mwh), sum(t.raw_mwh) FROM wl_total t JOIN wl_slot s USING (slot) GROUP BY 1, 2;
DELETE FROM wl_day_quality;`);
    const put = db.prepare('INSERT INTO wl_day_quality VALUES (?, ?)');
    const qualities = new Map<string, string[]>();
    for (const [day, quality] of db.prepare('SELECT DISTINCT day, quality FROM wl_slot').raw().all() as [string, string][])
      qualities.set(day, [...(qualities.get(day) ?? []), quality]);
    for (const [day, texts] of qualities) put.run(day, joinQualities(texts));
    setMeta(db, 'zone', zone);
  }).immediate();
}
