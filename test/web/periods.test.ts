// Periods by their names in the address of the page, and what a running one is held against.

import {expect, test} from 'vitest';
import {alike, chosenOf, isComparable, type Kind, rangeOf, startOf, stepped, wordsOf} from '../../src/web/periods.ts';

const TODAY = '2026-03-15';
const POLICIES = ['solar-first', 'proportional'];

test.each<[string, string, Kind, string, string]>([
  // address                      kind     first day      policy
  ['', 'nothing said', 'day', '2026-03-15', 'solar-first'],
  ['day/2026-02-28', 'a day', 'day', '2026-02-28', 'solar-first'],
  ['month', 'the running month', 'month', '2026-03-01', 'solar-first'],
  ['month/2025-12/proportional', 'a month, attributed the other way', 'month', '2025-12-01', 'proportional'],
  ['proportional/2025/year', 'in any order', 'year', '2025-01-01', 'proportional'],
  ['day/2026-02-30', 'a day that is none', 'day', '2026-03-15', 'solar-first'],
  ['day/2027-01-01', 'a day to come', 'day', '2026-03-15', 'solar-first'],
  ['week/202/x', 'nonsense', 'day', '2026-03-15', 'solar-first'],
  ['all', 'everything', 'all', '2015-01-01', 'solar-first'],
])('#/energy/%s: %s', (address, _what, kind, start, policy) => {
  const chosen = chosenOf(address.split('/'), TODAY, POLICIES);
  expect(chosen).toEqual({kind, start, policy});
  expect(chosenOf(wordsOf(chosen, TODAY, 'solar-first'), TODAY, POLICIES)).toEqual(chosen);
});

test('the current period has no date in its address, so that an open page goes on with the next one', () => {
  const words = wordsOf({kind: 'month', start: '2026-03-01', policy: 'solar-first'}, TODAY, 'solar-first');
  expect(words).toEqual(['month']);
  expect(chosenOf(words, '2026-04-01', POLICIES).start).toBe('2026-04-01');
});

test.each<[Kind, string, string, string, string]>([
  ['day', '2026-03-01', '2026-02-28', '2026-03-01', '2026-03-02'],
  ['month', '2026-01-01', '2025-12-01', '2026-01-01', '2026-02-01'],
  ['year', '2026-01-01', '2025-01-01', '2026-01-01', '2027-01-01'],
])('before and after a %s from %s', (kind, start, before, from, to) => {
  expect(stepped(kind, start, -1)).toBe(before);
  expect(rangeOf(kind, start, TODAY)).toEqual({from, to});
  expect(stepped(kind, stepped(kind, start, 1), -1)).toBe(start);
});

test.each<[string, Kind, string, string, object | null]>([
  // when                                       period    today         now                     held against
  ['the running day: the same hours', 'day', '2026-03-15', '2026-03-15T10:07:00Z', {from: '2026-03-14', to: '2026-03-14T10:00:00.000Z'}],
  ['the running month: its days that are over', 'month', '2026-03-15', '2026-03-15T10:00:00Z', {from: '2026-02-01', to: '2026-02-15'}],
  ['the first of a month: nothing yet', 'month', '2026-03-01', '2026-03-01T10:00:00Z', null],
  [
    'the 31st after a short month: no further than that',
    'month',
    '2026-03-31',
    '2026-03-31T10:00:00Z',
    {from: '2026-02-01', to: '2026-03-01'},
  ],
  ['the running year', 'year', '2026-03-15', '2026-03-15T10:00:00Z', {from: '2025-01-01', to: '2025-03-15'}],
  ['the first days of a year: nothing yet', 'year', '2026-01-03', '2026-01-03T10:00:00Z', null],
  ['everything', 'all', '2026-03-15', '2026-03-15T10:00:00Z', null],
])('%s', (_when, kind, today, at, expected) => {
  expect(alike(kind, startOf(kind, today), Date.parse(at), today)).toEqual(expected);
});

test('a period that is over is held against all of the one before', () => {
  expect(alike('month', '2026-02-01', Date.parse('2026-03-15T10:00:00Z'), TODAY)).toEqual({from: '2026-01-01', to: '2026-02-01'});
});

test.each([
  ['March and all of February', 28, 31, true],
  ['a day of 25 hours and one of 24', 24, 25, true],
  ['a day and one that is on record from noon', 12, 24, false],
  ['a year and one that began in August', 5, 12, false],
  ['anything and nothing', 0, 0, false],
])('%s can be held against each other, or not', (_what, before, passed, expected) => {
  expect(isComparable(before, passed)).toBe(expected);
});
