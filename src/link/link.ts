// What a bus can do for the rest of the program: read registers. Function codes 3 and 4 only; nothing here can write.

import type {Fault} from '../core/reading.ts';

export type ReadRequest = {readonly fc: 3 | 4; readonly at: number; readonly words: number};

/** `monoMs` is the middle between request and answer, `tookMs` its round trip, both on the clock the link was given. */
export type ReadAnswer =
  | {readonly kind: 'words'; readonly words: readonly number[]; readonly monoMs: number; readonly tookMs: number}
  | {readonly kind: 'fault'; readonly fault: Fault; readonly monoMs: number; readonly tookMs: number};

export type ReadOptions = {
  /** The longest wait for an answer; where answers were seen, it follows their latency below this. Real milliseconds. */
  readonly timeoutMs?: number;
  /** Shortest pause since the previous request on this link, and when the unit differs from the previous one. Real milliseconds. */
  readonly minGapMs?: number;
  readonly unitPauseMs?: number;
  readonly connectDelayMs?: number;
  /** 'probe' requests (dead or new devices) yield to 'poll' ones, those of other programs to both. */
  readonly priority?: 'poll' | 'probe' | 'guest';
  /** Which of the guests asks: they take turns. */
  readonly client?: string;
};

export type LinkHealth = {
  readonly name: string;
  readonly url: string;
  readonly state: 'connected' | 'connecting' | 'disconnected' | 'idle';
  readonly requests: number;
  readonly faults: Readonly<Record<string, number>>;
  /** Typical round trip and share of the time the bus was busy since the start. */
  readonly latencyMs: number | null;
  readonly busLoad: number | null;
  readonly lastError: string | null;
};

/** One physical bus or host:port. One request is in flight at a time, whoever asks. */
export interface Link {
  readonly name: string;
  /** Never rejects: what goes wrong is a fault. An aborted signal gives `disconnected`. */
  read(unit: number, request: ReadRequest, signal: AbortSignal, options?: ReadOptions): Promise<ReadAnswer>;
  health(): LinkHealth;
  close(): Promise<void>;
}
