// A peer that others have written: pymodbus as the device, over TCP, RTU over TCP, and RTU and ASCII on a line.

import {spawn, spawnSync} from 'node:child_process';
import path from 'node:path';
import {createInterface} from 'node:readline';
import {setTimeout as sleep} from 'node:timers/promises';
import {describe, expect, test} from 'vitest';
import {realClock} from '../../src/app/clock.ts';
import {parseLinkUrl} from '../../src/core/linkurl.ts';
import type {Link, ReadAnswer} from '../../src/link/link.ts';
import {openLink} from '../../src/link/open.ts';
import {afterTest} from '../support/after.ts';
import {tempFolder} from '../support/cli.ts';
import {freePort} from '../support/programs.ts';
import {cable, haveSocat} from '../support/pty.ts';

/** Debian's, whatever python stands first in the path. */
const PYTHON = '/usr/bin/python3';
const SERVER = path.resolve('test/link/peers/pymodbus_server.py');
const havePeer = spawnSync(PYTHON, [SERVER, 'check']).status === 0;
const WITHOUT = havePeer ? '' : ' (skipped: python3-pymodbus 3.0 and python3-serial-asyncio are not installed)';
const never = new AbortController().signal;
async function peer(kind: string, where: string): Promise<void> {
  const child = spawn(PYTHON, [SERVER, kind, where], {stdio: ['ignore', 'pipe', 'ignore']});
  afterTest(() => child.kill('SIGKILL'));
  await new Promise<void>((resolve, reject) => {
    createInterface({input: child.stdout}).once('line', () => resolve());
    child.once('exit', () => reject(new Error('pymodbus ended')));
  });
}
function opened(url: string): Link {
  const link = openLink('peer', parseLinkUrl(url, 'test'), {clock: realClock, timeoutMs: 1500});
  afterTest(() => link.close());
  return link;
}
/** It says that it is ready a moment before it is. */
async function read(link: Link, unit: number, fc: 3 | 4, at: number, words: number): Promise<ReadAnswer> {
  for (let tries = 0; ; tries++) {
    const answer = await link.read(unit, {fc, at, words}, never);
    if (tries > 20 || !('fault' in answer) || !['refused', 'disconnected', 'timeout'].includes(answer.fault.kind)) return answer;
    if ('exception' in answer.fault) return answer;
    await sleep(200);
  }
}
const expected = (unit: number, fc: 3 | 4, at: number, words: number): number[] =>
  Array.from({length: words}, (_, index) => ((at + index) * 7919 + (fc === 4 ? 1000 : 0) + unit) & 0xffff);

async function reads(link: Link): Promise<void> {
  for (const [unit, fc, at, words] of [
    [1, 3, 0, 1],
    [1, 4, 17, 60],
    [7, 3, 100, 100],
    [7, 4, 199, 1],
  ] as const)
    expect(await read(link, unit, fc, at, words), `unit ${unit}, function ${fc}, ${words} at ${at}`).toMatchObject({
      words: expected(unit, fc, at, words),
    });
  // Beyond its registers the peer answers with exception 2, and the next request is right again.
  expect(await read(link, 1, 3, 190, 20)).toMatchObject({fault: {exception: 2}});
  expect(await read(link, 1, 3, 5, 2)).toMatchObject({words: expected(1, 3, 5, 2)});
}

describe.skipIf(!havePeer)(`pymodbus${WITHOUT}`, () => {
  test.each(['tcp', 'rtu+tcp'])('%s', async kind => {
    const port = await freePort();
    await peer(kind, String(port));
    await reads(opened(`${kind}://127.0.0.1:${port}`));
  });

  test.skipIf(!haveSocat).each(['rtu', 'ascii'])('%s on a line', async kind => {
    const {a, b, pull} = await cable(tempFolder());
    afterTest(pull);
    await peer(kind, a);
    await reads(opened(`${kind}://${b}?baud=19200`));
  });
});
