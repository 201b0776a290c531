// The page and the API as an outlet: one small server, GET only (and a login), everything from one origin.

import {once} from 'node:events';
import type {IncomingMessage, ServerResponse} from 'node:http';
import {AppError} from '../core/errors.ts';
import {listenError} from '../core/listen.ts';
import {follow, type Picture} from '../core/picture.ts';
import type {Sink, TickRecord} from '../core/sink.ts';
import {endpoints, nowOf} from './api.ts';
import {createAuth, splitHost} from './auth.ts';
import type {HttpDeps, HttpSettings} from './deps.ts';
import {createBackups, sendExport} from './download.ts';
import {HttpError} from './errors.ts';
import {pageFiles, withNumbers} from './files.ts';
import {metricsText} from './metrics.ts';
import {openapi} from './openapi.ts';
import {onlyKnown} from './parameters.ts';
import {json, send, sendFile} from './reply.ts';
import {createStaleness} from './stale.ts';
import {createStreams, type StreamEvent} from './stream.ts';

// An import of this module reads all that it offers, and that loads an HTTP client and a WebSocket, 4 MB of heap that nobody here uses.
const {createServer} = process.getBuiltinModule('node:http');

export type HttpSink = Sink & {/** Address of the page once it is open. */ address(): string | null};

const STREAM_EVERY_MS = 1000;
const LONGEST_BODY = 4096;
const LONGEST_URL = 4096;
const NOT_BUILT = 'wattledger runs. The page is not built yet: `npm run build`. The API is at api/v1/now and openapi.json.\n';
const STUCK_MS = 30_000;
/** Without a record for this long, data are stale, real ms; slower polls get five of their beats. */
const STALE_MS = 30_000;

const SECURITY = {
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'self'",
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-resource-policy': 'same-origin',
  'permissions-policy': 'camera=(), microphone=(), geolocation=()',
} as const;

export function createHttp(settings: HttpSettings, deps: HttpDeps): HttpSink {
  const auth = createAuth(settings);
  const streams = createStreams();
  const backups = createBackups(deps);
  const files = pageFiles();
  let picture: Picture | null = null;
  /** Real time, so that a demo that lives faster does not age faster. */
  let pictureAtMs = performance.now();
  /** A picture that is too old to stand for the house is none. */
  const newest = (): TickRecord | null =>
    picture &&
    (performance.now() - pictureAtMs <= Math.max(STALE_MS, 5 * deps.site.pollEveryMs) ? picture.record : {...picture.record, state: null});
  const stale = createStaleness(deps.site.map, () => performance.now());
  let newestAtMs = performance.now();
  let streamDueMs = 0;
  const api = endpoints(deps, newest, auth.hasLogin);
  const news = (): StreamEvent => ({id: picture?.record.tick.seq ?? 0, json: JSON.stringify(nowOf(newest(), deps))});

  const server = createServer(
    {requestTimeout: 30_000, headersTimeout: 10_000, keepAliveTimeout: 10_000, maxHeaderSize: 16_384},
    (request, response) => {
      void answer(request, response).catch((error: unknown) => refuse(request, response, error));
    },
  );
  server.maxConnections = 256;
  // Whoever takes nothing from one look to the next is let go; a listening page hears a ping more often.
  server.timeout = STUCK_MS;

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    for (const [name, value] of Object.entries(SECURITY)) response.setHeader(name, value);
    auth.checkHost(request);
    if ((request.url ?? '').length > LONGEST_URL) throw new HttpError(414, 'the address is too long');
    // Two slashes in front would name another host.
    const target = `/${(request.url ?? '/').replace(/^\/+/, '')}`;
    if (!URL.canParse(target, 'http://page')) throw new HttpError(400, 'this is no address');
    const url = new URL(target, 'http://page');
    const where = url.pathname.replace(/^\/+/, '');
    if (request.method === 'POST' && (where === 'login' || where === 'logout')) return session(request, response, where);
    if (request.method !== 'GET' && request.method !== 'HEAD')
      throw new HttpError(405, `${request.method} is not possible here: this page only reads`, {allow: 'GET, HEAD'});
    if (where === 'healthz') return healthz(response);
    const isPage = !where.startsWith('api/') && where !== 'metrics' && where !== 'openapi.json';
    if (!auth.allows(request) && !isPage)
      throw new HttpError(401, 'log in first, or send the token as `Authorization: Bearer TOKEN`', {'www-authenticate': 'Bearer'});
    if (isPage) return page(request, response, where);
    if (where === 'metrics')
      return send(request, response, 'text/plain; version=0.0.4; charset=utf-8', metricsText(newest(), deps.health()));
    if (where === 'openapi.json') return json(request, response, openapi);
    const name = where.slice('api/v1/'.length);
    if (where.startsWith('api/v1/')) {
      if (name === 'stream') {
        onlyKnown(url.searchParams, []);
        return streams.add(request, response, news());
      }
      if (name === 'export') return sendExport(deps, request, response, url.searchParams);
      if (name === 'backup') return backups.send(request, response, url.searchParams);
      const endpoint = Object.hasOwn(api, name) ? api[name] : undefined;
      if (endpoint) return json(request, response, await endpoint(url.searchParams));
    }
    throw new HttpError(404, 'there is nothing here; see openapi.json');
  }

  async function page(request: IncomingMessage, response: ServerResponse, where: string): Promise<void> {
    const name = where === '' ? 'index.html' : where;
    const file = files.get(name);
    if (file && name === 'index.html' && auth.allows(request))
      // Kept by nobody: an old number that looks like a new one is worse than none.
      return send(request, response, file.type, withNumbers(file.body.toString(), news().json), 'no-store');
    if (file) sendFile(request, response, file);
    else if (where === '' && files.size === 0) response.writeHead(200, {'content-type': 'text/plain; charset=utf-8'}).end(NOT_BUILT);
    else throw new HttpError(404, 'there is nothing here; see openapi.json');
  }

  async function session(request: IncomingMessage, response: ServerResponse, what: 'login' | 'logout'): Promise<void> {
    // A form of somebody else's page cannot send this type without asking first.
    if (!/^application\/json\b/.test(request.headers['content-type'] ?? '')) throw new HttpError(415, 'expected JSON');
    if (what === 'logout') return void response.writeHead(204, {'set-cookie': auth.logout(request)}).end();
    let body = '';
    for await (const chunk of request) {
      body += chunk;
      if (body.length > LONGEST_BODY) throw new HttpError(413, 'too long');
    }
    let password: unknown;
    try {
      ({password} = JSON.parse(body) as {password?: unknown});
    } catch {
      throw new HttpError(400, 'expected {"password": "…"}');
    }
    if (typeof password !== 'string') throw new HttpError(400, 'expected {"password": "…"}');
    response.writeHead(204, {'set-cookie': await auth.login(request, password)}).end();
  }

  function healthz(response: ServerResponse): void {
    const health = deps.health();
    const lastsMs = Math.max(STALE_MS, 5 * health.tick.everyMs);
    const silentMs = performance.now() - newestAtMs;
    const problems = silentMs > lastsMs ? [`nothing new for ${Math.round(silentMs / 1000)} s`] : stale.problems(lastsMs);
    if (problems.length === 0 && deps.site.map.grid && performance.now() - pictureAtMs > lastsMs) problems.push('no picture of the house');
    const stored = health.store?.['problem'];
    if (typeof stored === 'string') problems.push(`store: ${stored}`);
    response.writeHead(problems.length === 0 ? 200 : 503, {'content-type': 'application/json; charset=utf-8', 'cache-control': 'no-store'});
    response.end(`${JSON.stringify({ok: problems.length === 0, problems})}\n`);
  }

  function refuse(request: IncomingMessage, response: ServerResponse, error: unknown): void {
    if (response.headersSent || response.destroyed) return void response.destroy();
    const known = error instanceof HttpError ? error : error instanceof AppError ? new HttpError(503, error.what) : null;
    if (!known) deps.log.error({part: 'http', url: request.url, err: error}, 'a request failed; this is a fault of the program');
    const status = known?.status ?? 500;
    for (const [name, value] of Object.entries(known?.headers ?? {})) response.setHeader(name, value);
    response.writeHead(status, {'content-type': 'application/json; charset=utf-8', 'cache-control': 'no-store'});
    response.end(`${JSON.stringify({error: known?.message ?? 'this is a fault of the program; the log has more'})}\n`);
  }

  return {
    name: 'http',
    async open() {
      if (server.listening) return;
      const {host, port} = splitHost(settings.listen);
      await new Promise<void>((resolve, reject) => {
        const failed = (error: Error): void => reject(listenError(error, `http.listen ${settings.listen}`));
        server.once('error', failed);
        server.listen({host, port: port ?? 0}, () => {
          server.off('error', failed);
          server.on('error', error => deps.log.error({part: 'http', err: error}, 'the page has a problem'));
          resolve();
        });
      });
      deps.log.info({part: 'http', address: this.address()}, 'the page is open');
    },
    async write(records) {
      for (const record of records) {
        picture = follow(picture, record);
        stale.follow(record);
      }
      if (records.some(record => record.state)) pictureAtMs = performance.now();
      newestAtMs = performance.now();
      if (streams.count() === 0 || newestAtMs < streamDueMs) return;
      streamDueMs = newestAtMs + STREAM_EVERY_MS * 0.9;
      streams.send(news());
    },
    async close() {
      streams.close();
      if (!server.listening) return;
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
    address() {
      const address = server.address();
      if (address === null || typeof address === 'string') return null;
      const host = address.family === 'IPv6' ? `[${address.address}]` : address.address;
      return `http://${host}:${address.port}`;
    },
  };
}
