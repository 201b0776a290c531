// The simulated house on the wire: its devices as real Modbus TCP servers on loopback, each with the register map of a product.

import {loadProfile} from '../config/profiles.ts';
import {type ModbusServer, type RegisterSource, startModbusServer} from '../link/server.ts';
import {lying, troubled} from './faults.ts';
import {type Dice, diceFrom} from './random.ts';
import {mapWords, roofWords, sourceOf, type Values, valuesOf, type Words, wallWords} from './registers.ts';
import type {Scenario, SimDevice} from './scenarios.ts';
import type {Simulation} from './simulation.ts';

/** Where a device is to be found. Devices on one bus share a link. */
export type ServedDevice = {readonly device: SimDevice; readonly link: string; readonly port: number};
type ServedHouse = {
  readonly devices: readonly ServedDevice[];
  /** House time at which the device showed this value, the showing nearest to that moment: the reader's own clock knows it to some ms only. */
  shownAt(device: string, value: number, nearMs: number): number;
  close(): Promise<void>;
};

/** The powers a device shows are of this long ago, ms; its counters are of now. */
export const AGES_MS: Readonly<Record<SimDevice['plays'], number>> = {grid: 0, heat_pump: 0, solar: 2000, battery: 1000, hybrid: 0};
/** Showings of a device that are remembered. */
const SHOWINGS = 64;
/** Registers of a tenth of a watt-hour that differ by less are the same. */
const EQUAL = 0.05;
/** On a bad day some of it is older than the configuration says. */
const MORE_SKEW_MS = 1000;

const HOST = '127.0.0.1';

/** Starts a server for each bus. `houseMs` is the house's time; a device answers a request when `ready` says so. */
export async function serveHouse(
  scenario: Scenario,
  simulation: Simulation,
  houseMs: () => number,
  seed: number,
  ready: ((device: SimDevice) => Promise<void>) | null = null,
): Promise<ServedHouse> {
  const buses = new Map<string, SimDevice[]>();
  for (const device of scenario.devices) {
    const link = device.profile.startsWith('eastron') ? 'cellar' : device.id;
    buses.set(link, [...(buses.get(link) ?? []), device]);
  }
  const servers: ModbusServer[] = [];
  const shown = new Map<string, Showing[]>();
  const devices: ServedDevice[] = [];
  for (const [link, members] of buses) {
    const units = new Map<number, RegisterSource>();
    for (const [index, device] of members.entries()) {
      const dice = scenario.faults ? diceFrom(seed + 7919 * (servers.length * 10 + index + 1)) : null;
      const source = registersOf(device, simulation, houseMs, dice, showing => remember(device.id, showing));
      units.set(device.unit, ready ? {read: async (...request) => ready(device).then(() => source.read(...request))} : source);
    }
    const server = await startModbusServer({host: HOST, port: 0, units});
    servers.push(server);
    for (const device of members) devices.push({device, link, port: server.port});
  }
  function remember(device: string, showing: Showing): void {
    const list = shown.get(device) ?? [];
    shown.set(device, list);
    list.push(showing);
    if (list.length > SHOWINGS) list.shift();
  }
  function shownAt(device: string, value: number, nearMs: number): number {
    const showings = (shown.get(device) ?? []).filter(({values}) =>
      Object.values(values).some(one => typeof one === 'number' && Math.abs(one - value) < EQUAL),
    );
    return (
      showings.reduce(
        (best, {atMs}) => (best === null || Math.abs(atMs - nearMs) < Math.abs(best - nearMs) ? atMs : best),
        null as number | null,
      ) ?? nearMs
    );
  }
  return {devices, shownAt, close: async () => void (await Promise.all(servers.map(server => server.close())))};
}

type Showing = {readonly atMs: number; readonly values: Values};

function registersOf(
  device: SimDevice,
  simulation: Simulation,
  houseMs: () => number,
  dice: Dice | null,
  tell: (showing: Showing) => void,
): RegisterSource {
  const wordsOf = encoderOf(device);
  const ageMs = AGES_MS[device.plays] + (dice && device.plays === 'battery' ? MORE_SKEW_MS : 0);
  const source = sourceOf(() => {
    const nowMs = houseMs();
    const values = valuesOf(device, simulation.at(nowMs - ageMs), simulation.booksAt(nowMs));
    tell({atMs: nowMs, values});
    return wordsOf(dice ? lying(values, dice) : values);
  });
  return dice ? troubled(source, dice) : source;
}

function encoderOf(device: SimDevice): (values: Values) => Words {
  const identity = {
    manufacturer: 'Simulated',
    model: device.model,
    serial: `SIM${String(device.unit).padStart(5, '0')}${device.id.toUpperCase()}`,
    firmware: '1.0',
  };
  if (device.plays === 'solar') return values => roofWords(identity, values);
  if (device.plays === 'battery') return values => wallWords(identity, values);
  return mapWords(loadProfile(device.profile), identity);
}
