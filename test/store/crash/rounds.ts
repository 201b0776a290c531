// Rounds of breaking things: used short by the tests and long by `npm run crash`. All randomness comes from a seed.

import {type ChildProcess, spawn} from 'node:child_process';
import {existsSync, statSync} from 'node:fs';
import path from 'node:path';
import {createInterface} from 'node:readline';
import {check} from './check.ts';

const WRITER = path.resolve(import.meta.dirname, 'writer.ts');

/** Uniform in [0, 1) from a seed (mulberry32). */
export function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

export type Child = {
  readonly process: ChildProcess;
  readonly lines: string[];
  readonly ended: Promise<number | null>;
  acked(): number;
  wait(pattern: RegExp): Promise<string>;
};

/** Starts a writer; `env` for what is preloaded, `prefix` for a shell that sets limits first. */
export function startWriter(
  file: string,
  args: readonly (number | string)[] = [],
  {env = {}, limit}: {env?: Record<string, string>; limit?: string} = {},
): Child {
  const command = [process.execPath, WRITER, file, ...args.map(String)];
  const child =
    limit === undefined
      ? spawn(command[0] as string, command.slice(1), {env: {...process.env, ...env}})
      : spawn('sh', ['-c', `${limit}; exec "$@"`, 'sh', ...command], {env: {...process.env, ...env}});
  const lines: string[] = [];
  const waiting: {pattern: RegExp; resolve(line: string): void}[] = [];
  createInterface({input: child.stdout}).on('line', line => {
    lines.push(line);
    for (const one of [...waiting]) {
      if (!one.pattern.test(line)) continue;
      waiting.splice(waiting.indexOf(one), 1);
      one.resolve(line);
    }
  });
  let errors = '';
  child.stderr.on('data', data => {
    errors += String(data);
  });
  const ended = new Promise<number | null>(resolve => child.on('close', code => resolve(code)));
  void ended.then(() => {
    if (errors.trim() !== '') lines.push(`stderr ${errors.trim()}`);
  });
  return {
    process: child,
    lines,
    ended,
    acked: () => Number(lines.findLast(line => line.startsWith('acked'))?.split(' ')[1] ?? -1),
    wait(pattern) {
      const seen = lines.find(line => pattern.test(line));
      if (seen !== undefined) return Promise.resolve(seen);
      return Promise.race([
        new Promise<string>(resolve => waiting.push({pattern, resolve})),
        ended.then(() => {
          throw new Error(`the writer ended: ${lines.join(' / ')}`);
        }),
      ]);
    },
  };
}

export type RoundsResult = {readonly rounds: number; readonly cycles: number; readonly violations: readonly string[]};

/** kill -9 at random moments, every seventh of them while the file is being opened; the file is checked after every one. */
export async function killRounds(
  file: string,
  rounds: number,
  seed: number,
  tell: (text: string) => void = () => {},
): Promise<RoundsResult> {
  const random = randomFrom(seed);
  const violations: string[] = [];
  let acked = -1;
  for (let round = 0; round < rounds; round++) {
    const child = startWriter(file, [5 + Math.floor(random() * 40), Math.floor(random() * 3)]);
    const early = random() < 0.15;
    // Half of them have confirmed something in this round, however slow the machine is.
    if (!early) await Promise.race([child.wait(random() < 0.5 ? /^acked/ : /^started/), child.ended]).catch(() => {});
    await new Promise(resolve => setTimeout(resolve, early ? 30 + random() * 120 : random() * 250));
    child.process.kill('SIGKILL');
    await child.ended;
    const wrong = child.lines.filter(line => /^(refused|failing|stderr)/.test(line));
    violations.push(...wrong.map(line => `round ${round}: ${line}`));
    acked = Math.max(acked, child.acked());
    const checked = checkExisting(file, acked);
    violations.push(...checked.violations.map(what => `round ${round}: ${what}`));
    if (round % 50 === 49) tell(`${round + 1} kills, ${checked.last + 1} cycles, ${violations.length} violations`);
    if (violations.length > 0) break;
  }
  return {rounds, cycles: acked + 1, violations};
}

/** The same where the writer may have died before there was a file. */
export function checkExisting(file: string, acked: number): {last: number; violations: readonly string[]} {
  if (!existsSync(file) || statSync(file).size === 0) return {last: -1, violations: acked >= 0 ? ['the file is gone'] : []};
  return check(file, acked);
}
