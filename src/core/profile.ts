// A device as data, once loaded: which registers hold which points, how they are encoded, and what the device tolerates.

type FunctionCode = 3 | 4;
export type RegisterType = 'u16' | 's16' | 'u32' | 's32' | 'u64' | 's64' | 'f32' | 'f64' | 'acc32' | 'acc64' | 'text';
export type PollClass = 'fast' | 'slow' | 'once';

/** Where the words of one raw value are, and how they make a number. */
export type Field = {
  readonly fc: FunctionCode;
  /** Zero-based address on the wire; for `words` the first of them. */
  readonly at: number;
  readonly type: RegisterType;
  /** Words of a text; for numbers it follows from the type. */
  readonly words: number;
  /** `low-first`: the least significant word has the lowest address. Bytes inside a word are always big-endian unless `swapBytes`. */
  readonly wordOrder: 'high-first' | 'low-first';
  readonly swapBytes: boolean;
  /** Addresses of the words, most significant first, where they are not adjacent (Deye 80 and 78). */
  readonly wordsAt: readonly number[] | null;
  /** Low bit and width inside the value, for packed registers. */
  readonly bits: {readonly from: number; readonly count: number} | null;
  /** value = raw x scale + offset, or raw x 10^exponent with the exponent in an s16 register of the same function code. */
  readonly scale: {readonly kind: 'factor'; readonly by: number} | {readonly kind: 'exponentAt'; readonly at: number};
  readonly offset: number;
  /** True where the device counts the other direction as positive than the point's name does. */
  readonly invert: boolean;
  /** Raw values (unsigned, before sign and scale) that mean "not available". */
  readonly absent: readonly bigint[];
};

/** How a point comes from fields. A closed set of named forms, not expressions (each has the device that forces it in docs/profiles.md). */
export type PointSource =
  | {readonly kind: 'field'; readonly field: Field}
  /** Sum of fields. A refused or unread member makes it missing; a member that says "no such string" is left out. */
  | {readonly kind: 'sum'; readonly fields: readonly Field[]}
  /** plus - minus, both unsigned magnitudes (import minus export, discharge minus charge). */
  | {readonly kind: 'difference'; readonly plus: readonly Field[]; readonly minus: readonly Field[]}
  /** A magnitude whose sign stands in another register: negative where `(flag & mask) == value` for one of `negativeWhen`, positive for `positiveWhen`;
   *  neither: the magnitude is taken as already signed (s16/s32) when `otherwise` is 'signed', as positive for 'positive', as missing for 'missing'. */
  | {
      readonly kind: 'flagged';
      readonly magnitude: Field;
      readonly flag: Field;
      readonly negativeWhen: readonly FlagMatch[];
      readonly positiveWhen: readonly FlagMatch[];
      readonly otherwise: 'signed' | 'positive' | 'missing';
    }
  /** Product of two fields (voltage x current). */
  | {readonly kind: 'product'; readonly fields: readonly [Field, Field]; readonly by: number}
  /** The first of the sources that has a value. */
  | {readonly kind: 'first'; readonly of: readonly PointSource[]}
  /** The sum of other sources, signs included (PV = DC + battery). Members count as those of a sum do. */
  | {readonly kind: 'total'; readonly of: readonly PointSource[]};
export type FlagMatch = {readonly mask: number; readonly value: number};

export type PointDef = {
  /** Point name, `grid.power_w`. */
  readonly name: string;
  readonly source: PointSource;
  /** Key of `units:` of the device (null: the device's own unit). */
  readonly unitKey: string | null;
  readonly every: PollClass;
  /** Plausible range in the unit of the name, inclusive; outside is `implausible`. */
  readonly between: readonly [number, number] | null;
  /** What the device calls "not available" is nothing: a sun that has set, a battery at rest. */
  readonly zeroIfAbsent?: true;
  /** For `state`: raw number to word. */
  readonly words: Readonly<Record<string, string>> | null;
  readonly note: string | null;
  /** The sign is turned around after all else: the configuration says that this part is mounted the other way round. */
  readonly turned?: true;
};

export type Limits = {
  readonly maxRegisters: number;
  /** Largest run of unmapped registers a request may read over. */
  readonly maxGap: number;
  /** A request may not cross from below to at-or-above one of these addresses. */
  readonly barriers: readonly number[];
  /** Inclusive address ranges never to be touched. */
  readonly forbidden: readonly (readonly [number, number])[];
  /** Addresses to be read alone, one register (or one point) a request. */
  readonly single: readonly number[];
  /** Inclusive address ranges whose wanted registers come in one request: they only make sense together. */
  readonly atomic: readonly (readonly [number, number])[];
};
export type Timing = {
  readonly connectDelayMs: number;
  readonly minGapMs: number;
  readonly unitPauseMs: number;
  readonly timeoutMs: number;
};

/** `manufacturer`, `model`, `serial`, `firmware` of a device: a constant text or a field. */
type IdentityDef = Readonly<Partial<Record<'manufacturer' | 'model' | 'serial' | 'firmware', string | Field>>>;

/** What holds on such a device: `scan` tries it, and a device that says otherwise is told about. */
export type IdentifyRule =
  | {readonly kind: 'equals'; readonly field: Field; readonly values: readonly (number | string)[]}
  | {readonly kind: 'between'; readonly field: Field; readonly min: number; readonly max: number}
  | {readonly kind: 'matches'; readonly field: Field; readonly pattern: string};

/** Replaces points or limits where a probe holds (firmware, a register's value, an option of the configuration). */
export type Variant = {
  readonly name: string;
  readonly when:
    | IdentifyRule
    | {readonly kind: 'option'; readonly option: string; readonly value: string | number | boolean}
    | {readonly kind: 'answers'; readonly field: Field};
  readonly points: readonly PointDef[];
  readonly without: readonly string[];
  /** Where the identity stands then, if elsewhere. */
  readonly identity: IdentityDef;
  readonly limits: Partial<Limits>;
};

export type DeviceProfile = {
  readonly id: string;
  readonly name: string;
  readonly manufacturer: string;
  /** Documents the addresses came from. */
  readonly source: readonly string[];
  /** How Modbus is switched on and where to plug in, for people. */
  readonly setup: readonly string[];
  readonly notes: readonly string[];
  /** 'fixed': the points below. 'sunspec': the device's own model list, walked at run time, plus the points below. */
  readonly driver: 'fixed' | 'sunspec';
  readonly limits: Limits;
  readonly timing: Timing;
  readonly defaults: {readonly unit: number; readonly port: number; readonly baud: number | null; readonly parity: 'none' | 'even' | 'odd'};
  readonly units: Readonly<Record<string, {readonly default: number; readonly label: string}>>;
  readonly options: Readonly<
    Record<
      string,
      {readonly default: string | number | boolean; readonly values: readonly (string | number | boolean)[]; readonly label: string}
    >
  >;
  readonly identity: IdentityDef;
  readonly identify: readonly IdentifyRule[];
  readonly points: readonly PointDef[];
  readonly variants: readonly Variant[];
  /** 'silent': may not answer at all in the dark, that is sleep and no fault. 'answers': always there. */
  readonly night: 'silent' | 'answers' | 'silent-pv-zero';
  /** On which side each power of a hybrid is measured. */
  readonly side: Readonly<Partial<Record<'pv' | 'battery' | 'inverter', 'ac' | 'dc'>>>;
  /** The owner's plausible ranges by point name, from the configuration; they go before the points' own. */
  readonly plausible: Readonly<Record<string, readonly [number, number]>>;
  /** A three-phase meter's energy registers: netted over the phases at each instant, or a sum of per-phase counters (must not anchor a netting site). */
  readonly energyNetting: 'net' | 'per-phase' | 'unknown';
  /** Parts that the configuration says are mounted the other way round; points found at run time follow. */
  readonly turned?: readonly string[];
};
