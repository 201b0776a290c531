// Whether the powers of a house add up at one moment, and whose sign would mend it. Pure.

/** One power, positive into the house's AC bus. */
export type Flow = {readonly name: string; readonly watts: number};

/** Below this a contradiction is noise of readings at different moments, W. */
const NOISE_W = 100;

/** What is left for the house, and where that is negative: those of which each alone, turned around, would make it add up. */
export function balanceOf(flows: readonly Flow[]): {readonly homeW: number; readonly suspects: readonly string[]} {
  const homeW = flows.reduce((sum, flow) => sum + flow.watts, 0);
  const suspects = homeW > -NOISE_W ? [] : flows.filter(flow => homeW - 2 * flow.watts >= 0).map(flow => flow.name);
  return {homeW, suspects};
}
