// How a Modbus request is wrapped, and how its answer is found in what comes back. Pure: bytes in, bytes out.

import crc16 from 'modbus-serial/utils/crc16.js';
import lrc from 'modbus-serial/utils/lrc.js';
import {describeFault} from '../core/faults.ts';
import {type Said, say} from '../core/sentences/say.ts';
import type {ReadRequest} from './link.ts';
import {decodeAnswer, encodeRead, type PduAnswer} from './pdu.ts';

/** `more`: the frame is not whole yet. Whatever follows a whole answer belongs to nothing we asked. */
type Parsed = {readonly kind: 'more'} | {readonly kind: 'answer'; readonly answer: PduAnswer; readonly rest: number};
export interface Framing {
  /** Whether an answer carries the number of its request. Where not, a late answer can only be told by its unit, function and length. */
  readonly numbered: boolean;
  request(unit: number, request: ReadRequest): Buffer;
  parse(received: Buffer, unit: number, request: ReadRequest): Parsed;
}

const MORE: Parsed = {kind: 'more'};
const bad = (reason: Said): Parsed => ({kind: 'answer', answer: {kind: 'fault', fault: {kind: 'bad_frame', reason}}, rest: 0});

const MBAP_BYTES = 7;
/** Unit byte, function, byte count and 125 registers. Source: Modbus Messaging on TCP/IP V1.0b, section 3.1. */
const LONGEST_BODY = 254;

/** Modbus TCP: a header with the number of the transaction. */
export function mbap(): Framing {
  let transaction = 0;
  return {
    numbered: true,
    request(unit, request) {
      transaction = (transaction % 0xffff) + 1;
      const pdu = encodeRead(request);
      const frame = Buffer.alloc(MBAP_BYTES + pdu.length);
      frame.writeUInt16BE(transaction, 0);
      frame.writeUInt16BE(pdu.length + 1, 4);
      frame[6] = unit;
      pdu.copy(frame, MBAP_BYTES);
      return frame;
    },
    parse(received, unit, request) {
      for (let frame = received; ; ) {
        if (frame.length < MBAP_BYTES) return MORE;
        const length = frame.readUInt16BE(4);
        if (frame.readUInt16BE(2) !== 0 || length < 3 || length > LONGEST_BODY) return bad(say('this is not Modbus TCP'));
        const rest = frame.subarray(6 + length);
        if (frame.length < 6 + length) return MORE;
        // The answer to an earlier request is passed over; ours may still come.
        if (frame.readUInt16BE(0) !== transaction) {
          frame = rest;
          continue;
        }
        if (frame[6] !== unit) return bad(say('unit {other} answers unit {unit}', {other: frame[6] ?? '?', unit}));
        return {kind: 'answer', answer: decodeAnswer(request, frame.subarray(MBAP_BYTES, 6 + length)), rest: rest.length};
      }
    },
  };
}

/** Unit, PDU, CRC with its low byte first. Source: Modbus over Serial Line V1.02, section 2.5.1. */
export function rtuFrame(unit: number, pdu: Uint8Array): Buffer {
  const frame = Buffer.alloc(pdu.length + 3);
  frame[0] = unit;
  frame.set(pdu, 1);
  frame.writeUInt16LE(crc16(frame.subarray(0, -2)), frame.length - 2);
  return frame;
}

/** Unit, function, exception code, CRC. */
const SHORTEST_RTU = 5;

export const rtu: Framing = {
  numbered: false,
  request: (unit, request) => rtuFrame(unit, encodeRead(request)),
  parse(received, unit, request) {
    const own = rtuFrame(unit, encodeRead(request));
    // Some adapters hear themselves.
    if (received.equals(own.subarray(0, received.length))) return MORE;
    const frame = received.subarray(0, own.length).equals(own) ? received.subarray(own.length) : received;
    if (frame.length < SHORTEST_RTU) return MORE;
    let reason: Said | null = null;
    let begun = false;
    // The answer may stand behind the noise of a line that turns round, or behind the answer to an earlier request.
    for (let at = 0; at < frame.length; at++) {
      const length = rtuLength(frame, at, unit, request);
      if (length === 0) continue;
      if (frame.length < at + length) {
        begun = true;
        continue;
      }
      const whole = frame.subarray(at, at + length);
      if (crc16(whole.subarray(0, -2)) === whole.readUInt16LE(length - 2))
        return {kind: 'answer', answer: decodeAnswer(request, whole.subarray(1, -2)), rest: frame.length - at - length};
      reason ??= say('the checksum is wrong');
    }
    return begun ? MORE : bad(reason ?? whoElse(frame, unit, request));
  },
};

/** Length of the answer that may begin there, 0 where none can. It follows from what was asked, not from a byte that may be broken. */
function rtuLength(frame: Buffer, at: number, unit: number, {fc, words}: ReadRequest): number {
  if (frame[at] !== unit) return 0;
  const [code, count] = [frame[at + 1], frame[at + 2]];
  if (code === (fc | 0x80)) return SHORTEST_RTU;
  const fits = (code === undefined || code === fc) && (count === undefined || count === 2 * words);
  return fits ? SHORTEST_RTU + 2 * words : 0;
}

function whoElse(frame: Buffer, unit: number, request: ReadRequest): Said {
  if (frame[0] !== unit) return say('unit {other} answers unit {unit}', {other: frame[0] ?? '?', unit});
  if (frame[1] !== request.fc) return say('function {other} answers function {fc}', {other: frame[1] ?? '?', fc: request.fc});
  return say('{n} bytes answer {wanted}', {n: frame[2] ?? '?', wanted: 2 * request.words});
}

/** Source: Modbus over Serial Line V1.02, section 2.5.2. */
export const ascii: Framing = {
  numbered: false,
  request(unit, request) {
    const body = Buffer.concat([Buffer.from([unit]), encodeRead(request)]);
    const hex = Buffer.concat([body, Buffer.from([lrc(body)])]).toString('hex');
    return Buffer.from(`:${hex.toUpperCase()}\r\n`, 'ascii');
  },
  parse(received, unit, request) {
    const own = this.request(unit, request);
    let reason: Said | null = null;
    for (let begin = received.indexOf(':'); begin >= 0; begin = received.indexOf(':', begin + 1)) {
      const end = received.indexOf('\r\n', begin);
      if (end < 0) return MORE;
      const line = received.subarray(begin, end + 2);
      if (line.equals(own)) continue; // an adapter that hears itself
      // `ascii` would drop the highest bit, and take a broken byte for a good one.
      const text = line.toString('latin1', 1, line.length - 2);
      const bytes = Buffer.from(text, 'hex');
      if (!/^([0-9A-F]{2})+$/i.test(text)) reason ??= say('characters that are no hexadecimal digits');
      else if (bytes.length < 4 || lrc(bytes.subarray(0, -1)) !== bytes[bytes.length - 1]) reason ??= say('the checksum is wrong');
      else if (bytes[0] !== unit) reason ??= say('unit {other} answers unit {unit}', {other: bytes[0] ?? '?', unit});
      else {
        const answer = decodeAnswer(request, bytes.subarray(1, -1));
        if (answer.kind === 'words' || answer.fault.kind === 'refused') return {kind: 'answer', answer, rest: received.length - end - 2};
        reason ??= answer.fault.kind === 'bad_frame' ? describeFault(answer.fault) : null;
      }
    }
    return reason === null ? MORE : bad(reason);
  },
};

/** GoodWe's UDP port 8899: an RTU request, and 0xAA55 before its RTU answer. Source: goodwe library (github.com/marcelblijleven/goodwe), protocol.py. */
export const goodwe: Framing = {
  numbered: false,
  request: rtu.request,
  parse(received, unit, request) {
    if (received.length < 2) return MORE;
    return received[0] === 0xaa && received[1] === 0x55
      ? rtu.parse(received.subarray(2), unit, request)
      : bad(say("this is not GoodWe's protocol"));
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
    numbered: true,
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
        if (frame[0] !== V5_START) return bad(say('this is not Solarman V5'));
        const length = V5_HEAD + frame.readUInt16LE(1) + 2;
        if (frame.length < length) return MORE;
        const whole = frame.subarray(0, length);
        if (whole[length - 1] !== V5_END || sumOf(whole.subarray(1, -2)) !== whole[length - 2])
          return bad(say('the checksum of the logger is wrong'));
        if (whole.readUInt32LE(7) !== logger)
          return bad(say('logger {other} answers logger {logger}', {other: whole.readUInt32LE(7), logger}));
        const inner = whole.subarray(V5_HEAD + V5_ANSWER_FILL, -2);
        // Loggers talk of their own accord, and late answers carry another number.
        if (whole.readUInt16LE(3) !== V5_ANSWER || whole[5] !== sequence) {
          frame = frame.subarray(length);
          continue;
        }
        if (inner.length < 5) return bad(say('the logger does not reach the inverter'));
        const parsed = rtu.parse(inner, unit, request);
        return parsed.kind === 'more' ? bad(say("the answer inside the logger's frame is cut")) : {...parsed, rest: frame.length - length};
      }
    },
  };
}

const sumOf = (bytes: Uint8Array): number => bytes.reduce((sum, byte) => (sum + byte) & 0xff, 0);
