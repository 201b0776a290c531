// Secrets of a configuration: where they come from, who needs them, and that they are never shown.

import {readFileSync} from 'node:fs';
import path from 'node:path';
import {isNode} from 'yaml';
import {AppError} from '../core/errors.ts';
import {maskUrls} from '../core/masked.ts';
import {placeOf, type YamlFile} from './document.ts';
import type {SecretSource} from './values.ts';

/**
 * `all`: the daemon, which needs each of them. `reachable`: a look from a shell, which has neither the service's environment nor its
 * credentials. `none`: whoever only wants the ledger; nothing is read.
 */
export type SecretsMode = 'all' | 'reachable' | 'none';
export type UnknownSecret = {/** Key path, such as `mqtt.password`. */ readonly key: string; readonly why: string};

export type Secrets = {
  /** The text; undefined where there is none, or where it is not for this process. Throws AppError SECRET_MISSING. */
  read(source: SecretSource | undefined, at: readonly PropertyKey[]): string | undefined;
  readFile(file: string | undefined, at: readonly PropertyKey[]): string | undefined;
  /** Key paths of those in clear text. */
  readonly clear: string[];
  readonly unknown: UnknownSecret[];
};

export function keepSecrets(yaml: YamlFile, folder: string, mode: SecretsMode): Secrets {
  const clear: string[] = [];
  const unknown: UnknownSecret[] = [];
  return {
    clear,
    unknown,
    read(source, at) {
      const key = at.join('.');
      if (typeof source === 'string') clear.push(key);
      if (source === undefined || mode === 'none') return undefined;
      const hidden = mode === 'reachable' ? hiddenHere(source) : null;
      if (hidden !== null) {
        unknown.push({key, why: `${hidden}; the service may have it`});
        return undefined;
      }
      const secret = readSecret(source, folder, placeOf(yaml, at));
      // An empty password would let everybody in.
      if (secret === '') throw new AppError('SECRET_MISSING', placeOf(yaml, at), `${key}: the secret is empty`);
      return secret;
    },
    readFile: (file, at) => (file === undefined || mode === 'none' ? undefined : readSecret({file}, folder, placeOf(yaml, at))),
  };
}

/** Why a secret that comes from outside of the file is not to be had in this process; null where it is. */
function hiddenHere(source: SecretSource): string | null {
  if (typeof source === 'string') return null;
  if ('env' in source) return process.env[source.env] === undefined ? `the environment variable ${source.env} is not set` : null;
  return 'credential' in source && process.env['CREDENTIALS_DIRECTORY'] === undefined
    ? `credential "${source.credential}": systemd gave this process no credentials`
    : null;
}

/** The secret's text without a final line break. Throws SECRET_MISSING. */
function readSecret(source: SecretSource, folder: string, where: string): string {
  if (typeof source === 'string') return source;
  const hidden = hiddenHere(source);
  if (hidden !== null) throw new AppError('SECRET_MISSING', where, hidden);
  if ('env' in source) return process.env[source.env] ?? '';
  const file =
    'credential' in source ? path.join(process.env['CREDENTIALS_DIRECTORY'] ?? '', source.credential) : path.resolve(folder, source.file);
  try {
    return readFileSync(file, 'utf8').replace(/\r?\n$/, '');
  } catch (error) {
    throw new AppError('SECRET_MISSING', where, `${file}: ${reasonOf(error)}`, {cause: error});
  }
}

/** In words: why a file cannot be read. */
export const reasonOf = (error: unknown): string =>
  ({ENOENT: 'no such file', EACCES: 'no permission to read it', EISDIR: 'it is a directory'})[
    (error as NodeJS.ErrnoException).code ?? ''
  ] ?? (error as Error).message;

/** A shorter secret would mask half of the file where it stands a second time. */
const SHORTEST_EVERYWHERE = 4;

/** The file's text for people, with clear-text secrets and those inside URLs masked. */
export function maskSecrets(text: string, yaml: YamlFile, clear: readonly string[]): string {
  // An address is masked in part, with all others.
  const nodes = clear
    .filter(key => !key.endsWith('.url'))
    .map(key =>
      yaml.document.getIn(
        key.split('.').map(step => (/^\d+$/.test(step) ? Number(step) : step)),
        true,
      ),
    );
  let shown = text;
  // By their place, from the end: quotes and escapes make the text another than the value.
  const places = nodes.flatMap(node => (isNode(node) && node.range ? [node.range] : [])).sort((a, b) => b[0] - a[0]);
  for (const [from, to] of places) shown = `${shown.slice(0, from)}********${shown.slice(to)}`;
  for (const node of nodes) {
    const value: unknown = isNode(node) ? node.toJS(yaml.document) : null;
    if (typeof value === 'string' && value.length >= SHORTEST_EVERYWHERE) shown = shown.replaceAll(value, '********');
  }
  return maskUrls(shown);
}
