// The newest word of each address over fast and slow sweeps, for those who want to see behind a value.

import type {Registers} from './words.ts';

export type Latest = Registers & {add(sweeps: readonly Registers[]): void};

/** A fast and a slow sweep of up to three units. */
const MOST_LAYERS = 6;

export function createLatest(): Latest {
  let layers: readonly Registers[] = [];
  return {
    add(sweeps) {
      layers = [...[...sweeps].reverse(), ...layers].slice(0, MOST_LAYERS);
    },
    word(fc, address) {
      for (const layer of layers) {
        const word = layer.word(fc, address);
        if (word) return word;
      }
      return undefined;
    },
    fault: (fc, address) => layers[0]?.fault(fc, address),
  };
}
