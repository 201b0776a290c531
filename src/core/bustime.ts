// Milliseconds of a request: what the wire needs by physics, and what the device adds.

export type BusTiming = {
  /** Between the end of a request and the beginning of its answer. */
  readonly turnaroundMs: number;
  /** What the device wants between two requests beyond the silence of the line. */
  readonly pauseMs?: number;
} & (
  | {
      readonly kind: 'serial';
      readonly baud: number;
      readonly bitsPerCharacter: number;
      /** Two characters a byte, and no silences. */
      readonly ascii?: boolean;
    }
  | {readonly kind: 'tcp'}
);

/** Start bit, data, parity, stop bits. */
export const bitsPerCharacter = (serial: {readonly data: number; readonly parity: string; readonly stop: number}): number =>
  1 + serial.data + (serial.parity === 'none' ? 0 : 1) + serial.stop;

/** Fixed above 19200 baud. Source: Modbus over Serial Line V1.02, section 2.5.1.1. */
const FAST_SILENCE_MS = 1.75;
const REQUEST_CHARACTERS = 8;
const ANSWER_CHARACTERS = 5;
/** Colon, unit, function, address, count, check, end of line; and the answer without its registers. Source: V1.02, section 2.5.2. */
const ASCII_REQUEST_CHARACTERS = 17;
const ASCII_ANSWER_CHARACTERS = 11;
/** Two bytes at 10 Mbit/s: next to the device's own time the wire is nothing. */
const TCP_MS_PER_REGISTER = 0.0016;

/** The silence that ends a frame: 3.5 characters. ASCII frames have an end of their own. */
export const silenceMs = (timing: BusTiming): number =>
  timing.kind === 'tcp' || timing.ascii ? 0 : timing.baud > 19_200 ? FAST_SILENCE_MS : (3500 * timing.bitsPerCharacter) / timing.baud;

/** One read of `registers`, request to the end of the silence after its answer. */
export function requestMs(timing: BusTiming, registers: number): number {
  if (timing.kind === 'tcp') return timing.turnaroundMs + registers * TCP_MS_PER_REGISTER;
  const characterMs = (1000 * timing.bitsPerCharacter) / timing.baud;
  if (timing.ascii) return (ASCII_REQUEST_CHARACTERS + ASCII_ANSWER_CHARACTERS + 4 * registers) * characterMs + timing.turnaroundMs;
  return (REQUEST_CHARACTERS + ANSWER_CHARACTERS + 2 * registers) * characterMs + 2 * silenceMs(timing) + timing.turnaroundMs;
}

/** What a request costs a sweep: its time on the bus, and the pause before the next one. */
export const costMs = (timing: BusTiming, registers: number): number => requestMs(timing, registers) + (timing.pauseMs ?? 0);
