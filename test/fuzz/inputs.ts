// Inputs for a target: its corpus, changed ones of it, shaped ones, and plain bytes.

import {readdirSync, readFileSync} from 'node:fs';
import path from 'node:path';
import fc from 'fast-check';
import type {Target} from './targets.ts';

const CORPUS = path.join(import.meta.dirname, 'corpus');

export const folderOf = (name: string): string => path.join(CORPUS, name);

/** Inputs that once found something, or that show the form; by file name. */
export const corpusOf = (name: string): readonly (readonly [string, Buffer])[] =>
  readdirSync(folderOf(name))
    .sort()
    .map(file => [file, readFileSync(path.join(folderOf(name), file))] as const);

export function inputsOf(target: Target): fc.Arbitrary<Buffer> {
  const known = corpusOf(target.name).map(([, bytes]) => bytes);
  return fc.oneof(
    {weight: 5, arbitrary: target.shaped},
    {weight: 1, arbitrary: fc.uint8Array({maxLength: 400}).map(one => Buffer.from(one))},
    ...(known.length > 0 ? [{weight: 3, arbitrary: changed(known)}] : []),
  );
}

/** One of them with a part replaced, cut, or doubled. */
const changed = (known: readonly Buffer[]): fc.Arbitrary<Buffer> =>
  fc
    .tuple(fc.constantFrom(...known), fc.nat(), fc.nat(40), fc.uint8Array({maxLength: 8}), fc.constantFrom('replace', 'cut', 'double'))
    .map(([base, at, length, fresh, how]) => {
      const from = at % (base.length + 1);
      const [head, part, tail] = [base.subarray(0, from), base.subarray(from, from + length), base.subarray(from + length)];
      const middle = how === 'replace' ? [fresh] : how === 'double' ? [part, part] : [];
      return Buffer.concat([head, ...middle, tail]);
    });
