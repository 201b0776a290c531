// The far end for bench/bus.ts, a process of its own: answers any read of units 1 and 2 in the time that a wire and a device would take.

import {createServer} from 'node:net';
import {setTimeout as sleep} from 'node:timers/promises';
import {parseArgs} from 'node:util';
import {requestMs, silenceMs} from '../src/core/bustime.ts';
import {rtuFrame} from '../src/link/framing.ts';
import {serialWire} from '../src/link/wire.ts';

const {values} = parseArgs({options: {serial: {type: 'string'}, baud: {type: 'string'}, turnaround: {type: 'string'}}});
const baud = Number(values.baud ?? 0);
const turnaroundMs = Number(values.turnaround ?? 0);
const MOST_UNIT = 2;
const REQUEST_BYTES = 8;

function pduOf(request: Buffer): Buffer {
  const words = request.readUInt16BE(4);
  const pdu = Buffer.alloc(2 + 2 * words);
  pdu[0] = request[1] as number;
  pdu[1] = 2 * words;
  for (let i = 0; i < words; i++) pdu.writeUInt16BE((request.readUInt16BE(2) + i) & 0xffff, 2 + 2 * i);
  return pdu;
}

/** Timers are only good for whole milliseconds; the rest is spun away, in this process and not in the one that is measured. */
async function until(atMs: number): Promise<void> {
  const leftMs = atMs - performance.now() - 1.5;
  if (leftMs > 0) await sleep(leftMs);
  while (performance.now() < atMs);
}

if (values.serial !== undefined) {
  const wire = serialWire(values.serial, {baud: baud || 9600, parity: 'none', stop: 1, data: 8});
  await wire.open(1000, new AbortController().signal);
  let received = Buffer.alloc(0);
  wire.listen(
    async bytes => {
      received = Buffer.concat([received, bytes]);
      if (received.length < REQUEST_BYTES) return;
      const request = received.subarray(0, REQUEST_BYTES);
      received = received.subarray(REQUEST_BYTES);
      const unit = request[0] as number;
      if (unit > MOST_UNIT) return;
      const beganMs = performance.now();
      const answer = rtuFrame(unit, pduOf(request));
      // Both frames on the wire, the silence that ends the request, and the time between; the silence after the answer is the client's to keep.
      const bus = {kind: 'serial', baud, bitsPerCharacter: 10, turnaroundMs} as const;
      if (baud > 0) await until(beganMs + requestMs(bus, request.readUInt16BE(4)) - silenceMs(bus));
      wire.write(answer);
    },
    () => process.exit(),
  );
  console.log('ready');
} else {
  const server = createServer({noDelay: true}, socket => {
    socket.on('error', () => {});
    socket.on('data', async frame => {
      const beganMs = performance.now();
      if (turnaroundMs > 0) await until(beganMs + turnaroundMs);
      const pdu = pduOf(frame.subarray(6));
      const head = Buffer.from(frame.subarray(0, 7));
      head.writeUInt16BE(pdu.length + 1, 4);
      socket.write(Buffer.concat([head, pdu]));
    });
  });
  server.listen(0, '127.0.0.1', () => console.log((server.address() as {port: number}).port));
}
