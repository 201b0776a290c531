// The command line as its user has it: a process of its own, its output, its exit code.

import {type ChildProcess, spawn} from 'node:child_process';
import {mkdtempSync, rmSync} from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import {afterTest} from './after.ts';

const MAIN = path.resolve('src/cli/main.ts');

/** A folder that is gone after the test. */
export function tempFolder(): string {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'wattledger-test-'));
  afterTest(() => rmSync(folder, {recursive: true, force: true}));
  return folder;
}

export type Ended = {readonly code: number | null; readonly stdout: string; readonly stderr: string};
export type Started = {
  readonly child: ChildProcess;
  /** What was written so far. */
  stdout(): string;
  stderr(): string;
  /** Resolves when the text or pattern shows up on either stream; rejects if the process ends before. */
  saying(what: string | RegExp): Promise<string>;
  readonly ended: Promise<Ended>;
};

export const start = (args: readonly string[], env: NodeJS.ProcessEnv = {}): Started => startScript(MAIN, args, env);

function startScript(file: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): Started {
  const child = spawn(process.execPath, [file, ...args], {env: {...process.env, ...env}, stdio: ['ignore', 'pipe', 'pipe']});
  let stdout = '';
  let stderr = '';
  const watchers = new Set<() => void>();
  child.stdout?.on('data', chunk => {
    stdout += chunk;
    for (const watch of watchers) watch();
  });
  child.stderr?.on('data', chunk => {
    stderr += chunk;
    for (const watch of watchers) watch();
  });
  const ended = new Promise<Ended>(resolve => {
    child.once('close', code => resolve({code, stdout, stderr}));
  });
  afterTest(() => {
    child.kill('SIGKILL');
    return ended;
  });
  return {
    child,
    stdout: () => stdout,
    stderr: () => stderr,
    saying: what =>
      new Promise((resolve, reject) => {
        const look = (): void => {
          const all = stdout + stderr;
          const found =
            typeof what === 'string' ? (all.includes(what) ? what : null) : (what.exec(all)?.[1] ?? what.exec(all)?.[0] ?? null);
          if (found === null) return;
          watchers.delete(look);
          resolve(found);
        };
        watchers.add(look);
        look();
        void ended.then(end => reject(new Error(`ended with ${end.code} before saying ${what}:\n${end.stderr}${end.stdout}`)));
      }),
    ended,
  };
}

/** Another program of the repository, to its end. */
export const runScript = (file: string, args: readonly string[]): Promise<Ended> => startScript(file, args).ended;

/** Runs to the end. */
export const run = (args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Ended> => start(args, env).ended;
