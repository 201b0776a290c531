// What the file of a device profile means once loaded: fields with their defaults, points, variants.

import {NOT_IMPLEMENTED, REGISTERS} from '../core/codec.ts';
import {MOST_REGISTERS} from '../core/modbus.ts';
import {nearest} from '../core/nearest.ts';
import type {DeviceProfile, Field, FlagMatch, IdentifyRule, Limits, PointDef, PointSource, Variant} from '../core/profile.ts';
import {parsePoint, pointInfo, QUANTITIES, usualPace} from '../core/vocabulary.ts';
import {moved} from './moved.ts';
import type {FieldFile, LimitsFile, PointFile, ProfileFile, RuleFile, SourceFile} from './profile-schema.ts';

/** What is wrong with a checked file beyond its shape: the key path and the sentence. */
export class ProfileProblem extends Error {
  readonly path: readonly PropertyKey[];
  constructor(path: readonly PropertyKey[], message: string) {
    super(message);
    this.path = path;
  }
}

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
    setup: file.setup,
    notes: file.notes,
    driver: file.driver,
    limits: {maxRegisters: MOST_REGISTERS, maxGap: 0, barriers: [], forbidden: [], single: [], atomic: [], ...limitsOf(file.limits)},
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
    plausible: {},
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
    const words = type === 'text' ? (merged.words ?? 1) : (merged.words_at?.length ?? REGISTERS[type]);
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
      absent: (merged.absent ?? []).flatMap(raw => (raw === 'nan' ? (NOT_IMPLEMENTED[type] ?? []) : [BigInt(raw)])),
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
        if (!parsePoint(name)) {
          const near = nearest(quantity, Object.keys(QUANTITIES));
          throw new ProfileProblem(at, `"${name}" is no point name${near === null ? '' : `; did you mean "${part}.${near}"?`}`);
        }
        const {every, between, zero_if_absent, states, note, ...rest} = raw as PointFile;
        return {
          name,
          source: sourceOf(rest as SourceFile, at),
          unitKey: unitOf(rest as SourceFile, at) ?? defaults.unit ?? null,
          every: every ?? usualPace(name),
          between: between ?? pointInfo(name).plausible,
          ...(zero_if_absent ? {zeroIfAbsent: true} : {}),
          words: states ?? null,
          note: note ?? null,
        };
      }),
    );

  const ruleOf = (raw: RuleFile, path: readonly PropertyKey[]): IdentifyRule => {
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

const limitsOf = (raw: LimitsFile): Partial<Limits> => ({
  ...(raw.max_registers === undefined ? {} : {maxRegisters: raw.max_registers}),
  ...(raw.max_gap === undefined ? {} : {maxGap: raw.max_gap}),
  ...(raw.barriers === undefined ? {} : {barriers: raw.barriers}),
  ...(raw.forbidden === undefined ? {} : {forbidden: raw.forbidden}),
  ...(raw.single === undefined ? {} : {single: raw.single}),
  ...(raw.atomic === undefined ? {} : {atomic: raw.atomic}),
});

const partsIn = (all: ProfileFile['parts'], names: Readonly<Record<string, number>>): ProfileFile['parts'] =>
  Object.fromEntries(Object.entries(all).filter(([part]) => part in names));

/** A member with the sign of the form around it. */
const turned = <T extends FieldFile>(raw: T, invert: boolean | undefined): T => (invert ? {...raw, invert: !(raw.invert ?? false)} : raw);

type Defined<T> = {[K in keyof T]: Exclude<T[K], undefined>};
const defined = <T extends object>(raw: T): Defined<T> =>
  Object.fromEntries(Object.entries(raw).filter(([, value]) => value !== undefined)) as Defined<T>;
