// The store as the daemon uses it: what goes in comes out, also after a restart, and never twice.

import {mkdtempSync, rmSync} from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import {afterEach, beforeEach, expect, test} from 'vitest';
import {silentLog} from '../../src/core/log.ts';
import type {Clock} from '../../src/core/time.ts';
import {createStore, type Store, type StoreSettings} from '../../src/store/store.ts';
import {good, record, SLOT_MS, START_MS, silent, slot} from './house.ts';

const clock: Clock = {wallMs: () => START_MS, monoMs: () => 0, sleepUntilMono: async () => {}};
const never = new AbortController().signal;
let folder: string;
let file: string;
const stores: Store[] = [];
const open = (more: Partial<StoreSettings> = {}): Store => {
  const store = createStore(
    {path: file, commitEveryMs: 60_000, rawDays: 30, archive: false, budgetMbPerDay: null, bufferRows: 10_000, ...more},
    {clock, log: silentLog, zone: 'Europe/Berlin'},
  );
  stores.push(store);
  return store;
};

beforeEach(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'wattledger-store-'));
  file = path.join(folder, 'wattledger.db');
});
afterEach(async () => {
  for (const store of stores.splice(0)) await store.close(never);
  rmSync(folder, {recursive: true, force: true});
});

test('what was told before an orderly stop is there after it', async () => {
  const store = open();
  expect(await store.start()).toEqual({flowState: null, energy: null, newestSlotMs: null, uncleanStop: false});
  await store.write(
    [
      record(0, START_MS, {
        readings: [good('meter', 'grid.power_w', -1234.5), good('meter', 'grid.import_energy_wh', 987_654)],
        slots: [slot(START_MS, 1)],
      }),
      record(1, START_MS + 2000, {
        readings: [good('meter', 'grid.power_w', 77.7), silent('meter', 'grid.import_energy_wh')],
        flowState: '{"state":1}',
        energy: {grid_import_kwh: 12.5},
      }),
    ],
    never,
  );
  await store.close(never);
  const again = open();
  expect(await again.start()).toEqual({
    flowState: '{"state":1}',
    energy: {grid_import_kwh: 12.5},
    newestSlotMs: START_MS,
    uncleanStop: false,
  });
  expect(await again.query('latestRaw', 'meter')).toEqual({
    device: 'meter',
    atMs: START_MS + 2000,
    values: {'grid.power_w': 77.7, 'grid.import_energy_wh': null},
  });
  const rows = await again.query('flows', {
    fromMs: START_MS,
    toMs: START_MS + SLOT_MS,
    step: '15m',
    policy: 'proportional',
    zone: 'Europe/Berlin',
  });
  expect(rows.map(row => row.energyMilliWh)).toEqual([100_002, 20_002, 3_002, 702]);
});
