// Words off the wire to numbers and back. Sentinels become "absent"; nothing here guesses.

import type {Field, RegisterType} from './profile.ts';

export type Decoded =
  | {readonly kind: 'number'; readonly value: number}
  | {readonly kind: 'text'; readonly value: string}
  | {readonly kind: 'absent'};
const ABSENT: Decoded = {kind: 'absent'};

/** Registers of a number of each type. */
export const REGISTERS: Readonly<Record<Exclude<RegisterType, 'text'>, number>> = {
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

/** Raw values that mean "not implemented". Floats and accumulators have their own: NaN, and zero or all ones. */
export const NOT_IMPLEMENTED: Readonly<Partial<Record<RegisterType, bigint>>> = {
  u16: 0xffffn,
  s16: 0x8000n,
  u32: 0xffff_ffffn,
  s32: 0x8000_0000n,
  u64: 0xffff_ffff_ffff_ffffn,
  s64: 0x8000_0000_0000_0000n,
};

/** All registers a field needs, scale factor not included: runs of adjacent addresses. */
export function fieldSpans(field: Field): readonly {readonly at: number; readonly words: number}[] {
  if (!field.wordsAt) return [{at: field.at, words: field.words}];
  const sorted = [...field.wordsAt].sort((a, b) => a - b);
  const spans: {at: number; words: number}[] = [];
  for (const at of sorted) {
    const last = spans.at(-1);
    if (last && last.at + last.words === at) last.words++;
    else spans.push({at, words: 1});
  }
  return spans;
}

/** Address of the scale factor's register, or null. */
export const exponentAt = (field: Field): number | null => (field.scale.kind === 'exponentAt' ? field.scale.at : null);

/**
 * The value of a field. `word(address)` gives 16-bit words, undefined where one was not read (then the value is absent).
 * Never throws. Source for the layout: Modbus Application Protocol V1.1b3, section 4.2 (a register is big-endian).
 */
export function decode(field: Field, word: (address: number) => number | undefined): Decoded {
  const words = wordsOf(field, word);
  if (!words) return ABSENT;
  if (field.type === 'text') return decodeText(words);
  const raw = join(words);
  if (field.absent.includes(raw)) return ABSENT;
  const number = interpret(field, raw);
  if (number === null || !Number.isFinite(number)) return ABSENT;
  const scale = scaleOf(field, word);
  if (scale === null) return ABSENT;
  const scaled = scale.divisor === 1 ? number * scale.factor : number / scale.divisor;
  const value = tidy(scaled + field.offset, scale.factor / scale.divisor);
  if (!Number.isFinite(value)) return ABSENT;
  return {kind: 'number', value: field.invert ? -value + 0 : value};
}

/** Raw unsigned value, before sentinels, sign and scale; null where words are missing. */
export function decodeRaw(field: Field, word: (address: number) => number | undefined): bigint | null {
  const words = wordsOf(field, word);
  if (!words) return null;
  return packed(field, join(words));
}

/** The field's own bits of a packed register. */
const packed = ({bits}: Field, raw: bigint): bigint => (bits ? (raw >> BigInt(bits.from)) & ((1n << BigInt(bits.count)) - 1n) : raw);

/** Words most significant first, or null where one is missing. */
function wordsOf(field: Field, word: (address: number) => number | undefined): number[] | null {
  const addresses = field.wordsAt ?? Array.from({length: field.words}, (_, i) => field.at + i);
  const words: number[] = [];
  for (const address of addresses) {
    const one = word(address);
    if (one === undefined) return null;
    words.push(field.swapBytes ? ((one & 0xff) << 8) | (one >> 8) : one);
  }
  return !field.wordsAt && field.wordOrder === 'low-first' && field.type !== 'text' ? words.reverse() : words;
}

const join = (words: readonly number[]): bigint => words.reduce((value, word) => (value << 16n) | BigInt(word), 0n);

function decodeText(words: readonly number[]): Decoded {
  let text = '';
  for (const word of words) {
    for (const byte of [word >> 8, word & 0xff]) {
      if (byte === 0) return text.trim() === '' ? ABSENT : {kind: 'text', value: text.trim()};
      text += byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : ' ';
    }
  }
  text = text.trim();
  return text === '' ? ABSENT : {kind: 'text', value: text};
}

function interpret(field: Field, raw: bigint): number | null {
  if (field.bits) return Number(packed(field, raw));
  switch (field.type) {
    case 'u16':
    case 'u32':
    case 'u64':
      return Number(raw);
    case 's16':
      return Number(BigInt.asIntN(16, raw));
    case 's32':
      return Number(BigInt.asIntN(32, raw));
    case 's64':
      return Number(BigInt.asIntN(64, raw));
    case 'acc32':
    case 'acc64':
      return raw === 0n || raw === (1n << BigInt(16 * field.words)) - 1n ? null : Number(raw);
    case 'f32':
      return float32(Number(raw));
    case 'f64':
      return float64(raw);
    case 'text':
      return null;
  }
}

const scratch = new DataView(new ArrayBuffer(8));

/** The shortest decimal that is this single: a meter's 230.1 is 230.1, not 230.10000610351562. */
function float32(raw: number): number | null {
  scratch.setUint32(0, raw);
  const value = scratch.getFloat32(0);
  if (!Number.isFinite(value)) return null;
  for (let digits = 6; digits < 9; digits++) {
    const short = Number(value.toPrecision(digits));
    if (Math.fround(short) === value) return short;
  }
  return Number(value.toPrecision(9));
}

function float64(raw: bigint): number | null {
  scratch.setBigUint64(0, raw);
  const value = scratch.getFloat64(0);
  return Number.isFinite(value) ? value : null;
}

/** Powers of ten below one are divisors, so that 2391 with an exponent of -1 is 239.1. Null where the exponent is absent or absurd. */
function scaleOf(field: Field, word: (address: number) => number | undefined): {factor: number; divisor: number} | null {
  if (field.scale.kind === 'factor') {
    const by = field.scale.by;
    const inverse = Math.round(1 / by);
    return Math.abs(by) < 1 && by > 0 && 1 / inverse === by ? {factor: 1, divisor: inverse} : {factor: by, divisor: 1};
  }
  const raw = word(field.scale.at);
  if (raw === undefined || raw === 0x8000) return null;
  const exponent = raw >= 0x8000 ? raw - 0x10000 : raw;
  if (exponent < -10 || exponent > 10) return null;
  return exponent < 0 ? {factor: 1, divisor: 10 ** -exponent} : {factor: 10 ** exponent, divisor: 1};
}

/** Takes the noise of binary fractions off: a register of 0.1 V has no ninth digit. */
function tidy(value: number, step: number): number {
  if (Number.isInteger(value) || step === 1) return value;
  return Number(value.toPrecision(12));
}

/**
 * The inverse of decode: words by address for a value in the unit of the point. `null` gives the field's first sentinel (zeros for a text).
 * The scale factor's register is not written: pass the exponent that stands there. Out of range is clamped to the type.
 */
export function encode(field: Field, value: number | string | null, exponent = 0): ReadonlyMap<number, number> {
  const words = new Map<number, number>();
  if (field.type === 'text') {
    const text = String(value ?? '').padEnd(field.words * 2, '\0');
    for (let i = 0; i < field.words; i++) words.set(field.at + i, (text.charCodeAt(2 * i) << 8) | text.charCodeAt(2 * i + 1));
    return words;
  }
  const raw = value === null ? (field.absent[0] ?? 0n) : rawOf(field, Number(value), exponent);
  const count = field.wordsAt?.length ?? field.words;
  for (let i = 0; i < count; i++) {
    let word = Number((raw >> BigInt(16 * (count - 1 - i))) & 0xffffn);
    if (field.swapBytes) word = ((word & 0xff) << 8) | (word >> 8);
    const address = field.wordsAt ? (field.wordsAt[i] as number) : field.at + (field.wordOrder === 'low-first' ? count - 1 - i : i);
    words.set(address, word);
  }
  return words;
}

const RANGE: Readonly<Record<string, readonly [bigint, bigint]>> = {
  u16: [0n, 0xffffn],
  s16: [-0x8000n, 0x7fffn],
  u32: [0n, 0xffff_ffffn],
  acc32: [0n, 0xffff_ffffn],
  s32: [-0x8000_0000n, 0x7fff_ffffn],
  u64: [0n, (1n << 64n) - 1n],
  acc64: [0n, (1n << 64n) - 1n],
  s64: [-(1n << 63n), (1n << 63n) - 1n],
};

function rawOf(field: Field, value: number, exponent: number): bigint {
  const signed = field.invert ? -value : value;
  const factor = field.scale.kind === 'factor' ? field.scale.by : 10 ** exponent;
  const number = (signed - field.offset) / factor;
  if (field.type === 'f32') {
    scratch.setFloat32(0, number);
    return BigInt(scratch.getUint32(0));
  }
  if (field.type === 'f64') {
    scratch.setFloat64(0, number);
    return scratch.getBigUint64(0);
  }
  const [low, high] = RANGE[field.type] ?? [0n, 0xffffn];
  let integer = BigInt(Math.round(number));
  if (integer < low) integer = low;
  if (integer > high) integer = high;
  const bits = BigInt(16 * (field.wordsAt?.length ?? field.words));
  const raw = BigInt.asUintN(Number(bits), integer);
  return field.bits ? (raw & ((1n << BigInt(field.bits.count)) - 1n)) << BigInt(field.bits.from) : raw;
}
