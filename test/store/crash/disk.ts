// A power cut on a disk that promises only what was synced: the recorded writes of a run, cut at any moment, the unsynced ones torn into
// sectors that arrived or did not, in any order. Built from the log that disk.c writes.

import {execFileSync} from 'node:child_process';
import {mkdtempSync, readFileSync, rmSync, writeFileSync} from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import {check} from './check.ts';
import {randomFrom, startWriter} from './rounds.ts';

type Op =
  | {readonly kind: 'write'; readonly file: 0 | 1; readonly at: number; readonly data: Buffer}
  | {readonly kind: 'truncate'; readonly file: 0 | 1; readonly length: number}
  | {readonly kind: 'sync' | 'unlink'; readonly file: 0 | 1}
  | {readonly kind: 'acked'; readonly cycle: number};

const SECTOR = 512;
const NAMES = ['wattledger.db', 'wattledger.db-wal'] as const;

/** Runs a writer for some cycles and returns what it did to the disk, in order. Needs a C compiler. */
export async function recordDisk(cycles: number): Promise<readonly Op[]> {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'wattledger-disk-'));
  try {
    const library = path.join(folder, 'disk.so');
    const log = path.join(folder, 'log');
    execFileSync('cc', ['-shared', '-fPIC', '-O1', '-o', library, path.resolve(import.meta.dirname, 'disk.c'), '-ldl', '-lpthread']);
    const child = startWriter(path.join(folder, NAMES[0]), [5, 1, cycles], {env: {LD_PRELOAD: library, DISK_LOG: log}});
    await child.wait(/^closed/);
    await child.ended;
    return opsOf(readFileSync(log));
  } finally {
    rmSync(folder, {recursive: true, force: true});
  }
}

function opsOf(log: Buffer): Op[] {
  const ops: Op[] = [];
  for (let at = 0; at + 14 <= log.length; ) {
    const op = String.fromCharCode(log[at] as number);
    const file = log[at + 1] as 0 | 1;
    const offset = Number(log.readBigInt64LE(at + 2));
    const length = log.readUInt32LE(at + 10);
    const data = log.subarray(at + 14, at + 14 + length);
    at += 14 + length;
    if (op === 'w') ops.push({kind: 'write', file, at: offset, data});
    else if (op === 't') ops.push({kind: 'truncate', file, length: offset});
    else if (op === 's' || op === 'u') ops.push({kind: op === 's' ? 'sync' : 'unlink', file});
    else for (const [, cycle] of data.toString().matchAll(/^acked (\d+)/gm)) ops.push({kind: 'acked', cycle: Number(cycle)});
  }
  return ops;
}

/** Content of one file: what is certain, and what was written since the last sync. */
class Content {
  certain: Buffer | null = null;
  readonly pending: Op[] = [];
  settle(): void {
    for (const op of this.pending.splice(0)) this.certain = apply(this.certain, op);
  }
}

function apply(before: Buffer | null, op: Op): Buffer | null {
  if (op.kind === 'unlink') return null;
  if (op.kind === 'truncate') {
    const cut = Buffer.alloc(op.length);
    before?.copy(cut, 0, 0, Math.min(op.length, before.length));
    return cut;
  }
  if (op.kind !== 'write') return before;
  const end = op.at + op.data.length;
  let content = before ?? Buffer.alloc(0);
  if (content.length < end) content = Buffer.concat([content, Buffer.alloc(end - content.length)]);
  else content = Buffer.from(content);
  op.data.copy(content, op.at);
  return content;
}

/** What a cut leaves of unsynced operations: each sector of a write arrives, stays away, or arrives half; a truncation happens or not. */
function torn(content: Content, random: () => number): Buffer | null {
  let result = content.certain;
  const mood = random();
  for (const op of content.pending) {
    if (op.kind !== 'write') {
      if (random() < 0.5) result = apply(result, op);
      continue;
    }
    for (let from = 0; from < op.data.length; from += SECTOR) {
      const sector = op.data.subarray(from, from + SECTOR);
      const luck = random();
      if (luck < mood) result = apply(result, {...op, at: op.at + from, data: sector});
      else if (luck > 0.97)
        result = apply(result, {...op, at: op.at + from, data: sector.subarray(0, Math.floor(random() * sector.length))});
    }
  }
  return result;
}

export type TearResult = {readonly cuts: number; readonly violations: readonly string[]};

/** Cuts the power at random moments. `lying`: a disk whose syncs do nothing, which the checks must notice. */
export function tearRounds(
  ops: readonly Op[],
  cuts: number,
  seed: number,
  lying = false,
  tell: (text: string) => void = () => {},
): TearResult {
  const random = randomFrom(seed);
  const violations: string[] = [];
  const folder = mkdtempSync(path.join(os.tmpdir(), 'wattledger-torn-'));
  // Moments in rising order, so that the run is replayed once.
  const moments = Array.from({length: cuts}, () => Math.floor(random() * ops.length)).sort((a, b) => a - b);
  const files = [new Content(), new Content()] as const;
  let acked = -1;
  let done = 0;
  try {
    for (const [index, moment] of moments.entries()) {
      for (; done <= moment; done++) {
        const op = ops[done] as Op;
        if (op.kind === 'acked') acked = op.cycle;
        else if (op.kind === 'sync') {
          if (!lying) files[op.file].settle();
        } else files[op.file].pending.push(op);
      }
      const file = path.join(folder, NAMES[0]);
      for (const name of ['', '-wal', '-shm', '.lock']) rmSync(file + name, {force: true});
      let there = false;
      for (const kind of [0, 1] as const) {
        const content = torn(files[kind], random);
        if (content === null) continue;
        writeFileSync(path.join(folder, NAMES[kind]), content);
        there ||= kind === 0 && content.length > 0;
      }
      if (!there) {
        if (acked >= 0) violations.push(`cut ${index} at ${moment}: the file is gone, confirmed up to ${acked}`);
      } else {
        try {
          violations.push(...check(file, acked).violations.map(what => `cut ${index} at ${moment}: ${what}`));
        } catch (error) {
          // Before the first commit there is no database yet.
          if (acked >= 0 || lying) violations.push(`cut ${index} at ${moment}: ${(error as Error).message}`);
        }
      }
      if (index % 500 === 499) tell(`${index + 1} cuts, ${violations.length} violations`);
      if (violations.length > 20) break;
    }
  } finally {
    rmSync(folder, {recursive: true, force: true});
  }
  return {cuts, violations};
}
