// What the pages say must be there: files, commands with their options, configurations.

import {existsSync, readdirSync, readFileSync, statSync} from 'node:fs';
import path from 'node:path';
import {describe, expect, test} from 'vitest';
import {parse} from 'yaml';
import type {Command} from '../../src/cli/command.ts';
import {configSchema} from '../../src/config/schema.ts';

const PAGES = [
  'README.md',
  'CHANGELOG.md',
  'addon/DOCS.md',
  ...readdirSync('docs', {recursive: true, encoding: 'utf8'})
    .filter(name => name.endsWith('.md'))
    .map(name => `docs/${name}`),
];
const textOf = (page: string): string => readFileSync(page, 'utf8');

test.each(PAGES)('%s: every link leads somewhere', page => {
  const missing = [...textOf(page).matchAll(/\]\(([^)#\s]+)(#[^)]*)?\)/g)]
    .map(match => match[1] as string)
    .filter(target => !/^[a-z]+:/.test(target))
    .filter(target => !existsSync(path.resolve(path.dirname(page), target)));
  expect(missing).toEqual([]);
});

describe('commands', () => {
  const lines = PAGES.flatMap(page =>
    [...textOf(page).matchAll(/(?:^|`|sudo |-- )wattledger ([a-z]+)((?: [^`\n|]*)?)/gm)].map(
      match => [page, match[1] as string, (match[2] ?? '').split(' #')[0] ?? ''] as const,
    ),
  );
  const known = readdirSync('src/cli').map(name => name.replace('.ts', ''));

  test('there are some', () => expect(lines.length).toBeGreaterThan(25));
  test.each(lines.filter(([, name]) => name !== 'villa'))('%s: wattledger %s%s', async (_, name, rest) => {
    if (!known.includes(name)) expect.fail(`no command "${name}"`);
    const {command} = (await import(`../../src/cli/${name}.ts`)) as {command: Command};
    const options = [...rest.matchAll(/(?<=\s)--([a-z][a-z-]*)/g)].map(match => match[1] as string);
    for (const option of options) expect([...Object.keys(command.options), 'help', 'debug', 'version'], `--${option}`).toContain(option);
  });
});

describe('configurations', () => {
  const blocks = PAGES.flatMap(page =>
    [...textOf(page).matchAll(/```yaml\n([\s\S]*?)```/g)].map((match, index) => [`${page} ${index + 1}`, match[1] as string] as const),
  );
  const keys = Object.keys(configSchema.shape);
  const sections = blocks.filter(([, text]) => {
    const found: unknown = parse(text);
    return typeof found === 'object' && found !== null && Object.keys(found).every(key => keys.includes(key));
  });

  test('there are some', () => expect(sections.length).toBeGreaterThan(4));
  test.each(sections)('%s is what the program takes', (_, text) => {
    const result = configSchema.safeParse({version: 1, ...(parse(text) as object)});
    expect(result.error?.issues ?? []).toEqual([]);
  });
});

test('every dependency is justified, and none that is gone', () => {
  const {dependencies, optionalDependencies} = JSON.parse(textOf('package.json')) as Record<string, Record<string, string>>;
  const named = [...textOf('docs/dependencies.md').matchAll(/^\| `([^`]+)`/gm)].map(match => match[1]);
  expect(named.sort()).toEqual([...Object.keys(dependencies ?? {}), ...Object.keys(optionalDependencies ?? {})].sort());
});

test('every test that the page about security names is there', () => {
  const named = [...textOf('docs/security.md').matchAll(/`(test\/[^`]+)`/g)].map(match => match[1] as string);
  expect(named.length).toBeGreaterThan(12);
  expect(named.filter(file => !existsSync(file))).toEqual([]);
});

const decisions = readdirSync('docs/adr').filter(name => /^\d{4}-/.test(name));

test.each(decisions)('%s has the form of a decision, and stands in the index', name => {
  const text = textOf(`docs/adr/${name}`);
  const title = /^# (.*)/.exec(text)?.[1] ?? '';
  expect(title).toMatch(new RegExp(`^${Number(name.slice(0, 4))}\\. `));
  expect([...text.matchAll(/^\*\*(\w+)\.\*\*/gm)].map(match => match[1])).toEqual(['Context', 'Choice', 'Price']);
  expect(textOf('docs/adr/README.md')).toContain(`[${title}](${name})`);
});

test('the map of the code has every folder of the source, and names files that are there', () => {
  const map = textOf('docs/code.md');
  const folders = readdirSync('src').filter(name => statSync(`src/${name}`).isDirectory());
  expect(folders.filter(name => !map.includes(`\`src/${name}\``))).toEqual([]);
  const files = new Set(readdirSync('src', {recursive: true, encoding: 'utf8'}).map(name => path.basename(name)));
  expect([...map.matchAll(/`([a-z-]+\.tsx?)`/g)].map(match => match[1] as string).filter(name => !files.has(name))).toEqual([]);
});

test('every page is reached from the README', () => {
  const reached = new Set<string>(['README.md']);
  for (const page of reached) {
    if (!page.endsWith('.md')) continue;
    const targets = [...textOf(page).matchAll(/\]\(([^)#\s]+)/g)].map(match => path.join(path.dirname(page), match[1] as string));
    for (const file of targets) if (statSync(file, {throwIfNoEntry: false})?.isFile()) reached.add(file);
  }
  const pages = PAGES.filter(page => page.startsWith('docs/') && !page.startsWith('docs/adr/'));
  expect(pages.filter(page => !reached.has(page))).toEqual([]);
});
