// Where the energy in a battery came from: a ledger that conserves per origin, losses included.

import type {Withdrawal} from '../site.ts';
import {floorDiv, plus, times} from './exact.ts';
import {ORIGINS, type Origin} from './model.ts';
import {largestRemainder} from './split.ts';

/** Charge energy not yet withdrawn, oldest lot first, mWh. */
type Lot = readonly [origin: Origin, energyMilliWh: number];
export type Pool = readonly Lot[];
export type ByOrigin = Readonly<Partial<Record<Origin, number>>>;

const LAST_RESORT: Readonly<Record<'grid-first' | 'solar-first', readonly Origin[]>> = {
  'grid-first': ['grid', 'unknown', 'generator', 'wind', 'solar'],
  'solar-first': ['solar', 'wind', 'generator', 'unknown', 'grid'],
};
const PPM = 1_000_000;

/** Energy per origin, in origin order, without zeros. */
export function byOrigin(pool: Pool): ByOrigin {
  const energies = ORIGINS.map(() => 0);
  for (const [origin, energy] of pool) {
    const index = ORIGINS.indexOf(origin);
    energies[index] = (energies[index] as number) + energy;
  }
  const sums: Partial<Record<Origin, number>> = {};
  ORIGINS.forEach((origin, index) => {
    const energy = energies[index] as number;
    if (energy > 0) sums[origin] = energy;
  });
  return sums;
}

/** What each battery holds by origin, mWh; empty pools are left out. */
export const storedByOrigin = (pools: Readonly<Record<string, Pool>> = {}): Readonly<Record<string, ByOrigin>> =>
  Object.fromEntries(
    Object.entries(pools)
      .filter(([, pool]) => pool.length > 0)
      .map(([id, pool]) => [id, byOrigin(pool)]),
  );

export const poolTotal = (pool: Pool): number => pool.reduce((sum, [, energy]) => sum + energy, 0);

/** One lot per origin, in origin order, as the newest. */
export function charge(pool: Pool, energy: ByOrigin): Pool {
  const lots = ORIGINS.flatMap(origin => ((energy[origin] ?? 0) > 0 ? [[origin, energy[origin] as number] as const] : []));
  return [...pool, ...lots];
}

type Discharge = {
  readonly pool: Pool;
  readonly delivered: ByOrigin;
  readonly loss: ByOrigin /** Delivered though the pool was empty: it came in as unknown. */;
  readonly fromNowhere: number;
};

/** Takes `energy` (mWh at the terminals) out: ceil(energy / eta) leaves the pool, the difference is loss of its origin. */
export function discharge(pool: Pool, energy: number, etaPpm: number, mode: Withdrawal): Discharge {
  const stored = poolTotal(pool);
  const wanted = Number(floorDiv(plus(times(energy, PPM), etaPpm - 1), etaPpm));
  const withdrawn = Math.min(wanted, stored);
  const known = wanted > stored ? Number(floorDiv(times(stored, etaPpm), PPM)) : energy;
  const taken = withdraw(pool, withdrawn, mode);
  const parts =
    withdrawn === 0
      ? ORIGINS.map(() => 0)
      : largestRemainder(
          known,
          ORIGINS.map(origin => taken.amounts[origin] ?? 0),
        );
  const delivered: Partial<Record<Origin, number>> = {};
  const loss: Partial<Record<Origin, number>> = {};
  ORIGINS.forEach((origin, index) => {
    const part = parts[index] as number;
    if (part > 0) delivered[origin] = part;
    const lost = (taken.amounts[origin] ?? 0) - part;
    if (lost > 0) loss[origin] = lost;
  });
  const fromNowhere = energy - known;
  if (fromNowhere > 0) delivered.unknown = (delivered.unknown ?? 0) + fromNowhere;
  return {pool: taken.pool, delivered, loss, fromNowhere};
}

function withdraw(pool: Pool, amount: number, mode: Withdrawal): {pool: Pool; amounts: ByOrigin} {
  if (amount === 0) return {pool, amounts: {}};
  switch (mode) {
    case 'fifo':
      return takeLots(pool, amount);
    case 'lifo': {
      const taken = takeLots(pool.toReversed(), amount);
      return {pool: taken.pool.toReversed(), amounts: taken.amounts};
    }
    case 'proportional': {
      const sums = byOrigin(pool);
      const parts = largestRemainder(
        amount,
        ORIGINS.map(origin => sums[origin] ?? 0),
      );
      return takeAmounts(pool, Object.fromEntries(ORIGINS.map((origin, index) => [origin, parts[index]])) as ByOrigin);
    }
    case 'grid-first':
    case 'solar-first': {
      const sums = byOrigin(pool);
      const amounts: Partial<Record<Origin, number>> = {};
      let left = amount;
      for (const origin of LAST_RESORT[mode]) {
        const part = Math.min(left, sums[origin] ?? 0);
        if (part > 0) amounts[origin] = part;
        left -= part;
      }
      return takeAmounts(pool, amounts);
    }
  }
}

/** Whole lots from the front, the last one in part. */
function takeLots(pool: Pool, amount: number): {pool: Pool; amounts: ByOrigin} {
  const amounts: Partial<Record<Origin, number>> = {};
  const rest: Lot[] = [];
  let left = amount;
  for (const [origin, energy] of pool) {
    const part = Math.min(left, energy);
    if (part > 0) amounts[origin] = (amounts[origin] ?? 0) + part;
    if (energy > part) rest.push([origin, energy - part]);
    left -= part;
  }
  return {pool: rest, amounts};
}

/** Given amounts per origin, each from its oldest lots. */
function takeAmounts(pool: Pool, amounts: ByOrigin): {pool: Pool; amounts: ByOrigin} {
  const left = {...amounts};
  const rest: Lot[] = [];
  for (const [origin, energy] of pool) {
    const part = Math.min(left[origin] ?? 0, energy);
    left[origin] = (left[origin] ?? 0) - part;
    if (energy > part) rest.push([origin, energy - part]);
  }
  return {pool: rest, amounts};
}

/** Sets the content to `target` (mWh of charge energy): a surplus is loss pro rata, a deficit is unknown. */
export function trueUp(pool: Pool, target: number): {pool: Pool; loss: ByOrigin} {
  const stored = poolTotal(pool);
  if (target >= stored) return {pool: target > stored ? [...pool, ['unknown', target - stored]] : pool, loss: {}};
  const sums = byOrigin(pool);
  const cut = largestRemainder(
    stored - target,
    ORIGINS.map(origin => sums[origin] ?? 0),
  );
  const loss: Partial<Record<Origin, number>> = {};
  const rest: Lot[] = [];
  ORIGINS.forEach((origin, index) => {
    const part = cut[index] as number;
    if (part > 0) loss[origin] = part;
    const left = (sums[origin] ?? 0) - part;
    if (left > 0) rest.push([origin, left]);
  });
  return {pool: rest, loss};
}

/** Joins the lots of a long pool where the order of withdrawal does not ask for them, so that it does not grow for years. */
export function compact(pool: Pool, mode: Withdrawal): Pool {
  if (mode !== 'fifo' && mode !== 'lifo') return charge([], byOrigin(pool));
  const joined: [Origin, number][] = [];
  for (const [origin, energy] of pool) {
    const last = joined.at(-1);
    if (last && last[0] === origin) last[1] += energy;
    else joined.push([origin, energy]);
  }
  return joined;
}
