// What is too large for one piece: the ledger as rows, and a copy of the database. Streamed at the pace of whoever takes it.

import {once} from 'node:events';
import {createReadStream} from 'node:fs';
import {mkdtemp, readdir, rm, stat} from 'node:fs/promises';
import type {IncomingMessage, ServerResponse} from 'node:http';
import path from 'node:path';
import {Readable} from 'node:stream';
import {pipeline} from 'node:stream/promises';
import {createGzip} from 'node:zlib';
import type {HttpDeps} from './deps.ts';
import {HttpError} from './errors.ts';
import {exportOf} from './export.ts';
import {onlyKnown} from './parameters.ts';
import {acceptsGzip} from './reply.ts';

export async function sendExport(
  deps: HttpDeps,
  request: IncomingMessage,
  response: ServerResponse,
  query: URLSearchParams,
): Promise<void> {
  const {type, fileName, chunks} = exportOf(deps, query);
  const zip = acceptsGzip(request);
  const rows = Readable.from(chunks);
  // What goes wrong before the first row can still be told as a status.
  if (request.method !== 'HEAD') await once(rows, 'readable');
  response.setHeader('content-type', type);
  response.setHeader('content-disposition', `attachment; filename="${fileName}"`);
  response.setHeader('cache-control', 'no-store');
  response.setHeader('vary', 'accept-encoding');
  if (zip) response.setHeader('content-encoding', 'gzip');
  if (request.method === 'HEAD') return void response.end();
  await (zip ? pipeline(rows, createGzip({level: 4}), response) : pipeline(rows, response));
}

type Backups = {send(request: IncomingMessage, response: ServerResponse, query: URLSearchParams): Promise<void>};

const COPY_HEADERS = {
  'content-type': 'application/vnd.sqlite3',
  'content-disposition': 'attachment; filename="wattledger.db"',
  'cache-control': 'no-store',
} as const;

/** Askers that may wait for the copy before theirs. */
const MOST_WAITING = 2;

/** One copy at a time: each needs as much room as the database. */
export function createBackups(deps: HttpDeps): Backups {
  let last: Promise<unknown> = Promise.resolve();
  let open = 0;
  return {
    async send(request, response, query) {
      onlyKnown(query, []);
      if (request.method === 'HEAD') return void response.writeHead(200, COPY_HEADERS).end();
      if (open > MOST_WAITING) throw new HttpError(503, 'other backups are being made', {'retry-after': '60'});
      open++;
      const mine = last.then(() => (response.destroyed ? undefined : sendCopy(deps, response))).finally(() => open--);
      // Its failure is told to its own asker below, not to the next one.
      last = mine.catch(() => null);
      await mine;
    },
  };
}

async function sendCopy(deps: HttpDeps, response: ServerResponse): Promise<void> {
  const folder = await placeBeside((await deps.query('size')).path);
  try {
    const file = path.join(folder, 'wattledger.db');
    // Nothing is sent while the copy is made, and that is nobody's fault.
    const {socket} = response;
    const patienceMs = socket?.timeout ?? 0;
    socket?.setTimeout(0);
    await deps.backup(file);
    socket?.setTimeout(patienceMs);
    response.writeHead(200, {...COPY_HEADERS, 'content-length': (await stat(file)).size});
    await pipeline(createReadStream(file), response);
  } finally {
    await rm(folder, {recursive: true, force: true});
  }
}

/** A new folder next to the database, where there is room: one for temporary files is often memory, and small. Leftovers of a crash go. */
async function placeBeside(database: string): Promise<string> {
  const prefix = `${database}.download-`;
  const home = path.dirname(prefix);
  for (const name of await readdir(home))
    if (name.startsWith(path.basename(prefix))) await rm(path.join(home, name), {recursive: true, force: true});
  return mkdtemp(prefix);
}
