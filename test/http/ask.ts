// A raw request for the tests of the server.

import {request as httpRequest} from 'node:http';

export type Reply = {status: number; headers: Record<string, string | string[] | undefined>; body: string};

/** A raw request: `fetch` would not let a test choose the Host. */
export const ask = (
  base: string,
  path: string,
  {method = 'GET', headers = {}, body}: {method?: string; headers?: Record<string, string>; body?: string} = {},
): Promise<Reply> =>
  new Promise((resolve, reject) => {
    const request = httpRequest(`${base}${path}`, {method, headers}, response => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', chunk => {
        text += chunk;
      });
      response.on('end', () => resolve({status: response.statusCode ?? 0, headers: response.headers, body: text}));
    });
    request.on('error', reject);
    request.end(body);
  });
