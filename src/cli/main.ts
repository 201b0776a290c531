#!/usr/bin/env node
// The command line: finds the command, parses its options, prints errors a person can act on.

import {parseArgs} from 'node:util';
import {AppError} from '../core/errors.ts';
import type {Command} from './command.ts';

/** Loaded only when asked for, so that `--help` and short commands start at once. */
const COMMANDS: Readonly<Record<string, () => Promise<{readonly command: Command}>>> = {
  run: () => import('./run.ts'),
  demo: () => import('./demo.ts'),
  init: () => import('./init.ts'),
  scan: () => import('./scan.ts'),
  read: () => import('./read.ts'),
  capture: () => import('./capture.ts'),
  simulate: () => import('./simulate.ts'),
  plan: () => import('./plan.ts'),
  profiles: () => import('./profiles.ts'),
  check: () => import('./check.ts'),
  report: () => import('./report.ts'),
  export: () => import('./export.ts'),
  explain: () => import('./explain.ts'),
  backup: () => import('./backup.ts'),
  restore: () => import('./restore.ts'),
  correct: () => import('./correct.ts'),
  recompute: () => import('./recompute.ts'),
  doctor: () => import('./doctor.ts'),
};

const err = (text: string): void => void process.stderr.write(`${text}\n`);
