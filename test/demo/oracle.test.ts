// The days of the simulated home through the whole daemon, on a clock that does not wait: three hours of what the long run does for a week.

import path from 'node:path';
import {expect, test} from 'vitest';
import {runScript} from '../support/cli.ts';

const ORACLE = path.resolve('tools/oracle.ts');
const HOUSES = ['villa', 'hybrid', 'night-charging', 'three-phase', 'island'];

test.concurrent.each(HOUSES)('%s, read every 30 s: each measured total is its register’s', async scenario => {
  const {code, stdout, stderr} = await runScript(ORACLE, ['--days', '0.125', '--every', '30', '--scenario', scenario]);
  expect({code, stderr}, stdout).toEqual({code: 0, stderr: ''});
  expect(stdout).toMatch(/all cells +\d+\.\d +\d+\.\d +\d+\.\d\d of it, over 3 h/);
});
