// Modbus TCP: one socket at any time, answers matched by transaction, unit, function and length. After a time-out or a bad frame the socket is replaced.

import {connect, type Socket} from 'node:net';
import {setTimeout as sleep} from 'node:timers/promises';
import type {Fault} from '../core/reading.ts';
import type {ReadRequest} from './link.ts';
import {decodeAnswer, encodeRead, type PduAnswer} from './pdu.ts';
import type {Transport} from './transport.ts';

const MBAP_BYTES = 7;
/** Unit byte, function, byte count and 125 registers. Source: Modbus Messaging on TCP/IP V1.0b, section 3.1. */
const LONGEST_BODY = 254;
const CONNECT_TIMEOUT_MS = 4000;
const CLOSE_MS = 200;

export function createTcpTransport(host: string, port: number): Transport {
  let socket: Socket | null = null;
  let transaction = 0;

  function drop(): void {
    socket?.removeAllListeners();
    socket?.on('error', () => {});
    socket?.destroy();
    socket = null;
  }

  function open(timeoutMs: number, signal: AbortSignal): Promise<Fault | null> {
    return new Promise(resolve => {
      const fresh = connect({host, port, noDelay: true});
      const done = (fault: Fault | null): void => {
        clearTimeout(timer);
        signal.removeEventListener('abort', onAbort);
        fresh.removeAllListeners();
        fresh.on('error', () => {});
        if (fault) fresh.destroy();
        else {
          socket = fresh;
          // A peer that goes away between two requests leaves no open half behind.
          fresh.on('close', () => {
            if (socket === fresh) socket = null;
          });
        }
        resolve(fault);
      };
      const onAbort = (): void => done({kind: 'disconnected', reason: 'stopped'});
      const timer = setTimeout(() => done({kind: 'disconnected', reason: `${host}:${port} does not answer`}), timeoutMs);
      signal.addEventListener('abort', onAbort);
      fresh.once('connect', () => done(null));
      fresh.once('error', error => done({kind: 'disconnected', reason: reasonOf(error, host, port)}));
    });
  }

  function ask(current: Socket, unit: number, request: ReadRequest, timeoutMs: number, signal: AbortSignal): Promise<PduAnswer> {
    transaction = (transaction % 0xffff) + 1;
    const id = transaction;
    const pdu = encodeRead(request);
    const frame = Buffer.alloc(MBAP_BYTES + pdu.length);
    frame.writeUInt16BE(id, 0);
    frame.writeUInt16BE(pdu.length + 1, 4);
    frame[6] = unit;
    pdu.copy(frame, MBAP_BYTES);

    return new Promise(resolve => {
      let received: Buffer = Buffer.alloc(0);
      const done = (answer: PduAnswer, keep: boolean): void => {
        clearTimeout(timer);
        signal.removeEventListener('abort', onAbort);
        current.off('data', onData);
        current.off('close', onClose);
        current.off('error', onError);
        if (!keep) drop();
        resolve(answer);
      };
      const fault = (one: Fault): PduAnswer => ({kind: 'fault', fault: one});
      const onAbort = (): void => done(fault({kind: 'disconnected', reason: 'stopped'}), false);
      const onClose = (): void => done(fault({kind: 'disconnected', reason: 'the device closed the connection'}), false);
      const onError = (error: Error): void => done(fault({kind: 'disconnected', reason: reasonOf(error, host, port)}), false);
      const onData = (chunk: Buffer): void => {
        received = received.length === 0 ? chunk : Buffer.concat([received, chunk]);
        while (received.length >= MBAP_BYTES) {
          const length = received.readUInt16BE(4);
          if (received.readUInt16BE(2) !== 0 || length < 3 || length > LONGEST_BODY) {
            done(fault({kind: 'bad_frame', reason: 'this is not Modbus TCP'}), false);
            return;
          }
          if (received.length < 6 + length) return;
          const answer = received.subarray(0, 6 + length);
          received = received.subarray(6 + length);
          // The answer to an earlier request is dropped; ours may still come.
          if (answer.readUInt16BE(0) !== id) continue;
          if (answer[6] !== unit) {
            done(fault({kind: 'bad_frame', reason: `unit ${answer[6]} answers unit ${unit}`}), false);
            return;
          }
          const decoded = decodeAnswer(request, answer.subarray(MBAP_BYTES));
          // Bytes behind the answer belong to nothing we asked: do not let them meet the next request.
          done(decoded, !(decoded.kind === 'fault' && decoded.fault.kind === 'bad_frame') && received.length === 0);
          return;
        }
      };
      const timer = setTimeout(() => done(fault({kind: 'timeout', afterMs: timeoutMs}), false), timeoutMs);
      signal.addEventListener('abort', onAbort);
      current.on('data', onData);
      current.on('close', onClose);
      current.on('error', onError);
      current.write(frame);
    });
  }

  return {
    get connected() {
      return socket !== null;
    },
    async exchange(unit, request, timeoutMs, connectDelayMs, signal) {
      if (signal.aborted) return {kind: 'fault', fault: {kind: 'disconnected', reason: 'stopped'}};
      if (!socket || socket.destroyed || !socket.writable) {
        drop();
        const failed = await open(Math.max(CONNECT_TIMEOUT_MS, timeoutMs), signal);
        if (failed) return {kind: 'fault', fault: failed};
        if (connectDelayMs > 0) await sleep(connectDelayMs, undefined, {signal}).catch(() => {});
      }
      return socket && !signal.aborted
        ? ask(socket, unit, request, timeoutMs, signal)
        : {kind: 'fault', fault: {kind: 'disconnected', reason: 'the device closed the connection'}};
    },
    async close() {
      const last = socket;
      socket = null;
      if (!last || last.destroyed) return;
      // A device with one place for a client must see the end of this one.
      await new Promise<void>(resolve => {
        const timer = setTimeout(() => {
          last.destroy();
          resolve();
        }, CLOSE_MS);
        last.once('close', () => {
          clearTimeout(timer);
          resolve();
        });
        last.end();
      });
    },
  };
}

function reasonOf(error: Error, host: string, port: number): string {
  const {code} = error as NodeJS.ErrnoException;
  const known: Readonly<Record<string, string>> = {
    ECONNREFUSED: `${host}:${port} refuses the connection`,
    EHOSTUNREACH: `${host} cannot be reached`,
    ENETUNREACH: `the network of ${host} cannot be reached`,
    ETIMEDOUT: `${host}:${port} does not answer`,
    ECONNRESET: 'the device cut the connection',
    EPIPE: 'the device cut the connection',
    ENOTFOUND: `there is no host "${host}"`,
    EAI_AGAIN: `the name "${host}" cannot be resolved now`,
  };
  return known[code ?? ''] ?? error.message;
}
