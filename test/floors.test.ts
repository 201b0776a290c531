// The floors of the house: imports go down, core is pure, packages stay behind their fence, nothing goes in circles.

import {readdirSync, readFileSync} from 'node:fs';
import path from 'node:path';
import {expect, test} from 'vitest';

const ROOT = path.resolve('src');
const FLOORS: Readonly<Record<string, number>> = {
  core: 0,
  config: 1,
  link: 1,
  store: 1,
  outlets: 1,
  device: 2,
  http: 2,
  demo: 3,
  app: 4,
  cli: 5,
  web: 1,
};
/** The files that may use a package. */
const FENCES: Readonly<Record<string, RegExp>> = {
  'modbus-serial': /^link\//,
  serialport: /^link\//,
  'modbus-serial/utils/crc16.js': /^link\//,
  'modbus-serial/utils/lrc.js': /^link\//,
  mqtt: /^outlets\//,
  'better-sqlite3': /^store\//,
  'node-cron': /^(app\/calendar|config\/schema)\.ts$/,
  zod: /^config\//,
  yaml: /^(config|cli)\//,
  pino: /^app\//,
  aedes: /^demo\/broker\.ts$/,
  preact: /^web\//,
  '@preact/signals': /^web\//,
  'preact/hooks': /^web\//,
};

type Import = {
  readonly from: string;
  readonly to: string;
  /** Types only: gone when the program runs. */
  readonly typeOnly: boolean;
  /** Loaded when it is needed, not with the file. */
  readonly lazy: boolean;
};
const files = readdirSync(ROOT, {recursive: true, encoding: 'utf8'}).filter(file => /\.tsx?$/.test(file));
const imports: Import[] = files.flatMap(file =>
  [
    ...readFileSync(path.join(ROOT, file), 'utf8').matchAll(
      /(?:^|\n)\s*(?:import|export)\s[^'"`;]*?from\s*'([^']+)'|(?:^|\n)\s*import\s*'([^']+)'|\bimport\('([^']+)'\)/g,
    ),
  ].map(match => ({
    from: file,
    to: match[1] ?? match[2] ?? match[3] ?? '',
    typeOnly: /^\s*(import|export)\s+type\s/.test(match[0]),
    lazy: match[3] !== undefined,
  })),
);
const folderOf = (file: string): string => file.split('/')[0] ?? '';
const targetOf = ({from, to}: Import): string => path.relative(ROOT, path.resolve(ROOT, path.dirname(from), to));

test('there are files to look at', () => {
  expect(files.length).toBeGreaterThan(50);
  expect(imports.length).toBeGreaterThan(100);
});

test('an import stays in its folder or goes to a lower floor', () => {
  const upward = imports
    .filter(({to}) => to.startsWith('.'))
    .filter(one => {
      const [from, to] = [folderOf(one.from), folderOf(targetOf(one))];
      if (from === to || targetOf(one).startsWith('..')) return false;
      if (from === 'web') return to !== 'core';
      return !((FLOORS[to] ?? 99) < (FLOORS[from] ?? -1));
    })
    .map(one => `${one.from} -> ${targetOf(one)}`);
  expect(upward).toEqual([]);
});

test('core imports nothing but core, and reads no clock', () => {
  const outside = imports.filter(({from, to}) => from.startsWith('core/') && !to.startsWith('.')).map(({from, to}) => `${from} -> ${to}`);
  expect(outside).toEqual([]);
  const impure = files.filter(
    file =>
      file.startsWith('core/') &&
      /\bDate\.now\(|\bnew Date\(\)|performance\.now\(|\bsetTimeout\(|\bprocess\.|\bawait\b/.test(
        readFileSync(path.join(ROOT, file), 'utf8'),
      ),
  );
  expect(impure).toEqual([]);
});

test('each package stays behind its fence', () => {
  const escaped = imports
    .filter(({to}) => !to.startsWith('.') && !to.startsWith('node:'))
    .filter(({from, to}) => {
      const name = to.startsWith('@') ? to.split('/').slice(0, 2).join('/') : (to.split('/')[0] ?? '');
      const fence = FENCES[name];
      return fence === undefined || !fence.test(from);
    })
    .map(({from, to}) => `${from} -> ${to}`);
  expect(escaped).toEqual([]);
});

test('no import goes in a circle', () => {
  const next = new Map<string, string[]>();
  for (const one of imports.filter(({to, typeOnly}) => to.startsWith('.') && !typeOnly))
    next.set(one.from, [...(next.get(one.from) ?? []), targetOf(one)]);
  const circles: string[] = [];
  const done = new Set<string>();
  const walk = (file: string, trail: readonly string[]): void => {
    const at = trail.indexOf(file);
    if (at >= 0) {
      circles.push([...trail.slice(at), file].join(' -> '));
      return;
    }
    if (done.has(file)) return;
    for (const to of next.get(file) ?? []) walk(to, [...trail, file]);
    done.add(file);
  };
  for (const file of files) walk(file, []);
  // A type may know the type that knows it; a value may not.
  expect(circles).toEqual([]);
});

test('only the functions that read are there: no Modbus function code that writes is sent anywhere', () => {
  const writers = files.filter(file =>
    /\bwrite(FC(5|6|15|16|22|23)|Coil|Coils|Register|Registers)\b/.test(readFileSync(path.join(ROOT, file), 'utf8')),
  );
  expect(writers).toEqual([]);
});

test('what only reads configurations is not in the memory of the daemon, nor is an HTTP client', () => {
  const held = new Set(['cli/run.ts', 'app/app.ts', 'store/thread.ts']);
  const loaded = new Set<string>();
  for (const file of held)
    for (const one of imports.filter(({from, typeOnly, lazy}) => from === file && !typeOnly && !lazy))
      if (one.to.startsWith('.')) held.add(targetOf(one));
      else loaded.add(one.to);
  expect(held.size).toBeGreaterThan(100);
  expect([...loaded]).toContain('pino');
  // An import of node:http reads all that it offers, and a part of that is an HTTP client and a WebSocket.
  expect([...loaded].filter(name => /^(zod|yaml|date-holidays|serialport|aedes|node:https?)$/.test(name))).toEqual([]);
});
