// Fields of a conformance case, checked. What breaks a precondition throws RangeError.

import {empty} from '../core/flow/cells.ts';
import {integer, objectOf} from '../core/flow/snapshot.ts';

export type Fields = Readonly<Record<string, unknown>>;

export const fail = (what: string): never => {
  throw new RangeError(what);
};
export const text = (value: unknown, name: string): string => (typeof value === 'string' ? value : fail(`${name}: expected a text`));
export const array = (value: unknown, name: string): readonly unknown[] =>
  Array.isArray(value) ? value : fail(`${name}: expected a list`);
export const items = (value: unknown, name: string): readonly Fields[] => array(value, name).map(one => objectOf(one, name));

export function pair(value: unknown, name: string): [number, number] {
  const list = array(value, name);
  if (list.length !== 2) throw new RangeError(`${name}: expected two numbers`);
  return [integer(list[0], name), integer(list[1], name)];
}

/** A record of these entries that inherits nothing, in their order. */
export function toRecord(entries: readonly (readonly [string, number])[]): Record<string, number> {
  const record = empty<number>();
  for (const [id, value] of entries) record[id] = value;
  return record;
}
