// The table of SunSpec models, loaded once.

import {readFileSync} from 'node:fs';
import path from 'node:path';
import {z} from 'zod';
import {parseYaml, validate} from './document.ts';
import {dataFolder} from './folder.ts';

const type = z.enum(['u16', 's16', 'u32', 's32', 'u64', 'f32', 'acc32', 'acc64', 'text8', 'text16']);
const points = z.record(z.string(), z.union([z.tuple([z.int(), type]), z.tuple([z.int(), type, z.int()])]));
const model = z.strictObject({
  name: z.string(),
  points,
  repeat: z.strictObject({from: z.int(), length: z.int(), count: z.int(), points}).optional(),
});
export type ModelPoint = {readonly offset: number; readonly type: z.infer<typeof type>; readonly exponent: number | null};
export type Model = {
  /** For people: `inverter`, `strings`. */
  readonly name: string;
  readonly points: Readonly<Record<string, ModelPoint>>;
  readonly repeat: {
    readonly from: number;
    readonly length: number;
    readonly count: number;
    readonly points: Readonly<Record<string, ModelPoint>>;
  } | null;
};

let models: ReadonlyMap<number, Model> | undefined;

/** Models by id; offsets count from the id word. */
export function sunspecModels(): ReadonlyMap<number, Model> {
  if (!models) {
    const file = path.join(dataFolder('sunspec'), 'models.yaml');
    const table = validate(z.record(z.string(), model), parseYaml(readFileSync(file, 'utf8'), file));
    const named = (raw: z.infer<typeof points>): Record<string, ModelPoint> =>
      Object.fromEntries(
        Object.entries(raw).map(([name, [offset, kind, exponent]]) => [name, {offset, type: kind, exponent: exponent ?? null}]),
      );
    models = new Map(
      Object.entries(table).map(([id, one]) => [
        Number(id),
        {name: one.name, points: named(one.points), repeat: one.repeat ? {...one.repeat, points: named(one.repeat.points)} : null},
      ]),
    );
  }
  return models;
}
