// The simulated battery: content in mJ, losses each way, limits that hold.

/** 1 mWh is 3600 mJ (mW x s). Contents and books are counted in mJ, so that a second is exact. */
export const MILLI_J_PER_MILLI_WH = 3600;

export type BatteryPlan = {
  readonly capacityWh: number;
  /** Largest power either way, W. */
  readonly powerW: number;
  /** Share that arrives on each way, percent. */
  readonly oneWayPct: number;
  readonly startPct: number;
  readonly lowestPct: number;
};

const capacityMilliJ = (plan: BatteryPlan): number => plan.capacityWh * 1000 * MILLI_J_PER_MILLI_WH;

export const startMilliJ = (plan: BatteryPlan): number => Math.round((capacityMilliJ(plan) * plan.startPct) / 100);

/** State of charge in tenths of a percent, as batteries show it. */
export const socPct = (plan: BatteryPlan, storedMilliJ: number): number => Math.round((1000 * storedMilliJ) / capacityMilliJ(plan)) / 10;

/** The part of a wish that the battery can do for one second, mW; positive discharges. */
export function possible(plan: BatteryPlan, storedMilliJ: number, wishMilliW: number): number {
  const most = plan.powerW * 1000;
  const releasable = Math.floor(((storedMilliJ - Math.ceil((capacityMilliJ(plan) * plan.lowestPct) / 100)) * plan.oneWayPct) / 100);
  const storable = Math.floor(((capacityMilliJ(plan) - storedMilliJ) * 100) / plan.oneWayPct);
  return Math.max(-most, -Math.max(0, storable), Math.min(most, Math.max(0, releasable), wishMilliW)) + 0;
}

/** Content after one second at that power, mJ. Losses are rounded against the battery. */
export function after(plan: BatteryPlan, storedMilliJ: number, milliW: number): number {
  return milliW >= 0
    ? storedMilliJ - Math.ceil((milliW * 100) / plan.oneWayPct)
    : storedMilliJ + Math.floor((-milliW * plan.oneWayPct) / 100);
}
