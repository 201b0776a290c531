// Tariffs as a configuration has them.

import {parseConfig} from '../../src/config/load.ts';
import type {Tariffs} from '../../src/core/tariff/model.ts';

export const HOUSE = `version: 1
site: {timezone: Europe/Berlin}
links: {a: {url: "tcp://127.0.0.1:1"}}
devices: {meter: {profile: eastron-sdm630, link: a}}
map: {grid: meter}
`;

/** Below `tariffs:` of a small house in Berlin's time zone; the section begins on line 6. Throws AppError as the program does. */
export function configured(tariffs: string): Tariffs {
  const {money} = parseConfig(`${HOUSE}tariffs:\n${tariffs.trimStart().replace(/^/gm, '  ')}`, 'test.yaml');
  if (!money) throw new Error('no tariffs');
  return money.tariffs;
}
