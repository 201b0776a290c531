// Builds the dashboard after an install from a checkout. A production install has no vite and ships the built files instead.

import {spawnSync} from 'node:child_process';
import {existsSync} from 'node:fs';

const vite = 'node_modules/vite/bin/vite.js';
if (existsSync(vite) && existsSync('vite.config.ts')) {
  const {status} = spawnSync('node', [vite, 'build', '--logLevel', 'warn'], {stdio: 'inherit'});
  process.exitCode = status ?? 1;
}
