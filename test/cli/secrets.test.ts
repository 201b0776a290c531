// Secrets that only the service has: its environment and its credentials. Whoever looks from a shell, or copies at night, does not need them.

import {writeFileSync} from 'node:fs';
import path from 'node:path';
import {beforeEach, describe, expect, test} from 'vitest';
import {bench, never} from '../store/harness.ts';
import {run} from '../support/cli.ts';

let file: string;
let folder: string;
beforeEach(async () => {
  const ledger = bench();
  folder = ledger.folder;
  const store = ledger.open();
  await store.start();
  await store.close(never);
  file = path.join(folder, 'site.yaml');
  writeFileSync(
    file,
    `version: 1
links: {a: {url: "tcp://192.0.2.1"}}
devices: {meter: {profile: eastron-sdm630, link: a}}
map: {grid: meter}
store: {path: wattledger.db}
mqtt: {url: "mqtt://127.0.0.1:9", username: anna, password: {credential: broker}}
http: {listen: "0.0.0.0:8080", password: {env: WATTLEDGER_TEST_NOT_SET}}
`,
  );
});
// Also where the tests themselves run under systemd.
const bare = {CREDENTIALS_DIRECTORY: undefined};

describe('without the secrets of the service', () => {
  test.each([
    ['the copy at night', ['backup', '--replace', 'copy.db']],
    ['a report', ['report', '--json']],
    ['an export', ['export', '--from', '2026-11-01', '--to', '2026-11-02']],
    ['a plan', ['plan', '--json']],
  ])('%s works', async (_what, args) => {
    const {code, stderr} = await run([...args.map(arg => arg.replace('copy.db', path.join(folder, 'copy.db'))), '--config', file], bare);
    expect(stderr).not.toMatch(/WATTLEDGER_TEST_NOT_SET|credential/);
    expect(code).toBe(0);
  });

  test('`check` says what it could not look at, and finds the rest', async () => {
    const {code, stdout, stderr} = await run(['check', '--config', file, '--json'], bare);
    expect(code).not.toBe(2);
    expect(JSON.parse(stdout).file).toBe(file);
    expect(stderr).toContain('mqtt.password is not looked at: credential "broker"');
    expect(stderr).toContain('http.password is not looked at: the environment variable WATTLEDGER_TEST_NOT_SET');
  });

  test('`check --online` does not knock at the broker with a wrong login', async () => {
    const {stderr} = await run(['check', '--config', file, '--online'], bare);
    expect(stderr).toContain('mqtt://127.0.0.1:9: not tried, its password is not known here');
  });

  test('`doctor` tells the configuration all the same', async () => {
    const {code, stdout} = await run(['doctor', '--config', file], bare);
    expect(code).toBe(0);
    expect(stdout).toContain('profile: eastron-sdm630');
    expect(stdout).toContain('mqtt.password is not looked at');
    expect(stdout).toContain('checked: sound');
  });

  test('the daemon does not start', async () => {
    const {code, stderr} = await run(['run', '--config', file], bare);
    expect(stderr).toContain('credential "broker"');
    expect(code).toBe(2);
  });
});
