// A reload that is asked for before the daemon is up: the configuration lies in a pipe, so that its reading waits for us.

import {execFileSync} from 'node:child_process';
import {open} from 'node:fs/promises';
import path from 'node:path';
import {expect, test} from 'vitest';
import {start, tempFolder} from '../support/cli.ts';

test('SIGHUP in the middle of the first reading is a reload, not the end', async () => {
  const folder = tempFolder();
  const pipe = path.join(folder, 'site.yaml');
  execFileSync('mkfifo', [pipe]);
  const text = (everyS: number): string => `version: 1
links: {bus: {url: "tcp://127.0.0.1:1"}}
devices: {meter: {profile: eastron-sdm630, link: bus}}
map: {grid: meter}
poll: {every: ${everyS}s}
store: {path: ${folder}/wattledger.db}
http: false
`;
  const daemon = start(['run', '--config', pipe]);

  // Opens once the other end is being read.
  const first = await open(pipe, 'w');
  daemon.child.kill('SIGHUP');
  await first.writeFile(text(3));
  await first.close();
  await daemon.saying(/"everyMs":3000.*"starting"/);
  const second = await open(pipe, 'w');
  await second.writeFile(text(4));
  await second.close();
  await daemon.saying(/"everyMs":4000.*"starting"/);

  daemon.child.kill('SIGTERM');
  expect((await daemon.ended).code).toBe(0);
});
