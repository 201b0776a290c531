// Random numbers that can be stored and continued: a house is the same house for the same seed.

/** A number in [0, 1) and the state to draw the next one from. State: any 32-bit integer. Source: Tommy Ettinger's mulberry32 (public domain). */
function draw(state: number): {readonly value: number; readonly state: number} {
  const next = (state + 0x6d2b79f5) | 0;
  let mixed = Math.imul(next ^ (next >>> 15), next | 1);
  mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
  return {value: ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296, state: next};
}

/** Draws from a state that it keeps; `state()` is what to store. */
export type Dice = {
  /** In [0, 1). */
  next(): number;
  /** A whole number from `low` to `high`, both included. */
  whole(low: number, high: number): number;
  state(): number;
};

export function diceFrom(initial: number): Dice {
  let state = initial | 0;
  const next = (): number => {
    const drawn = draw(state);
    state = drawn.state;
    return drawn.value;
  };
  return {next, whole: (low, high) => low + Math.floor(next() * (high - low + 1)), state: () => state};
}
