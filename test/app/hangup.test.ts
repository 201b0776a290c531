// Reloads: before the daemon is up, and of a profile of one's own.

import {execFileSync} from 'node:child_process';
import {mkdirSync, readFileSync, writeFileSync} from 'node:fs';
import {open} from 'node:fs/promises';
import path from 'node:path';
import {expect, test} from 'vitest';
import {start, tempFolder} from '../support/cli.ts';

const site = (folder: string, everyS: number, profile = 'eastron-sdm630'): string => `version: 1
links: {bus: {url: "tcp://127.0.0.1:1"}}
devices: {meter: {profile: ${profile}, link: bus}}
map: {grid: meter}
poll: {every: ${everyS}s}
store: {path: ${folder}/wattledger.db}
http: false
`;

// The configuration lies in a pipe, so that its reading waits for us.
test('SIGHUP in the middle of the first reading is a reload, not the end', async () => {
  const folder = tempFolder();
  const pipe = path.join(folder, 'site.yaml');
  execFileSync('mkfifo', [pipe]);
  const daemon = start(['run', '--config', pipe]);

  // Opens once the other end is being read.
  const first = await open(pipe, 'w');
  daemon.child.kill('SIGHUP');
  await first.writeFile(site(folder, 3));
  await first.close();
  await daemon.saying(/"everyMs":3000.*"starting"/);
  const second = await open(pipe, 'w');
  await second.writeFile(site(folder, 4));
  await second.close();
  await daemon.saying(/"everyMs":4000.*"starting"/);

  daemon.child.kill('SIGTERM');
  expect((await daemon.ended).code).toBe(0);
});

test('SIGHUP reads a profile of one’s own again', async () => {
  const folder = tempFolder();
  const mine = path.join(folder, 'my-meter.yaml');
  const known = readFileSync('config/profiles/eastron-sdm630.yaml', 'utf8').replace('id: eastron-sdm630', 'id: my-meter');
  writeFileSync(mine, known);
  const config = path.join(folder, 'site', 'wattledger.yaml');
  mkdirSync(path.dirname(config));
  writeFileSync(config, `${site(folder, 1, 'my-meter')}profiles: ..\n`);
  const daemon = start(['run', '--config', config]);
  await daemon.saying('first tick done');

  writeFileSync(mine, known.replace('power_w:', 'powr_w:'));
  daemon.child.kill('SIGHUP');
  await daemon.saying(/the old one stays: .*my-meter\.yaml:\d+:\d+: .*powr_w/);
  writeFileSync(mine, known.replace('name: ', 'name: My own '));
  daemon.child.kill('SIGHUP');
  await daemon.saying('configuration read again');

  daemon.child.kill('SIGTERM');
  expect((await daemon.ended).code).toBe(0);
});
