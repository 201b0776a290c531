// What every command of the command line is: one file with one exported `command`.

import type {ParseArgsConfig} from 'node:util';

export type CommandContext = {
  /** Values of the options, as `util.parseArgs` gives them. */
  readonly values: Readonly<Record<string, string | boolean | (string | boolean)[] | undefined>>;
  readonly positionals: readonly string[];
  /** stdout: results only. With `--json` exactly one document. */
  out(text: string): void;
  /** stderr: progress, warnings, hints. */
  err(text: string): void;
  /** stdout is a terminal. */
  readonly tty: boolean;
  /** Aborts on the first SIGINT or SIGTERM; a second one ends the process at once. */
  readonly signal: AbortSignal;
};

export type Command = {
  readonly name: string;
  readonly summary: string;
  /** Everything after `wattledger NAME `. */
  readonly usage: string;
  readonly options: NonNullable<ParseArgsConfig['options']>;
  readonly allowPositionals?: boolean;
  /** Longer help: what the options mean, examples. */
  readonly help: string;
  /** Resolves to the exit code (0 done, 1 failed, 2 usage or configuration, 3 a check found something). May throw AppError. */
  run(context: CommandContext): Promise<number>;
};

/** Where the package puts the configuration. */
export const DEFAULT_CONFIG = '/etc/wattledger/wattledger.yaml';

export function textOption(context: CommandContext, name: string): string | undefined {
  const value = context.values[name];
  return typeof value === 'string' ? value : undefined;
}
export const flagOption = (context: CommandContext, name: string): boolean => context.values[name] === true;
