// Whatever a line does to frames, on every kind of link: late, twice, cut, dribbled, broken, behind noise, behind older answers. Each register's
// value is made of unit, function and address, so that any other answer would show.

import {createSocket} from 'node:dgram';
import {createServer, type Socket} from 'node:net';
import {setTimeout as sleep} from 'node:timers/promises';
import {describe, expect, test} from 'vitest';
import {realClock} from '../../src/app/clock.ts';
import {parseLinkUrl} from '../../src/core/linkurl.ts';
import {rtuFrame} from '../../src/link/framing.ts';
import type {Link} from '../../src/link/link.ts';
import {openLink} from '../../src/link/open.ts';
import {afterTest} from '../support/after.ts';
import {farEnd, haveSocat, WITHOUT_SOCAT} from '../support/pty.ts';

const never = new AbortController().signal;
const TIMEOUT_MS = 150;
const ROUNDS = 40;
const SEEDS = [1, 2];
const LOGGER = 2_712_345_678;
const wordOf = (unit: number, fc: number, at: number): number => (at * 7919 + unit * 31 + fc) & 0xffff;

type Asked = {readonly unit: number; readonly fc: number; readonly at: number; readonly words: number};
/** How a kind of link says things, from the device's side. */
type Tongue = {hear(bytes: Buffer): Asked | null; answer(asked: Asked, request: Buffer): Buffer};
const pduOf = ({unit, fc, at, words}: Asked): Buffer => {
  const pdu = Buffer.alloc(2 + 2 * words);
  pdu[0] = fc;
  pdu[1] = 2 * words;
  for (let i = 0; i < words; i++) pdu.writeUInt16BE(wordOf(unit, fc, at + i), 2 + 2 * i);
  return pdu;
};
const asked = (unit: number, pdu: Buffer): Asked => ({unit, fc: pdu[0] as number, at: pdu.readUInt16BE(1), words: pdu.readUInt16BE(3)});
const RTU: Tongue = {hear: bytes => asked(bytes[0] as number, bytes.subarray(1)), answer: one => rtuFrame(one.unit, pduOf(one))};
const TONGUES: Readonly<Record<string, Tongue>> = {
  tcp: {
    hear: bytes => asked(bytes[6] as number, bytes.subarray(7)),
    answer(one, request) {
      const pdu = pduOf(one);
      const head = Buffer.from([request[0] as number, request[1] as number, 0, 0, 0, 0, one.unit]);
      head.writeUInt16BE(pdu.length + 1, 4);
      return Buffer.concat([head, pdu]);
    },
  },
  'rtu+tcp': RTU,
  'rtu+udp': RTU,
  rtu: RTU,
  'goodwe+udp': {hear: RTU.hear, answer: (one, request) => Buffer.concat([Buffer.from([0xaa, 0x55]), RTU.answer(one, request)])},
  'solarman+tcp': {
    hear: bytes => RTU.hear(bytes.subarray(26, -2)),
    answer(one, request) {
      const body = Buffer.concat([Buffer.alloc(14), RTU.answer(one, request)]);
      const frame = Buffer.alloc(13 + body.length);
      frame[0] = 0xa5;
      frame.writeUInt16LE(body.length, 1);
      frame.writeUInt16LE(0x1510, 3);
      frame[5] = request[5] as number;
      frame.writeUInt32LE(LOGGER, 7);
      body.copy(frame, 11);
      frame[frame.length - 2] = frame.subarray(1, -2).reduce((sum, byte) => (sum + byte) & 0xff, 0);
      frame[frame.length - 1] = 0x15;
      return frame;
    },
  },
  ascii: {
    hear(bytes) {
      const raw = Buffer.from(bytes.toString('latin1').slice(1, -2), 'hex');
      return raw.length < 7 ? null : asked(raw[0] as number, raw.subarray(1));
    },
    answer(one) {
      const body = Buffer.concat([Buffer.from([one.unit]), pduOf(one)]);
      const sum = -body.reduce((all, byte) => all + byte, 0) & 0xff;
      const hex = Buffer.concat([body, Buffer.from([sum])]).toString('hex');
      return Buffer.from(`:${hex.toUpperCase()}\r\n`);
    },
  },
};

/** Numbers that look random and are the same on each run. */
function dice(seed: number): (sides: number) => number {
  let state = seed;
  return sides => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * sides);
  };
}

const FAULTS = ['right', 'right', 'late', 'twice', 'cut', 'dribbled', 'broken', 'noise', 'older', 'nothing'] as const;
const SILENT: readonly string[] = ['late', 'cut', 'nothing'];

/** A device that answers in order, as devices do, with one of the faults each time. `say` reaches whoever listens now. */
function misbehave(tongue: Tongue, checked: boolean, roll: (sides: number) => number, calm: () => boolean, say: (bytes: Buffer) => void) {
  let tail: Promise<unknown> = Promise.resolve();
  let older: Buffer = Buffer.alloc(0);
  let silences = 0;
  return (request: Buffer): void => {
    const one = tongue.hear(request);
    if (!one) return;
    const good = tongue.answer(one, request);
    const rolled = FAULTS[roll(FAULTS.length)] as (typeof FAULTS)[number];
    // Three silences in a row, and the unit would be left alone for seconds.
    const fault = calm() || (silences >= 2 && SILENT.includes(rolled)) ? 'right' : rolled;
    silences = SILENT.includes(fault) ? silences + 1 : 0;
    const before = older;
    older = good;
    tail = tail.then(async () => {
      switch (fault) {
        case 'late':
          await sleep(TIMEOUT_MS + 10 + roll(3) * TIMEOUT_MS);
          return say(good);
        case 'twice':
          say(good);
          await sleep(roll(3) * 10);
          return say(good);
        case 'cut':
          return say(good.subarray(0, 1 + roll(good.length - 1)));
        case 'dribbled':
          for (const byte of good) {
            say(Buffer.from([byte]));
            await sleep(1);
          }
          return undefined;
        case 'broken': {
          // TCP sees to it that no bit turns.
          if (!checked) return say(good);
          const bad = Buffer.from(good);
          const at = roll(bad.length);
          bad[at] = (bad[at] as number) ^ (1 << roll(8));
          return say(bad);
        }
        case 'noise':
          say(Buffer.from([0, 0xff, one.unit].slice(roll(3))));
          await sleep(5);
          return say(good);
        case 'older':
          return say(Buffer.concat([before, good]));
        case 'nothing':
          return undefined;
        default:
          return say(good);
      }
    });
  };
}

/** Asks in few shapes, so that one answer could pass for another. */
async function ordeal(kind: string, link: Link, roll: (sides: number) => number, calmDown: () => void): Promise<void> {
  for (let i = 0; i < ROUNDS; i++) {
    const [unit, fc, at, words] = [1 + roll(2), (3 + roll(2)) as 3 | 4, roll(500), 1 + roll(3)];
    const answer = await link.read(unit, {fc, at, words}, never, {timeoutMs: TIMEOUT_MS});
    if (answer.kind !== 'words') continue;
    expect(answer.words, `${kind}: ${words} registers at ${at} of unit ${unit}, function ${fc}`).toEqual(
      Array.from({length: words}, (_, index) => wordOf(unit, fc, at + index)),
    );
  }
  // When the storm is over it reads as if nothing had been; a unit that was given up is asked again within seconds.
  calmDown();
  for (const unit of [1, 2])
    while ((await link.read(unit, {fc: 3, at: 77, words: 2}, never, {timeoutMs: 1000})).kind !== 'words') await sleep(100);
}

type Device = {hear(request: Buffer): void; calm(): void};
const deviceOf = (kind: string, seed: number, say: (bytes: Buffer) => void): Device => {
  let calm = false;
  const hear = misbehave(TONGUES[kind] as Tongue, kind !== 'tcp', dice(seed), () => calm, say);
  return {
    hear,
    calm() {
      calm = true;
    },
  };
};

async function storm(kind: string, seed: number, url: string, device: Device): Promise<void> {
  const link = openLink(kind, parseLinkUrl(url), {clock: realClock, timeoutMs: TIMEOUT_MS});
  afterTest(() => link.close());
  await ordeal(kind, link, dice(seed + 100), device.calm);
}

async function connection(kind: string, seed: number): Promise<void> {
  let current: Socket | null = null;
  const open = new Set<Socket>();
  // A serial gateway sends what comes off its bus to whoever is connected then.
  const device = deviceOf(kind, seed, bytes => void (current?.writable && current.write(bytes)));
  const server = createServer(socket => {
    open.add(socket);
    current = socket;
    socket.on('close', () => open.delete(socket));
    socket.on('error', () => {});
    socket.on('data', device.hear);
  });
  await new Promise<void>(resolve => {
    server.listen(0, '127.0.0.1', resolve);
  });
  afterTest(() => {
    for (const socket of open) socket.destroy();
    server.close();
  });
  const {port} = server.address() as {port: number};
  await storm(kind, seed, `${kind}://127.0.0.1:${port}${kind === 'solarman+tcp' ? `?serial=${LOGGER}` : ''}`, device);
}

async function datagrams(kind: string, seed: number): Promise<void> {
  let from: {port: number; address: string} | null = null;
  const socket = createSocket('udp4');
  const device = deviceOf(kind, seed, bytes => void (from && socket.send(bytes, from.port, from.address)));
  socket.on('message', (message, sender) => {
    from = sender;
    device.hear(message);
  });
  await new Promise<void>(resolve => socket.bind(0, '127.0.0.1', resolve));
  afterTest(() => socket.close());
  await storm(kind, seed, `${kind}://127.0.0.1:${socket.address().port}`, device);
}

async function line(kind: string, seed: number): Promise<void> {
  const {wire, port} = await farEnd(19_200);
  const device = deviceOf(kind, seed, bytes => wire.write(bytes));
  wire.listen(device.hear, null);
  await storm(kind, seed, `${kind}://${port}?baud=19200`, device);
}

// They mostly wait.
describe.concurrent.each(SEEDS)('storm %i: never another value, and all is well afterwards', seed => {
  test('over connections and datagrams', async () => {
    await Promise.all([
      ...['tcp', 'rtu+tcp', 'solarman+tcp'].map(kind => connection(kind, seed)),
      ...['rtu+udp', 'goodwe+udp'].map(kind => datagrams(kind, seed)),
    ]);
  });

  test.skipIf(!haveSocat)(`on a line${WITHOUT_SOCAT}`, async () => {
    await Promise.all(['rtu', 'ascii'].map(kind => line(kind, seed)));
  });
});
