// A link shared with other programs: they read what is there, wait behind our polls, and cannot write.

import ModbusRTU from 'modbus-serial';
import {expect, test} from 'vitest';
import {realClock} from '../../src/app/clock.ts';
import {parseLinkUrl} from '../../src/core/linkurl.ts';
import {openLink} from '../../src/link/open.ts';
import {startProxy} from '../../src/link/proxy.ts';
import {startModbusServer} from '../../src/link/server.ts';
import {shareLink} from '../../src/link/shared.ts';
import {afterTest} from '../support/after.ts';

const never = new AbortController().signal;
async function house(cacheMs: number, delayMs = 0) {
  const asked: number[] = [];
  const device = await startModbusServer({
    host: '127.0.0.1',
    port: 0,
    delayMs,
    units: new Map([
      [
        1,
        {
          read(_fc, at, words) {
            asked.push(at);
            return at === 999 ? {exception: 2} : Array.from({length: words}, (_, index) => at + index);
          },
        },
      ],
    ]),
  });
  afterTest(() => device.close());
  const shared = shareLink(openLink('bus', parseLinkUrl(`tcp://127.0.0.1:${device.port}`), {clock: realClock, timeoutMs: 30_000}));
  afterTest(() => shared.link.close());
  const proxy = await startProxy(shared, {host: '127.0.0.1', port: 0, cacheMs, timing: {}});
  afterTest(() => proxy.close());
  const guest = async () => {
    const client = new ModbusRTU.default();
    await client.connectTCP('127.0.0.1', {port: proxy.port});
    client.setID(1);
    client.setTimeout(30_000);
    afterTest(() => new Promise<void>(resolve => client.close(() => resolve())));
    return client;
  };
  return {asked, shared, proxy, guest};
}

test('a guest reads through, gets exceptions as they are, and cannot write', async () => {
  const {guest} = await house(0);
  const client = await guest();
  expect((await client.readHoldingRegisters(100, 3)).data).toEqual([100, 101, 102]);
  await expect(client.readHoldingRegisters(999, 1)).rejects.toMatchObject({modbusCode: 2});
  await expect(client.writeRegister(1, 1)).rejects.toMatchObject({modbusCode: 1});
  client.setID(9);
  await expect(client.readHoldingRegisters(1, 1)).rejects.toMatchObject({modbusCode: 0x0b});
});

test('what was just read costs no time on the bus, and is counted', async () => {
  const {asked, shared, proxy, guest} = await house(60_000);
  await shared.link.read(1, {fc: 3, at: 10, words: 20}, never);
  const client = await guest();
  expect((await client.readHoldingRegisters(12, 4)).data).toEqual([12, 13, 14, 15]);
  expect(asked).toEqual([10]);
  expect((await client.readHoldingRegisters(28, 4)).data).toEqual([28, 29, 30, 31]);
  expect(asked).toEqual([10, 28]);
  expect(proxy.clients()['127.0.0.1']).toEqual({requests: 2, fromMemory: 1});
});

test('five guests at once: our own poll is next in line, never behind them', async () => {
  const {asked, shared, guest} = await house(0, 10);
  const guests = await Promise.all(Array.from({length: 5}, guest));
  let busy = true;
  const noise = guests.map(async (client, index) => {
    while (busy) await client.readHoldingRegisters(1000 + index, 1).catch(() => {});
  });
  await new Promise(resolve => setTimeout(resolve, 100));
  for (let poll = 0; poll < 10; poll++) {
    const before = asked.length;
    const answer = await shared.link.read(1, {fc: 3, at: 1, words: 2}, never, {priority: 'poll'});
    expect(answer).toMatchObject({words: [1, 2]});
    // At most the one request that was under way already came first.
    expect(asked.slice(before).indexOf(1)).toBeLessThanOrEqual(1);
  }
  busy = false;
  await Promise.all(noise);
});

test('a sweep of ours goes on undisturbed, a probe too, and guests have the rest', async () => {
  const {asked, shared, guest} = await house(0, 5);
  const guests = await Promise.all(Array.from({length: 5}, guest));
  let busy = true;
  const served = guests.map(() => 0);
  const noise = guests.map(async (client, index) => {
    while (busy) {
      await client.readHoldingRegisters(2000 + index, 1).catch(() => {});
      served[index] = (served[index] as number) + 1;
    }
  });
  await new Promise(resolve => setTimeout(resolve, 100));
  for (const priority of ['poll', 'probe'] as const) {
    await new Promise(resolve => setTimeout(resolve, 100)); // guests have their turn
    const before = asked.length;
    for (let at = 1; at <= 8; at++)
      expect(await shared.link.read(1, {fc: 3, at, words: 2}, never, {priority})).toMatchObject({kind: 'words'});
    const during = asked.slice(before);
    // The one that was under way comes first; then ours, one after the other.
    expect(during.slice(during.indexOf(1), during.indexOf(8) + 1)).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
    expect(during.indexOf(1)).toBeLessThanOrEqual(1);
  }
  await new Promise(resolve => setTimeout(resolve, 300));
  busy = false;
  await Promise.all(noise);
  // Each guest as often as the others.
  expect(Math.max(...served) - Math.min(...served)).toBeLessThanOrEqual(2);
});

test('where we never pause, every tenth request is a guest', async () => {
  const {asked, shared, guest} = await house(0, 2);
  const client = await guest();
  let done = false;
  const ours = (async () => {
    while (!done) await Promise.all([1, 2].map(at => shared.link.read(1, {fc: 3, at, words: 1}, never)));
  })();
  for (let at = 3000; at < 3005; at++) expect((await client.readHoldingRegisters(at, 1)).data).toEqual([at]);
  done = true;
  await ours;
  expect(asked.filter(at => at < 10).length).toBeGreaterThan(30);
});

test('a guest that asks for units nobody has costs the bus little', async () => {
  const silent = await startModbusServer({
    host: '127.0.0.1',
    port: 0,
    unknownUnit: 'silent',
    units: new Map([[1, {read: (_fc, at, words) => Array.from({length: words}, (_, index) => at + index)}]]),
  });
  afterTest(() => silent.close());
  const other = shareLink(openLink('bus', parseLinkUrl(`tcp://127.0.0.1:${silent.port}`), {clock: realClock, timeoutMs: 1000}));
  afterTest(() => other.link.close());
  const proxy = await startProxy(other, {host: '127.0.0.1', port: 0, cacheMs: 0, timing: {}});
  afterTest(() => proxy.close());
  const client = new ModbusRTU.default();
  await client.connectTCP('127.0.0.1', {port: proxy.port});
  afterTest(() => new Promise<void>(resolve => client.close(() => resolve())));
  client.setTimeout(30_000);
  await other.link.read(1, {fc: 3, at: 1, words: 1}, never);
  const before = other.link.health().requests;
  for (let unit = 10; unit < 60; unit++) {
    client.setID(unit);
    await expect(client.readHoldingRegisters(1, 1)).rejects.toMatchObject({modbusCode: 0x0b});
  }
  expect(other.link.health().requests - before).toBeLessThanOrEqual(3);
});
