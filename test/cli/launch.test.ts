// What starts the daemon gives node the same flags everywhere: the scripts, the package, the pages and the measurements.

import {readFileSync} from 'node:fs';
import {expect, test} from 'vitest';
import {LAUNCH_ENV, NODE_FLAGS} from '../../bench/launch.ts';

test.each(['package.json', 'tools/package/build.mjs', 'docs/install.md'])('%s starts node as it is measured', file => {
  const starts = readFileSync(file, 'utf8')
    .split('\n')
    .filter(line => /\bnode\b.* \S*cli\/main\.[jt]s("\$@"|\s|")/.test(line) && line.includes('--'));
  expect(starts.length).toBeGreaterThan(0);
  for (const line of starts) expect(line).toContain(`node ${NODE_FLAGS.join(' ')} `);
});

test.each(['tools/package/build.mjs', 'docs/install.md'])('the launcher in %s sets what it is measured with', file => {
  const settings = Object.entries(LAUNCH_ENV).map(([name, value]) => `${name}=${value}`);
  expect(readFileSync(file, 'utf8')).toContain(`export ${settings.join(' ')}\n`);
});
