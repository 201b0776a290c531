// Integrated energy held inside the counter's quantum: floor(booked to resolution) equals the register, at every reading.

type AnchorSpec = {
  /** Step of the register, mWh. */
  readonly resolution: number;
  /** Integrated energy beyond three steps after which a standing register counts as stalled, mWh. */
  readonly stallFloor: number;
};
export const STALL_FLOOR_MWH = 50_000;

/** `booked` and `lastCounter` in mWh on the counter's scale; `since` what was integrated since the register last moved. */
export type AnchorState = {
  readonly booked: number;
  readonly lastCounter: number;
  readonly offset: number;
  readonly since: number;
  readonly withheld: number;
  readonly stalled: boolean;
};
type AnchorStatus = 'unanchored' | 'stalled' | 'caught-up' | 'rebased' | 'ok';

export const newAnchor = (counter: number): AnchorState => ({
  booked: counter,
  lastCounter: counter,
  offset: 0,
  since: 0,
  withheld: 0,
  stalled: false,
});

/** `integrated` mWh since the last event, `counter` mWh now or null. The change of `booked` is what the ledger books. */
export function stepAnchor(
  state: AnchorState,
  spec: AnchorSpec,
  integrated: number,
  counter: number | null,
): {state: AnchorState; status: AnchorStatus} {
  const {resolution} = spec;
  const since = state.since + integrated;
  if (counter === null) return {state: {...state, booked: state.booked + integrated, since}, status: 'unanchored'};

  if (counter === state.lastCounter && (state.stalled || since > 3 * resolution + spec.stallFloor)) {
    return {state: {...state, booked: state.booked + integrated + state.withheld, since, withheld: 0, stalled: true}, status: 'stalled'};
  }
  if (state.stalled) {
    const reached = state.booked + integrated;
    const floor = reached - modulo(reached, resolution);
    const offset = Math.abs(floor - counter) <= Math.floor(since / 20) + resolution ? 0 : floor - counter;
    return {
      state: {booked: clamp(reached, counter + offset, resolution), lastCounter: counter, offset, since: 0, withheld: 0, stalled: false},
      status: offset === 0 ? 'caught-up' : 'rebased',
    };
  }
  const moved = counter !== state.lastCounter;
  const wanted = state.booked + integrated;
  const booked = clamp(wanted, counter + state.offset, resolution);
  const withheld = (moved ? 0 : state.withheld) + Math.max(0, wanted - booked);
  return {state: {...state, booked, lastCounter: counter, since: moved ? 0 : since, withheld}, status: 'ok'};
}

const modulo = (value: number, by: number): number => ((value % by) + by) % by;
const clamp = (value: number, floor: number, resolution: number): number => Math.min(Math.max(value, floor), floor + resolution - 1);
