// A configuration of another version: an earlier one is brought up to date with a copy kept, a newer one is refused in words.

import {readdirSync, readFileSync, statSync, writeFileSync} from 'node:fs';
import path from 'node:path';
import {describe, expect, test} from 'vitest';
import {parseConfig} from '../../src/config/load.ts';
import {CONFIG_STEPS, type ConfigStep, FIRST_VERSION, upgradeFile} from '../../src/config/upgrade.ts';
import {AppError} from '../../src/core/errors.ts';
import {run, tempFolder} from '../support/cli.ts';

/** Steps as they will be: one renames a key, the next moves it. */
const STEPS: readonly ConfigStep[] = [
  {
    version: 2,
    what: '`interval` is called `every`',
    change(document) {
      document.setIn(['poll', 'every'], document.getIn(['poll', 'interval']));
      document.deleteIn(['poll', 'interval']);
    },
  },
  {version: 3, what: '`log` is gone', change: document => void document.delete('log')},
];
const OLD = `# Our house, since the winter
version: 1
poll:
  interval: 2s # not faster: the meter is old
log: {level: debug}
`;
const fileOf = (text: string): string => {
  const file = path.join(tempFolder(), 'site.yaml');
  writeFileSync(file, text, {mode: 0o640});
  return file;
};
const good = (): void => {};

test('the steps are numbered without a hole', () => {
  expect(CONFIG_STEPS.map(step => step.version)).toEqual(CONFIG_STEPS.map((_, index) => FIRST_VERSION + 1 + index));
});

test.each(readdirSync('test/config/versions'))('%s, as it was released, is still accepted', name => {
  expect(parseConfig(readFileSync(`test/config/versions/${name}`, 'utf8'), name).devices.length).toBeGreaterThan(0);
});

describe('an earlier version', () => {
  test('is brought up to date, comments stay, the old file is kept, rights stay', () => {
    const file = fileOf(OLD);
    expect(upgradeFile(file, good, STEPS)).toEqual({
      from: 1,
      to: 3,
      changes: ['`interval` is called `every`', '`log` is gone'],
      copy: `${file}.v1`,
    });
    const text = readFileSync(file, 'utf8');
    expect(text).toContain('# Our house, since the winter');
    expect(text).toMatch(/^version: 3$/m);
    expect(text).toMatch(/^ {2}every: 2s/m);
    expect(text).not.toMatch(/interval|log/);
    expect(readFileSync(`${file}.v1`, 'utf8')).toBe(OLD);
    expect(statSync(file).mode & 0o777).toBe(0o640);
    expect(upgradeFile(file, good, STEPS)).toBeNull();
  });

  test('stays as it is where the result would be refused, or a copy is there already', () => {
    const file = fileOf(OLD);
    const refuse = (): void => {
      throw new AppError('CONFIG_INVALID', file, 'no');
    };
    expect(() => upgradeFile(file, refuse, STEPS)).toThrow(/no$/);
    expect(readdirSync(path.dirname(file))).toEqual(['site.yaml']);
    writeFileSync(`${file}.v1`, 'somebody’s');
    expect(() => upgradeFile(file, good, STEPS)).toThrow(expect.objectContaining({code: 'FILE_EXISTS'}));
    expect(readFileSync(file, 'utf8')).toBe(OLD);
    expect(readFileSync(`${file}.v1`, 'utf8')).toBe('somebody’s');
  });
});

describe('a newer version', () => {
  test('is refused with its line and a way back, whatever else stands in it', async () => {
    const file = fileOf('version: 7\nnot_known_yet: true\n');
    const {code, stderr} = await run(['check', '--config', file, '--upgrade']);
    expect(code).toBe(2);
    expect(stderr).toContain(`${file}:1:10: version: 7 is newer than what this program knows (1)`);
    expect(stderr).toContain('FILE.v1');
    expect(readFileSync(file, 'utf8')).toContain('version: 7');
  });

  test.each(['version: one', 'version: 0', 'version: 1.5', 'version: [1]', 'site: {}'])('%s is no version at all', text => {
    expect(() => parseConfig(`${text}\n`, 'site.yaml')).toThrow(/version: .*expected 1/);
  });
});

test('`check --upgrade` leaves a file of today alone', async () => {
  const text = readFileSync('test/config/versions/1.yaml', 'utf8');
  const file = fileOf(text);
  const {stderr} = await run(['check', '--config', file, '--upgrade']);
  expect(stderr).toContain('has the form of today');
  expect(readFileSync(file, 'utf8')).toBe(text);
  expect(readdirSync(path.dirname(file))).toEqual(['site.yaml']);
});
