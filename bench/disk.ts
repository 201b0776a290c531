// A disk of its own to measure on: ext4 on a loop device, whose sectors and flushes the kernel counts, journal included.

import {execFileSync, spawnSync} from 'node:child_process';
import {mkdirSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync} from 'node:fs';
import os from 'node:os';
import path from 'node:path';

export type Counted = {readonly bytes: number; readonly flushes: number};
export type LoopDisk = {
  readonly folder: string;
  /** What the device has taken since it was made. */
  counted(): Counted;
  /** Everything that is dirty to the device, as the kernel does by itself every half minute. */
  writeBack(): void;
  remove(): void;
};

const IMAGE_BYTES = 4 * 1024 ** 3;

/** Null where the machine does not allow it. */
export function loopDisk(): LoopDisk | null {
  const place = mkdtempSync(path.join(os.tmpdir(), 'wattledger-bench-disk-'));
  const [image, folder] = [path.join(place, 'image'), path.join(place, 'disk')];
  const remove = (): void => {
    spawnSync('umount', ['-l', folder], {stdio: 'ignore'});
    rmSync(place, {recursive: true, force: true});
  };
  try {
    writeFileSync(image, '');
    truncateSync(image, IMAGE_BYTES);
    mkdirSync(folder);
    execFileSync('mkfs.ext4', ['-q', '-F', '-E', 'lazy_itable_init=0,lazy_journal_init=0', image], {stdio: 'ignore'});
    execFileSync('mount', ['-o', 'loop,noatime', image, folder], {stdio: 'ignore'});
    const device = path.basename(execFileSync('losetup', ['-n', '-O', 'NAME', '-j', image], {encoding: 'utf8'}).trim());
    return {
      folder,
      counted() {
        // Fields 7 and 16 of the kernel's Documentation/block/stat.rst: sectors written, flush requests.
        const fields = readFileSync(`/sys/block/${device}/stat`, 'utf8').trim().split(/\s+/).map(Number);
        return {bytes: (fields[6] ?? 0) * 512, flushes: fields[15] ?? 0};
      },
      writeBack: () => void spawnSync('sync', ['-f', folder]),
      remove,
    };
  } catch {
    remove();
    return null;
  }
}
