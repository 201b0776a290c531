// A pair of pseudo-terminals: a serial cable without a cable. Needs socat.

import {spawn, spawnSync} from 'node:child_process';
import {existsSync} from 'node:fs';
import path from 'node:path';
import {setTimeout as sleep} from 'node:timers/promises';
import {serialWire, type Wire} from '../../src/link/wire.ts';
import {afterTest} from './after.ts';
import {tempFolder} from './cli.ts';

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

/** A cable whose far end is open, as a device holds it: what speaks there, and the port at which it is heard. Gone after the test. */
export async function farEnd(baud = 9600): Promise<{readonly wire: Wire; readonly port: string}> {
  const {a, b, pull} = await cable(tempFolder());
  afterTest(pull);
  const wire = serialWire(a, {baud, parity: 'none', stop: 1, data: 8});
  const fault = await wire.open(1000, new AbortController().signal);
  if (fault) throw new Error(`the far end does not open: ${JSON.stringify(fault)}`);
  afterTest(() => wire.close());
  return {wire, port: b};
}
