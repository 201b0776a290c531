// The state machine of one lifetime register: what of its movement is energy, and what is a glitch, a rollover, a replacement.

type CounterSpec = {
  /** Smallest step of the register, mWh. */
  readonly quantum: number;
  /** The most the metered thing can do, mW. */
  readonly maxPower: number;
  /** Where the register wraps, mWh. */
  readonly modulus?: number | undefined;
  /** Readings that mean "no value", mWh. */
  readonly sentinels?: readonly number[] | undefined;
};
export type CounterState = {
  readonly last: number | null;
  readonly lastMs: number;
  readonly pending: readonly (readonly [number, number])[];
};
type CounterStatus = 'invalid' | 'base' | 'ok' | 'rollover' | 'jitter' | 'rebased' | 'pending';
type CounterStep = {readonly state: CounterState; readonly status: CounterStatus; readonly booked: number};

export const newCounter: CounterState = {last: null, lastMs: 0, pending: []};
/** Readings that must agree before a register is believed to have been replaced. */
const CONFIRMING = 3;

/** One reading of the register, mWh at a monotonic ms; null where there was none. */
export function stepCounter(state: CounterState, spec: CounterSpec, atMs: number, reading: number | null): CounterStep {
  if (reading === null || spec.sentinels?.includes(reading)) return {state, status: 'invalid', booked: 0};
  const accept = (status: CounterStatus, booked: number): CounterStep => ({
    state: {last: reading, lastMs: atMs, pending: []},
    status,
    booked,
  });
  if (state.last === null) return accept('base', 0);
  const limit = limitOf(spec, atMs - state.lastMs);
  const rise = reading - state.last;
  if (rise >= 0 && rise <= limit) return accept('ok', rise);
  if (spec.modulus !== undefined && rise < 0 && rise + spec.modulus >= 0 && rise + spec.modulus <= limit)
    return accept('rollover', rise + spec.modulus);
  if (rise < 0 && -rise <= 2 * spec.quantum) return {state, status: 'jitter', booked: 0};

  const previous = state.pending.at(-1);
  const step = previous ? reading - previous[1] : -1;
  const continues = previous !== undefined && step >= 0 && step <= limitOf(spec, atMs - previous[0]);
  const pending = continues ? [...state.pending, [atMs, reading] as const] : [[atMs, reading] as const];
  const first = (pending[0] as readonly [number, number])[1];
  if (pending.length >= CONFIRMING && reading > first) return accept('rebased', reading - first);
  // A register that stands still for days must not make the list grow: its ends are what counts.
  const kept = pending.length > CONFIRMING + 1 ? [pending[0] as readonly [number, number], ...pending.slice(-CONFIRMING)] : pending;
  return {state: {...state, pending: kept}, status: 'pending', booked: 0};
}

/** The most the register can have risen in dtMs, mWh. */
function limitOf(spec: CounterSpec, dtMs: number): number {
  return Number((BigInt(spec.maxPower) * BigInt(Math.max(0, dtMs)) + 3_599_999n) / 3_600_000n) + spec.quantum;
}
