// The lifetime registers at run time: what their movement books, and what that corrects in the integral.

import {type AnchorState, newAnchor, STALL_FLOOR_MWH, stepAnchor} from './anchor.ts';
import {type CounterState, newCounter, stepCounter} from './counter.ts';

/** mWh per Wh. */
const MWH = 1000;
/** A register's step is learned from its values, between 1 mWh and 1 kWh. */
const STEPS = [1_000_000, 100_000, 10_000, 1000, 100, 10, 1];

export type RegisterState = {
  counter: CounterState;
  /** Null until the first reading. */
  anchor: AnchorState | null;
  /** Register on a scale that never goes back, mWh. */
  total: number;
  resolution: number;
  /** Integrated since the last event, units. */
  units: number;
  /** The reading as shown, Wh. */
  shownWh: number | null;
  readAtMs: number;
  stalled: boolean;
};

export const newRegister = (): RegisterState => ({
  counter: newCounter,
  anchor: null,
  total: 0,
  resolution: STEPS[0] as number,
  units: 0,
  shownWh: null,
  readAtMs: -1,
  stalled: false,
});

export type RegisterOutcome = {
  /** Booked minus integrated since the last event, mWh. */
  readonly correction: number;
  /** Whole mWh that were integrated since the last event. */
  readonly integrated: number;
  readonly event: {readonly kind: string; readonly detail: string} | null;
};

const UNITS_PER_MWH = 7_200_000;

/** One reading (Wh, or null for none). Mutates the state; `integrated` leaves `units`. */
export function readRegister(state: RegisterState, wh: number, atMs: number, maxPower: number): RegisterOutcome {
  const reading = Math.round(wh * MWH);
  if (!Number.isSafeInteger(reading) || reading < 0) return {correction: 0, integrated: 0, event: null};
  learn(state, reading);
  const step = stepCounter(state.counter, {quantum: state.resolution, maxPower}, atMs, reading);
  const before = state.counter;
  state.counter = step.state;
  state.shownWh = wh;
  const remainder = state.units % UNITS_PER_MWH;
  const integrated = (state.units - remainder) / UNITS_PER_MWH;
  state.units = remainder;
  if (step.status === 'base') {
    state.total = reading;
    state.anchor = newAnchor(reading);
    state.readAtMs = atMs;
    return {correction: 0, integrated, event: null};
  }
  const believed = step.status === 'ok' || step.status === 'rollover' || step.status === 'rebased';
  state.total += step.booked;
  const anchor = state.anchor ?? newAnchor(state.total);
  const next = stepAnchor(anchor, {resolution: state.resolution, stallFloor: STALL_FLOOR_MWH}, integrated, believed ? state.total : null);
  state.anchor = next.state;
  if (believed) state.readAtMs = atMs;
  const stalledBefore = state.stalled;
  state.stalled = next.status === 'stalled';
  return {
    correction: next.state.booked - anchor.booked - integrated,
    integrated,
    event: eventOf(step.status, before, reading, next.status, stalledBefore),
  };
}

/** The coarsest step that all readings so far are multiples of. */
function learn(state: RegisterState, reading: number): void {
  while (reading % state.resolution !== 0) {
    const finer = STEPS[STEPS.indexOf(state.resolution) + 1];
    if (finer === undefined) return;
    state.resolution = finer;
  }
}

function eventOf(
  status: string,
  before: CounterState,
  reading: number,
  anchored: string,
  stalledBefore: boolean,
): RegisterOutcome['event'] {
  const kwh = (mWh: number | null): string => `${(mWh ?? 0) / 1_000_000} kWh`;
  if (status === 'pending' && before.pending.length === 0)
    return {kind: 'counter-held-back', detail: `jumped from ${kwh(before.last)} to ${kwh(reading)}; not believed until it continues`};
  if (status === 'rebased')
    return {
      kind: 'counter-rebased',
      detail: `continues at ${kwh(reading)} instead of ${kwh(before.last)}; only its rise since then is booked`,
    };
  if (status === 'rollover') return {kind: 'counter-rollover', detail: `rolled over from ${kwh(before.last)} to ${kwh(reading)}`};
  if (anchored === 'stalled' && !stalledBefore) return {kind: 'counter-stalled', detail: `stands at ${kwh(reading)} while power flows`};
  return null;
}
