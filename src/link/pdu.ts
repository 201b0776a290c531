// The part of Modbus that all framings share: two requests that read, their answers, and strict checking of these.

import type {Fault} from '../core/reading.ts';
import {type Said, say} from '../core/sentences/say.ts';
import type {ReadRequest} from './link.ts';

/** Function code, address, count. Source: Modbus Application Protocol V1.1b3, sections 6.3 and 6.4. */
export function encodeRead({fc, at, words}: ReadRequest): Buffer {
  const pdu = Buffer.alloc(5);
  pdu[0] = fc;
  pdu.writeUInt16BE(at, 1);
  pdu.writeUInt16BE(words, 3);
  return pdu;
}

export type PduAnswer = {readonly kind: 'words'; readonly words: readonly number[]} | {readonly kind: 'fault'; readonly fault: Fault};

/** The answer to a request. Another function or another length is a bad frame, never a partial success. */
export function decodeAnswer(request: ReadRequest, pdu: Uint8Array): PduAnswer {
  const [fc, second] = pdu;
  if (fc === (request.fc | 0x80) && pdu.length === 2 && second !== undefined)
    return {kind: 'fault', fault: {kind: 'refused', exception: second}};
  if (fc !== request.fc) return bad(say('function {other} answers function {fc}', {other: fc ?? 'missing', fc: request.fc}));
  if (second !== request.words * 2 || pdu.length !== 2 + request.words * 2)
    return bad(say('{n} bytes answer {wanted}', {n: pdu.length - 2, wanted: request.words * 2}));
  const words = Array.from({length: request.words}, (_, i) => ((pdu[2 + 2 * i] as number) << 8) | (pdu[3 + 2 * i] as number));
  return {kind: 'words', words};
}

const bad = (reason: Said): PduAnswer => ({kind: 'fault', fault: {kind: 'bad_frame', reason}});

/** The answer of a device: registers, or an exception. A word is taken by its lowest 16 bits. */
export function encodeAnswer(fc: number, answer: readonly number[] | {readonly exception: number}): Buffer {
  if ('exception' in answer) return Buffer.from([fc | 0x80, answer.exception]);
  const pdu = Buffer.alloc(2 + 2 * answer.length);
  pdu[0] = fc;
  pdu[1] = 2 * answer.length;
  for (const [index, word] of answer.entries()) pdu.writeUInt16BE(word & 0xffff, 2 + 2 * index);
  return pdu;
}
