// Bytes to and from somewhere: a serial port, a TCP stream, UDP datagrams. What the bytes mean is the framing's business.

import {createSocket, type Socket as UdpSocket} from 'node:dgram';
import {connect, type Socket} from 'node:net';
import type {SerialPort as Port} from 'serialport';
import type {Serial, UsbAdapter} from '../core/linkurl.ts';
import type {Fault} from '../core/reading.ts';
import {type Said, say} from '../core/sentences/say.ts';
import {type ListedPort, pickPort} from './usb.ts';

export interface Wire {
  readonly isOpen: boolean;
  /** Null when it is open, else why not. A connection may take as long as the answer that is wanted. Never rejects. */
  open(timeoutMs: number, signal: AbortSignal): Promise<Fault | null>;
  write(bytes: Uint8Array): void;
  /** Who listens now; null for nobody. */
  listen(onBytes: ((bytes: Buffer) => void) | null, onGone: ((reason: string) => void) | null): void;
  /** Leaves at once. */
  drop(): void;
  close(): Promise<void>;
}

/** A connection is waited for so long, or for this many times what it took before. */
const CONNECT_MS = 4000;
const CONNECT_FLOOR_MS = 1000;
const CONNECT_TIMES = 8;
const CLOSE_MS = 200;
const disconnected = (reason: Said): Fault => ({kind: 'disconnected', reason});

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

const SERIAL_REASONS: readonly (readonly [RegExp, (path: string) => Said])[] = [
  [/ENOENT|no such file/i, path => say('there is no {path}; is the adapter plugged in?', {path})],
  [/EACCES|permission/i, path => say('no permission for {path}; add this user to the group dialout', {path})],
  [/EBUSY|lock|resource temporarily/i, path => say('{path} is in use by another program', {path})],
  [/ENOTTY|EINVAL|ioctl|directory/i, path => say('{path} is no serial port, or does not know this baud rate', {path})],
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
    async open(_timeoutMs, signal) {
      const {SerialPort} = await import('serialport');
      if (signal.aborted) return disconnected(say('stopped'));
      const picked = typeof where === 'string' ? {path: where} : pickPort(await list().catch(() => []), where);
      if ('reason' in picked) return disconnected(picked.reason);
      const {path} = picked;
      const fresh = new SerialPort({path, baudRate: baud, parity, stopBits: stop, dataBits: data, autoOpen: false});
      const error = await new Promise<Error | null>(resolve => fresh.open(resolve));
      if (error) {
        const known = SERIAL_REASONS.find(([pattern]) => pattern.test(error.message));
        return disconnected(known ? known[1](path) : say('{name}: {trouble}', {name: path, trouble: error.message}));
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

/** Why a host cannot be reached, for people. */
function reasonOf(error: Error, host: string, port: number): Said {
  const where = `${host}:${port}`;
  const {code} = error as NodeJS.ErrnoException;
  const known: Readonly<Record<string, Said>> = {
    ECONNREFUSED: say('{where} refuses the connection', {where}),
    EHOSTUNREACH: say('{host} cannot be reached', {host}),
    ENETUNREACH: say('the network of {host} cannot be reached', {host}),
    ETIMEDOUT: say('{where} does not answer', {where}),
    ECONNRESET: say('the device cut the connection'),
    EPIPE: say('the device cut the connection'),
    ENOTFOUND: say('there is no host "{host}"', {host}),
    EAI_AGAIN: say('the name "{host}" cannot be resolved now', {host}),
  };
  return known[code ?? ''] ?? say('{name}: {trouble}', {name: where, trouble: error.message});
}

/** A TCP connection: to a device, or to a serial gateway. There is never more than one. */
export function streamWire(host: string, port: number): Wire {
  const {hear, gone, listen} = ears();
  let socket: Socket | null = null;
  /** How long it took the last time; a refusal or silence forgets it. */
  let tookMs: number | null = null;
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
    open: (timeoutMs, signal) =>
      new Promise(resolve => {
        const began = performance.now();
        const fresh = connect({host, port, noDelay: true});
        const done = (fault: Fault | null): void => {
          clearTimeout(timer);
          signal.removeEventListener('abort', onAbort);
          fresh.removeAllListeners();
          fresh.on('error', error => gone(reasonOf(error, host, port)));
          tookMs = fault ? null : performance.now() - began;
          if (fault) fresh.destroy();
          else {
            socket = fresh;
            fresh.on('data', hear);
            fresh.on('close', () => {
              if (socket === fresh) leave();
              gone('the device closed the connection');
            });
          }
          resolve(fault);
        };
        const onAbort = (): void => done(disconnected(say('stopped')));
        const longestMs = tookMs === null ? Math.max(CONNECT_MS, timeoutMs) : Math.max(CONNECT_FLOOR_MS, timeoutMs, CONNECT_TIMES * tookMs);
        const timer = setTimeout(() => done(disconnected(say('{where} does not answer', {where: `${host}:${port}`}))), longestMs);
        signal.addEventListener('abort', onAbort);
        fresh.once('connect', () => done(null));
        fresh.once('error', error => done(disconnected(reasonOf(error, host, port))));
      }),
    write: bytes => void socket?.write(bytes),
    drop: () => void leave()?.destroy(),
    async close() {
      const last = leave();
      if (!last || last.destroyed) return;
      await new Promise<void>(resolve => {
        const timer = setTimeout(resolve, CLOSE_MS); // a device with one place for a client must see the end of this one
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
          resolve(disconnected(say('{name}: {trouble}', {name: `${host}:${port}`, trouble: error.message})));
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
