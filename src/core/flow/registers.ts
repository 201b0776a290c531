// The lifetime registers at run time: what their movement books, and what that corrects in the integral.

import {type EventKind, type Said, say} from '../sentences/say.ts';
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
  /** When it last moved, and what must have flowed since, units: the lower power of both ends of each interval, as a trapezoid may tell more. */
  movedAtMs: number;
  sureUnits: number;
  stalled: boolean;
  /** What was booked when it first told what is not believed yet, mWh. */
  pendingFrom: number;
};

export const newRegister = (): RegisterState => ({
  counter: newCounter,
  anchor: null,
  total: 0,
  resolution: STEPS[0] as number,
  units: 0,
  shownWh: null,
  readAtMs: -1,
  movedAtMs: -1,
  sureUnits: 0,
  stalled: false,
  pendingFrom: 0,
});

type RegisterOutcome = {
  /** Booked minus integrated since the last event, mWh. */
  readonly correction: number;
  /** Whole mWh that were integrated since the last event. */
  readonly integrated: number;
  readonly event: {readonly kind: EventKind; readonly detail: Said} | null;
};

const UNITS_PER_MWH = 7_200_000;

/** One reading (Wh, or null for none). Mutates the state; `integrated` leaves `units`. `of` names the register in what an event says. */
export function readRegister(state: RegisterState, wh: number, atMs: number, maxPower: number, of: Named): RegisterOutcome {
  const reading = Math.round(wh * MWH);
  if (!Number.isSafeInteger(reading) || reading < 0) return {correction: 0, integrated: 0, event: null};
  const resolution = finerBy(state.resolution, reading);
  const step = stepCounter(state.counter, {quantum: resolution, maxPower}, atMs, reading);
  // A reading that is not believed teaches nothing of the register's step either.
  const believed = step.status === 'base' || step.status === 'ok' || step.status === 'rollover' || step.status === 'rebased';
  if (believed) state.resolution = resolution;
  const before = state.counter;
  state.counter = step.state;
  if (believed) state.shownWh = wh;
  const remainder = state.units % UNITS_PER_MWH;
  const integrated = (state.units - remainder) / UNITS_PER_MWH;
  state.units = remainder;
  if (step.status === 'base') {
    state.total = reading;
    state.anchor = newAnchor(reading);
    state.readAtMs = atMs;
    return {correction: 0, integrated, event: null};
  }
  const anchor = state.anchor ?? newAnchor(state.total);
  // Between its last word on the old scale and its first on the new one, what was integrated stands.
  if (step.status === 'rebased') state.total += floorTo(state.resolution, state.pendingFrom - state.total - anchor.offset);
  state.total += step.booked;
  if (believed && step.booked > 0) Object.assign(state, {movedAtMs: atMs, sureUnits: 0});
  const hasStalled = state.sureUnits > (3 * state.resolution + STALL_FLOOR_MWH) * UNITS_PER_MWH;
  const stallFloor = hasStalled ? STALL_FLOOR_MWH : Number.MAX_SAFE_INTEGER;
  const next = stepAnchor(anchor, {resolution: state.resolution, stallFloor}, integrated, believed ? state.total : null);
  state.anchor = next.state;
  if (step.status === 'pending' && step.state.pending.length === 1) state.pendingFrom = next.state.booked;
  if (believed) state.readAtMs = atMs;
  const stalledBefore = state.stalled;
  state.stalled = next.status === 'stalled';
  return {
    correction: next.state.booked - anchor.booked - integrated,
    integrated,
    event: eventOf(of, step.status, before, reading, next.status, stalledBefore),
  };
}

const floorTo = (resolution: number, energyMilliWh: number): number => Math.floor(energyMilliWh / resolution) * resolution;

/** The coarsest step that this reading and all before are multiples of. */
const finerBy = (resolution: number, reading: number): number =>
  STEPS.find(step => step <= resolution && reading % step === 0) ?? resolution;

type Named = {readonly device: string; readonly point: string};

function eventOf(
  {device, point}: Named,
  status: string,
  {last, pending}: CounterState,
  reading: number,
  anchored: string,
  stalledBefore: boolean,
): RegisterOutcome['event'] {
  if (status === 'ok' && (anchored !== 'stalled' || stalledBefore)) return null;
  const kwh = (mWh: number | null): number => (mWh ?? 0) / 1_000_000;
  const [key, before, now] = [`${device} ${point}`, kwh(last), kwh(reading)];
  if (status === 'pending' && pending.length === 0)
    return {
      kind: 'counter-held-back',
      detail: say('{key} jumped from {before} kWh to {now} kWh; not believed until it continues', {key, before, now}),
    };
  if (status === 'rebased')
    return {
      kind: 'counter-rebased',
      detail: say('{key} continues at {now} kWh instead of {before} kWh; only its rise since then is booked', {key, before, now}),
    };
  if (status === 'rollover')
    return {kind: 'counter-rollover', detail: say('{key} rolled over from {before} kWh to {now} kWh', {key, before, now})};
  if (anchored === 'stalled' && !stalledBefore)
    return {kind: 'counter-stalled', detail: say('{key} stands at {now} kWh while power flows', {key, now})};
  return null;
}
