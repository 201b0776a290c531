// Which label a cell earns: one function, nowhere else.

import type {Label, Origin} from './model.ts';

/**
 * The label of energy by where it came from, what it passed and where it went. `via` is `direct` or a battery; `sink` a column;
 * `isBattery` tells whether the sink is one. Energy of unknown origin keeps that label wherever it goes.
 */
export function labelOf(origin: Origin | 'unexplained', via: string, sink: string, isBattery: boolean): Label {
  if (origin === 'unexplained' || sink === 'unexplained') return 'unexplained';
  if (origin === 'grid' && via === 'direct') return sink === 'grid' ? 're_exported' : 'imported';
  if (sink === 'loss') return 'lost';
  if (origin === 'unknown') return 'unknown_origin';
  if (origin === 'grid') return sink === 'grid' ? 're_exported' : 'imported_earlier';
  if (sink === 'grid') return 'exported';
  if (isBattery) return 'stored';
  return 'btm_consumed';
}
