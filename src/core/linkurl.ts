// LINK URLs: where a bus is and how it speaks. Pure; the link floor opens what this describes.

import {AppError} from './errors.ts';
import {nearest} from './nearest.ts';

export type Serial = {readonly baud: number; readonly parity: 'none' | 'even' | 'odd'; readonly stop: 1 | 2; readonly data: 7 | 8};
/** A USB adapter by what it says of itself: vendor and product as four hexadecimal digits. Null is "any". */
export type UsbAdapter = {readonly vendor: string | null; readonly product: string | null; readonly serial: string | null};
export type LinkUrl =
  | {readonly kind: 'tcp'; readonly host: string; readonly port: number; readonly text: string}
  /** `usb` stands in place of a path, which is then empty: wherever the adapter turns up. */
  | {
      readonly kind: 'rtu' | 'ascii';
      readonly path: string;
      readonly usb: UsbAdapter | null;
      readonly serial: Serial;
      readonly text: string;
    }
  /** RTU frames in a TCP stream or UDP datagrams; `serial` is the bus behind the gateway, for the timing only. */
  | {readonly kind: 'rtu+tcp' | 'rtu+udp'; readonly host: string; readonly port: number; readonly serial: Serial; readonly text: string}
  | {readonly kind: 'goodwe+udp'; readonly host: string; readonly port: number; readonly text: string}
  | {readonly kind: 'solarman+tcp'; readonly host: string; readonly port: number; readonly logger: number; readonly text: string};

const SCHEMES = ['tcp', 'rtu', 'rtu+tcp', 'rtu+udp', 'ascii', 'goodwe+udp', 'solarman+tcp'] as const;
const DEFAULT_PORTS: Readonly<Record<string, number>> = {tcp: 502, 'goodwe+udp': 8899, 'solarman+tcp': 8899};
const DEFAULT_SERIAL: Serial = {baud: 9600, parity: 'none', stop: 1, data: 8};

/** Takes a LINK apart. `where` opens the error's text. Throws AppError LINK_INVALID. */
export function parseLinkUrl(text: string, where = text): LinkUrl {
  const fail = (what: string): never => {
    throw new AppError('LINK_INVALID', where, what);
  };
  const match = /^([a-z+]+):\/\/([^?#]*)(?:\?([^#]*))?$/i.exec(text.trim());
  if (!match) return fail(`found "${text}", expected a URL such as tcp://192.168.1.40:502`);
  const [, scheme = '', rest = '', query = ''] = match;
  const kind = SCHEMES.find(known => known === scheme.toLowerCase());
  if (!kind)
    return fail(`"${scheme}" is no kind of link${nearest(scheme, SCHEMES) ? `; did you mean "${nearest(scheme, SCHEMES)}"?` : ''}`);
  const parameters = new URLSearchParams(query);
  const allow = (...names: string[]): void => {
    for (const name of parameters.keys())
      if (!names.includes(name)) fail(`unknown parameter "${name}"; known: ${names.join(', ') || 'none'}`);
  };
  switch (kind) {
    case 'rtu':
    case 'ascii': {
      if (rest === 'usb') {
        allow('vendor', 'product', 'serial', 'baud', 'parity', 'stop', 'data');
        return {kind, path: '', usb: usbOf(parameters, fail), serial: serialOf(parameters, kind, fail), text};
      }
      allow('baud', 'parity', 'stop', 'data');
      if (!rest.startsWith('/'))
        return fail('expected the path of a serial port, such as rtu:///dev/ttyUSB0?baud=9600, or rtu://usb?vendor=0403&product=6001');
      return {kind, path: pathOf(rest, fail), usb: null, serial: serialOf(parameters, kind, fail), text};
    }
    case 'rtu+tcp':
    case 'rtu+udp': {
      allow('baud', 'parity', 'stop', 'data');
      return {kind, ...hostPort(rest, undefined, fail), serial: serialOf(parameters, 'rtu', fail), text};
    }
    case 'solarman+tcp': {
      allow('serial');
      const logger = Number(parameters.get('serial') ?? Number.NaN);
      if (!Number.isInteger(logger) || logger <= 0 || logger > 0xffffffff)
        return fail('expected ?serial=NUMBER, the number printed on the stick logger');
      return {kind, ...hostPort(rest, DEFAULT_PORTS[kind], fail), logger, text};
    }
    case 'tcp':
    case 'goodwe+udp':
      allow();
      return {kind, ...hostPort(rest, DEFAULT_PORTS[kind], fail), text};
  }
}

function pathOf(text: string, fail: (what: string) => never): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return fail(`found "${text}", expected a path; a % in it is written %25`);
  }
}

function hostPort(text: string, fallback: number | undefined, fail: (what: string) => never): {host: string; port: number} {
  const match = /^(\[[0-9a-fA-F:.%]+\]|[^:/[\]@\s]+)(?::(\d{1,5}))?\/?$/.exec(text);
  if (!match) return fail(`found "${text}", expected HOST${fallback === undefined ? ':PORT' : `[:${fallback}]`}`);
  const port = match[2] === undefined ? fallback : Number(match[2]);
  if (port === undefined) return fail('expected HOST:PORT; the port is missing');
  if (port < 1 || port > 65_535) return fail(`port ${port} is out of range`);
  return {host: (match[1] ?? '').replace(/^\[|\]$/g, ''), port};
}

function usbOf(parameters: URLSearchParams, fail: (what: string) => never): UsbAdapter {
  const id = (name: string): string | null => {
    const given = parameters.get(name);
    if (given === null) return null;
    if (!/^(0x)?[0-9a-f]{4}$/i.test(given)) return fail(`${name}=${given}: expected four hexadecimal digits, as \`lsusb\` shows them`);
    return given.slice(-4).toLowerCase();
  };
  const usb: UsbAdapter = {vendor: id('vendor'), product: id('product'), serial: parameters.get('serial')};
  if (usb.vendor === null && usb.product === null && usb.serial === null)
    return fail('expected vendor=, product= or serial= of the USB adapter, as `lsusb -v` shows them');
  return usb;
}

function serialOf(parameters: URLSearchParams, kind: 'rtu' | 'ascii', fail: (what: string) => never): Serial {
  const baud = Number(parameters.get('baud') ?? DEFAULT_SERIAL.baud);
  if (!Number.isInteger(baud) || baud < 300 || baud > 4_000_000) fail(`baud=${parameters.get('baud')} is no baud rate`);
  const parity = parameters.get('parity') ?? 'none';
  if (parity !== 'none' && parity !== 'even' && parity !== 'odd') return fail(`parity=${parity}: expected none, even or odd`);
  const stop = Number(parameters.get('stop') ?? 1);
  if (stop !== 1 && stop !== 2) return fail(`stop=${parameters.get('stop')}: expected 1 or 2`);
  const data = Number(parameters.get('data') ?? (kind === 'ascii' ? 7 : 8));
  if (data !== 7 && data !== 8) return fail(`data=${parameters.get('data')}: expected 7 or 8`);
  return {baud, parity, stop, data};
}
