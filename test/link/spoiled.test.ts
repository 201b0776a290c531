// An answer that was spoiled on its way: a fault, not whole yet, or exactly what was sent; never other registers.

import fc from 'fast-check';
import {describe, expect, test} from 'vitest';
import {ascii, type Framing, goodwe, rtu, rtuFrame, solarman} from '../../src/link/framing.ts';

const RUNS = 3000;
const request = {fc: 3, at: 100, words: 4} as const;
const WORDS = [0x0102, 0xfffe, 0, 0x8000];
const PDU = Buffer.from([3, 8, ...WORDS.flatMap(word => [word >> 8, word & 0xff])]);

/** Bytes with a grain of truth: a good frame, cut, repeated, with single bits turned, or something else altogether. */
const spoiled = (good: Buffer, flips: number): fc.Arbitrary<Buffer> =>
  fc.oneof(
    fc.uint8Array({maxLength: 300}).map(bytes => Buffer.from(bytes)),
    fc.nat(good.length).map(length => good.subarray(0, length)),
    fc.array(fc.tuple(fc.nat(good.length - 1), fc.nat(7)), {minLength: 1, maxLength: flips}).map(turned => {
      const bytes = Buffer.from(good);
      for (const [at, bit] of turned) bytes[at] = (bytes[at] as number) ^ (1 << bit);
      return bytes;
    }),
    fc.tuple(fc.uint8Array({maxLength: 20}), fc.uint8Array({maxLength: 20})).map(([before, after]) => Buffer.concat([before, good, after])),
  );

describe('frames', () => {
  const asciiFrame = (): Buffer => {
    const body = Buffer.concat([Buffer.from([9]), PDU]);
    const sum = body.reduce((all, byte) => (all + byte) & 0xff, 0);
    return Buffer.from(
      `:${Buffer.concat([body, Buffer.from([-sum & 0xff])])
        .toString('hex')
        .toUpperCase()}\r\n`,
    );
  };
  // An answer of a logger with the sequence number of the first request.
  const loggerFrame = (): Buffer => {
    const inner = rtuFrame(9, PDU);
    const frame = Buffer.alloc(11 + 14 + inner.length + 2);
    frame[0] = 0xa5;
    frame.writeUInt16LE(14 + inner.length, 1);
    frame.writeUInt16LE(0x1510, 3);
    frame[5] = 1;
    frame.writeUInt32LE(1_234_567, 7);
    inner.copy(frame, 25);
    frame[frame.length - 2] = frame.subarray(1, -2).reduce((all, byte) => (all + byte) & 0xff, 0);
    frame[frame.length - 1] = 0x15;
    return frame;
  };
  const asked = (framing: Framing): Framing => {
    framing.request(9, request);
    return framing;
  };

  // A longitudinal check sees one turned bit; a CRC of 16 bits sees any three in a frame this short.
  test.each<[string, () => Framing, Buffer, number]>([
    ['RTU', () => rtu, rtuFrame(9, PDU), 3],
    ['ASCII', () => ascii, asciiFrame(), 1],
    ['GoodWe', () => goodwe, Buffer.concat([Buffer.from([0xaa, 0x55]), rtuFrame(9, PDU)]), 3],
    ['Solarman', () => asked(solarman(1_234_567)), loggerFrame(), 3],
  ])('%s: a spoiled answer is a fault, not whole yet, or exactly what was sent', (_, make, good, flips) => {
    expect(make().parse(good, 9, request)).toMatchObject({kind: 'answer', answer: {kind: 'words', words: WORDS}});
    fc.assert(
      fc.property(spoiled(good, flips), bytes => {
        const parsed = make().parse(bytes, 9, request);
        if (parsed.kind === 'answer' && parsed.answer.kind === 'words') expect(parsed.answer.words).toEqual(WORDS);
      }),
      {numRuns: RUNS},
    );
  });
});
