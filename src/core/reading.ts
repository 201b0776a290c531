// One value of one point of one device: a number in the unit of its name with the moment it was true, or the reason why there is none.

/** Why there is no value. The words are those of `read --json`. */
export type Fault =
  | {readonly kind: 'timeout'; readonly afterMs: number}
  | {readonly kind: 'disconnected'; readonly reason: string}
  | {readonly kind: 'refused'; readonly exception: number}
  | {readonly kind: 'bad_frame'; readonly reason: string}
  | {readonly kind: 'absent'}
  | {readonly kind: 'implausible'; readonly value: number}
  | {readonly kind: 'asleep'};

/** `monoMs` is the middle between request and answer on the monotonic clock. */
export type Measured =
  | {readonly kind: 'good'; readonly value: number | string; readonly monoMs: number}
  | {readonly kind: 'held'; readonly value: number | string; readonly monoMs: number}
  | {readonly kind: 'missing'; readonly fault: Fault};

export type Reading = {
  /** Id of the device in the configuration. */
  readonly device: string;
  /** Point name, `grid.power_w`. Signs are those of the point tables: into the house's AC bus is positive. */
  readonly point: string;
  readonly measured: Measured;
};

/** Key of a point across devices. */
export const readingKey = (device: string, point: string): string => `${device}/${point}`;

/** A number, or null where the reading has none. */
export function numberOf(measured: Measured | undefined): number | null {
  return measured && measured.kind !== 'missing' && typeof measured.value === 'number' ? measured.value : null;
}
