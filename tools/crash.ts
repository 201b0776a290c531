// The long form of the crash tests.

import {spawnSync} from 'node:child_process';
import {mkdtempSync, rmSync} from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import {recordDisk, tearRounds} from '../test/store/crash/disk.ts';
import {canCutExt4, ext4Rounds} from '../test/store/crash/ext4.ts';
import {killRounds} from '../test/store/crash/rounds.ts';
import {optionsOf} from './options.ts';

const USAGE = `npm run crash -- [--kills 1000] [--cuts 10000] [--shutdowns 300] [--seed N]
Kills the store, cuts its power and lies to it about syncing; ends with 1 where anything confirmed was lost.`;
const values = optionsOf(USAGE, {
  kills: {type: 'string', default: '1000'},
  cuts: {type: 'string', default: '10000'},
  shutdowns: {type: 'string', default: '300'},
  seed: {type: 'string'},
});
if (![values.kills, values.cuts, values.shutdowns, values.seed ?? '0'].every(count => /^\d+$/.test(count))) {
  console.error(`expected whole numbers\n${USAGE}`);
  process.exit(2);
}
const seed = Number(values.seed ?? Date.now() % 1_000_000);
const folder = mkdtempSync(path.join(os.tmpdir(), 'wattledger-crash-'));
const hasCompiler = spawnSync('cc', ['--version']).status === 0;
const say = (text: string): void => console.log(`  ${text}`);

/** What is wrong, with the control that has to find losses where syncs do nothing. */
async function cutRounds(count: number): Promise<readonly string[]> {
  console.log(`${count} power cuts on a disk that tears and reorders what was not synced`);
  const ops = await recordDisk(1500);
  const cuts = tearRounds(ops, count, seed, false, say);
  say(`${cuts.cuts} cuts in ${ops.length} operations: ${cuts.violations.length} violations`);
  const control = tearRounds(ops, 200, seed, true);
  say(`the same on a disk that lies about syncing: ${control.violations.length} violations, as there must be`);
  return control.violations.length > 0
    ? cuts.violations
    : [...cuts.violations, 'the control found no loss on a disk that lies about syncing'];
}

console.log(`seed ${seed}`);
try {
  console.log(`${values.kills} times kill -9`);
  const kills = await killRounds(path.join(folder, 'wattledger.db'), Number(values.kills), seed, say);
  say(`${kills.rounds} kills over ${kills.cycles} cycles: ${kills.violations.length} violations`);
  const cuts = hasCompiler ? await cutRounds(Number(values.cuts)) : [];
  if (!hasCompiler) say('power cuts on a disk that tears and reorders: skipped, needs a C compiler');
  const shutdowns = canCutExt4() ? await ext4Rounds(Number(values.shutdowns), seed, say) : null;
  say(
    shutdowns === null
      ? 'ext4 on a loop device: this machine does not allow it'
      : `${shutdowns.rounds} power cuts below ext4 over ${shutdowns.cycles} cycles: ${shutdowns.violations.length} violations`,
  );
  const violations = [...kills.violations, ...cuts, ...(shutdowns?.violations ?? [])];
  for (const what of violations) console.error(what);
  process.exitCode = violations.length > 0 ? 1 : 0;
} finally {
  rmSync(folder, {recursive: true, force: true});
}
