// What the reconciler costs a node, whether it conserves over a simulated year, and how far its cells are from the truth, beside what
// "latest value, clamp at zero" makes of the same readings. `FLOW_YEAR=1` runs the whole year of 15.8 million nodes; else a fiftieth.

import {setFlagsFromString} from 'node:v8';
import {runInNewContext} from 'node:vm';
import {advance, createFlow, type FlowInput, type FlowState, type FlowStep} from '../src/core/flow/advance.ts';
import {attribute} from '../src/core/flow/attribute.ts';
import {cellOf} from '../src/core/flow/cells.ts';
import {UNITS_PER_MWH} from '../src/core/flow/integrate.ts';
import type {FlowNode, Matrix, SlotRecord} from '../src/core/flow/model.ts';
import type {Reading} from '../src/core/reading.ts';
import type {ChannelRef, Site} from '../src/core/site.ts';
import {readingsAt, simulate, siteOf} from '../test/pipeline/house.ts';

const WALL = Date.UTC(2026, 0, 1);
const AIM_US = 20;
const line = (name: string, value: string, note = ''): void => console.log(`  ${name.padEnd(58)} ${value.padStart(14)}  ${note}`);
const ref = (device: string, part: string, id: string, ...points: string[]): ChannelRef => ({device, part, id, side: 'ac', points});

type Case = {readonly name: string; readonly site: Site; readonly readings: (t: number, monoMs: number) => Reading[]};

function cases(): Case[] {
  const base = siteOf({}, 2000);
  const good = (device: string, point: string, value: number, monoMs: number): Reading => ({
    device,
    point,
    measured: {kind: 'good', value, monoMs},
  });
  const wave = (t: number, n: number): number => Math.round(1500 + 1400 * Math.sin(t / (53 + n)));
  const grid: Case = {
    name: '1 device: a grid meter',
    site: {...base, map: {...base.map, solar: [], batteries: []}},
    readings: (t, ms) => [good('meter', 'meter.power_w', wave(t, 0), ms)],
  };
  const three: Case = {
    name: '3 devices: meter, inverter, AC battery',
    site: base,
    readings: (t, ms) => [
      good('meter', 'meter.power_w', wave(t, 0), ms),
      good('pv', 'inverter.power_w', wave(t, 1), ms + 700),
      good('bat', 'battery.power_w', wave(t, 2) - 1500, ms + 900),
    ],
  };
  const hybrid: Case = {
    name: '3 devices: meter, DC-coupled hybrid, heat pump',
    site: {
      ...base,
      map: {
        ...base.map,
        solar: [],
        batteries: [],
        hybrids: [
          {
            id: 'hy',
            pv: [ref('hy', 'pv', 'hy_pv', 'power_w')],
            battery: [ref('hy', 'battery', 'battery', 'power_w')],
            ac: ref('hy', 'inverter', 'hy_ac', 'power_w'),
          },
        ],
        loads: [ref('hp', 'load', 'heat_pump', 'power_w')],
      },
    },
    readings: (t, ms) => [
      good('meter', 'meter.power_w', wave(t, 0), ms),
      good('hy', 'pv.power_w', wave(t, 1), ms + 700),
      good('hy', 'battery.power_w', wave(t, 2) - 1500, ms + 700),
      good('hy', 'inverter.power_w', Math.round(0.97 * (wave(t, 1) + wave(t, 2) - 1500)), ms + 700),
      good('hp', 'load.power_w', Math.round(wave(t, 3) / 3), ms + 900),
    ],
  };
  const ten: Case = {
    name: '10 devices: meter, 3 inverters, 2 batteries, 4 loads',
    site: {
      ...base,
      map: {
        ...base.map,
        solar: [0, 1, 2].map(n => ref(`pv${n}`, 'inverter', `pv${n}`, 'power_w')),
        batteries: [0, 1].map(n => ref(`bat${n}`, 'battery', `bat${n}`, 'power_w')),
        loads: [0, 1, 2, 3].map(n => ref(`load${n}`, 'load', `load${n}`, 'power_w')),
      },
    },
    readings: (t, ms) => [
      good('meter', 'meter.power_w', wave(t, 0), ms),
      ...[0, 1, 2].map(n => good(`pv${n}`, 'inverter.power_w', wave(t, n), ms + 300 + 50 * n)),
      ...[0, 1].map(n => good(`bat${n}`, 'battery.power_w', wave(t, 5 + n) - 1500, ms + 500 + 50 * n)),
      ...[0, 1, 2, 3].map(n => good(`load${n}`, 'load.power_w', Math.round(wave(t, 9 + n) / 6), ms + 700 + 50 * n)),
    ],
  };
  const cascade: Case = {
    name: '4 devices: two meters one below the other, inverter, battery',
    site: {...base, map: {...base.map, cascade: {meter: ref('second', 'meter', 'cascade', 'power_w'), loads: ['heat_pump']}}},
    readings: (t, ms) => [...three.readings(t, ms), good('second', 'meter.power_w', Math.round(0.6 * wave(t, 0)), ms + 500)],
  };
  return [grid, three, hybrid, cascade, ten];
}

/** Beats of 2 s between two totals, and between two commits, as in the daemon with what it is configured to by default. */
const DAEMON = {totals: 5, commit: 30};
/** Beats that are only taken in and booked. */
const NODE_ALONE = {totals: Number.POSITIVE_INFINITY, commit: Number.POSITIVE_INFINITY};
type Pace = typeof DAEMON;

type Run = {
  readonly nodes: number;
  readonly us: number;
  /** Allocated a node, kB. */
  readonly allocatedKb: number;
  /** What the heap held more at the end than after a tenth of the way, MB. */
  readonly grownMb: number;
  /** Quarter hours whose cells are not their totals. */
  readonly wrong: number;
  /** Sources and sinks whose energy over the whole run is not what flowed through the nodes, to the mWh. */
  readonly lost: number;
};

/** So many beats are prepared, and then timed or looked at together. */
const BLOCK = 100;
/** In every so many blocks the heap is looked at instead of the clock. */
const LOOK_EVERY = 7;
setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;
const heapMb = (): number => {
  collect();
  return process.memoryUsage().heapUsed / 1e6;
};

function drive({site, readings}: Case, ticks: number, pace: Pace): Run {
  let state: FlowState = createFlow(site, 'bench');
  let [timed, spentMs, looked, allocated, nodes, wrong, earlyMb] = [0, 0, 0, 0, 0, 0, 0];
  const flowed = newAudit();
  const all = Array.from({length: 2000}, (_, n) => readings(2 * n, 0));
  for (let from = 0; from < ticks; from += BLOCK) {
    const inputs = Array.from({length: Math.min(BLOCK, ticks - from)}, (_, index): FlowInput => {
      const n = from + index;
      const monoMs = 1_000_000 + 2000 * n;
      const last = n === ticks - 1;
      return {
        tick: {seq: n, monoMs: monoMs + 950, wallMs: WALL + 2000 * n + 950},
        readings: later(all[n % all.length] as Reading[], monoMs),
        clockTrusted: true,
        flush: n % pace.commit === 0 || last,
        totals: n % pace.totals === 0,
      };
    });
    const steps: FlowStep[] = [];
    if ((from / BLOCK) % LOOK_EVERY === 0) {
      for (const input of inputs) {
        const before = process.memoryUsage().heapUsed;
        steps.push(advance(site, state, input));
        const grown = process.memoryUsage().heapUsed - before;
        // Where the collector has run in between nothing is known.
        if (grown >= 0) [looked, allocated] = [looked + 1, allocated + grown];
      }
    } else {
      const began = performance.now();
      for (const input of inputs) steps.push(advance(site, state, input));
      spentMs += performance.now() - began;
      timed += inputs.length;
    }
    for (const step of steps) {
      state = step.state;
      nodes += step.nodes.length;
      wrong += step.slots.filter(slot => !conserves(slot)).length;
      flowed.take(step);
    }
    if (from <= ticks / 10 && from + BLOCK > ticks / 10) earlyMb = heapMb();
  }
  return {
    nodes,
    us: (1000 * spentMs) / timed,
    allocatedKb: allocated / 1000 / looked,
    grownMb: heapMb() - earlyMb,
    wrong,
    lost: flowed.lost(),
  };
}

/** The same shapes again and again, at new times: making them is not what is measured. */
const later = (readings: readonly Reading[], byMs: number): Reading[] =>
  readings.map(({device, point, measured}) => ({
    device,
    point,
    measured: measured.kind === 'missing' ? measured : {...measured, monoMs: measured.monoMs + byMs},
  }));

/**
 * What each source gave and each sink took by the nodes, beside what the quarter hours say. Without counters both are the same to the mWh; the
 * home is what remains.
 */
function newAudit() {
  const units = new Map<string, number>();
  const flowed = new Map<string, number>();
  const booked = new Map<string, number>();
  const add = (to: Map<string, number>, key: string, amount: number): void => void to.set(key, (to.get(key) ?? 0) + amount);
  const flow = (key: string, more: number): void => {
    const sum = (units.get(key) ?? 0) + more;
    units.set(key, sum % UNITS_PER_MWH);
    add(flowed, key, Math.floor(sum / UNITS_PER_MWH));
  };
  const sides = (policy: string, source: string, sink: string): string[] => [
    `${policy}: from ${source}`,
    ...(sink === 'home' ? [] : [`${policy}: to ${sink}`]),
  ];
  const flowOf = (matrices: FlowNode['matrix'], ms: number): void => {
    for (const [policy, matrix] of Object.entries(matrices))
      for (const source in matrix)
        for (const sink in matrix[source]) for (const key of sides(policy, source, sink)) flow(key, (matrix[source][sink] as number) * ms);
  };
  const book = (slots: readonly SlotRecord[]): void => {
    for (const {cells} of slots)
      for (const [policy, list] of Object.entries(cells))
        for (const {source, sink, energyMilliWh} of list) for (const key of sides(policy, source, sink)) add(booked, key, energyMilliWh);
  };
  let before: FlowNode | null = null;
  let open: readonly SlotRecord[] = [];
  return {
    take({nodes, slots}: FlowStep): void {
      for (const now of nodes) {
        for (const one of before ? [before, now] : []) flowOf(one.matrix, now.monoMs - (before as FlowNode).monoMs);
        before = now;
      }
      book(slots.filter(slot => slot.closed));
      open = slots.filter(slot => !slot.closed);
    },
    /** After a last flush: the sides that do not agree. */
    lost(): number {
      book(open);
      return [...flowed].filter(([key, energy]) => energy !== (booked.get(key) ?? 0)).length;
    },
  };
}

/** Both policies share the same margins, and these are the totals. */
function conserves({cells, totals}: SlotRecord): boolean {
  const total = (name: string): number => totals.find(one => one.name === name)?.energyMilliWh ?? 0;
  return Object.values(cells).every(list => {
    const sum = (pick: (cell: (typeof list)[number]) => boolean): number =>
      (list ?? []).filter(pick).reduce((all, cell) => all + cell.energyMilliWh, 0);
    return (
      sum(cell => cell.source === 'grid') === total('grid_import') &&
      sum(cell => cell.sink === 'grid') === total('grid_export') &&
      sum(cell => cell.sink === 'home') === total('home')
    );
  });
}

const SOURCES = ['solar', 'battery', 'grid', 'unexplained'];
const SINKS = ['home', 'battery', 'grid', 'unexplained'];
type Powers = {readonly solarW: number; readonly batteryW: number; readonly gridW: number};

/** The policy at one moment, W to mW. `clamp`: what a system does that cuts a negative home off. */
function cellsOf({solarW, batteryW, gridW}: Powers, clamp: boolean): Matrix {
  const [solar, battery, grid] = [solarW, batteryW, gridW].map(w => Math.round(1000 * w)) as [number, number, number];
  const rows = {solar: Math.max(0, solar), battery: Math.max(0, battery), grid: Math.max(0, grid), unexplained: 0};
  const columns = {battery: Math.max(0, -battery), grid: Math.max(0, -grid), home: 0, unexplained: 0};
  const home = solar + battery + grid;
  if (home >= 0) columns.home = home;
  else if (clamp) rows.unexplained = -home;
  else columns.home = 0;
  return attribute(rows, columns, 'solar-first', SOURCES, SINKS);
}

/** Mean error of an hour over all cells, Wh, and of the home a day, Wh. */
function accuracy(
  pollS: number,
  skewMs: number,
  resolutionWh: number,
): {ours: number; latest: number; oursBias: number; latestBias: number} {
  const seconds = 86_400;
  const house = simulate(seconds + 120, 5);
  const site = siteOf({}, pollS * 1000);
  const later = Math.round(skewMs / 1000);
  const hours = Array.from({length: 24}, () => ({
    truth: {} as Record<string, number>,
    ours: {} as Record<string, number>,
    latest: {} as Record<string, number>,
  }));
  const add = (into: Record<string, number>, matrix: Matrix, factor: number): void => {
    for (const source of SOURCES)
      for (const sink of SINKS) into[`${source} ${sink}`] = (into[`${source} ${sink}`] ?? 0) + cellOf(matrix, source, sink) * factor;
  };
  for (let t = 0; t < seconds; t++) add(hours[Math.floor(t / 3600)]?.truth ?? {}, cellsOf(house.at[t] as Powers, true), 1 / 3600);
  let state = createFlow(site, 'bench');
  const slots = new Map<number, SlotRecord>();
  let lastCounters = Number.NEGATIVE_INFINITY;
  for (let t = 0; t <= seconds; t += pollS) {
    const counters = t - lastCounters >= 60 || Math.floor(t / 900) !== Math.floor(lastCounters / 900);
    if (counters) lastCounters = t;
    const monoMs = 1_000_000 + 1000 * t;
    const readings = readingsAt(house, t, monoMs, {skewMs, counters, resolutionWh});
    const step = advance(site, state, {
      tick: {seq: t, monoMs: monoMs + skewMs + 5, wallMs: WALL + 1000 * t + skewMs + 5},
      readings,
      clockTrusted: true,
      flush: t + pollS > seconds,
    });
    state = step.state;
    for (const slot of step.slots) if (slot.slot.kind === 'utc') slots.set(slot.slot.startMs, slot);
    const read = house.at[Math.min(t + later, seconds)] as Powers;
    const powers = {gridW: house.at[Math.min(t, seconds)]?.gridW ?? 0, solarW: read.solarW, batteryW: read.batteryW};
    add(hours[Math.min(23, Math.floor(t / 3600))]?.latest ?? {}, cellsOf(powers, true), pollS / 3600);
  }
  for (const [startMs, slot] of slots) {
    const hour = hours[Math.floor((startMs - WALL) / 3_600_000)];
    for (const {source, sink, energyMilliWh} of slot.cells['solar-first'] ?? [])
      if (hour) hour.ours[`${source} ${sink}`] = (hour.ours[`${source} ${sink}`] ?? 0) + energyMilliWh;
  }
  const error = (which: 'ours' | 'latest'): number =>
    hours.reduce(
      (sum, hour) =>
        sum + Object.keys(hour.truth).reduce((all, cell) => all + Math.abs((hour[which][cell] ?? 0) - (hour.truth[cell] ?? 0)), 0),
      0,
    ) /
    24 /
    1000;
  const bias = (which: 'ours' | 'latest'): number =>
    hours.reduce(
      (sum, hour) =>
        sum + SOURCES.reduce((all, source) => all + (hour[which][`${source} home`] ?? 0) - (hour.truth[`${source} home`] ?? 0), 0),
      0,
    ) / 1000;
  return {ours: error('ours'), latest: error('latest'), oursBias: bias('ours'), latestBias: bias('latest')};
}

export async function run(): Promise<void> {
  for (const one of cases()) {
    drive(one, 5000, DAEMON); // the compiler has seen it
    const beat = drive(one, 30_000, DAEMON);
    const node = drive(one, 30_000, NODE_ALONE);
    line(
      one.name,
      `${beat.us.toFixed(1)} µs a beat`,
      `${(beat.us / AIM_US).toFixed(1)} of the aim; ${beat.allocatedKb.toFixed(0)} kB allocated; without totals and commits ${node.us.toFixed(1)} µs, ${(node.us / AIM_US).toFixed(1)} of the aim, ${node.allocatedKb.toFixed(0)} kB`,
    );
  }
  const three = cases()[1] as Case;
  const whole = process.env['FLOW_YEAR'] === '1';
  const {nodes, us, grownMb, wrong, lost} = drive(three, whole ? 15_768_000 : 315_360, DAEMON);
  line(
    `${whole ? 'a year' : 'a fiftieth of a year'}, 3 devices: ${nodes} nodes`,
    `${us.toFixed(1)} µs a beat`,
    `heap ${grownMb.toFixed(1)} MB more at the end, ${wrong} quarter hours and ${lost} sources or sinks of the whole that do not add up`,
  );
  for (const [pollS, skewMs, resolutionWh] of [
    [2, 1000, 1],
    [10, 4000, 1],
    [30, 5000, 1],
    [10, 4000, 100],
  ] as const) {
    const {ours, latest, oursBias, latestBias} = accuracy(pollS, skewMs, resolutionWh);
    line(
      `a day at ${pollS} s, ${skewMs / 1000} s skew, ${resolutionWh} Wh counters: error of all cells`,
      `${ours.toFixed(1)} Wh/h`,
      `latest value, clamped: ${latest.toFixed(1)} Wh/h; home a day ${oursBias.toFixed(0)} and ${latestBias.toFixed(0)} Wh`,
    );
  }
}
