// What the daemon says is known in every language of the page, and found again in what it told.

import {readdirSync, readFileSync} from 'node:fs';
import {expect, test} from 'vitest';
import * as german from '../../src/core/sentences/de.ts';
import {say} from '../../src/core/sentences/say.ts';
import {patternsOf, translated} from '../../src/web/translate.ts';

const patterns = patternsOf(german.sentences);
const plain = (value: number): string => value.toLocaleString('de');
const inGerman = (text: string): string => translated(text, patterns, plain);
const slotsOf = (text: string): string[] => [...text.matchAll(/\{(\w+)\}/g)].map(match => match[1] as string).sort();
const filled = (text: string): string => text.replace(/\{(\w+)\}/g, (_, name) => `<${name}>`);
const ALL = Object.entries(german.sentences);

test('every language of the page has the sentences of the daemon, and every table is one of such a language', () => {
  const pages = readdirSync('src/web/text').map(name => name.replace(/\.ts$/, ''));
  const tables = readdirSync('src/core/sentences').filter(name => name !== 'say.ts');
  expect(tables.map(name => name.replace(/\.ts$/, ''))).toEqual(pages.filter(language => language !== 'en'));
  const loaded = readFileSync('src/web/said.ts', 'utf8');
  for (const name of tables) expect(loaded).toContain(`import('../core/sentences/${name}')`);
});

test.each(ALL)('%s', (english, words) => {
  expect(slotsOf(words)).toEqual(slotsOf(english));
  expect(words).not.toBe('');
  // No other sentence takes it for its own.
  expect(inGerman(filled(english))).toBe(filled(words));
});

test.each([
  [say('{w} W more left the house than came in', {w: 1234}), '1.234 W mehr verließen das Haus, als hineinkamen'],
  [
    say('{device}: no answer ({fault})', {device: 'roof', fault: say('no answer within {ms} ms', {ms: 1000})}),
    'roof: keine Antwort (keine Antwort innerhalb von 1.000 ms)',
  ],
  [say('refused with exception {code} ({meaning})', {code: 2, meaning: 'address'}), 'abgelehnt mit Ausnahme 2 (Adresse)'],
  [
    `${say('filled from the counters over {s} s', {s: 65})}; corrected: the meter was read`,
    'über 65 s aus den Zählerständen gefüllt; berichtigt: the meter was read',
  ],
  [say('logger {other} answers logger {logger}', {other: 2_700_000_001, logger: 7}), 'Logger 2700000001 antwortet statt Logger 7'],
  ['the moon is full', 'the moon is full'],
])('%s: its values are written in the language of the reader', (told, german) => {
  expect(inGerman(told)).toBe(german);
});
