// The page over a ledger whose figures are known: days of 23 and 25 hours, a gap, held values, a lost device, a first visit, a path prefix.

import {readFileSync} from 'node:fs';
import {createServer, request as httpRequest, type Server} from 'node:http';
import type {AddressInfo} from 'node:net';
import type {Browser, Page} from 'playwright-core';
import {afterAll, beforeAll, describe, expect, test} from 'vitest';
import {never} from '../store/harness.ts';
import {record} from '../store/house.ts';
import {canBrowse, launch, WITHOUT_BROWSER} from '../support/browser.ts';
import {health, type Known, knownLedger, NOW_MS, openedIn, ref, STATE, site} from './known.ts';

const LONG = 'Wechselrichter_Sueddach_Nebengebaeude_links_oben';
const CROWDED = {...STATE, solar_power_w: 987_654, solar_to_home_w: 876_543, [`solar_to_${LONG}_w`]: 111_111, [`${LONG}_power_w`]: 111_111};

describe.skipIf(!canBrowse)(`the page over a known ledger${WITHOUT_BROWSER}`, () => {
  let browser: Browser;
  let known: Known;
  let proxy: Server;
  let told = health('good');
  let base = '';
  let first = '';
  let crowded = '';

  beforeAll(async () => {
    known = await knownLedger();
    base = await known.serve(() => told);
    first = await known.serve(() => health('good', []));
    crowded = await known.serve(() => health('good', [LONG, 'wall']), {
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
    await known?.close();
  });

  /** One tick for everybody who listens. */
  const tell = (): Promise<void> =>
    known.sinks[0]?.write(
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

  const opened = (address: string, locale?: string) => openedIn(browser, address, locale);

  /** Times of the rows of the first table. */
  async function rowsOf(page: Page): Promise<string[]> {
    await page.locator('figure details summary').first().click();
    return page.locator('figure').first().locator('tbody th').allInnerTexts();
  }

  test('a day of 25 hours has its hour twice, told apart; a gap is no bar, what is doubtful is hatched, what was held is hollow', async () => {
    const {page, complaints} = await opened(`${base}/#/day`);
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
    await expect.poll(() => page.locator('figure table tbody th').count()).toBeLessThanOrEqual(25);
    await page.getByRole('button', {name: 'Whole day'}).click();
    await expect.poll(() => page.locator('figure table tbody th').count()).toBe(98);
    const box = (await page.locator('figure > svg').boundingBox()) as {x: number; y: number; width: number; height: number};
    await page.mouse.move(box.x + box.width * 0.6, box.y + 80);
    await page.mouse.down();
    await page.mouse.move(box.x + box.width * 0.8, box.y + 80, {steps: 4});
    await page.mouse.up();
    await expect.poll(() => page.locator('figure table tbody th').count()).toBeLessThan(30);
    expect(await page.locator('figure table tbody th').count()).toBeGreaterThan(10);
    expect(complaints).toEqual([]);
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
    told = health('good');
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
    await known.sinks[2]?.write(
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
