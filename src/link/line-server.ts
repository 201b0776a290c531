// Registers behind a serial line: answers RTU requests as the devices on it would. For `simulate --serial` and the peers of the tests.

import crc16 from 'modbus-serial/utils/crc16.js';
import {AppError} from '../core/errors.ts';
import type {Serial} from '../core/linkurl.ts';
import {EXCEPTION, MOST_REGISTERS} from '../core/modbus.ts';
import {rtuFrame} from './framing.ts';
import {encodeAnswer} from './pdu.ts';
import type {RegisterSource} from './server.ts';
import {serialWire, type Wire} from './wire.ts';

type LineServer = {/** Resolves with the reason when the port goes away. */ readonly gone: Promise<string>; close(): Promise<void>};

const REQUEST_BYTES = 8;
const OPEN_MS = 5000;

/** Opens the port and answers until closed. Throws AppError LINK_UNUSABLE. */
export async function startSerialServer(path: string, serial: Serial, units: ReadonlyMap<number, RegisterSource>): Promise<LineServer> {
  const wire = serialWire(path, serial);
  const failed = await wire.open(OPEN_MS, new AbortController().signal);
  if (failed) throw new AppError('LINK_UNUSABLE', path, failed.kind === 'disconnected' ? failed.reason : failed.kind);
  const gone = serveLine(wire, units);
  return {gone, close: () => wire.close()};
}

/** Answers what comes in on an open wire. Frames for other units, and broken ones, are passed over in silence as on a bus. */
function serveLine(wire: Wire, units: ReadonlyMap<number, RegisterSource>): Promise<string> {
  let received = Buffer.alloc(0);
  let tail: Promise<void> = Promise.resolve();
  return new Promise(resolve => wire.listen(onBytes, resolve));

  function onBytes(bytes: Buffer): void {
    received = Buffer.concat([received, bytes]);
    while (received.length >= REQUEST_BYTES) {
      const frame = Buffer.from(received.subarray(0, REQUEST_BYTES));
      if (crc16(frame.subarray(0, -2)) !== frame.readUInt16LE(REQUEST_BYTES - 2)) {
        received = received.subarray(1);
        continue;
      }
      received = received.subarray(REQUEST_BYTES);
      tail = tail.then(() => answer(wire, frame, units)).catch(() => {});
    }
  }
}

async function answer(wire: Wire, frame: Buffer, units: ReadonlyMap<number, RegisterSource>): Promise<void> {
  const [unit, fc] = frame as unknown as [number, number];
  const source = units.get(unit);
  if (!source) return;
  const tell = (result: readonly number[] | {readonly exception: number}): void => wire.write(rtuFrame(unit, encodeAnswer(fc, result)));
  if (fc !== 3 && fc !== 4) return tell({exception: EXCEPTION.illegalFunction});
  const words = frame.readUInt16BE(4);
  if (words < 1 || words > MOST_REGISTERS) return tell({exception: EXCEPTION.illegalValue});
  const result = await source.read(fc, frame.readUInt16BE(2), words);
  if (result !== 'silent' && result !== 'reset') tell(result);
}
