// A pair of pseudo-terminals: a serial cable without a cable. Needs socat.

import {spawn, spawnSync} from 'node:child_process';
import {existsSync} from 'node:fs';
import path from 'node:path';
import {setTimeout as sleep} from 'node:timers/promises';

export const haveSocat = spawnSync('socat', ['-V'], {stdio: 'ignore'}).error === undefined;
export const WITHOUT_SOCAT = haveSocat ? '' : ' (skipped: socat is not installed)';

export type Cable = {readonly a: string; readonly b: string /** Pulls the plug. */; pull(): Promise<void>};

/** Both ends as files in `folder`. */
export async function cable(folder: string): Promise<Cable> {
  const [a, b] = [path.join(folder, 'a'), path.join(folder, 'b')];
  const child = spawn('socat', [`pty,raw,echo=0,link=${a}`, `pty,raw,echo=0,link=${b}`], {stdio: 'ignore'});
  const gone = new Promise<void>(resolve => child.once('exit', () => resolve()));
  while (child.exitCode === null && !(existsSync(a) && existsSync(b))) await sleep(20);
  return {
    a,
    b,
    async pull() {
      child.kill('SIGKILL');
      await gone;
    },
  };
}
