// Damage on purpose.

import {closeSync, openSync, writeSync} from 'node:fs';

/** Puts these bytes into the file at that place. */
export function overwrite(file: string, at: number, bytes: Buffer): void {
  const handle = openSync(file, 'r+');
  writeSync(handle, bytes, 0, bytes.length, at);
  closeSync(handle);
}
