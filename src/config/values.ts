// Small values of configuration files: durations with a unit, secrets that stand elsewhere, ids.

import {z} from 'zod';

const UNITS: Readonly<Record<string, number>> = {ms: 1, s: 1000, min: 60_000, m: 60_000, h: 3_600_000, d: 86_400_000};

/** `2s`, `500ms`, `15min`, `1h`, `30d` as milliseconds. */
export const duration = (minMs: number, maxMs: number) =>
  z
    .string({error: 'expected a duration with its unit, such as 2s, 500ms or 15min'})
    .regex(/^\d+(\.\d+)?\s*(ms|s|min|m|h|d)$/, 'expected a duration with its unit, such as 2s, 500ms or 15min')
    .transform(text => {
      const [, amount = '0', unit = 's'] = /^([\d.]+)\s*([a-z]+)$/.exec(text) ?? [];
      return Math.round(Number(amount) * (UNITS[unit] ?? 1000));
    })
    .refine(ms => ms >= minMs && ms <= maxMs, `expected a duration from ${shown(minMs)} to ${shown(maxMs)}`);

const shown = (ms: number): string => {
  for (const [unit, size] of [
    ['d', 86_400_000],
    ['h', 3_600_000],
    ['min', 60_000],
    ['s', 1000],
  ] as const)
    if (ms >= size && ms % size === 0) return `${ms / size}${unit}`;
  return `${ms}ms`;
};

export const id = z.string().regex(/^[a-z0-9_]+$/, 'an id has only a-z, 0-9 and _');

/** A part of a device, such as `meter` or `battery2`. */
export const partName = z.string().regex(/^[a-z]+\d*$/, 'expected a part of the device, such as meter or battery');

/** A device, or one of its parts: `sungrow` or `sungrow.battery`. */
export const partRef = z.string().regex(/^[a-z0-9_]+(\.[a-z]+\d*)?$/, 'expected a device or device.part, such as meter or sungrow.battery');
export const pointRef = z
  .string()
  .regex(/^[a-z0-9_]+\.[a-z]+\d*\.[a-z0-9_]+$|^[a-z0-9_]+\.state$/, 'expected device.part.quantity, such as sungrow.inverter.state');

/** A secret in the file itself, or (better) in a file, an environment variable or a systemd credential. */
export const secret = z.union(
  [z.string(), z.strictObject({file: z.string()}), z.strictObject({env: z.string()}), z.strictObject({credential: z.string()})],
  {error: 'expected {file: PATH}, {env: NAME}, {credential: NAME}, or a text in quotes'},
);
export type SecretSource = z.infer<typeof secret>;
