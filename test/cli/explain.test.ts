// `explain` over a ledger that the flow itself has made: from a cell back to the instant, the readings and the registers.

import {writeFileSync} from 'node:fs';
import path from 'node:path';
import {expect, test} from 'vitest';
import {parseConfig} from '../../src/config/load.ts';
import {advance, createFlow} from '../../src/core/flow/advance.ts';
import type {TickRecord} from '../../src/core/sink.ts';
import {bench, never} from '../store/harness.ts';
import {good, record} from '../store/house.ts';
import {run} from '../support/cli.ts';

const START_MS = Date.parse('2026-05-10T10:00:00Z');
const SECONDS = 1300;
const CONFIG = `version: 1
site: {id: home, name: Home, timezone: Europe/Berlin, currency: EUR}
links:
  cellar: {url: "tcp://127.0.0.1:502"}
devices:
  street: {profile: eastron-sdm630, link: cellar, unit: 1}
  roof: {profile: eastron-sdm120, link: cellar, unit: 2}
map: {grid: street, solar: [roof]}
poll: {every: 2000ms, counters: 60s}
store: {path: wattledger.db}
`;
/** A kettle of 2 kW from the 600th second on, on a house of 500 W below a roof of 3 kW. */
const houseW = (second: number): number => (second < 600 ? 500 : 2500);

async function ledger(): Promise<{file: string; db: string}> {
  const place = bench();
  const file = path.join(place.folder, 'wattledger.yaml');
  writeFileSync(file, CONFIG);
  const {site} = parseConfig(CONFIG, file);
  let state = createFlow(site, 'boot');
  const records: TickRecord[] = [];
  for (let second = 0; second <= SECONDS; second += 2) {
    const monoMs = 50_000 + second * 1000;
    const readings = [good('street', 'meter.power_w', houseW(second) - 3000, monoMs), good('roof', 'meter.power_w', 3000, monoMs)];
    const tick = {seq: second / 2, monoMs, wallMs: START_MS + second * 1000};
    const step = advance(site, state, {tick, readings, clockTrusted: true, flush: second === SECONDS});
    state = step.state;
    records.push(record(tick.seq, tick.wallMs, {tick, readings, slots: step.slots, events: step.events}));
  }
  const store = place.open();
  await store.start();
  await store.write(records, never);
  await store.close(never);
  return {file, db: place.file};
}

test('walks a cell back to the instant, what each device said at it, and its registers', async () => {
  const {file, db} = await ledger();
  const at = new Date(START_MS + 700_000).toISOString();
  for (const cell of ['solar:home', 'solar_to_home']) {
    const {code, stdout, stderr} = await run(['explain', '--config', file, '--at', at, '--cell', cell, '--json']);
    expect([code, stderr]).toEqual([0, '']);
    const told = JSON.parse(stdout) as Record<string, unknown> & {cells: {source: string; sink: string; energy_mwh: number}[]};
    expect(told['cell']).toBe('solar_to_home');
    // 900 s of 3 kW less what was exported: 598 s at 2,500 W, 2 s on the way down, 300 s at 500 W. The home takes the rest of the division.
    expect(told.cells.map(one => one.energy_mwh)).toEqual([750_000 - Math.floor((598 * 2500 + 2 * 1500 + 300 * 500) / 3.6)]);
    expect(told['instant']).toMatchObject({
      utc: at,
      quality: 'ok',
      home_w: 2500,
      cells_w: {solar_to_home: 2500, solar_to_grid: 500},
      aligned: [
        {channel: 'roof', device: 'roof', registers: expect.stringContaining('register 12, f32'), before: {utc: at, power_w: 3000}},
        {channel: 'grid', device: 'street', registers: expect.stringContaining('register 52, f32'), before: {utc: at, power_w: -500}},
      ],
    });
    const raw = told['raw'] as {device: string; utc: string}[];
    expect(raw.filter(row => row.device === 'roof').map(row => Date.parse(row.utc) - START_MS - 700_000)).toEqual([
      -4000, -2000, 0, 2000, 4000,
    ]);
  }

  const text = (await run(['explain', '--config', file, '--at', at, '--cell', 'solar:home'])).stdout;
  expect(text).toContain('The instant 12:11:40, worked out again');
  expect(text).toMatch(/grid +-500\.0 W at 12:11:40; in the picture -500\.0 W/);

  // The database alone tells no registers, and says all the rest.
  const alone = await run(['explain', '--db', db, '--at', at, '--cell', 'solar:home', '--json']);
  expect([alone.code, (JSON.parse(alone.stdout) as {instant: unknown}).instant]).toEqual([0, null]);
  // A cell of another spelling is named.
  const wrong = await run(['explain', '--db', db, '--at', at, '--cell', 'solar:hom']);
  expect(wrong.code).toBe(2);
  expect(wrong.stderr).toContain('did you mean "solar_to_home"');
  // Where there is nothing to explain, the question was no wrong usage.
  for (const [question, answer] of [
    [['--at', at, '--cell', 'grid_to_standby'], /"grid_to_standby" is zero in this quarter hour/],
    [['--at', '2020-01-01'], /nothing is stored for .*; the ledger goes from/],
  ] as const) {
    const nothing = await run(['explain', '--db', db, ...question]);
    expect([nothing.code, nothing.stderr]).toEqual([1, expect.stringMatching(answer)]);
    expect(nothing.stderr).not.toContain('--help');
  }
});
