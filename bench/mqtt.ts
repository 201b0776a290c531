// What the broker outlet costs: time from the end of a read to a subscriber, traffic of an ordinary home, memory over a week without a broker.

import {spawn} from 'node:child_process';
import {mkdtempSync, rmSync} from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import {setTimeout as sleep} from 'node:timers/promises';
import mqtt from 'mqtt';
import {observe} from '../src/core/board.ts';
import {advance, createFlow} from '../src/core/flow/advance.ts';
import type {DeviceHealth, Health} from '../src/core/health.ts';
import {silentLog} from '../src/core/log.ts';
import {quoted} from '../src/core/sentences/say.ts';
import type {TickRecord} from '../src/core/sink.ts';
import {createMqtt} from '../src/outlets/mqtt.ts';
import {createRunner} from '../src/outlets/runner.ts';
import {readingsAt, simulate, siteOf} from '../test/pipeline/house.ts';
import {haveMosquitto, mosquitto} from '../test/support/programs.ts';

const SITE = siteOf({}, 1000);
const BEATS = 1000;
const BEAT_MS = 15;
const WATCH_S = 60;
const WEEK_BEATS = (7 * 86_400) / 2;

const line = (name: string, value: string, note = ''): void => console.log(`  ${name.padEnd(58)} ${value.padStart(14)}  ${note}`);

const device = (id: string, points: readonly string[]): DeviceHealth => ({
  id,
  link: 'bus',
  identity: {profile: 'sunspec', unit: 1, manufacturer: null, model: null, serial: null, firmware: null},
  state: 'good',
  sinceMs: 0,
  lastGoodMs: 1,
  polls: 1,
  faults: {},
  latencyMs: 5,
  lastFault: null,
  points,
});
const HEALTH: Health = {
  ok: true,
  problems: [],
  version: '',
  startedMs: 0,
  uptimeS: 0,
  rssMb: 0,
  tick: {seq: 0, everyMs: 1000, lastMs: 0, lateMs: 0, missed: 0},
  devices: [
    device('meter', ['meter.power_w', 'meter.import_energy_wh', 'meter.export_energy_wh']),
    device('pv', ['inverter.power_w', 'inverter.energy_wh']),
    device('bat', ['battery.power_w', 'battery.charge_energy_wh', 'battery.discharge_energy_wh']),
  ],
  links: [],
  sinks: [],
  store: null,
  clock: {trusted: true, steps: 0},
};

/** The outlet in its runner, as the daemon has it. */
function outlet(url: string) {
  const sink = createMqtt(
    {
      url,
      clientId: 'wattledger-bench',
      base: 'wattledger',
      protocol: 'auto',
      history: false,
      minIntervalMs: 0,
      energyIntervalMs: 0,
      tls: {verify: true},
      homeassistant: {prefix: 'homeassistant', statusTopic: 'homeassistant/status', style: 'device'},
    },
    {
      log: silentLog,
      site: SITE,
      health: () => HEALTH,
      continued: false,
      tariffs: false,
      outbox: {next: async () => [], done: async () => {}},
    },
  );
  return {sink, runner: createRunner(sink, {log: silentLog})};
}

/** A house that makes one record a call. */
function course(seconds: number): (seq: number) => TickRecord {
  const house = simulate(seconds, 7, 9);
  let flow = createFlow(SITE, 'bench');
  let board: TickRecord['board'] = new Map();
  return seq => {
    const monoMs = 1_000_000 + seq * 1000;
    const readings = readingsAt(house, seq % seconds, monoMs, {skewMs: 0, counters: seq % 60 === 0, resolutionWh: 10});
    const tick = {seq, monoMs: monoMs + 5, wallMs: Date.UTC(2026, 4, 10, 9) + seq * 1000};
    board = observe(board, readings, tick.monoMs, 5000);
    const step = advance(SITE, flow, {tick, readings, clockTrusted: true, flush: false});
    flow = step.state;
    return {
      tick,
      readings,
      board,
      nodes: step.nodes,
      slots: step.slots,
      events: step.events,
      state: step.siteState,
      energy: step.energy,
      day: step.day,
      flowState: null,
    };
  };
}

async function latency(url: string): Promise<void> {
  const {sink, runner} = outlet(url);
  const next = course(BEATS + 100);
  const began = new Map<string, number>();
  const taken: number[] = [];
  const client = await mqtt.connectAsync(url, {timerVariant: 'native'});
  client.on('message', (_topic, payload, packet) => {
    const start = began.get((JSON.parse(payload.toString()) as {ts: string}).ts);
    if (start !== undefined && !packet.retain) taken.push(performance.now() - start);
  });
  await client.subscribeAsync('wattledger/site/state', {qos: 1});
  runner.offer(next(0));
  while (sink.health?.().state !== 'open') await sleep(20);
  await sleep(1500); // what the broker still holds is looked at first
  for (let seq = 1; seq <= BEATS; seq++) {
    const start = performance.now();
    const record = next(seq);
    began.set(record.state?.['ts'] as string, start);
    runner.offer(record);
    await sleep(BEAT_MS);
  }
  await sleep(300);
  taken.sort((a, b) => a - b);
  const at = (share: number): string => `${(taken[Math.floor(share * (taken.length - 1))] as number).toFixed(1)} ms`;
  line('end of a read to a subscriber of site/state, median', at(0.5), `${taken.length} of ${BEATS} beats`);
  line('… 99 of 100', at(0.99), 'aim 50 ms');
  await runner.end(AbortSignal.timeout(2000));
  await client.endAsync(true);
}

async function traffic(url: string): Promise<void> {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'wattledger-bench-'));
  const demo = spawn(process.execPath, [path.resolve('src/cli/main.ts'), 'demo', '--data', folder, '--port', '0', '--mqtt', url], {
    stdio: 'ignore',
  });
  const client = await mqtt.connectAsync(url, {timerVariant: 'native'});
  const count = new Map<string, {messages: number; bytes: number}>();
  let counting = false;
  client.on('message', (topic, payload, packet) => {
    if (!counting || packet.retain) return;
    const kind = topic.split('/').at(-1) as string;
    const {messages, bytes} = count.get(kind) ?? {messages: 0, bytes: 0};
    count.set(kind, {messages: messages + 1, bytes: bytes + topic.length + payload.length});
  });
  await client.subscribeAsync('#', {qos: 1});
  await sleep(12_000);
  counting = true;
  await sleep(WATCH_S * 1000);
  const rows = [...count].sort((a, b) => b[1].bytes - a[1].bytes);
  const perHour = 3600 / WATCH_S;
  const sum = (what: 'messages' | 'bytes'): number => rows.reduce((total, [, one]) => total + one[what], 0) * perHour;
  line('the demo home: messages an hour', `${Math.round(sum('messages'))}`, `${(sum('bytes') / 1e6).toFixed(1)} MB with topics`);
  for (const [kind, {messages, bytes}] of rows) line(`  …/${kind}`, `${messages * perHour}`, `${((bytes * perHour) / 1e6).toFixed(2)} MB`);
  const gone = new Promise(resolve => demo.once('exit', resolve));
  demo.kill('SIGTERM');
  await gone;
  await client.endAsync(true);
  rmSync(folder, {recursive: true, force: true});
}

async function weekWithout(): Promise<void> {
  const {runner} = outlet('mqtt://127.0.0.1:9');
  const next = course(600);
  const some = Array.from({length: 600}, (_, seq) => next(seq));
  const mb = (): number => process.memoryUsage.rss() / 1e6;
  await sleep(2500);
  const before = mb();
  for (let beat = 0; beat < WEEK_BEATS; beat++) {
    const record = some[beat % some.length] as TickRecord;
    runner.offer({
      ...record,
      tick: {...record.tick, seq: beat},
      events: beat % 900 === 0 ? [{kind: 'hint', monoMs: 0, about: null, detail: quoted('x'.repeat(200))}] : [],
    });
    if (beat % 500 === 0) await sleep(1);
  }
  const after = mb();
  const {queued, dropped} = runner.health();
  line(
    'a week of beats without a broker: resident memory',
    `${(after - before).toFixed(1)} MB more`,
    `queued ${queued}, dropped ${dropped}`,
  );
  await runner.end(AbortSignal.timeout(2000));
}

export async function run(): Promise<void> {
  await weekWithout();
  if (!haveMosquitto) return line('latency and traffic', '-', 'skipped: mosquitto is not installed');
  const broker = await mosquitto();
  try {
    await latency(broker.url);
  } finally {
    await broker.kill();
  }
  const quiet = await mosquitto();
  try {
    await traffic(quiet.url);
  } finally {
    await quiet.kill();
  }
}
