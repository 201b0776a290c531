// The one invariant checker: whatever happened to the file, this must hold.

import Database from 'better-sqlite3';
import {localDay} from '../../../src/core/flow/slots.ts';
import {msOfSlot, slotOfMs} from '../../../src/store/schema.ts';
import {cellsOf, LATE_POINT_CYCLE, lateOf, powerOf, startOf, stateOf, WORLD_ZONE} from './world.ts';

export type Checked = {
  /** Last cycle stored, -1 for none. */
  readonly last: number;
  readonly violations: readonly string[];
};

/** `acked`: the last cycle whose commit was confirmed. `gaps`: rows may be missing (a full disk drops the oldest), but none may be wrong. */
export function check(file: string, acked: number, {gaps = false}: {gaps?: boolean} = {}): Checked {
  const violations: string[] = [];
  const claim = (holds: boolean, what: string): void => {
    if (!holds && violations.length < 20) violations.push(what);
  };
  const db = new Database(file, {readonly: true});
  try {
    const sound = db.pragma('integrity_check(5)') as {integrity_check: string}[];
    claim(sound[0]?.integrity_check === 'ok', `integrity: ${sound.map(row => row.integrity_check).join('; ')}`);
    if (Number(db.pragma('user_version', {simple: true})) === 0) {
      claim(acked < 0, `nothing is stored, but cycle ${acked} was confirmed`);
      return {last: -1, violations};
    }
    const text = db.prepare("SELECT value FROM wl_meta WHERE key = 'flow_state'").pluck().get() as string | undefined;
    const last = text === undefined ? -1 : (JSON.parse(text) as {n: number}).n;
    claim(last >= acked, `confirmed up to ${acked}, stored up to ${last}`);
    const energy = db.prepare("SELECT value FROM wl_meta WHERE key = 'energy'").pluck().get() as string | undefined;
    // The totals that were published never go back: they are those of the newest cycle.
    claim(last < 0 || JSON.parse(energy ?? '{}').grid_import_kwh === last, `totals ${energy}, flow state of ${last}`);
    checkRaw(db, last, gaps, claim);
    checkLedger(db, last, gaps, claim);
    return {last, violations};
  } finally {
    db.close();
  }
}

type Claim = (holds: boolean, what: string) => void;
const cycleOf = (slot: number): number => slot - slotOfMs(startOf(0));
const has = (db: Database.Database, table: string): boolean =>
  db.prepare('SELECT 1 FROM sqlite_schema WHERE name = ?').get(table) !== undefined;

function checkRaw(db: Database.Database, last: number, gaps: boolean, claim: Claim): void {
  if (last < 0 && !has(db, 'meter')) return;
  const late = db.prepare("SELECT 1 FROM wl_point WHERE col = 'grid_voltage_l1_v'").get() !== undefined;
  const rows = db
    .prepare(
      `SELECT m.ts, m.grid_power_w, m.grid_import_energy_wh, ${late ? 'm.grid_voltage_l1_v' : 'NULL'}, h.load_power_w FROM meter m LEFT JOIN hp h ON h.ts = m.ts ORDER BY m.ts`,
    )
    .raw();
  let expected = 0;
  for (const [ts, power, energy, volts, load] of rows.iterate() as IterableIterator<
    [number, number, number, number | null, number | null]
  >) {
    const n = cycleOf(ts / 900);
    claim(gaps ? n >= expected : n === expected, `raw row of cycle ${n}, expected ${expected}`);
    claim(power === Math.round(powerOf(n) * 10) / 10 && energy === 5000 + n, `raw row of cycle ${n}: ${power} W, ${energy} Wh`);
    claim(volts === (n >= LATE_POINT_CYCLE ? Math.round(lateOf(n) * 100) / 100 : null), `late point of cycle ${n}: ${volts}`);
    claim(load === n % 3000 || (gaps && load === null), `other device in cycle ${n}: ${load}`);
    expected = n + 1;
  }
  claim(expected === last + 1, `raw rows up to ${expected - 1}, flow state of ${last}`);
  if (!gaps && has(db, 'inv')) {
    const texts = db.prepare('SELECT ts, value FROM wl_state ORDER BY ts').raw().all() as [number, string][];
    texts.forEach(([ts, value], index) => {
      claim(value === stateOf(cycleOf(ts / 900)) && (index === 0 || texts[index - 1]?.[1] !== value), `text ${index}: ${value}`);
    });
    claim(texts.length === Math.floor(last / 5) + 1, `${texts.length} texts up to cycle ${last}`);
  }
  // Every quarter hour with raw rows is rolled up, or stands in the list of what is to be done.
  const lost = db
    .prepare(
      `WITH m AS (SELECT d.id AS device, p.id AS point FROM wl_device d JOIN wl_point p ON p.device = d.id WHERE d.key = 'meter' AND p.name = 'grid.power_w')
SELECT count(*) FROM m CROSS JOIN wl_raw_meter r WHERE NOT EXISTS (SELECT 1 FROM wl_todo t WHERE t.device = m.device AND t.slot = r.ts / 900)
AND NOT EXISTS (SELECT 1 FROM wl_point_15m a WHERE a.point = m.point AND a.slot = r.ts / 900 AND a.last = r.grid_power_w)`,
    )
    .pluck();
  if (has(db, 'wl_raw_meter')) claim(lost.get() === 0, `${lost.get()} quarter hours are neither rolled up nor waiting`);
}

function checkLedger(db: Database.Database, last: number, gaps: boolean, claim: Claim): void {
  const days = new Map<string, number>();
  for (const policy of ['solar-first', 'proportional']) {
    let expected = 0;
    const rows = db
      .prepare(
        'SELECT slot_start_utc, sum(energy_mwh), sum(energy_mwh) FILTER (WHERE source = ?) FROM energy_15m WHERE policy = ? GROUP BY 1 ORDER BY 1',
      )
      .raw()
      .iterate('solar', policy) as IterableIterator<[string, number, number]>;
    for (const [start, energy, solar] of rows) {
      const n = cycleOf(slotOfMs(Date.parse(start)));
      const full = cellsOf(n);
      // The newest may still run; then half of everything stands there.
      const running = n === last && n % 3 === 0;
      const part = (one: number): number => (running ? Math.floor(one / 2) : one);
      // After a kill the slot before may still be told as running: its closing came with the next cycle.
      claim(energy === part(full.solarHome) + part(full.solarBattery) + part(full.gridHome), `${policy} cells of cycle ${n}: ${energy}`);
      claim((solar ?? 0) === part(full.solarHome) + part(full.solarBattery), `${policy} solar of cycle ${n}: ${solar}`);
      claim(gaps ? n >= expected : n === expected, `${policy} slot ${n}, expected ${expected}`);
      expected = n + 1;
      if (policy === 'proportional')
        days.set(localDay(WORLD_ZONE, Date.parse(start)), (days.get(localDay(WORLD_ZONE, Date.parse(start))) ?? 0) + energy);
    }
    claim(expected === last + 1, `${policy} slots up to ${expected - 1}, flow state of ${last}`);
  }
  const stored = db.prepare("SELECT day, sum(energy_mwh) FROM energy_day WHERE policy = 'proportional' GROUP BY day").raw().all() as [
    string,
    number,
  ][];
  claim(
    stored.length === days.size && stored.every(([day, energy]) => days.get(day) === energy),
    'days are not the sum of their quarter hours',
  );
  const totals = db.prepare("SELECT coalesce(sum(energy_mwh), 0) FROM totals_15m WHERE name IN ('solar', 'grid_import')").pluck().get();
  const cells = db.prepare("SELECT coalesce(sum(energy_mwh), 0) FROM energy_15m WHERE policy = 'solar-first'").pluck().get();
  claim(totals === cells, `totals ${totals}, cells ${cells}`);
  const totalDays = db.prepare('SELECT coalesce(sum(energy_mwh), 0) FROM wl_total_day').pluck().get();
  claim(totals === totalDays, `totals ${totals}, days of totals ${totalDays}`);
  if (gaps) return;
  const marks = db.prepare("SELECT count(*) FROM events WHERE kind = 'mark'").pluck().get();
  claim(marks === Math.floor(last / 20) + 1, `${marks} events up to cycle ${last}`);
  const queued = new Set(
    (db.prepare("SELECT json_extract(payload, '$.slot_start_utc') FROM wl_outbox WHERE topic = 'site/15m'").pluck().all() as string[]).map(
      start => cycleOf(slotOfMs(Date.parse(start))),
    ),
  );
  const closed = (db.prepare('SELECT slot FROM wl_slot WHERE closed = 1').pluck().all() as number[]).map(cycleOf);
  // What waits longer than sixty days is dropped on purpose; a day less, so that the moment of trimming does not matter.
  const due = closed.filter(n => n > last - 59 * 96);
  claim(
    due.every(n => queued.has(n)) && queued.size <= closed.length && (closed.length > due.length || queued.size === closed.length),
    `${queued.size} messages for ${closed.length} closed slots`,
  );
  claim(
    closed.every(n => msOfSlot(slotOfMs(startOf(n))) === startOf(n)),
    'slots begin on quarter hours',
  );
}
