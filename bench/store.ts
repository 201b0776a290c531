// What the store costs: bytes and flushes of a day, CPU and bytes a sample, commits, the main loop beside a stalling disk, questions to ten
// full years. Beside each aim stands what the usual way costs in the same run: a row per value, and a writer on the main loop.

import {execFileSync, spawnSync} from 'node:child_process';
import {mkdirSync, mkdtempSync, readFileSync, rmSync} from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import {monitorEventLoopDelay} from 'node:perf_hooks';
import {setTimeout as sleep} from 'node:timers/promises';
import Database from 'better-sqlite3';
import {silentLog} from '../src/core/log.ts';
import {createBatch} from '../src/store/batch.ts';
import {createStore} from '../src/store/store.ts';
import {createWriter} from '../src/store/writer.ts';
import {type Counted, type LoopDisk, loopDisk} from './disk.ts';
import {COMMIT_S, DAY_S, DEVICES, type Kind, POINTS, POLL_S, readingsAt, recordAt, START_MS, ZONE} from './store-world.ts';
import {fill, LONG_POINTS, questions} from './store-years.ts';

const settings = {efficiencyPpm: null, zone: ZONE, rawDays: 30, archive: false, history: false};
/** What a commit left dirty, the kernel writes half a minute later. */
const WRITE_BACK_S = 30;
/** The usual way is so much dearer that a part of a day has to do. */
const BASELINE_S = DAY_S / 12;

const line = (name: string, value: string, note = ''): void => console.log(`  ${name.padEnd(58)} ${value.padStart(14)}  ${note}`);
const mb = (bytes: number): string => `${(bytes / 1_048_576).toFixed(0)} MB`;

type Written = {readonly samples: number; readonly cpuMs: number; readonly commits: readonly number[]; readonly counted: Counted | null};

/** What this process made the kernel write, where there is no disk to ask. */
const processWrote = (): Counted | null => {
  try {
    return {bytes: Number(/^write_bytes: (\d+)/m.exec(readFileSync('/proc/self/io', 'utf8'))?.[1]), flushes: Number.NaN};
  } catch {
    return null;
  }
};

type Way = {put(t: number): number; commit(t: number): number; end(): void};

/** Writes as much of a day as is asked for, with a commit a minute and the kernel's own write-back between. */
function writeSome(way: Way, disk: LoopDisk | null, seconds: number): Written {
  const counted = (): Counted | null => (disk ? disk.counted() : processWrote());
  disk?.writeBack();
  const before = counted();
  const commits: number[] = [];
  let samples = 0;
  let cpuMs = 0;
  for (let t = POLL_S; t <= seconds; t += POLL_S) {
    const began = process.cpuUsage();
    samples += way.put(t);
    if (t % COMMIT_S === 0) commits.push(way.commit(t));
    const {user, system} = process.cpuUsage(began);
    cpuMs += (user + system) / 1000;
    if (t % COMMIT_S === WRITE_BACK_S) disk?.writeBack();
  }
  way.end();
  disk?.writeBack();
  const after = counted();
  const scale = DAY_S / seconds;
  return {
    samples,
    cpuMs,
    commits: commits.sort((a, b) => a - b),
    counted: before && after && {bytes: (after.bytes - before.bytes) * scale, flushes: (after.flushes - before.flushes) * scale},
  };
}

/** As the daemon writes, in this process, so that its CPU can be read. */
function ourWay(file: string, kind: Kind): Way {
  const writer = createWriter({...settings, path: file}, () => {});
  writer.start(START_MS);
  const batch = createBatch(100_000);
  return {
    put(t) {
      const record = recordAt(t, kind);
      batch.add(record);
      return record.readings.length;
    },
    commit(t) {
      const data = batch.take();
      const took = data ? writer.commit(data).tookMs : 0;
      while (writer.upkeep(START_MS + t * 1000)) {}
      return took;
    },
    end: () => writer.close(),
  };
}

/** As recorders usually do it: a row for every value, found by point and time. */
function rowPerValue(file: string): Way {
  const db = new Database(file);
  db.pragma('journal_mode = WAL');
  db.pragma('synchronous = FULL');
  db.exec('CREATE TABLE value (ts INTEGER NOT NULL, point TEXT NOT NULL, value REAL); CREATE INDEX value_point ON value (point, ts)');
  const insert = db.prepare('INSERT INTO value VALUES (?, ?, ?)');
  let waiting: [number, string, number][] = [];
  return {
    put(t) {
      for (const {device, point, measured} of readingsAt(t, 'house'))
        if (measured.kind === 'good') waiting.push([START_MS / 1000 + t, `${device}/${point}`, Number(measured.value)]);
      return DEVICES * POINTS;
    },
    commit() {
      const began = performance.now();
      db.transaction(() => {
        for (const row of waiting) insert.run(...row);
      })();
      waiting = [];
      return performance.now() - began;
    },
    end: () => void db.close(),
  };
}

export const writeDay = (file: string, kind: Kind = 'house', disk: LoopDisk | null = null): Written =>
  writeSome(ourWay(file, kind), disk, DAY_S);

const bytesOf = (file: string, tables: string): number => {
  const db = new Database(file, {readonly: true});
  try {
    return db.prepare('SELECT sum(pgsize) FROM dbstat WHERE name GLOB ?').pluck().get(tables) as number;
  } finally {
    db.close();
  }
};

function days(folder: string, disk: LoopDisk | null): void {
  const how = disk ? 'sectors and flushes of ext4 on a loop device' : '/proc/self/io, flushes not counted';
  line(`${DEVICES} x ${POINTS} points every ${POLL_S} s, a commit a minute, a day`, '', `counted: ${how}`);
  for (const kind of ['house', 'busy'] as const) {
    const file = path.join(folder, `${kind}.db`);
    const {samples, cpuMs, commits, counted} = writeDay(file, kind, disk);
    const what = kind === 'house' ? 'a house' : 'every point moving all day';
    line(`${what}: bytes a raw sample in the file`, (bytesOf(file, 'wl_raw_d*') / samples).toFixed(2), 'aim 3');
    line(`${what}: written`, counted ? mb(counted.bytes) : '-', 'aim 200 MB a day');
    line(`${what}: flushes`, counted && !Number.isNaN(counted.flushes) ? counted.flushes.toFixed(0) : '-', 'aim 8000 a day');
    line(`${what}: CPU a sample`, `${((cpuMs * 1000) / samples).toFixed(2)} µs`);
    const at = (share: number): string => (commits[Math.min(commits.length - 1, Math.floor(commits.length * share))] ?? 0).toFixed(1);
    line(`${what}: a commit, median / 99 % / slowest`, `${at(0.5)} / ${at(0.99)} / ${at(1)}`, 'ms');
  }
  const file = path.join(folder, 'values.db');
  const {samples, cpuMs, counted} = writeSome(rowPerValue(file), disk, BASELINE_S);
  line('baseline, a row per value: bytes a sample in the file', (bytesOf(file, 'value*') / samples).toFixed(2));
  line('baseline, a row per value: written', counted ? mb(counted.bytes) : '-', `a day, from ${BASELINE_S / 3600} h of a new file`);
  line('baseline, a row per value: CPU a sample', `${((cpuMs * 1000) / samples).toFixed(2)} µs`);
}

/** In a process of its own, in which every flush takes 400 ms. */
function stall(folder: string, where: 'thread' | 'main' | 'nothing'): string {
  const library = path.join(folder, 'slow.so');
  const source = path.resolve(import.meta.dirname, '../test/store/crash/slow.c');
  if (spawnSync('cc', ['-shared', '-fPIC', '-DFLUSH_MS=400', '-o', library, source]).status !== 0) return '-';
  const call = `watchLoop('${path.join(folder, `slow-${where}.db`)}', '${where}')`;
  const child = `import('${path.resolve(import.meta.dirname, 'store.ts')}').then(m => m.${call})`;
  return execFileSync(process.execPath, ['-e', child], {env: {...process.env, LD_PRELOAD: library}, encoding: 'utf8'}).trim();
}

/** Prints the longest pause of the main loop while commits go on for ten seconds. */
export async function watchLoop(file: string, where: 'thread' | 'main' | 'nothing'): Promise<void> {
  const never = new AbortController().signal;
  const clock = {wallMs: () => START_MS, monoMs: () => performance.now(), sleepUntilMono: async () => {}};
  const store = createStore(
    {path: file, commitEveryMs: 1000, rawDays: 30, archive: false, budgetMbPerDay: null, bufferRows: 10_000},
    {clock, log: silentLog, zone: ZONE},
  );
  const here = where === 'main' ? ourWay(file, 'house') : null;
  if (where === 'thread') await store.start();
  const delay = monitorEventLoopDelay({resolution: 5});
  await sleep(200);
  delay.enable();
  for (let t = POLL_S; t < 100 * POLL_S; t += POLL_S) {
    if (where === 'thread') await store.write([{...recordAt(t), flowState: '{}'}], never);
    if (here) {
      here.put(t);
      if (t % (10 * POLL_S) === 0) here.commit(t);
    }
    await sleep(100);
  }
  delay.disable();
  console.log((delay.max / 1e6 - 5).toFixed(0));
  here?.end();
  await store.close(never);
}

export async function run(): Promise<void> {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'wattledger-bench-'));
  const disk = loopDisk();
  try {
    days(disk?.folder ?? folder, disk);
    line('longest pause of the main loop, every flush taking 400 ms', `${stall(folder, 'thread')} ms`, 'aim 50 ms');
    line('baseline, a loop that does nothing, on this machine at this time', `${stall(folder, 'nothing')} ms`);
    line('baseline, the same with the writer on the main loop', `${stall(folder, 'main')} ms`);
    mkdirSync(path.join(folder, 'years'));
    const years = path.join(folder, 'years', 'wattledger.db');
    writeDay(years);
    fill(years);
    const size = execFileSync('du', ['-m', years], {encoding: 'utf8'}).split('\t')[0];
    line(`ten years of ledger, ${LONG_POINTS} points by quarter hour, 30 raw days`, `${size} MB`);
    questions(years, line);
  } finally {
    disk?.remove();
    rmSync(folder, {recursive: true, force: true});
  }
}
