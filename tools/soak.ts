// The daemon on the demo's house for long, with restarts, memory watched. Prints; judges little.

import {type ChildProcess, spawn} from 'node:child_process';
import {mkdtempSync, readdirSync, readFileSync, rmSync, statSync} from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import {setTimeout as sleep} from 'node:timers/promises';
import {launchEnv, NODE_FLAGS} from '../bench/launch.ts';
import {optionsOf} from './options.ts';

const USAGE = `npm run soak -- [--minutes 60] [--speed 60] [--restarts 6]
Runs the demo's house and tells what its memory does; every second restart is a kill.`;
const values = optionsOf(USAGE, {
  minutes: {type: 'string', default: '60'},
  speed: {type: 'string', default: '60'},
  restarts: {type: 'string', default: '6'},
});
const [minutes, speed, restarts] = [Number(values.minutes), Number(values.speed), Number(values.restarts)];
if (!(minutes > 0 && speed > 0 && restarts >= 0)) {
  console.error(`expected numbers\n${USAGE}`);
  process.exit(2);
}
const MAIN = path.resolve(import.meta.dirname, '../src/cli/main.ts');
const folder = mkdtempSync(path.join(os.tmpdir(), 'wattledger-soak-'));
const partMs = (minutes * 60_000) / (restarts + 1);
const SAMPLE_MS = 5000;
/** Memory of the first minute is the engine warming up. */
const WARM_MS = 60_000;
const STOP_MS = 20_000;

const rssMb = (pid: number): number => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) / 1000;
const folderMb = (): number => readdirSync(folder).reduce((sum, name) => sum + statSync(path.join(folder, name)).size, 0) / 1e6;
/** Rise per hour of the straight line through the samples, MB. */
function risePerHour(samples: readonly (readonly [number, number])[]): number | null {
  const mean = (index: 0 | 1): number => samples.reduce((sum, one) => sum + one[index], 0) / samples.length;
  const [meanMs, meanMb] = [mean(0), mean(1)];
  const spread = samples.reduce((sum, [ms]) => sum + (ms - meanMs) ** 2, 0);
  return spread === 0 ? null : (samples.reduce((sum, [ms, mb]) => sum + (ms - meanMs) * (mb - meanMb), 0) / spread) * 3_600_000;
}
const endOf = (child: ChildProcess): Promise<string> =>
  new Promise(resolve => {
    child.once('close', (code, signal) => resolve(signal ?? `code ${code}`));
  });

console.log(`${minutes} minutes at speed ${speed}, ${restarts} restarts, every second one without warning, in ${folder}`);
let failed = false;
for (let part = 0; part <= restarts; part++) {
  const child = spawn(process.execPath, [...NODE_FLAGS, MAIN, 'demo', '--data', folder, '--port', '0', '--speed', String(speed)], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: launchEnv(),
  });
  let said = '';
  for (const stream of [child.stdout, child.stderr])
    stream?.on('data', chunk => {
      said = `${said}${chunk}`.slice(-4000);
    });
  const ended = endOf(child);
  const began = performance.now();
  const samples: (readonly [number, number])[] = [];
  let early: string | null = null;
  void ended.then(how => {
    early = how;
  });
  while (early === null && performance.now() - began < partMs) {
    await sleep(Math.min(SAMPLE_MS, partMs));
    if (early === null && child.pid) samples.push([performance.now() - began, rssMb(child.pid)]);
  }
  if (early !== null) {
    console.log(`part ${part + 1}: ended by itself with ${early}\n${said}`);
    failed = true;
    break;
  }
  const signal = part % 2 === 1 ? 'SIGKILL' : 'SIGTERM';
  child.kill(signal);
  const stopped = performance.now();
  const late = setTimeout(() => child.kill('SIGKILL'), STOP_MS);
  const how = await ended;
  clearTimeout(late);
  const warm = samples.filter(([ms]) => ms > WARM_MS);
  const rise = warm.length > 10 ? risePerHour(warm) : null;
  const peak = Math.max(...samples.map(([, mb]) => mb));
  console.log(
    `part ${part + 1}: ${signal} -> ${how} after ${Math.round(performance.now() - stopped)} ms; memory ${samples[0]?.[1].toFixed(0)} .. ${samples.at(-1)?.[1].toFixed(0)} MB, peak ${peak.toFixed(0)}${rise === null ? '' : `, ${rise.toFixed(1)} MB/h after the first minute`}; files ${folderMb().toFixed(1)} MB`,
  );
  if (how !== (signal === 'SIGKILL' ? 'SIGKILL' : 'code 0')) {
    console.log(said);
    failed = true;
  }
}
rmSync(folder, {recursive: true, force: true});
process.exit(failed ? 1 : 0);
