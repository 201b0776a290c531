// Registers behind a real Modbus TCP server: the demo's devices, `simulate`, and the peers of the tests.

import {createServer, type Socket} from 'node:net';
import {setTimeout as sleep} from 'node:timers/promises';
import {listenError} from '../core/listen.ts';
import {EXCEPTION, MOST_REGISTERS} from '../core/modbus.ts';
import {encodeAnswer} from './pdu.ts';

export type ServedAnswer = readonly number[] | {readonly exception: number} | 'silent' | 'reset';
/** What a unit answers; a promise delays the answer. */
export type RegisterSource = {
  /** `client` is the address of whoever asks, where there is one. */
  read(fc: 3 | 4, at: number, words: number, client?: string): ServedAnswer | Promise<ServedAnswer>;
};

type ServerOptions = {
  readonly host: string;
  /** 0 takes a free port. */
  readonly port: number;
  readonly units: ReadonlyMap<number, RegisterSource>;
  /** What an unknown unit gets: exception 0x0B as from a gateway (default), or silence. */
  readonly unknownUnit?: 'exception' | 'silent';
  /** Every answer is this late, ms. */
  readonly delayMs?: number;
};
export type ModbusServer = {readonly host: string; readonly port: number; close(): Promise<void>};

/** Listens. Throws AppError PORT_TAKEN or PORT_FORBIDDEN. Writes are refused with exception 1. */
export async function startModbusServer(options: ServerOptions): Promise<ModbusServer> {
  const sockets = new Set<Socket>();
  const server = createServer({noDelay: true}, socket => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => socket.destroy());
    serveSocket(socket, options);
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => reject(listenError(error, `${options.host}:${options.port}`)));
    server.listen(options.port, options.host, resolve);
  });
  const address = server.address();
  return {
    host: options.host,
    port: typeof address === 'object' && address ? address.port : options.port,
    close: () =>
      new Promise<void>(resolve => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
}

/** Requests of one connection that may wait; whoever sends more is not read from until they are answered. */
const MOST_WAITING = 16;

function serveSocket(socket: Socket, options: ServerOptions): void {
  let received: Buffer = Buffer.alloc(0);
  let waiting = 0;
  // Answers keep the order of their requests, also when one of them is late.
  let tail: Promise<void> = Promise.resolve();
  const take = (): void => {
    while (received.length >= 8 && waiting < MOST_WAITING) {
      const length = received.readUInt16BE(4);
      if (received.readUInt16BE(2) !== 0 || length < 2 || length > 254) {
        socket.destroy();
        return;
      }
      if (received.length < 6 + length) break;
      const frame = Buffer.from(received.subarray(0, 6 + length));
      received = received.subarray(6 + length);
      waiting++;
      tail = tail
        .then(() => answer(socket, frame, options))
        .catch(() => void socket.destroy())
        .then(() => {
          waiting--;
          take();
        });
    }
    if (waiting < MOST_WAITING) socket.resume();
    else socket.pause();
  };
  socket.on('data', (chunk: Buffer) => {
    received = Buffer.concat([received, chunk]);
    take();
  });
}

async function answer(socket: Socket, frame: Buffer, options: ServerOptions): Promise<void> {
  const unit = frame[6] as number;
  const fc = frame[7] as number;
  if (socket.destroyed) return; // nobody waits for it any more
  const source = options.units.get(unit);
  let result: ServedAnswer;
  if (!source) result = options.unknownUnit === 'silent' ? 'silent' : {exception: EXCEPTION.targetSilent};
  else if (fc !== 3 && fc !== 4) result = {exception: EXCEPTION.illegalFunction};
  else if (frame.length !== 12) result = {exception: EXCEPTION.illegalValue};
  else {
    const words = frame.readUInt16BE(10);
    result =
      words < 1 || words > MOST_REGISTERS
        ? {exception: EXCEPTION.illegalValue}
        : await source.read(fc, frame.readUInt16BE(8), words, socket.remoteAddress ?? 'unknown');
  }
  if (options.delayMs) await sleep(options.delayMs);
  if (result === 'silent' || socket.destroyed) return;
  if (result === 'reset') {
    socket.resetAndDestroy();
    return;
  }
  const body = encodeAnswer(fc, result);
  const head = Buffer.alloc(7);
  frame.copy(head, 0, 0, 2);
  head.writeUInt16BE(body.length + 1, 4);
  head[6] = unit;
  socket.write(Buffer.concat([head, body]));
}
