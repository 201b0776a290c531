// The page's server: a table of good and bad requests against a running demo.

import {createServer, request as httpRequest} from 'node:http';
import {type AddressInfo, connect} from 'node:net';
import {afterAll, beforeAll, describe, expect, test} from 'vitest';
import type {HttpDeps} from '../../src/http/deps.ts';
import {openapi} from '../../src/http/openapi.ts';
import {createStreams} from '../../src/http/stream.ts';
import {afterTest} from '../support/after.ts';
import {run, type start} from '../support/cli.ts';
import {ask} from './ask.ts';

type Described = {
  parameters: {name: string; required: boolean; schema: {enum?: string[]}}[];
  responses: {200: {content: Record<string, object>}};
};
describe('a running house', () => {
  let base = '';
  let demo: ReturnType<typeof start>['child'];
  beforeAll(async () => {
    // Not the helper's own clean-up: this one lives for the whole group.
    const {spawn} = await import('node:child_process');
    const {mkdtempSync} = await import('node:fs');
    const folder = mkdtempSync(`${(await import('node:os')).tmpdir()}/wattledger-http-`);
    const child = spawn(
      process.execPath,
      ['src/cli/main.ts', 'demo', '--data', folder, '--port', '0', '--speed', '60', '--seconds', '1800'],
      {
        stdio: ['ignore', 'pipe', 'pipe'],
      },
    );
    demo = child;
    base = await new Promise<string>(resolve => {
      let text = '';
      child.stdout.on('data', chunk => {
        text += chunk;
        const page = /page\s+(http:\S+)/.exec(text)?.[1];
        if (page && /solar .* W/.test(text)) resolve(page);
      });
    });
  });
  afterAll(() => {
    demo.kill('SIGKILL');
  });

  test('now carries the keys of site/state, today and the totals', async () => {
    const {status, headers} = await ask(base, '/api/v1/now');
    expect(status).toBe(200);
    const keys = [
      'grid_power_w',
      'solar_power_w',
      'battery_power_w',
      'home_power_w',
      'battery_soc_pct',
      'solar_to_home_w',
      'unexplained_w',
    ];
    const told = async () => JSON.parse((await ask(base, '/api/v1/now')).body);
    // A device that answers late on a busy machine has no number for a moment.
    let now = await told();
    await expect
      .poll(async () => {
        now = await told();
        return keys.filter(key => typeof now[key] !== 'number');
      })
      .toEqual([]);
    expect(now.energy.grid_import_kwh).toBeTypeOf('number');
    expect(now.day.day).toMatch(/^\d{4}-\d\d-\d\d$/);
    expect(headers['content-security-policy']).toContain("default-src 'none'");
  });

  test('a download has the rows that `export` has, times and months alike', async () => {
    const {body: health} = await ask(base, '/api/v1/setup');
    const file = JSON.parse(health).database.path as string;
    for (const step of ['15m', '1d', '1mo'])
      for (const what of ['flows', 'totals']) {
        let rows: string[] = [];
        // Until a quarter hour is on record.
        while (rows.length === 0) {
          rows = (await run(['export', '--db', file, '--from', '2020-01-01', '--to', '2040-01-01', '--step', step, '--what', what])).stdout
            .split('\n')
            .slice(0, 2);
          if (!rows[1]) rows = [];
        }
        const {body} = await ask(base, `/api/v1/export?from=2020-01-01&to=2040-01-01&step=${step}&what=${what}`);
        const names = (lines: readonly string[]): unknown => [lines[0], lines[1]?.split(',').slice(0, 2)];
        expect(names(body.split('\n'))).toEqual(names(rows));
        const empty = await ask(base, `/api/v1/export?from=2020-01-01&to=2020-02-01&step=${step}&what=${what}`);
        expect([empty.status, empty.body]).toEqual([200, `${rows[0]}\n`]);
      }
  });

  test.each([
    ['/api/v1/flows?step=15m', 200],
    ['/api/v1/flows?from=2026-01-01&to=2027-01-01&step=1mo&policy=proportional', 200],
    ['/api/v1/points?device=meter&point=meter.power_w', 200],
    ['/api/v1/devices', 200],
    ['/api/v1/health', 200],
    ['/api/v1/events?limit=5', 200],
    ['/api/v1/setup', 200],
    ['/api/v1/export?format=jsonl', 200],
    ['/api/v1/backup', 200],
    ['/healthz', 200],
    ['/metrics', 200],
    ['/openapi.json', 200],
    ['/api/v1/flows?from=yesterday', 400],
    ['/api/v1/flows?from=2026-13-41', 400],
    ['/api/v1/flows?step=5m', 400],
    ['/api/v1/flows?policy=none', 400],
    ['/api/v1/flows?form=2026-01-01', 400],
    ['/api/v1/flows?from=2026-02-30', 400],
    ['/api/v1/flows?from=2026-02-30T10:00:00Z', 400],
    ['/api/v1/flows?from=2026-11-24T10:00:00', 400], // whose clock would that be?
    ['/api/v1/flows?from=0001-01-01', 400],
    ['/api/v1/flows?to=9999-12-31', 400],
    ['/api/v1/flows?from=2026-02-01&to=2026-01-01', 400],
    ['/api/v1/flows?from=2026-01-01&from=2026-02-01', 400],
    ['/api/v1/events?from=2026-02-01&to=2026-01-01', 400],
    ['/api/v1/points', 400],
    ['/api/v1/points?device=nobody&point=meter.power_w', 404],
    ['/api/v1/points?device=meter&point=meter.color', 404],
    ['/api/v1/points?device=meter&point=meter.power_w&points=1501', 400],
    ['/api/v1/events?limit=-1', 400],
    ['/api/v1/export?format=xml', 400],
    ['/api/v1/now?x=1', 400],
    ['/api/v1/nothing', 404],
    ['/api/v1/constructor', 404],
    ['/../../etc/passwd', 404],
    [`/api/v1/flows?from=${'9'.repeat(5000)}`, 414],
  ] as const)('GET %s is %i', async (path, status) => {
    const reply = await ask(base, path);
    expect(reply.status, reply.body.slice(0, 200)).toBe(status);
    if (status >= 400) expect(JSON.parse(reply.body).error.length).toBeGreaterThan(5);
  });

  test('only reading is possible', async () => {
    for (const method of ['POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS']) expect((await ask(base, '/api/v1/now', {method})).status).toBe(405);
  });

  test('a page of somebody else cannot read along', async () => {
    for (const host of ['evil.example', 'evil.example:80', '192.168.1.1'])
      expect((await ask(base, '/api/v1/now', {headers: {host}})).status, host).toBe(421);
    const {port} = new URL(base);
    for (const host of [`localhost:${port}`, `127.0.0.1:${port}`])
      expect((await ask(base, '/api/v1/now', {headers: {host}})).status).toBe(200);
    expect(
      (await ask(base, '/api/v1/now', {headers: {origin: 'https://evil.example'}})).headers['access-control-allow-origin'],
    ).toBeUndefined();
  });

  test('what did not change is not sent again, what is long is compressed', async () => {
    const first = await ask(base, '/openapi.json', {headers: {'accept-encoding': 'gzip'}});
    expect(first.headers['content-encoding']).toBe('gzip');
    for (const [accepted, encoding] of [
      ['gzip;q=0', undefined],
      ['gzip;q=0, *', undefined],
      ['br', undefined],
      ['GZIP', 'gzip'],
      ['br, *;q=0.1', 'gzip'],
      ['deflate, gzip; q=0.5', 'gzip'],
    ] as const)
      expect((await ask(base, '/openapi.json', {headers: {'accept-encoding': accepted}})).headers['content-encoding'], accepted).toBe(
        encoding,
      );
    const etag = String(first.headers['etag']);
    for (const known of [etag, `"other", ${etag}`, etag.replace('W/', '')])
      expect((await ask(base, '/openapi.json', {headers: {'if-none-match': known}})).status, known).toBe(304);
    expect((await ask(base, '/openapi.json', {headers: {'if-none-match': '"other"'}})).status).toBe(200);
    expect((await ask(base, '/api/v1/export', {headers: {'accept-encoding': 'gzip'}})).headers['content-encoding']).toBe('gzip');
  });

  test('no reply has more than 1500 steps, and it says which step it is', async () => {
    const {body} = await ask(base, '/api/v1/flows?from=2000-01-01&to=2026-12-31&step=15m');
    expect(JSON.parse(body).step).toBe('1mo');
  });

  test.each(['/api/v1/now', '/api/v1/stream', '/api/v1/export', '/api/v1/backup', '/healthz', '/metrics', '/'])(
    'HEAD %s ends with what GET would begin with',
    async path => {
      const reply = await ask(base, path, {method: 'HEAD'});
      expect(reply).toMatchObject({status: 200, body: ''});
      expect(reply.headers['content-type']).toBeDefined();
    },
  );

  test('the description and the routes are the same, both ways', async () => {
    const sample: Record<string, string> = {
      device: 'meter',
      point: 'meter.power_w',
      limit: '5',
      points: '10',
      from: '2026-01-01',
      to: '2026-12-01',
    };
    for (const [path, methods] of Object.entries(openapi.paths as Record<string, Record<string, Described>>)) {
      for (const method of ['get', 'post'].filter(one => !(one in methods))) {
        const {status} = await ask(base, path, {method: method.toUpperCase()});
        expect([404, 405], `${method} ${path}`).toContain(status);
      }
      const {get} = methods;
      if (!get || path === '/api/v1/stream') continue;
      const asked = get.parameters.map(({name, schema}) => [name, schema.enum?.[0] ?? sample[name] ?? '']);
      const reply = await ask(base, `${path}?${new URLSearchParams(asked)}`);
      expect(reply.status, `${path} ${reply.body.slice(0, 200)}`).toBe(200);
      const [type, {schema}] = Object.entries(get.responses[200].content)[0] as [string, {schema: {required?: string[]}}];
      expect(reply.headers['content-type'], path).toContain(type);
      if (schema.required) expect(Object.keys(JSON.parse(reply.body)), path).toEqual(expect.arrayContaining(schema.required));
      // A parameter that is not described is refused, so none can be forgotten there.
      if (path.startsWith('/api/')) expect((await ask(base, `${path}?undescribed=1`)).status, path).toBe(400);
      for (const {name, required} of get.parameters)
        if (required)
          expect((await ask(base, `${path}?${new URLSearchParams(asked.filter(([one]) => one !== name))}`)).status, name).toBe(400);
    }
    const described = Object.keys(openapi.paths).map(path => path.replace('/api/v1/', ''));
    const {endpoints} = await import('../../src/http/api.ts');
    for (const name of Object.keys(endpoints({site: {timezone: 'UTC'}} as HttpDeps, () => null))) expect(described).toContain(name);
  });

  test('metrics keep the text format: each sample behind its HELP and TYPE', async () => {
    const {body} = await ask(base, '/metrics');
    const typed = new Set<string>();
    for (const line of body.trim().split('\n')) {
      if (line.startsWith('#')) {
        const type = /^# TYPE (\S+) (gauge|counter)$/.exec(line);
        if (type) typed.add(type[1] as string);
        continue;
      }
      const sample = /^([a-z_]+)(\{([a-z_]+="[^"]*",?)+\})? (-?[\d.e+-]+)$/.exec(line);
      expect(sample, line).not.toBeNull();
      expect(typed.has(sample?.[1] as string), line).toBe(true);
    }
    expect(typed.has('wattledger_power_watts')).toBe(true);
  });

  test('32 pages may listen, the next one is asked to come later, and news come', async () => {
    const open: {destroy(): void}[] = [];
    afterTest(() => {
      for (const one of open) one.destroy();
    });
    const listenTo = (): Promise<{status: number; first: string}> =>
      new Promise((resolve, reject) => {
        const request = httpRequest(`${base}/api/v1/stream`, response => {
          let text = '';
          response.on('data', chunk => {
            text += chunk;
            if (text.split('event: now').length > 2 || (response.statusCode ?? 0) >= 400)
              resolve({status: response.statusCode ?? 0, first: text});
          });
        });
        request.on('error', reject);
        request.end();
        open.push(request);
      });
    const all = await Promise.all(Array.from({length: 32}, listenTo));
    expect(all.every(one => one.status === 200)).toBe(true);
    expect(JSON.parse(/data: (.*)\n/.exec(all[0]?.first ?? '')?.[1] ?? '{}')).toHaveProperty('grid_power_w');
    expect((await listenTo()).status).toBe(503);
  });

  test('nonsense on the wire does not disturb it', async () => {
    const {port} = new URL(base);
    await new Promise<void>(resolve => {
      const socket = connect(Number(port), '127.0.0.1', () => socket.end('\x00\x01\x02nonsense\r\n\r\n'));
      socket.on('close', () => resolve());
      socket.on('error', () => resolve());
      socket.resume();
    });
    expect((await ask(base, '/healthz')).status).toBe(200);
  });
});

test('a listener that does not read is let go, the others hear on', async () => {
  const streams = createStreams();
  const server = createServer((request, response) => streams.add(request, response, {id: 1, json: '{}'}));
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  const {port} = server.address() as AddressInfo;
  const slow = connect(port, '127.0.0.1');
  slow.on('error', () => {});
  slow.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
  slow.pause();
  let heard = 0;
  const quick = httpRequest(`http://127.0.0.1:${port}/`, response => {
    response.on('data', chunk => {
      heard += String(chunk).length;
    });
  });
  quick.on('error', () => {});
  quick.end();
  await expect.poll(() => streams.count()).toBe(2);
  // More than the kernel keeps for somebody who does not read.
  const news = 'x'.repeat(100_000);
  for (let sent = 0; sent < 300 && streams.count() > 1; sent++) {
    streams.send({id: sent, json: news});
    await new Promise(resolve => setTimeout(resolve, 2));
  }
  expect(streams.count()).toBe(1);
  const before = heard;
  streams.send({id: 1000, json: '{"last": true}'});
  await expect.poll(() => heard).toBeGreaterThan(before);
  streams.close();
  slow.destroy();
  quick.destroy();
  server.close();
});
