// `npm run load`: 32 pages listen and 200 questions a second come in for a minute, while devices are polled. Memory has to stay
// flat and no poll may be missed; the figures are printed, and a broken promise ends with 1.

import {spawn} from 'node:child_process';
import {mkdtempSync, readFileSync, rmSync, writeFileSync} from 'node:fs';
import {Agent, get} from 'node:http';
import os from 'node:os';
import path from 'node:path';
import {setTimeout as sleep} from 'node:timers/promises';
import {launchEnv, NODE_FLAGS} from './launch.ts';

const MAIN = path.resolve('src/cli/main.ts');
const STREAMS = 32;
const PER_S = 200;
const PATHS = ['/api/v1/now', '/api/v1/flows?step=15m', '/api/v1/devices', '/metrics', '/healthz', '/', '/api/v1/setup', '/api/v1/events'];
/** The heap breathes with its collections; more than this over the minute is a leak. */
const GROWTH_MB = 40;

export type LoadReport = {
  readonly requests: number;
  readonly failed: number;
  /** What went wrong, and how often. */
  readonly faults: Readonly<Record<string, number>>;
  readonly events: number;
  readonly medianMs: number;
  readonly p99Ms: number;
  readonly rssMb: {readonly idle: number; readonly warm: number; readonly end: number};
  readonly missed: number;
  readonly ticks: number;
};

const rssOf = (pid: number): number => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) / 1000;

/** Loads the page of a running daemon for `seconds`. `idleRssMb` was measured before the first request. */
export async function load(base: string, pid: number, seconds: number, idleRssMb = rssOf(pid)): Promise<LoadReport> {
  const agent = new Agent({keepAlive: true, maxSockets: 16});
  let [requests, failed, events] = [0, 0, 0];
  const took: number[] = [];
  const faults: Record<string, number> = {};
  const fault = (what: string): void => {
    failed++;
    faults[what] = (faults[what] ?? 0) + 1;
  };
  const streams = Array.from({length: STREAMS}, () =>
    get(`${base}/api/v1/stream`, response => {
      response.on('data', chunk => {
        events += String(chunk).split('event: now').length - 1;
      });
    }).on('error', () => {}),
  );
  const ask = (where: string): Promise<void> =>
    new Promise(resolve => {
      const began = performance.now();
      get(`${base}${where}`, {agent}, response => {
        let body = '';
        response.on('data', chunk => {
          if (response.statusCode !== 200) body += chunk;
        });
        response.on('end', () => {
          requests++;
          if (response.statusCode !== 200) fault(`${response.statusCode} ${where} ${body.trim().slice(0, 200)}`);
          took.push(performance.now() - began);
          resolve();
        });
      }).on('error', (error: NodeJS.ErrnoException) => {
        fault(`${error.code} ${where}`);
        resolve();
      });
    });
  const healthOf = async (): Promise<{tick: {seq: number; missed: number}}> => (await fetch(`${base}/api/v1/health`)).json() as never;
  const before = await healthOf();
  const begin = performance.now();
  let warm = 0;
  const open = new Set<Promise<void>>();
  for (let sent = 0; performance.now() - begin < seconds * 1000; sent++) {
    const dueMs = (sent * 1000) / PER_S;
    const waitMs = dueMs - (performance.now() - begin);
    if (waitMs > 1) await sleep(waitMs);
    const one = ask(PATHS[sent % PATHS.length] as string);
    open.add(one);
    void one.then(() => open.delete(one));
    if (warm === 0 && performance.now() - begin > (seconds * 1000) / 3) warm = rssOf(pid);
  }
  await Promise.all(open);
  const end = rssOf(pid);
  const after = await healthOf();
  for (const stream of streams) stream.destroy();
  agent.destroy();
  took.sort((a, b) => a - b);
  const at = (share: number): number => took[Math.min(took.length - 1, Math.floor(took.length * share))] ?? Number.NaN;
  return {
    requests,
    failed,
    faults,
    events,
    medianMs: at(0.5),
    p99Ms: at(0.99),
    rssMb: {idle: idleRssMb, warm, end},
    missed: after.tick.missed - before.tick.missed,
    ticks: after.tick.seq - before.tick.seq,
  };
}

type Use<T> = (base: string, pid: number, folder: string) => Promise<T>;

/** A demo of its own at real speed; `use` gets its address, process and folder. */
export async function withDemo<T>(use: Use<T>, args: readonly string[] = []): Promise<T> {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'wattledger-load-'));
  const told = (text: string): string | undefined => (/solar .* W/.test(text) ? /page\s+(http:\S+)/.exec(text)?.[1] : undefined);
  return withProcess(['demo', '--data', folder, '--port', '0', ...args], folder, told, use);
}

/** The daemon alone, in a process without the simulated home: that one runs beside it, and both ask the same devices. */
export const withDaemon = <T>(use: Use<T>): Promise<T> =>
  withDemo((_base, _pid, home) => {
    const folder = mkdtempSync(path.join(os.tmpdir(), 'wattledger-load-'));
    const file = path.join(folder, 'wattledger.yaml');
    const config = readFileSync(path.join(home, 'wattledger.yaml'), 'utf8')
      .replace(/^mqtt:.*$/m, '')
      .replace(/^http:.*$/m, 'http: {listen: "127.0.0.1:0"}');
    writeFileSync(file, config);
    const told = (text: string): string | undefined => /"address":"(http:[^"]+)"/.exec(text)?.[1];
    return withProcess(['run', '--config', file], folder, told, async (base, pid) => {
      const pictureOf = async (): Promise<unknown> => ((await (await fetch(`${base}/api/v1/now`)).json()) as {ts: unknown}).ts;
      while ((await pictureOf()) === null) await sleep(100);
      return use(base, pid, folder);
    });
  });

/** `addressIn` finds the address of the page in what the process writes. The process and its folder are gone afterwards. */
async function withProcess<T>(
  args: readonly string[],
  folder: string,
  addressIn: (text: string) => string | undefined,
  use: Use<T>,
): Promise<T> {
  const child = spawn(process.execPath, [...NODE_FLAGS, MAIN, ...args], {stdio: ['ignore', 'pipe', 'ignore'], env: launchEnv()});
  try {
    const base = await new Promise<string>((resolve, reject) => {
      let text = '';
      child.stdout.on('data', chunk => {
        text += chunk;
        const found = addressIn(text);
        if (found) resolve(found);
      });
      child.once('exit', code => reject(new Error(`the daemon ended with ${code}`)));
    });
    return await use(base, child.pid as number, folder);
  } finally {
    const gone = new Promise(resolve => child.once('exit', resolve));
    if (child.exitCode === null) {
      child.kill('SIGKILL');
      await gone;
    }
    rmSync(folder, {recursive: true, force: true});
  }
}

if (import.meta.main) {
  const seconds = Number(process.argv[2] ?? 60);
  const report = await withDemo((base, pid) => load(base, pid, seconds));
  console.log(JSON.stringify(report, null, 1));
  const growthMb = report.rssMb.end - report.rssMb.warm;
  const broken = [
    report.failed > 0 ? `${report.failed} requests failed` : null,
    report.missed > 0 ? `${report.missed} polls were missed` : null,
    growthMb > GROWTH_MB ? `memory grew by ${growthMb.toFixed(0)} MB while the load stayed the same` : null,
  ].filter(one => one !== null);
  console.log(broken.length === 0 ? `held: memory ${growthMb.toFixed(1)} MB over the last two thirds` : broken.join('; '));
  process.exitCode = broken.length === 0 ? 0 : 1;
}
