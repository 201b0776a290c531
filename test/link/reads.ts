// Reads over a link, for tests: what must come is waited for, what must not is not.

import {realClock} from '../../src/app/clock.ts';
import {parseLinkUrl} from '../../src/core/linkurl.ts';
import type {Link, ReadAnswer} from '../../src/link/link.ts';
import {openLink} from '../../src/link/open.ts';
import type {RegisterSource} from '../../src/link/server.ts';
import {afterTest} from '../support/after.ts';

const never = new AbortController().signal;
export const opened = (text: string): Link => {
  const link = openLink('test', parseLinkUrl(text), {clock: realClock});
  afterTest(() => link.close());
  return link;
};
/** An answer that comes is waited for as long as a busy machine may need; one that must not come, no longer than is enough. */
export const AMPLE_MS = 30_000;
export const BRIEF_MS = 200;
export const read = (link: Link, at: number, words = 2, unit = 1, timeoutMs = AMPLE_MS): Promise<ReadAnswer> =>
  link.read(unit, {fc: 3, at, words}, never, {timeoutMs});
export const readInVain = (link: Link, at: number, words = 2, unit = 1): Promise<ReadAnswer> => read(link, at, words, unit, BRIEF_MS);
/** A register's value is its address: a stale answer shows. */
export const byAddress: RegisterSource = {read: (_fc, at, words) => Array.from({length: words}, (_, index) => (at + index) & 0xffff)};
