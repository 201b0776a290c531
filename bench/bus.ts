// What reading costs: bus milliseconds a sweep beside the computed optimum and one read a point, our client beside the bare wire, and what a dead
// unit or five guests do to a sweep. The far end is a process of its own that takes the time of a wire.

import {type ChildProcess, spawn, spawnSync} from 'node:child_process';
import {existsSync, mkdtempSync, rmSync} from 'node:fs';
import {connect} from 'node:net';
import os from 'node:os';
import path from 'node:path';
import {createInterface} from 'node:readline';
import {setTimeout as sleep} from 'node:timers/promises';
import {realClock} from '../src/app/clock.ts';
import {createPoller, type Polled} from '../src/app/poll.ts';
import {loadProfile} from '../src/config/profiles.ts';
import {type BusTiming, costMs, silenceMs} from '../src/core/bustime.ts';
import {parseLinkUrl} from '../src/core/linkurl.ts';
import {silentLog} from '../src/core/log.ts';
import {fitting, type Span} from '../src/core/planner.ts';
import type {Limits, PointDef} from '../src/core/profile.ts';
import {createDevice} from '../src/device/device.ts';
import {createLearned} from '../src/device/learned.ts';
import {planOf, spansOfPoint, timingOf} from '../src/device/plan.ts';
import {readSpans} from '../src/device/words.ts';
import type {Link} from '../src/link/link.ts';
import {openLink} from '../src/link/open.ts';
import {startProxy} from '../src/link/proxy.ts';
import {shareLink} from '../src/link/shared.ts';

const PROFILES = [
  'eastron-sdm630',
  'sungrow-sh',
  'goodwe-et',
  'deye-3p',
  'huawei-sun2000',
  'solis-hybrid',
  'growatt-tlxh',
  'sofar-g3',
  'carlo-gavazzi-em340',
  'abb-b23',
];
const TURNAROUND_MS = 30;
const TCP_TURNAROUND_MS = 10;
const SWEEPS = 4;
const WARM_UP = 20;
const never = new AbortController().signal;
const line = (name: string, value: string, note = ''): void => console.log(`  ${name.padEnd(44)} ${value.padStart(12)}  ${note}`);
const quantile = (sorted: readonly number[], part: number): number =>
  sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))] ?? 0;
const sorted = (list: readonly number[]): number[] => [...list].sort((a, b) => a - b);

/**
 * The cheapest set of requests by another way than the planner's: a shortest path over every interval of registers that the limits allow, from the
 * lowest register that is still wanted. An interval may end wherever a wanted span ends.
 */
function optimumMs(spans: readonly Span[], limits: Limits, bus: BusTiming): number {
  let total = 0;
  for (const fc of [3, 4]) {
    const wanted = fitting(spans, limits).filter(span => span.fc === fc);
    const ends = [...new Set(wanted.map(span => span.at + span.words))].sort((a, b) => a - b);
    const memory = new Map<string, number>();
    const least = (left: readonly Span[]): number => {
      const [first] = left;
      if (!first) return 0;
      const key = left.map(span => `${span.at}+${span.words}`).join();
      const known = memory.get(key);
      if (known !== undefined) return known;
      let best = Infinity;
      for (const end of ends) {
        if (end <= first.at || end - first.at > limits.maxRegisters) continue;
        const inside = left.filter(span => span.at + span.words <= end);
        if (!inside.includes(first) || !allowed(first.at, end, inside, limits)) continue;
        best = Math.min(best, costMs(bus, end - first.at) + least(left.filter(span => !inside.includes(span))));
      }
      memory.set(key, best);
      return best;
    };
    total += least([...wanted].sort((a, b) => a.at - b.at || b.words - a.words));
  }
  return total;
}

function allowed(at: number, end: number, inside: readonly Span[], limits: Limits): boolean {
  if (limits.barriers.some(barrier => at < barrier && end > barrier)) return false;
  if (limits.forbidden.some(([from, to]) => at <= to && end > from)) return false;
  const several = new Set(inside.map(span => `${span.at}+${span.words}`)).size > 1;
  if (several && limits.single.some(single => single >= at && single < end)) return false;
  let reached = at;
  for (const span of [...inside].sort((a, b) => a.at - b.at)) {
    if (span.at - reached > limits.maxGap) return false;
    reached = Math.max(reached, span.at + span.words);
  }
  return true;
}

/** The far end: a serial line of that speed, or a TCP device. */
async function farEnd(baud: number | null, turnaroundMs: number): Promise<{url: string; close(): void}> {
  const children: ChildProcess[] = [];
  const peer = async (args: readonly string[]): Promise<string> => {
    const child = spawn(process.execPath, [path.resolve('bench/bus-peer.ts'), ...args, '--turnaround', String(turnaroundMs)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    children.push(child);
    return new Promise(resolve => createInterface({input: child.stdout}).once('line', resolve));
  };
  if (baud === null) {
    const port = await peer([]);
    return {
      url: `tcp://127.0.0.1:${port}`,
      close() {
        for (const child of children) child.kill('SIGKILL');
      },
    };
  }
  const folder = mkdtempSync(path.join(os.tmpdir(), 'wattledger-bench-'));
  const [a, b] = [path.join(folder, 'a'), path.join(folder, 'b')];
  children.push(spawn('socat', [`pty,raw,echo=0,link=${a}`, `pty,raw,echo=0,link=${b}`], {stdio: 'ignore'}));
  while (!(existsSync(a) && existsSync(b))) await sleep(10);
  await peer(['--serial', a, '--baud', String(baud)]);
  return {
    url: `rtu://${b}?baud=${baud || 115_200}`,
    close() {
      for (const child of children) child.kill('SIGKILL');
      rmSync(folder, {recursive: true, force: true});
    },
  };
}

const named = (baud: number | null): string => (baud === null ? 'TCP' : `${baud} baud`);

async function sweeps(): Promise<void> {
  console.log('\nbus: milliseconds of a fast sweep, as it was measured, the computed optimum, and one read a point');
  for (const baud of [9600, 19_200, null]) {
    const turnaroundMs = baud === null ? TCP_TURNAROUND_MS : TURNAROUND_MS;
    const {url, close} = await farEnd(baud, turnaroundMs);
    const linkUrl = parseLinkUrl(url);
    const link = openLink('bench', linkUrl, {clock: realClock});
    for (let at = 0; at < WARM_UP; at++) await link.read(1, {fc: 3, at, words: 10}, never);
    const above: number[] = [];
    for (const id of PROFILES) {
      const {points, limits, timing} = loadProfile(id);
      const bus = timingOf(linkUrl, timing, turnaroundMs);
      const fast = points.filter(point => point.every === 'fast');
      const spans = fast.flatMap(point => spansOfPoint(point, limits));
      const planned = planOf(fast, limits, () => 1, bus).reduce((sum, one) => sum + costMs(bus, one.request.words), 0);
      const optimum = optimumMs(spans, limits, bus);
      const took: number[] = [];
      // As a device has it: what was learned, and the plan, are kept from sweep to sweep.
      const how = asked(link, limits, timing, bus);
      for (let i = 0; i < SWEEPS; i++) took.push(await sweepMs(spans, how));
      const each = await onePointEachMs(link, fast, limits, timing, bus);
      const best = Math.min(...took);
      above.push(best / optimum - 1);
      line(
        `${named(baud)} ${id}`,
        `${best.toFixed(1)} ms`,
        `optimum ${optimum.toFixed(1)}, planned ${planned.toFixed(1)}; ${(100 * (best / optimum - 1)).toFixed(1)} % above it (aim 3 %); one read a point ${each.toFixed(0)} ms, ${(each / best).toFixed(1)} times`,
      );
    }
    line(`${named(baud)}: above the optimum`, `${(100 * quantile(sorted(above), 0.5)).toFixed(1)} %`, 'median of the ten; aim 3 %');
    await link.close();
    close();
  }
}

type Asked = Parameters<typeof readSpans>[1];
const asked = (link: Link, limits: Limits, timing: Asked['timing'], bus: BusTiming): Asked => ({
  link,
  unit: 1,
  limits,
  timing,
  bus,
  learned: createLearned(),
  monoMs: 0,
});

/** Wall time of a sweep. The silence or pause behind its last answer belongs to it, that before its first request does not. */
async function sweepMs(spans: readonly Span[], how: Asked): Promise<number> {
  const {timing, bus} = how;
  await sleep(timing.minGapMs + 20);
  const began = performance.now();
  await readSpans(spans, how, never);
  return performance.now() - began + Math.max(timing.minGapMs, silenceMs(bus));
}

async function onePointEachMs(link: Link, points: readonly PointDef[], limits: Limits, timing: Asked['timing'], bus: BusTiming) {
  let total = 0;
  const how = asked(link, limits, timing, bus);
  for (const point of points) total += await sweepMs(spansOfPoint(point, limits), how);
  return total;
}

const REQUESTS = 400;

async function overhead(): Promise<void> {
  console.log('\nclient: what we add to one request of 40 registers');
  const pty = await farEnd(0, 0);
  const link = openLink('bench', parseLinkUrl(pty.url), {clock: realClock});
  const took: number[] = [];
  for (let i = 0; i < REQUESTS; i++) {
    const answer = await link.read(1, {fc: 3, at: i, words: 40}, never);
    if (i > 20) took.push(answer.tookMs);
  }
  await link.close();
  pty.close();
  line(
    'pseudo-terminal without wire time',
    `${quantile(sorted(took), 0.5).toFixed(2)} ms`,
    `95 %: ${quantile(sorted(took), 0.95).toFixed(2)} ms, to the far end's process and back`,
  );

  for (const turnaroundMs of [0, TCP_TURNAROUND_MS]) {
    const tcp = await farEnd(null, turnaroundMs);
    const own = openLink('bench', parseLinkUrl(tcp.url), {clock: realClock});
    const bare = await bareClient(Number(new URL(tcp.url).port));
    const [ours, theirs]: [number[], number[]] = [[], []];
    for (let i = 0; i < REQUESTS; i++) {
      const began = performance.now();
      await own.read(1, {fc: 3, at: i, words: 40}, never);
      const between = performance.now();
      await bare.read(i);
      if (i > 20) {
        ours.push(between - began);
        theirs.push(performance.now() - between);
      }
    }
    bare.close();
    await own.close();
    tcp.close();
    const [a, b] = [quantile(sorted(ours), 0.5), quantile(sorted(theirs), 0.5)];
    const above = (ms: number): string =>
      turnaroundMs === 0 ? '' : `, ${(100 * (ms / turnaroundMs - 1)).toFixed(1)} % above the device's time`;
    line(
      `TCP, our client, a device of ${turnaroundMs} ms`,
      `${a.toFixed(3)} ms`,
      `bare socket ${b.toFixed(3)} ms${above(b)}; ours ${(1000 * (a - b)).toFixed(0)} µs more${above(a)}`,
    );
  }
}

async function bareClient(port: number): Promise<{read(at: number): Promise<void>; close(): void}> {
  const socket = connect({host: '127.0.0.1', port, noDelay: true});
  await new Promise<void>(resolve => socket.once('connect', () => resolve()));
  return {
    read: at =>
      new Promise(resolve => {
        socket.once('data', () => resolve());
        socket.write(Buffer.from([0, 1, 0, 0, 0, 6, 1, 3, at >> 8, at & 0xff, 0, 40]));
      }),
    close: () => socket.destroy(),
  };
}

const BEATS = 40;
const BEAT_MS = 1000;
/** In these it is found out that a unit is dead. */
const FIRST_BEATS = 8;

/** Two meters on one line, a beat a second: how long after the beat each sweep is done. */
async function jitter(dead: boolean): Promise<{late: number[]; missed: number; deadMs: number}> {
  const {url, close} = await farEnd(9600, TURNAROUND_MS);
  const linkUrl = parseLinkUrl(url);
  const link = openLink('bench', linkUrl, {clock: realClock});
  const profile = loadProfile('eastron-sdm630');
  let dueMs = 0;
  let beat = 0;
  const late: number[] = [];
  let deadMs = 0;
  const units = dead ? [1, 2, 3] : [1, 2];
  const devices = units.map((unit): Polled => {
    const device = createDevice(
      {id: `meter${unit}`, profile, link, linkUrl, unit, units: {}, options: {}, everyMs: BEAT_MS, slowEveryMs: 60_000},
      {clock: realClock, log: silentLog, note() {}, localHour: () => 12},
    );
    return {
      ...device,
      async poll(monoMs, signal) {
        const began = performance.now();
        const readings = await device.poll(monoMs, signal);
        if (beat < FIRST_BEATS) return readings;
        if (unit > 2) deadMs += performance.now() - began;
        else late.push(performance.now() - dueMs);
        return readings;
      },
    };
  });
  const poller = createPoller(devices, 'meter1', realClock, error => {
    throw error;
  });
  const began = performance.now();
  for (; beat < BEATS; beat++) {
    dueMs = began + beat * BEAT_MS;
    await sleep(Math.max(0, dueMs - performance.now()));
    const now = realClock.monoMs();
    await poller.sweep(now, now + 0.9 * BEAT_MS, never);
  }
  await poller.idle();
  await link.close();
  close();
  return {late: sorted(late), missed: poller.skipped(), deadMs};
}

async function deadUnit(): Promise<void> {
  console.log(`\nscheduler: two SDM630 at 9600 baud, a beat a second, ${BEATS} beats: when a sweep is done after its beat`);
  for (const dead of [false, true]) {
    const {late, missed, deadMs} = await jitter(dead);
    line(
      dead ? 'with a dead unit on the bus' : 'alone',
      `${quantile(late, 0.5).toFixed(0)} ms`,
      `95 %: ${quantile(late, 0.95).toFixed(0)}, most: ${(late.at(-1) ?? 0).toFixed(0)} ms; beats missed ${missed}${dead ? `; the dead one had ${((100 * deadMs) / ((BEATS - FIRST_BEATS) * BEAT_MS)).toFixed(1)} % of the time (aim 10 %)` : ''}`,
    );
  }
}

const GUESTS = 5;
const GUEST_SWEEPS = 40;
const GUEST_BEAT_MS = 500;

async function guests(): Promise<void> {
  console.log(`\nsharing: a sweep of six blocks over TCP, ${TCP_TURNAROUND_MS} ms a request, two a second`);
  const {url, close} = await farEnd(null, TCP_TURNAROUND_MS);
  const shared = shareLink(openLink('bench', parseLinkUrl(url), {clock: realClock}));
  const proxy = await startProxy(shared, {host: '127.0.0.1', port: 0, cacheMs: 0, timing: {}});
  const sweep = async (): Promise<number> => {
    const began = performance.now();
    for (let block = 0; block < 6; block++) await shared.link.read(1, {fc: 3, at: 100 * block, words: 40}, never);
    return performance.now() - began;
  };
  const measured = async (): Promise<number[]> => {
    const took: number[] = [];
    const began = performance.now();
    for (let i = 0; i < GUEST_SWEEPS; i++) {
      took.push(await sweep());
      await sleep(began + (i + 1) * GUEST_BEAT_MS - performance.now());
    }
    return sorted(took);
  };
  await sweep();
  const alone = quantile(await measured(), 0.5);
  const clients = await Promise.all(Array.from({length: GUESTS}, () => bareClient(proxy.port)));
  let busy = true;
  let served = 0;
  const noise = clients.map(async (client, index) => {
    for (let i = 0; busy; i++) {
      await client.read(1000 + 100 * index + (i % 50));
      served++;
    }
  });
  const beside = quantile(await measured(), 0.5);
  busy = false;
  await Promise.all(noise);
  for (const client of clients) client.close();
  await proxy.close();
  await shared.link.close();
  close();
  line('alone', `${alone.toFixed(1)} ms`);
  line(
    `beside ${GUESTS} guests that never pause`,
    `${beside.toFixed(1)} ms`,
    `${(100 * (beside / alone - 1)).toFixed(1)} % more (aim 10 %); guests had ${served} answers`,
  );
}

export async function run(): Promise<void> {
  if (spawnSync('socat', ['-V'], {stdio: 'ignore'}).error) {
    line('socat is not installed', '-', 'no serial lines to measure');
    return;
  }
  await sweeps();
  await overhead();
  await deadUnit();
  await guests();
}

if (import.meta.main) await run();
