// What takes bytes from outside, each with what must hold for any bytes at all. The short form runs with the tests, the long one as `npm run fuzz`.

import {connect, createServer, type Socket} from 'node:net';
import fc from 'fast-check';
import {realClock} from '../../src/app/clock.ts';
import {parseConfig} from '../../src/config/load.ts';
import {parseProfile} from '../../src/config/profiles.ts';
import {AppError} from '../../src/core/errors.ts';
import {parseLinkUrl} from '../../src/core/linkurl.ts';
import {silentLog} from '../../src/core/log.ts';
import {parseCsv, parseJsonSeries} from '../../src/core/tariff/series.ts';
import {bankOf, checkCapture} from '../../src/device/capture.ts';
import type {HttpDeps} from '../../src/http/deps.ts';
import {createHttp} from '../../src/http/server.ts';
import {ascii, goodwe, rtu, rtuFrame, solarman} from '../../src/link/framing.ts';
import {openLink} from '../../src/link/open.ts';
import {startModbusServer} from '../../src/link/server.ts';
import {createAnnouncer} from '../../src/outlets/mqtt/announcer.ts';
import {createAnswers} from '../../src/outlets/mqtt/answers.ts';
import type {Connection, Message} from '../../src/outlets/mqtt/connection.ts';
import {createNewest} from '../../src/outlets/mqtt/newest.ts';
import {energiesIn} from '../../src/outlets/mqtt/payloads.ts';
import {replyTo} from '../../src/outlets/mqtt/requests.ts';
import {SITE} from '../outlets/house.ts';

export type Target = {
  readonly name: string;
  /** Inputs made with knowledge of the form; bytes without any, and changed ones of the corpus, come by themselves. */
  readonly shaped: fc.Arbitrary<Buffer>;
  /** Throws where the promise is broken. */
  readonly run: (bytes: Buffer) => void | Promise<void>;
  /** Targets with sockets of their own take longer. */
  readonly slow?: true;
  readonly open?: () => Promise<void>;
  readonly close?: () => Promise<void>;
};

const never = new AbortController().signal;
const text = (value: unknown): Buffer => Buffer.from(JSON.stringify(value) ?? 'null');
const bytes = (size: number): fc.Arbitrary<Buffer> => fc.uint8Array({maxLength: size}).map(one => Buffer.from(one));

/** Runs it; an error of another kind than the expected one is the finding. */
function onlyThrows(expected: (error: unknown) => boolean, what: () => void): void {
  try {
    what();
  } catch (error) {
    if (!expected(error)) throw error;
  }
}
const isUsers = (error: unknown): boolean => error instanceof AppError && error.exitCode === 2 && error.what.length > 0;

/** Lines of a file in another order, twice, without, or with another word after the colon. */
const yamlOf = (lines: readonly string[]): fc.Arbitrary<Buffer> =>
  fc
    .array(
      fc.tuple(
        fc.constantFrom(...lines),
        fc.oneof(
          {weight: 4, arbitrary: fc.constant(null)},
          {
            weight: 1,
            arbitrary: fc.constantFrom(
              '',
              ' *a',
              ' &a [*a]',
              ' 1e400',
              ' .nan',
              ' {<<: 1}',
              ' ~',
              ' -1',
              ' !!binary "%"',
              ' "\\u0000"',
              ' [[]]',
            ),
          },
          {weight: 1, arbitrary: fc.string({maxLength: 12}).map(one => ` ${one}`)},
        ),
      ),
      {maxLength: 20},
    )
    .map(picked => Buffer.from(picked.map(([line, value]) => (value === null ? line : line.replace(/:.*$/, `:${value}`))).join('\n')));

const CONFIG_LINES = `version: 1
version: 2
site: {id: home, timezone: Europe/Berlin}
links: {a: {url: "tcp://192.0.2.1:502"}}
links: {a: {url: "rtu:///dev/ttyUSB0?baud=9600"}}
devices: {meter: {profile: eastron-sdm630, link: a}}
devices: {meter: {profile: sungrow-sh, link: a, unit: 3, options: {x: 1}}}
map: {grid: meter}
map: {grid: {meter: meter, at: load}, solar: meter, loads: {heat: meter}}
poll: {every: 2s}
flows: {efficiency: 0.9, limits: {pv: 10}}
store: {keep_raw: 30d, backup: {folder: /x, cron: "1 2 * * *", keep: 7}}
mqtt: {url: "mqtt://u:p@broker", password: {env: NO_SUCH_NAME}}
mqtt: [{url: "mqtts://broker", tls: {ca: nowhere.pem}}]
http: {listen: "0.0.0.0:80"}
http: {listen: "127.0.0.1:0", hosts: [a], token: x}
proxy: {a: {listen: "127.0.0.1:1502"}}
tariffs: {import: [{from: 2026-01-01, price: 0.3}]}
log: {level: debug}`.split('\n');

const PROFILE_LINES = `id: a
name: A
format: 1
manufacturer: M
extends: [a]
parts: {meter: {kind: meter}}
defaults: {unit: 1}
points: {meter.power_w: {fc: 4, at: 12, type: f32}}
points:
  - {point: meter.power_w, at: 4:12, type: f32, scale: 0}
units: {b: {default: 3}}
options: {c: {values: [1], default: 2}}
identity: {at: 3:0, words: 99999}`.split('\n');

const FRAMINGS = [rtu, ascii, goodwe, solarman(1234)];
const REQUEST = {fc: 3, at: 7, words: 2} as const;

const frames: Target = {
  name: 'frames',
  shaped: fc.tuple(fc.nat(3), fc.boolean(), fc.boolean(), bytes(12), bytes(6)).map(([kind, error, sound, body, tail]) => {
    const pdu = error ? Buffer.from([0x83, ...body]) : Buffer.from([3, 4, ...body, 0, 0, 0, 0]).subarray(0, sound ? 6 : undefined);
    const prefix = kind === 2 ? [kind, 0xaa, 0x55] : [kind];
    return Buffer.concat([Buffer.from(prefix), sound ? rtuFrame(1, pdu) : Buffer.from([1, ...pdu]), tail]);
  }),
  run(input) {
    const framing = FRAMINGS[(input[0] ?? 0) % FRAMINGS.length] ?? rtu;
    const received = input.subarray(1);
    const parsed = framing.parse(received, 1, REQUEST);
    if (parsed.kind === 'more') return;
    if (parsed.rest < 0 || parsed.rest > received.length) throw new Error(`${parsed.rest} bytes left of ${received.length}`);
    const {answer} = parsed;
    if (answer.kind === 'words') onlyHeard(answer.words, framing === ascii ? Buffer.from(hexIn(received), 'hex') : received);
  },
};

/** Words are those of a whole answer that was received, byte by byte; anything else would be made up. */
function onlyHeard(words: readonly number[], received: Buffer): void {
  const pdu = Buffer.from([3, 2 * REQUEST.words, ...words.flatMap(word => [word >> 8, word & 0xff])]);
  if (words.length !== REQUEST.words || !received.includes(pdu)) throw new Error(`words ${words} were never received`);
}
const hexIn = (received: Buffer): string => /:([0-9a-f]+)\r\n/i.exec(received.toString('latin1'))?.[1] ?? '';

let peer: {readonly port: number; say: Buffer; close(): void} | null = null;
let served: Awaited<ReturnType<typeof startModbusServer>> | null = null;

/** Both sides of Modbus TCP: a server that answers nonsense is a fault, a client that sends nonsense leaves the server as it is. */
const wire: Target = {
  name: 'wire',
  slow: true,
  shaped: fc
    .tuple(fc.nat(300), fc.nat(300), bytes(20))
    .map(([id, length, body]) => Buffer.from([id >> 8, id & 255, 0, 0, length >> 8, length & 255, 1, 3, ...body])),
  async open() {
    const sockets = new Set<Socket>();
    const server = createServer(socket => {
      sockets.add(socket);
      socket.on('error', () => {});
      socket.on('close', () => sockets.delete(socket));
      socket.on('data', () => void socket.end(peer?.say ?? Buffer.alloc(0)));
    });
    await new Promise<void>(resolve => {
      server.listen(0, '127.0.0.1', resolve);
    });
    peer = {
      port: (server.address() as {port: number}).port,
      say: Buffer.alloc(0),
      close() {
        for (const socket of sockets) socket.destroy();
        server.close();
      },
    };
    served = await startModbusServer({
      host: '127.0.0.1',
      port: 0,
      units: new Map([[1, {read: (_fc, at, words) => Array(words).fill(at)}]]),
    });
  },
  async close() {
    peer?.close();
    await served?.close();
  },
  async run(input) {
    if (!peer || !served) throw new Error('not open');
    peer.say = input;
    const link = openLink('fuzz', parseLinkUrl(`tcp://127.0.0.1:${peer.port}`), {clock: realClock, timeoutMs: 50});
    const answer = await link.read(1, REQUEST, never, {timeoutMs: 50});
    await link.close();
    if (answer.kind === 'words') onlyHeard(answer.words, input);
    await speak(served.port, input, 10);
    const good = openLink('good', parseLinkUrl(`tcp://127.0.0.1:${served.port}`), {clock: realClock, timeoutMs: 2000});
    const after = await good.read(1, REQUEST, never, {timeoutMs: 2000});
    await good.close();
    if (after.kind !== 'words' || after.words.join() !== '7,7') throw new Error(`the server answers ${JSON.stringify(after)}`);
  },
};

/** Sends bytes and returns what comes back until the other side ends it, or `ms` passed. */
const speak = (port: number, input: Buffer, ms: number): Promise<string> =>
  new Promise(resolve => {
    let heard = '';
    const socket = connect(port, '127.0.0.1', () => socket.end(input));
    const timer = setTimeout(() => socket.destroy(), ms);
    socket.on('data', chunk => {
      heard += chunk.toString('latin1');
    });
    socket.on('error', () => {});
    socket.on('close', () => {
      clearTimeout(timer);
      resolve(heard);
    });
  });

const captures: Target = {
  name: 'captures',
  shaped: fc
    .record({
      format: fc.constant('wattledger-capture/1'),
      device: fc.oneof(fc.string(), fc.jsonValue()),
      blocks: fc.oneof(
        fc.jsonValue(),
        fc.array(
          fc.oneof(
            fc.jsonValue(),
            fc.record({
              unit: fc.oneof(fc.integer({min: -1, max: 300}), fc.jsonValue()),
              fc: fc.constantFrom<unknown>(3, 4, 5, null),
              start: fc.oneof(fc.integer({min: -1, max: 70_000}), fc.jsonValue()),
              registers: fc.oneof(fc.array(fc.oneof(fc.integer({min: -1, max: 65_536}), fc.constant(null))), fc.jsonValue()),
            }),
          ),
          {maxLength: 4},
        ),
      ),
    })
    .map(text),
  run(input) {
    let value: unknown;
    try {
      value = JSON.parse(input.toString());
    } catch {
      return;
    }
    onlyThrows(isUsers, () => {
      for (const source of bankOf(checkCapture(value, 'x.json'), () => 0).values()) source.read(3, 0, 10);
    });
  },
};

const config: Target = {
  name: 'config',
  shaped: yamlOf(CONFIG_LINES),
  run: input => onlyThrows(isUsers, () => parseConfig(input.toString(), '/nowhere/wattledger.yaml')),
};

const profiles: Target = {
  name: 'profiles',
  shaped: yamlOf(PROFILE_LINES),
  run: input => onlyThrows(isUsers, () => parseProfile(input.toString(), 'x.yaml')),
};

const answers = createAnswers({
  site: {id: 'home', name: 'Home', timezone: 'UTC', currency: 'EUR'} as never,
  health: () =>
    ({startedMs: 0, uptimeS: 0, rssMb: 0, tick: {}, devices: [], links: [], sinks: [], store: null, clock: {}, problems: []}) as never,
  protocol: () => 5,
  record: () => null,
  totals: async () => [],
});
const questions: Target = {
  name: 'questions',
  shaped: fc
    .tuple(
      fc.constantFrom('info', 'devices', 'health', 'state', 'read', 'history', 'constructor', '__proto__', 'write'),
      fc.oneof(
        fc.jsonValue(),
        fc.record({
          device: fc.jsonValue(),
          from: fc.oneof(fc.date().map(String), fc.jsonValue()),
          to: fc.jsonValue(),
          step: fc.jsonValue(),
          transaction: fc.jsonValue(),
        }),
      ),
    )
    .map(([command, body]) => Buffer.concat([Buffer.from(`${command}\n`), text(body)])),
  async run(input) {
    const [command = '', ...rest] = input.toString().split('\n');
    const payload = rest.join('\n');
    const reply = await replyTo({topic: `base/bridge/request/${command}`, payload, retain: false} as Message, 'base', answers);
    if (reply) {
      const {status} = JSON.parse(reply.payload) as {status: string};
      if (status !== 'ok' && status !== 'error') throw new Error(`status ${status}`);
    }
    if (await replyTo({topic: `base/bridge/request/${command}`, payload, retain: true} as Message, 'base', answers))
      throw new Error('a retained question was answered');
  },
};

const retained: Target = {
  name: 'retained',
  shaped: fc
    .oneof(
      fc.record({components: fc.oneof(fc.jsonValue(), fc.dictionary(fc.constantFrom('a', 'grid_power_w', '__proto__'), fc.jsonValue()))}),
      fc.dictionary(fc.constantFrom('grid_import_kwh', 'x_kwh', '__proto__'), fc.jsonValue()),
    )
    // Messages of ours are known by this.
    .map(value =>
      Buffer.from(`${JSON.stringify(value).slice(0, -1)}${Object.keys(value).length > 0 ? ',' : ''}"availability":"wattledger/status"}`),
    ),
  run(input) {
    const payload = input.toString();
    for (const kwh of Object.values(energiesIn(payload))) if (typeof kwh !== 'number') throw new Error(`an energy is ${typeof kwh}`);
    const connection = {connected: () => true, publish: async () => true} as unknown as Connection;
    for (const style of ['device', 'single'] as const) {
      const announcer = createAnnouncer({prefix: 'homeassistant', style}, connection, createNewest(connection), silentLog);
      for (const topic of [
        'homeassistant/device/wattledger_house_house/config',
        'homeassistant/sensor/wattledger_house_house/a/config',
        'x',
      ])
        announcer.remember(topic, payload);
      announcer.announce({
        site: SITE,
        base: 'wattledger',
        devices: [],
        stateKeys: ['grid_power_w'],
        energyKeys: [],
        dayKeys: [],
        tariffs: false,
      });
    }
  },
};

const SHAPE = {unit: 'EUR/kWh', list: 'data', start: 'start', price: 'price', lastsMs: 3_600_000};
const prices: Target = {
  name: 'prices',
  shaped: fc
    .array(
      fc.record({
        start: fc.oneof(
          fc.double(),
          fc.constantFrom<unknown>('2026-11-24T13:00', '2026-03-29T02:30', '0000-00-00T99:99', 1e22, -1e22, 1_800_000_000),
        ),
        price: fc.oneof(fc.double(), fc.string(), fc.constantFrom<unknown>('1e99', '1e-99', null, '0,3')),
      }),
    )
    .chain(rows =>
      fc.boolean().map(csv => (csv ? Buffer.from(rows.map(({start, price}) => `${start},${price}`).join('\n')) : text({data: rows}))),
    ),
  run(input) {
    const isRange = (error: unknown): boolean => error instanceof RangeError && error.message.length > 0;
    onlyThrows(isRange, () => void parseCsv(input.toString(), SHAPE, 'Europe/Berlin'));
    onlyThrows(
      error => isRange(error) || error instanceof SyntaxError,
      () => void parseJsonSeries(JSON.parse(input.toString()), SHAPE, 'Europe/Berlin'),
    );
  },
};

const page = createHttp({listen: '127.0.0.1:0', hosts: [], trustProxy: ['127.0.0.1'], password: 'x'}, {
  log: silentLog,
  site: SITE,
  health: () => ({ok: true, problems: [], devices: [], links: [], sinks: [], store: null, tick: {}, clock: {trusted: true, steps: 0}}),
  wallMs: () => 0,
  logTail: () => [],
  details: () => null,
  query: async () => [],
  backup: async () => {},
} as unknown as HttpDeps);

const http: Target = {
  name: 'http',
  slow: true,
  shaped: fc
    .tuple(
      fc.constantFrom('GET', 'POST', 'HEAD', 'OPTIONS', 'TRACE', 'CONNECT', 'BREW'),
      fc.oneof(
        fc.constantFrom(
          '/',
          '/login',
          '/logout',
          '/healthz',
          '/api/v1/flows?from=',
          '//',
          '/%',
          '/%00',
          '/..%2f..%2fetc/passwd',
          'http://x/',
          '*',
        ),
        fc.string({maxLength: 30}).map(one => `/${one}`),
      ),
      fc.constantFrom('Host: 127.0.0.1', 'Host: [::1', 'Host: a:b:c', 'Host:', 'X-Forwarded-Host: %'),
      fc.constantFrom(
        '',
        'Cookie: =;=;%',
        'Authorization: Bearer',
        'Content-Type: application/json',
        'Content-Length: 3',
        'Range: bytes=9-1',
        'If-None-Match: *',
      ),
      fc.oneof(
        fc.jsonValue().map(one => JSON.stringify(one)),
        fc.string(),
      ),
    )
    .map(([method, path, host, header, body]) =>
      Buffer.from(`${method} ${path} HTTP/1.1\r\n${host}\r\n${header ? `${header}\r\n` : ''}\r\n${body}`),
    ),
  open: () => page.open(never),
  close: () => page.close(never),
  async run(input) {
    const port = Number(new URL(page.address() ?? '').port);
    const heard = await speak(port, input, 30);
    const status = /^HTTP\/1\.1 (\d+)/.exec(heard)?.[1];
    if (status === '500') throw new Error(`answers 500: ${heard.slice(0, 300)}`);
    const alive = await speak(port, Buffer.from(`GET /healthz HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nConnection: close\r\n\r\n`), 5000);
    if (!/^HTTP\/1\.1 (200|503)/.test(alive)) throw new Error(`no longer answers: ${alive.slice(0, 100)}`);
  },
};

export const TARGETS: readonly Target[] = [frames, wire, captures, config, profiles, questions, retained, prices, http];
