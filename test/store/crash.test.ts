// What must never happen to the ledger, whatever happens to the machine. Short forms; `npm run crash` has the long ones.

import {execFileSync, spawnSync} from 'node:child_process';
import {existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync} from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import Database from 'better-sqlite3';
import {afterEach, beforeEach, describe, expect, test} from 'vitest';
import {check} from './crash/check.ts';
import {recordDisk, tearRounds} from './crash/disk.ts';
import {canCutExt4, ext4Rounds} from './crash/ext4.ts';
import {killRounds, randomFrom, startWriter} from './crash/rounds.ts';
import {startOf, worldRecord} from './crash/world.ts';
import {bench, never} from './harness.ts';

const canMount = (() => {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'wattledger-mount-'));
  try {
    if (process.platform !== 'linux' || spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'none', folder]).status !== 0) return false;
    return spawnSync('umount', [folder]).status === 0;
  } finally {
    rmSync(folder, {recursive: true, force: true});
  }
})();
const hasCompiler = spawnSync('cc', ['--version']).status === 0 && process.platform === 'linux';
const needs = (there: boolean, what: string, title: string): string => (there ? title : `${title} [skipped: needs ${what}]`);

let folder: string;
let file: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'wattledger-crash-'));
  file = path.join(folder, 'wattledger.db');
});
afterEach(() => rmSync(folder, {recursive: true, force: true}));

test('killed at random moments: nothing confirmed is lost, nothing is half there, nothing counts twice', {
  retry: 0,
}, async () => {
  const seed = Date.now() % 1_000_000;
  console.log(`kill -9: seed ${seed}`);
  const result = await killRounds(file, 30, seed);
  expect(result.violations).toEqual([]);
  // Enough was written between the kills for the checks to mean something.
  expect(result.cycles).toBeGreaterThan(30);
});

test('the checker sees what it is there to see', async () => {
  const child = startWriter(file, [5, 0, 400]);
  await child.wait(/^closed/);
  await child.ended;
  expect(check(file, 400)).toEqual({last: 400, violations: []});
  const db = new Database(file);
  for (const [sql, seen] of [
    ['DELETE FROM wl_raw_meter WHERE ts = (SELECT max(ts) - 900 FROM wl_raw_meter)', /raw row of cycle/],
    ['UPDATE wl_cell SET energy_mwh = energy_mwh + 1 WHERE slot = (SELECT max(slot) - 7 FROM wl_cell) AND policy = 2', /cells of cycle/],
    ['UPDATE wl_day SET energy_mwh = energy_mwh + 1 WHERE policy = 2', /days are not the sum/],
    ['DELETE FROM wl_outbox WHERE id = (SELECT min(id) FROM wl_outbox)', /messages for/],
    ["UPDATE wl_meta SET value = '{\"n\":399}' WHERE key = 'flow_state'", /confirmed up to 400/],
  ] as const) {
    db.exec('SAVEPOINT damage');
    db.exec(sql);
    db.exec('RELEASE damage');
    expect(check(file, 400).violations.join('\n')).toMatch(seen);
  }
  db.close();
});

test.skipIf(!hasCompiler)(
  needs(
    hasCompiler,
    'a C compiler',
    'power cut while sectors are torn and reordered: what was synced is there, what was not is there whole or not at all',
  ),
  {retry: 0},
  async () => {
    const seed = Date.now() % 1_000_000;
    console.log(`torn writes: seed ${seed}`);
    const ops = await recordDisk(300);
    expect(ops.filter(op => op.kind === 'sync').length).toBeGreaterThan(10);
    expect(tearRounds(ops, 250, seed).violations).toEqual([]);
    // The control: on a disk that lies about syncing the same checks find losses.
    expect(tearRounds(ops, 60, seed, true).violations.length).toBeGreaterThan(0);
  },
);

const canCut = canCutExt4();
test.skipIf(!canCut)(
  needs(canCut, 'ext4 on a loop device', 'power cut below ext4: what was confirmed is there after the journal was replayed'),
  {retry: 0},
  async () => {
    const seed = Date.now() % 1_000_000;
    console.log(`ext4: seed ${seed}`);
    const result = await ext4Rounds(6, seed);
    expect(result.violations).toEqual([]);
    expect(result.cycles).toBeGreaterThan(5);
  },
);

describe.skipIf(!canMount)(needs(canMount, 'the right to mount a tmpfs', 'a small disk'), () => {
  let disk: string;
  beforeEach(() => {
    disk = path.join(folder, 'disk');
    mkdirSync(disk);
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=6m', 'none', disk]);
  });
  afterEach(() => void spawnSync('umount', ['-l', disk]));

  test('full: it is said, memory holds the newest, and storing goes on by itself when there is space', async () => {
    const onDisk = path.join(disk, 'wattledger.db');
    const child = startWriter(onDisk, [20, 1]);
    await child.wait(/^acked/);
    writeFileSync(path.join(disk, 'ballast'), Buffer.alloc(1));
    spawnSync('dd', ['if=/dev/zero', `of=${path.join(disk, 'ballast')}`, 'bs=4096', 'count=4000']);
    expect(await child.wait(/^failing/)).toMatch(/the disk is full/);
    await new Promise(resolve => setTimeout(resolve, 300));
    const before = child.acked();
    rmSync(path.join(disk, 'ballast'));
    await child.wait(new RegExp(`^acked (?!${before} )`));
    for (let tries = 0; child.acked() <= before && tries < 3000; tries++) await new Promise(resolve => setTimeout(resolve, 20));
    expect(child.acked()).toBeGreaterThan(before);
    child.process.kill('SIGKILL');
    await child.ended;
    expect(check(onDisk, child.acked()).violations).toEqual([]);
  });

  test.each([
    ['with the file of an earlier run: it goes on where that ended', 60],
    ['without a file: it begins', null],
  ])('full at the start, %s, and everything is stored when there is space', async (_title, lastCycle) => {
    const onDisk = path.join(disk, 'wattledger.db');
    if (lastCycle !== null) {
      const first = startWriter(onDisk, [5, 0, lastCycle]);
      await first.wait(/^closed/);
      await first.ended;
    }
    const ballast = path.join(disk, 'ballast');
    spawnSync('dd', ['if=/dev/zero', `of=${ballast}`, 'bs=4096']);
    const child = startWriter(onDisk, [20, 1]);
    expect(await child.wait(/^started/)).toBe(`started ${lastCycle === null ? 0 : lastCycle + 1}`);
    expect(await child.wait(/^failing/)).toMatch(/the disk is full/);
    rmSync(ballast);
    await child.wait(/^acked/);
    child.process.kill('SIGKILL');
    await child.ended;
    expect(check(onDisk, child.acked()).violations).toEqual([]);
  });

  test('read-only: refused in words', async () => {
    execFileSync('mount', ['-o', 'remount,ro', disk]);
    const child = startWriter(path.join(disk, 'wattledger.db'));
    expect(await child.wait(/^refused/)).toMatch(/STORE_UNUSABLE .*read-only/);
    expect(await child.ended).toBe(1);
  });

  test('read-only with a file already there: refused in words, and still readable', async () => {
    const onDisk = path.join(disk, 'wattledger.db');
    const first = startWriter(onDisk, [5, 0, 50]);
    await first.wait(/^closed/);
    await first.ended;
    execFileSync('mount', ['-o', 'remount,ro', disk]);
    const child = startWriter(onDisk);
    expect(await child.wait(/^refused/)).toMatch(/STORE_UNUSABLE .*read-only/);
    await child.ended;
  });

  test('unmounted below the running daemon: it goes on in memory and says so', async () => {
    const child = startWriter(path.join(disk, 'wattledger.db'), [20, 1]);
    await child.wait(/^acked/);
    execFileSync('umount', ['-l', disk]);
    // The folder below is still there: the store goes on in a new file on it, after it told that the old one vanished.
    for (let tries = 0; !existsSync(path.join(disk, 'wattledger.db')) && tries < 3000; tries++)
      await new Promise(resolve => setTimeout(resolve, 20));
    expect(existsSync(path.join(disk, 'wattledger.db'))).toBe(true);
    child.process.kill('SIGTERM');
    await child.ended;
  });
});

test('a limit on the size of files: the same as a full disk, and the process lives', async () => {
  // Something is confirmed before the limit, however few commits a slow disk lets through below it.
  const first = startWriter(file, [5, 0, 60]);
  await first.wait(/^closed/);
  await first.ended;
  const child = startWriter(file, [10, 0], {limit: 'ulimit -f 4000'});
  expect(await child.wait(/^failing/)).toMatch(/failing (the disk reports errors|the disk is full)/);
  child.process.kill('SIGKILL');
  await child.ended;
  expect(child.lines.filter(line => /^(refused|stderr)/.test(line))).toEqual([]);
  expect(check(file, Math.max(60, child.acked())).violations).toEqual([]);
});

describe.skipIf(!hasCompiler)(needs(hasCompiler, 'a C compiler', 'a slow card'), () => {
  test.each([
    [400, 'as any busy card now and then', /^acked (?!0 ).* polls \d\d/],
    [5000, 'as one that dies', /^acked .* polls \d\d\d/],
  ])('%i ms for every flush, %s: polls go on meanwhile, and all of it is stored', async (flushMs, _title, acked) => {
    const library = path.join(folder, 'slow.so');
    execFileSync('cc', ['-shared', '-fPIC', `-DFLUSH_MS=${flushMs}`, '-o', library, path.resolve(import.meta.dirname, 'crash/slow.c')]);
    // Making the tables takes many flushes; that is not what is looked at.
    const first = startWriter(file, [5, 0, 50]);
    await first.wait(/^closed/);
    await first.ended;
    const child = startWriter(file, [50, 2], {env: {LD_PRELOAD: library}});
    await child.wait(acked);
    child.process.kill('SIGKILL');
    await child.ended;
    expect(check(file, child.acked()).violations).toEqual([]);
  });
});

test('a wall clock that jumps by months: every slot told is stored, what was measured first stands', async () => {
  const seed = 4711;
  const random = randomFrom(seed);
  const place = bench();
  const store = place.open({commitEveryMs: 20, rawDays: 7});
  await store.start();
  const told = new Map<number, number>();
  let n = 5000;
  for (let step = 0; step < 400; step++) {
    n += random() < 0.02 ? Math.floor((random() - 0.5) * 60 * 96) : 1;
    if (!told.has(n)) told.set(n, step);
    const world = worldRecord(n);
    await store.write(
      [{...world, readings: [{device: 'meter', point: 'grid.power_w', measured: {kind: 'good', value: step, monoMs: step}}]}],
      never,
    );
    if (step % 50 === 0) await new Promise(resolve => setTimeout(resolve, 30));
  }
  await store.close(never);
  const db = new Database(place.file, {readonly: true});
  const slots = new Set(db.prepare('SELECT slot_start_utc FROM energy_15m').pluck().all() as string[]);
  expect([...told.keys()].filter(cycle => !slots.has(new Date(startOf(cycle)).toISOString().replace('.000Z', 'Z')))).toEqual([]);
  const rows = db.prepare('SELECT ts, grid_power_w FROM meter').raw().all() as [number, number][];
  for (const [ts, power] of rows) {
    const cycle = (ts * 1000 - startOf(0)) / 900_000;
    // In one batch the last value of a second stands, over commits the first.
    expect(power).toBeGreaterThanOrEqual(told.get(cycle) ?? Number.NaN);
  }
  expect(rows.length).toBeGreaterThan(7 * 20);
  db.close();
});
