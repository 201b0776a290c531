// The disk below the database, looked at between commits: a full one, or one that turned read-only, is known before the next commit meets it.

import {constants} from 'node:fs';
import {access, statfs} from 'node:fs/promises';
import path from 'node:path';

const ALMOST_FULL_BYTES = 2 * 1024 * 1024;

type Disk = {
  /** Never rejects. */
  look(): Promise<void>;
  /** In words what is wrong with it, as last seen; null where nothing is. */
  readonly trouble: string | null;
  readonly freeBytes: number | null;
};

export function createDisk(file: string): Disk {
  let trouble: string | null = null;
  let freeBytes: number | null = null;
  return {
    async look() {
      try {
        const {bavail, bsize} = await statfs(path.dirname(path.resolve(file)));
        freeBytes = bavail * bsize;
        trouble = freeBytes < ALMOST_FULL_BYTES ? 'the disk is full' : await readOnly(file);
      } catch (error) {
        trouble = `the folder of the database cannot be read (${(error as NodeJS.ErrnoException).code ?? 'unknown'})`;
      }
    },
    get trouble() {
      return trouble;
    },
    get freeBytes() {
      return freeBytes;
    },
  };
}

/** A card that fails is turned read-only by the system. A file that is not there is not read-only. */
const readOnly = (file: string): Promise<string | null> =>
  access(file, constants.W_OK).then(
    () => null,
    ({code}: NodeJS.ErrnoException) => (code === 'EROFS' ? 'the file system is read-only' : null),
  );
