// Bytes to and from somewhere: a serial port, a TCP stream, UDP datagrams. What the bytes mean is the framing's business.

import {createSocket, type Socket as UdpSocket} from 'node:dgram';
import {connect, type Socket} from 'node:net';
import type {SerialPort as Port} from 'serialport';
import type {Serial, UsbAdapter} from '../core/linkurl.ts';
import type {Fault} from '../core/reading.ts';
import {type ListedPort, pickPort} from './usb.ts';

export interface Wire {
  readonly isOpen: boolean;
  /** Null when it is open, else why not. Never rejects. */
  open(signal: AbortSignal): Promise<Fault | null>;
  write(bytes: Uint8Array): void;
  /** Who listens now; null for nobody. */
  listen(onBytes: ((bytes: Buffer) => void) | null, onGone: ((reason: string) => void) | null): void;
  /** Leaves at once. */
  drop(): void;
  close(): Promise<void>;
}

const CONNECT_MS = 4000;
const disconnected = (reason: string): Fault => ({kind: 'disconnected', reason});

/** What listeners of a wire share. */
function ears(): {hear(bytes: Buffer): void; gone(reason: string): void; listen: Wire['listen']} {
  let onBytes: ((bytes: Buffer) => void) | null = null;
  let onGone: ((reason: string) => void) | null = null;
  return {
    hear: bytes => onBytes?.(bytes),
    gone: reason => onGone?.(reason),
    listen(bytes, gone) {
      [onBytes, onGone] = [bytes, gone];
    },
  };
}

const SERIAL_REASONS: readonly (readonly [RegExp, (path: string) => string])[] = [
  [/ENOENT|no such file/i, path => `there is no ${path}; is the adapter plugged in?`],
  [/EACCES|permission/i, path => `no permission for ${path}; add this user to the group dialout`],
  [/EBUSY|lock|resource temporarily/i, path => `${path} is in use by another program`],
  [/ENOTTY|EINVAL/i, path => `${path} is no serial port, or does not know this baud rate`],
];

const systemsPorts = async (): Promise<readonly ListedPort[]> => (await import('serialport')).SerialPort.list();

/** A serial port, or a USB adapter wherever it is plugged in now; it is locked against other programs. */
export function serialWire(where: string | UsbAdapter, {baud, parity, stop, data}: Serial, list = systemsPorts): Wire {
  const {hear, gone, listen} = ears();
  let port: Port | null = null;
  const leave = (): Port | null => {
    const last = port;
    port = null;
    last?.removeAllListeners();
    last?.on('error', () => {});
    return last;
  };
  return {
    listen,
    get isOpen() {
      return port?.isOpen ?? false;
    },
    async open(signal) {
      const {SerialPort} = await import('serialport');
      if (signal.aborted) return disconnected('stopped');
      const picked = typeof where === 'string' ? {path: where} : pickPort(await list().catch(() => []), where);
      if ('reason' in picked) return disconnected(picked.reason);
      const {path} = picked;
      const fresh = new SerialPort({path, baudRate: baud, parity, stopBits: stop, dataBits: data, autoOpen: false});
      const error = await new Promise<Error | null>(resolve => fresh.open(resolve));
      if (error) {
        const known = SERIAL_REASONS.find(([pattern]) => pattern.test(error.message));
        return disconnected(known ? known[1](path) : `${path}: ${error.message}`);
      }
      fresh.on('data', hear);
      fresh.on('error', cause => gone(cause.message));
      fresh.on('close', () => {
        if (port === fresh) leave();
        gone(`${path} went away`);
      });
      port = fresh;
      return null;
    },
    write: bytes => void port?.write(Buffer.from(bytes)),
    drop() {
      const last = leave();
      if (last?.isOpen) last.close(() => {});
    },
    async close() {
      const last = leave();
      if (last?.isOpen) await new Promise<void>(resolve => last.close(() => resolve()));
    },
  };
}

/** A TCP stream to a serial gateway. */
export function streamWire(host: string, port: number): Wire {
  const {hear, gone, listen} = ears();
  let socket: Socket | null = null;
  const leave = (): Socket | null => {
    const last = socket;
    socket = null;
    last?.removeAllListeners();
    last?.on('error', () => {});
    return last;
  };
  return {
    listen,
    get isOpen() {
      return socket?.writable ?? false;
    },
    open: signal =>
      new Promise(resolve => {
        const fresh = connect({host, port, noDelay: true});
        const done = (fault: Fault | null): void => {
          clearTimeout(timer);
          signal.removeEventListener('abort', onAbort);
          fresh.removeAllListeners();
          fresh.on('error', error => gone(error.message));
          if (fault) fresh.destroy();
          else {
            socket = fresh;
            fresh.on('data', hear);
            fresh.on('close', () => {
              if (socket === fresh) leave();
              gone('the gateway closed the connection');
            });
          }
          resolve(fault);
        };
        const onAbort = (): void => done(disconnected('stopped'));
        const timer = setTimeout(() => done(disconnected(`${host}:${port} does not answer`)), CONNECT_MS);
        signal.addEventListener('abort', onAbort);
        fresh.once('connect', () => done(null));
        fresh.once('error', (error: NodeJS.ErrnoException) =>
          done(
            disconnected(error.code === 'ECONNREFUSED' ? `${host}:${port} refuses the connection` : `${host}:${port}: ${error.message}`),
          ),
        );
      }),
    write: bytes => void socket?.write(bytes),
    drop: () => void leave()?.destroy(),
    async close() {
      const last = leave();
      if (!last || last.destroyed) return;
      await new Promise<void>(resolve => {
        const timer = setTimeout(resolve, 200);
        last.once('close', () => {
          clearTimeout(timer);
          resolve();
        });
        last.end();
      });
      last.destroy();
    },
  };
}

/** UDP datagrams from and to one peer. */
export function datagramWire(host: string, port: number): Wire {
  const {hear, gone, listen} = ears();
  let socket: UdpSocket | null = null;
  const leave = (): UdpSocket | null => {
    const last = socket;
    socket = null;
    last?.removeAllListeners();
    last?.on('error', () => {});
    return last;
  };
  return {
    listen,
    get isOpen() {
      return socket !== null;
    },
    open: () =>
      new Promise(resolve => {
        const fresh = createSocket(host.includes(':') ? 'udp6' : 'udp4');
        fresh.once('error', error => {
          fresh.close();
          resolve(disconnected(`${host}:${port}: ${error.message}`));
        });
        // A connected socket hears this peer only, and is told when nobody listens there.
        fresh.connect(port, host, () => {
          fresh.removeAllListeners('error');
          fresh.on('message', hear);
          fresh.on('error', error =>
            gone((error as NodeJS.ErrnoException).code === 'ECONNREFUSED' ? `nobody listens at ${host}:${port}` : error.message),
          );
          socket = fresh;
          resolve(null);
        });
      }),
    write: bytes => void socket?.send(bytes, () => {}),
    drop: () => void leave()?.close(),
    async close() {
      leave()?.close();
    },
  };
}
