// `wattledger demo`: the daemon of `run`, on a simulated house. Only the addresses and the clock differ.

import {mkdtempSync, openSync, writeFileSync} from 'node:fs';
import {createServer} from 'node:net';
import os from 'node:os';
import path from 'node:path';
import {type AppInfo, runApp} from '../app/app.ts';
import {createLogger} from '../app/logger.ts';
import {parseConfig} from '../config/load.ts';
import {AppError} from '../core/errors.ts';
import type {Sink, TickRecord} from '../core/sink.ts';
import {startBroker} from '../demo/broker.ts';
import {createDemoClock} from '../demo/clock.ts';
import {createComparison} from '../demo/comparison.ts';
import {loadHouse, saveHouse} from '../demo/persist.ts';
import {scenarioNamed, scenarioStories} from '../demo/scenarios.ts';
import {screenLines, statusLine} from '../demo/screen.ts';
import {serveHouse} from '../demo/serve.ts';
import {demoConfig} from '../demo/settings.ts';
import {createSimulation} from '../demo/simulation.ts';
import {type Summary, summaryLines} from '../demo/summary.ts';
import {makeFolder} from '../store/folder.ts';
import {type Command, type CommandContext, flagOption, textOption} from './command.ts';
import {wholeNumber} from './devices.ts';
import {canPaint, openPainter} from './painter.ts';

const DEFAULT_PORT = 8080;
const BEAT_MS = 2000;
/** The daemon is given at least this long for a beat, real ms, whatever the speed. */
const SHORTEST_BEAT_MS = 50;
const LINE_EVERY_MS = 5000;
const DAY_S = 86_400;

export const command: Command = {
  name: 'demo',
  summary: 'the daemon, on a simulated home: nothing to install or to connect',
  usage: '[--scenario NAME] [--speed N] [--seconds N] [--data DIR] [--port N] [--mqtt URL] [--seed N] [--json]',
  options: {
    data: {type: 'string'},
    port: {type: 'string'},
    seconds: {type: 'string'},
    speed: {type: 'string'},
    scenario: {type: 'string'},
    seed: {type: 'string'},
    mqtt: {type: 'string'},
    json: {type: 'boolean'},
  },
  help: `  --scenario NAME  ${scenarioStories()
    .map(({name, story}) => `${name.padEnd(15)} ${story}`)
    .join('\n                   ')}
  --speed N        how much faster than real time the house lives (default 1; 60 is an hour in a minute)
  --seconds N      ends after so many real seconds (default: Ctrl-C)
  --data DIR       database, configuration, log and the house itself; a later run continues it (default: a new temporary folder)
  --port N         port of the page (default ${DEFAULT_PORT}, or a free one if that is taken)
  --mqtt URL       a broker to publish to (default: one inside this process, on a free port)
  --seed N         another house with other habits and clouds (default 1)
  --json           the closing comparison as JSON on stdout, everything else on stderr

The devices are real Modbus TCP servers on loopback with the register maps of real products. The end compares the ledger with the house's own books.`,

  async run(context) {
    const scenario = scenarioNamed(textOption(context, 'scenario') ?? 'villa');
    const speed = numberOption(context, 'speed', 1, 0.1, 3600);
    const seconds = numberOption(context, 'seconds', Infinity, 1, 1e9);
    const seed = wholeNumber(textOption(context, 'seed') ?? '1', 'seed', 0, 2 ** 31 - 1);
    const folder = dataFolder(textOption(context, 'data'));
    const port = await choosePort(context);
    const json = flagOption(context, 'json');
    const say = json ? context.err : context.out;

    const houseFile = path.join(folder, 'house.json');
    const saved = loadHouse(houseFile);
    if (saved && saved.scenario !== scenario.name)
      throw new AppError(
        'USAGE',
        '--scenario',
        `${folder} holds a house of the scenario ${saved.scenario}; continue that one, or name another folder`,
      );
    if (saved && textOption(context, 'seed') !== undefined && saved.seed !== seed)
      throw new AppError('USAGE', '--seed', `${folder} holds the house of seed ${saved.seed}; continue that one, or name another folder`);
    const startS = saved?.horizonS ?? Math.floor(Date.now() / 1000 / DAY_S) * DAY_S + scenario.startS;
    const simulation = createSimulation({
      plan: scenario.plan,
      scenario: scenario.name,
      seed: saved?.seed ?? seed,
      startS,
      saved,
      strideS: Math.max(10, Math.ceil(5 * speed)),
      store: house => saveHouse(houseFile, house),
    });
    const clock = createDemoClock(speed, startS * 1000);
    const served = await serveHouse(scenario, simulation, () => clock.wallMs(), seed);
    const broker = textOption(context, 'mqtt') === undefined ? await startBroker() : null;
    const close = (): Promise<unknown> => Promise.allSettled([served.close(), broker?.close()]);
    const mqttUrl = textOption(context, 'mqtt') ?? (broker?.url as string);
    const configFile = path.join(folder, 'wattledger.yaml');
    const text = demoConfig({
      scenario,
      devices: served.devices,
      everyMs: Math.max(BEAT_MS, Math.ceil(SHORTEST_BEAT_MS * speed)),
      listen: `127.0.0.1:${port}`,
      mqttUrl,
      mqttBase: 'wattledger',
    });
    const logFile = path.join(folder, 'wattledger.log');
    const {config, log} = await prepared(() => {
      writeFileSync(configFile, text);
      return {config: parseConfig(text, configFile), log: logTo(logFile)};
    }, close);

    const ended = new AbortController();
    const comparison = createComparison(config.site, simulation, monoMs => startS * 1000 + monoMs, served.shownAt);
    const page = `http://127.0.0.1:${port}`;
    const places = [
      ['page', page],
      ['mqtt', `${mqttUrl}  ${config.mqtt[0]?.base ?? 'wattledger'}/#`],
      ['database', config.store.path],
      ['config', configFile],
      ['log', logFile],
    ] as const;
    const painter = context.tty && !json && canPaint() ? openPainter(process.stdout) : null;
    if (!painter) for (const [label, place] of places) say(`${label.padEnd(9)} ${place}`);
    let info: AppInfo | null = null;
    let timer: NodeJS.Timeout | undefined;
    let lineDueMs = 0;
    let energy: TickRecord['energy'] = null;
    const show = (told: TickRecord): void => {
      comparison.take(told);
      // Totals do not come with every beat.
      energy = told.energy ?? energy;
      const record = {...told, energy};
      const nowMs = performance.now();
      if (!info || !record.state || nowMs < lineDueMs) return;
      const facts = {scenario: scenario.name, speed, timezone: config.site.timezone, record, health: info.health(), places};
      lineDueMs = nowMs + (painter ? painter.everyMs : LINE_EVERY_MS);
      if (painter) painter.draw(screenLines(facts, painter.style()));
      else say(statusLine(facts));
    };
    try {
      await runApp({
        config,
        clock,
        log: log.log,
        logTail: log.tail,
        signal: AbortSignal.any([context.signal, ended.signal]),
        sinks: [screenSink(show)],
        onReady: ready => {
          info = ready;
          if (seconds !== Infinity) timer = setTimeout(() => ended.abort(), seconds * 1000);
        },
      });
    } finally {
      clearTimeout(timer);
      painter?.close();
      await close();
      simulation.save();
    }
    const simulatedS = ended.signal.aborted ? seconds * speed : Math.round(clock.monoMs() / 1000);
    const compared = comparison.result(config.store.path);
    const summary: Summary = {
      schema: 1,
      scenario: scenario.name,
      seed: saved?.seed ?? seed,
      simulated_s: simulatedS,
      resolution_wh: scenario.counterWh,
      ...compared,
      data: {database: config.store.path, dashboard: page, mqtt: mqttUrl},
    };
    if (json) context.out(JSON.stringify(summary, null, 2));
    else for (const line of summaryLines(summary)) context.out(line);
    if (!json) context.out(`Everything is in ${folder}; --data ${folder} continues it.`);
    return 0;
  },
};

/** What `prepare` gives; where it throws, what is open is closed first, or the process would never end. */
async function prepared<T>(prepare: () => T, close: () => Promise<unknown>): Promise<T> {
  try {
    return prepare();
  } catch (error) {
    await close();
    throw error;
  }
}

function numberOption(context: CommandContext, name: string, otherwise: number, low: number, high: number): number {
  const text = textOption(context, name);
  if (text === undefined) return otherwise;
  const value = Number(text);
  if (text.trim() === '' || !(value >= low && value <= high))
    throw new AppError('USAGE', `--${name}`, `found "${text}", expected a number from ${low} to ${high}`);
  return value;
}

function dataFolder(named: string | undefined): string {
  if (named === undefined) return mkdtempSync(path.join(os.tmpdir(), 'wattledger-demo-'));
  if (named === '') throw new AppError('USAGE', '--data', 'expected --data DIR');
  const folder = path.resolve(named);
  try {
    makeFolder(folder);
  } catch (error) {
    throw new AppError('FILE_UNWRITABLE', folder, `cannot be made: ${(error as Error).message}`, {cause: error});
  }
  return folder;
}

/** The port asked for; without a wish the usual one, or a free one where that is taken. */
async function choosePort(context: CommandContext): Promise<number> {
  const asked = textOption(context, 'port');
  const wanted = asked === undefined ? DEFAULT_PORT : wholeNumber(asked, 'port', 0, 65_535);
  const found = await tryPort(wanted);
  if (found !== null) return found;
  if (asked !== undefined) throw new AppError('PORT_TAKEN', `127.0.0.1:${wanted}`, 'the port of the page is taken');
  context.err(`port ${wanted} is taken, the page gets another one`);
  return (await tryPort(0)) ?? 0;
}

const tryPort = (port: number): Promise<number | null> =>
  new Promise(resolve => {
    const probe = createServer();
    probe.once('error', () => resolve(null));
    probe.listen(port, '127.0.0.1', () => {
      const address = probe.address();
      probe.close(() => resolve(typeof address === 'object' && address ? address.port : port));
    });
  });

const TAIL_LINES = 200;

/** The daemon's log goes to a file of its own, so that the terminal stays readable. */
function logTo(file: string): {log: ReturnType<typeof createLogger>; tail: () => readonly string[]} {
  const tail: string[] = [];
  const handle = openSync(file, 'a');
  const log = createLogger({
    level: 'info',
    to: {write: line => void writeFileSync(handle, line)},
    onLine: line => {
      tail.push(line);
      if (tail.length > TAIL_LINES) tail.shift();
    },
  });
  return {log, tail: () => tail};
}

const screenSink = (show: (record: TickRecord) => void): Sink => ({
  name: 'screen',
  open: async () => {},
  write: async records => {
    for (const record of records) show(record);
  },
  close: async () => {},
});
