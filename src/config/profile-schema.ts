// The file of a device profile: its schema.

import {z} from 'zod';
import {MOST_REGISTERS} from '../core/modbus.ts';

const address = z.int().min(0).max(0xffff);
const registerType = z.enum(['u16', 's16', 'u32', 's32', 'u64', 's64', 'f32', 'f64', 'acc32', 'acc64', 'text']);
const wordOrder = z.enum(['high-first', 'low-first']);
const absent = z.union([z.literal('nan'), z.int().nonnegative()]);

const fieldKeys = {
  at: address.optional(),
  fc: z.union([z.literal(3), z.literal(4)]).optional(),
  type: registerType.optional(),
  words: z.int().min(1).max(MOST_REGISTERS).optional(),
  word_order: wordOrder.optional(),
  swap_bytes: z.boolean().optional(),
  words_at: z.array(address).min(1).max(4).optional(),
  bits: z.tuple([z.int().min(0).max(63), z.int().min(1).max(64)]).optional(),
  scale: z.union([z.number(), z.strictObject({exponent_at: address})]).optional(),
  offset: z.number().optional(),
  invert: z.boolean().optional(),
  absent: z.union([absent.transform(one => [one]), z.array(absent)]).optional(),
  unit: z.string().optional(),
};
const field = z.strictObject(fieldKeys);
export type FieldFile = z.infer<typeof field>;

const flag = z.strictObject({mask: z.int().positive(), value: z.int().nonnegative()});
const formKeys = {
  sum: z.array(field).min(1).optional(),
  plus: z.array(field).min(1).optional(),
  minus: z.array(field).min(1).optional(),
  magnitude: field.optional(),
  flag: field.optional(),
  negative_when: z.array(flag).optional(),
  positive_when: z.array(flag).optional(),
  otherwise: z.enum(['signed', 'positive', 'missing']).optional(),
  product: z.tuple([field, field]).optional(),
  by: z.number().optional(),
};
export type SourceFile = z.infer<ReturnType<typeof sourceObject>> & {first?: SourceFile[] | undefined; total?: SourceFile[] | undefined};
const sourceObject = () => z.strictObject({...fieldKeys, ...formKeys});
const source: z.ZodType<SourceFile> = z.lazy(() =>
  z.strictObject({...fieldKeys, ...formKeys, first: z.array(source).min(1).optional(), total: z.array(source).min(1).optional()}),
);
const point = z.strictObject({
  ...fieldKeys,
  ...formKeys,
  first: z.array(source).min(1).optional(),
  total: z.array(source).min(1).optional(),
  every: z.enum(['fast', 'slow', 'once']).optional(),
  between: z.tuple([z.number(), z.number()]).optional(),
  zero_if_absent: z.literal(true).optional(),
  states: z.record(z.string(), z.string()).optional(),
  note: z.string().optional(),
});
export type PointFile = z.infer<typeof point>;

const rule = z.strictObject({
  ...fieldKeys,
  equals: z
    .union([z.array(z.union([z.number(), z.string()])), z.number().transform(one => [one]), z.string().transform(one => [one])])
    .optional(),
  between: z.tuple([z.number(), z.number()]).optional(),
  matches: z.string().optional(),
});
const when = z.strictObject({
  ...rule.shape,
  option: z.string().optional(),
  is: z.union([z.string(), z.number(), z.boolean()]).optional(),
  answers: field.optional(),
});
const parts = z.record(z.string(), z.record(z.string(), point));
const limits = z.strictObject({
  max_registers: z.int().min(1).max(MOST_REGISTERS).optional(),
  max_gap: z.int().min(0).max(124).optional(),
  barriers: z.array(address).optional(),
  forbidden: z.array(z.tuple([address, address])).optional(),
  single: z.array(address).optional(),
  atomic: z.array(z.tuple([address, address])).optional(),
});
const one = z.union([z.string(), z.array(z.string()).min(1)]);

export const profileSchema = z.strictObject({
  id: z.string().regex(/^[a-z0-9]+(-[a-z0-9]+)*$/, 'an id has a-z, 0-9 and dashes'),
  name: z.string(),
  manufacturer: z.string().default(''),
  source: one,
  setup: z.union([z.string().transform(text => [text]), z.array(z.string())]).default([]),
  notes: z.union([z.string().transform(text => [text]), z.array(z.string())]).default([]),
  driver: z.enum(['fixed', 'sunspec']).default('fixed'),
  limits: limits.default({}),
  timing: z
    .strictObject({
      connect_delay_ms: z.int().min(0).max(10_000).default(0),
      min_gap_ms: z.int().min(0).max(5000).default(0),
      unit_pause_ms: z.int().min(0).max(5000).default(0),
      timeout_ms: z.int().min(100).max(30_000).default(1000),
    })
    .prefault({}),
  connection: z
    .strictObject({
      unit: z.int().min(0).max(255).default(1),
      port: z.int().min(1).max(65_535).default(502),
      baud: z.int().nullable().default(null),
      parity: z.enum(['none', 'even', 'odd']).default('none'),
    })
    .prefault({}),
  units: z.record(z.string(), z.strictObject({default: z.int().min(0).max(255), label: z.string().default('')})).default({}),
  options: z
    .record(
      z.string(),
      z.strictObject({
        default: z.union([z.string(), z.number(), z.boolean()]),
        values: z.array(z.union([z.string(), z.number(), z.boolean()])).default([]),
        label: z.string().default(''),
      }),
    )
    .default({}),
  defaults: field.default({}),
  night: z.enum(['silent', 'answers', 'silent-pv-zero']).default('answers'),
  side: z
    .strictObject({
      pv: z.enum(['ac', 'dc']).optional(),
      battery: z.enum(['ac', 'dc']).optional(),
      inverter: z.enum(['ac', 'dc']).optional(),
    })
    .default({}),
  energy_netting: z.enum(['net', 'per-phase', 'unknown']).default('unknown'),
  identity: z
    .strictObject({
      manufacturer: z.union([z.string(), field]).optional(),
      model: z.union([z.string(), field]).optional(),
      serial: z.union([z.string(), field]).optional(),
      firmware: z.union([z.string(), field]).optional(),
    })
    .default({}),
  identify: z.array(rule).default([]),
  parts: parts.default({}),
  variants: z
    .array(
      z.strictObject({
        name: z.string(),
        when,
        defaults: field.optional(),
        moved: z.record(z.string(), z.int()).default({}),
        parts: parts.default({}),
        without: z.array(z.string()).default([]),
        limits: limits.default({}),
      }),
    )
    .default([]),
});
export type ProfileFile = z.infer<typeof profileSchema>;
export type RuleFile = z.infer<typeof rule>;
export type LimitsFile = z.infer<typeof limits>;
