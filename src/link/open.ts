// A LINK URL to a link that can be read.

import {AppError} from '../core/errors.ts';
import type {LinkUrl} from '../core/linkurl.ts';
import type {Clock} from '../core/time.ts';
import type {Link} from './link.ts';
import {createQueue} from './queue.ts';
import {createTcpTransport} from './tcp.ts';

export type OpenOptions = {readonly clock: Clock; readonly timeoutMs?: number; readonly minGapMs?: number};

/** Opens nothing yet: the first request does. Throws AppError LINK_UNUSABLE for a kind that this build cannot speak. */
export function openLink(name: string, url: LinkUrl, options: OpenOptions): Link {
  const queue = {name, url: url.text, ...options};
  switch (url.kind) {
    case 'tcp':
      return createQueue(createTcpTransport(url.host, url.port), queue);
    default:
      throw new AppError('LINK_UNUSABLE', url.text, `links of the kind ${url.kind} are not there yet`);
  }
}
