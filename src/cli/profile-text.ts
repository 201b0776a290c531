// A profile's points and variants in words, for `profiles` and the pages of the devices.

import {exponentAt, fieldSpans} from '../core/codec.ts';
import {fieldsOf} from '../core/planner.ts';
import type {Field, PointDef, PointSource, Variant} from '../core/profile.ts';

/** Where and how: `3: 35105 u32 x 0.1`. The words between them say how several make one value. */
export function registersText(source: PointSource): string {
  const all = (fields: readonly Field[], between: string): string => fields.map(fieldText).join(between);
  switch (source.kind) {
    case 'field':
      return fieldText(source.field);
    case 'sum':
      return all(source.fields, ' + ');
    case 'difference':
      return [all(source.plus, ' + '), all(source.minus, ' − ')].filter(text => text !== '').join(' − ');
    case 'flagged':
      return `${fieldText(source.magnitude)}, direction by ${place(source.flag)}`;
    case 'product':
      return all(source.fields, ' × ');
    case 'first':
      return source.of.map(registersText).join(', else ');
    case 'total':
      return source.of.map(registersText).join(' + ');
  }
}

const place = (field: Field): string =>
  fieldSpans(field)
    .map(span => String(span.at))
    .join(' and ');

function fieldText(field: Field): string {
  const exponent = exponentAt(field);
  const scale =
    exponent !== null ? ` × 10^(${exponent})` : field.scale.kind === 'factor' && field.scale.by !== 1 ? ` × ${field.scale.by}` : '';
  const offset = field.offset === 0 ? '' : field.offset > 0 ? ` + ${field.offset}` : ` − ${-field.offset}`;
  const order = field.words > 1 && field.type !== 'text' && field.wordOrder === 'low-first' && !field.wordsAt ? ' low word first' : '';
  return `${field.fc}: ${place(field)} ${field.type}${order}${scale}${offset}`;
}

/** Sign, what is nothing, plausible range and note. */
export function remarks(point: PointDef): string {
  const turned = fieldsOf(point.source).some(field => field.invert);
  return [
    ...(turned ? ['turned'] : []),
    ...(point.zeroIfAbsent ? ['0 where the device says "not available"'] : []),
    ...(point.between ? [`${point.between[0]} to ${point.between[1]}`] : []),
    ...(point.note ? [point.note] : []),
  ].join('; ');
}

/** What a variant is for and what it changes; `code` marks names. */
export function variantText({name, when, points: changed, without, limits}: Variant, code: (text: string) => string): string {
  const condition =
    when.kind === 'option'
      ? `option ${code(when.option)} is ${code(String(when.value))}`
      : when.kind === 'answers'
        ? `register ${when.field.at} answers`
        : when.kind === 'equals'
          ? `register ${when.field.at} is ${when.values.join(' or ')}`
          : when.kind === 'between'
            ? `register ${when.field.at} is ${when.min} to ${when.max}`
            : `register ${when.field.at} matches ${when.pattern}`;
  const names = changed.length > 8 ? `${changed.length} points` : changed.map(point => code(point.name)).join(', ');
  return [
    `${name}, where ${condition}`,
    ...(changed.length > 0 ? [`: ${names}`] : []),
    ...(without.length > 0 ? [`; without ${without.map(code).join(', ')}`] : []),
    ...(limits.maxRegisters === undefined ? [] : [`; at most ${limits.maxRegisters} registers a request`]),
  ].join('');
}
