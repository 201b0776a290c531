// Everything that parses what comes from outside, fed with nonsense: never an exception that nobody caught, never a value. `FUZZ_RUNS` makes it long (`npm run fuzz`).

import {readdirSync, readFileSync} from 'node:fs';
import {request as ask} from 'node:http';
import path from 'node:path';
import fc from 'fast-check';
import {afterAll, beforeAll, describe, expect, test} from 'vitest';
import {parseConfig} from '../../src/config/load.ts';
import {AppError} from '../../src/core/errors.ts';
import {silentLog} from '../../src/core/log.ts';
import {parseCsv, parseJsonSeries} from '../../src/core/tariff/series.ts';
import {checkCapture} from '../../src/device/capture.ts';
import type {HttpDeps} from '../../src/http/deps.ts';
import {createHttp} from '../../src/http/server.ts';
import {ascii, type Framing, goodwe, rtu, rtuFrame, solarman} from '../../src/link/framing.ts';
import {energiesIn} from '../../src/outlets/mqtt/payloads.ts';
import {replyTo} from '../../src/outlets/mqtt/requests.ts';

const RUNS = Number(process.env['FUZZ_RUNS'] ?? 1500);
const request = {fc: 3, at: 100, words: 4} as const;
const WORDS = [0x0102, 0xfffe, 0, 0x8000];
const PDU = Buffer.from([3, 8, ...WORDS.flatMap(word => [word >> 8, word & 0xff])]);

/** Bytes with a grain of truth: a good frame, cut, repeated, with single bits turned, or something else altogether. */
const spoiled = (good: Buffer, flips: number): fc.Arbitrary<Buffer> =>
  fc.oneof(
    fc.uint8Array({maxLength: 300}).map(bytes => Buffer.from(bytes)),
    fc.nat(good.length).map(length => good.subarray(0, length)),
    fc.array(fc.tuple(fc.nat(good.length - 1), fc.nat(7)), {minLength: 1, maxLength: flips}).map(turned => {
      const bytes = Buffer.from(good);
      for (const [at, bit] of turned) bytes[at] = (bytes[at] as number) ^ (1 << bit);
      return bytes;
    }),
    fc.tuple(fc.uint8Array({maxLength: 20}), fc.uint8Array({maxLength: 20})).map(([before, after]) => Buffer.concat([before, good, after])),
  );

describe('frames', () => {
  const asciiFrame = (): Buffer => {
    const body = Buffer.concat([Buffer.from([9]), PDU]);
    const sum = body.reduce((all, byte) => (all + byte) & 0xff, 0);
    return Buffer.from(
      `:${Buffer.concat([body, Buffer.from([-sum & 0xff])])
        .toString('hex')
        .toUpperCase()}\r\n`,
    );
  };
  // An answer of a logger with the sequence number of the first request.
  const loggerFrame = (): Buffer => {
    const inner = rtuFrame(9, PDU);
    const frame = Buffer.alloc(11 + 14 + inner.length + 2);
    frame[0] = 0xa5;
    frame.writeUInt16LE(14 + inner.length, 1);
    frame.writeUInt16LE(0x1510, 3);
    frame[5] = 1;
    frame.writeUInt32LE(1_234_567, 7);
    inner.copy(frame, 25);
    frame[frame.length - 2] = frame.subarray(1, -2).reduce((all, byte) => (all + byte) & 0xff, 0);
    frame[frame.length - 1] = 0x15;
    return frame;
  };
  const asked = (framing: Framing): Framing => {
    framing.request(9, request);
    return framing;
  };

  // A longitudinal check sees one turned bit; a CRC of 16 bits sees any three in a frame this short.
  test.each<[string, () => Framing, Buffer, number]>([
    ['RTU', () => rtu, rtuFrame(9, PDU), 3],
    ['ASCII', () => ascii, asciiFrame(), 1],
    ['GoodWe', () => goodwe, Buffer.concat([Buffer.from([0xaa, 0x55]), rtuFrame(9, PDU)]), 3],
    ['Solarman', () => asked(solarman(1_234_567)), loggerFrame(), 3],
  ])('%s: a spoiled answer is a fault, not whole yet, or exactly what was sent', (_, make, good, flips) => {
    expect(make().parse(good, 9, request)).toMatchObject({kind: 'answer', answer: {kind: 'words', words: WORDS}});
    fc.assert(
      fc.property(spoiled(good, flips), bytes => {
        const parsed = make().parse(bytes, 9, request);
        if (parsed.kind === 'answer' && parsed.answer.kind === 'words') expect(parsed.answer.words).toEqual(WORDS);
      }),
      {numRuns: RUNS},
    );
  });
});

describe('texts', () => {
  const example = readFileSync('config/site.example.yaml', 'utf8');
  /** A good file with lines lost, doubled, and letters changed. */
  const mangled = (text: string): fc.Arbitrary<string> => {
    const lines = text.split('\n');
    return fc.oneof(
      fc.string({unit: 'binary', maxLength: 200}),
      fc
        .array(fc.nat(lines.length - 1), {minLength: 1, maxLength: 5})
        .map(gone => lines.filter((_, index) => !gone.includes(index)).join('\n')),
      fc
        .array(
          fc.tuple(fc.nat(text.length - 1), fc.constantFrom(':', '{', ']', '"', '-', '&a', '*a', '!!', '\t', '0x', '~', '\u0000', ' ')),
          {
            minLength: 1,
            maxLength: 3,
          },
        )
        .map(changes => changes.reduce((now, [at, letter]) => now.slice(0, at) + letter + now.slice(at + 1), text)),
    );
  };

  test('a configuration is taken, or refused with its place in words', () => {
    fc.assert(
      fc.property(mangled(example), text => {
        try {
          parseConfig(text, '/nowhere/fuzz.yaml');
        } catch (error) {
          if (!(error instanceof AppError)) throw error;
          expect(error.where).toContain('fuzz.yaml');
          expect(error.what.length).toBeGreaterThan(3);
        }
      }),
      {numRuns: Math.ceil(RUNS / 5)},
    );
  });

  test('a capture is taken, or refused in words', () => {
    const good = JSON.parse(readFileSync(path.join('test/captures', readdirSync('test/captures')[0] ?? ''), 'utf8')) as object;
    fc.assert(
      fc.property(
        fc.oneof(
          fc.json().map(text => JSON.parse(text) as unknown),
          fc.dictionary(fc.constantFrom(...Object.keys(good), 'blocks'), fc.jsonValue()).map(part => ({...good, ...part})),
        ),
        value => {
          try {
            checkCapture(value, 'fuzz.json');
          } catch (error) {
            if (!(error instanceof AppError)) throw error;
          }
        },
      ),
      // Found here once.
      {numRuns: RUNS, examples: [[{...good, blocks: [null]}]]},
    );
  });

  test('a price list is taken, or refused in words', () => {
    const shape = {unit: 'EUR/MWh', list: 'data', start: 'start', price: 'price', lastsMs: 3_600_000};
    const attempt = (work: () => unknown): void => {
      try {
        work();
      } catch (error) {
        if (!(error instanceof RangeError)) throw error;
      }
    };
    fc.assert(
      fc.property(fc.string({unit: 'binary', maxLength: 300}), fc.jsonValue(), (text, value) => {
        attempt(() => parseCsv(text, shape, 'Europe/Berlin'));
        attempt(() => parseJsonSeries({data: value}, shape, 'Europe/Berlin'));
        attempt(() => parseJsonSeries(value, shape, 'Europe/Berlin'));
      }),
      {numRuns: RUNS},
    );
  });

  test('what a broker says is answered or ignored', async () => {
    await fc.assert(
      fc.asyncProperty(fc.oneof(fc.string({unit: 'binary'}), fc.json()), fc.string(), fc.boolean(), async (payload, command, retain) => {
        const message = {topic: `wattledger/bridge/request/${command}`, payload, retain} as Parameters<typeof replyTo>[0];
        const reply = await replyTo(message, 'wattledger', {info: () => ({})});
        if (reply) JSON.parse(reply.payload);
        for (const kwh of Object.values(energiesIn(payload))) expect(Number.isFinite(kwh)).toBe(true);
      }),
      {numRuns: RUNS},
    );
  });
});

describe('the page', () => {
  const sink = createHttp({listen: '127.0.0.1:0', hosts: [], trustProxy: []}, {
    log: silentLog,
    site: {
      id: 'home',
      name: 'Home',
      timezone: 'UTC',
      currency: 'EUR',
      map: {batteries: [], hybrids: [], loads: []},
      flows: {policy: 'solar-first'},
    },
    health: () => ({ok: true, problems: [], devices: [], links: [], sinks: [], tick: {lastMs: 0, everyMs: 2000}}),
    query: async () => [],
    configText: '',
    configFile: '',
    logTail: () => [],
    details: () => null,
    money: null,
    backup: async () => {},
    wallMs: () => 0,
  } as unknown as HttpDeps);
  const never = new AbortController().signal;
  beforeAll(() => sink.open(never));
  afterAll(() => sink.close(never));

  test('any path and any parameter gets an answer of its own, never 500', async () => {
    const {port} = new URL((sink as unknown as {address(): string}).address());
    const status = (target: string): Promise<number> =>
      new Promise((resolve, reject) => {
        const call = ask({host: '127.0.0.1', port, path: target, agent: false}, response => {
          response.resume();
          response.on('end', () => resolve(response.statusCode ?? 0));
        });
        call.on('error', reject);
        call.end();
      });
    const part = fc.string({minLength: 1, maxLength: 30}).map(encodeURIComponent);
    const known = fc.constantFrom('flows', 'points', 'events', 'export', 'money', 'now', 'devices', 'health', 'setup');
    const key = fc.constantFrom('from', 'to', 'step', 'policy', 'format', 'what', 'limit', 'device', 'point', 'points', 'bills');
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(
          fc
            .tuple(known, fc.array(fc.tuple(fc.oneof(key, part), part), {maxLength: 4}))
            .map(([name, pairs]) => `/api/v1/${name}?${pairs.map(pair => pair.join('=')).join('&')}`),
          part.map(name => `/${name}`),
          fc.array(fc.constantFrom('..', '.', '%2e%2e', 'assets', '%00', '//', 'api'), {maxLength: 6}).map(parts => `/${parts.join('/')}`),
        ),
        async target => {
          expect(await status(target), target).toBeLessThan(500);
        },
      ),
      // Found here once.
      {numRuns: Math.ceil(RUNS / 5), examples: [['///'], ['//x/']]},
    );
  });
});
