// A LINK URL to a link that can be read.

import {bitsPerCharacter, silenceMs} from '../core/bustime.ts';
import type {LinkUrl, Serial} from '../core/linkurl.ts';
import type {Clock} from '../core/time.ts';
import {ascii, type Framing, goodwe, mbap, rtu, solarman} from './framing.ts';
import {createLineTransport} from './line.ts';
import type {Link} from './link.ts';
import {createQueue, type QueueOptions} from './queue.ts';
import {datagramWire, serialWire, streamWire, type Wire} from './wire.ts';

type OpenOptions = {readonly clock: Clock; readonly timeoutMs?: number; readonly minGapMs?: number};

/** A connection that is up answers at once, but a host may be busy for a moment. */
const TCP_FLOOR_MS = 1000;
/** Stick loggers ask the inverter behind them at their leisure. Source: field logs with up to six seconds a request. */
const LOGGER_MS = 10_000;

/** To look for a serial port costs nobody anything: an adapter that is plugged in again is soon seen. */
const REPLUG_MS = 5000;

/** Opens nothing yet: the first request does. */
export function openLink(name: string, url: LinkUrl, options: OpenOptions): Link {
  const queue = {name, url: url.text, ...options};
  const line = (wire: Wire, framing: Framing, more: Partial<QueueOptions> = {}): Link =>
    createQueue(createLineTransport(wire, framing, {silenceMs: 0, afterTrouble: 'replace'}), {...queue, ...more});
  switch (url.kind) {
    case 'tcp':
      return line(streamWire(url.host, url.port), mbap(), {floorMs: TCP_FLOOR_MS});
    case 'rtu':
    case 'ascii': {
      const silenceMs = url.kind === 'rtu' ? silenceOf(url.serial) : 0;
      const wire = serialWire(url.usb ?? url.path, url.serial);
      const transport = createLineTransport(wire, url.kind === 'rtu' ? rtu : ascii, {silenceMs, afterTrouble: 'drain'});
      return createQueue(transport, {...queue, silenceMs, reconnectMs: REPLUG_MS});
    }
    case 'rtu+tcp':
      return line(streamWire(url.host, url.port), rtu, {floorMs: TCP_FLOOR_MS});
    case 'rtu+udp':
      // A new socket has a new port: late answers go to the old one.
      return line(datagramWire(url.host, url.port), rtu, {lossy: true});
    case 'goodwe+udp':
      return line(datagramWire(url.host, url.port), goodwe, {lossy: true});
    case 'solarman+tcp':
      return line(streamWire(url.host, url.port), solarman(url.logger), {floorMs: TCP_FLOOR_MS, wayMs: LOGGER_MS});
  }
}

const silenceOf = (serial: Serial): number =>
  silenceMs({kind: 'serial', baud: serial.baud, bitsPerCharacter: bitsPerCharacter(serial), turnaroundMs: 0});
