// Configurations of earlier versions in the form of today. A step changes the document, so that comments and order stay.

import {constants, copyFileSync, readFileSync, renameSync, statSync, writeFileSync} from 'node:fs';
import type {Document} from 'yaml';
import {AppError} from '../core/errors.ts';
import {parseYaml, placeOf, type YamlFile} from './document.ts';

export type ConfigStep = {
  /** The version the step leads to; it takes the one before. */
  readonly version: number;
  /** What changes, for people. */
  readonly what: string;
  readonly change: (document: Document) => void;
};

export const FIRST_VERSION = 1;
/** In order, without a hole. There is one version so far. */
export const CONFIG_STEPS: readonly ConfigStep[] = [];

type Upgraded = {readonly from: number; readonly to: number; readonly changes: readonly string[]};

/** Brings the document to the newest version, in memory; a version that is no version is left to the schema. Throws AppError for a newer one. */
export function upgrade(yaml: YamlFile, steps: readonly ConfigStep[] = CONFIG_STEPS): Upgraded {
  const newest = steps.at(-1)?.version ?? FIRST_VERSION;
  const found: unknown = yaml.document.get('version');
  if (typeof found !== 'number' || !Number.isInteger(found) || found < FIRST_VERSION) return {from: newest, to: newest, changes: []};
  if (found > newest)
    throw new AppError(
      'CONFIG_INVALID',
      placeOf(yaml, ['version']),
      `version: ${found} is newer than what this program knows (${newest}); install the program that wrote it, or use the copy FILE.v${newest} that its upgrade kept`,
    );
  const open = steps.filter(step => step.version > found);
  for (const step of open) {
    step.change(yaml.document);
    yaml.document.set('version', step.version);
  }
  return {from: found, to: newest, changes: open.map(step => step.what)};
}

/** Writes the newest form of a file and keeps the old one as FILE.vN; null where there is nothing to do. Throws AppError FILE_EXISTS rather than replace a copy. */
export function upgradeFile(
  fileName: string,
  check: (text: string) => void,
  steps: readonly ConfigStep[] = CONFIG_STEPS,
): (Upgraded & {readonly copy: string}) | null {
  const yaml = parseYaml(readFileSync(fileName, 'utf8'), fileName);
  const upgraded = upgrade(yaml, steps);
  if (upgraded.changes.length === 0) return null;
  const text = yaml.document.toString({lineWidth: 0});
  // What the program would not take is never written.
  check(text);
  const copy = `${fileName}.v${upgraded.from}`;
  try {
    copyFileSync(fileName, copy, constants.COPYFILE_EXCL);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw unwritable(copy, error);
    throw new AppError('FILE_EXISTS', copy, 'is there already', {cause: error});
  }
  const fresh = `${fileName}.new`;
  try {
    writeFileSync(fresh, text, {mode: statSync(fileName).mode & 0o777});
    renameSync(fresh, fileName);
  } catch (error) {
    throw unwritable(fileName, error);
  }
  return {...upgraded, copy};
}

const unwritable = (file: string, error: unknown): AppError =>
  new AppError('FILE_UNWRITABLE', file, (error as Error).message, {cause: error});
