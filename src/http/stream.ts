// Server-sent events: the whole picture to whoever comes, then each new one. Slow listeners are let go.

import type {IncomingMessage, ServerResponse} from 'node:http';
import {HttpError} from './errors.ts';

/** `json` is the whole picture, so whoever was away misses nothing: `Last-Event-ID` needs no answer of its own. */
export type StreamEvent = {readonly id: number; readonly json: string};
export type Streams = {
  /** Keeps the response open. Throws HttpError 503 where too many listen. */
  add(request: IncomingMessage, response: ServerResponse, first: StreamEvent): void;
  /** To everybody. */
  send(event: StreamEvent): void;
  close(): void;
  count(): number;
};

const MOST = 32;
const PING_MS = 15_000;
/** Bytes a listener may leave unread. */
const BEHIND_BYTES = 256 * 1024;

export function createStreams(): Streams {
  const listeners = new Set<ServerResponse>();
  const drop = (response: ServerResponse): void => {
    listeners.delete(response);
    response.destroy();
  };
  const write = (response: ServerResponse, text: string): void => {
    if (response.writableLength > BEHIND_BYTES) drop(response);
    else response.write(text);
  };
  const ping = setInterval(() => {
    for (const response of listeners) write(response, ': still here\n\n');
  }, PING_MS);
  ping.unref();
  return {
    add(request, response, first) {
      if (listeners.size >= MOST) throw new HttpError(503, 'too many pages are open', {'retry-after': '30'});
      response.writeHead(200, {'content-type': 'text/event-stream; charset=utf-8', 'cache-control': 'no-store', 'x-accel-buffering': 'no'});
      if (request.method === 'HEAD') return void response.end();
      listeners.add(response);
      request.on('close', () => drop(response));
      write(response, `retry: 2000\n${textOf(first)}`);
    },
    send(event) {
      const message = textOf(event);
      for (const response of listeners) write(response, message);
    },
    close() {
      clearInterval(ping);
      for (const response of listeners) drop(response);
    },
    count: () => listeners.size,
  };
}

const textOf = ({id, json}: StreamEvent): string => `id: ${id}\nevent: now\ndata: ${json}\n\n`;
