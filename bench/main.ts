// `npm run bench`: what the program costs, each figure beside its limit or a baseline of the same run. Nothing here is asserted.

import {spawn} from 'node:child_process';
import {existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync} from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import {setTimeout as sleep} from 'node:timers/promises';
import {gzipSync} from 'node:zlib';
import {listProfiles} from '../src/config/profiles.ts';
import {bankOf, readCapture} from '../src/device/capture.ts';
import {startModbusServer} from '../src/link/server.ts';
import {haveMosquitto, mosquitto} from '../test/support/programs.ts';
import {launchEnv, NODE_FLAGS, START_FLAGS} from './launch.ts';

const line = (name: string, value: string, note = ''): void => console.log(`  ${name.padEnd(58)} ${value.padStart(14)}  ${note}`);
const title = (text: string): void => console.log(`\n${text}`);
const MAIN = path.resolve('src/cli/main.ts');
const TICKS_PER_S = 100;

const cpuMs = (pid: number): number => {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  return ((Number(fields[11]) + Number(fields[12])) * 1000) / TICKS_PER_S;
};
const memoryMb = (pid: number, key: 'VmRSS' | 'RssAnon'): number =>
  Number(new RegExp(`${key}:\\s+(\\d+)`).exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) / 1000;

async function firstFlow(): Promise<void> {
  title('start: from the command to the first flow on the page');
  for (const round of [1, 2, 3]) {
    const folder = mkdtempSync(path.join(os.tmpdir(), 'wattledger-bench-'));
    const began = performance.now();
    const demo = spawn(process.execPath, [...START_FLAGS, MAIN, 'demo', '--data', folder, '--port', '0'], {
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    const page = await new Promise<string>(resolve => {
      let text = '';
      demo.stdout.on('data', chunk => {
        text += chunk;
        const found = /page\s+(http:\S+)/.exec(text)?.[1];
        if (found) resolve(found);
      });
    });
    for (;;) {
      const now = await fetch(`${page}/api/v1/now`).then(
        answer => answer.json() as Promise<{ts: string | null}>,
        () => null,
      );
      if (now?.ts) break;
      await sleep(5);
    }
    line(`round ${round}`, `${Math.round(performance.now() - began)} ms`, 'aim 2000 ms');
    const gone = new Promise(resolve => demo.once('exit', resolve));
    demo.kill('SIGKILL');
    await gone;
    rmSync(folder, {recursive: true, force: true});
  }
}

const DEVICES = 5;
const SETTLE_MS = 15_000;
const WATCH_MS = 60_000;
const PAGE_MS = 20_000;
const PAGE_ASKS = ['/', '/api/v1/now', '/api/v1/flows?step=15m', '/api/v1/devices', '/api/v1/setup'];

/** A page that is open for a while: its stream, and what its tabs ask. */
async function openPage(base: string): Promise<void> {
  const leave = new AbortController();
  const stream = fetch(`${base}/api/v1/stream`, {signal: leave.signal})
    .then(async answer => {
      for await (const _ of answer.body ?? []);
    })
    .catch(() => {}); // it ends when the page is closed
  for (const where of PAGE_ASKS) await (await fetch(`${base}${where}`)).text();
  await sleep(PAGE_MS);
  leave.abort();
  await stream;
}

async function daemon(): Promise<void> {
  title(
    `daemon: ${DEVICES} hybrid inverters of 40 points, one poll a second, page, store, money and ${haveMosquitto ? 'a broker' : 'no broker'}`,
  );
  const bank = bankOf(readCapture('test/captures/goodwe-et.json'), () => 0);
  const servers = await Promise.all(Array.from({length: DEVICES}, () => startModbusServer({host: '127.0.0.1', port: 0, units: bank})));
  const folder = mkdtempSync(path.join(os.tmpdir(), 'wattledger-bench-'));
  const config = path.join(folder, 'site.yaml');
  const broker = haveMosquitto ? await mosquitto() : null;
  writeFileSync(
    config,
    `version: 1
links: {${servers.map((server, index) => `l${index}: {url: "tcp://127.0.0.1:${server.port}"}`).join(', ')}}
devices: {${servers.map((_, index) => `d${index}: {profile: goodwe-et, link: l${index}}`).join(', ')}}
map:
  grid: d0.grid
  hybrid: [${servers.map((_, index) => `{id: h${index}, pv: d${index}.pv, battery: d${index}.battery, ac: d${index}.inverter}`).join(', ')}]
poll: {every: 1s}
tariffs: [{import: 0.3126, export: 0.0786}]
store: {path: wattledger.db}
mqtt: ${broker ? `{url: "${broker.url}", homeassistant: true}` : 'false'}
http: {listen: "127.0.0.1:0"}
`,
  );
  const variants: [string, string[]][] = [['from source', [MAIN]]];
  if (existsSync('dist/src/cli/main.js')) variants.push(['built (npm run build)', [path.resolve('dist/src/cli/main.js')]]);
  for (const [name, args] of variants) {
    rmSync(path.join(folder, 'wattledger.db'), {force: true});
    const child = spawn(process.execPath, [...NODE_FLAGS, ...args, 'run', '--config', config], {
      stdio: ['ignore', 'pipe', 'ignore'],
      env: launchEnv(),
    });
    const pid = child.pid as number;
    const page = await new Promise<string>(resolve => {
      let text = '';
      child.stdout.on('data', chunk => {
        text += chunk;
        const found = /"dashboard":"(http:[^"]+)"/.exec(text)?.[1];
        if (found) resolve(found);
      });
    });
    await sleep(SETTLE_MS);
    const before = cpuMs(pid);
    await sleep(WATCH_MS);
    const used = cpuMs(pid) - before;
    line(
      `${name}: CPU a tick`,
      `${(used / (WATCH_MS / 1000)).toFixed(1)} ms`,
      `${((100 * used) / WATCH_MS).toFixed(1)} % of one core, aim 3 %`,
    );
    line(
      `${name}: memory, resident and its own`,
      `${memoryMb(pid, 'VmRSS').toFixed(0)} / ${memoryMb(pid, 'RssAnon').toFixed(0)} MB`,
      'aim 100 MB',
    );
    const alone = memoryMb(pid, 'VmRSS');
    await openPage(page);
    line(
      `${name}: and while a page is open`,
      `${memoryMb(pid, 'VmRSS').toFixed(0)} MB`,
      `${(memoryMb(pid, 'VmRSS') - alone).toFixed(0)} MB more, aim 20 MB`,
    );
    const gone = new Promise(resolve => child.once('exit', resolve));
    child.kill('SIGTERM');
    await gone;
  }
  await broker?.kill();
  await Promise.all(servers.map(server => server.close()));
  rmSync(folder, {recursive: true, force: true});
}

const LONG_HOURS = 10;
const LONG_SPEED = 600;

/** Ten hours of the simulated home in a minute: what the first and the last of them cost, and whether memory stands. */
async function tenHours(): Promise<void> {
  title(`daemon: ${LONG_HOURS} simulated hours of the villa, ${LONG_SPEED} times as fast, its house and broker in the same process`);
  const folder = mkdtempSync(path.join(os.tmpdir(), 'wattledger-bench-'));
  const demo = spawn(
    process.execPath,
    [...NODE_FLAGS, MAIN, 'demo', '--data', folder, '--port', '0', '--speed', String(LONG_SPEED), '--seconds', '100'],
    {stdio: 'ignore', env: launchEnv()},
  );
  const pid = demo.pid as number;
  const hourMs = 3_600_000 / LONG_SPEED;
  await sleep(2000);
  let [atMs, usedMs] = [performance.now(), cpuMs(pid)];
  for (let hour = 1; hour <= LONG_HOURS; hour++) {
    await sleep(hourMs - ((performance.now() - atMs) % hourMs));
    if (hour !== 1 && hour !== 2 && hour % 5 !== 0) continue;
    const [nowMs, nowUsedMs] = [performance.now(), cpuMs(pid)];
    line(
      `after hour ${hour}: CPU, memory resident and its own`,
      `${((100 * (nowUsedMs - usedMs)) / (nowMs - atMs)).toFixed(1)} %`,
      `${memoryMb(pid, 'VmRSS').toFixed(0)} / ${memoryMb(pid, 'RssAnon').toFixed(0)} MB`,
    );
    [atMs, usedMs] = [nowMs, nowUsedMs];
  }
  const gone = new Promise(resolve => demo.once('exit', resolve));
  demo.kill('SIGTERM');
  await gone;
  rmSync(folder, {recursive: true, force: true});
}

function pageSize(): void {
  title('page');
  if (!existsSync('dist/web/index.html')) {
    line('not built', '-');
    return;
  }
  // The pictures for a home screen are fetched by who installs the page only.
  const files = readdirSync('dist/web', {recursive: true, withFileTypes: true}).filter(
    file => file.isFile() && !file.name.endsWith('.png'),
  );
  const bytes = files.reduce((sum, file) => sum + gzipSync(readFileSync(path.join(file.parentPath, file.name)), {level: 9}).length, 0);
  line('all five pages, gzip', `${(bytes / 1000).toFixed(1)} kB`, 'aim 60 kB');
}

console.log(`${os.cpus()[0]?.model.trim()}, ${os.cpus().length} cores, node ${process.versions.node}; ${listProfiles().length} profiles`);
pageSize();
await firstFlow();
await daemon();
await tenHours();
for (const name of ['bus', 'flow', 'store', 'mqtt', 'web']) {
  if (!existsSync(`bench/${name}.ts`)) continue;
  title(name);
  const {run} = (await import(`./${name}.ts`)) as {run(): Promise<void>};
  await run();
}
