// What a look at the tariffs tells: times that have no price, and rules that cannot do what they say. Pure.

import type {Finding} from '../checks.ts';
import {dayStart, localDay} from '../flow/slots.ts';
import {calendarOf} from './calendar.ts';
import type {Tariffs} from './model.ts';
import {pricesAt} from './prices.ts';

const QUARTER_MS = 900_000;
const YEAR_MS = 366 * 86_400_000;

/** A year from `nowMs`, by the quarter hour. Series count as known. */
export function tariffFindings(tariffs: Tariffs, zone: string, nowMs: number): Finding[] {
  const found: Finding[] = [];
  const calendar = calendarOf(zone, tariffs.holidays);
  const fromMs = dayStart(zone, localDay(zone, nowMs));
  tariffs.list.forEach((tariff, index) => {
    const endMs = tariffs.list[index + 1]?.fromMs ?? Number.POSITIVE_INFINITY;
    const where = `tariffs (${tariff.name})`;
    if (!tariff.import) found.push({where, what: 'no price for imports', todo: 'add `import:`; without it no cost is known'});
    if (!tariff.export) found.push({where, what: 'no price for exports', todo: 'add `export:`; 0 if nothing is paid'});
    for (const side of ['import', 'export'] as const) {
      if (tariff[side]?.kind !== 'bands') continue;
      let missing = 0;
      let first: number | null = null;
      for (let at = Math.max(fromMs, tariff.fromMs); at < Math.min(endMs, fromMs + YEAR_MS); at += QUARTER_MS) {
        if (pricesAt({...tariff, unpaidBelowZero: null}, at, calendar(at), () => 0)[side] !== null) continue;
        missing++;
        first ??= at;
      }
      if (first !== null)
        found.push({
          where,
          what: `${missing} quarter hours of the coming year have no ${side} price, the first on ${localDay(zone, first)}`,
          todo: 'end the list with a band that has a name and a price only',
        });
    }
    if (tariff.settle.kind === 'net-metering' && tariff.settle.trueUpMonth !== null && tariff.settle.trueUpMicro === null)
      found.push({where, what: 'the bank is paid out, but at no known price', todo: 'add `price:` beside `true_up:`; 0 if it is forfeit'});
  });
  const [first] = tariffs.list;
  if (first && first.fromMs > nowMs)
    found.push({
      where: 'tariffs',
      what: 'the first tariff lies in the future; until then nothing has a price',
      todo: 'leave `from:` out of the first one',
    });
  return found;
}
