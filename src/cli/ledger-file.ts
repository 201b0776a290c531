// What the commands on the ledger share: finding the database, its zone, its usual policy.

import {existsSync} from 'node:fs';
import {realClock} from '../app/clock.ts';
import {type AppConfig, loadConfig} from '../config/load.ts';
import {AppError} from '../core/errors.ts';
import {POLICIES, type Policy} from '../core/site.ts';
import {openReader, type Reader} from '../store/queries.ts';
import type {MoneyQuery} from '../store/read-money.ts';
import {type CommandContext, DEFAULT_CONFIG, textOption} from './command.ts';

export const ledgerOptions = {db: {type: 'string'}, config: {type: 'string', short: 'c'}} as const;
export const ledgerHelp = `  --config FILE   the configuration that names the database (default ${DEFAULT_CONFIG})
  --db FILE       the database itself, instead`;

type LedgerFile = {readonly path: string; readonly config: AppConfig | null};

/** The database that --db, --config or the default configuration names. Throws AppError. */
export function ledgerFile(context: CommandContext): LedgerFile {
  const db = textOption(context, 'db');
  const file = textOption(context, 'config');
  if (db !== undefined && file === undefined) return {path: db, config: null};
  if (db === undefined && file === undefined && !existsSync(DEFAULT_CONFIG))
    throw new AppError('USAGE', '--db', `expected --db FILE or --config FILE; there is no ${DEFAULT_CONFIG}`);
  // Passwords of broker and page are none of a ledger's business, and often the service's alone.
  const config = loadConfig(file ?? DEFAULT_CONFIG, 'none');
  return {path: db ?? config.store.path, config};
}

export type OpenLedger = LedgerFile & {readonly reader: Reader; readonly zone: string};

/** Opens for reading; the daemon may run. Throws AppError. */
export function openLedger(context: CommandContext): OpenLedger {
  const file = ledgerFile(context);
  const reader = openReader(file.path);
  return {...file, reader, zone: reader.ledgerBounds().zone};
}

/** The question for money; null where no tariff is configured. */
export function moneyQuery(
  config: AppConfig | null,
  zone: string,
  policy: Policy,
  range: Pick<MoneyQuery, 'fromMs' | 'toMs' | 'step' | 'depth'>,
): MoneyQuery | null {
  return config?.money
    ? {...range, nowMs: realClock.wallMs(), zone, policy, tariffs: config.money.tariffs, efficiencyPpm: config.site.flows.efficiencyPpm}
    : null;
}

/** --policy, else the one configured, else solar-first. Throws AppError USAGE. */
export function policyOption(context: CommandContext, config: AppConfig | null): Policy {
  const text = textOption(context, 'policy');
  const policy = text === undefined ? (config?.site.flows.policy ?? 'solar-first') : POLICIES.find(known => known === text);
  if (!policy) throw new AppError('USAGE', '--policy', `found "${text}", expected ${POLICIES.join(', ')}`);
  return policy;
}

/** One of the words, or the first where the option is not given. Throws AppError USAGE. */
export function wordOption<const T extends readonly string[]>(context: CommandContext, name: string, words: T): T[number] {
  const text = textOption(context, name);
  const word = text === undefined ? words[0] : words.find(known => known === text);
  if (word === undefined) throw new AppError('USAGE', `--${name}`, `found "${text}", expected ${words.join(', ')}`);
  return word;
}
