// Who may come in: passwords, tokens, names and proxies.

import {existsSync} from 'node:fs';
import type {IncomingMessage} from 'node:http';
import {afterEach, describe, expect, test} from 'vitest';
import {silentLog} from '../../src/core/log.ts';
import type {TickRecord} from '../../src/core/sink.ts';
import {createAuth, networkOf} from '../../src/http/auth.ts';
import type {HttpDeps, HttpSettings} from '../../src/http/deps.ts';
import {createHttp} from '../../src/http/server.ts';
import {record} from '../store/house.ts';
import {ask} from './ask.ts';

const never = new AbortController().signal;

describe('with a password and a token', () => {
  const sinks: ReturnType<typeof createHttp>[] = [];
  afterEach(async () => {
    for (const sink of sinks.splice(0)) await sink.close(never);
  });
  // Only who may come in is asked here; the answers behind the door are the business of the group above.
  const deps = {
    log: silentLog,
    site: {
      id: 'home',
      name: 'Home </script><b>',
      timezone: 'UTC',
      currency: 'EUR',
      pollEveryMs: 1000,
      flows: {policy: 'solar-first'},
      map: {grid: null, solar: [], wind: [], generator: [], home: null, batteries: [], hybrids: [], loads: []},
    },
    health: () => ({
      ok: true,
      problems: [],
      devices: [],
      links: [],
      sinks: [],
      store: null,
      tick: {seq: 0, everyMs: 1000, lastMs: 0, lateMs: 0, missed: 0},
      clock: {trusted: true, steps: 0},
    }),
    wallMs: () => 0,
    logTail: () => [],
    details: () => null,
  } as unknown as HttpDeps;
  const open = async (settings: Partial<HttpSettings>): Promise<string> => {
    const sink = createHttp({listen: '127.0.0.1:0', hosts: [], trustProxy: [], ...settings}, deps);
    sinks.push(sink);
    await sink.open(never);
    return sink.address() as string;
  };
  const login = (base: string, password: string) =>
    ask(base, '/login', {method: 'POST', headers: {'content-type': 'application/json'}, body: JSON.stringify({password})});

  test.skipIf(!existsSync('dist/web/index.html'))(
    'the page has the house inside for whoever may see it, and nobody keeps a copy',
    async () => {
      const base = await open({password: 'correct horse', token: 'a long token'});
      const shut = await ask(base, '/');
      expect(shut.status).toBe(200);
      expect(shut.body).toContain('id="page"');
      expect(shut.body).not.toContain('poll_every_ms');
      for (const path of ['/', '/index.html']) {
        const {body, headers} = await ask(base, path, {headers: {authorization: 'Bearer a long token'}});
        expect(headers['cache-control']).toBe('no-store');
        const [, told = ''] = /<script type="application\/json" id="told">(.*?)<\/script>/s.exec(body) ?? [];
        // What somebody called the house is text, whatever it looks like.
        expect(told).not.toContain('<');
        expect(JSON.parse(told).site.name).toBe('Home </script><b>');
      }
    },
  );

  test('nothing is told without one; a login gives a cookie that scripts cannot read', async () => {
    const base = await open({password: 'correct horse'});
    expect((await ask(base, '/api/v1/now')).status).toBe(401);
    expect((await ask(base, '/metrics')).status).toBe(401);
    expect((await ask(base, '/healthz')).status).toBe(200);
    const {status, headers} = await login(base, 'correct horse');
    expect(status).toBe(204);
    const cookie = String(headers['set-cookie']);
    expect(cookie).toMatch(/HttpOnly/);
    expect(cookie).toMatch(/SameSite=Strict/);
    const session = cookie.split(';')[0] as string;
    expect((await ask(base, '/api/v1/now', {headers: {cookie: session}})).status).toBe(200);
    await ask(base, '/logout', {method: 'POST', headers: {cookie: session, 'content-type': 'application/json'}});
    expect((await ask(base, '/api/v1/now', {headers: {cookie: session}})).status).toBe(401);
  });

  test('guessing is slowed down, even with the right one at the end', async () => {
    const base = await open({password: 'right'});
    for (let i = 0; i < 5; i++) expect((await login(base, `wrong ${i}`)).status).toBe(401);
    expect((await login(base, 'right')).status).toBe(429);
  });

  test('guessing tokens is slowed down too, and no forwarded name hides who guesses', async () => {
    const base = await open({token: 'abc', password: 'right', trustProxy: ['127.0.0.1']});
    // A proxy appends whom it heard; what stands before that is whatever the guesser wrote.
    const from = (n: number): Record<string, string> => ({'x-forwarded-for': `10.9.9.${n}, 10.0.0.7`});
    for (let i = 0; i < 5; i++)
      expect((await ask(base, '/api/v1/now', {headers: {authorization: `Bearer ${i}`, ...from(i)}})).status).toBe(401);
    expect((await ask(base, '/api/v1/now', {headers: {authorization: 'Bearer abc', ...from(8)}})).status).toBe(429);
    const other = {authorization: 'Bearer abc', 'x-forwarded-for': '10.0.0.8'};
    expect((await ask(base, '/api/v1/now', {headers: other})).status).toBe(200);
  });

  test('whoever has a network of addresses guesses hardly more often than anybody else', async () => {
    const base = await open({token: 'abc', trustProxy: ['127.0.0.1']});
    const tried = async (address: string, token: string): Promise<number> =>
      (await ask(base, '/api/v1/now', {headers: {authorization: `Bearer ${token}`, 'x-forwarded-for': address}})).status;
    for (let i = 1; i <= 5; i++) expect(await tried('2001:db8:0:7::1', 'wrong')).toBe(401);
    expect(await tried('2001:db8:0:7::1', 'abc')).toBe(429);
    // An old token in one device of a home does not lock out the others.
    expect(await tried('2001:db8:0:7::2', 'abc')).toBe(200);
    for (let i = 6; i <= 55; i++) await tried(`2001:db8:0:7::${i}`, 'wrong');
    expect(await tried('2001:db8:0:7:ffff:1:2:3', 'abc')).toBe(429);
    expect(await tried('2001:db8:0:8::1', 'abc')).toBe(200);
  });

  test.each([
    ['192.0.2.7', '192.0.2.7'],
    ['2001:db8::1', '2001:db8:0:0::/64'],
    ['2001:0DB8:0:0:1:2:3:4', '2001:db8:0:0::/64'],
    ['fe80::1%eth0', 'fe80:0:0:0::/64'],
    ['::1', '0:0:0:0::/64'],
    ['1::', '1:0:0:0::/64'],
  ])('%s guesses as %s', (address, network) => expect(networkOf(address)).toBe(network));

  test('many that log in at once wait for each other, and more than a few are sent away without a thread or memory for them', async () => {
    const auth = createAuth({listen: '127.0.0.1:0', hosts: [], trustProxy: [], password: 'right'});
    const from = (n: number): IncomingMessage => ({headers: {}, socket: {remoteAddress: `10.0.0.${n}`}}) as unknown as IncomingMessage;
    const ends = await Promise.allSettled(Array.from({length: 30}, (_, n) => auth.login(from(n), n === 3 ? 'right' : 'wrong')));
    const statuses = ends.map(end => (end.status === 'fulfilled' ? 204 : (end.reason as {status: number}).status));
    expect(statuses).toEqual(Array.from({length: 30}, (_, n) => (n === 3 ? 204 : n < 20 ? 401 : 503)));
    // Those who were sent away guessed nothing.
    for (let i = 0; i < 5; i++) await expect(auth.login(from(29), 'wrong')).rejects.toMatchObject({status: 401});
  });

  test('behind HTTPS the cookie is for HTTPS only; without a proxy nobody is believed', async () => {
    const headers = {'content-type': 'application/json', 'x-forwarded-proto': 'https', 'x-forwarded-for': '10.0.0.9'};
    const cookieOf = async (trustProxy: string[]): Promise<string> =>
      String(
        (await ask(await open({password: 'right', trustProxy}), '/login', {method: 'POST', headers, body: '{"password":"right"}'})).headers[
          'set-cookie'
        ],
      );
    expect(await cookieOf(['127.0.0.1'])).toContain('; Secure');
    expect(await cookieOf([])).not.toContain('Secure');
  });

  test('a token in the header', async () => {
    const base = await open({token: 'abc'});
    expect((await ask(base, '/api/v1/now', {headers: {authorization: 'Bearer abc'}})).status).toBe(200);
    expect((await ask(base, '/api/v1/now', {headers: {authorization: 'Bearer abd'}})).status).toBe(401);
  });

  test('a form of another site cannot log in, a huge body is refused', async () => {
    const base = await open({password: 'x'});
    expect((await ask(base, '/login', {method: 'POST', headers: {'content-type': 'text/plain'}, body: '{"password":"x"}'})).status).toBe(
      415,
    );
    expect(
      (await ask(base, '/login', {method: 'POST', headers: {'content-type': 'application/json'}, body: 'x'.repeat(10_000)})).status,
    ).toBe(413);
  });

  test('names listed in http.hosts are welcome, and a trusted proxy may call us what it likes', async () => {
    const base = await open({hosts: ['pi.local']});
    expect((await ask(base, '/api/v1/now', {headers: {host: 'pi.local:8080'}})).status).toBe(200);
    expect((await ask(base, '/api/v1/now', {headers: {host: 'other.local'}})).status).toBe(421);
    const behind = await open({trustProxy: ['127.0.0.1']});
    expect((await ask(behind, '/api/v1/now', {headers: {host: 'energy.example'}})).status).toBe(200);
  });

  test('a beat without a new picture leaves the last one standing, with its own time', async () => {
    const base = await open({});
    const beat = (seq: number, more: Partial<TickRecord>): TickRecord => record(seq, 1000 * seq, more);
    const state = {ts: '2026-01-01T00:00:00.000Z', grid_power_w: 321};
    await sinks[0]?.write([beat(1, {state, day: {ts: state.ts, home_kwh: 2.5}})], never);
    await sinks[0]?.write([beat(2, {})], never);
    const now = JSON.parse((await ask(base, '/api/v1/now')).body);
    expect(now).toMatchObject({ts: state.ts, grid_power_w: 321, day: {home_kwh: 2.5}});
    expect((await ask(base, '/healthz')).status).toBe(200);
  });
});
