// Asks every link at once, the grid meter's device first on its own, and leaves at a deadline. A busy link is skipped, never queued behind itself.

import type {Reading} from '../core/reading.ts';
import type {Clock} from '../core/time.ts';

/** What polling needs of a device. */
export type Polled = {
  readonly id: string;
  readonly linkName: string;
  /** Asked on each tick unless a slower pace is set, ms. */
  readonly everyMs: number;
  poll(monoMs: number, signal: AbortSignal): Promise<readonly Reading[]>;
};

export type Poller = {
  /** One sweep: what arrived since the last call, back by the deadline. Never rejects. */
  sweep(dueMonoMs: number, deadlineMonoMs: number, signal: AbortSignal): Promise<readonly Reading[]>;
  /** Waits for what is under way. */
  idle(): Promise<void>;
  /** Sweeps a link had to skip because it was still busy. */
  skipped(): number;
};

/** A device on a shared link is slow when its sweep takes this many times its neighbours' and the link cannot keep the beat. */
const SLOW = 5;
/** It is then asked so seldom that it takes this part of the bus. */
const SHARE = 10;

/** `first` is the device of the grid meter: its instants are the house's instants, so nothing may stand before it on its link. */
export function createPoller(devices: readonly Polled[], first: string | null, clock: Clock, onBug: (error: unknown) => void): Poller {
  const links = new Map<string, Polled[]>();
  for (const device of [...devices].sort((a, b) => Number(b.id === first) - Number(a.id === first))) {
    links.set(device.linkName, [...(links.get(device.linkName) ?? []), device]);
  }
  const busy = new Map<string, Promise<void>>();
  const dueAt = new Map<string, number>();
  const tookMs = new Map<string, number>();
  let arrived: Reading[] = [];
  let skipped = 0;

  async function ask(link: string, members: readonly Polled[], dueMonoMs: number, signal: AbortSignal): Promise<void> {
    try {
      for (const device of members) {
        if (signal.aborted) return;
        // Three quarters: beats are not exact, and a device at the pace of the ticks is asked on each. The first one is off the beat.
        const beat = device.everyMs > 0 ? Math.round(dueMonoMs / device.everyMs) : 0;
        dueAt.set(device.id, (beat + 0.75) * device.everyMs);
        const beganMs = clock.monoMs();
        arrived.push(...(await device.poll(dueMonoMs, signal)));
        tookMs.set(device.id, clock.monoMs() - beganMs);
        if (device.id !== first && isSlow(device.id, links.get(link) ?? []))
          dueAt.set(device.id, Math.max(dueAt.get(device.id) ?? 0, clock.monoMs() + SHARE * (tookMs.get(device.id) ?? 0)));
      }
    } catch (error) {
      onBug(error); // a device reports faults as data; what it throws is a fault of the program
    } finally {
      busy.delete(link);
    }
  }

  /** One that answers late may not keep its neighbours from their beat. */
  function isSlow(id: string, members: readonly Polled[]): boolean {
    const own = tookMs.get(id) ?? 0;
    const others = members
      .filter(member => member.id !== id)
      .map(member => tookMs.get(member.id) ?? 0)
      // One that is silent, or was not asked yet, has nothing to lose.
      .filter(ms => ms >= 1)
      .sort((a, b) => a - b);
    const beatMs = Math.min(...members.filter(member => member.id !== id && member.everyMs > 0).map(member => member.everyMs));
    const middle = others[Math.floor((others.length - 1) / 2)];
    return middle !== undefined && own > SLOW * middle && own + others.reduce((sum, ms) => sum + ms, 0) > beatMs;
  }

  return {
    async sweep(dueMonoMs, deadlineMonoMs, signal) {
      for (const [link, members] of links) {
        const due = members.filter(device => dueMonoMs >= (dueAt.get(device.id) ?? -Infinity));
        if (busy.has(link)) skipped++;
        else if (due.length > 0) busy.set(link, ask(link, due, dueMonoMs, signal));
      }
      const deadline = new AbortController();
      await Promise.race([
        Promise.all(busy.values()),
        clock.sleepUntilMono(deadlineMonoMs, AbortSignal.any([signal, deadline.signal])).catch(() => {}),
      ]);
      deadline.abort();
      const readings = arrived;
      arrived = [];
      return readings;
    },
    idle: async () => void (await Promise.all(busy.values())),
    skipped: () => skipped,
  };
}
