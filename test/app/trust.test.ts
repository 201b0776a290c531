// When wall time may be used: for rows once it is believed, for slots where it is not behind the ledger either.

import {mkdirSync, writeFileSync} from 'node:fs';
import path from 'node:path';
import {expect, test} from 'vitest';
import {createClockTrust} from '../../src/app/trust.ts';
import {tempFolder} from '../support/cli.ts';

const NOW = Date.parse('2026-11-24T12:00:00Z');
const MONTH_MS = 30 * 86_400_000;
const [NONE, ROWS, ALL] = [
  {rows: false, slots: false},
  {rows: true, slots: false},
  {rows: true, slots: true},
];

test.each([
  // a machine                                     its time server      last stored      what it shows, and what that is worth
  ['without a time service, a right clock', 'none', null, [[NOW, ALL]]],
  [
    'without a time service, 1970 and set later',
    'none',
    null,
    [
      [0, NONE],
      [60_000, NONE],
      [NOW, ALL],
    ],
  ],
  ['not synchronised yet', 'waiting', null, [[NOW, NONE]]],
  ['synchronised', 'there', null, [[NOW, ALL]]],
  [
    'behind the ledger, after a clock that ran ahead',
    'none',
    NOW + MONTH_MS,
    [
      [NOW, ROWS],
      [NOW + MONTH_MS, ALL],
    ],
  ],
  ['behind the ledger, after a clock that ran ahead, and synchronised', 'there', NOW + MONTH_MS, [[NOW, ALL]]],
  ['behind the ledger and not synchronised', 'waiting', NOW + MONTH_MS, [[NOW, NONE]]],
  [
    'set back after it was trusted',
    'none',
    NOW,
    [
      [NOW, ALL],
      [0, ALL],
    ],
  ],
] as const)('%s', (_title, service, lastStoredMs, moments) => {
  const timesync = path.join(tempFolder(), 'timesync');
  if (service !== 'none') mkdirSync(timesync);
  if (service === 'there') writeFileSync(path.join(timesync, 'synchronized'), '');
  const trust = createClockTrust(lastStoredMs, timesync);
  expect(moments.map(([wallMs], index) => trust(wallMs, index * 1000))).toEqual(moments.map(([, worth]) => worth));
});

test('a machine that found no time server in ten minutes has none', () => {
  const timesync = path.join(tempFolder(), 'timesync');
  mkdirSync(timesync);
  const trust = createClockTrust(null, timesync);
  expect([trust(NOW, 0), trust(NOW + 601_000, 601_000)]).toEqual([NONE, ALL]);
});
