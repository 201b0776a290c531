// What the binaries inside ask of the system's libraries. A package that asks for less installs where it cannot run.

import {readdirSync, readFileSync} from 'node:fs';
import path from 'node:path';

/** First release of GCC whose libstdc++ has this symbol version. Source: "ABI Policy and Guidelines" of libstdc++. */
const GCC = {21: 5, 22: 6, 23: 7, 24: 7, 25: 8, 26: 9, 27: 9, 28: 10, 29: 11, 30: 12, 31: 13, 32: 13, 33: 14, 34: 15};

/** Greatest versions that stand in these files, as Debian writes them: `{libc: '2.34', libstdcxx: '11'}`. */
export function needsOf(files) {
  let libc = 0;
  let libstdcxx = 0;
  for (const file of files) {
    // The names of symbol versions stand in a binary as plain text.
    const text = readFileSync(file, 'latin1');
    for (const [, minor] of text.matchAll(/\0GLIBC_2\.(\d+)(?=[.\0])/g)) libc = Math.max(libc, Number(minor));
    for (const [, minor] of text.matchAll(/\0GLIBCXX_3\.4\.(\d+)(?=\0)/g)) libstdcxx = Math.max(libstdcxx, Number(minor));
  }
  const gcc = GCC[libstdcxx];
  if (libc === 0 || gcc === undefined) throw new Error(`GLIBC_2.${libc}, GLIBCXX_3.4.${libstdcxx}: of which Debian is that?`);
  return {libc: `2.${libc}`, libstdcxx: `${gcc}`};
}

/** Programs and libraries below a folder. */
export const binariesIn = folder =>
  readdirSync(folder, {recursive: true, withFileTypes: true})
    .filter(entry => entry.isFile() && (entry.name.endsWith('.node') || entry.name === 'node'))
    .map(entry => path.join(entry.parentPath, entry.name));
