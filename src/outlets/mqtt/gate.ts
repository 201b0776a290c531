// At most so many at one time; the others wait their turn, in order.

type Gate = {
  /** Resolves once there is room. */
  enter(): Promise<void>;
  leave(): void;
  /** Nobody waits any longer: what it guarded is gone. */
  open(): void;
};

export function createGate(most: number): Gate {
  let free = most;
  const waiting: (() => void)[] = [];
  return {
    async enter() {
      if (free <= 0)
        await new Promise<void>(resolve => {
          waiting.push(resolve);
        });
      else free--;
    },
    leave() {
      const next = waiting.shift();
      if (next) next();
      else free++;
    },
    open() {
      free = Number.POSITIVE_INFINITY;
      for (const go of waiting.splice(0)) go();
    },
  };
}
