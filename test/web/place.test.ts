// Where the reader is: days and periods in the address, by hand, mouse and finger; by the daemon's clock; as much as the house has.

import type {Browser} from 'playwright-core';
import {afterAll, beforeAll, describe, expect, test} from 'vitest';
import type {FlowEvent} from '../../src/core/flow/model.ts';
import {quoted, say} from '../../src/core/sentences/say.ts';
import {never} from '../store/harness.ts';
import {record} from '../store/house.ts';
import {canBrowse, launch, WITHOUT_BROWSER} from '../support/browser.ts';
import {health, type Known, knownLedger, NOW_MS, openedIn, STATE, site} from './known.ts';

describe.skipIf(!canBrowse)(`where the reader is${WITHOUT_BROWSER}`, () => {
  let browser: Browser;
  let known: Known;
  let base = '';
  beforeAll(async () => {
    known = await knownLedger();
    base = await known.serve(() => health('good'));
    await tick();
    browser = await launch();
  });
  afterAll(async () => {
    await browser?.close();
    await known?.close();
  });
  const tick = async (): Promise<void> => known.sinks[0]?.write([record(5, NOW_MS, {state: STATE, energy: {ts: STATE.ts}})], never);
  const opened = (address: string) => openedIn(browser, address);

  test('the day looked at stands in the address: reload, the way back and a bookmark lead to it', async () => {
    const {page} = await opened(`${base}/#/day/2026-10-25`);
    const title = page.locator('.pager h2');
    await expect.poll(() => title.innerText()).toMatch(/^Sunday,? 25 October 2026$/);
    await page.getByRole('button', {name: 'Previous', exact: true}).click();
    await expect.poll(() => page.evaluate(() => location.hash)).toBe('#/day/2026-10-24');
    await page.reload();
    await expect.poll(() => title.innerText()).toMatch(/24 October/);
    await page.locator('nav a[href="#/energy"]').click();
    await expect.poll(() => page.title()).toBe('Energy · Lake House');
    await page.goBack();
    await expect.poll(() => title.innerText()).toMatch(/24 October/);
    await page.getByLabel('Choose a day').fill('2026-03-29');
    await expect.poll(() => title.innerText()).toMatch(/29 March/);
    await page.getByLabel('Choose a day').fill('2026-10-26');
    await expect.poll(() => page.evaluate(() => location.hash)).toBe('#/day');
    // What is no day, or one to come, is today.
    await page.goto(`${base}/#/day/2026-02-30`);
    await expect.poll(() => title.innerText()).toMatch(/26 October/);
    await page.context().close();
  });

  test('a bar of a year leads to its month, and that to its days, with the mouse and by the table', async () => {
    const {page} = await opened(`${base}/#/energy/year/proportional`);
    const hash = (): Promise<string> => page.evaluate(() => location.hash);
    await page.locator('figure g > rect.fill').first().click();
    await expect.poll(hash).toBe('#/energy/month/2026-03/proportional');
    await page.locator('figure details summary').first().click();
    await page.getByRole('link', {name: /29 March/}).click();
    await expect.poll(hash).toBe('#/energy/day/2026-03-29/proportional');
    await page.goBack();
    await page.goBack();
    await expect.poll(() => page.locator('.pager h2').innerText()).toBe('2026');
    expect(await page.getByRole('button', {name: 'Proportional'}).getAttribute('aria-pressed')).toBe('true');
    await page.context().close();
  });

  test('a bar that a finger touched tells its figures after the finger has left', async () => {
    const context = await browser.newContext({viewport: {width: 360, height: 700}, hasTouch: true, isMobile: true, locale: 'en-GB'});
    const page = await context.newPage();
    await page.goto(`${base}/#/energy/month`);
    const bar = page.locator('figure g > rect.fill').first();
    await bar.tap();
    const caption = page.locator('figcaption').first();
    await expect.poll(() => caption.innerText()).toMatch(/25 October 2026[\s\S]*Solar \d/);
    await caption.getByRole('link').tap();
    await expect.poll(() => page.evaluate(() => location.hash)).toBe('#/energy/day/2026-10-25');
    await context.close();
  });

  test('what is recent is so by the clock of the daemon, whatever the browser takes for the time', async () => {
    const {page} = await opened(`${base}/#/devices`);
    await page.clock.setFixedTime(new Date('2031-01-01T00:00:00Z'));
    await page.reload();
    await expect.poll(() => page.locator('.figures dd').first().innerText()).toMatch(/^\d\d:\d\d:\d\d$/);
    await page.context().close();
  });

  test('a house that only buys is spared the figures of sun and battery', async () => {
    const bare = await known.serve(() => health('good', ['meter']), {...site, map: {...site.map, solar: [], batteries: []}});
    const state = {
      ts: STATE.ts,
      grid_power_w: 480,
      home_power_w: 480,
      grid_to_home_w: 480,
      imported_w: 480,
      unexplained_w: 0,
      quality: 'ok',
    };
    const day = {ts: STATE.ts, day: '2026-10-26', home_kwh: 4.5, grid_import_kwh: 4.5};
    await known.sinks.at(-1)?.write([record(5, NOW_MS, {state, day})], never);
    const {page} = await opened(bare);
    expect(await page.locator('.figures dt').allInnerTexts()).toEqual(['Consumed', 'Bought']);
    expect(await page.locator('ul.labels li').allInnerTexts()).toEqual([expect.stringMatching(/Imported\s*480/)]);
    await page.context().close();
  });

  test('what was asked while the daemon was away is asked again as soon as it is back', async () => {
    const {page} = await opened(`${base}/#/day`);
    // Else asked once a minute.
    let asked = 0;
    page.on('request', request => {
      if (request.url().includes('/api/v1/points')) asked++;
    });
    await page.reload();
    await expect.poll(() => asked).toBeGreaterThan(0);
    const before = asked;
    await page.evaluate(() => dispatchEvent(new Event('offline')));
    await expect
      .poll(async () => {
        await tick();
        return asked;
      })
      .toBeGreaterThan(before);
    await page.context().close();
  });

  test('what happens again and again hides nothing that happened once', async () => {
    const written = record(9000, NOW_MS);
    const waits = (n: number): FlowEvent => ({
      kind: 'total-waits',
      monoMs: written.tick.monoMs - 4000 + n,
      about: 'home',
      detail: say('{key}: the published total waits until the ledger has caught up', {key: 'home'}),
    });
    const lost: FlowEvent = {kind: 'device-lost', monoMs: written.tick.monoMs - 5000, about: 'roof', detail: quoted('roof fell silent')};
    const events = [lost, ...Array.from({length: 120}, (_, n) => waits(n))];
    await known.store.write([{...written, events}], never);
    const {page} = await opened(`${base}/#/devices`);
    const list = page.locator('ul.events > li');
    await expect.poll(() => list.nth(0).innerText()).toMatch(/Total waits[\s\S]*and \d+ more/);
    expect(await list.nth(1).innerText()).toMatch(/Device lost\s*roof fell silent/);
    await list.nth(0).locator('summary').click();
    await expect.poll(() => list.nth(0).locator('p').count()).toBeGreaterThanOrEqual(119);
    // A hint from before all of them still stands among the findings.
    expect(await page.locator('section[aria-labelledby=findings]').innerText()).toMatch(/unmetered generation/);
    await page.context().close();
  });
});
