// A wall clock of its own for a process: set far off, and moved while it runs. The monotonic clock stays the real one, as on a Pi without RTC.

import {existsSync, readdirSync, renameSync, writeFileSync} from 'node:fs';
import path from 'node:path';

const NAME = 'libfaketimeMT.so.1';
const folders = existsSync('/usr/lib')
  ? ['', ...readdirSync('/usr/lib').filter(name => name.endsWith('-linux-gnu'))].map(name => path.join('/usr/lib', name, 'faketime', NAME))
  : [];
const library = folders.find(file => existsSync(file)) ?? null;
export const haveFaketime = library !== null;
export const WITHOUT_FAKETIME = haveFaketime ? '' : ' (skipped: libfaketime is not installed)';

export type FakeClock = {
  /** For the process whose clock it is. */
  readonly env: NodeJS.ProcessEnv;
  /** From now on its wall clock shows the real time and this many seconds more. */
  shift(seconds: number): void;
};

export function fakeClock(folder: string, seconds: number): FakeClock {
  const file = path.join(folder, 'clock');
  const shift = (by: number): void => {
    writeFileSync(`${file}.new`, `${by < 0 ? '' : '+'}${Math.round(by)}`);
    renameSync(`${file}.new`, file);
  };
  shift(seconds);
  return {
    env: {
      LD_PRELOAD: library ?? '',
      FAKETIME_TIMESTAMP_FILE: file,
      FAKETIME_NO_CACHE: '1',
      FAKETIME_DONT_FAKE_MONOTONIC: '1',
      DONT_FAKE_MONOTONIC: '1',
    },
    shift,
  };
}
