// Who plays which part in the house: the `map:` and `flows:` of the configuration, resolved against the devices' points.

/** A device, or one part of it: `{device: 'sungrow', part: 'battery'}`. `part` carries an instance number where there is one: `battery2`. */
type PartRef = {readonly device: string; readonly part: string};

/** One channel of the flow picture and the points that feed it. Power points are signed as their names say (into the AC bus). */
export type ChannelRef = PartRef & {
  /** Name of the channel's row or column: the load's, battery's or device's id of the configuration. */
  readonly id: string;
  /** Side on which the power is measured. */
  readonly side: 'ac' | 'dc';
  /** Points the device offers for this part, by quantity name with phase: `power_w`, `power_l1_w`, `import_energy_wh`. */
  readonly points: readonly string[];
};

export type Site = {
  readonly id: string;
  readonly name: string;
  /** IANA zone; days are local days of this zone. */
  readonly timezone: string;
  readonly currency: string;
  readonly pollEveryMs: number;
  readonly map: SiteMap;
  readonly flows: FlowSettings;
};

export type SiteMap = {
  /** `at: 'load'`: the meter sits at the house, and the grid is derived. `state`: a point that says whether the grid is there. */
  readonly grid: {
    readonly meter: ChannelRef;
    readonly at: 'grid' | 'load';
    readonly state: {readonly device: string; readonly point: string} | null;
    readonly energyNetting: 'net' | 'per-phase' | 'unknown';
  } | null;
  readonly hybrids: readonly {
    readonly id: string;
    readonly pv: readonly ChannelRef[];
    readonly battery: readonly ChannelRef[];
    readonly ac: ChannelRef;
  }[];
  readonly solar: readonly ChannelRef[];
  readonly wind: readonly ChannelRef[];
  readonly generator: readonly ChannelRef[];
  readonly batteries: readonly ChannelRef[];
  readonly loads: readonly ChannelRef[];
  readonly home: ChannelRef | null;
  /** A second meter below the grid meter: `loads` hang above it, the rest of the house below. */
  readonly cascade: {readonly meter: ChannelRef; readonly loads: readonly string[]} | null;
};

/** By which convention simultaneous sources are matched with sinks. */
export const POLICIES = ['solar-first', 'proportional', 'battery-first'] as const;
export type Policy = (typeof POLICIES)[number];
/** Which energy leaves a battery first. */
export const WITHDRAWALS = ['proportional', 'fifo', 'lifo', 'grid-first', 'solar-first'] as const;
export type Withdrawal = (typeof WITHDRAWALS)[number];

export type FlowSettings = {
  readonly policy: Policy;
  readonly netting: 'net' | 'per-phase';
  readonly withdrawal: Withdrawal;
  /** Ids that come first, in this order; all others follow in the default order. */
  readonly sourceOrder: readonly string[];
  readonly sinkOrder: readonly string[];
  /** Round-trip efficiency of batteries in parts per million. */
  readonly efficiencyPpm: number;
  /** Largest plausible magnitude per channel id, W; absent: 100 kW. */
  readonly limitsW: Readonly<Record<string, number>>;
  /** One standard deviation per channel id: the larger of `w` and `share` of the value; absent: defaults by kind of device. */
  readonly sigma: Readonly<Record<string, {readonly w: number; readonly share: number}>>;
  /** Age of a channel's registers when they are read, ms; learned nightly where not set. */
  readonly ageMs: Readonly<Record<string, number>>;
};
