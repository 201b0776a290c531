// A configuration read in a thread of its own: what understands YAML and checks it would stay in the daemon's memory for good, 7 MB of it.

import {once} from 'node:events';
import {Worker} from 'node:worker_threads';
import {AppError} from '../core/errors.ts';
import type {AppConfig} from './load.ts';

export type ReadApart =
  | {readonly config: AppConfig}
  | {readonly error: Pick<AppError, 'code' | 'where' | 'what'> & {readonly stack: string | undefined}};

/** Reads and checks a file. Rejects with AppError with file and line. */
export async function loadConfigApart(fileName: string): Promise<AppConfig> {
  const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
  const thread = new Worker(new URL(`./thread.${extension}`, import.meta.url), {workerData: fileName, name: 'config'});
  const gone = once(thread, 'exit').then(() => {
    throw new AppError('FAILED', fileName, 'the thread that reads it ended without a word');
  });
  gone.catch(() => {}); // after its word it ends as well
  const [told] = (await Promise.race([once(thread, 'message'), gone])) as [ReadApart];
  if ('config' in told) return told.config;
  const {code, where, what, stack} = told.error;
  throw Object.assign(new AppError(code, where, what), {stack});
}
