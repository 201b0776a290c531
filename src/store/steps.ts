// The steps by which the ledger is told, above the quarter hour: hours of a zone, local days, months and years.

import {dayStart, localDay} from '../core/flow/slots.ts';
import {slotOfMs} from './schema.ts';

/** How much of a day's name `2026-11-24` a step keeps as its own. */
export const KEPT_LENGTH = {'1d': 10, '1mo': 7, '1y': 4} as const;

/** The first local day of a day, month or year by its name. */
export const firstDay = (name: string): string => `${name}-01-01`.slice(0, 10);

/** First quarter hour of the hour that holds a slot. Hours begin where those of the zone do, as at `fromMs`. */
export function hourSlots(zone: string, fromMs: number): (slot: number) => number {
  const shift = slotOfMs(dayStart(zone, localDay(zone, fromMs))) % 4;
  return slot => Math.floor((slot - shift) / 4) * 4 + shift;
}
