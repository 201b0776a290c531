// A link shared with other programs: they read what is there, wait behind our polls, and cannot write.

import ModbusRTU from 'modbus-serial';
import {afterEach, expect, test} from 'vitest';
import {realClock} from '../../src/app/clock.ts';
import {parseLinkUrl} from '../../src/core/linkurl.ts';
import {openLink} from '../../src/link/open.ts';
import {startProxy} from '../../src/link/proxy.ts';
import {startModbusServer} from '../../src/link/server.ts';
import {shareLink} from '../../src/link/shared.ts';

const never = new AbortController().signal;
const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

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
  closers.push(() => device.close());
  const shared = shareLink(openLink('bus', parseLinkUrl(`tcp://127.0.0.1:${device.port}`), {clock: realClock, timeoutMs: 500}));
  closers.push(() => shared.link.close());
  const proxy = await startProxy(shared, {host: '127.0.0.1', port: 0, cacheMs, timing: {}});
  closers.push(() => proxy.close());
  const guest = async () => {
    const client = new ModbusRTU.default();
    await client.connectTCP('127.0.0.1', {port: proxy.port});
    client.setID(1);
    client.setTimeout(3000);
    closers.push(() => new Promise<void>(resolve => client.close(() => resolve())));
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
