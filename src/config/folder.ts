// Where the program's own data are.

import {existsSync} from 'node:fs';
import path from 'node:path';
import {fileURLToPath} from 'node:url';

/** Folder of the program's own data, from the source as from the built program. */
export function dataFolder(name: string): string {
  let folder = path.dirname(fileURLToPath(import.meta.url));
  while (!existsSync(path.join(folder, 'config', 'profiles')) && path.dirname(folder) !== folder) folder = path.dirname(folder);
  return path.join(folder, 'config', name);
}
