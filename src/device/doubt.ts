// After a change of firmware a register may mean something else. Values that do not fit what was known before are held back until they prove plausible.

import type {Reading} from '../core/reading.ts';
import {parsePoint, QUANTITIES} from '../core/vocabulary.ts';

/** So many fitting values in a row prove a point. */
const PROOFS = 3;
/** A value this small beside the largest one seen says nothing about its scale. */
const TELLING = 0.1;
/** A gauge may exceed the largest value seen by this factor. */
const HIGHER = 2;
/** Nor is it judged below this, in its own unit: a small house may for once draw much. */
const LEAST: Readonly<Record<string, number>> = {w: 500, va: 500, var: 500, v: 60, a: 5, c: 60};
/** Voltages of the mains and frequencies stay within half and double of what they were. */
const STEADY = /(voltage_l\d_v|frequency_hz)$/;
/** No home moves more, W; counters rise no faster. */
const MOST_W = 100_000;
const SOME_WH = 1000;
/** Percent of charge per hour, and at once. */
const SOC_PER_HOUR = 100;
const SOC_AT_ONCE = 20;
/** Whoever still does not fit after a day is believed: what then is wrong is our memory. */
const LONGEST_MS = 86_400_000;
const HOUR_MS = 3_600_000;

type Known = {readonly value: number; readonly monoMs: number; readonly largest: number};
type Doubt = {
  /** From now on (monotonic ms) every point must fit what is known of it. */
  begin(monoMs: number): void;
  /** The readings with those that do not fit replaced by `implausible`; the others are remembered. */
  judge(readings: readonly Reading[]): readonly Reading[];
};

export function createDoubt(): Doubt {
  const known = new Map<string, Known>();
  const unproven = new Map<string, {proofs: number; held: boolean; sinceMs: number}>();

  function judge(reading: Reading): Reading {
    const {point, measured} = reading;
    if (measured.kind !== 'good' || typeof measured.value !== 'number') return reading;
    const {value, monoMs} = measured;
    const before = known.get(point);
    const state = unproven.get(point);
    if (state && before) {
      if (monoMs - state.sinceMs > LONGEST_MS) unproven.delete(point);
      else {
        const fit = fits(point, value, monoMs, before);
        state.held = fit ? state.held && state.proofs + 1 < PROOFS : true;
        state.proofs = fit ? state.proofs + (telling(value, before) ? 1 : 0) : 0;
        if (state.held) return {...reading, measured: {kind: 'missing', fault: {kind: 'implausible', value}}};
        if (state.proofs >= PROOFS) unproven.delete(point);
      }
    }
    known.set(point, {value, monoMs, largest: Math.max(before?.largest ?? 0, Math.abs(value))});
    return reading;
  }

  return {
    begin(monoMs) {
      for (const point of known.keys()) unproven.set(point, {proofs: 0, held: false, sinceMs: monoMs});
    },
    judge: readings => readings.map(judge),
  };
}

const telling = (value: number, {largest}: Known): boolean => Math.abs(value) >= TELLING * largest;

function fits(point: string, value: number, monoMs: number, before: Known): boolean {
  const hours = (monoMs - before.monoMs) / HOUR_MS;
  const quantity = parsePoint(point)?.quantity;
  if (quantity && QUANTITIES[quantity].behaves === 'counter')
    return value >= before.value && value - before.value <= SOME_WH + MOST_W * hours;
  if (quantity === 'soc_pct') return Math.abs(value - before.value) <= SOC_AT_ONCE + SOC_PER_HOUR * hours;
  if (STEADY.test(point) && before.value > 0) return value >= before.value / HIGHER && value <= before.value * HIGHER;
  const unit = quantity === undefined ? 'none' : QUANTITIES[quantity].unit;
  return Math.abs(value) <= Math.max(LEAST[unit] ?? 0, HIGHER * before.largest);
}
