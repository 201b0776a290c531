// The page and its API: bytes, time to the first number on a slow device, memory of the server, questions to a full database.

import {mkdtempSync, readdirSync, readFileSync, rmSync} from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import {gzipSync} from 'node:zlib';
import {chromium} from 'playwright-core';
import type {SlotCell, SlotRecord} from '../src/core/flow/model.ts';
import {silentLog} from '../src/core/log.ts';
import type {TickRecord} from '../src/core/sink.ts';
import type {HttpDeps} from '../src/http/deps.ts';
import {createHttp} from '../src/http/server.ts';
import {createStore} from '../src/store/store.ts';
import {load, withDaemon} from './load.ts';

const line = (name: string, value: string, note = ''): void => console.log(`  ${name.padEnd(58)} ${value.padStart(14)}  ${note}`);
const never = new AbortController().signal;
const CPU_SLOWDOWN = 4;
const ROUNDS = 9;
/** Such as a phone has on a slow mobile network: half a round trip of delay, ms, and bytes a second down and up. */
const SLOW_4G = {offline: false, latency: 150, downloadThroughput: 200_000, uploadThroughput: 94_000};
const SLOT_MS = 900_000;
const TO_MS = Date.parse('2026-11-01T00:00:00Z');
const FROM_MS = Date.parse('2016-11-01T00:00:00Z');
const BATCH = 2000;
const LOAD_S = 15;

const median = (values: readonly number[]): number => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] as number;

function bytes(): void {
  for (const kind of ['.js', '.css', '.html']) {
    const files = (readdirSync('dist/web', {recursive: true}) as string[]).filter(name => name.endsWith(kind));
    const size = files.reduce((sum, name) => sum + gzipSync(readFileSync(path.join('dist/web', name)), {level: 9}).length, 0);
    line(`the page, ${kind} gzip`, `${(size / 1000).toFixed(1)} kB`, kind === '.js' ? 'all pages and languages; aim 60 kB' : '');
  }
}

/** From the start of the navigation to the first power in the picture, with a processor four times slower, near the daemon and far from it. */
async function firstNumber(base: string, network: typeof SLOW_4G | null): Promise<void> {
  const executablePath = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find(file => {
    try {
      return readFileSync(file).length > 0;
    } catch {
      return false;
    }
  });
  if (!executablePath) return line('time to the first number', '-', 'no Chromium here');
  const browser = await chromium.launch({executablePath, args: ['--no-sandbox', '--disable-gpu']});
  const times: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const page = await (await browser.newContext({viewport: {width: 390, height: 844}})).newPage();
    const session = await page.context().newCDPSession(page);
    await session.send('Emulation.setCPUThrottlingRate', {rate: CPU_SLOWDOWN});
    if (network) await session.send('Network.emulateNetworkConditions', network);
    await page.addInitScript(() => {
      const watch = new MutationObserver(() => {
        if (!/\d/.test(document.querySelector('.node .power')?.textContent ?? '')) return;
        (window as unknown as {firstNumberMs: number}).firstNumberMs = performance.now();
        watch.disconnect();
      });
      watch.observe(document, {childList: true, subtree: true, characterData: true});
    });
    await page.goto(base, {waitUntil: 'commit'});
    await page.waitForFunction(() => (window as unknown as {firstNumberMs?: number}).firstNumberMs !== undefined);
    times.push(await page.evaluate(() => (window as unknown as {firstNumberMs: number}).firstNumberMs));
    await page.context().close();
  }
  await browser.close();
  line(
    `first number, CPU ${CPU_SLOWDOWN}x slower${network ? ', slow 4G' : ''}`,
    `${Math.round(median(times))} ms`,
    `median of ${ROUNDS}, empty cache; aim 1000 ms`,
  );
}

function slotAt(startMs: number): SlotRecord {
  const n = (startMs / SLOT_MS) % 997;
  const cell = (
    origin: SlotCell['origin'],
    via: string,
    source: string,
    sink: string,
    share: number,
    label: SlotCell['label'],
  ): SlotCell => ({
    origin,
    via,
    source,
    sink,
    energyMilliWh: share + n,
    label,
  });
  const cells = [
    cell('solar', 'direct', 'solar', 'home', 100_000, 'btm_consumed'),
    cell('solar', 'direct', 'solar', 'heat_pump', 40_000, 'btm_consumed'),
    cell('solar', 'direct', 'solar', 'battery', 60_000, 'stored'),
    cell('solar', 'direct', 'solar', 'grid', 30_000, 'exported'),
    cell('grid', 'direct', 'grid', 'home', 20_000, 'imported'),
    cell('grid', 'direct', 'grid', 'heat_pump', 10_000, 'imported'),
    cell('solar', 'battery', 'battery', 'home', 15_000, 'btm_consumed'),
    cell('grid', 'battery', 'battery', 'home', 5_000, 'imported_earlier'),
  ];
  return {
    slot: {kind: 'utc', startMs},
    closed: true,
    cells: {'solar-first': cells, proportional: cells},
    totals: ['solar', 'home', 'grid_import', 'grid_export', 'battery_charge', 'battery_discharge'].map(name => ({
      name,
      energyMilliWh: 100_000 + n,
      rawMilliWh: 100_000 + n,
      counterWh: null,
      quality: ['ok'],
    })),
    quality: ['ok'],
    reason: null,
    bounds: null,
  };
}

const recordOf = (seq: number, slots: readonly SlotRecord[]): TickRecord => ({
  tick: {seq, monoMs: seq * 1000, wallMs: TO_MS},
  readings: [],
  board: new Map(),
  nodes: [],
  slots,
  events: [],
  state: null,
  energy: null,
  day: null,
  flowState: null,
});

/** Ten years of quarter hours behind the real server. */
async function questions(): Promise<void> {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'wattledger-bench-'));
  const clock = {wallMs: () => TO_MS, monoMs: () => performance.now(), sleepUntilMono: async () => {}};
  const zone = 'Europe/Berlin';
  const store = createStore(
    {path: path.join(folder, 'wattledger.db'), commitEveryMs: 50, rawDays: 30, archive: false, budgetMbPerDay: null, bufferRows: 10_000},
    {clock, log: silentLog, zone},
  );
  await store.start();
  let seq = 0;
  let batch: SlotRecord[] = [];
  for (let at = FROM_MS; at < TO_MS; at += SLOT_MS) {
    batch.push(slotAt(at));
    if (batch.length < BATCH && at + SLOT_MS < TO_MS) continue;
    await store.write([recordOf(seq++, batch)], never);
    batch = [];
    while ((store.health().queued ?? 0) > 0) await new Promise(resolve => setTimeout(resolve, 5));
  }
  const site = {
    id: 'home',
    timezone: zone,
    flows: {policy: 'solar-first'},
    map: {grid: null, solar: [], wind: [], generator: [], home: null, batteries: [], hybrids: [], loads: []},
  };
  const deps = {log: silentLog, site, query: store.query.bind(store), wallMs: () => TO_MS} as unknown as HttpDeps;
  const sink = createHttp({listen: '127.0.0.1:0', hosts: [], trustProxy: []}, deps);
  await sink.open(never);
  const {slots} = await store.query('size');
  line('quarter hours in the database', String(slots));
  for (const [name, query, aim] of [
    ['a day by quarter hour', 'from=2026-06-21&to=2026-06-22&step=15m', ''],
    ['a year by day', 'from=2025-10-01&to=2026-10-01&step=1d', 'aim 50 ms'],
    ['ten years by month', 'from=2016-11-01&to=2026-11-01&step=1mo', 'aim 50 ms'],
  ] as const) {
    const times: number[] = [];
    let steps = 0;
    for (let round = 0; round < 9; round++) {
      const began = performance.now();
      const answer = (await (await fetch(`${sink.address()}/api/v1/flows?${query}`)).json()) as {slots: unknown[]};
      times.push(performance.now() - began);
      steps = answer.slots.length;
    }
    line(`${name}, through HTTP`, `${median(times).toFixed(1)} ms`, `${steps} steps, slowest ${Math.max(...times).toFixed(0)} ms; ${aim}`);
  }
  await sink.close(never);
  await store.close(never);
  rmSync(folder, {recursive: true, force: true});
}

export async function run(): Promise<void> {
  bytes();
  await withDaemon(async (base, pid) => {
    await firstNumber(base, null);
    await firstNumber(base, SLOW_4G);
    const {rssMb, medianMs, p99Ms, missed} = await load(base, pid, LOAD_S);
    line(
      `${LOAD_S} s of 32 streams and 200 requests a second`,
      `${medianMs.toFixed(1)} ms`,
      `99 %: ${p99Ms.toFixed(0)} ms, ${missed} polls missed`,
    );
    line(
      'resident memory, added by that load',
      `${(rssMb.end - rssMb.idle).toFixed(0)} MB`,
      `of the daemon alone, ${rssMb.idle.toFixed(0)} MB before; aim 20 MB`,
    );
  });
  await questions();
}

if (import.meta.main) await run();
