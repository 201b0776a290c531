// A whole reply at once: its tag, compressed where that pays, or nothing at all where whoever asked has it already.

import type {IncomingMessage, ServerResponse} from 'node:http';
import {promisify} from 'node:util';
import {gzip as gzipCallback} from 'node:zlib';
import {etagOf, type StaticFile} from './files.ts';

const gzip = promisify(gzipCallback);
const GZIP_FROM_BYTES = 1000;

export const json = (request: IncomingMessage, response: ServerResponse, value: unknown): Promise<void> =>
  send(request, response, 'application/json; charset=utf-8', JSON.stringify(value));

export async function send(
  request: IncomingMessage,
  response: ServerResponse,
  type: string,
  text: string,
  age: 'no-cache' | 'no-store' = 'no-cache',
): Promise<void> {
  if (isKnown(request, response, etagOf(text), age)) return;
  const plain = Buffer.from(text);
  const zipped = plain.length >= GZIP_FROM_BYTES && acceptsGzip(request) ? await gzip(plain, {level: 4}) : null;
  finish(request, response, type, plain, zipped);
}

export function sendFile(request: IncomingMessage, response: ServerResponse, file: StaticFile): void {
  const age = file.forever ? 'public, max-age=31536000, immutable' : 'no-cache';
  if (isKnown(request, response, file.etag, age)) return;
  finish(request, response, file.type, file.body, acceptsGzip(request) ? file.gzip : null);
}

/** Tells the tag, and ends the reply with 304 where the asker has it. */
function isKnown(request: IncomingMessage, response: ServerResponse, etag: string, cacheControl: string): boolean {
  response.setHeader('etag', etag);
  response.setHeader('cache-control', cacheControl);
  response.setHeader('vary', 'accept-encoding');
  const known = (request.headers['if-none-match'] ?? '').split(',').map(tag => tag.trim());
  if (!known.includes(etag) && !known.includes('*') && !known.includes(etag.slice(2))) return false;
  response.writeHead(304).end();
  return true;
}

function finish(request: IncomingMessage, response: ServerResponse, type: string, plain: Buffer, zipped: Buffer | null): void {
  const body = zipped ?? plain;
  response.writeHead(200, {'content-type': type, 'content-length': body.length, ...(zipped ? {'content-encoding': 'gzip'} : {})});
  response.end(request.method === 'HEAD' ? undefined : body);
}

/** Brotli is not offered: browsers ask for it over HTTPS only, where a proxy in front has its own. */
export function acceptsGzip(request: IncomingMessage): boolean {
  const offers = String(request.headers['accept-encoding'] ?? '')
    .toLowerCase()
    .split(',')
    .map(offer => offer.split(';').map(part => part.trim()));
  const weightOf = (coding: string): number | null => {
    const offer = offers.find(([name]) => name === coding);
    return offer ? Number(offer.find(part => part.startsWith('q='))?.slice(2) ?? 1) : null;
  };
  return (weightOf('gzip') ?? weightOf('*') ?? 0) > 0;
}
