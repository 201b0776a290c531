// Programs some tests need beside Node; where one is missing, the test says which and is skipped.

import {type ChildProcess, spawn, spawnSync} from 'node:child_process';
import {mkdtempSync, rmSync, writeFileSync} from 'node:fs';
import {connect, createServer} from 'node:net';
import os from 'node:os';
import path from 'node:path';
import {setTimeout as sleep} from 'node:timers/promises';

const has = (program: string, argument = '--help'): boolean => spawnSync(program, [argument], {stdio: 'ignore'}).error === undefined;

export const haveMosquitto = has('mosquitto', '-h');
export const WITHOUT_MOSQUITTO = haveMosquitto ? '' : ' (skipped: mosquitto is not installed)';
export const chromium = ['chromium', 'chromium-browser', 'google-chrome'].find(name => has(name, '--version')) ?? null;
export const WITHOUT_CHROMIUM = chromium ? '' : ' (skipped: chromium is not installed)';

/**
 * Below those that the kernel gives to whoever asks for any, so that nobody gets it before its user is there; each worker of the tests has its
 * own thousand.
 */
const PORTS = {from: 10_000, each: 1000, workers: 20};
const firstPort = PORTS.from + PORTS.each * (Number(process.env['VITEST_POOL_ID'] ?? 0) % PORTS.workers);
let nextPort = Math.floor(Math.random() * PORTS.each);

const isFree = (port: number): Promise<boolean> =>
  new Promise(resolve => {
    const probe = createServer();
    probe.once('error', () => resolve(false));
    probe.listen(port, '127.0.0.1', () => probe.close(() => resolve(true)));
  });

/** A port that nobody else is given; the one above it is free as well. */
export async function freePort(): Promise<number> {
  for (;;) {
    nextPort = (nextPort + 2) % (PORTS.each - 1);
    const port = firstPort + nextPort;
    if ((await isFree(port)) && (await isFree(port + 1))) return port;
  }
}

export type Broker = {
  readonly url: string;
  readonly port: number;
  start(): Promise<void>;
  kill(signal?: NodeJS.Signals): Promise<void>;
  pause(): void;
  resume(): void;
};

/** A real broker on a port of its own. `lines` are further lines of its configuration. */
export async function mosquitto(lines: readonly string[] = [], usePort?: number): Promise<Broker> {
  const port = usePort ?? (await freePort());
  const text = [
    `listener ${port} 127.0.0.1`,
    ...(lines.some(line => line.startsWith('allow_anonymous')) ? [] : ['allow_anonymous true']),
    ...lines,
  ].join('\n');
  let folder = '';
  let child: ChildProcess | null = null;
  const broker: Broker = {
    port,
    url: `mqtt://127.0.0.1:${port}`,
    async start() {
      folder = mkdtempSync(path.join(os.tmpdir(), 'wattledger-broker-'));
      const config = path.join(folder, 'mosquitto.conf');
      writeFileSync(config, text);
      child = spawn('mosquitto', ['-c', config], {stdio: 'ignore'});
      const own = child;
      while (own.exitCode === null && own.signalCode === null) {
        if (await listens(port)) return;
        await sleep(25);
      }
      throw new Error('mosquitto does not listen');
    },
    async kill(signal = 'SIGKILL') {
      const own = child;
      child = null;
      if (!own) return;
      const gone = new Promise(resolve => own.once('exit', resolve));
      own.kill('SIGCONT');
      own.kill(signal);
      await gone;
      rmSync(folder, {recursive: true, force: true});
    },
    pause: () => void child?.kill('SIGSTOP'),
    resume: () => void child?.kill('SIGCONT'),
  };
  await broker.start();
  return broker;
}

const listens = (port: number): Promise<boolean> =>
  new Promise(resolve => {
    const socket = connect({port, host: '127.0.0.1'});
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
