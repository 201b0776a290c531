// What is published beside the program must be what the program does: the example loads, the schema for editors is current.

import {readFileSync} from 'node:fs';
import {describe, expect, test} from 'vitest';
import {loadConfig, parseConfig} from '../../src/config/load.ts';
import {configJsonSchema} from '../../src/config/schema.ts';

test('the example configuration loads', () => {
  const config = loadConfig('config/site.example.yaml');
  expect(config.devices.length).toBeGreaterThan(2);
  expect(config.site.map.grid).not.toBeNull();
});

test('config/site.schema.json is current: `node tools/json-schemas.ts` writes it', () => {
  expect(JSON.parse(readFileSync('config/site.schema.json', 'utf8'))).toEqual(JSON.parse(JSON.stringify(configJsonSchema())));
});

describe('the README', () => {
  const readme = readFileSync('README.md', 'utf8');
  test('its configuration loads', () => {
    const yaml = /```yaml\n(version: 1[\s\S]*?)```/.exec(readme)?.[1] ?? '';
    expect(parseConfig(yaml, 'README.md').devices.map(device => device.id)).toEqual(['meter', 'sungrow']);
  });
  test('its commands exist', async () => {
    const main = readFileSync('src/cli/main.ts', 'utf8');
    const commands = [...readme.matchAll(/^wattledger ([a-z]+) --?[a-z]/gm)].map(match => match[1] as string);
    expect(commands.length).toBeGreaterThan(3);
    for (const command of commands) expect(main.includes(`  ${command}: () => import`), command).toBe(true);
  });
  test('its pages and pictures are there', () => {
    for (const [, file] of readme.matchAll(/\]\(((?:docs|config)\/[^)]+)\)/g))
      expect(() => readFileSync(file as string), file).not.toThrow();
  });
});

test('times of backups: five fields, checked where they are written', () => {
  const text = (cron: string): string => `version: 1
links: {bus: {url: "tcp://meter.lan"}}
devices: {meter: {profile: eastron-sdm630, link: bus}}
map: {grid: meter}
store: {backup: {folder: copies, cron: "${cron}"}}
`;
  expect(parseConfig(text('0 4 * * 1'), '/etc/w/site.yaml').store.backup).toEqual({folder: '/etc/w/copies', cron: '0 4 * * 1', keep: 7});
  for (const wrong of ['daily', '99 3 * * *', '0 4 * * someday'])
    expect(() => parseConfig(text(wrong), 'site.yaml')).toThrow(/site\.yaml:5.*cron/);
});
