// What a serial line does: two units, late and broken answers, a second master, an adapter that is pulled. On a real pseudo-terminal.

import ModbusRTU from 'modbus-serial';
import {describe, expect, test} from 'vitest';
import {rtuFrame} from '../../src/link/framing.ts';
import {startSerialServer} from '../../src/link/line-server.ts';
import {afterTest} from '../support/after.ts';
import {tempFolder} from '../support/cli.ts';
import {type Cable, cable, farEnd, haveSocat, WITHOUT_SOCAT} from '../support/pty.ts';
import {AMPLE_MS, BRIEF_MS, byAddress, opened, read, readInVain} from './reads.ts';

describe.skipIf(!haveSocat)(`a serial line${WITHOUT_SOCAT}`, () => {
  const plugged = async (): Promise<Cable> => {
    const one = await cable(tempFolder());
    afterTest(() => one.pull());
    return one;
  };
  const SERIAL = {baud: 9600, parity: 'none', stop: 1, data: 8} as const;

  test('two units on one bus', async () => {
    const {a, b} = await plugged();
    const server = await startSerialServer(
      a,
      SERIAL,
      new Map([
        [1, byAddress],
        [2, {read: (_fc, at, words) => new Array(words).fill(at + 1)}],
      ]),
    );
    afterTest(() => server.close());
    const link = opened(`rtu://${b}?baud=9600`);
    expect(await read(link, 10, 3, 1)).toMatchObject({words: [10, 11, 12]});
    expect(await read(link, 10, 2, 2)).toMatchObject({words: [11, 11]});
    expect(await readInVain(link, 10, 2, 3)).toMatchObject({fault: {kind: 'timeout'}});
    expect(await read(link, 20, 2, 1)).toMatchObject({words: [20, 21]});
  });

  test('a late answer is drained, a broken one passed over', async () => {
    const {wire, port} = await farEnd();
    wire.listen(request => {
      const at = request.readUInt16BE(2);
      const words = request.readUInt16BE(4);
      const answer = rtuFrame(
        1,
        Buffer.from([3, 2 * words, ...Array.from({length: 2 * words}, (_, n) => ((at + (n >> 1)) >> (n % 2 ? 0 : 8)) & 0xff)]),
      );
      if (at === 100) setTimeout(() => wire.write(answer), BRIEF_MS + 30);
      else if (at === 200) wire.write(Buffer.concat([answer.subarray(0, 5), Buffer.from([0xff]), answer]));
      else wire.write(answer);
    }, null);
    const link = opened(`rtu://${port}?baud=9600`);
    expect(await readInVain(link, 100)).toMatchObject({fault: {kind: 'timeout'}});
    expect(await read(link, 101)).toMatchObject({words: [101, 102]});
    expect(await read(link, 200)).toMatchObject({words: [200, 201]});
    expect(await read(link, 201)).toMatchObject({words: [201, 202]});
  });

  test('a second master is waited for, and told of', async () => {
    const {wire, port} = await farEnd();
    wire.listen(request => {
      const at = request.readUInt16BE(2);
      wire.write(rtuFrame(1, Buffer.from([3, 4, at >> 8, at & 0xff, (at + 1) >> 8, (at + 1) & 0xff])));
    }, null);
    const link = opened(`rtu://${port}?baud=9600`);
    for (let at = 1; at <= 8; at++) {
      // Its question and the answer to it.
      wire.write(rtuFrame(7, Buffer.from([3, 0x10, 0, 0, 2])));
      wire.write(rtuFrame(7, Buffer.from([3, 4, 0xde, 0xad, 0xbe, 0xef])));
      await new Promise(resolve => setTimeout(resolve, 120));
      expect(await read(link, at)).toMatchObject({words: [at, at + 1]});
    }
    expect(link.health().lastError).toContain('a second master?');
  });

  test('the adapter pulled and plugged in again', async () => {
    const folder = tempFolder();
    const first = await cable(folder);
    const server = await startSerialServer(first.a, SERIAL, new Map([[1, byAddress]]));
    const link = opened(`rtu://${first.b}?baud=9600`);
    expect(await read(link, 1)).toMatchObject({words: [1, 2]});
    await first.pull();
    await server.close();
    expect(await readInVain(link, 2)).toMatchObject({kind: 'fault'});
    const second = await cable(folder);
    afterTest(() => second.pull());
    const again = await startSerialServer(second.a, SERIAL, new Map([[1, byAddress]]));
    afterTest(() => again.close());
    await expect.poll(() => read(link, 3), {interval: 50}).toMatchObject({words: [3, 4]});
  });

  test("another program's RTU client reads our serial server", async () => {
    const {a, b} = await plugged();
    const server = await startSerialServer(a, SERIAL, new Map([[1, byAddress]]));
    afterTest(() => server.close());
    const client = new ModbusRTU.default();
    await client.connectRTUBuffered(b, {baudRate: 9600});
    afterTest(() => new Promise<void>(resolve => client.close(() => resolve())));
    client.setID(1);
    client.setTimeout(AMPLE_MS);
    expect((await client.readHoldingRegisters(500, 3)).data).toEqual([500, 501, 502]);
  });
});

test('a serial port that is not there says so', async () => {
  expect(await read(opened('rtu:///dev/serial/by-id/nothing?baud=9600'), 1)).toMatchObject({
    fault: {kind: 'disconnected', reason: expect.stringContaining('plugged in')},
  });
});
