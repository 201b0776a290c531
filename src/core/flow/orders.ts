// Who serves first and who is served first: default orders, and what the configuration puts before them.

/** What the configuration puts in front. */
export type Orders = {readonly sources: readonly string[]; readonly sinks: readonly string[]};

const inFront = (first: readonly string[], rest: readonly string[]): string[] => [...new Set([...first, ...rest])];

/** Sources in serving order; `first` are the ids that the configuration puts in front. */
export const sourceOrder = (batteries: readonly string[], first: readonly string[] = []): string[] =>
  inFront(first, ['solar', 'wind', ...batteries, 'generator', 'grid', 'unexplained']);

/** Sinks in the order in which they are served. `batteriesFirst` is the policy that charges before it feeds the home. */
export const sinkOrder = (
  loads: readonly string[],
  batteries: readonly string[],
  hybrids: readonly string[] = ['hybrid'],
  first: readonly string[] = [],
  batteriesFirst = false,
): string[] =>
  inFront(
    first,
    batteriesFirst
      ? [...batteries, 'home', 'standby', ...loads, ...hybrids, 'grid', 'unexplained']
      : ['home', 'standby', ...loads, ...batteries, ...hybrids, 'grid', 'unexplained'],
  );
