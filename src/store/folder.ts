// Folders that are made where they are missing, and whose a file in one is.

import {chownSync, existsSync, mkdirSync, statSync} from 'node:fs';
import path from 'node:path';

/** Each missing folder on the way, one by one: where the system refuses with "no such file" (as below /proc), a recursive call of Node 24 never returns. */
export function makeFolder(folder: string): void {
  const missing: string[] = [];
  for (let here = path.resolve(folder); !existsSync(here); here = path.dirname(here)) missing.push(here);
  for (const one of missing.reverse()) mkdirSync(one);
}

/** A file that root made in the service's folder must not keep the service out of it. */
export function ownAsFolder(file: string): void {
  if (process.getuid?.() !== 0) return;
  const folder = statSync(path.dirname(file));
  if (statSync(file).uid === folder.uid) return;
  try {
    chownSync(file, folder.uid, folder.gid);
  } catch {
    // A file system without owners, or one that does not let root decide: then it is as good as it gets.
  }
}
