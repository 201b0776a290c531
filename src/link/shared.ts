// A link whose answers are remembered for a moment, so that others who ask for the same registers need no time on the bus.

import type {Link} from './link.ts';

export type Shared = {
  /** The same link; what it reads is remembered. */
  readonly link: Link;
  /** All these registers, if one request brought them within the last `maxAgeMs` of real time; else null: halves of two moments make no value. */
  recall(unit: number, fc: 3 | 4, at: number, words: number, maxAgeMs: number): readonly number[] | null;
};

/** Registers of all units together that are remembered; the oldest go first. */
const MOST = 20_000;

export function shareLink(link: Link): Shared {
  const memory = new Map<string, {readonly word: number; readonly atMs: number}>();
  return {
    link: {
      ...link,
      async read(unit, request, signal, options) {
        const answer = await link.read(unit, request, signal, options);
        if (answer.kind === 'words') {
          const atMs = performance.now();
          answer.words.forEach((word, index) => {
            const key = `${unit}/${request.fc}/${request.at + index}`;
            memory.delete(key);
            memory.set(key, {word, atMs});
          });
          for (const key of memory.keys()) {
            if (memory.size <= MOST) break;
            memory.delete(key);
          }
        }
        return answer;
      },
    },
    recall(unit, fc, at, words, maxAgeMs) {
      const found: number[] = [];
      const oldestMs = performance.now() - maxAgeMs;
      const first = memory.get(`${unit}/${fc}/${at}`);
      for (let address = at; address < at + words; address++) {
        const one = memory.get(`${unit}/${fc}/${address}`);
        if (!one || one.atMs < oldestMs || one.atMs !== first?.atMs) return null;
        found.push(one.word);
      }
      return found;
    },
  };
}
