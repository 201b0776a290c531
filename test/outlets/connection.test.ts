// Brokers at their worst: wrong passwords that become right, half-open connections, deaf and rude ones, many of them, a crowd of devices.

import {spawnSync} from 'node:child_process';
import {mkdtempSync, rmSync, writeFileSync} from 'node:fs';
import {createServer, type Server, type Socket} from 'node:net';
import os from 'node:os';
import path from 'node:path';
import {setTimeout as sleep} from 'node:timers/promises';
import {describe, expect, test} from 'vitest';
import type {Board} from '../../src/core/board.ts';
import type {Health} from '../../src/core/health.ts';
import {type Log, silentLog} from '../../src/core/log.ts';
import type {Sink} from '../../src/core/sink.ts';
import {afterTest} from '../support/after.ts';
import {haveMosquitto, WITHOUT_MOSQUITTO} from '../support/programs.ts';
import {HEALTH, record} from './house.ts';
import {brokerWith, listener, never, outlet, untilOpen} from './outlet.ts';

const portOf = (server: Server): number => (server.address() as {port: number}).port;
/** Something that listens where a broker should. */
async function impostor(onSocket: (socket: Socket, visit: number) => void): Promise<{url: string; visits: () => number}> {
  let visits = 0;
  const sockets = new Set<Socket>();
  const server = createServer(socket => {
    sockets.add(socket);
    socket.on('error', () => {});
    onSocket(socket, ++visits);
  });
  await new Promise<void>(resolve => {
    server.listen(0, '127.0.0.1', resolve);
  });
  afterTest(async () => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  return {url: `mqtt://127.0.0.1:${portOf(server)}`, visits: () => visits};
}
/** A log whose warnings can be read. */
function watchedLog(): {log: Log; warnings: string[]} {
  const warnings: string[] = [];
  const log: Log = {...silentLog, warn: (_fields, message) => void warnings.push(message), child: () => log};
  return {log, warnings};
}
const lastError = (sink: Sink): string | null => sink.health?.().lastError ?? null;

// They mostly wait.
describe.skipIf(!haveMosquitto).concurrent(`a real broker at its worst${WITHOUT_MOSQUITTO}`, () => {
  test('a wrong password that becomes right: one line in the log, shown as failing, and then everything is there', async () => {
    const folder = mkdtempSync(path.join(os.tmpdir(), 'wattledger-passwords-'));
    afterTest(async () => rmSync(folder, {recursive: true, force: true}));
    const file = path.join(folder, 'passwords');
    const setPassword = (password: string): void => {
      writeFileSync(file, `me:${password}\n`, {mode: 0o644});
      spawnSync('mosquitto_passwd', ['-U', file]);
    };
    setPassword('another');
    const broker = await brokerWith(['allow_anonymous false', `password_file ${file}`, `user ${os.userInfo().username}`]);
    const {log, warnings} = watchedLog();
    const sink = outlet(broker.url, {username: 'me', password: 'right', log});
    await sink.open(never);
    await untilOpen(sink, 'failing');
    await sink.write([record(1, 10)], never);
    await sleep(1200);
    expect(lastError(sink)).toMatch(/refuses the login/);
    expect(warnings.filter(line => /login/.test(line))).toHaveLength(1);
    expect(warnings.join()).not.toContain('right');
    setPassword('right');
    await broker.kill('SIGTERM');
    await broker.start();
    await untilOpen(sink);
    const heard = await listener(broker.url.replace('//', '//me:right@'), 'wattledger/site/state');
    expect(JSON.parse(await heard.until('wattledger/site/state')).grid_power_w).toBe(420.5);
  });

  test('a broker that sleeps and wakes: the newest values, without a new process', async () => {
    const broker = await brokerWith();
    const sink = outlet(broker.url);
    await sink.open(never);
    await untilOpen(sink);
    await sink.write([record(1, 10)], never);
    const heard = await listener(broker.url, 'wattledger/site/energy');
    await heard.until('wattledger/site/energy');
    broker.pause();
    for (let seq = 2; seq < 300; seq++) await sink.write([record(seq, 10 + seq)], never);
    expect(sink.health?.().queued).toBeLessThan(40);
    broker.resume();
    expect(JSON.parse(await heard.until('wattledger/site/energy', text => JSON.parse(text).grid_import_kwh === 309))).toBeTruthy();
  });

  test('two clients with one id: they say what the matter is, and quarrel ever more slowly', async () => {
    const {url} = await brokerWith();
    const sinks = [outlet(url, {clientId: 'same'}), outlet(url, {clientId: 'same'})];
    for (const sink of sinks) await sink.open(never);
    for (let tries = 0; tries < 3000 && !sinks.some(sink => /another client has the id same/.test(lastError(sink) ?? '')); tries++)
      await sleep(20);
    expect(sinks.map(lastError).join()).toMatch(/another client has the id same/);
  });

  test('two hundred devices: all of them arrive, and little waits', async () => {
    const {url} = await brokerWith();
    const one = HEALTH.devices[0] as Health['devices'][number];
    const devices = Array.from({length: 200}, (_, i) => ({...one, id: `meter${i}`}));
    const sink = outlet(url, {health: () => ({...HEALTH, devices})});
    await sink.open(never);
    await untilOpen(sink);
    const heard = await listener(url, 'wattledger/device/+/state', 'homeassistant/device/+/config');
    const boardAt = (seq: number): Board =>
      new Map(
        devices.map(({id}, i) => [
          `${id}/meter.power_w`,
          {device: id, point: 'meter.power_w', measured: {kind: 'good', value: seq * 1000 + i, monoMs: seq * 1000}},
        ]),
      );
    for (let seq = 1; seq <= 50; seq++) await sink.write([{...record(seq, 10), board: boardAt(seq)}], never);
    expect(sink.health?.().queued).toBeLessThan(1200); // one for each topic, however many beats
    for (const [i, {id}] of devices.entries())
      await heard.until(`wattledger/device/${id}/state`, text => JSON.parse(text).meter_power_w === 50_000 + i);
    await heard.until('homeassistant/device/wattledger_house_device_meter199/config');
  });

  test('several brokers: one that is dead does not hold up the other', async () => {
    const {url} = await brokerWith();
    const dead = outlet('mqtt://127.0.0.1:9');
    const alive = outlet(url);
    for (const sink of [dead, alive]) await sink.open(never);
    await untilOpen(alive);
    for (const sink of [dead, alive]) await sink.write([record(1, 10)], never);
    const heard = await listener(url, 'wattledger/site/state');
    await heard.until('wattledger/site/state');
    expect(dead.health?.().state).toBe('failing');
    expect(lastError(dead)).toMatch(/ECONNREFUSED/);
  });

  test('questions of the past and of a device', async () => {
    const {url} = await brokerWith();
    const sink = outlet(url, {
      totals: async (fromMs, _toMs, step) => [
        {startMs: fromMs, name: 'home', energyMilliWh: 1_234_567, quality: 'ok'},
        {startMs: fromMs, name: step === '1h' ? 'solar' : '?', energyMilliWh: 5, quality: 'gap,adjusted'},
      ],
    });
    await sink.open(never);
    await untilOpen(sink);
    await sink.write([record(1, 10)], never);
    const heard = await listener(url, 'wattledger/bridge/response/#', 'my/answers');
    const ask = async (command: string, question: object) => {
      await heard.publish(`wattledger/bridge/request/${command}`, JSON.stringify(question));
      const reply = await heard.until(
        `wattledger/bridge/response/${command}`,
        text => JSON.parse(text).transaction === (question as {transaction: number}).transaction,
      );
      return JSON.parse(reply);
    };
    expect(await ask('history', {transaction: 1, from: '2026-11-24T10:00:00Z', to: '2026-11-24T11:00:00Z', step: '1h'})).toMatchObject({
      status: 'ok',
      data: [{start: '2026-11-24T10:00:00.000Z', quality: 'adjusted,gap', home_kwh: 1.234567, solar_kwh: 0.000005}],
    });
    expect((await ask('history', {transaction: 2, from: '1970-01-01T00:00:00Z', to: '2026-11-24T11:00:00Z'})).error).toMatch(/1000 steps/);
    expect((await ask('history', {transaction: 3, from: 'yesterday', to: 'today'})).error).toMatch(/expected "from"/);
    // A day is one of the site, as everywhere; a time of whatever clock is none.
    expect((await ask('history', {transaction: 6, from: '2026-11-24', to: '2026-11-25', step: '1d'})).data).toMatchObject([
      {start: '2026-11-23T23:00:00.000Z'},
    ]);
    for (const [transaction, from] of ['2026-11-24T10:00:00', '2026-02-30', '1', 5, null].entries())
      expect((await ask('history', {transaction: 10 + transaction, from, to: '2026-11-25'})).error, `${from}`).toMatch(/expected "from"/);
    expect((await ask('read', {transaction: 4, device: 'meter'})).data).toMatchObject({'meter.power_w': {value: 420.5, quality: 'good'}});
    expect((await ask('read', {transaction: 5, device: '../etc'})).error).toBe('expected "device": meter');
  });
});

describe.concurrent('something that is no broker', () => {
  test.each([
    ['resets everybody', (socket: Socket) => socket.resetAndDestroy()],
    ['drops everybody', (socket: Socket) => socket.destroy()],
  ])('%s: both versions of the protocol have their turn, again and again', async (_name, leave) => {
    const levels: number[] = [];
    const {url} = await impostor(socket =>
      socket.once('data', data => {
        levels.push(data[data.indexOf('MQTT') + 4] as number); // after the protocol's name stands its version
        leave(socket);
      }),
    );
    const sink = outlet(url);
    await sink.open(never);
    while (levels.length < 5) await sleep(20);
    expect(levels.slice(0, 5)).toEqual([5, 5, 5, 4, 5]);
    expect(lastError(sink)).not.toBeNull();
    await sink.close(never);
  });

  test('says nothing at all: given up, shown as failing, tried again', async () => {
    const {url, visits} = await impostor(() => {});
    const sink = outlet(url);
    await sink.open(never);
    while (visits() < 2) await sleep(50);
    expect(sink.health?.().state).toBe('failing');
    expect(lastError(sink)).not.toBeNull();
    await sink.close(never);
  });

  test('says goodbye because another client came with our id: that is told', async () => {
    const connack = [0x20, 0x03, 0x00, 0x00, 0x00];
    const takenOver = [0xe0, 0x02, 0x8e, 0x00];
    const {url} = await impostor(socket => socket.once('data', () => socket.end(Buffer.from([...connack, ...takenOver]))));
    const sink = outlet(url, {clientId: 'same'});
    await sink.open(never);
    await untilOpen(sink, 'failing');
    expect(lastError(sink)).toMatch(/another client came with the id same/);
  });

  test('talks nonsense: an error in words, no crash', async () => {
    const {url} = await impostor(socket => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'));
    const sink = outlet(url);
    await sink.open(never);
    await untilOpen(sink, 'failing');
    expect(lastError(sink)).not.toBeNull();
  });
});
