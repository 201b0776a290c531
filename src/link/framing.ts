// How a Modbus request is wrapped for a line, and how its answer is found in what comes back. Pure: bytes in, bytes out.

import crc16 from 'modbus-serial/utils/crc16.js';
import lrc from 'modbus-serial/utils/lrc.js';
import type {ReadRequest} from './link.ts';
import {decodeAnswer, encodeRead, type PduAnswer} from './pdu.ts';

/** `more`: the frame is not whole yet. Whatever follows a whole answer belongs to nothing we asked. */
export type Parsed = {readonly kind: 'more'} | {readonly kind: 'answer'; readonly answer: PduAnswer; readonly rest: number};
export interface Framing {
  request(unit: number, request: ReadRequest): Buffer;
  parse(received: Buffer, unit: number, request: ReadRequest): Parsed;
}

const MORE: Parsed = {kind: 'more'};
const bad = (reason: string): Parsed => ({kind: 'answer', answer: {kind: 'fault', fault: {kind: 'bad_frame', reason}}, rest: 0});

/** Unit, PDU, CRC with its low byte first. Source: Modbus over Serial Line V1.02, section 2.5.1. */
export function rtuFrame(unit: number, pdu: Uint8Array): Buffer {
  const frame = Buffer.alloc(pdu.length + 3);
  frame[0] = unit;
  frame.set(pdu, 1);
  frame.writeUInt16LE(crc16(frame.subarray(0, -2)), frame.length - 2);
  return frame;
}

export const rtu: Framing = {
  request: (unit, request) => rtuFrame(unit, encodeRead(request)),
  parse(received, unit, request) {
    const own = rtuFrame(unit, encodeRead(request));
    // Some adapters hear themselves.
    const echoed = received.length >= own.length && received.subarray(0, own.length).equals(own);
    const frame = echoed ? received.subarray(own.length) : received;
    if (frame.length < 3) return MORE;
    const [from, fc] = frame as unknown as [number, number];
    if (from !== unit) return bad(`unit ${from} answers unit ${unit}`);
    // The length follows from what was asked, not from a byte that may be broken.
    const length = fc === (request.fc | 0x80) ? 5 : fc === request.fc ? 5 + 2 * request.words : 0;
    if (length === 0) return bad(`function ${fc} answers function ${request.fc}`);
    if (frame.length < length) return MORE;
    const whole = frame.subarray(0, length);
    if (crc16(whole.subarray(0, -2)) !== whole.readUInt16LE(length - 2)) return bad('the checksum is wrong');
    return {kind: 'answer', answer: decodeAnswer(request, whole.subarray(1, -2)), rest: frame.length - length};
  },
};

const COLON = 0x3a;

/** Source: Modbus over Serial Line V1.02, section 2.5.2. */
export const ascii: Framing = {
  request(unit, request) {
    const body = Buffer.concat([Buffer.from([unit]), encodeRead(request)]);
    return Buffer.from(
      `:${Buffer.concat([body, Buffer.from([lrc(body)])])
        .toString('hex')
        .toUpperCase()}\r\n`,
      'ascii',
    );
  },
  parse(received, unit, request) {
    const begin = received.indexOf(COLON);
    if (begin < 0) return MORE;
    const end = received.indexOf('\r\n', begin);
    if (end < 0) return MORE;
    // `ascii` would drop the highest bit, and take a broken byte for a good one.
    const text = received.toString('latin1', begin + 1, end);
    if (!/^([0-9A-F]{2})+$/i.test(text)) return bad('characters that are no hexadecimal digits');
    const bytes = Buffer.from(text, 'hex');
    if (bytes.length < 4 || lrc(bytes.subarray(0, -1)) !== bytes[bytes.length - 1]) return bad('the checksum is wrong');
    if (bytes[0] !== unit) return bad(`unit ${bytes[0]} answers unit ${unit}`);
    return {kind: 'answer', answer: decodeAnswer(request, bytes.subarray(1, -1)), rest: received.length - end - 2};
  },
};

/** GoodWe's UDP port 8899: an RTU request, and 0xAA55 before its RTU answer. Source: goodwe library (github.com/marcelblijleven/goodwe), protocol.py. */
export const goodwe: Framing = {
  request: rtu.request,
  parse(received, unit, request) {
    if (received.length < 2) return MORE;
    return received[0] === 0xaa && received[1] === 0x55
      ? rtu.parse(received.subarray(2), unit, request)
      : bad("this is not GoodWe's protocol");
  },
};

const V5_START = 0xa5;
const V5_END = 0x15;
const V5_HEAD = 11;
/** Frame type, sensor type, three times. */
const V5_REQUEST_FILL = 15;
const V5_ANSWER_FILL = 14;
const V5_REQUEST = 0x4510;
const V5_ANSWER = 0x1510;

/** Solarman V5: an RTU frame inside the envelope of a stick logger. Source: pysolarmanv5, the documentation of the protocol. */
export function solarman(logger: number): Framing {
  let sequence = 0;
  return {
    request(unit, request) {
      sequence = (sequence % 0xff) + 1;
      const inner = rtu.request(unit, request);
      const frame = Buffer.alloc(V5_HEAD + V5_REQUEST_FILL + inner.length + 2);
      frame[0] = V5_START;
      frame.writeUInt16LE(V5_REQUEST_FILL + inner.length, 1);
      frame.writeUInt16LE(V5_REQUEST, 3);
      frame.writeUInt16LE(sequence, 5);
      frame.writeUInt32LE(logger, 7);
      frame[V5_HEAD] = 2; // the frame is for the inverter
      inner.copy(frame, V5_HEAD + V5_REQUEST_FILL);
      frame[frame.length - 2] = sumOf(frame.subarray(1, -2));
      frame[frame.length - 1] = V5_END;
      return frame;
    },
    parse(received, unit, request) {
      let frame = received;
      for (;;) {
        if (frame.length < V5_HEAD) return MORE;
        if (frame[0] !== V5_START) return bad('this is not Solarman V5');
        const length = V5_HEAD + frame.readUInt16LE(1) + 2;
        if (frame.length < length) return MORE;
        const whole = frame.subarray(0, length);
        if (whole[length - 1] !== V5_END || sumOf(whole.subarray(1, -2)) !== whole[length - 2])
          return bad('the checksum of the logger is wrong');
        if (whole.readUInt32LE(7) !== logger) return bad(`logger ${whole.readUInt32LE(7)} answers logger ${logger}`);
        const inner = whole.subarray(V5_HEAD + V5_ANSWER_FILL, -2);
        // Loggers talk of their own accord, and late answers carry another number.
        if (whole.readUInt16LE(3) !== V5_ANSWER || whole[5] !== sequence) {
          frame = frame.subarray(length);
          continue;
        }
        if (inner.length < 5) return bad('the logger does not reach the inverter');
        const parsed = rtu.parse(inner, unit, request);
        return parsed.kind === 'more' ? bad("the answer inside the logger's frame is cut") : {...parsed, rest: frame.length - length};
      }
    },
  };
}

const sumOf = (bytes: Uint8Array): number => bytes.reduce((sum, byte) => (sum + byte) & 0xff, 0);
