// The days of the simulated home through the whole daemon, on a clock that does not wait: three hours of what the long run does for a week.

import {execFile} from 'node:child_process';
import path from 'node:path';
import {promisify} from 'node:util';
import {expect, test} from 'vitest';

const ORACLE = path.resolve('tools/oracle.ts');
const HOUSES = ['villa', 'hybrid', 'night-charging', 'three-phase', 'island'];

test.concurrent.each(HOUSES)('%s, read every 30 s: each measured total is its register’s', async scenario => {
  const {stdout, stderr} = await promisify(execFile)(process.execPath, [
    ORACLE,
    '--days',
    '0.125',
    '--every',
    '30',
    '--scenario',
    scenario,
  ]);
  expect(stderr).toBe('');
  expect(stdout).toMatch(/all cells +\d+\.\d +\d+\.\d +\d+\.\d\d of it, over 3 h/);
  expect(stdout).not.toContain('not its register');
});
