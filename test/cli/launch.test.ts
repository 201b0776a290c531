// What starts the daemon gives node the same flags everywhere: the package, the pages, the scripts and the measurements.

import {spawnSync} from 'node:child_process';
import {readFileSync} from 'node:fs';
import {expect, test} from 'vitest';
import {LAUNCH_ENV, NODE_FLAGS, START_FLAGS} from '../../bench/launch.ts';

test.each(['tools/package/build.mjs', 'docs/install.md'])('the launcher in %s starts node as it is measured', file => {
  const starts = readFileSync(file, 'utf8')
    .split('\n')
    .filter(line => /^exec \S*node /.test(line));
  expect(starts).toHaveLength(1);
  expect(starts[0]).toContain(`node ${NODE_FLAGS.join(' ')} `);
});

test('`npm start` starts node as it is measured', () => {
  expect(JSON.parse(readFileSync('package.json', 'utf8')).scripts.start).toBe(`exec node ${START_FLAGS.join(' ')} src/cli/main.ts demo`);
});

test('node knows these flags: with one that it does not know it would not start at all', () => {
  const {status, stderr} = spawnSync(process.execPath, [...NODE_FLAGS, '-e', '0'], {encoding: 'utf8'});
  expect({status, stderr}).toEqual({status: 0, stderr: ''});
});

test.each(['tools/package/build.mjs', 'docs/install.md'])('the launcher in %s sets what it is measured with', file => {
  const settings = Object.entries(LAUNCH_ENV).map(([name, value]) => `${name}=${value}`);
  expect(readFileSync(file, 'utf8')).toContain(`export ${settings.join(' ')}\n`);
});
