// The thread that answers questions: the first one starts it, and when nobody has asked for a while it leaves. It holds 10 MB.

import {type Peer, startThread} from './rpc.ts';
import type {WriterSettings} from './writer.ts';

const IDLE_MS = 60_000;

export type Asking = {
  /** Rejects with AppError STORE_UNUSABLE when the file cannot be read. */
  ask(name: string, args: readonly unknown[]): Promise<unknown>;
  /** The thread is sent away; one more question starts another. */
  leave(): void;
};

/** `dismiss` sees a thread off. `idleMs` is in real ms. */
export function createAsking(settings: Pick<WriterSettings, 'path'>, dismiss: (thread: Peer) => void, idleMs = IDLE_MS): Asking {
  let reader: Peer | null = null;
  let idle: NodeJS.Timeout | null = null;
  let open = 0;

  const rest = (after: (() => void) | null): void => {
    if (idle) clearTimeout(idle);
    idle = after && setTimeout(after, idleMs).unref();
  };
  function leave(): void {
    rest(null);
    if (reader) dismiss(reader);
    reader = null;
  }
  return {
    async ask(name, args) {
      rest(null);
      if (!reader?.alive) reader = startThread('reader', settings, () => {});
      open++;
      try {
        return await reader.call('ask', name, args);
      } finally {
        open--;
        if (open === 0 && reader) rest(leave);
      }
    },
    leave,
  };
}
