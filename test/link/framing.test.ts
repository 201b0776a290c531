// Framings as functions of bytes: whatever comes over the wire, nothing that was not said is ever heard.

import fc from 'fast-check';
import {describe, expect, test} from 'vitest';
import {ascii, type Framing, goodwe, rtu, rtuFrame, solarman} from '../../src/link/framing.ts';

describe('whatever comes over the wire', () => {
  const FRAMINGS: readonly (readonly [string, Framing])[] = [
    ['rtu', rtu],
    ['ascii', ascii],
    ['goodwe', goodwe],
    ['solarman', solarman(1)],
  ];
  test.each(FRAMINGS)('%s: random bytes are never a value and never an exception', (_name, framing) => {
    fc.assert(
      fc.property(fc.uint8Array({maxLength: 300}), fc.integer({min: 0, max: 247}), fc.integer({min: 1, max: 125}), (bytes, unit, words) => {
        const parsed = framing.parse(Buffer.from(bytes), unit, {fc: 3, at: 0, words});
        if (parsed.kind === 'answer') expect(parsed.answer.kind).toBe('fault');
      }),
      {numRuns: 500},
    );
  });
  test('rtu: one wrong bit anywhere is never a value', () => {
    const good = rtuFrame(1, Buffer.from([3, 4, 0x12, 0x34, 0x56, 0x78]));
    expect(rtu.parse(good, 1, {fc: 3, at: 0, words: 2})).toMatchObject({answer: {words: [0x1234, 0x5678]}});
    for (let bit = 0; bit < good.length * 8; bit++) {
      const spoiled = Buffer.from(good);
      spoiled[bit >> 3] = (spoiled[bit >> 3] as number) ^ (1 << (bit & 7));
      const parsed = rtu.parse(spoiled, 1, {fc: 3, at: 0, words: 2});
      if (parsed.kind === 'answer') expect(parsed.answer.kind).toBe('fault');
    }
  });
  test('ascii: the request of the specification', () => {
    // Unit 1, read 2 holding registers from 0x6B; checksum by hand: 256 - (01+03+00+6B+00+02) = 0x8F.
    expect(ascii.request(1, {fc: 3, at: 0x6b, words: 2}).toString()).toBe(':0103006B00028F\r\n');
  });
});
