// Secrets never stand in the log, in `doctor`, in `check`, on the page, in the database or in a copy of it, whatever goes wrong with them.

import {readdirSync, readFileSync, writeFileSync} from 'node:fs';
import path from 'node:path';
import {expect, test} from 'vitest';
import {run, start, tempFolder} from '../support/cli.ts';
import {freePort} from '../support/programs.ts';

const TOKEN = 'tok"en\\of-the-page';
const SECRETS = [
  'in-the-url',
  'from-a-file',
  'in-the-environment',
  'the-pages-password',
  'en\\of-the-page',
  'en\\\\of-the-page',
  'of-the-series',
];

test('nobody is told a secret', async () => {
  const folder = tempFolder();
  const port = await freePort();
  const file = path.join(folder, 'site.yaml');
  writeFileSync(path.join(folder, 'pw'), 'from-a-file\n');
  const text = `version: 1
links: {a: {url: "tcp://127.0.0.1:9"}}
devices: {meter: {profile: eastron-sdm630, link: a}}
map: {grid: meter}
store: {path: w.db, commit_every: 1s}
mqtt:
  - {url: "mqtt://anna:in-the-url@127.0.0.1:9"}
  - {url: "mqtt://127.0.0.1:9", username: anna, password: {file: pw}, client_id: b, base: b}
  - {url: "mqtt://127.0.0.1:9", username: anna, password: {env: WATTLEDGER_TEST}, client_id: c, base: c}
tariffs:
  series: {spot: {url: "http://127.0.0.1:9/prices?securityToken=of-the-series", list: data, start: at, price: price}}
  periods: [{import: {series: spot}, export: 0.1}]
http:
  listen: "127.0.0.1:${port}"
  password: the-pages-password
  token: ${JSON.stringify(TOKEN)}
log: {level: debug}
`;
  writeFileSync(file, text);
  const env = {WATTLEDGER_TEST: 'in-the-environment'};
  const said: string[] = [];
  const checked = await run(['check', '--config', file, '--online'], env);
  said.push(checked.stdout, checked.stderr);
  const daemon = start(['run', '--config', file], env);
  await daemon.saying('first tick done');
  const headers = {authorization: `Bearer ${TOKEN}`};
  for (const what of ['setup', 'health', 'devices', 'events', 'now']) {
    const answer = await fetch(`http://127.0.0.1:${port}/api/v1/${what}`, {headers});
    expect(answer.status).toBe(200);
    said.push(await answer.text());
  }
  const login = await fetch(`http://127.0.0.1:${port}/login`, {method: 'POST', body: 'password=the-pages-passwort'});
  said.push(await login.text());
  // A file in which a secret has become something else.
  for (const broken of [
    text.replace('the-pages-password', '[the-pages-password]'),
    text.replace('{file: pw}', '{fil: from-a-file}'),
    `${text}\n: the-pages-password`,
  ]) {
    writeFileSync(file, broken);
    daemon.child.kill('SIGHUP');
    const ended = await run(['check', '--config', file], env);
    said.push(ended.stdout, ended.stderr);
  }
  await daemon.saying('the old one stays');
  writeFileSync(file, text);
  for (const args of [
    ['doctor', '--config', file],
    ['doctor', '--config', file, '--online'],
    ['backup', path.join(folder, 'copy.db'), '--config', file],
  ]) {
    const ended = await run(args, env);
    said.push(ended.stdout, ended.stderr);
  }
  daemon.child.kill('SIGTERM');
  const {stdout, stderr} = await daemon.ended;
  said.push(stdout, stderr);
  for (const name of readdirSync(folder).filter(one => /\.db/.test(one))) said.push(readFileSync(path.join(folder, name), 'latin1'));
  expect(said.join('').length).toBeGreaterThan(10_000);
  for (const secret of SECRETS)
    expect([
      secret,
      said.filter(one => one.includes(secret)).map(one => one.slice(Math.max(0, one.indexOf(secret) - 200), one.indexOf(secret) + 80)),
    ]).toEqual([secret, []]);
});
