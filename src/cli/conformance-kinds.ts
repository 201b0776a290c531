// The kinds of conformance cases as calls of the production code. An input that breaks a precondition throws RangeError.

import {type AlignChannel, align, type Sample} from '../core/flow/align.ts';
import {newAnchor, STALL_FLOOR_MWH, stepAnchor} from '../core/flow/anchor.ts';
import {adjust} from '../core/flow/balance.ts';
import {empty, type MutableMatrix} from '../core/flow/cells.ts';
import {stepClock} from '../core/flow/clock.ts';
import {type CounterState, newCounter, stepCounter} from '../core/flow/counter.ts';
import {fillGap, spread} from '../core/flow/gap.ts';
import {addTrapezoid, bookWhole, newAccumulator, splitTrapezoid, UNITS_PER_MWH} from '../core/flow/integrate.ts';
import type {Matrix, Origin} from '../core/flow/model.ts';
import {ORIGINS} from '../core/flow/model.ts';
import {sinkOrder, sourceOrder} from '../core/flow/orders.ts';
import {type ByOrigin, byOrigin, charge, discharge, type Pool, trueUp} from '../core/flow/origin.ts';
import {rebalance} from '../core/flow/rebalance.ts';
import {daySpan} from '../core/flow/slots.ts';
import {amountsOf, integer, listOf, objectOf, oneOf, snapshot, whereTold} from '../core/flow/snapshot.ts';
import {WITHDRAWALS} from '../core/site.ts';
import {array, type Fields, fail, items, pair, text, toRecord} from './conformance-fields.ts';
import {tariffKind} from './conformance-tariff.ts';

/** Quarter hours of a gap, 28 years of them: more of them would fill the memory. */
const MOST_SLOTS = 1_000_000;

const KINDS: Readonly<Record<string, (input: Fields) => unknown>> = {
  snapshot,
  wls: input => {
    const channels = items(input['channels'], 'channels').map(one => ({
      id: text(one['id'], 'id'),
      v: integer(one['v'], 'v'),
      sigma: integer(one['sigma'] ?? 0, 'sigma', 0),
    }));
    const values = adjust(channels, integer(input['target'] ?? 0, 'target'));
    return {adjusted: toRecord(channels.map((channel, index) => [channel.id, values[index] as number]))};
  },
  align: alignKind,
  integrate: integrateKind,
  split: input => {
    const [t0, p0] = pair(input['a'], 'a');
    const [t1, p1] = pair(input['b'], 'b');
    const cut = integer(input['cut'], 'cut');
    if (!(t0 < cut && cut < t1)) throw new RangeError('cut: expected a moment between both');
    const {before, after} = splitTrapezoid(p0, p1, t1 - t0, cut - t0);
    safe(before, after);
    return {before, after, beforeMWh: floorDiv(before, UNITS_PER_MWH), afterMWh: floorDiv(after, UNITS_PER_MWH)};
  },
  clock: clockKind,
  slots: input => {
    const zone = text(input['tz'], 'tz');
    try {
      new Intl.DateTimeFormat('en', {timeZone: zone});
    } catch {
      throw new RangeError(`tz: "${zone}" is no time zone`);
    }
    const day = text(input['day'], 'day');
    const {startMs, endMs, quarterHours} = daySpan(zone, day.startsWith('0') ? fail('day: no time zone is that old') : day);
    const minute = (ms: number): string => `${new Date(ms).toISOString().slice(0, 16)}Z`;
    return {startUtc: minute(startMs), endUtc: minute(endMs), quarterHours: Math.floor(quarterHours)};
  },
  counter: counterKind,
  anchor: anchorKind,
  rebalance: input => {
    const targets = objectOf(input['targets'], 'targets');
    const batteries = input['batteries'] === undefined ? ['battery'] : listOf(input['batteries'], 'batteries');
    const matrix = matrixOf(input['matrix']);
    return {
      matrix: rebalance(
        matrix,
        {rows: amountsOf(targets['rows'] ?? {}, 'rows', 0), cols: amountsOf(targets['cols'] ?? {}, 'cols', 0)},
        sourceOrder(batteries),
        sinkOrder(listOf(input['loads'], 'loads'), batteries),
      ),
    };
  },
  gap: gapKind,
  ledger: ledgerKind,
  tariff: tariffKind,
};

/** The result of one case. Throws RangeError where its kind or its input is none. */
export function conform(kind: unknown, input: unknown): unknown {
  const run = typeof kind === 'string' && Object.hasOwn(KINDS, kind) ? KINDS[kind] : undefined;
  if (!run) throw new RangeError(`kind: ${JSON.stringify(kind)} is none of ${Object.keys(KINDS).join(', ')}`);
  return run(objectOf(input, 'input'));
}

function alignKind(input: Fields): unknown {
  const node = integer(input['node'], 'node');
  const sigma = amountsOf(input['sigmaMeter'] ?? {}, 'sigmaMeter', 0);
  const stale = amountsOf(input['staleRate'] ?? {}, 'staleRate', 0);
  const channels = Object.entries(objectOf(input['series'], 'series')).map(([id, samples]): AlignChannel => {
    const list = array(samples, `series.${id}`).map((one): Sample => pair(one, `series.${id}`));
    if (list.some((sample, index) => index > 0 && sample[0] <= (list[index - 1] as Sample)[0]))
      throw new RangeError(`series.${id}: the times do not rise`);
    if (stale[id] === undefined && !list.some(([at]) => at >= node)) throw new RangeError(`staleRate.${id} is missing`);
    return {id, samples: list, sigma: sigma[id] ?? 0, staleRate: stale[id] ?? 0};
  });
  const prior = input['homePrior'] === undefined || input['homePrior'] === null ? null : objectOf(input['homePrior'], 'homePrior');
  return align(
    node,
    channels,
    prior && {value: integer(prior['value'], 'homePrior.value'), sigma: integer(prior['sigma'], 'homePrior.sigma', 0)},
  );
}

function integrateKind(input: Fields): unknown {
  const {nodes, ...shared} = input;
  const solved = items(nodes, 'nodes').map(node => ({
    t: integer(node['t'], 't'),
    matrix: snapshot({...shared, readings: node['readings']}).matrix,
  }));
  const units = newAccumulator();
  const booked: MutableMatrix = empty<Record<string, number>>();
  solved.forEach((node, index) => {
    const previous = solved[index - 1];
    if (!previous) return;
    if (node.t <= previous.t) throw new RangeError('the times do not rise');
    // A house integrates over minutes. Here an interval may last for years: 7,200,000 ms, or mW, make whole mWh of whatever they are
    // multiplied with, so both are taken out before, and no product leaves 2^53.
    const lengthMs = node.t - previous.t;
    const [from, to] = [previous.matrix, node.matrix].map(matrix => mapped(matrix, milliW => milliW % UNITS_PER_MWH)) as [Matrix, Matrix];
    const [fromWhole, toWhole] = [previous.matrix, node.matrix].map(matrix =>
      mapped(matrix, milliW => Math.floor(milliW / UNITS_PER_MWH)),
    ) as [Matrix, Matrix];
    addTrapezoid(booked, fromWhole, toWhole, lengthMs);
    addTrapezoid(booked, from, to, Math.floor(lengthMs / UNITS_PER_MWH));
    addTrapezoid(units, from, to, lengthMs % UNITS_PER_MWH);
    bookWhole(units, booked);
  });
  safe(...cellsOf(booked));
  return {mWh: nonZero(booked), remainder: nonZero(units)};
}

function clockKind(input: Fields): unknown {
  const maxGap = integer(input['maxGap'] ?? 60_000, 'maxGap', 0);
  let units = 0n;
  const clockSteps: [number, number][] = [];
  let before: readonly [number, number, number] | null = null;
  for (const sample of array(input['samples'], 'samples')) {
    const [mono, wall, power] = array(sample, 'samples').map((value, index) => integer(value, `samples.${index}`)) as [
      number,
      number,
      number,
    ];
    if (power === undefined) throw new RangeError('samples: expected [monotonic ms, wall ms, mW]');
    if (before) {
      const length = mono - before[0];
      if (length < 0) throw new RangeError('the monotonic times go back');
      if (length <= maxGap) units += (BigInt(before[2]) + BigInt(power)) * BigInt(length);
      const step = stepClock({monoMs: before[0], wallMs: before[1]}, {monoMs: mono, wallMs: wall});
      if (step !== null) clockSteps.push([mono, step]);
    }
    before = [mono, wall, power];
  }
  const whole = BigInt(UNITS_PER_MWH);
  const remainder = ((units % whole) + whole) % whole;
  const energyMilliWh = Number((units - remainder) / whole);
  safe(energyMilliWh);
  return {mWh: energyMilliWh, remainder: Number(remainder), clockSteps};
}

function counterKind(input: Fields): unknown {
  const spec = {
    quantum: integer(input['quantum'] ?? 1, 'quantum', 0),
    maxPower: integer(input['maxPower'], 'maxPower', 0),
    modulus: input['modulus'] === undefined || input['modulus'] === null ? undefined : integer(input['modulus'], 'modulus', 0),
    sentinels: input['sentinels'] === undefined ? [] : array(input['sentinels'], 'sentinels').map(value => integer(value, 'sentinels')),
  };
  let state: CounterState = newCounter;
  let total = 0;
  const steps = array(input['readings'], 'readings').map(reading => {
    const [at, value] = array(reading, 'readings');
    const step = stepCounter(state, spec, integer(at, 'readings'), value === null ? null : integer(value, 'readings'));
    state = step.state;
    total += step.booked;
    return [step.status, step.booked];
  });
  safe(total);
  return {steps, total};
}

function anchorKind(input: Fields): unknown {
  const spec = {
    resolution: integer(input['resolution'], 'resolution', 1),
    stallFloor: integer(input['stallFloor'] ?? STALL_FLOOR_MWH, 'stallFloor', 0),
  };
  let state = newAnchor(integer(input['K0'], 'K0'));
  const events = items(input['events'], 'events').map(event => {
    const integrated = integer(event['integrated'], 'integrated');
    const step = stepAnchor(state, spec, integrated, event['counter'] === null ? null : integer(event['counter'], 'counter'));
    safe(step.state.booked);
    const booked = step.state.booked - state.booked;
    state = step.state;
    return {booked, correction: booked - integrated, B: state.booked, status: step.status};
  });
  return {events};
}

function gapKind(input: Fields): unknown {
  const counters = objectOf(input['counters'], 'counters');
  const slots = integer(input['slots'] ?? 1, 'slots', 1);
  if (slots > MOST_SLOTS) throw new RangeError(`slots: at most ${MOST_SLOTS}`);
  const order = input['sinkOrder'] === undefined ? ['battery', 'grid', 'home'] : listOf(input['sinkOrder'], 'sinkOrder');
  if (['battery', 'grid', 'home'].some(id => !order.includes(id))) throw new RangeError('sinkOrder: expected battery, grid and home');
  const of = (name: string): number => whereTold(counters[name], `counters.${name}`, 0);
  const filled = fillGap(
    {solar: of('solar'), battery: of('discharge'), grid: of('import')},
    {battery: of('charge'), grid: of('export')},
    sourceOrder(['battery']),
    order,
  );
  const perSlot = empty<number[]>();
  for (const source in filled.matrix)
    for (const sink in filled.matrix[source]) perSlot[`${source}->${sink}`] = spread(filled.matrix[source][sink] as number, slots);
  return {home: filled.homeMilliWh, matrix: filled.matrix, bounds: filled.bounds, perSlot};
}

function ledgerKind(input: Fields): unknown {
  const mode = oneOf(input['mode'] ?? null, WITHDRAWALS, 'mode');
  const etaPpm = integer(input['etaPpm'], 'etaPpm', 1);
  if (etaPpm > 1_000_000) throw new RangeError('etaPpm: a battery gives back no more than it took');
  let pool: Pool = Object.entries(amountsOf(input['initial'] ?? {}, 'initial', 0)).flatMap(([origin, energy]) =>
    [originOf(origin)].flatMap(known => (energy > 0 ? [[known, energy] as const] : [])),
  );
  const delivered: Partial<Record<Origin, number>> = {};
  const lost: Partial<Record<Origin, number>> = {};
  const add = (sums: Partial<Record<Origin, number>>, part: ByOrigin): void => {
    for (const origin of ORIGINS) if (part[origin]) sums[origin] = (sums[origin] ?? 0) + part[origin];
  };
  const events = items(input['events'], 'events').map(event => {
    if (event['charge'] !== undefined) {
      const amounts = amountsOf(event['charge'], 'charge', 0);
      for (const id of Object.keys(amounts)) originOf(id);
      pool = charge(pool, amounts as ByOrigin);
      return {pool: byOrigin(pool)};
    }
    if (event['discharge'] !== undefined) {
      const step = discharge(pool, integer(event['discharge'], 'discharge', 0), etaPpm, mode);
      pool = step.pool;
      add(delivered, step.delivered);
      add(lost, step.loss);
      return {delivered: step.delivered, loss: step.loss, pool: byOrigin(pool)};
    }
    if (event['trueUp'] !== undefined) {
      const step = trueUp(pool, integer(event['trueUp'], 'trueUp', 0));
      pool = step.pool;
      add(lost, step.loss);
      return Object.keys(step.loss).length > 0 ? {loss: step.loss, pool: byOrigin(pool)} : {pool: byOrigin(pool)};
    }
    throw new RangeError('events: expected charge, discharge or trueUp');
  });
  return {events, delivered: sorted(delivered), loss: sorted(lost), stored: byOrigin(pool)};
}

const originOf = (id: string): Origin => ORIGINS.find(origin => origin === id) ?? fail(`"${id}" is no origin`);

function matrixOf(value: unknown): Matrix {
  const matrix = empty<Record<string, number>>();
  for (const [source, row] of Object.entries(objectOf(value, 'matrix'))) matrix[source] = amountsOf(row, `matrix.${source}`, 0);
  return matrix;
}

const floorDiv = (value: number, by: number): number => (value - (((value % by) + by) % by)) / by;
const cellsOf = (matrix: Matrix): number[] => Object.values(matrix).flatMap(row => Object.values(row));
const mapped = (matrix: Matrix, change: (value: number) => number): Matrix =>
  Object.fromEntries(
    Object.entries(matrix).map(([source, row]) => [
      source,
      Object.fromEntries(Object.entries(row).map(([sink, value]) => [sink, change(value)])),
    ]),
  );

function nonZero(matrix: Matrix): Matrix {
  const result = empty<Record<string, number>>();
  for (const source in matrix) {
    const row = toRecord(Object.entries(matrix[source] ?? {}).filter(([, value]) => value !== 0));
    if (Object.keys(row).length > 0) result[source] = row;
  }
  return result;
}

const sorted = (sums: ByOrigin): ByOrigin => Object.fromEntries(ORIGINS.flatMap(origin => (sums[origin] ? [[origin, sums[origin]]] : [])));

/** Throws where a result left the range in which it is exact. */
function safe(...values: readonly number[]): void {
  for (const value of values) if (!Number.isSafeInteger(value)) throw new RangeError('the result is beyond 2^53');
}
