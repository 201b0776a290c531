// The file of a device profile: its schema, and what it means once loaded.

import {z} from 'zod';
import type {DeviceProfile, Field, FlagMatch, IdentifyRule, Limits, PointDef, PointSource, RegisterType, Variant} from '../core/profile.ts';
import {parsePoint, pointInfo} from '../core/vocabulary.ts';
import {moved} from './moved.ts';

const address = z.int().min(0).max(0xffff);
const registerType = z.enum(['u16', 's16', 'u32', 's32', 'u64', 's64', 'f32', 'f64', 'acc32', 'acc64', 'text']);
const wordOrder = z.enum(['high-first', 'low-first']);
const absent = z.union([z.literal('nan'), z.int().nonnegative()]);

const fieldKeys = {
  at: address.optional(),
  fc: z.union([z.literal(3), z.literal(4)]).optional(),
  type: registerType.optional(),
  words: z.int().min(1).max(125).optional(),
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
type FieldFile = z.infer<typeof field>;

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
type SourceFile = z.infer<ReturnType<typeof sourceObject>> & {first?: SourceFile[] | undefined; total?: SourceFile[] | undefined};
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
  states: z.record(z.string(), z.string()).optional(),
  note: z.string().optional(),
});
type PointFile = z.infer<typeof point>;

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
  max_registers: z.int().min(1).max(125).optional(),
  max_gap: z.int().min(0).max(124).optional(),
  barriers: z.array(address).optional(),
  forbidden: z.array(z.tuple([address, address])).optional(),
  single: z.array(address).optional(),
});
const one = z.union([z.string(), z.array(z.string()).min(1)]);

export const profileSchema = z.strictObject({
  id: z.string().regex(/^[a-z0-9]+(-[a-z0-9]+)*$/, 'an id has a-z, 0-9 and dashes'),
  name: z.string(),
  manufacturer: z.string().default(''),
  source: one,
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

/** What is wrong with a checked file beyond its shape: the key path and the sentence. */
export class ProfileProblem extends Error {
  readonly path: readonly PropertyKey[];
  constructor(path: readonly PropertyKey[], message: string) {
    super(message);
    this.path = path;
  }
}

const WORDS: Readonly<Record<Exclude<RegisterType, 'text'>, number>> = {
  u16: 1,
  s16: 1,
  u32: 2,
  s32: 2,
  u64: 4,
  s64: 4,
  f32: 2,
  f64: 4,
  acc32: 2,
  acc64: 4,
};
const NAN: Readonly<Partial<Record<RegisterType, bigint>>> = {
  u16: 0xffffn,
  s16: 0x8000n,
  u32: 0xffff_ffffn,
  s32: 0x8000_0000n,
  u64: 0xffff_ffff_ffff_ffffn,
  s64: 0x8000_0000_0000_0000n,
};

/** The file as the program uses it. Throws ProfileProblem. */
export function toProfile(file: ProfileFile): DeviceProfile {
  const {fieldOf, pointsOf, ruleOf, identityOf} = reader(file, file.defaults);
  const variants = file.variants.map((variant, index): Variant => {
    const path = ['variants', index];
    const {option, is, answers, ...rest} = variant.when;
    // Other defaults read every point anew; what is moved keeps its form.
    const {defaults = {}} = variant;
    const own = reader(file, {...file.defaults, ...defined(defaults)});
    const anew = own.pointsOf(variant.defaults ? file.parts : partsIn(file.parts, variant.moved), ['parts']);
    const given = own.pointsOf(variant.parts, [...path, 'parts']);
    const named = new Set(given.map(point => point.name));
    return {
      name: variant.name,
      when:
        option !== undefined
          ? {kind: 'option', option, value: is ?? true}
          : answers
            ? {kind: 'answers', field: fieldOf(answers, [...path, 'when', 'answers'])}
            : ruleOf(rest, [...path, 'when']),
      points: [
        ...anew.filter(point => !named.has(point.name)).map(point => moved(point, variant.moved[point.name.split('.')[0] ?? ''] ?? 0)),
        ...given,
      ],
      identity: variant.defaults ? own.identityOf() : {},
      without: variant.without,
      limits: limitsOf(variant.limits),
    };
  });
  for (const [index, variant] of variants.entries()) {
    if (variant.when.kind === 'option' && !(variant.when.option in file.options))
      throw new ProfileProblem(['variants', index, 'when', 'option'], `no option "${variant.when.option}" under options:`);
  }

  return {
    id: file.id,
    name: file.name,
    manufacturer: file.manufacturer,
    source: typeof file.source === 'string' ? [file.source] : file.source,
    notes: file.notes,
    driver: file.driver,
    limits: {maxRegisters: 125, maxGap: 0, barriers: [], forbidden: [], single: [], ...limitsOf(file.limits)},
    timing: {
      connectDelayMs: file.timing.connect_delay_ms,
      minGapMs: file.timing.min_gap_ms,
      unitPauseMs: file.timing.unit_pause_ms,
      timeoutMs: file.timing.timeout_ms,
    },
    defaults: file.connection,
    units: file.units,
    options: file.options,
    identity: identityOf(),
    identify: file.identify.map((raw, index) => ruleOf(raw, ['identify', index])),
    points: pointsOf(file.parts, ['parts']),
    variants,
    night: file.night,
    side: defined(file.side),
    energyNetting: file.energy_netting,
  };
}

/** What reads the fields of a file, with those defaults. */
function reader(file: ProfileFile, defaults: FieldFile) {
  const fieldOf = (raw: FieldFile, path: readonly PropertyKey[]): Field => {
    const merged = {...defaults, ...defined(raw)};
    const type = merged.type ?? 'u16';
    if (merged.at === undefined && merged.words_at === undefined)
      throw new ProfileProblem(path, 'expected `at`, the address of the register');
    if (type === 'text' && merged.words === undefined) throw new ProfileProblem(path, 'a text needs `words`, its length in registers');
    const words = type === 'text' ? (merged.words ?? 1) : (merged.words_at?.length ?? WORDS[type]);
    const at = raw.words_at ? Math.min(...raw.words_at) : (merged.at ?? 0);
    if (at + words > 0x10000) throw new ProfileProblem(path, 'the registers end beyond 65535');
    return {
      fc: merged.fc ?? 3,
      at,
      type,
      words,
      wordOrder: merged.word_order ?? 'high-first',
      swapBytes: merged.swap_bytes ?? false,
      wordsAt: raw.words_at ?? null,
      bits: merged.bits ? {from: merged.bits[0], count: merged.bits[1]} : null,
      scale:
        merged.scale === undefined || typeof merged.scale === 'number'
          ? {kind: 'factor', by: merged.scale ?? 1}
          : {kind: 'exponentAt', at: merged.scale.exponent_at},
      offset: merged.offset ?? 0,
      invert: merged.invert ?? false,
      absent: (merged.absent ?? []).flatMap(raw => (raw === 'nan' ? (NAN[type] === undefined ? [] : [NAN[type]]) : [BigInt(raw)])),
    };
  };

  const sourceOf = (raw: SourceFile, path: readonly PropertyKey[]): PointSource => {
    const {
      sum,
      plus,
      minus,
      magnitude,
      flag: flagField,
      negative_when,
      positive_when,
      otherwise,
      product,
      by,
      first,
      total,
      ...plainField
    } = raw;
    const fields = (list: readonly FieldFile[], key: string): Field[] =>
      list.map((one, index) => fieldOf(turned(one, raw.invert), [...path, key, index]));
    if (sum) return {kind: 'sum', fields: fields(sum, 'sum')};
    if (plus || minus) return {kind: 'difference', plus: fields(plus ?? [], 'plus'), minus: fields(minus ?? [], 'minus')};
    if (magnitude) {
      if (!flagField) throw new ProfileProblem(path, '`magnitude` needs `flag`');
      return {
        kind: 'flagged',
        magnitude: fieldOf(turned(magnitude, raw.invert), [...path, 'magnitude']),
        flag: fieldOf({...flagField, scale: flagField.scale ?? 1, absent: flagField.absent ?? []}, [...path, 'flag']),
        negativeWhen: (negative_when ?? []) as FlagMatch[],
        positiveWhen: (positive_when ?? []) as FlagMatch[],
        otherwise: otherwise ?? 'missing',
      };
    }
    if (product)
      return {
        kind: 'product',
        fields: [fieldOf(turned(product[0], raw.invert), [...path, 'product', 0]), fieldOf(product[1], [...path, 'product', 1])],
        by: by ?? 1,
      };
    if (first) return {kind: 'first', of: first.map((one, index) => sourceOf(turned(one, raw.invert), [...path, 'first', index]))};
    if (total) return {kind: 'total', of: total.map((one, index) => sourceOf(turned(one, raw.invert), [...path, 'total', index]))};
    return {kind: 'field', field: fieldOf(plainField, path)};
  };

  const unitOf = (raw: SourceFile, path: readonly PropertyKey[]): string | null => {
    const units = new Set<string>();
    const walk = (one: SourceFile): void => {
      if (one.unit !== undefined) units.add(one.unit);
      for (const inner of [
        ...(one.sum ?? []),
        ...(one.plus ?? []),
        ...(one.minus ?? []),
        ...(one.product ?? []),
        ...(one.first ?? []),
        ...(one.total ?? []),
        one.magnitude,
        one.flag,
      ])
        if (inner) walk(inner as SourceFile);
    };
    walk(raw);
    if (units.size > 1) throw new ProfileProblem(path, 'the registers of one point live on one unit');
    const [unit] = units;
    if (unit !== undefined && !(unit in file.units)) throw new ProfileProblem(path, `no unit "${unit}" under units:`);
    return unit ?? null;
  };

  const pointsOf = (list: ProfileFile['parts'], path: readonly PropertyKey[]): PointDef[] =>
    Object.entries(list).flatMap(([part, quantities]) =>
      Object.entries(quantities).map(([quantity, raw]): PointDef => {
        const name = `${part}.${quantity}`;
        const at = [...path, part, quantity];
        if (!parsePoint(name)) throw new ProfileProblem(at, `"${name}" is no point name`);
        const {every, between, states, note, ...rest} = raw as PointFile;
        const info = pointInfo(name);
        return {
          name,
          source: sourceOf(rest as SourceFile, at),
          unitKey: unitOf(rest as SourceFile, at) ?? defaults.unit ?? null,
          every: every ?? (info.behaves === 'counter' || name.endsWith('temperature_c') || name.endsWith('capacity_wh') ? 'slow' : 'fast'),
          between: between ?? null,
          words: states ?? null,
          note: note ?? null,
        };
      }),
    );

  const ruleOf = (raw: z.infer<typeof rule>, path: readonly PropertyKey[]): IdentifyRule => {
    const {equals, between, matches, ...rest} = raw;
    const read = fieldOf(rest, path);
    if (equals) return {kind: 'equals', field: read, values: equals};
    if (between) return {kind: 'between', field: read, min: between[0], max: between[1]};
    if (matches !== undefined) return {kind: 'matches', field: read, pattern: matches};
    throw new ProfileProblem(path, 'expected `equals`, `between` or `matches`');
  };

  const identityOf = (): DeviceProfile['identity'] =>
    Object.fromEntries(
      Object.entries(file.identity).flatMap(([key, raw]) =>
        raw === undefined ? [] : [[key, typeof raw === 'string' ? raw : fieldOf({scale: 1, ...raw}, ['identity', key])]],
      ),
    );
  return {fieldOf, pointsOf, ruleOf, identityOf};
}

const limitsOf = (raw: z.infer<typeof limits>): Partial<Limits> => ({
  ...(raw.max_registers === undefined ? {} : {maxRegisters: raw.max_registers}),
  ...(raw.max_gap === undefined ? {} : {maxGap: raw.max_gap}),
  ...(raw.barriers === undefined ? {} : {barriers: raw.barriers}),
  ...(raw.forbidden === undefined ? {} : {forbidden: raw.forbidden}),
  ...(raw.single === undefined ? {} : {single: raw.single}),
});

const partsIn = (all: ProfileFile['parts'], names: Readonly<Record<string, number>>): ProfileFile['parts'] =>
  Object.fromEntries(Object.entries(all).filter(([part]) => part in names));

/** A member with the sign of the form around it. */
const turned = <T extends FieldFile>(raw: T, invert: boolean | undefined): T => (invert ? {...raw, invert: !(raw.invert ?? false)} : raw);

type Defined<T> = {[K in keyof T]: Exclude<T[K], undefined>};
const defined = <T extends object>(raw: T): Defined<T> =>
  Object.fromEntries(Object.entries(raw).filter(([, value]) => value !== undefined)) as Defined<T>;
