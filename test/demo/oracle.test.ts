// The days of the simulated home through the whole daemon, on a clock that does not wait: an hour of what the long run does for a week.

import {spawnSync} from 'node:child_process';
import path from 'node:path';
import {expect, test} from 'vitest';

const ORACLE = path.resolve('tools/oracle.ts');

test.each(['villa', 'hybrid'])(
  'an hour of the %s, read every 30 s: each measured total is its register’s',
  scenario => {
    const {status, stdout, stderr} = spawnSync(process.execPath, [ORACLE, '--days', '0.0417', '--every', '30', '--scenario', scenario], {
      encoding: 'utf8',
    });
    expect(stderr).toBe('');
    expect(stdout).toMatch(/all cells +\d+\.\d +\d+\.\d +\d+\.\d\d of it, over 1 h/);
    expect(stdout).not.toContain('not its register');
    expect(status).toBe(0);
  },
  120_000,
);
