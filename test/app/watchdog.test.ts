// What systemd hears: readiness once data flow, a ping only while ticks happen and are stored, and priorities in the journal.

import {spawn, spawnSync} from 'node:child_process';
import {existsSync, writeFileSync} from 'node:fs';
import path from 'node:path';
import {setTimeout as sleep} from 'node:timers/promises';
import {afterEach, describe, expect, test, vi} from 'vitest';
import type {Beat} from '../../src/app/health.ts';
import {keepWaiting} from '../../src/app/systemd.ts';
import {startWatchdog, type WatchdogDeps} from '../../src/app/watchdog.ts';
import {silentLog} from '../../src/core/log.ts';
import {start, tempFolder} from '../support/cli.ts';
import {freePort} from '../support/programs.ts';
import {haveSocat} from '../support/pty.ts';

const stops: (() => void)[] = [];
afterEach(() => {
  for (const stop of stops.splice(0)) stop();
});

/** Ten beats of this length may be missed, so that none is too late on a busy machine. */
const UNHURRIED_MS = 60_000;
/** A watchdog that looks every few milliseconds, and what it did. */
function bench(stored: WatchdogDeps['stored'], everyMs: number): {beat: Beat; pings: string[]; gaveUp: string[]} {
  const beat: Beat = {seq: 0, lastMonoMs: 0, lastWallMs: 0, lateMs: 0, missed: 0, clockSteps: 0};
  const pings: string[] = [];
  const gaveUp: string[] = [];
  const stop = startWatchdog({
    beat,
    everyMs,
    stored,
    commitEveryMs: 1,
    patienceMs: 150,
    notifier: {notify: state => void pings.push(state), watchdogMs: 15},
    log: silentLog,
    giveUp: reason => {
      gaveUp.push(reason);
      stop();
    },
  });
  stops.push(stop);
  return {beat, pings, gaveUp};
}
const until = async (done: () => boolean, step: () => void = () => {}): Promise<void> => {
  while (!done()) {
    step();
    await sleep(5);
  }
};

test('a start that takes long asks for more time until it is done', () => {
  vi.useFakeTimers();
  stops.push(() => vi.useRealTimers());
  const said: string[] = [];
  const started = keepWaiting({notify: state => void said.push(state), watchdogMs: null});
  expect(said).toEqual(['EXTEND_TIMEOUT_USEC=60000000\nWATCHDOG=1']);
  vi.advanceTimersByTime(5 * 60_000);
  // Each time before what was granted is over.
  expect(said.length).toBeGreaterThan(5);
  started();
  const before = said.length;
  vi.advanceTimersByTime(5 * 60_000);
  expect(said.length).toBe(before);
});

describe('the watchdog', () => {
  test('pings while ticks happen and are stored', async () => {
    let commits = 0;
    const {beat, pings, gaveUp} = bench((): {commits: number; waiting: boolean} => ({commits: commits++, waiting: true}), UNHURRIED_MS);
    await until(
      () => pings.length > 20,
      () => beat.seq++,
    );
    expect(new Set(pings)).toEqual(new Set(['WATCHDOG=1']));
    expect(gaveUp).toEqual([]);
  });

  test('gives up when no tick happens, without a ping', async () => {
    const {pings, gaveUp} = bench(() => ({commits: 0, waiting: false}), 1);
    await until(() => gaveUp.length > 0);
    expect(gaveUp).toEqual(['no tick']);
    expect(pings).toEqual([]);
  });

  test('gives up when ticks happen and nothing is ever stored', async () => {
    const {beat, gaveUp} = bench(() => ({commits: 7, waiting: true}), UNHURRIED_MS);
    await until(
      () => gaveUp.length > 0,
      () => beat.seq++,
    );
    expect(gaveUp).toEqual(['no commit']);
  });

  test.each([
    ['the store says itself what is wrong: a full disk is no better after a new start', (): null => null],
    ['nothing waits to be stored', () => ({commits: 0, waiting: false})],
  ] as const)('goes on where %s', async (_, stored) => {
    const {beat, pings, gaveUp} = bench(stored, UNHURRIED_MS);
    // Each ping is a look at the store: more of them than its patience has.
    await until(
      () => pings.length > 60,
      () => beat.seq++,
    );
    expect(gaveUp).toEqual([]);
  });
});

const haveNotify = haveSocat && spawnSync('systemd-notify', ['--version']).status === 0;
describe.skipIf(!haveNotify)(`the daemon as a service${haveNotify ? '' : ' (skipped: needs socat and systemd-notify)'}`, () => {
  const config = async (folder: string, level: string, port: number): Promise<string> => {
    const file = path.join(folder, 'site.yaml');
    writeFileSync(
      file,
      `version: 1\nlinks: {a: {url: "tcp://127.0.0.1:${port}"}}\ndevices: {meter: {profile: eastron-sdm630, link: a}}\nmap: {grid: meter}\nstore: {path: x.db}\nhttp: false\nlog: {level: ${level}}\n`,
    );
    return file;
  };

  test('tells that it is ready, that it lives and that it stops; its lines carry priorities; a reload changes the level', async () => {
    const folder = tempFolder();
    const socket = path.join(folder, 'notify');
    let heard = '';
    const ear = spawn('socat', ['-u', `UNIX-RECV:${socket}`, '-'], {stdio: ['ignore', 'pipe', 'ignore']});
    stops.push(() => ear.kill('SIGKILL'));
    ear.stdout.on('data', chunk => {
      heard += chunk;
    });
    await until(() => existsSync(socket));
    const port = await freePort();
    const file = await config(folder, 'warn', port);
    const daemon = start(['run', '--config', file], {NOTIFY_SOCKET: socket, WATCHDOG_USEC: '1500000', JOURNAL_STREAM: '1:2'});
    // While the database is opened, which may be long work, more time is asked for; afterwards no more. Each word is told by a process of its own.
    await until(() => heard.includes('READY=1') && heard.includes('EXTEND_TIMEOUT_USEC='));
    heard = '';
    await until(() => heard.includes('WATCHDOG=1'));
    expect(heard).not.toContain('EXTEND');
    expect(daemon.stdout()).not.toContain('"level":"info"');
    await config(folder, 'info', port);
    daemon.child.kill('SIGHUP');
    await daemon.saying('first tick done');
    writeFileSync(file, 'version: 9\n');
    daemon.child.kill('SIGHUP');
    await daemon.saying('the old one stays');
    // Said at a reload, it would make systemd end the daemon soon after.
    expect(heard).not.toContain('STOPPING=1');
    daemon.child.kill('SIGTERM');
    expect((await daemon.ended).code).toBe(0);
    await until(() => heard.includes('STOPPING=1'));
    const lines = daemon.stdout().trim().split('\n');
    for (const line of lines) {
      const [, priority, text = ''] = /^<(\d)>(.*)$/.exec(line) ?? [];
      expect(priority, line).toBe({debug: '7', info: '6', warn: '4', error: '3'}[(JSON.parse(text) as {level: string}).level]);
    }
    expect(lines.some(line => line.startsWith('<3>') && line.includes('version: 9 is newer'))).toBe(true);
  });
});
