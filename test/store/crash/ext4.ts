// A power cut below a real file system: ext4 on a loop device, shut down at random moments with its journal unflushed.

import {execFileSync, spawnSync} from 'node:child_process';
import {mkdirSync, mkdtempSync, rmSync, truncateSync, writeFileSync} from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import {checkExisting, type RoundsResult, randomFrom, startWriter} from './rounds.ts';

const IMAGE_BYTES = 256 * 1024 * 1024;

type Disk = {readonly folder: string; mount(): void; unmount(): void; shutDown(): void; remove(): void};

/** Throws where the machine has no loop devices, no ext4, no compiler, or does not allow mounting. */
function makeDisk(): Disk {
  const place = mkdtempSync(path.join(os.tmpdir(), 'wattledger-ext4-'));
  const [image, folder, program] = [path.join(place, 'image'), path.join(place, 'disk'), path.join(place, 'shutdown')];
  const quiet = {stdio: 'ignore'} as const;
  const disk: Disk = {
    folder,
    mount: () => void execFileSync('mount', ['-o', 'loop', image, folder], quiet),
    unmount: () => void execFileSync('umount', [folder], quiet),
    shutDown: () => void execFileSync(program, [folder], quiet),
    remove() {
      spawnSync('umount', ['-l', folder], quiet);
      rmSync(place, {recursive: true, force: true});
    },
  };
  try {
    execFileSync('cc', ['-o', program, path.resolve(import.meta.dirname, 'ext4.c')], quiet);
    writeFileSync(image, '');
    truncateSync(image, IMAGE_BYTES);
    mkdirSync(folder);
    execFileSync('mkfs.ext4', ['-q', '-F', image], quiet);
    disk.mount();
    return disk;
  } catch (error) {
    disk.remove();
    throw error;
  }
}

/** Whether this machine can do it at all. */
export function canCutExt4(): boolean {
  try {
    const disk = makeDisk();
    try {
      disk.shutDown();
      return true;
    } finally {
      disk.remove();
    }
  } catch {
    return false;
  }
}

/** One database through all rounds; every round ends with a power cut and is checked after the file system came back. */
export async function ext4Rounds(rounds: number, seed: number, tell: (text: string) => void = () => {}): Promise<RoundsResult> {
  const random = randomFrom(seed);
  const violations: string[] = [];
  const disk = makeDisk();
  const file = path.join(disk.folder, 'wattledger.db');
  let acked = -1;
  try {
    for (let round = 0; round < rounds && violations.length === 0; round++) {
      const child = startWriter(file, [5 + Math.floor(random() * 40), Math.floor(random() * 3)]);
      await Promise.race([child.wait(/^acked/), child.ended]).catch(() => {});
      await new Promise(resolve => setTimeout(resolve, random() * 400));
      disk.shutDown();
      // What was confirmed after this moment was never promised by a disk.
      acked = Math.max(acked, child.acked());
      child.process.kill('SIGKILL');
      await child.ended;
      const refused = child.lines.filter(line => /^(refused|stderr)/.test(line));
      disk.unmount();
      disk.mount();
      violations.push(...[...refused, ...checkExisting(file, acked).violations].map(what => `round ${round}: ${what}`));
      if (round % 10 === 9) tell(`${round + 1} power cuts, ${acked + 1} cycles, ${violations.length} violations`);
    }
  } finally {
    disk.remove();
  }
  return {rounds, cycles: acked + 1, violations};
}
