// Whose turn it is on a bus: our polls, then our probes, then guests, each client as often as the others.

import type {ReadOptions} from './link.ts';

type Waiting = {readonly asked: ReadOptions; readonly run: () => Promise<void>; readonly cancel: () => void};
type Turns = {
  add(one: Waiting): void;
  waiting(): number;
  onlyGuests(): boolean;
  next(): Waiting | undefined;
  cancel(): void;
};

/** Where our own requests leave no gap, every tenth is a guest's. */
const GUEST_EVERY = 10;
/** Clients whose turns are remembered. */
const MOST_CLIENTS = 256;

export function createTurns(): Turns {
  const polls: Waiting[] = [];
  const probes: Waiting[] = [];
  const guests: Waiting[] = [];
  const lastTurn = new Map<string, number>();
  let turn = 0;
  let ownInARow = 0;

  /** Whoever was served longest ago, however many connections a client has. */
  function takeGuest(): Waiting | undefined {
    const turnOf = (one: Waiting): number => lastTurn.get(one.asked.client ?? '') ?? -1;
    const longest = Math.min(...guests.map(turnOf));
    const index = guests.findIndex(one => turnOf(one) === longest);
    const [guest] = guests.splice(index, 1);
    if (guest) {
      lastTurn.delete(guest.asked.client ?? '');
      lastTurn.set(guest.asked.client ?? '', ++turn);
      for (const client of lastTurn.keys()) if (lastTurn.size > MOST_CLIENTS) lastTurn.delete(client);
    }
    return guest;
  }

  return {
    add(one) {
      (one.asked.priority === 'guest' ? guests : one.asked.priority === 'probe' ? probes : polls).push(one);
    },
    waiting: () => polls.length + probes.length + guests.length,
    onlyGuests: () => polls.length + probes.length === 0,
    next() {
      const own = guests.length > 0 && ownInARow >= GUEST_EVERY ? undefined : (polls.shift() ?? probes.shift());
      ownInARow = own ? ownInARow + 1 : 0;
      return own ?? takeGuest();
    },
    cancel() {
      for (const one of [polls, probes, guests].flatMap(list => list.splice(0))) one.cancel();
    },
  };
}
