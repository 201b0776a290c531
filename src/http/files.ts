// The built page: a handful of files, compressed once, held in memory.

import {createHash} from 'node:crypto';
import {existsSync, readdirSync, readFileSync, statSync} from 'node:fs';
import path from 'node:path';
import {gzipSync} from 'node:zlib';

export type StaticFile = {
  readonly type: string;
  readonly body: Buffer;
  readonly gzip: Buffer | null;
  readonly etag: string;
  readonly forever: boolean;
};

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.json': 'application/json; charset=utf-8',
  '.webmanifest': 'application/manifest+json',
};

/** Where the build puts the page, seen from a checkout and from the package. */
const FOLDERS = ['../../dist/web', '../../web'].map(folder => path.resolve(import.meta.dirname, folder));

/** Files by path below the root; empty where the page was not built. */
export function pageFiles(): ReadonlyMap<string, StaticFile> {
  const root = FOLDERS.find(folder => existsSync(path.join(folder, 'index.html')));
  const files = new Map<string, StaticFile>();
  if (!root) return files;
  for (const name of readdirSync(root, {recursive: true}) as string[]) {
    const file = path.join(root, name);
    if (!statSync(file).isFile()) continue;
    const body = readFileSync(file);
    const type = TYPES[path.extname(name)] ?? 'application/octet-stream';
    const gzip = /text|json|svg/.test(type) ? gzipSync(body, {level: 9}) : null;
    const key = name.split(path.sep).join('/');
    files.set(key, {type, body, gzip, etag: etagOf(body), forever: key.startsWith('assets/')});
  }
  return files;
}

const HOLE = '<div id="page"></div>';

/** The page with the house as it is now inside, so that the first thing drawn has numbers. It is data, no script: nothing runs it. */
export const withNumbers = (html: string, json: string): string =>
  html.replace(HOLE, () => `${HOLE}<script type="application/json" id="told">${json.replaceAll('<', '\\u003c')}</script>`);

/** Weak: the same text may come compressed. */
export const etagOf = (body: Buffer | string): string => `W/"${createHash('sha256').update(body).digest('base64url').slice(0, 22)}"`;
