// A ledger whose every figure is known, behind the daemon's own HTTP: days of 23 and 25 hours, a gap, held values.

import {mkdtempSync, rmSync} from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type {Browser, Page} from 'playwright-core';
import type {SlotRecord} from '../../src/core/flow/model.ts';
import type {Health} from '../../src/core/health.ts';
import {silentLog} from '../../src/core/log.ts';
import {say} from '../../src/core/sentences/say.ts';
import type {HttpDeps} from '../../src/http/deps.ts';
import {createHttp} from '../../src/http/server.ts';
import {createStore, type Store} from '../../src/store/store.ts';
import {clockAt, never, until} from '../store/harness.ts';
import {record, SLOT_MS, slot} from '../store/house.ts';

export const ZONE = 'Europe/Berlin';
/** Noon of the day after the clocks went back. */
export const NOW_MS = Date.parse('2026-10-26T11:00:00Z');
export const SPRING = ['2026-03-28T23:00:00Z', '2026-03-29T22:00:00Z'] as const;
export const AUTUMN = ['2026-10-24T22:00:00Z', '2026-10-25T23:00:00Z'] as const;

/** All quarter hours of a day, some of them special. */
function slotsOf([from, to]: readonly [string, string], special: Readonly<Record<number, Partial<SlotRecord> | null>> = {}): SlotRecord[] {
  const slots: SlotRecord[] = [];
  for (let at = Date.parse(from), n = 0; at < Date.parse(to); at += SLOT_MS, n++) {
    const more = special[n];
    if (more !== null) slots.push(slot(at, n, more ?? {}));
  }
  return slots;
}

export const health = (state: 'good' | 'lost', devices: readonly string[] = ['meter', 'roof', 'wall']): Health => ({
  ok: state === 'good',
  problems: state === 'good' ? [] : ['roof does not answer'],
  version: '0.0.0',
  startedMs: 0,
  uptimeS: 10,
  rssMb: 50,
  tick: {seq: 5, everyMs: 1000, lastMs: NOW_MS, lateMs: 0, missed: 0},
  devices: devices.map(id => ({
    id,
    link: 'bus',
    identity: {profile: 'sunspec', unit: 1, manufacturer: 'Acme', model: 'One', serial: '4711', firmware: '1.2'},
    state: id === 'roof' ? state : 'good',
    sinceMs: NOW_MS - 60_000,
    lastGoodMs: id === 'roof' && state === 'lost' ? NOW_MS - 90_000 : NOW_MS,
    polls: 7,
    faults: id === 'roof' && state === 'lost' ? {timeout: 3} : {},
    latencyMs: 12,
    lastFault: id === 'roof' && state === 'lost' ? 'no answer within 1000 ms' : null,
    points: id === 'wall' ? ['battery.power_w', 'battery.soc_pct'] : ['inverter.power_w'],
  })),
  links: [
    {name: 'bus', url: 'tcp://10.0.0.9', state: 'connected', requests: 21, busLoad: 0.43, latencyMs: 12, lastError: null, clients: null},
  ],
  sinks: [
    {name: 'store', state: 'open', queued: 0, dropped: 0, lastError: null, details: {written_mb_per_day: 3.2, budget_mb_per_day: 20}},
  ],
  store: null,
  clock: {trusted: true, steps: 0},
});

export const STATE = {
  ts: new Date(NOW_MS).toISOString(),
  grid_power_w: 120,
  solar_power_w: 800,
  battery_power_w: -310,
  home_power_w: 610,
  battery_soc_pct: 64,
  solar_to_home_w: 490,
  solar_to_battery_w: 310,
  grid_to_home_w: 120,
  btm_consumed_w: 490,
  stored_w: 310,
  btm_exported_w: 0,
  imported_w: 120,
  unexplained_w: 0,
  quality: 'ok',
  reason: null,
};

export const ref = (device: string, part: string, id: string) => ({id, device, part, side: 'ac' as const, points: ['power_w', 'soc_pct']});
export const site = {
  id: 'home',
  name: 'Lake House',
  timezone: ZONE,
  currency: 'EUR',
  pollEveryMs: 1000,
  flows: {policy: 'solar-first', sourceOrder: [], sinkOrder: [], limitsW: {}, sigma: {}, ageMs: {}},
  map: {
    grid: {meter: ref('meter', 'meter', 'grid'), at: 'grid', state: null, energyNetting: 'net'},
    hybrids: [],
    solar: [ref('roof', 'inverter', 'solar')],
    wind: [],
    generator: [],
    batteries: [ref('wall', 'battery', 'battery')],
    loads: [],
    home: null,
    cascade: null,
  },
};

export type Known = {
  /** Address of a page of its own about a house; `sinks` has it last. */
  serve(tell: () => Health, house?: object): Promise<string>;
  readonly sinks: readonly ReturnType<typeof createHttp>[];
  readonly store: Store;
  close(): Promise<void>;
};

export async function knownLedger(): Promise<Known> {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'wattledger-page-'));
  const sinks: ReturnType<typeof createHttp>[] = [];
  const store = createStore(
    {path: path.join(folder, 'wattledger.db'), commitEveryMs: 10, rawDays: 30, archive: false, budgetMbPerDay: null, bufferRows: 10_000},
    {clock: clockAt(NOW_MS), log: silentLog, zone: ZONE},
  );
  await store.start();
  const slots = [
    ...slotsOf(SPRING),
    ...slotsOf(AUTUMN, {
      40: null,
      41: null,
      50: {quality: ['gap'], reason: 'filled from the counters'},
      51: {quality: ['stale-estimated']},
    }),
  ];
  for (const [seq, one] of slots.entries()) await store.write([record(seq, NOW_MS, {slots: [one]})], never);
  const hint = {hint: 'unmetered generation', meanW: 1512, nodes: 900};
  const detail = say('unmetered generation, or a meter with the wrong sign: {w} W more leave the house than come in, for 15 minutes', {
    w: 1512,
  });
  await store.write([record(slots.length, NOW_MS, {events: [{kind: 'hint', monoMs: 0, about: null, detail, evidence: hint}]})], never);
  await until(
    () => store.query('flows', {fromMs: 0, toMs: NOW_MS, step: '15m', policy: 'solar-first', zone: ZONE}),
    rows => rows.some(row => row.startMs === Date.parse(AUTUMN[1]) - SLOT_MS),
  );

  async function serve(tell: () => Health, house: object = site): Promise<string> {
    const deps = {
      log: silentLog,
      site: house,
      health: tell,
      query: store.query,
      configText: 'mqtt: {password: "***"}',
      configFile: '/etc/wattledger/wattledger.yaml',
      logTail: () => ['{"time":"12:00","level":"info","msg":"it runs"}'],
      details: () => ({
        points: [{point: 'inverter.power_w', every: 'fast', note: null, registers: [{fc: 3, at: 40083, word: 0x04d2}]}],
        plan: [{class: 'fast', unit: 1, fc: 3, start: 40083, count: 2, ms: 9}],
      }),
      money: null,
      backup: async () => {},
      wallMs: () => NOW_MS,
    } as unknown as HttpDeps;
    const sink = createHttp({listen: '127.0.0.1:0', hosts: [], trustProxy: []}, deps);
    sinks.push(sink);
    await sink.open(never);
    return sink.address() as string;
  }

  return {
    serve,
    sinks,
    store,
    async close() {
      for (const sink of sinks) await sink.close(never);
      await store.close(never);
      rmSync(folder, {recursive: true, force: true});
    },
  };
}

/** A page at an address, and all that the browser complains about. */
export async function openedIn(browser: Browser, address: string, locale = 'en-GB'): Promise<{page: Page; complaints: string[]}> {
  const page = await (await browser.newContext({viewport: {width: 1280, height: 900}, locale})).newPage();
  const complaints: string[] = [];
  page.on('console', message => {
    if (message.type() === 'error' || message.type() === 'warning') complaints.push(message.text());
  });
  page.on('pageerror', error => complaints.push(error.message));
  page.on('requestfailed', one => complaints.push(`${one.url()} ${one.failure()?.errorText}`));
  await page.goto(address);
  await page.locator('main > *').first().waitFor();
  return {page, complaints};
}
