// The page and the links that are offered each need a port of their own.

import {AppError} from '../core/errors.ts';
import {placeOf, type YamlFile} from './document.ts';
import type {ConfigFile} from './schema.ts';

/** Whether who listens at one host listens at the other too: `[::]` takes IPv4 as well, `0.0.0.0` nothing else. */
const covers = (host: string, other: string): boolean =>
  host === other || host === '[::]' || (host === '0.0.0.0' && !other.startsWith('['));

/** Throws AppError with the line of what wants to listen where something else of this file listens. */
export function requireOwnPorts({http, proxy}: ConfigFile, yaml: YamlFile): void {
  const listeners = [
    ...(http === false ? [] : [{path: ['http', 'listen'], listen: http.listen}]),
    ...Object.entries(proxy).map(([link, {listen}]) => ({path: ['proxy', link, 'listen'], listen})),
  ];
  for (const [index, one] of listeners.entries()) {
    const before = listeners.slice(0, index).find(other => clash(one.listen, other.listen));
    if (!before) continue;
    throw new AppError(
      'CONFIG_INVALID',
      placeOf(yaml, one.path),
      `${one.path.join('.')}: found ${one.listen}, where ${before.path.join('.')} listens; expected a port of its own`,
    );
  }
}

function clash(a: string, b: string): boolean {
  const [hostA, portA] = partsOf(a);
  const [hostB, portB] = partsOf(b);
  // Port 0 takes a free one.
  return portA === portB && portA !== 0 && (covers(hostA, hostB) || covers(hostB, hostA));
}

function partsOf(listen: string): readonly [string, number] {
  const at = listen.lastIndexOf(':');
  const host = listen.slice(0, at);
  return [host === 'localhost' ? '127.0.0.1' : host, Number(listen.slice(at + 1))];
}
