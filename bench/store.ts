// What the store costs: bytes and flushes of a day, CPU and bytes a sample, commits, the main loop beside a stalling disk, questions to ten full years.

import {execFileSync, spawnSync} from 'node:child_process';
import {mkdtempSync, readFileSync, rmSync, writeFileSync} from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import {monitorEventLoopDelay} from 'node:perf_hooks';
import {setTimeout as sleep} from 'node:timers/promises';
import Database from 'better-sqlite3';
import type {SlotCell} from '../src/core/flow/model.ts';
import {silentLog} from '../src/core/log.ts';
import type {Reading} from '../src/core/reading.ts';
import type {TickRecord} from '../src/core/sink.ts';
import {createBatch} from '../src/store/batch.ts';
import {openReader} from '../src/store/queries.ts';
import {createStore} from '../src/store/store.ts';
import {createWriter} from '../src/store/writer.ts';

const DEVICES = 5;
const POINTS = 40;
const POLL_S = 5;
const COMMIT_S = 60;
const DAY_S = 86_400;
const START_MS = Date.parse('2026-05-31T22:00:00Z');
const ZONE = 'Europe/Berlin';
const settings = {efficiencyPpm: null, zone: ZONE, rawDays: 30, archive: false, history: false};

const line = (name: string, value: string, note = ''): void => console.log(`  ${name.padEnd(58)} ${value.padStart(14)}  ${note}`);

const NAMES = [
  'inverter.power_w', 'inverter.voltage_l1_v', 'inverter.voltage_l2_v', 'inverter.voltage_l3_v', 'inverter.current_l1_a', 'inverter.current_l2_a',
  'inverter.current_l3_a', 'inverter.power_l1_w', 'inverter.power_l2_w', 'inverter.power_l3_w', 'inverter.frequency_hz', 'inverter.temperature_c',
  'inverter.power_factor', 'inverter.apparent_power_va', 'grid.power_w', 'grid.power_l1_w', 'grid.power_l2_w', 'grid.power_l3_w', 'grid.voltage_l1_v',
  'grid.voltage_l2_v', 'grid.voltage_l3_v', 'grid.current_l1_a', 'grid.current_l2_a', 'grid.current_l3_a', 'battery.power_w', 'battery.soc_pct',
  'battery.voltage_v', 'battery.current_a', 'battery.temperature_c', 'pv.power_w', 'pv.string1_power_w', 'pv.string1_voltage_v', 'pv.string1_current_a',
  'pv.string2_power_w', 'pv.string2_voltage_v', 'pv.string2_current_a', 'grid.import_energy_wh', 'grid.export_energy_wh', 'pv.energy_wh',
  'battery.charge_energy_wh',
].slice(0, POINTS); // biome-ignore format: a list

/** Values that move as those of a house do: powers every time, voltages slowly, counters upwards. */
function readingsAt(t: number): Reading[] {
  const list: Reading[] = [];
  for (let device = 0; device < DEVICES; device++) {
    NAMES.forEach((point, index) => {
      const wave = Math.sin(t / (97 + 13 * index) + device);
      const value = point.endsWith('energy_wh')
        ? Math.floor(10_000_000 + t * 0.4 + device)
        : point.endsWith('_w')
          ? Math.round(2500 + 2400 * wave + ((t * 7919 + index) % 41))
          : point.endsWith('_v')
            ? Math.round((232 + 3 * wave) * 10) / 10
            : Math.round((20 + 10 * wave) * 100) / 100;
      list.push({device: `device${device}`, point, measured: {kind: 'good', value, monoMs: t * 1000}});
    });
  }
  return list;
}

const CELLS: readonly [string, string, string][] = [
  ['solar', 'direct', 'home'],
  ['solar', 'direct', 'battery'],
  ['solar', 'direct', 'grid'],
  ['grid', 'direct', 'home'],
  ['solar', 'battery', 'home'],
  ['grid', 'battery', 'home'],
];
const cells = (n: number): SlotCell[] =>
  CELLS.map(([origin, via, sink], index) => ({
    origin: origin as SlotCell['origin'],
    via,
    source: via === 'direct' ? origin : via,
    sink,
    energyMilliWh: 1000 * (index + 1) + (n % 977),
    label: (sink === 'home'
      ? origin === 'grid'
        ? 'imported'
        : 'btm_consumed'
      : sink === 'battery'
        ? 'stored'
        : 'exported') as SlotCell['label'],
  }));
const TOTALS = ['grid_import', 'grid_export', 'solar', 'battery_charge', 'battery_discharge', 'home'];

function recordAt(t: number): TickRecord {
  const startMs = START_MS + Math.floor(t / 900) * 900_000;
  const due = t % COMMIT_S === 0;
  return {
    tick: {seq: t / POLL_S, monoMs: t * 1000, wallMs: START_MS + t * 1000},
    readings: readingsAt(t),
    board: new Map(),
    nodes: [],
    slots: due
      ? [
          {
            slot: {kind: 'utc', startMs},
            closed: t % 900 === 0,
            cells: {'solar-first': cells(t), proportional: cells(t + 1)},
            totals: TOTALS.map(name => ({name, energyMilliWh: t, rawMilliWh: t, counterWh: 1000 + t, quality: []})),
            quality: [],
            reason: null,
            bounds: null,
          },
        ]
      : [],
    events: [],
    state: null,
    energy: due ? {ts: new Date(START_MS + t * 1000).toISOString(), grid_import_kwh: t} : null,
    day: null,
    flowState: due ? JSON.stringify({t, filler: 'x'.repeat(4000)}) : null,
  };
}

/** A day written as the daemon writes it, in this process, so that the system's own counters can be read. */
export function writeDay(file: string, seconds = DAY_S): {samples: number; cpuMs: number; writtenMb: number | null; commits: number[]} {
  const written = (): number | null => {
    try {
      return Number(/^write_bytes: (\d+)/m.exec(readFileSync('/proc/self/io', 'utf8'))?.[1]) / 1_048_576;
    } catch {
      return null;
    }
  };
  const writer = createWriter({...settings, path: file}, () => {});
  writer.start(START_MS);
  const batch = createBatch(100_000);
  const before = written();
  const commits: number[] = [];
  let samples = 0;
  let cpuMs = 0;
  for (let t = POLL_S; t <= seconds; t += POLL_S) {
    const record = recordAt(t);
    samples += record.readings.length;
    const began = process.cpuUsage();
    batch.add(record);
    if (t % COMMIT_S === 0) {
      const data = batch.take();
      if (data) commits.push(writer.commit(data).tookMs);
      if (t % 3600 === 0) while (writer.upkeep(START_MS + t * 1000)) {}
    }
    const {user, system} = process.cpuUsage(began);
    cpuMs += (user + system) / 1000;
  }
  writer.close();
  const after = written();
  return {samples, cpuMs, commits, writtenMb: before === null || after === null ? null : after - before};
}

/** Counted from outside by strace where it is installed. */
function flushes(folder: string): string {
  const log = path.join(folder, 'strace');
  const child = `import('${path.resolve(import.meta.dirname, 'store.ts')}').then(m => m.writeDay('${path.join(folder, 'flushes.db')}', 7200))`;
  const {status} = spawnSync('strace', ['-f', '-c', '-e', 'trace=fsync,fdatasync', '-o', log, process.execPath, '-e', child], {
    stdio: 'ignore',
  });
  if (status !== 0) return '-';
  const calls = [...readFileSync(log, 'utf8').matchAll(/^\s*[\d.]+\s+[\d.]+\s+\d+\s+(\d+)\s+(?:\d+\s+)?f(?:data)?sync$/gm)].reduce(
    (sum, match) => sum + Number(match[1]),
    0,
  );
  return String(calls * 12);
}

async function stall(folder: string): Promise<string> {
  const source = path.join(folder, 'slow.c');
  const library = path.join(folder, 'slow.so');
  writeFileSync(
    source,
    '#define _GNU_SOURCE\n#include <unistd.h>\n#include <sys/syscall.h>\nint fsync(int fd) { usleep(400000); return syscall(SYS_fsync, fd); }\nint fdatasync(int fd) { usleep(400000); return syscall(SYS_fdatasync, fd); }\n',
  );
  if (spawnSync('cc', ['-shared', '-fPIC', '-o', library, source]).status !== 0) return '-';
  const child = `import('${path.resolve(import.meta.dirname, 'store.ts')}').then(m => m.watchLoop('${path.join(folder, 'slow.db')}'))`;
  return execFileSync(process.execPath, ['-e', child], {env: {...process.env, LD_PRELOAD: library}, encoding: 'utf8'}).trim();
}

/** The longest pause of the main loop while commits go on for ten seconds. */
export async function watchLoop(file: string): Promise<void> {
  const store = createStore(
    {path: file, commitEveryMs: 1000, rawDays: 30, archive: false, budgetMbPerDay: null, bufferRows: 10_000},
    {clock: {wallMs: () => START_MS, monoMs: () => performance.now(), sleepUntilMono: async () => {}}, log: silentLog, zone: ZONE},
  );
  await store.start();
  const delay = monitorEventLoopDelay({resolution: 5});
  await sleep(200);
  delay.enable();
  const never = new AbortController().signal;
  for (let t = POLL_S; t < 100 * POLL_S; t += POLL_S) {
    await store.write([{...recordAt(t), flowState: '{}'}], never);
    await sleep(100);
  }
  delay.disable();
  console.log((delay.max / 1e6 - 5).toFixed(0));
  await store.close(never);
}

const YEARS = 10;
/** Points with quarter hours over all years; a house has more, and each has its own place in the index. */
const LONG_POINTS = 20;

/** Ten years of ledger and roll-ups and a month of raw rows, multiplied inside the database from a day that was really written. */
function fill(file: string): void {
  writeDay(file);
  const db = new Database(file);
  db.pragma('journal_mode = OFF');
  db.pragma('synchronous = OFF');
  const slots = YEARS * 365 * 96;
  const first = Math.floor(START_MS / 900_000) - slots;
  db.exec(`
    BEGIN;
    CREATE TEMP TABLE n AS WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < ${slots - 1}) SELECT i FROM n;
    INSERT OR IGNORE INTO wl_slot SELECT ${first} + i, strftime('%Y-%m-%dT%H:%M:%SZ', (${first} + i) * 900, 'unixepoch'), strftime('%Y-%m-%d', (${first} + i) * 900, 'unixepoch', '+1 hour'), 1, 'ok', NULL, NULL FROM n;
    INSERT OR IGNORE INTO wl_cell SELECT ${first} + i, p.id, c.id, 1000 + (i * 31 + c.id * 977) % 200000 FROM n, wl_policy p, wl_cell_name c WHERE p.id < 3;
    INSERT OR IGNORE INTO wl_total SELECT ${first} + i, t.id, 1000 + i % 900, 1000 + i % 900, i, NULL FROM n, wl_total_name t;
    INSERT OR IGNORE INTO wl_day SELECT c.policy, s.day, c.cell, sum(c.energy_mwh) FROM wl_slot s CROSS JOIN wl_cell c ON c.slot = s.slot WHERE s.slot < ${first + slots} GROUP BY 1, 2, 3;
    INSERT OR IGNORE INTO wl_total_day SELECT s.day, t.name, sum(t.energy_mwh), sum(t.raw_mwh) FROM wl_slot s CROSS JOIN wl_total t ON t.slot = s.slot WHERE s.slot < ${first + slots} GROUP BY 1, 2;
    INSERT OR IGNORE INTO wl_point_15m SELECT p.id, ${first} + i, 180, 1000 + i % 700, i % 500, 2000 + i % 900, i % 1000 FROM (SELECT id FROM wl_point LIMIT ${LONG_POINTS}) p, n;
    INSERT OR IGNORE INTO wl_point_day SELECT p.id, d.day, 17280, 1000, 1, 2000, 3 FROM wl_point p, (SELECT DISTINCT day FROM wl_slot) d;
    COMMIT;`);
  for (const {raw} of db.prepare('SELECT raw FROM wl_device').all() as {raw: string}[]) {
    const columns = (db.prepare(`SELECT name FROM pragma_table_info('${raw}')`).pluck().all() as string[]).filter(name => name !== 'ts');
    const list = columns.map(name => `"${name}"`).join(', ');
    for (let day = 1; day < 30; day++)
      db.exec(
        `INSERT OR IGNORE INTO "${raw}" (ts, ${list}) SELECT ts - ${day * DAY_S}, ${list} FROM "${raw}" WHERE ts > ${START_MS / 1000}`,
      );
  }
  db.exec('ANALYZE');
  db.close();
}

function questions(file: string): void {
  const reader = openReader(file);
  const day = 86_400_000;
  const timed = (name: string, ask: () => readonly unknown[]): void => {
    const took: number[] = [];
    let rows = 0;
    for (let round = 0; round < 7; round++) {
      const began = performance.now();
      rows = ask().length;
      took.push(performance.now() - began);
    }
    took.sort((a, b) => a - b);
    line(name, `${took[3]?.toFixed(1)} ms`, `${rows} rows, aim 50 ms`);
  };
  timed(
    'a raw day of one point',
    () => reader.points({device: 'device0', point: 'grid.power_w', fromMs: START_MS, toMs: START_MS + day, maxPoints: 1500}).rows,
  );
  const flows = {policy: 'solar-first', zone: ZONE} as const;
  timed('a month by the quarter hour', () => reader.flows({...flows, fromMs: START_MS - 30 * day, toMs: START_MS, step: '15m'}));
  timed('a year by day', () => reader.flows({...flows, fromMs: START_MS - 365 * day, toMs: START_MS, step: '1d'}));
  timed('ten years by month', () => reader.flows({...flows, fromMs: START_MS - 3650 * day, toMs: START_MS, step: '1mo'}));
  timed(
    'a year of one point by day',
    () => reader.points({device: 'device0', point: 'inverter.power_w', fromMs: START_MS - 365 * day, toMs: START_MS, maxPoints: 400}).rows,
  );
  reader.close();
}

export async function run(): Promise<void> {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'wattledger-bench-'));
  try {
    const file = path.join(folder, 'day.db');
    const {samples, cpuMs, writtenMb, commits} = writeDay(file);
    const db = new Database(file, {readonly: true});
    const raw = db.prepare("SELECT sum(pgsize) FROM dbstat WHERE name LIKE 'wl_raw_d%'").pluck().get() as number;
    db.close();
    commits.sort((a, b) => a - b);
    line(`a day of ${DEVICES} x ${POINTS} points at ${POLL_S} s: samples`, String(samples));
    line('bytes a raw sample in the file', (raw / samples).toFixed(2), 'aim 3');
    line('written to the disk (/proc/self/io)', writtenMb === null ? '-' : `${writtenMb.toFixed(0)} MB`, 'aim 200 MB a day');
    line('flushes (fsync and fdatasync, counted by strace, 2 h x 12)', flushes(folder), 'aim 8000 a day');
    line('CPU a sample', `${((cpuMs * 1000) / samples).toFixed(2)} µs`);
    line('a commit of a minute: median, slowest', `${commits[commits.length >> 1]?.toFixed(1)} / ${commits.at(-1)?.toFixed(0)} ms`);
    line('longest pause of the main loop, every flush taking 400 ms', `${await stall(folder)} ms`, 'aim 50 ms');
    const years = path.join(folder, 'years.db');
    fill(years);
    const size = execFileSync('du', ['-m', years], {encoding: 'utf8'}).split('\t')[0];
    line(`ten years of ledger, ${LONG_POINTS} points by quarter hour, 30 raw days`, `${size} MB`);
    questions(years);
  } finally {
    rmSync(folder, {recursive: true, force: true});
  }
}
