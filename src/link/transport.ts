// What a wire with its framing does for the queue above it: one exchange at a time, and a clean slate after anything went wrong.

import type {ReadRequest} from './link.ts';
import type {PduAnswer} from './pdu.ts';

export interface Transport {
  /** One request and its answer within `timeoutMs` of real time, connecting first where needed. Never rejects; calls never overlap. */
  exchange(unit: number, request: ReadRequest, timeoutMs: number, connectDelayMs: number, signal: AbortSignal): Promise<PduAnswer>;
  readonly connected: boolean;
  /** What seems wrong with the wire itself, for people; null while all is well. */
  suspicion(): string | null;
  close(): Promise<void>;
}
