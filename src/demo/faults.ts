// A bad day for the devices: late, lost, refused and lying answers, the same ones for the same seed.

import {setTimeout as sleep} from 'node:timers/promises';
import {EXCEPTION} from '../core/modbus.ts';
import type {RegisterSource, ServedAnswer} from '../link/server.ts';
import type {Dice} from './random.ts';
import type {Values} from './registers.ts';

/** Share of requests that meet each fault. */
const LATE = 0.02;
const SILENT = 0.002;
const BUSY = 0.01;
const RESET = 0.002;
/** Real milliseconds of a late answer; all within the longest wait. */
const LATE_MS = {from: 20, to: 250} as const;

/** The same source, on a bad day. */
export function troubled(source: RegisterSource, dice: Dice): RegisterSource {
  return {
    async read(fc, at, words): Promise<ServedAnswer> {
      let throwOf = dice.next();
      const meets = (share: number): boolean => {
        throwOf -= share;
        return throwOf < 0;
      };
      if (meets(SILENT)) return 'silent';
      if (meets(RESET)) return 'reset';
      if (meets(BUSY)) return {exception: EXCEPTION.busy};
      if (meets(LATE)) await sleep(dice.whole(LATE_MS.from, LATE_MS.to));
      return source.read(fc, at, words);
    },
  };
}

/** Share of readings of a value that are a lie. */
const LIE = 0.003;

/** A counter that is zero for once, a power that is nonsense for once. */
export function lying(values: Values, dice: Dice): Values {
  const told: Record<string, number | string> = {...values};
  for (const name of Object.keys(values)) {
    const counter = /energy_wh$|^energy$|^charge$|^discharge$/.test(name);
    const power = name === 'meter.power_w';
    if ((counter || power) && dice.next() < LIE) told[name] = counter ? 0 : 6_553_500;
  }
  return told;
}
