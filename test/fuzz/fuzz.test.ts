// Bytes from outside never end the program, never make it hang, never become a value: a few seconds of what `npm run fuzz` does for hours.

import fc from 'fast-check';
import {afterAll, beforeAll, describe, expect, test} from 'vitest';
import {corpusOf, inputsOf} from './inputs.ts';
import {TARGETS} from './targets.ts';

describe.each(TARGETS)('$name', target => {
  beforeAll(async () => target.open?.());
  afterAll(async () => target.close?.());

  test('the corpus', async () => {
    const corpus = corpusOf(target.name);
    expect(corpus.length).toBeGreaterThan(0);
    for (const [, bytes] of corpus) await target.run(bytes);
  });

  test('new inputs', async () => {
    await fc.assert(
      fc.asyncProperty(inputsOf(target), async bytes => target.run(bytes)),
      {numRuns: target.slow ? 40 : 400},
    );
  });
});
