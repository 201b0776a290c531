// What hangs where in a house, and what its meters say at one instant.

import type {Amounts} from './model.ts';

type GenerationKind = 'solar' | 'wind' | 'generator';
/** What hangs where. Ids are those of rows and columns; a device of generation adds to the row of its kind. */
export type Topology = {
  readonly generation: readonly {readonly id: string; readonly kind: GenerationKind}[];
  /** Batteries on the AC bus. */
  readonly batteries: readonly string[];
  readonly hybrids: readonly {readonly id: string; readonly pv: readonly string[]; readonly batteries: readonly string[]}[];
  readonly loads: readonly string[];
  readonly netting: 'net' | 'per-phase';
  /** `load`: the grid meter's place is at the house; its value is the whole house and the grid is derived. */
  readonly homeMeter: boolean;
  /** Loads above the second meter; the one without a reading is derived. */
  readonly cascade: {readonly loads: readonly string[]} | null;
};

/** mW, signed into the AC bus (`hybrids.*.ac` + towards the house; loads and home as magnitudes). Absent = no such reading. */
export type InstantValues = {
  readonly generation: Amounts;
  readonly batteries: Amounts;
  readonly hybrids: Readonly<Record<string, {readonly pv: Amounts; readonly batteries: Amounts; readonly ac: number}>>;
  readonly loads: Amounts;
  readonly grid: number | null;
  readonly gridPhases: readonly number[] | null;
  readonly gridOn: boolean;
  readonly home: number | null;
  readonly cascade: number | null;
};
