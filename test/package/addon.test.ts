// The add-on's folder and the Containerfile, as far as they can be tried without a container engine.

import {execFileSync, spawnSync} from 'node:child_process';
import {chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync} from 'node:fs';
import path from 'node:path';
import {describe, expect, test} from 'vitest';
import {parse} from 'yaml';
import {tempFolder} from '../support/cli.ts';

const config = parse(readFileSync('addon/config.yaml', 'utf8')) as Record<string, unknown>;
const {version} = JSON.parse(readFileSync('package.json', 'utf8')) as {version: string};

test('what Home Assistant requires is there, and agrees with the rest', () => {
  expect(config).toMatchObject({version, slug: 'wattledger', arch: ['aarch64', 'amd64'], ingress: true, uart: true, backup: 'cold'});
  for (const key of ['name', 'description']) expect(config[key]).toBeTypeOf('string');
  for (const key of ['full_access', 'privileged', 'host_network', 'docker_api', 'hassio_api']) expect(config).not.toHaveProperty(key);
  // The page must listen where the ingress looks for it.
  expect(readFileSync('addon/DOCS.md', 'utf8')).toContain(`listen: "0.0.0.0:${config['ingress_port']}"`);
  expect(config['watchdog']).toContain(`[PORT:${config['ingress_port']}]/healthz`);
});

describe('run.sh', () => {
  /** The script with folders of its own, and a program that only tells how it was called. */
  function bench(): {folder: string; start(): {status: number | null; stdout: string; stderr: string}} {
    const folder = tempFolder();
    for (const name of ['config', 'data', 'bin']) mkdirSync(path.join(folder, name));
    for (const [name, text] of [
      ['wattledger', 'echo "called: $* with $STATE_DIRECTORY"'],
      // Whoever runs the tests, the script sees a user without rights.
      ['id', 'echo 1000'],
    ] as const) {
      writeFileSync(path.join(folder, 'bin', name), `#!/bin/sh\n${text}\n`);
      chmodSync(path.join(folder, 'bin', name), 0o755);
    }
    const env = {
      ...process.env,
      PATH: `${path.join(folder, 'bin')}:${process.env['PATH']}`,
      CONFIG_FOLDER: path.join(folder, 'config'),
      DATA_FOLDER: path.join(folder, 'data'),
      EXAMPLE: path.resolve('config/site.example.yaml'),
    };
    return {folder, start: () => spawnSync('sh', ['addon/run.sh'], {env, encoding: 'utf8'})};
  }

  test('without a configuration it stops with a word and leaves an example', () => {
    const {folder, start} = bench();
    const {status, stderr} = start();
    expect(status).toBe(1);
    expect(stderr).toContain('write wattledger.yaml');
    expect(readdirSync(path.join(folder, 'config'))).toEqual(['wattledger.example.yaml']);
  });

  test('with one it starts the daemon; the password is made once, said once, and for one reader', () => {
    const {folder, start} = bench();
    writeFileSync(path.join(folder, 'config', 'wattledger.yaml'), 'version: 1\n');
    const first = start();
    expect(first.stdout).toContain(`called: run --config ${folder}/config/wattledger.yaml with ${folder}/data`);
    const file = path.join(folder, 'data', 'page-password');
    const password = readFileSync(file, 'utf8');
    expect(password).toMatch(/^[0-9a-f]{24}$/);
    expect(first.stdout).toContain(password);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    const second = start();
    expect(second.stdout).not.toContain(password);
    expect(readFileSync(file, 'utf8')).toBe(password);
  });
});

describe('images', () => {
  test.each(['Containerfile', 'addon/Dockerfile'])('%s: instructions and shell are well formed', file => {
    const lines = readFileSync(file, 'utf8').replaceAll('\\\n', ' ').split('\n');
    const known = /^(#.*|FROM|ARG|COPY|RUN|USER|ENV|VOLUME|STOPSIGNAL|CMD|LABEL)( |$)|^(#.*)?$/;
    expect(lines.filter(line => !known.test(line))).toEqual([]);
    for (const line of lines.filter(one => one.startsWith('RUN '))) execFileSync('sh', ['-n', '-c', line.slice(4)]);
    for (const line of lines.filter(one => one.startsWith('CMD '))) expect(JSON.parse(line.slice(4))).toBeInstanceOf(Array);
    const copied = lines.flatMap(line => /^COPY (\S+)/.exec(line)?.[1] ?? []).filter(name => !name.includes('.deb'));
    for (const name of copied) expect(existsSync(path.join(path.dirname(file), name)), name).toBe(true);
  });
});
