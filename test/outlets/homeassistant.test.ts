// Home Assistant over a simulated week: what its statistics say at the end is what was really used, whatever went wrong in between.

import {setTimeout as sleep} from 'node:timers/promises';
import {describe, expect, test} from 'vitest';
import type {Board} from '../../src/core/board.ts';
import type {TickRecord} from '../../src/core/sink.ts';
import {random} from '../pipeline/house.ts';
import {type Assistant, rendered, startAssistant} from '../support/assistant.ts';
import {haveMosquitto, WITHOUT_MOSQUITTO} from '../support/programs.ts';
import {record} from './house.ts';
import {brokerWith, cleanups, never, outlet, untilOpen} from './outlet.ts';

/** Energy of one quarter hour and another, mWh: a house that buys, sells, charges and discharges. */
const NAMES = ['grid_import', 'grid_export', 'solar', 'battery_charge', 'battery_discharge', 'home'] as const;
type Books = Record<(typeof NAMES)[number], number>;

function beat(seq: number, books: Books, registerKwh: number): TickRecord {
  const plain = record(seq * 900, 0);
  const kwh = Object.fromEntries(NAMES.map(name => [`${name}_kwh`, books[name] / 1e6]));
  const board: Board = new Map([
    [
      'meter/meter.import_energy_wh',
      {
        device: 'meter',
        point: 'meter.import_energy_wh',
        measured: {kind: 'good', value: Math.round(registerKwh * 1e6) / 1000, monoMs: seq * 900_000},
      },
    ],
  ]);
  return {...plain, board, energy: {ts: new Date(plain.tick.wallMs).toISOString(), ...kwh}};
}

async function assistantAt(url: string): Promise<Assistant> {
  const one = await startAssistant(url);
  cleanups.push(() => one.end());
  return one;
}

const allTotals = (assistant: Assistant): boolean =>
  NAMES.every(name => Number.isFinite(Number(assistant.entity(`sensor.house_${name}_kwh`)?.state())));

test.each([
  ['a number', '{"a": -1480.5}', '-1480.5'],
  ['null is None, which is shown as unknown', '{"a": null}', 'None'],
  ['a key that is not there is nothing, and keeps the value before', '{"b": 1}', ''],
  ['a truth has a capital', '{"a": true}', 'True'],
])('templates as Python renders them: %s', (_what, payload, expected) => {
  expect(rendered('{{ value_json.a }}', payload)).toBe(expected);
});

describe.skipIf(!haveMosquitto)(`Home Assistant's side${WITHOUT_MOSQUITTO}`, () => {
  test('everything the Energy dashboard asks for is there, with the classes and signs it asks for', async () => {
    const {url} = await brokerWith();
    const assistant = await assistantAt(url);
    const sink = outlet(url);
    await sink.open(never);
    await untilOpen(sink);
    await sink.write([record(1, 10)], never);
    await assistant.until('the first states', () => allTotals(assistant) && assistant.entity('sensor.house_skew_ms')?.state() === '12');
    expect(assistant.problems()).toEqual([]);
    for (const name of NAMES)
      expect(assistant.entity(`sensor.house_${name}_kwh`)?.config).toMatchObject({
        device_class: 'energy',
        state_class: 'total_increasing',
        unit_of_measurement: 'kWh',
      });
    for (const name of ['grid', 'solar', 'battery', 'home'])
      expect(assistant.entity(`sensor.house_${name}_power_w`)?.config).toMatchObject({
        device_class: 'power',
        state_class: 'measurement',
        unit_of_measurement: 'W',
      });
    expect(assistant.entity('sensor.house_battery_soc_pct')?.config).toMatchObject({
      device_class: 'battery',
      state_class: 'measurement',
      unit_of_measurement: '%',
    });
    expect(assistant.entity('sensor.house_grid_power_w')?.state()).toBe('420.5');
    const several = assistant.entities().filter(({config}) => (config['availability'] as unknown[] | undefined)?.length === 2);
    expect(several.length).toBeGreaterThan(10);
    expect(new Set(several.map(({config}) => config['availability_mode']))).toEqual(new Set(['all']));

    const unknown = {...record(2, 10), state: {...record(2, 10).state, battery_power_w: null}};
    await sink.write([unknown], never);
    await assistant.until('unknown', () => assistant.entity('sensor.house_battery_power_w')?.state() === 'unknown');

    await assistant.restart();
    expect(assistant.entity('sensor.house_grid_power_w')?.state()).toBe('unavailable');
    const began = performance.now();
    await assistant.until('all entities', () => assistant.entities().every(({state}) => state() !== 'unavailable'));
    expect(performance.now() - began).toBeLessThan(12_000);
    await assistant.until('home_kwh after the restart', () => assistant.entity('sensor.house_home_kwh')?.state() === '2');

    await sink.close(never);
    await assistant.until('unavailable at the end', () => assistant.entity('sensor.house_home_kwh')?.state() === 'unavailable');
  });

  test('a week of glitches, restarts and a dead broker: the statistics are the truth', {timeout: 60_000}, async () => {
    const broker = await brokerWith();
    const assistant = await assistantAt(broker.url);
    const dice = random(11);
    const books: Books = {
      grid_import: 8_211_402e3,
      grid_export: 9_120_770e3,
      solar: 15_432_118e3,
      battery_charge: 3_012_440e3,
      battery_discharge: 2_788_010e3,
      home: 14_298_320e3,
    };
    const first = {...books};
    let sink = outlet(broker.url);
    await sink.open(never);
    await untilOpen(sink);
    const homeKwh = (): string | undefined => assistant.entity('sensor.house_home_kwh')?.state();

    await sink.write([beat(0, books, books.grid_import / 1e6)], never);
    const meter = 'sensor.meter_meter_import_energy_kwh';
    await assistant.until('the first totals', () => allTotals(assistant) && Number(assistant.entity(meter)?.state()) > 0);

    for (let quarter = 1; quarter < 7 * 96; quarter++) {
      for (const name of NAMES) books[name] += Math.floor(dice() * 900_000);
      if (quarter % 151 === 150) {
        await broker.kill('SIGKILL');
        await broker.start();
        await untilOpen(sink);
      }
      if (quarter % 200 === 199) {
        // Killed, and started again from a ledger that is some minutes older than what was published.
        await sink.close(never);
        sink = outlet(broker.url, {continued: true});
        await sink.open(never);
        await untilOpen(sink);
        const older = Object.fromEntries(NAMES.map(name => [name, books[name] - 1_200_000])) as Books;
        await sink.write([beat(quarter, older, books.grid_import / 1e6 - 1.2)], never);
        await sleep(1500);
      }
      const [register = books.grid_import / 1e6] = dice() < 0.1 ? [[0, 65_535, 4_294_967.295, 12][Math.floor(dice() * 4)] as number] : [];
      await sink.write([beat(quarter + 0.5, books, register)], never);
      await sleep(2);
    }
    await sink.write([beat(7 * 96 + 1, books, books.grid_import / 1e6)], never);
    await assistant.until('the last total', () => homeKwh() === String(books.home / 1e6));
    await assistant.until('the last counter', () => assistant.entity(meter)?.state() === String(books.grid_import / 1e6));

    for (const name of NAMES) {
      const entity = assistant.entity(`sensor.house_${name}_kwh`);
      expect(entity?.sum()).toBeCloseTo((books[name] - first[name]) / 1e6, 6);
      expect([entity?.dips(), entity?.resets()]).toEqual([0, 0]);
    }
    expect(assistant.entity(meter)?.sum()).toBeCloseTo((books.grid_import - first.grid_import) / 1e6, 6);
    expect([assistant.entity(meter)?.dips(), assistant.entity(meter)?.resets()]).toEqual([0, 0]);
    expect(assistant.problems()).toEqual([]);
  });
});
