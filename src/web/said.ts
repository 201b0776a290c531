// The daemon's own sentences in the reader's language. It tells them in English, as they are stored and published; a known one is said
// here in other words, and what is not known stays as it was told.

import {signal} from '@preact/signals';
import {language, number} from './text.ts';
import {type Pattern, patternsOf, translated} from './translate.ts';

type Tables = {readonly sentences: Readonly<Record<string, string>>; readonly kinds: Readonly<Record<string, string>>};

/** By language. Whoever reads English needs none. */
const TABLES: Readonly<Record<string, () => Promise<Tables>>> = {de: () => import('../core/sentences/de.ts')};

const tables = signal<Tables | null>(null);
let patterns: readonly Pattern[] = [];
let asked = false;
const found = new Map<string, string>();
const MOST_FOUND = 500;

/** Fetches the words, once; whoever tells sentences is drawn again when they are there. The first numbers do not wait for them. */
export function learnSentences(): void {
  if (asked) return;
  asked = true;
  TABLES[language]?.().then(
    known => {
      patterns = patternsOf(known.sentences);
      tables.value = known;
    },
    () => {
      asked = false; // English until then
    },
  );
}

/** A sentence of the daemon. */
export function said(text: string): string {
  if (!tables.value) return text;
  let words = found.get(text);
  if (words === undefined) {
    words = translated(text, patterns, number);
    if (found.size >= MOST_FOUND) found.clear();
    found.set(text, words);
  }
  return words;
}

/** What an event is called. */
export const kindOf = (kind: string): string => tables.value?.kinds[kind] ?? kind.replaceAll('-', ' ');
