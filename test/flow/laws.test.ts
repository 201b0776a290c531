// The laws of the reconciler (I1 to I6, I9, I12) as properties; I7, I8 and I11 need a whole run and stand in test/pipeline, I10 in test/tariff.

import fc from 'fast-check';
import {describe, expect, test} from 'vitest';
import {newAnchor, stepAnchor} from '../../src/core/flow/anchor.ts';
import {attribute, cellBounds} from '../../src/core/flow/attribute.ts';
import {cellOf, columnSum, rowSum, total} from '../../src/core/flow/cells.ts';
import {newCounter, stepCounter} from '../../src/core/flow/counter.ts';
import {solveInstant} from '../../src/core/flow/instant.ts';
import {addTrapezoid, newAccumulator, splitTrapezoid} from '../../src/core/flow/integrate.ts';
import type {Amounts, Matrix, Origin} from '../../src/core/flow/model.ts';
import {sinkOrder, sourceOrder} from '../../src/core/flow/orders.ts';
import {byOrigin, charge, discharge, type Pool, poolTotal} from '../../src/core/flow/origin.ts';
import {rebalance} from '../../src/core/flow/rebalance.ts';
import {largestRemainder} from '../../src/core/flow/split.ts';
import type {Topology} from '../../src/core/flow/topology.ts';

const POLICIES = ['solar-first', 'proportional'] as const;
const BATTERIES = ['b1', 'b2'];
const LOADS = ['car'];
const SOURCES = sourceOrder(BATTERIES);
const SINKS = sinkOrder(LOADS, BATTERIES, []);
const milliW = fc.oneof(fc.nat(20_000_000), fc.nat(50), fc.constant(0));

/** A bus that balances: what the sources give beyond the other sinks goes home. At most one port gives and takes. */
const bus = fc
  .record({
    solar: milliW,
    generator: milliW,
    b1: fc.integer({min: -5_000_000, max: 5_000_000}),
    b2: fc.integer({min: -5_000_000, max: 5_000_000}),
    gridIn: milliW,
    gridOut: milliW,
    bothWays: fc.boolean(),
    car: milliW,
  })
  .map(({solar, generator, b1, b2, gridIn, gridOut, bothWays, car}): {rows: Record<string, number>; columns: Record<string, number>} => {
    const rows: Record<string, number> = {solar, generator, b1: Math.max(0, b1), b2: Math.max(0, b2), grid: gridIn};
    const columns: Record<string, number> = {car, b1: Math.max(0, -b1), b2: Math.max(0, -b2), grid: bothWays || gridIn === 0 ? gridOut : 0};
    const surplus = total(rows) - total(columns);
    if (surplus >= 0) columns['home'] = surplus;
    else rows['unexplained'] = -surplus;
    return {rows, columns};
  });
const RUNS = {numRuns: 10_000};

function expectMargins(matrix: Matrix, rows: Amounts, columns: Amounts): void {
  for (const source of SOURCES) expect(rowSum(matrix, source)).toBe(rows[source] ?? 0);
  for (const sink of SINKS) expect(columnSum(matrix, sink)).toBe(columns[sink] ?? 0);
  for (const source in matrix)
    for (const sink in matrix[source]) {
      const amount = matrix[source][sink] as number;
      if (!Number.isSafeInteger(amount) || amount < 0) throw new Error(`${source} ${sink} ${amount}`);
    }
}

describe('attribution', () => {
  test('I1, I2: rows are the sources, columns are the sinks, exactly; no cell is negative; (p,p) is pass-through only', () => {
    fc.assert(
      fc.property(bus, fc.constantFrom(...POLICIES), ({rows, columns}, policy) => {
        const matrix = attribute(rows, columns, policy, SOURCES, SINKS);
        expectMargins(matrix, rows, columns);
        const all = total(rows);
        for (const port of ['grid', ...BATTERIES])
          expect(cellOf(matrix, port, port)).toBe(Math.max(0, (rows[port] ?? 0) + (columns[port] ?? 0) - all));
      }),
      RUNS,
    );
  });

  test('every cell lies inside its bounds', () => {
    fc.assert(
      fc.property(bus, fc.constantFrom(...POLICIES), ({rows, columns}, policy) => {
        fc.pre((rows['grid'] ?? 0) + (columns['grid'] ?? 0) <= total(rows));
        const matrix = attribute(rows, columns, policy, SOURCES, SINKS);
        for (const [name, [least, most]] of Object.entries(cellBounds(rows, columns))) {
          const [source = '', sink = ''] = name.split('->');
          const amount = cellOf(matrix, source, sink);
          expect(amount >= least && amount <= most, `${name} ${amount} not in ${least} to ${most}`).toBe(true);
        }
      }),
      RUNS,
    );
  });

  test('I4: a watt more of sun that is exported never takes sun away from the home', () => {
    fc.assert(
      fc.property(bus, fc.integer({min: 1, max: 1_000_000}), ({rows, columns}, more) => {
        fc.pre((rows['grid'] ?? 0) === 0);
        const brighter = attribute(
          {...rows, solar: (rows['solar'] ?? 0) + more},
          {...columns, grid: (columns['grid'] ?? 0) + more},
          'solar-first',
          SOURCES,
          SINKS,
        );
        const before = attribute(rows, columns, 'solar-first', SOURCES, SINKS);
        expect(cellOf(brighter, 'solar', 'home')).toBeGreaterThanOrEqual(cellOf(before, 'solar', 'home'));
      }),
      RUNS,
    );
  });
});

describe('an instant', () => {
  const topology: Topology = {
    generation: [
      {id: 'roof', kind: 'solar'},
      {id: 'shed', kind: 'solar'},
    ],
    batteries: ['battery'],
    hybrids: [],
    loads: [],
    netting: 'net',
    homeMeter: false,
    cascade: null,
  };
  const sigma = {roof: 50_000, shed: 50_000, battery: 50_000, grid: 10_000};
  const power = fc.integer({min: -12_000_000, max: 12_000_000});
  const solve = (generation: Amounts, battery: number, grid: number, order = topology.generation) =>
    solveInstant(
      {...topology, generation: order},
      {
        generation,
        batteries: {battery},
        hybrids: {},
        loads: {},
        grid,
        gridPhases: null,
        gridOn: true,
        home: null,
        cascade: null,
      },
      sigma,
      POLICIES,
    );

  test('I3: which roof gave how much changes no cell, only their sum', () => {
    fc.assert(
      fc.property(fc.nat(8_000_000), fc.nat(8_000_000), power, power, (roof, shed, battery, grid) => {
        const one = solve({roof, shed}, battery, grid);
        const other = solve({roof: shed, shed: roof}, battery, grid);
        expect(other.matrix).toEqual(one.matrix);
        expect(solve({roof, shed}, battery, grid, topology.generation.toReversed()).home).toBe(one.home);
      }),
      RUNS,
    );
  });

  test('I12: whatever the meters say, the picture conserves, and what contradicts is named, not hidden (D1, D3, D5)', () => {
    fc.assert(
      fc.property(power, power, power, power, (roof, shed, battery, grid) => {
        const {matrix, home, unexplained} = solve({roof, shed}, battery, grid);
        const one = matrix['solar-first'] as Matrix;
        const other = matrix['proportional'] as Matrix;
        const sources = (of: Matrix): number => Object.keys(of).reduce((sum, source) => sum + rowSum(of, source), 0);
        expect(sources(other)).toBe(sources(one));
        expect(home).toBeGreaterThanOrEqual(0);
        for (const rows of [one, other])
          for (const source in rows)
            for (const sink in rows[source])
              if (!((rows[source][sink] as number) > 0 && Number.isSafeInteger(rows[source][sink]))) throw new Error(`${source} ${sink}`);
        // Beyond the meters' tolerance nothing is evened away: it stands as unexplained, to the milliwatt.
        const sum = roof + shed + battery + grid;
        const tolerance = 3 * Math.sqrt(3 * 50_000 ** 2 + 10_000 ** 2);
        if (sum < -tolerance - 1) expect(unexplained).toBe(-sum);
        if (sum >= 0 && roof >= 0 && shed >= 0) expect(home).toBe(sum);
      }),
      RUNS,
    );
  });
});

describe('energy', () => {
  const matrix = fc.record({a: milliW, b: milliW}).map(({a, b}): Matrix => ({solar: {home: a}, grid: {home: b}}));

  test('I5: two stretches are worth what both are worth', () => {
    fc.assert(
      fc.property(matrix, matrix, fc.integer({min: 2, max: 60_000}), fc.integer({min: 1, max: 59_999}), (first, last, length, at) => {
        fc.pre(at < length);
        for (const source of ['solar', 'grid']) {
          const [p0, p1] = [cellOf(first, source, 'home'), cellOf(last, source, 'home')];
          const {before, after} = splitTrapezoid(p0, p1, length, at);
          expect(before + after).toBe((p0 + p1) * length);
          expect(before).toBeGreaterThanOrEqual(0);
          expect(after).toBeGreaterThanOrEqual(0);
        }
        const whole = newAccumulator();
        addTrapezoid(whole, first, last, length);
        const twice = newAccumulator();
        addTrapezoid(twice, first, last, length);
        addTrapezoid(twice, last, first, length);
        for (const source of ['solar', 'grid']) expect(cellOf(twice, source, 'home')).toBe(2 * cellOf(whole, source, 'home'));
      }),
      RUNS,
    );
  });

  test('I6: whatever power says, what is booked and cut to the register is the register', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(1000, 10_000, 100_000),
        fc.array(fc.record({steps: fc.nat(4), integrated: fc.nat(450_000)}), {minLength: 1, maxLength: 60}),
        (resolution, events) => {
          let counter = 7 * resolution;
          let state = newAnchor(counter);
          for (const {steps, integrated} of events) {
            counter += steps * resolution;
            const before = state;
            const step = stepAnchor(state, {resolution, stallFloor: 50_000}, integrated, counter);
            state = step.state;
            if (step.status === 'ok') expect(Math.floor(state.booked / resolution) * resolution - state.offset).toBe(counter);
            // Where the register is in its usual run, nothing that was booked is taken back below it.
            if (step.status === 'ok') expect(state.booked).toBeGreaterThanOrEqual(Math.min(before.booked, counter + state.offset));
          }
        },
      ),
      RUNS,
    );
  });

  test('I9: what went into a battery is what came out, what was lost and what is left, origin by origin', () => {
    const origin = fc.constantFrom<Origin>('solar', 'wind', 'generator', 'grid', 'unknown');
    const step = fc.oneof(
      fc.record({kind: fc.constant('in' as const), origin, energy: fc.nat(3_000_000)}),
      fc.record({kind: fc.constant('out' as const), origin, energy: fc.nat(3_000_000)}),
    );
    fc.assert(
      fc.property(
        fc.array(step, {maxLength: 40}),
        fc.constantFrom('proportional', 'fifo', 'lifo', 'grid-first', 'solar-first' as const),
        fc.integer({min: 500_000, max: 1_000_000}),
        (steps, mode, etaPpm) => {
          let pool: Pool = [];
          const books: Record<string, number> = {};
          const note = (of: Readonly<Partial<Record<Origin, number>>>, sign: number): void => {
            for (const [name, energy] of Object.entries(of)) books[name] = (books[name] ?? 0) + sign * energy;
          };
          for (const one of steps) {
            if (one.kind === 'in') {
              pool = charge(pool, {[one.origin]: one.energy});
              note({[one.origin]: one.energy}, 1);
            } else {
              const out = discharge(pool, one.energy, etaPpm, mode as 'fifo');
              expect(Object.values(out.delivered).reduce((sum, energy) => sum + energy, 0)).toBe(one.energy);
              note(out.delivered, -1);
              note(out.loss, -1);
              note({unknown: out.fromNowhere}, 1);
              pool = out.pool;
            }
            expect(poolTotal(pool)).toBeGreaterThanOrEqual(0);
          }
          const left = byOrigin(pool);
          for (const name of Object.keys(books)) expect(books[name], name).toBe(left[name as Origin] ?? 0);
        },
      ),
      {numRuns: 4000},
    );
  });

  test('a part of a whole: nothing is lost in a division, and no part exceeds its weight', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(5_000_000), {minLength: 1, maxLength: 8}), fc.double({min: 0, max: 1, noNaN: true}), (weights, share) => {
        const all = weights.reduce((sum, weight) => sum + weight, 0);
        const wanted = Math.floor(all * share);
        const parts = largestRemainder(wanted, weights);
        expect(parts.reduce((sum, part) => sum + part, 0)).toBe(wanted);
        parts.forEach((part, index) => {
          expect(part).toBeLessThanOrEqual(weights[index] as number);
        });
      }),
      RUNS,
    );
  });

  test('what a division leaves goes one each to the largest remainders, ties to the earlier part, among few parts and many', () => {
    const weight = fc.oneof(fc.nat(5), fc.nat(5_000_000), fc.bigInt(0n, 1n << 70n));
    fc.assert(
      fc.property(fc.array(weight, {minLength: 1, maxLength: 60}), fc.nat(3_000_000), (weights, whole) => {
        const all = weights.reduce<bigint>((sum, one) => sum + BigInt(one), 0n);
        fc.pre(all > 0n);
        const exact = weights.map(one => BigInt(whole) * BigInt(one));
        const wanted = exact.map(one => Number(one / all));
        for (let missing = whole - wanted.reduce((sum, part) => sum + part, 0); missing > 0; missing--) {
          const left = exact.map((one, index) => one - BigInt(wanted[index] as number) * all);
          const largest = left.reduce((best, one, index) => (one > (left[best] as bigint) ? index : best), 0);
          wanted[largest] = (wanted[largest] as number) + 1;
        }
        expect(largestRemainder(whole, weights)).toEqual(wanted);
      }),
    );
  });

  test('cells moved to the counters meet them exactly, or the attempt is refused', () => {
    fc.assert(
      fc.property(bus, fc.integer({min: -2000, max: 2000}), fc.integer({min: -2000, max: 2000}), ({rows, columns}, more, less) => {
        fc.pre((rows['grid'] ?? 0) === 0 || (columns['grid'] ?? 0) === 0);
        const booked = attribute(rows, columns, 'solar-first', SOURCES, SINKS);
        const targets = {
          rows: {...rows, solar: Math.max(0, (rows['solar'] ?? 0) + more)},
          cols: {...columns, car: Math.max(0, (columns['car'] ?? 0) + less)} as Record<string, number>,
        };
        delete targets.cols['home'];
        let moved: Matrix;
        try {
          moved = rebalance(booked, targets, SOURCES, SINKS);
        } catch (error) {
          expect(error).toBeInstanceOf(RangeError);
          return;
        }
        for (const source of SOURCES) expect(rowSum(moved, source)).toBe((targets.rows as Record<string, number>)[source] ?? 0);
        for (const sink of SINKS) if (sink !== 'home') expect(columnSum(moved, sink)).toBe(targets.cols[sink] ?? 0);
      }),
      {numRuns: 4000},
    );
  });
});

describe('a register', () => {
  const spec = {quantum: 1000, maxPower: 20_000_000};
  test('no single reading, whatever it says, books more than the meter can have measured', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.integer({min: 0, max: 4_294_967_295_000}), fc.integer({min: 1, max: 600_000})), {maxLength: 50}),
        readings => {
          let state = newCounter;
          let at = 0;
          for (const [reading, dt] of readings) {
            const sinceMs = at + dt - state.lastMs;
            at += dt;
            const step = stepCounter(state, spec, at, reading);
            expect(step.booked).toBeGreaterThanOrEqual(0);
            if (step.status !== 'rebased')
              expect(step.booked).toBeLessThanOrEqual(Math.ceil((spec.maxPower * sinceMs) / 3_600_000) + spec.quantum);
            state = step.state;
          }
        },
      ),
      {numRuns: 4000},
    );
  });
});
