#!/usr/bin/env node
// The command line: finds the command, parses its options, prints errors a person can act on.

import {parseArgs} from 'node:util';
import {isJournal} from '../app/systemd.ts';
import {AppError} from '../core/errors.ts';
import {nearest} from '../core/nearest.ts';
import {VERSION} from '../core/version.ts';
import type {Command} from './command.ts';

/** Loaded only when asked for, so that `--help` and short commands start at once. */
const COMMANDS: Readonly<Record<string, () => Promise<{readonly command: Command}>>> = {
  run: () => import('./run.ts'),
  demo: () => import('./demo.ts'),
  init: () => import('./init.ts'),
  scan: () => import('./scan.ts'),
  read: () => import('./read.ts'),
  capture: () => import('./capture.ts'),
  simulate: () => import('./simulate.ts'),
  plan: () => import('./plan.ts'),
  profiles: () => import('./profiles.ts'),
  check: () => import('./check.ts'),
  report: () => import('./report.ts'),
  export: () => import('./export.ts'),
  explain: () => import('./explain.ts'),
  backup: () => import('./backup.ts'),
  restore: () => import('./restore.ts'),
  correct: () => import('./correct.ts'),
  recompute: () => import('./recompute.ts'),
  doctor: () => import('./doctor.ts'),
};

const err = (text: string): void => void process.stderr.write(`${text}\n`);
/** An error that ends the program; in the journal with its priority, so that `-p err` finds it. */
const fatal = (text: string): void => err(`${isJournal(process.stderr.fd, process.env) ? '<3>' : ''}${text}`);

/** Something stands on stdout. */
let told = false;
const out = (text: string): void => {
  told = true;
  process.stdout.write(`${text}\n`);
};

function overview(): string {
  return `wattledger: where every watt came from and where it went

Usage: wattledger COMMAND [options]

  run         the daemon, on a configuration
  demo        the daemon, on a simulated home: nothing to install or to connect
  init        asks, finds devices, writes a configuration
  scan        what answers on a bus or a host
  read        one sweep of one device
  capture     registers of a device to a file
  simulate    serves captures as Modbus devices
  plan        the read plan: requests, milliseconds, bus load
  profiles    the devices supported
  check       a configuration, and with --online its devices
  report      energy, labels, origin and money of a day, month or year
  export      flows, points or money as CSV or JSON lines
  explain     from a stored number back to the registers
  backup      a verified copy of the database while the daemon runs
  restore     and back again
  correct     audited correction of history
  recompute   derived data again from the raw values
  doctor      one page for a support request

wattledger COMMAND --help tells more. Exit codes: 0 done, 1 failed, 2 wrong usage or configuration, 3 a check found something.`;
}

function commandHelp(command: Command): string {
  return `wattledger ${command.name}: ${command.summary}\n\nUsage: wattledger ${command.name} ${command.usage}\n\n${command.help}`;
}

/** Throws AppError USAGE for a word that is no command. */
async function commandNamed(name: string): Promise<{readonly command: Command}> {
  const load = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (load) return load();
  const near = nearest(name, Object.keys(COMMANDS));
  throw new AppError('USAGE', 'wattledger', `no command "${name}"${near ? `; did you mean "${near}"?` : ''}`);
}

/** What is wrong with the options, on one line. */
function wrongOption(error: Error, known: readonly string[]): string {
  const [, unknown] = /^Unknown option '--([^']+)'/.exec(error.message) ?? [];
  const near = unknown === undefined ? null : nearest(unknown, known);
  const [first = 'wrong options'] = error.message.split(/\.\s|\n/);
  const dash = /starting with a dash use '([^=]+)=/.exec(error.message)?.[1];
  return `${first}${near ? `; did you mean '--${near}'?` : dash ? `; a value that begins with a dash is written ${dash}=VALUE` : ''}`;
}

/** npm hands on what the terminal has told the program as well: so soon afterwards, ms, it is the same word. */
const ECHO_MS = 300;

/** Aborts on the first SIGINT or SIGTERM; the second ends the process at once. */
function stopSignal(): AbortSignal {
  const stop = new AbortController();
  let firstMs = 0;
  const onSignal = (): void => {
    const nowMs = performance.now();
    if (stop.signal.aborted && nowMs - firstMs > ECHO_MS) process.exit(1);
    if (!stop.signal.aborted) firstMs = nowMs;
    stop.abort();
  };
  process.on('SIGINT', onSignal);
  process.on('SIGTERM', onSignal);
  return stop.signal;
}

async function main(argv: readonly string[]): Promise<number> {
  if (Number(process.versions.napi) < 10) {
    // better-sqlite3 would crash the process without a word on an older Node.
    throw new AppError('NODE_TOO_OLD', `node ${process.versions.node}`, 'Node 22.18 or newer is needed');
  }
  const [name, ...rest] = argv;
  if (name === undefined || name === 'help' || name === '--help' || name === '-h') {
    const target = name === 'help' ? rest[0] : undefined;
    process.stdout.write(`${target === undefined ? overview() : commandHelp((await commandNamed(target)).command)}\n`);
    return name === undefined ? 2 : 0;
  }
  if (name === '--version' || name === 'version') {
    process.stdout.write(`${VERSION}\n`);
    return 0;
  }
  // A reload that is asked for while the daemon is being loaded must not end it: the configuration is read after this.
  if (name === 'run') process.on('SIGHUP', () => {});
  const {command} = await commandNamed(name);
  let parsed: ReturnType<typeof parseArgs>;
  try {
    parsed = parseArgs({
      args: [...rest],
      options: {...command.options, help: {type: 'boolean', short: 'h'}, debug: {type: 'boolean'}},
      allowPositionals: command.allowPositionals ?? false,
    });
  } catch (error) {
    throw new AppError('USAGE', `wattledger ${name}`, wrongOption(error as Error, Object.keys(command.options)), {cause: error});
  }
  if (parsed.values['help'] === true) {
    process.stdout.write(`${commandHelp(command)}\n`);
    return 0;
  }
  return command.run({
    values: parsed.values,
    positionals: parsed.positionals,
    out,
    err,
    tty: process.stdout.isTTY === true,
    signal: stopSignal(),
  });
}

function report(error: unknown): number {
  const debug = process.argv.includes('--debug');
  if (error instanceof AppError) {
    const {code, where, what, hint} = error;
    // A script that asked for a document gets one.
    if (process.argv.includes('--json') && !told) out(JSON.stringify({schema: 1, error: {code, where, what, hint}}));
    fatal(`${error.where}: ${error.what}`);
    if (error.hint) err(error.hint);
    if (debug) err(String(error.stack));
    return error.exitCode;
  }
  const what = String((error as Error)?.message ?? error);
  if (process.argv.includes('--json') && !told)
    out(JSON.stringify({schema: 1, error: {code: 'FAULT', where: 'wattledger', what, hint: 'This is a fault of the program.'}}));
  fatal(`wattledger: ${what}`);
  err(debug ? String((error as Error)?.stack) : 'This is a fault of the program; --debug prints where it happened.');
  return 1;
}

// A reader that goes away (`| head`) is no error.
process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1));

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  process.exitCode = report(error);
}
