// The long form of test/fuzz.

import {createHash} from 'node:crypto';
import {writeFileSync} from 'node:fs';
import path from 'node:path';
import fc from 'fast-check';
import {folderOf, inputsOf} from '../test/fuzz/inputs.ts';
import {TARGETS} from '../test/fuzz/targets.ts';
import {optionsOf} from './options.ts';

const USAGE = `npm run fuzz -- [--minutes 10] [--target ${TARGETS.map(({name}) => name).join('|')}] [--seed N]
Throws random bytes at everything that parses them; what breaks a promise is kept in the corpus of the tests. Ends with 1 then.`;
const values = optionsOf(USAGE, {minutes: {type: 'string', default: '10'}, target: {type: 'string'}, seed: {type: 'string'}});
const minutes = Number(values.minutes);
const targets = TARGETS.filter(({name}) => values.target === undefined || name === values.target);
if (!(minutes > 0) || targets.length === 0) {
  console.error(`expected minutes above 0 and one of the targets\n${USAGE}`);
  process.exit(2);
}
const seed = Number(values.seed ?? Date.now() % 2 ** 31);
console.log(`seed ${seed}, ${minutes} minutes for ${targets.length} targets`);

let last: {readonly name: string; readonly bytes: Buffer} | null = null;
const keep = (name: string, bytes: Buffer): string => {
  const file = path.join(folderOf(name), `found-${createHash('sha256').update(bytes).digest('hex').slice(0, 12)}`);
  writeFileSync(file, bytes);
  return file;
};
// What escapes a promise ends the program in real life: the last input is the suspect.
const escaped = (error: unknown): void => {
  console.error('escaped:', error, last ? `the last input is in ${keep(last.name, last.bytes)}` : '');
  process.exit(1);
};
process.on('uncaughtException', escaped);
process.on('unhandledRejection', escaped);

let findings = 0;
for (const target of targets) {
  await target.open?.();
  const endMs = performance.now() + (minutes * 60_000) / targets.length;
  let runs = 0;
  let slowestMs = 0;
  for (let round = 0; performance.now() < endMs; round++) {
    const result = await fc.check(
      fc.asyncProperty(inputsOf(target), async bytes => {
        last = {name: target.name, bytes};
        const began = performance.now();
        await target.run(bytes);
        slowestMs = Math.max(slowestMs, performance.now() - began);
      }),
      {seed: seed + round, numRuns: target.slow ? 100 : 2000},
    );
    runs += result.numRuns;
    if (result.failed) {
      findings++;
      const [bytes = Buffer.alloc(0)] = result.counterexample ?? [];
      console.log(`${target.name}: ${String(result.errorInstance)}\n  kept as ${keep(target.name, bytes)}`);
      break;
    }
  }
  await target.close?.();
  console.log(`${target.name.padEnd(10)} ${String(runs).padStart(9)} inputs, slowest ${slowestMs.toFixed(0)} ms`);
}
process.exit(findings > 0 ? 1 : 0);
