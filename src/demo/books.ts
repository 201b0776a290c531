// The simulated house's own books: what truly flowed, second by second, from which source to which sink, in whole mJ.

/** Powers of one second, whole mW, never negative. A hybrid has its battery and its sun on the DC side. */
export type Flows = {
  readonly solar: number;
  readonly discharge: number;
  readonly charge: number;
  readonly gridImport: number;
  readonly gridExport: number;
  readonly home: number;
  readonly heatPump: number;
  /** Of a hybrid: what stays in the inverter, and its AC port in either direction. All zero without one. */
  readonly loss: number;
  readonly acOut: number;
  readonly acIn: number;
};

/** mJ per total and per cell since the house was built. Names are those of the daemon's own figures. */
export type Books = {readonly totals: Readonly<Record<Total, number>>; readonly cells: Readonly<Record<string, number>>};
export const TOTALS = ['grid_import', 'grid_export', 'solar', 'battery_charge', 'battery_discharge', 'home', 'heat_pump'] as const;
export type Total = (typeof TOTALS)[number];

export const emptyBooks = (): Books => ({
  totals: {grid_import: 0, grid_export: 0, solar: 0, battery_charge: 0, battery_discharge: 0, home: 0, heat_pump: 0},
  cells: {},
});

/** The books after one more second. */
export function book(books: Books, flows: Flows): Books {
  const {totals} = books;
  const cells = {...books.cells};
  for (const [name, milliW] of Object.entries(cellsOf(flows))) cells[name] = (cells[name] ?? 0) + milliW;
  return {
    totals: {
      grid_import: totals.grid_import + flows.gridImport,
      grid_export: totals.grid_export + flows.gridExport,
      solar: totals.solar + flows.solar,
      battery_charge: totals.battery_charge + flows.charge,
      battery_discharge: totals.battery_discharge + flows.discharge,
      home: totals.home + flows.home,
      heat_pump: totals.heat_pump + flows.heatPump,
    },
    cells,
  };
}

/** What happened between two readings of the books. */
export function difference(later: Books, earlier: Books): Books {
  const minus = <K extends string>(a: Readonly<Record<K, number>>, b: Readonly<Partial<Record<K, number>>>): Record<K, number> =>
    Object.fromEntries((Object.keys(a) as K[]).map(key => [key, a[key] - (b[key] ?? 0)])) as Record<K, number>;
  return {totals: minus(later.totals, earlier.totals), cells: minus(later.cells, earlier.cells)};
}

type Amounts = Record<string, number>;

/**
 * Solar first, worked out for itself and on purpose not with the daemon's code: the sun serves the house, then the heat pump, then the
 * battery, then the grid; the battery serves what is left, the grid the rest. Nothing goes from a thing into itself.
 */
export function cellsOf(flows: Flows): Readonly<Amounts> {
  const cells: Amounts = {};
  const add = (source: string, sink: string, milliW: number): void => {
    if (milliW > 0) cells[`${source}_to_${sink}`] = (cells[`${source}_to_${sink}`] ?? 0) + milliW;
  };
  const onDc: Amounts = {solar: flows.solar, battery: flows.discharge};
  const hybrid = flows.acOut > 0 || flows.acIn > 0 || flows.loss > 0;
  // What the hybrid's AC port gives, told by origin; an AC-coupled house has its sources on the bus themselves.
  const port = !hybrid ? onDc : flows.acIn > 0 ? {} : throughInverter(onDc, flows, add);

  const sources: Amounts = {...port, grid: flows.gridImport};
  const sinks: [string, number][] = [
    ['home', flows.home],
    ['heat_pump', flows.heatPump],
    ['battery', hybrid ? 0 : flows.charge],
    ['inverter', flows.acIn],
    ['grid', flows.gridExport],
  ];
  let intoInverter = 0;
  for (const [sink, wanted] of sinks) {
    let open = wanted;
    for (const source of ['solar', 'battery', 'grid']) {
      if (source === sink) continue;
      const given = Math.min(open, sources[source] ?? 0);
      sources[source] = (sources[source] ?? 0) - given;
      open -= given;
      if (sink === 'inverter') intoInverter += given;
      else add(source, sink, given);
    }
  }
  if (flows.acIn > 0) throughInverter({...onDc, grid: intoInverter}, flows, add);
  return cells;
}

/** The DC bus: losses come out of every inflow alike, then the battery is filled, the rest leaves by the AC port. Returns what leaves. */
function throughInverter(inflows: Amounts, flows: Flows, add: (source: string, sink: string, milliW: number) => void): Amounts {
  const total = Object.values(inflows).reduce((sum, one) => sum + one, 0);
  const rest: Amounts = {};
  let open = flows.loss;
  for (const [name, inflow] of Object.entries(inflows)) {
    const share = Math.floor((flows.loss * inflow) / Math.max(1, total));
    rest[name] = inflow - share;
    add(name, 'loss', share);
    open -= share;
  }
  let charging = flows.charge;
  for (const name of ['solar', 'battery', 'grid']) {
    // At most a milliwatt a source is left of the division.
    const rounding = Math.min(open, rest[name] ?? 0);
    const charge = name === 'battery' ? 0 : Math.min(charging, (rest[name] ?? 0) - rounding);
    add(name, 'loss', rounding);
    add(name, 'battery', charge);
    rest[name] = (rest[name] ?? 0) - rounding - charge;
    open -= rounding;
    charging -= charge;
  }
  return rest;
}
