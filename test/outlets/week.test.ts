// A simulated week from the readings to Home Assistant's statistics: registers lie in every way that is known of devices, the daemon is
// killed, the broker too, Home Assistant starts anew. What the statistics say at the end is what the registers really counted.

import {setTimeout as sleep} from 'node:timers/promises';
import {describe, expect, test} from 'vitest';
import {type Board, observe} from '../../src/core/board.ts';
import {advance, createFlow, type FlowState, restoreFlow, serialiseFlow} from '../../src/core/flow/advance.ts';
import type {DeviceHealth, Health} from '../../src/core/health.ts';
import type {Fault, Reading} from '../../src/core/reading.ts';
import type {TickRecord} from '../../src/core/sink.ts';
import {cut, random, simulate, siteOf} from '../pipeline/house.ts';
import {afterTest} from '../support/after.ts';
import {startAssistant} from '../support/assistant.ts';
import {haveMosquitto, WITHOUT_MOSQUITTO} from '../support/programs.ts';
import {HEALTH} from './house.ts';
import {brokerWith, never, outlet, untilOpen} from './outlet.ts';

const POLL_S = 60;
const DAY_S = 86_400;
const SITE = siteOf({}, POLL_S * 1000);
const day = simulate(DAY_S, 7);
/** Wh that the registers stood at when the week began; all differ. */
const BEGUN = {import: 8_211_402, export: 9_120_770, solar: 15_432_118, charge: 3_012_440, discharge: 2_788_010};
type Register = keyof typeof BEGUN;
const REGISTERS: readonly [register: Register, device: string, point: string][] = [
  ['import', 'meter', 'meter.import_energy_wh'],
  ['export', 'meter', 'meter.export_energy_wh'],
  ['solar', 'pv', 'inverter.energy_wh'],
  ['charge', 'bat', 'battery.charge_energy_wh'],
  ['discharge', 'bat', 'battery.discharge_energy_wh'],
];

/** What the register stands at, second `t` of the week: the same day seven times. */
function registerWh(register: Register, t: number): number {
  const whole = (day.counters.at(-1) as Record<Register, number>)[register];
  const part = (day.counters[t % DAY_S] as Record<Register, number>)[register];
  return BEGUN[register] + cut(Math.floor(t / DAY_S) * whole + part, 1);
}

const lie = (value: number) => () => ({kind: 'good' as const, value});
const silent = (fault: Fault) => () => ({kind: 'missing' as const, fault});
/** How a register fails to tell the truth for a moment, and who was seen doing so. */
const GLITCHES: readonly [string, (trueWh: number, other: number) => {kind: 'good'; value: number} | {kind: 'missing'; fault: Fault}][] = [
  ['zero while the inverter boots (SolarEdge)', lie(0)],
  ['not available, read as a number (Huawei: 21 474 836.47 kWh)', lie(21_474_836_470)],
  ['all ones (ABB, Sungrow)', lie(4_294_967_295)],
  ['sixteen bits of them', lie(65_535)],
  ['counted below zero (Kostal)', lie(4_290_107_133)],
  ['a few steps back (SolarEdge)', wh => ({kind: 'good', value: wh - 300})],
  ['a peak of false values (Solax)', wh => ({kind: 'good', value: wh + 85_900_000})],
  ['ten times as much (Deye after an update, for a moment)', wh => ({kind: 'good', value: wh * 10})],
  ["the reply to the question before (Growatt's gateway)", (_wh, other) => ({kind: 'good', value: other})],
  ['no value (SMA at night)', silent({kind: 'absent'})],
  ['no answer (Fronius at night)', silent({kind: 'timeout', afterMs: 1000})],
  ['no connection (Huawei at night)', silent({kind: 'disconnected', reason: 'refused'})],
  ['an exception of a gateway', silent({kind: 'refused', exception: 11})],
  ['a broken frame', silent({kind: 'bad_frame', reason: 'crc'})],
];

const devices: readonly DeviceHealth[] = ['meter', 'pv', 'bat'].map(id => ({
  ...(HEALTH.devices[0] as DeviceHealth),
  id,
  points: REGISTERS.filter(([, device]) => device === id).map(([, , point]) => point),
}));
const health = (): Health => ({...HEALTH, devices});

describe.skipIf(!haveMosquitto)(`a week${WITHOUT_MOSQUITTO}`, () => {
  test('of glitches, kills and restarts: the statistics are the truth', {timeout: 600_000}, async () => {
    const broker = await brokerWith();
    const assistant = await startAssistant(broker.url);
    afterTest(() => assistant.end());
    const dice = random(11);
    let state = createFlow(SITE, 'boot-0');
    let board: Board = new Map();
    let monoBaseMs = 1_000_000;
    let boots = 0;
    const seen = new Set<string>();
    const begin = (continued: boolean) => outlet(broker.url, {site: SITE, health, continued});
    let sink = begin(false);
    await sink.open(never);
    await untilOpen(sink);

    const readings = (t: number, honest: boolean): Reading[] => {
      const monoMs = monoBaseMs + t * 1000;
      const now = day.at[t % DAY_S] as (typeof day.at)[number];
      // The roof says nothing at all between nine in the evening and five in the morning.
      const night = !honest && (t % DAY_S < 5 * 3600 || t % DAY_S >= 21 * 3600);
      const power = (device: string, point: string, value: number): Reading => ({
        device,
        point,
        measured: night && device === 'pv' ? {kind: 'missing', fault: {kind: 'timeout', afterMs: 1000}} : {kind: 'good', value, monoMs},
      });
      return [
        power('meter', 'meter.power_w', now.gridW),
        power('pv', 'inverter.power_w', now.solarW),
        power('bat', 'battery.power_w', now.batteryW),
        ...REGISTERS.map(([register, device, point], i): Reading => {
          const trueWh = registerWh(register, t);
          if (night && device === 'pv') return {device, point, measured: {kind: 'missing', fault: {kind: 'timeout', afterMs: 1000}}};
          if (honest || dice() >= 0.05) return {device, point, measured: {kind: 'good', value: trueWh, monoMs}};
          const [name, glitch] = GLITCHES[Math.floor(dice() * GLITCHES.length)] as (typeof GLITCHES)[number];
          seen.add(name);
          const [other] = REGISTERS[(i + 1) % REGISTERS.length] as (typeof REGISTERS)[number];
          const told = glitch(trueWh, registerWh(other, t));
          return {device, point, measured: told.kind === 'good' ? {...told, monoMs} : told};
        }),
      ];
    };
    const beat = (t: number, honest: boolean, flush = false): TickRecord => {
      const tick = {seq: t / POLL_S, monoMs: monoBaseMs + t * 1000 + 5, wallMs: Date.UTC(2026, 4, 4) + t * 1000};
      const told = readings(t, honest);
      board = observe(board, told, tick.monoMs, 5000);
      const step = advance(SITE, state, {tick, readings: told, clockTrusted: true, flush});
      state = step.state;
      const {nodes, slots, events, siteState, energy, day: today} = step;
      return {tick, readings: told, board, nodes, slots, events, state: siteState, energy, day: today, flowState: null};
    };
    const shown = (id: string): number => Number(assistant.entity(id)?.state());
    const COUNTERS = REGISTERS.map(([register, device, point]) => {
      const key = point.replace('.', '_').replace(/wh$/, 'kwh');
      return {register, id: `sensor.${device}_${key}`};
    });

    for (let t = 0; t < 4 * POLL_S; t += POLL_S) await sink.write([beat(t, true)], never);
    const first = 3 * POLL_S;
    await assistant.until('the first values', () => COUNTERS.every(({id}) => shown(id) > 0) && shown('sensor.home_home_kwh') >= 0);

    let saved = serialiseFlow(state);
    for (let t = 4 * POLL_S; t < 7 * DAY_S; t += POLL_S) {
      const minute = t / POLL_S;
      await sink.write([beat(t, false)], never);
      if (minute % 10 === 0) await sleep(1);
      if (minute % 10 === 5) saved = serialiseFlow(state);
      if (minute % 1511 === 1510) {
        await broker.kill('SIGKILL');
        await broker.start();
        await untilOpen(sink);
      }
      if (minute % 1999 === 1998) {
        // Killed, and started again from what was committed some minutes ago; the monotonic clock is another one.
        await sink.close(never);
        monoBaseMs = 5000 + 17 * ++boots - t * 1000;
        state = restoreFlow(saved, SITE, `boot-${boots}`) as FlowState;
        board = new Map();
        sink = begin(true);
        await sink.open(never);
        await untilOpen(sink);
        await sleep(1500);
      }
      if (minute % 2999 === 2998) await assistant.restart();
    }
    expect([...seen].sort()).toEqual(GLITCHES.map(([name]) => name).sort());

    // One honest day: what was published too early waits until the truth has caught up.
    const last = 8 * DAY_S;
    for (let t = 7 * DAY_S; t <= last; t += POLL_S) {
      await sink.write([beat(t, true, t === last)], never);
      if ((t / POLL_S) % 10 === 0) await sleep(1);
    }
    const grown = (register: Register): number => (registerWh(register, last) - registerWh(register, first)) / 1000;
    const end = BEGUN.discharge / 1000 + grown('discharge');
    await assistant.until('the last counter', () => Math.abs(shown('sensor.bat_battery_discharge_energy_kwh') - end) < 0.5);
    await sleep(500);

    for (const {register, id} of COUNTERS) {
      const entity = assistant.entity(id);
      expect([id, entity?.dips(), entity?.resets()]).toEqual([id, 0, 0]);
      expect([id, entity?.sum().toFixed(3)]).toEqual([id, grown(register).toFixed(3)]);
    }
    for (const [id, register] of [
      ['sensor.home_grid_import_kwh', 'import'],
      ['sensor.home_grid_export_kwh', 'export'],
      ['sensor.home_solar_kwh', 'solar'],
      ['sensor.home_battery_charge_kwh', 'charge'],
      ['sensor.home_battery_discharge_kwh', 'discharge'],
    ] as const) {
      const entity = assistant.entity(id);
      expect([id, entity?.dips(), entity?.resets()]).toEqual([id, 0, 0]);
      // The ledger's totals begin and end inside a step of the register, which is 1 Wh.
      expect(Math.abs((entity?.sum() ?? 0) - grown(register)), id).toBeLessThan(0.001);
    }
    expect(assistant.problems()).toEqual([]);
  });
});
