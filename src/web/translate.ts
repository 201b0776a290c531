// A told sentence turned back into its slots and their values, and said again in other words. Pure.

export type Pattern = {readonly pattern: RegExp; readonly names: readonly string[]; readonly words: string};

/** Slots that hold a sentence themselves. */
const NESTED = new Set(['fault', 'meaning', 'reason', 'trouble', 'what']);
/** Slots whose digits are a name, not an amount. */
const NAMES = new Set(['code', 'fc', 'logger', 'other', 'unit']);

/** `sentences`: other words by the English ones. The sentence with most words of its own comes first: a general one would take its place. */
export const patternsOf = (sentences: Readonly<Record<string, string>>): Pattern[] =>
  Object.entries(sentences)
    .map(([english, words]) => ({
      own: english.replace(/\{\w+\}/g, '').length,
      names: [...english.matchAll(/\{(\w+)\}/g)].map(match => match[1] as string),
      pattern: new RegExp(`^${english.replace(/[.*+?^$()|[\]\\]/g, '\\$&').replace(/\{\w+\}/g, '(.+?)')}$`),
      words,
    }))
    .sort((a, b) => b.own - a.own);

/** What no pattern knows stays as it is. `number` writes an amount. */
export function translated(text: string, patterns: readonly Pattern[], number: (value: number) => string): string {
  for (const {pattern, names, words} of patterns) {
    const match = pattern.exec(text);
    if (!match) continue;
    const values = Object.fromEntries(names.map((name, index) => [name, match[index + 1] as string]));
    return words.replace(/\{(\w+)\}/g, (_, name: string) => {
      const value = values[name] ?? '';
      if (NESTED.has(name)) return translated(value, patterns, number);
      return !NAMES.has(name) && /^-?\d+(\.\d+)?$/.test(value) ? number(Number(value)) : value;
    });
  }
  return text;
}
