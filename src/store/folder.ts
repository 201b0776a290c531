// Folders that are made where they are missing, whose a file in one is, and where a link leads.

import {chownSync, existsSync, mkdirSync, readlinkSync, statSync} from 'node:fs';
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

/** So many links one after the other are a circle. */
const MOST_LINKS = 40;

/**
 * The file itself where the path is a link to it, also to one that is not there yet; any other path as it is. A lock, a log and a copy belong
 * beside the file: what is done by the one name must be known under the other, and a link stays what it is.
 */
export function realFile(file: string): string {
  let real = file;
  for (let links = 0; links < MOST_LINKS; links++) {
    try {
      real = path.resolve(path.dirname(real), readlinkSync(real));
    } catch {
      return real; // EINVAL: no link; ENOENT: nothing there yet. Whatever else it is, opening the file will say.
    }
  }
  return file;
}
