// `wattledger doctor`: one page for a support request, secrets removed.

import {existsSync} from 'node:fs';
import os from 'node:os';
import {loadConfig} from '../config/load.ts';
import {AppError} from '../core/errors.ts';
import {utcText} from '../core/time.ts';
import {VERSION} from '../core/version.ts';
import {damageOf} from '../store/copies.ts';
import {openReader} from '../store/queries.ts';
import {type Command, DEFAULT_CONFIG, flagOption, textOption} from './command.ts';
import {askDaemon} from './daemon.ts';
import {busLoads, offlineFindings} from './findings.ts';
import {readMachine} from './machine.ts';
import {askAround} from './online.ts';

const LAST_EVENTS = 20;

export const command: Command = {
  name: 'doctor',
  summary: 'one page for a support request, secrets removed',
  usage: '[--config FILE] [--online]',
  options: {config: {type: 'string', short: 'c'}, online: {type: 'boolean'}},
  help: `  --config FILE   the configuration (default ${DEFAULT_CONFIG})
  --online        asks each device and each broker as well; where a device admits one client, stop the daemon first

Prints the machine (power, heat, card, serial adapters), the configuration with its secrets masked, what the running daemon says of itself (latency, faults,
load, outlets), what \`check\` finds, whether the database is sound, and its last events.
Serial numbers of devices stay in; read it before you publish it.`,

  async run(context) {
    const fileName = textOption(context, 'config') ?? DEFAULT_CONFIG;
    const section = (title: string, lines: readonly string[]): void => {
      context.out(`\n## ${title}\n`);
      for (const line of lines) context.out(line);
    };
    const machine = readMachine();
    context.out(`# wattledger ${VERSION}`);
    section('machine', [
      `${os.type()} ${os.release()} ${os.arch()}, ${os.cpus().length} × ${os.cpus()[0]?.model.trim() ?? 'cpu'}, ${Math.round(os.totalmem() / 1e6)} MB`,
      `node ${process.versions.node}, up ${Math.round(os.uptime() / 3600)} h, load ${os
        .loadavg()
        .map(load => load.toFixed(2))
        .join(' ')}`,
      `clock ${new Date().toISOString()}, zone ${Intl.DateTimeFormat().resolvedOptions().timeZone}`,
      ...machine.lines,
    ]);
    let database: string | null = null;
    try {
      const config = loadConfig(fileName, 'reachable');
      database = config.store.path;
      section(`configuration ${fileName}`, [
        ...config.shownText.trimEnd().split('\n'),
        ...config.unknownSecrets.map(({key, why}) => `# ${key} is not looked at: ${why}`),
      ]);
      const daemon = await askDaemon(config);
      const findings = [...machine.findings, ...offlineFindings(config), ...daemon.findings];
      section('daemon', daemon.lines);
      if (flagOption(context, 'online')) {
        const online = await askAround(config, context.signal, () => {});
        findings.push(...online.findings);
        section('devices', [
          ...online.devices.map(({id, identity, good, missing, latencyMs}) => {
            const without = missing.length > 0 ? `, without ${missing.join(', ')}` : '';
            return `${id}: ${Object.values(identity).filter(Boolean).join(' ')}, ${good} values, ${latencyMs} ms an answer${without}`;
          }),
          online.homeW === null ? 'the house: a power is missing' : `the house takes ${online.homeW} W right now`,
        ]);
        section('brokers', online.brokers.length === 0 ? ['none'] : online.brokers);
      }
      const loads = [...busLoads(config)].map(([link, load]) => `${link}: busy ${Math.round(load * 100)} % of the time`);
      if (loads.length > 0) section('buses, as planned', loads);
      section('findings', findings.length === 0 ? ['none'] : findings.map(({where, what, todo}) => `${where}: ${what}; ${todo}`));
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      section(`configuration ${fileName}`, [`${error.where}: ${error.what}`]);
    }
    section('database', database === null ? ['not known'] : databaseLines(database));
    return 0;
  },
};

function soundness(path: string): string {
  const damage = damageOf(path);
  return damage === null ? 'checked: sound' : `DAMAGED: ${damage}`;
}

function databaseLines(path: string): string[] {
  if (!existsSync(path)) return [`${path}: there is none yet`];
  try {
    const reader = openReader(path);
    try {
      const size = reader.size();
      const bounds = reader.ledgerBounds();
      const time = (ms: number | null): string => (ms === null ? '-' : utcText(ms));
      const events = reader.events({fromMs: 0, toMs: 4e12, limit: LAST_EVENTS});
      return [
        `${path}: ${(size.fileBytes / 1e6).toFixed(1)} MB and ${(size.walBytes / 1e6).toFixed(1)} MB of log, ${size.diskFreeBytes === null ? '?' : Math.round(size.diskFreeBytes / 1e6)} MB free, schema ${size.schemaVersion}`,
        soundness(path),
        `${size.slots} quarter hours from ${time(bounds.firstSlotMs)} to ${time(bounds.lastSlotMs)}, ${bounds.undated} without a date`,
        ...events.map(event => `${utcText(event.atMs)}  ${event.kind}  ${event.about ?? ''}  ${event.detail}`),
      ];
    } finally {
      reader.close();
    }
  } catch (error) {
    return [`${path}: ${(error as Error).message}`];
  }
}
