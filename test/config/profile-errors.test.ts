// A wrong profile of one's own gets one clear error too: file, line, key, what was found, what was expected, the nearest known word.

import {readFileSync} from 'node:fs';
import {expect, test} from 'vitest';
import {parseProfile} from '../../src/config/profiles.ts';

const GOOD = readFileSync('config/profiles/eastron-sdm120.yaml', 'utf8');

test.each([
  // what is wrong                   change                                              words in the message
  ['a point that is none', ['    power_w: ', '    powr_w: '], ['"meter.powr_w" is no point name; did you mean "meter.power_w"?']],
  ['a word every object knows', ['    power_w: ', '    constructor: '], ['"meter.constructor" is no point name']],
  ['a function that writes', ['fc: 4', 'fc: 6'], ['defaults.fc: found 6, expected 3 or 4']],
  ['a type that is none', ['type: f32}\nnight', 'type: f33}\nnight'], ['defaults.type', 'did you mean "f32"?']],
  ['an address beyond the last', ['at: 0x000C', 'at: 0x1000C'], ['found 65548, expected at most 65535']],
  ['a value that ends beyond the last', ['at: 0x000C', 'at: 0xFFFF'], ['parts.meter.power_w: the registers end beyond 65535']],
  [
    'a point twice',
    ['    current_l1_a: ', '    power_w: {at: 2}\n    current_l1_a: '],
    ['parts.meter.power_w: is here a second time, first in line'],
  ],
] as const)('%s', (_what, [from, to], words) => {
  expect(GOOD).toContain(from);
  const text = GOOD.replace(from, to);
  const wrong = words[0].includes('second time') ? text.lastIndexOf('power_w: ') : text.indexOf(to);
  expect(() => parseProfile(text, 'my.yaml')).toThrow(
    expect.objectContaining({
      code: 'PROFILE_INVALID',
      where: expect.stringMatching(new RegExp(`^my\\.yaml:${text.slice(0, wrong).split('\n').length}:`)),
    }),
  );
  for (const word of words) expect(() => parseProfile(text, 'my.yaml')).toThrow(word);
});

test.each([
  ['with line ends of Windows', GOOD.replaceAll('\n', '\r\n')],
  ['with a mark of its encoding', `\uFEFF${GOOD}`],
])('%s it is read', (_how, text) => {
  expect(parseProfile(text, 'my.yaml').id).toBe('eastron-sdm120');
});
