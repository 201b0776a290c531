// Points of a block that stands elsewhere on some devices: the same registers, so many addresses further.

import type {Field, PointDef, PointSource} from '../core/profile.ts';

/** The point with all its registers moved, scale factors and flags included. */
export const moved = (point: PointDef, by: number): PointDef => (by === 0 ? point : {...point, source: sourceMoved(point.source, by)});

function sourceMoved(source: PointSource, by: number): PointSource {
  const all = (fields: readonly Field[]): Field[] => fields.map(field => fieldMoved(field, by));
  switch (source.kind) {
    case 'field':
      return {...source, field: fieldMoved(source.field, by)};
    case 'sum':
      return {...source, fields: all(source.fields)};
    case 'difference':
      return {...source, plus: all(source.plus), minus: all(source.minus)};
    case 'flagged':
      return {...source, magnitude: fieldMoved(source.magnitude, by), flag: fieldMoved(source.flag, by)};
    case 'product':
      return {...source, fields: [fieldMoved(source.fields[0], by), fieldMoved(source.fields[1], by)]};
    case 'first':
    case 'total':
      return {...source, of: source.of.map(one => sourceMoved(one, by))};
  }
}

const fieldMoved = (field: Field, by: number): Field => ({
  ...field,
  at: field.at + by,
  wordsAt: field.wordsAt === null ? null : field.wordsAt.map(at => at + by),
  scale: field.scale.kind === 'exponentAt' ? {kind: 'exponentAt', at: field.scale.at + by} : field.scale,
});
