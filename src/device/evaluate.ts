// A point's source over the words of a sweep: a value with its time, or the reason why there is none.

import {type Decoded, decode, decodeRaw, exponentAt, fieldSpans} from '../core/codec.ts';
import {fieldsOf} from '../core/planner.ts';
import type {Field, FlagMatch, PointDef, PointSource} from '../core/profile.ts';
import type {Fault, Measured} from '../core/reading.ts';
import type {Registers} from './words.ts';

type Value =
  | {readonly kind: 'value'; readonly value: number | string; readonly monoMs: number}
  | {readonly kind: 'none'; readonly fault: Fault};

/** What a point says now. Outside its plausible range it says nothing. */
export function evaluate(point: PointDef, registers: Registers): Measured {
  const told = resolve(point.source, registers, point.zeroIfAbsent);
  const result = point.zeroIfAbsent ? nothingFor(told, point.source, registers) : told;
  if (result.kind === 'none') return {kind: 'missing', fault: result.fault};
  let {value} = result;
  if (typeof value === 'number') {
    if (point.between && (value < point.between[0] || value > point.between[1]))
      return {kind: 'missing', fault: {kind: 'implausible', value}};
    if (point.words) value = point.words[String(value)] ?? `unknown (${value})`;
    else if (point.name.endsWith('.state')) value = String(value);
    else if (point.name.endsWith('.power_factor')) value = ratioOf(value);
    if (point.turned && typeof value === 'number') value = 0 - value;
  }
  return {kind: 'good', value, monoMs: result.monoMs};
}

/** Zero at the time of the answer that says "not available". What was not answered stays unknown. */
function nothingFor(told: Value, source: PointSource, registers: Registers): Value {
  if (told.kind === 'value' || told.fault.kind !== 'absent') return told;
  const [field] = fieldsOf(source);
  const word = field && registers.word(field.fc, field.wordsAt?.[0] ?? field.at);
  return word ? {kind: 'value', value: 0, monoMs: word.monoMs} : told;
}

/** Devices that tell a ratio go a little over one at full load; a percentage below this is nothing any device tells. */
const LARGEST_RATIO = 1.1;

/** A power factor from -1 to 1: devices tell percent or the ratio. */
function ratioOf(value: number): number {
  if (Math.abs(value) <= 1) return value;
  return Math.abs(value) <= LARGEST_RATIO ? Math.sign(value) : Math.round(value * 1000) / 100_000;
}

/** Raw words behind a point, in address order, for those who want to see them. */
export function rawWords(
  source: PointSource,
  registers: Registers,
  fields: (source: PointSource) => readonly Field[],
): readonly {fc: number; at: number; word: number | null}[] {
  return fields(source).flatMap(field =>
    fieldSpans(field).flatMap(span =>
      Array.from({length: span.words}, (_, i) => ({
        fc: field.fc as number,
        at: span.at + i,
        word: registers.word(field.fc, span.at + i)?.value ?? null,
      })),
    ),
  );
}

function resolve(source: PointSource, registers: Registers, zeroIfAbsent = false): Value {
  switch (source.kind) {
    case 'field':
      return fieldValue(source.field, registers);
    case 'sum':
      return sum(source.fields.map(field => fieldValue(field, registers)));
    case 'difference': {
      const plus = sum(source.plus.map(field => fieldValue(field, registers)));
      const minus = sum(source.minus.map(field => fieldValue(field, registers)));
      // Of a battery that is charging the power it gives may be "not available".
      const isNothing = (one: Value, other: Value): boolean =>
        zeroIfAbsent && one.kind === 'none' && one.fault.kind === 'absent' && other.kind === 'value';
      if (plus.kind === 'none' && source.plus.length > 0 && !isNothing(plus, minus)) return plus;
      if (minus.kind === 'none' && source.minus.length > 0 && !isNothing(minus, plus)) return minus;
      const a = plus.kind === 'value' ? Number(plus.value) : 0;
      const b = minus.kind === 'value' ? Number(minus.value) : 0;
      return {
        kind: 'value',
        value: rounded(a - b),
        monoMs: plus.kind === 'value' ? plus.monoMs : minus.kind === 'value' ? minus.monoMs : 0,
      };
    }
    case 'flagged':
      return flagged(source, registers);
    case 'product': {
      const [a, b] = source.fields.map(field => fieldValue(field, registers)) as [Value, Value];
      if (a.kind === 'none') return a;
      if (b.kind === 'none') return b;
      return {kind: 'value', value: rounded(Number(a.value) * Number(b.value) * source.by), monoMs: a.monoMs};
    }
    case 'first': {
      let last: Value = {kind: 'none', fault: {kind: 'absent'}};
      for (const one of source.of) {
        last = resolve(one, registers);
        if (last.kind === 'value') return last;
      }
      return last;
    }
    case 'total':
      return sum(source.of.map(one => resolve(one, registers)));
  }
}

/** A member that says "no such string" is left out; one that could not be read makes the sum unknown. */
function sum(values: readonly Value[]): Value {
  let total = 0;
  let monoMs: number | null = null;
  for (const one of values) {
    if (one.kind === 'value') {
      total += Number(one.value);
      monoMs ??= one.monoMs;
    } else if (one.fault.kind !== 'absent') return one;
  }
  return monoMs === null ? {kind: 'none', fault: {kind: 'absent'}} : {kind: 'value', value: rounded(total), monoMs};
}

function flagged(source: Extract<PointSource, {kind: 'flagged'}>, registers: Registers): Value {
  const magnitude = fieldValue(source.magnitude, registers);
  if (magnitude.kind === 'none') return magnitude;
  const flag = decodeRaw(source.flag, address => registers.word(source.flag.fc, address)?.value);
  if (flag === null) return {kind: 'none', fault: missingFault(source.flag, registers)};
  const matches = (list: readonly FlagMatch[]): boolean => list.some(({mask, value}) => (Number(flag) & mask) >>> 0 === value);
  const size = Number(magnitude.value);
  const negative = matches(source.negativeWhen);
  const positive = matches(source.positiveWhen);
  // An already negative value was signed by the device; the flag only repeats it.
  if (negative !== positive) return {...magnitude, value: (negative ? -1 : 1) * Math.abs(signed(source.magnitude, size))};
  switch (source.otherwise) {
    case 'signed':
      return {...magnitude, value: signed(source.magnitude, size)};
    case 'positive':
      return {...magnitude, value: Math.abs(size)};
    case 'missing':
      return {kind: 'none', fault: {kind: 'absent'}};
  }
}

/** An unsigned 16-bit magnitude above half its range is a negative number of newer firmware. */
function signed(field: Field, value: number): number {
  if (field.type !== 'u16' || field.scale.kind !== 'factor') return value;
  const raw = value / field.scale.by;
  return Math.abs(raw) > 0x7fff ? (Math.abs(raw) - 0x10000) * field.scale.by * Math.sign(raw) : value;
}

function fieldValue(field: Field, registers: Registers): Value {
  const decoded: Decoded = decode(field, address => registers.word(field.fc, address)?.value);
  if (decoded.kind === 'absent') return {kind: 'none', fault: missingFault(field, registers)};
  return {kind: 'value', value: decoded.value, monoMs: registers.word(field.fc, field.wordsAt?.[0] ?? field.at)?.monoMs ?? 0};
}

/** The fault of the first word that is missing; "absent" where all words are there and say so. */
function missingFault(field: Field, registers: Registers): Fault {
  for (const span of fieldSpans(field)) {
    for (let i = 0; i < span.words; i++) {
      const fault = registers.word(field.fc, span.at + i) === undefined ? registers.fault(field.fc, span.at + i) : undefined;
      if (fault) return fault;
    }
  }
  const exponent = exponentAt(field);
  const fault = exponent === null || registers.word(field.fc, exponent) !== undefined ? undefined : registers.fault(field.fc, exponent);
  return fault ?? {kind: 'absent'};
}

/** Sums of decimals keep the digits of their members. */
const rounded = (value: number): number => (Number.isInteger(value) ? value : Number(value.toPrecision(12)));
