// A sentence for people, out of the one table of them: what is said here can be said in every language of the page.

import type {kinds, sentences} from './de.ts';

export type Sentence = keyof typeof sentences;
/** What an event is called. */
export type EventKind = keyof typeof kinds;

type Slots<S extends string> = S extends `${string}{${infer Name}}${infer Rest}` ? Name | Slots<Rest> : never;
type Values<S extends string> = [Slots<S>] extends [never] ? [] : [values: Readonly<Record<Slots<S>, string | number>>];

declare const mark: unique symbol;
/** English that `say` made: only such sentences reach people, so that none of them is without its translations. */
export type Said = string & {readonly [mark]: true};

/** The sentence with its slots filled. It stays one text, as stored and published; the page finds the slots in it again. */
export function say<S extends Sentence>(sentence: S, ...[values]: Values<S>): Said {
  const filled = (values ?? {}) as Readonly<Record<string, string | number>>;
  return sentence.replace(/\{(\w+)\}/g, (_, name: string) => String(filled[name])) as Said;
}

/** What somebody else said (a library, the system, another program), passed on as it is. */
export const quoted = (text: string): Said => text as Said;
