// Brokers of all kinds in one place, one after the other: an old one that becomes new, a forgetful one, strict ones.

import {mkdtempSync, rmSync, writeFileSync} from 'node:fs';
import {createServer, type Socket} from 'node:net';
import os from 'node:os';
import path from 'node:path';
import {setTimeout as sleep} from 'node:timers/promises';
import {Aedes} from 'aedes';
import {describe, expect, test} from 'vitest';
import type {Health} from '../../src/core/health.ts';
import type {Sink} from '../../src/core/sink.ts';
import {afterTest} from '../support/after.ts';
import {freePort, haveMosquitto, mosquitto, WITHOUT_MOSQUITTO} from '../support/programs.ts';
import {HEALTH, record} from './house.ts';
import {brokerWith, listener, never, outlet, untilOpen} from './outlet.ts';

type OldBroker = {readonly url: string; readonly port: number; readonly sockets: Set<Socket>; end(): Promise<void>};
/** A broker that knows MQTT 3.1.1 only. */
async function oldBroker(): Promise<OldBroker> {
  const broker = await Aedes.createBroker();
  const sockets = new Set<Socket>();
  const server = createServer(socket => {
    sockets.add(socket);
    socket.on('error', () => {});
    broker.handle(socket);
  });
  const port = await freePort();
  await new Promise<void>(resolve => {
    server.listen(port, '127.0.0.1', resolve);
  });
  const end = async (): Promise<void> => {
    await new Promise<void>(resolve => {
      broker.close(() => resolve());
    });
    for (const socket of sockets) socket.destroy();
    server.close();
  };
  afterTest(end);
  return {url: `mqtt://127.0.0.1:${port}`, port, sockets, end};
}
const detail = (sink: Sink, key: string): unknown => sink.health?.().details?.[key];
async function until(good: () => boolean): Promise<void> {
  for (let tries = 0; tries < 3000 && !good(); tries++) await sleep(20);
}

test('an answer to nobody: a question may name no topic that a broker would refuse', async () => {
  const {url} = await oldBroker();
  const sink = outlet(url);
  await sink.open(never);
  await untilOpen(sink);
  const heard = await listener(url, 'wattledger/bridge/response/#');
  await heard.publish('wattledger/bridge/request/info', JSON.stringify({transaction: 'x'.repeat(20_000)}));
  expect(JSON.parse(await heard.until('wattledger/bridge/response/info'))).toMatchObject({
    status: 'error',
    error: 'the question is too long',
  });
});

test('somebody says offline for us, such as the will of a connection that is long gone: it is put right', async () => {
  const {url} = await oldBroker();
  const sink = outlet(url);
  await sink.open(never);
  await untilOpen(sink);
  const heard = await listener(url, 'wattledger/status');
  await heard.until('wattledger/status', text => text === 'online');
  await heard.publish('wattledger/status', 'offline', {retain: true});
  await until(() => heard.heard.length >= 3);
  expect(heard.heard.map(one => one.payload)).toEqual(['online', 'offline', 'online']);
  await sink.close(never);
  await heard.until('wattledger/status', text => text === 'offline');
  await sleep(200);
  expect(heard.last('wattledger/status')).toBe('offline');
});

describe.skipIf(!haveMosquitto)(`mosquitto${WITHOUT_MOSQUITTO}`, () => {
  test('where there was a broker of MQTT 3.1.1 there is one of MQTT 5: that is noticed at once', async () => {
    const old = await oldBroker();
    const sink = outlet(old.url);
    await sink.open(never);
    await untilOpen(sink);
    expect(detail(sink, 'protocol')).toBe(4);
    await old.end();
    await untilOpen(sink, 'failing');
    const modern = await mosquitto([], old.port);
    afterTest(() => modern.kill());
    await untilOpen(sink);
    expect(detail(sink, 'protocol')).toBe(5);
  });

  test('a question that was left retained is not answered, whether it was there before or came while we listened', async () => {
    const {url} = await brokerWith();
    const heard = await listener(url, 'wattledger/bridge/response/#');
    await heard.publish('wattledger/bridge/request/info', '{"transaction": 1}', {retain: true});
    const sink = outlet(url);
    await sink.open(never);
    await untilOpen(sink);
    await sleep(300);
    await heard.publish('wattledger/bridge/request/info', '{"transaction": 2}', {retain: true});
    await heard.publish('wattledger/bridge/request/info', '{"transaction": 3}');
    await heard.until('wattledger/bridge/response/info');
    await sleep(200);
    expect(heard.heard.map(one => JSON.parse(one.payload).transaction)).toEqual([3]);
  });

  test('the words of MQTT 5: type of content, expiry of what is soon old, the topic and the mark of an answer', async () => {
    const {url} = await brokerWith();
    const sink = outlet(url);
    await sink.open(never);
    await untilOpen(sink);
    await sink.write([record(1, 10)], never);
    const seen = new Map<string, {contentType?: string; messageExpiryInterval?: number; correlationData?: Buffer}>();
    const {connectAsync} = await import('mqtt');
    const client = await connectAsync(url, {protocolVersion: 5});
    afterTest(() => client.endAsync(true));
    client.on('message', (topic, _payload, packet) => void seen.set(topic, packet.properties ?? {}));
    await client.subscribeAsync(['wattledger/#', 'my/answers'], {qos: 1});
    const correlationData = Buffer.from([1, 0, 255]);
    const ask = (responseTopic: string) =>
      client.publishAsync('wattledger/bridge/request/info', '', {qos: 1, properties: {responseTopic, correlationData}});
    await ask('my/answers');
    await until(() => seen.has('my/answers') && seen.has('wattledger/site/state') && seen.has('wattledger/bridge/health'));
    expect(seen.get('my/answers')?.correlationData).toEqual(correlationData);
    expect(seen.get('wattledger/status')?.contentType).toBe('text/plain');
    expect(seen.get('wattledger/site/state')).toMatchObject({contentType: 'application/json', messageExpiryInterval: expect.any(Number)});
    expect(seen.get('wattledger/site/energy')?.messageExpiryInterval).toBeUndefined();
    // Sending to a wildcard would end our connection.
    await ask('my/#');
    await until(() => seen.has('wattledger/bridge/response/info'));
    expect(detail(sink, 'connects')).toBe(1);
  });

  test('a broker that takes one message at a time, and no large ones: what fits arrives, and what does not is told once', async () => {
    const {url} = await brokerWith(['max_inflight_messages 1', 'max_packet_size 3000']);
    const points = Array.from({length: 60}, (_, i) => `pv.string${i + 1}_power_w`);
    const devices = [{...(HEALTH.devices[0] as Health['devices'][number]), id: 'large', points}];
    const sink = outlet(url, {health: () => ({...HEALTH, devices})});
    await sink.open(never);
    await untilOpen(sink);
    const heard = await listener(url, 'wattledger/#');
    for (let seq = 1; seq <= 20; seq++) await sink.write([record(seq, 10 + seq)], never);
    expect(JSON.parse(await heard.until('wattledger/site/energy', text => JSON.parse(text).grid_import_kwh === 30))).toBeTruthy();
    expect(heard.last('wattledger/bridge/devices')).toBeUndefined();
    expect(sink.health?.()).toMatchObject({
      state: 'open',
      lastError: expect.stringMatching(/does not take messages such as .* 3000 bytes/),
    });
    expect(detail(sink, 'connects')).toBe(1);
  });

  test('what the broker refuses to take is told; the rest goes on', async () => {
    const folder = mkdtempSync(path.join(os.tmpdir(), 'wattledger-acl-'));
    afterTest(async () => rmSync(folder, {recursive: true, force: true}));
    writeFileSync(path.join(folder, 'acl'), 'topic readwrite wattledger/#\n', {mode: 0o644});
    const {url} = await brokerWith([`acl_file ${path.join(folder, 'acl')}`, `user ${os.userInfo().username}`]);
    const sink = outlet(url);
    await sink.open(never);
    await untilOpen(sink);
    for (let seq = 1; seq <= 3; seq++) await sink.write([record(seq, 10)], never);
    const heard = await listener(url, 'wattledger/#');
    await heard.until('wattledger/site/state');
    await until(() => sink.health?.().lastError !== null);
    expect(sink.health?.()).toMatchObject({
      state: 'open',
      lastError: expect.stringMatching(/does not take messages such as homeassistant\/.*Not authorized/),
    });
  });
});
