// The thread that reads one configuration for apart.ts, and ends.

import {parentPort, workerData} from 'node:worker_threads';
import {AppError} from '../core/errors.ts';
import type {ReadApart} from './apart.ts';
import {loadConfig} from './load.ts';

const tell = (told: ReadApart): void => parentPort?.postMessage(told);
try {
  tell({config: loadConfig(workerData as string)});
} catch (error) {
  // A fault of the program ends the thread with itself.
  if (!(error instanceof AppError)) throw error;
  const {code, where, what, stack} = error;
  tell({error: {code, where, what, stack}});
}
