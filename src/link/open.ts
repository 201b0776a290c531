// A LINK URL to a link that can be read.

import {bitsPerCharacter, silenceMs} from '../core/bustime.ts';
import type {LinkUrl, Serial} from '../core/linkurl.ts';
import type {Clock} from '../core/time.ts';
import {ascii, type Framing, goodwe, rtu, solarman} from './framing.ts';
import {createLineTransport} from './line.ts';
import type {Link} from './link.ts';
import {createQueue} from './queue.ts';
import {createTcpTransport} from './tcp.ts';
import {datagramWire, serialWire, streamWire, type Wire} from './wire.ts';

export type OpenOptions = {readonly clock: Clock; readonly timeoutMs?: number; readonly minGapMs?: number};

/** Opens nothing yet: the first request does. */
export function openLink(name: string, url: LinkUrl, options: OpenOptions): Link {
  const queue = {name, url: url.text, ...options};
  const line = (wire: Wire, framing: Framing, afterTrouble: 'drain' | 'replace', silence = 0): Link =>
    createQueue(createLineTransport(wire, framing, {silenceMs: silence, afterTrouble}), {...queue, silenceMs: silence});
  switch (url.kind) {
    case 'tcp':
      return createQueue(createTcpTransport(url.host, url.port), queue);
    case 'rtu':
      return line(serialWire(url.usb ?? url.path, url.serial), rtu, 'drain', silenceOf(url.serial));
    case 'ascii':
      return line(serialWire(url.usb ?? url.path, url.serial), ascii, 'drain');
    case 'rtu+tcp':
      return line(streamWire(url.host, url.port), rtu, 'replace');
    case 'rtu+udp':
      // A new socket has a new port: late answers go to the old one.
      return line(datagramWire(url.host, url.port), rtu, 'replace');
    case 'goodwe+udp':
      return line(datagramWire(url.host, url.port), goodwe, 'replace');
    case 'solarman+tcp':
      return line(streamWire(url.host, url.port), solarman(url.logger), 'replace');
  }
}

const silenceOf = (serial: Serial): number =>
  silenceMs({kind: 'serial', baud: serial.baud, bitsPerCharacter: bitsPerCharacter(serial), turnaroundMs: 0});
