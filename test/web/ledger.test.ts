// The page over a ledger whose figures are known: days of 23 and 25 hours, a gap, held values, a lost device, a first visit, a path prefix.

import {mkdtempSync, readFileSync, rmSync} from 'node:fs';
import {createServer, request as httpRequest, type Server} from 'node:http';
import type {AddressInfo} from 'node:net';
import os from 'node:os';
import path from 'node:path';
import type {Browser, Page} from 'playwright-core';
import {afterAll, beforeAll, describe, expect, test} from 'vitest';
import type {SlotRecord} from '../../src/core/flow/model.ts';
import type {Health} from '../../src/core/health.ts';
import {silentLog} from '../../src/core/log.ts';
import {say} from '../../src/core/sentences/say.ts';
import type {HttpDeps} from '../../src/http/deps.ts';
import {createHttp} from '../../src/http/server.ts';
import {createStore, type Store} from '../../src/store/store.ts';
import {clockAt, never, until} from '../store/harness.ts';
import {record, SLOT_MS, slot} from '../store/house.ts';
import {canBrowse, launch, WITHOUT_BROWSER} from '../support/browser.ts';

const ZONE = 'Europe/Berlin';
/** Noon of the day after the clocks went back. */
const NOW_MS = Date.parse('2026-10-26T11:00:00Z');
const SPRING = ['2026-03-28T23:00:00Z', '2026-03-29T22:00:00Z'] as const;
const AUTUMN = ['2026-10-24T22:00:00Z', '2026-10-25T23:00:00Z'] as const;

/** All quarter hours of a day, some of them special. */
function slotsOf([from, to]: readonly [string, string], special: Readonly<Record<number, Partial<SlotRecord> | null>> = {}): SlotRecord[] {
  const slots: SlotRecord[] = [];
  for (let at = Date.parse(from), n = 0; at < Date.parse(to); at += SLOT_MS, n++) {
    const more = special[n];
    if (more !== null) slots.push(slot(at, n, more ?? {}));
  }
  return slots;
}

const health = (state: 'good' | 'lost', devices: readonly string[] = ['meter', 'roof', 'wall']): Health => ({
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

const STATE = {
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

const LONG = 'Wechselrichter_Sueddach_Nebengebaeude_links_oben';
const CROWDED = {...STATE, solar_power_w: 987_654, solar_to_home_w: 876_543, [`solar_to_${LONG}_w`]: 111_111, [`${LONG}_power_w`]: 111_111};

describe.skipIf(!canBrowse)(`the page over a known ledger${WITHOUT_BROWSER}`, () => {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'wattledger-page-'));
  let browser: Browser;
  let store: Store;
  let proxy: Server;
  let told = health('good');
  const sinks: ReturnType<typeof createHttp>[] = [];
  let base = '';
  let first = '';
  let crowded = '';

  const ref = (device: string, part: string, id: string) => ({id, device, part, side: 'ac' as const, points: ['power_w', 'soc_pct']});
  const site = {
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

  beforeAll(async () => {
    store = createStore(
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
    base = await serve(() => told);
    first = await serve(() => health('good', []));
    crowded = await serve(() => health('good', [LONG, 'wall']), {
      ...site,
      name: 'Mehrfamilienhaus Donaudampfschifffahrtsstraße 124 b, Hinterhaus',
      map: {...site.map, solar: [ref(LONG, 'inverter', 'solar')], loads: [ref(LONG, 'meter', LONG)]},
    });
    const {port} = new URL(base);
    proxy = createServer((request, response) => {
      if (!request.url?.startsWith('/x/')) return void response.writeHead(404).end();
      const {method, headers} = request;
      const onward = httpRequest({port, host: '127.0.0.1', path: request.url.slice(2), method, headers}, answer => {
        response.writeHead(answer.statusCode ?? 502, answer.headers);
        answer.pipe(response);
      });
      onward.on('error', () => response.destroy());
      response.on('close', () => onward.destroy());
      request.pipe(onward);
    });
    await new Promise<void>(resolve => proxy.listen(0, '127.0.0.1', resolve));
    await tell();
    browser = await launch();
  });
  afterAll(async () => {
    await browser?.close();
    proxy?.closeAllConnections();
    proxy?.close();
    for (const sink of sinks) await sink.close(never);
    await store?.close(never);
    rmSync(folder, {recursive: true, force: true});
  });

  /** One tick for everybody who listens. */
  const tell = (): Promise<void> =>
    sinks[0]?.write(
      [
        record(5, NOW_MS, {
          state: STATE,
          energy: {ts: STATE.ts},
          day: {ts: STATE.ts, day: '2026-10-26', home_kwh: 4.5, solar_kwh: 6.25},
          stored: {battery: {solar: 3_000_000, grid: 1_000_000}},
        }),
      ],
      never,
    ) as Promise<void>;

  async function opened(address: string, locale = 'en-GB'): Promise<{page: Page; complaints: string[]}> {
    const page = await (await browser.newContext({viewport: {width: 1280, height: 900}, locale})).newPage();
    const complaints: string[] = [];
    page.on('console', message => {
      if (message.type() === 'error' || message.type() === 'warning') complaints.push(message.text());
    });
    page.on('requestfailed', one => complaints.push(`${one.url()} ${one.failure()?.errorText}`));
    await page.goto(address);
    await page.locator('main > *').first().waitFor();
    return {page, complaints};
  }

  /** Times of the rows of the first table. */
  async function rowsOf(page: Page): Promise<string[]> {
    await page.locator('figure details summary').first().click();
    return page.locator('figure').first().locator('tbody th').allInnerTexts();
  }

  test('a day of 25 hours has its hour twice, told apart; a gap is no bar, what is doubtful is hatched, what was held is hollow', async () => {
    const {page} = await opened(`${base}/#/day`);
    await page.getByRole('button', {name: 'Previous', exact: true}).click();
    await expect.poll(() => page.locator('.pager h2').innerText()).toMatch(/^Sunday,? 25 October 2026$/);
    await page.locator('figure g > rect.fill').first().waitFor();
    const rows = await rowsOf(page);
    expect(rows).toHaveLength(98); // 100 quarter hours without the two of the gap
    expect(rows.filter(row => row.startsWith('02:15'))).toEqual(['02:15 GMT+2', '02:15 GMT+1']);
    expect(rows).not.toContain('09:00');
    expect(await page.locator('figure rect.gap').count()).toBe(2);
    expect(await page.locator('figure rect[fill="url(#hatch)"]').count()).toBe(1);
    expect(await page.locator('figure g.hollow').count()).toBe(1);
    const words = await page.locator('figure table tbody tr td:last-child').allInnerTexts();
    expect(words.filter(word => word !== '')).toEqual(['gap', 'from held values']);
    // Zoomed: an eighth of the day, with buttons and by dragging.
    for (let i = 0; i < 2; i++) await page.getByRole('button', {name: 'Zoom in'}).click();
    expect(await page.locator('figure table tbody th').count()).toBeLessThanOrEqual(25);
    await page.getByRole('button', {name: 'Whole day'}).click();
    const box = (await page.locator('figure > svg').boundingBox()) as {x: number; y: number; width: number; height: number};
    await page.mouse.move(box.x + box.width * 0.6, box.y + 80);
    await page.mouse.down();
    await page.mouse.move(box.x + box.width * 0.8, box.y + 80, {steps: 4});
    await page.mouse.up();
    const dragged = await page.locator('figure table tbody th').count();
    expect(dragged).toBeGreaterThan(10);
    expect(dragged).toBeLessThan(30);
    await page.context().close();
  });

  test('a day of 23 hours has no hour from two to three', async () => {
    const {page} = await opened(`${base}/#/energy`);
    const flows = (await (await fetch(`${base}/api/v1/flows?from=2026-03-29&to=2026-03-30&step=15m`)).json()) as {slots: unknown[]};
    expect(flows.slots).toHaveLength(92);
    await page.getByRole('button', {name: 'Year', exact: true}).click();
    await page.locator('figure g > rect.fill').first().waitFor();
    expect(await rowsOf(page)).toEqual(['March 2026', 'October 2026']);
    const hours = (await (await fetch(`${base}/api/v1/flows?from=2026-03-29&to=2026-03-30&step=1h`)).json()) as {slots: unknown[]};
    expect(hours.slots).toHaveLength(23);
    await page.context().close();
  });

  test('what the battery gave is told by origin, and both attributions are a click apart', async () => {
    const {page} = await opened(`${base}/#/energy`);
    await page.getByRole('button', {name: 'Year', exact: true}).click();
    await page.locator('path.band.via').first().waitFor();
    expect(await page.locator('path.band.via.solar').count()).toBe(1);
    await page.getByRole('button', {name: 'Proportional'}).click();
    await expect.poll(() => page.getByRole('button', {name: 'Proportional'}).getAttribute('aria-pressed')).toBe('true');
    const csv = (await page.getByRole('link', {name: 'Download as CSV'}).getAttribute('href')) ?? '';
    const text = await (await fetch(`${base}/${csv}`)).text();
    expect(text.split('\n')[0]).toContain('energy_mwh');
    expect(text).toContain(',proportional,');
    await page.context().close();
  });

  test('a device that dies is named with what to do, and the words go when it is back', async () => {
    const {page} = await opened(`${base}/#/devices`);
    const findings = page.locator('section[aria-labelledby=findings]');
    await expect.poll(() => findings.innerText()).not.toMatch(/roof/);
    told = health('lost');
    await expect.poll(() => findings.innerText()).toMatch(/roof no answer within 1000 ms/);
    expect(await findings.innerText()).toMatch(/unit number/);
    await page.goto(`${base}/#/now`);
    await tell();
    await expect.poll(() => page.locator('.fresh').innerText()).toMatch(/roof does not answer/);
    told = health('good');
    await page.waitForTimeout(1000); // the stream tells at most once a second
    await tell();
    await expect.poll(() => page.locator('.fresh').innerText()).toMatch(/All readings are fresh/);
    await page.context().close();
  });

  test('now shows how much of the charge came from the sun', async () => {
    const {page} = await opened(`${base}/#/now`);
    await expect
      .poll(() => page.locator('.origin').allInnerTexts())
      .toContainEqual(expect.stringMatching(/64\s%, 75\s% of the charge on record from the sun/));
    await page.context().close();
  });

  test('setup tells what the card has to bear, and gives one file for whoever helps', async () => {
    const {page} = await opened(`${base}/#/setup`);
    await expect.poll(() => page.locator('main').innerText()).toMatch(/3\.2 MB written a day of 20 MB allowed/);
    const entities = await page.locator('td.mono').allInnerTexts();
    expect(entities.map(id => id.replace(/^sensor\.[a-z]+_/, ''))).toEqual(
      expect.arrayContaining(['grid_import_kwh', 'solar_power_w', 'battery_soc_pct']),
    );
    const [download] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('button', {name: 'Download the support file'}).click(),
    ]);
    const file = JSON.parse(readFileSync(await download.path(), 'utf8'));
    expect(Object.keys(file)).toEqual(['setup', 'health', 'devices', 'events', 'now']);
    expect(file.setup.config.text).toContain('***');
    await page.context().close();
  });

  test('what the daemon says is in German on the German page, with its numbers', async () => {
    const {page} = await opened(`${base}/#/devices`, 'de-DE');
    await expect
      .poll(() => page.locator('section[aria-labelledby=findings]').innerText())
      .toMatch(/Erzeugung ohne Zähler.* 1\.512 W mehr verlassen das Haus.*\n.*mittlere Leistung 1\.512\sW/);
    expect(await page.locator('.events').innerText()).toMatch(/Hinweis[\s\S]*Erzeugung ohne Zähler/);
    await page.context().close();
  });

  test.each(['de-DE', 'en-GB'])('long names and big numbers fit on the narrowest phone: %s', async locale => {
    const context = await browser.newContext({viewport: {width: 320, height: 700}, locale});
    const page = await context.newPage();
    await sinks[2]?.write(
      [record(5, NOW_MS, {state: CROWDED, day: {ts: STATE.ts, day: '2026-10-26', home_kwh: 45_678.9, solar_kwh: 9876.5}})],
      never,
    );
    for (const view of ['now', 'day', 'energy', 'devices', 'setup']) {
      await page.goto(`${crowded}/#/${view}`);
      await page.locator('main .card').first().waitFor();
      await page.evaluate(() => {
        for (const one of document.querySelectorAll('details')) one.open = true;
      });
      const beyond = await page.evaluate(() => {
        const edge = document.documentElement.clientWidth;
        const seen = [...document.querySelectorAll('body *')].filter(one => !one.closest('.wide, .unseen, .skip, svg'));
        const over = seen.filter(
          one => one.getBoundingClientRect().right > edge + 1 || (one.tagName === 'DD' && one.scrollWidth > one.clientWidth + 1),
        );
        return [document.documentElement.scrollWidth - edge, ...over.map(one => `${one.tagName} ${one.textContent?.slice(0, 40)}`)];
      });
      expect(beyond, view).toEqual([0]);
    }
    await context.close();
  });

  test('a first visit without devices says what to do next', async () => {
    const {page} = await opened(`${first}/`, 'de-DE');
    const text = await page.locator('main').innerText();
    expect(text).toMatch(/Noch wird nichts gemessen/);
    expect(text).toMatch(/wattledger init -o/);
    await page.context().close();
  });

  test('below a path prefix every page, file and question finds its way', async () => {
    const {port} = proxy.address() as AddressInfo;
    const {page, complaints} = await opened(`http://127.0.0.1:${port}/x/`);
    for (const view of ['day', 'energy', 'devices', 'setup', 'now']) {
      await page.locator(`nav a[href="#/${view}"]`).click();
      await page.locator(`nav a[href="#/${view}"][aria-current=page]`).waitFor();
    }
    await page.locator('svg .node').first().waitFor();
    await page.waitForTimeout(300);
    const manifest = await page.evaluate(async () => {
      const link = document.querySelector<HTMLLinkElement>('link[rel=manifest]')?.href ?? '';
      const {icons} = (await (await fetch(link)).json()) as {icons: {src: string}[]};
      return Promise.all(icons.map(async icon => (await fetch(new URL(icon.src, link))).status));
    });
    expect(manifest).toEqual([200, 200, 200, 200]);
    expect(complaints.filter(text => !/stream.*ERR_ABORTED/.test(text))).toEqual([]);
    await page.context().close();
  });
});
