// What networks do: every fault on a real socket, and that no wrong value ever comes of it.

import {createSocket} from 'node:dgram';
import {createServer, type Server, type Socket} from 'node:net';
import ModbusRTU from 'modbus-serial';
import {describe, expect, test} from 'vitest';
import {rtuFrame} from '../../src/link/framing.ts';
import {type RegisterSource, startModbusServer} from '../../src/link/server.ts';
import {afterTest} from '../support/after.ts';
import {AMPLE_MS, BRIEF_MS, byAddress, opened, read, readInVain} from './reads.ts';

/** A peer that answers each request with whatever the test writes. */
async function peer(
  answer: (socket: Socket, request: Buffer, count: number) => void,
): Promise<{port: number; connections: () => number; open: () => number}> {
  const sockets = new Set<Socket>();
  let connections = 0;
  const server: Server = createServer(socket => {
    connections++;
    let count = 0;
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => {});
    socket.on('data', data => answer(socket, data, count++));
  });
  await new Promise<void>(resolve => {
    server.listen(0, '127.0.0.1', resolve);
  });
  afterTest(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return {port: (server.address() as {port: number}).port, connections: () => connections, open: () => sockets.size};
}

/** A correct Modbus TCP answer to a request, its registers being their addresses. */
function correct(request: Buffer, change: {id?: number; unit?: number; fc?: number; bytes?: number} = {}): Buffer {
  const words = request.readUInt16BE(10);
  const at = request.readUInt16BE(8);
  const frame = Buffer.alloc(9 + 2 * words);
  frame.writeUInt16BE(change.id ?? request.readUInt16BE(0), 0);
  frame.writeUInt16BE(3 + 2 * words, 4);
  frame[6] = change.unit ?? (request[6] as number);
  frame[7] = change.fc ?? (request[7] as number);
  frame[8] = change.bytes ?? 2 * words;
  for (let i = 0; i < words; i++) frame.writeUInt16BE(at + i, 9 + 2 * i);
  return frame;
}

describe('Modbus TCP', () => {
  test.each([
    ['silence', () => {}, 'timeout'],
    ['a reset', (socket: Socket) => socket.resetAndDestroy(), 'disconnected'],
    ['an end', (socket: Socket) => socket.end(), 'disconnected'],
    ['a cut answer', (socket: Socket, request: Buffer) => socket.write(correct(request).subarray(0, 10)), 'timeout'],
    ['another unit', (socket: Socket, request: Buffer) => socket.write(correct(request, {unit: 9})), 'bad_frame'],
    ['another function', (socket: Socket, request: Buffer) => socket.write(correct(request, {fc: 4})), 'bad_frame'],
    ['another length', (socket: Socket, request: Buffer) => socket.write(correct(request, {bytes: 6})), 'bad_frame'],
    ['another transaction only', (socket: Socket, request: Buffer) => socket.write(correct(request, {id: 0xbeef})), 'timeout'],
    [
      'always the transaction before',
      (socket: Socket, request: Buffer) => socket.write(correct(request, {id: request.readUInt16BE(0) - 1})),
      'timeout',
    ],
    [
      'a header without a length',
      (socket: Socket, request: Buffer) => socket.write(Buffer.concat([request.subarray(0, 4), Buffer.alloc(9)])),
      'bad_frame',
    ],
    ['text', (socket: Socket) => socket.write('HTTP/1.1 400 Bad Request\r\n\r\n'), 'bad_frame'],
    [
      'an exception',
      (socket: Socket, request: Buffer) => socket.write(Buffer.concat([request.subarray(0, 4), Buffer.from([0, 3, 1, 0x83, 2])])),
      'refused',
    ],
  ] as const)('%s is a fault, and the next request is right again', async (_name, misbehave, kind) => {
    const {port, open} = await peer((socket, request) => {
      if (request.readUInt16BE(8) === 100) misbehave(socket, request);
      else socket.write(correct(request));
    });
    const link = opened(`tcp://127.0.0.1:${port}`);
    expect(await read(link, 200)).toMatchObject({words: [200, 201]});
    expect(await read(link, 100, 2, 1, kind === 'timeout' ? BRIEF_MS : AMPLE_MS)).toMatchObject({kind: 'fault', fault: {kind}});
    expect(await read(link, 300)).toMatchObject({words: [300, 301]});
    expect(open()).toBeLessThanOrEqual(1);
  });

  test('an exception keeps the connection; a time-out replaces it', async () => {
    const {port, connections} = await peer((socket, request, count) => {
      if (count === 0) socket.write(Buffer.concat([request.subarray(0, 4), Buffer.from([0, 3, 1, 0x83, 2])]));
      else if (count === 1) socket.write(correct(request));
    });
    const link = opened(`tcp://127.0.0.1:${port}`);
    await read(link, 1);
    expect(await read(link, 2)).toMatchObject({words: [2, 3]});
    expect(connections()).toBe(1);
    expect(await readInVain(link, 3)).toMatchObject({fault: {kind: 'timeout'}});
    await read(link, 4);
    expect(connections()).toBe(2);
  });

  test('an answer that comes too late is never taken for the next one', async () => {
    let late = (): void => {};
    const {port} = await peer((socket, request) => {
      const answer = (): void => void (socket.writable && socket.write(correct(request)));
      if (request.readUInt16BE(8) === 1000) late = answer;
      else {
        late();
        answer();
      }
    });
    const link = opened(`tcp://127.0.0.1:${port}`);
    expect(await readInVain(link, 1000)).toMatchObject({fault: {kind: 'timeout'}});
    expect(await read(link, 2000)).toMatchObject({words: [2000, 2001]});
  });

  test('answers dribbled byte by byte, duplicated, or behind a stale one', async () => {
    const {port} = await peer((socket, request) => {
      const at = request.readUInt16BE(8);
      if (at === 1) for (const [index, byte] of correct(request).entries()) setTimeout(() => socket.write(Buffer.from([byte])), index * 3);
      else if (at === 2) socket.write(Buffer.concat([correct(request), correct(request)]));
      else socket.write(Buffer.concat([correct(request, {id: 1}), correct(request)]));
    });
    const link = opened(`tcp://127.0.0.1:${port}`);
    expect(await read(link, 1)).toMatchObject({words: [1, 2]});
    expect(await read(link, 2)).toMatchObject({words: [2, 3]});
    expect(await read(link, 3)).toMatchObject({words: [3, 4]});
  });

  test('a device with one place for a client: a second connection is never tried', async () => {
    let places = 1;
    let refused = 0;
    const {port} = await peer((socket, request, count) => {
      if (count === 0) {
        if (places === 0) {
          refused++;
          socket.resetAndDestroy();
          return;
        }
        places--;
        socket.once('close', () => places++);
      }
      // Each third answer is late: the connection has to be replaced.
      if (request.readUInt16BE(8) % 3 === 0) setTimeout(() => socket.writable && socket.write(correct(request)), 400);
      else socket.write(correct(request));
    });
    const link = opened(`tcp://127.0.0.1:${port}`);
    for (let at = 1; at <= 8; at++) {
      const answer = await read(link, at, 2, 1, at % 3 === 0 ? BRIEF_MS : AMPLE_MS);
      if (answer.kind === 'words') expect(answer.words).toEqual([at, at + 1]);
      await new Promise(resolve => setTimeout(resolve, 30));
    }
    expect(refused).toBe(0);
  });

  test('busy is tried again', async () => {
    let times = 0;
    const server = await startModbusServer({
      host: '127.0.0.1',
      port: 0,
      units: new Map([[1, {read: (_fc, at, words) => (times++ < 2 ? {exception: 6} : byAddress.read(3, at, words))}]]),
    });
    afterTest(() => server.close());
    expect(await read(opened(`tcp://127.0.0.1:${server.port}`), 7)).toMatchObject({words: [7, 8]});
  });

  test('one socket and one request at a time, however many ask', async () => {
    let inFlight = 0;
    let most = 0;
    const source: RegisterSource = {
      async read(_fc, at, words) {
        most = Math.max(most, ++inFlight);
        await new Promise(resolve => setTimeout(resolve, 5));
        inFlight--;
        return byAddress.read(3, at, words);
      },
    };
    const server = await startModbusServer({host: '127.0.0.1', port: 0, units: new Map([1, 2, 3].map(unit => [unit, source]))});
    afterTest(() => server.close());
    const link = opened(`tcp://127.0.0.1:${server.port}`);
    const answers = await Promise.all(Array.from({length: 30}, (_, index) => read(link, index * 10, 2, 1 + (index % 3))));
    for (const [index, answer] of answers.entries()) expect(answer).toMatchObject({words: [index * 10, index * 10 + 1]});
    expect(most).toBe(1);
  });

  test('a dead unit is soon asked only now and then', async () => {
    let asked = 0;
    const silent: RegisterSource = {
      read() {
        asked++;
        return 'silent';
      },
    };
    const server = await startModbusServer({
      host: '127.0.0.1',
      port: 0,
      units: new Map([
        [1, byAddress],
        [2, silent],
      ]),
    });
    afterTest(() => server.close());
    const link = opened(`tcp://127.0.0.1:${server.port}`);
    for (let i = 0; i < 20; i++) await readInVain(link, 1, 2, 2);
    expect(asked).toBeLessThanOrEqual(4);
    expect(await read(link, 5, 2, 1)).toMatchObject({words: [5, 6]});
  });

  test("another program's client reads our server, and cannot write", async () => {
    const server = await startModbusServer({host: '127.0.0.1', port: 0, units: new Map([[1, byAddress]])});
    afterTest(() => server.close());
    const client = new ModbusRTU.default();
    afterTest(() => new Promise<void>(resolve => client.close(() => resolve())));
    await client.connectTCP('127.0.0.1', {port: server.port});
    client.setID(1);
    client.setTimeout(AMPLE_MS);
    expect((await client.readHoldingRegisters(500, 3)).data).toEqual([500, 501, 502]);
    expect((await client.readInputRegisters(600, 1)).data).toEqual([600]);
    await expect(client.writeRegister(1, 1)).rejects.toMatchObject({modbusCode: 1});
  });
});

describe('RTU over TCP', () => {
  const rtuPeer = (answer: (socket: Socket, request: Buffer, good: Buffer) => void) =>
    peer((socket, request) => {
      const words = request.readUInt16BE(4);
      const pdu = Buffer.alloc(2 + 2 * words);
      pdu[0] = request[1] as number;
      pdu[1] = 2 * words;
      for (let i = 0; i < words; i++) pdu.writeUInt16BE(request.readUInt16BE(2) + i, 2 + 2 * i);
      answer(socket, request, rtuFrame(request[0] as number, pdu));
    });

  test('a late answer is left behind with its connection', async () => {
    const {port, connections} = await rtuPeer((socket, request, good) => {
      const late = request.readUInt16BE(2) === 100;
      setTimeout(() => socket.writable && socket.write(good), late ? 400 : 5);
    });
    const link = opened(`rtu+tcp://127.0.0.1:${port}`);
    expect(await readInVain(link, 100)).toMatchObject({fault: {kind: 'timeout'}});
    expect(await read(link, 200)).toMatchObject({words: [200, 201]});
    expect(connections()).toBe(2);
  });

  test('a late answer that the gateway hands to the new connection is none of ours', async () => {
    let late: Buffer | null = null;
    const {port} = await rtuPeer((socket, request, good) => {
      if (request.readUInt16BE(2) === 100) {
        late = good;
        return;
      }
      const before = late;
      late = null;
      if (before) socket.write(before);
      setTimeout(() => socket.writable && socket.write(good), 20);
    });
    const link = opened(`rtu+tcp://127.0.0.1:${port}`);
    expect(await readInVain(link, 100)).toMatchObject({fault: {kind: 'timeout'}});
    expect(await read(link, 200)).toMatchObject({words: [200, 201]});
    expect(await read(link, 300)).toMatchObject({words: [300, 301]});
  });

  test('answers that come twice, the second time into the next request', async () => {
    const {port} = await rtuPeer((socket, _request, good) => {
      setTimeout(() => socket.writable && socket.write(good), 30);
      setTimeout(() => socket.writable && socket.write(good), 45);
    });
    const link = opened(`rtu+tcp://127.0.0.1:${port}`);
    for (let at = 0; at < 100; at += 10) expect(await read(link, at)).toMatchObject({words: [at, at + 1]});
  });

  test('an answer that comes twice more is not believed for having come twice; registers that are really equal are', async () => {
    let before: Buffer | null = null;
    const {port} = await rtuPeer((socket, request, good) => {
      const stale = before;
      before = request.readUInt16BE(2) < 1000 ? good : rtuFrame(1, Buffer.from([3, 4, 0, 7, 0, 7]));
      if (stale) socket.write(stale);
      setTimeout(() => socket.write(stale ? Buffer.concat([stale, before as Buffer]) : good), 5);
    });
    const link = opened(`rtu+tcp://127.0.0.1:${port}`);
    for (const at of [100, 200, 300]) expect(await read(link, at)).toMatchObject({words: [at, at + 1]});
    for (const at of [1000, 1100]) expect(await read(link, at)).toMatchObject({words: [7, 7]});
  });

  test('noise behind each answer, or the answer twice at once, costs no connection', async () => {
    const {port, connections} = await rtuPeer((socket, request, good) => {
      socket.write(Buffer.concat([good, request.readUInt16BE(2) % 20 === 0 ? Buffer.from([0, 0xff]) : good]));
    });
    const link = opened(`rtu+tcp://127.0.0.1:${port}`);
    for (let at = 0; at < 60; at += 10) expect(await read(link, at)).toMatchObject({words: [at, at + 1]});
    expect(connections()).toBe(1);
  });

  test('byte by byte, behind noise, and behind the answer of another unit', async () => {
    const {port} = await rtuPeer((socket, request, good) => {
      const at = request.readUInt16BE(2);
      if (at === 1) for (const [index, byte] of good.entries()) setTimeout(() => socket.write(Buffer.from([byte])), index * 3);
      else if (at === 2) {
        socket.write(Buffer.from([0xff]));
        setTimeout(() => socket.write(good), 80);
      } else socket.write(Buffer.concat([rtuFrame(9, good.subarray(1, -2)), good]));
    });
    const link = opened(`rtu+tcp://127.0.0.1:${port}`);
    for (const at of [1, 2, 3]) expect(await read(link, at)).toMatchObject({words: [at, at + 1]});
  });

  test.each([
    ['a wrong checksum', (good: Buffer) => Buffer.concat([good.subarray(0, -1), Buffer.from([(good.at(-1) as number) ^ 1])])],
    ['another unit', (good: Buffer) => rtuFrame(7, good.subarray(1, -2))],
    ['half a frame', (good: Buffer) => good.subarray(0, 4)],
  ] as const)('%s is no value', async (_name, spoil) => {
    const {port} = await rtuPeer((socket, request, good) => void socket.write(request.readUInt16BE(2) === 100 ? spoil(good) : good));
    const link = opened(`rtu+tcp://127.0.0.1:${port}`);
    expect(await readInVain(link, 100)).toMatchObject({fault: {kind: 'bad_frame'}});
    expect(await read(link, 200)).toMatchObject({words: [200, 201]});
  });

  test('an adapter that hears itself', async () => {
    const {port} = await rtuPeer((socket, request, good) => void socket.write(Buffer.concat([request, good])));
    expect(await read(opened(`rtu+tcp://127.0.0.1:${port}`), 42)).toMatchObject({words: [42, 43]});
  });
});

describe('datagrams', () => {
  async function datagramPeer(answer: (request: Buffer) => Buffer | null): Promise<number> {
    const socket = createSocket('udp4');
    socket.on('message', (message, from) => {
      const reply = answer(message);
      if (reply) socket.send(reply, from.port, from.address);
    });
    await new Promise<void>(resolve => socket.bind(0, '127.0.0.1', resolve));
    afterTest(() => socket.close());
    return socket.address().port;
  }
  const good = (request: Buffer): Buffer => {
    const words = request.readUInt16BE(4);
    const pdu = Buffer.alloc(2 + 2 * words);
    pdu[0] = request[1] as number;
    pdu[1] = 2 * words;
    for (let i = 0; i < words; i++) pdu.writeUInt16BE(request.readUInt16BE(2) + i, 2 + 2 * i);
    return rtuFrame(request[0] as number, pdu);
  };

  test('RTU over UDP, a lost datagram between', async () => {
    const port = await datagramPeer(request => (request.readUInt16BE(2) === 9 ? null : good(request)));
    const link = opened(`rtu+udp://127.0.0.1:${port}`);
    expect(await read(link, 5)).toMatchObject({words: [5, 6]});
    expect(await readInVain(link, 9)).toMatchObject({fault: {kind: 'timeout'}});
    expect(await read(link, 6)).toMatchObject({words: [6, 7]});
  });

  test("GoodWe's framing, and a peer that is none", async () => {
    const port = await datagramPeer(request => Buffer.concat([Buffer.from([0xaa, 0x55]), good(request)]));
    expect(await read(opened(`goodwe+udp://127.0.0.1:${port}`), 35_100, 4, 247)).toMatchObject({words: [35_100, 35_101, 35_102, 35_103]});
    const other = await datagramPeer(() => Buffer.from('hello'));
    expect(await read(opened(`goodwe+udp://127.0.0.1:${other}`), 1)).toMatchObject({fault: {kind: 'bad_frame'}});
  });
});

test('a stick logger: our frame in its envelope, its chatter passed over', async () => {
  const LOGGER = 2_712_345_678;
  const {port} = await peer((socket, request) => {
    expect(request[0]).toBe(0xa5);
    expect(request.readUInt32LE(7)).toBe(LOGGER);
    const inner = request.subarray(26, -2);
    const words = inner.readUInt16BE(4);
    const pdu = Buffer.alloc(2 + 2 * words);
    pdu[0] = 3;
    pdu[1] = 2 * words;
    for (let i = 0; i < words; i++) pdu.writeUInt16BE(inner.readUInt16BE(2) + i, 2 + 2 * i);
    const answer = (control: number, body: Buffer): Buffer => {
      const frame = Buffer.alloc(11 + body.length + 2);
      frame[0] = 0xa5;
      frame.writeUInt16LE(body.length, 1);
      frame.writeUInt16LE(control, 3);
      frame[5] = request[5] as number;
      frame.writeUInt32LE(LOGGER, 7);
      body.copy(frame, 11);
      frame[frame.length - 2] = frame.subarray(1, -2).reduce((sum, byte) => (sum + byte) & 0xff, 0);
      frame[frame.length - 1] = 0x15;
      return frame;
    };
    socket.write(Buffer.concat([answer(0x4710, Buffer.from([0])), answer(0x1510, Buffer.concat([Buffer.alloc(14), rtuFrame(1, pdu)]))]));
  });
  expect(await read(opened(`solarman+tcp://127.0.0.1:${port}?serial=${LOGGER}`), 500)).toMatchObject({words: [500, 501]});
});
