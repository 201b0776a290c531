// Health as a value: the same figures feed the page, MQTT, metrics and the checks.

import type {SinkHealth} from './sink.ts';

export type DeviceIdentity = {
  readonly profile: string;
  readonly unit: number;
  readonly manufacturer: string | null;
  readonly model: string | null;
  readonly serial: string | null;
  readonly firmware: string | null;
};

export type DeviceHealth = {
  readonly id: string;
  readonly link: string;
  readonly identity: DeviceIdentity;
  readonly state: 'starting' | 'good' | 'partial' | 'asleep' | 'lost';
  /** Wall time of the last change of state and of the last good poll. */
  readonly sinceMs: number;
  readonly lastGoodMs: number | null;
  readonly polls: number;
  readonly faults: Readonly<Record<string, number>>;
  readonly latencyMs: number | null;
  readonly lastFault: string | null;
  /** Point names the device offers. */
  readonly points: readonly string[];
};

export type Health = {
  readonly ok: boolean;
  /** What is wrong, for people; empty when ok. */
  readonly problems: readonly string[];
  readonly version: string;
  readonly startedMs: number;
  readonly uptimeS: number;
  readonly rssMb: number;
  readonly tick: {
    readonly seq: number;
    readonly everyMs: number;
    readonly lastMs: number;
    readonly lateMs: number;
    readonly missed: number;
  };
  readonly devices: readonly DeviceHealth[];
  readonly links: readonly {
    readonly name: string;
    readonly url: string;
    readonly state: string;
    readonly requests: number;
    readonly busLoad: number | null;
    readonly latencyMs: number | null;
    readonly lastError: string | null;
    /** Other programs that read through it, by address; null where it is not shared. */
    readonly clients: Readonly<Record<string, {readonly requests: number; readonly fromMemory: number}>> | null;
  }[];
  readonly sinks: readonly SinkHealth[];
  readonly store: Readonly<Record<string, number | string | boolean | null>> | null;
  readonly clock: {readonly trusted: boolean; readonly steps: number};
};
