// Bills: against the rules of the acceptance cases, and where months, tariffs and batteries are not like the others.

import fc from 'fast-check';
import {describe, expect, test} from 'vitest';
import {addDays, dayStart} from '../../src/core/flow/slots.ts';
import {billMonth, billSpan} from '../../src/core/tariff/bills.ts';
import type {Tariffs} from '../../src/core/tariff/model.ts';
import {type MoneySlot, startWalk} from '../../src/core/tariff/money.ts';
import {cents, netBilling, netMeteringMonth} from '../../src/core/tariff/rules.ts';
import {addMoney, type MoneyCell, noMoney} from '../../src/core/tariff/value.ts';
import {configured} from './configured.ts';

const ZONE = 'Europe/Berlin';
const SLOT_MS = 900_000;

const cell = (source: string, sink: string, energyMilliWh: number, origin = source, via = 'direct'): MoneyCell => ({
  origin: origin as MoneyCell['origin'],
  via,
  source,
  sink,
  energyMilliWh,
  label: (source === 'grid'
    ? 'imported'
    : sink === 'grid'
      ? 'exported'
      : sink === 'battery'
        ? 'stored'
        : origin === 'grid'
          ? 'imported_earlier'
          : 'btm_consumed') as MoneyCell['label'],
});
const walkOf = (tariffs: Tariffs, batteries: string[] = [], series = () => undefined as number | undefined) =>
  startWalk({tariffs, zone: ZONE, series, batteries, efficiencyPpm: 1_000_000, stocksFromMs: 0, bills: true});
const slotsFrom = (day: string, days: number, cellsOf: (index: number, startMs: number) => MoneyCell[]): MoneySlot[] => {
  const [fromMs, toMs] = [dayStart(ZONE, day), dayStart(ZONE, addDays(day, days))];
  return Array.from({length: (toMs - fromMs) / SLOT_MS}, (_, index) => {
    const startMs = fromMs + index * SLOT_MS;
    return {startMs, cells: cellsOf(index, startMs)};
  });
};
function billed(tariffs: Tariffs, slots: readonly MoneySlot[]) {
  const walk = walkOf(tariffs);
  const sum = noMoney();
  for (const slot of slots) addMoney(sum, walk.take(slot, true).money);
  const last = slots.at(-1);
  return {sum, ...walk.end((last?.startMs ?? 0) + SLOT_MS)};
}

describe('1:1 net metering', () => {
  const tariffs = configured(`
- import: [{name: peak, price: 0.42, days: mon-fri, hours: "17:00-21:00"}, {name: off, price: 0.28}]
  settle: {net_metering: {true_up: mar, price: 0.03}}
  non_bypassable: 0.0275
  fixed: {per_month: 10}
`);

  // Which bucket a quarter hour is in, found through the calendar of the platform.
  const clock = new Intl.DateTimeFormat('sv', {timeZone: ZONE, dateStyle: 'short', timeStyle: 'short'});
  const places = slotsFrom('2026-01-01', 90, () => []).map(({startMs}) => {
    const [day = '', time = ''] = clock.format(startMs).split(' ');
    const weekday = new Date(`${day}T00:00Z`).getUTCDay();
    return {startMs, month: day.slice(0, 7), bucket: weekday >= 1 && weekday <= 5 && time >= '17:00' && time < '21:00' ? 'peak' : 'off'};
  });

  test('gives the bills of the plain rule, month after month, and pays the bank out at the true-up', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(900_000), fc.nat(1_200_000)), {minLength: 24, maxLength: 24}), amounts => {
        const slots = places.map(({startMs}) => {
          const [bought, sold] = amounts[Math.floor(startMs / SLOT_MS / 7) % 24] as [number, number];
          return {startMs, cells: [cell('grid', 'home', bought), cell('solar', 'grid', sold)]};
        });
        const {bills} = billed(tariffs, slots);
        let bank: Record<string, number> = {};
        for (const bill of bills) {
          const imported: Record<string, number> = {peak: 0, off: 0};
          const exported: Record<string, number> = {peak: 0, off: 0};
          for (const [index, {month, bucket}] of places.entries()) {
            if (month !== bill.month) continue;
            const cells = slots[index]?.cells ?? [];
            imported[bucket] = (imported[bucket] ?? 0) + (cells[0]?.energyMilliWh ?? 0);
            exported[bucket] = (exported[bucket] ?? 0) + (cells[1]?.energyMilliWh ?? 0);
          }
          const plain = netMeteringMonth({peak: 420_000, off: 280_000}, imported, exported, bank, 10_000_000, 27_500);
          bank = {...plain.bank};
          if (bill.month === '2026-03') {
            const surplus = Object.values(bank).reduce((all, energy) => all + energy, 0);
            expect(bill.duePico).toBe(plain.pico - BigInt(surplus) * 30_000n);
            expect(bill.carry.bankMilliWh).toEqual({});
          } else {
            expect(bill.duePico).toBe(plain.pico);
            expect(Object.values(bill.carry.bankMilliWh).reduce((all, energy) => all + energy, 0)).toBe(
              Object.values(bank).reduce((all, energy) => all + energy, 0),
            );
          }
        }
        expect(bills.map(bill => bill.month)).toEqual(['2026-01', '2026-02', '2026-03']);
      }),
      {numRuns: 12},
    );
  });
});

describe('net billing', () => {
  test('carries credit on and never pays what cannot be bypassed', () => {
    const tariffs = configured('- {import: 0.4, export: 0.06, non_bypassable: 0.03, settle: net_billing}');
    const slots = slotsFrom('2026-06-01', 61, (_, startMs) =>
      startMs < dayStart(ZONE, '2026-07-01')
        ? [cell('grid', 'home', 10_000), cell('solar', 'grid', 900_000)]
        : [cell('grid', 'home', 500_000), cell('solar', 'grid', 50_000)],
    );
    const {bills} = billed(tariffs, slots);
    const [june, july] = bills;
    const intervals = (month: string) =>
      slots
        .filter(({startMs}) => startMs < dayStart(ZONE, '2026-07-01') === (month === 'june'))
        .map(({cells}) => ({import: cells[0]?.energyMilliWh ?? 0, export: cells[1]?.energyMilliWh ?? 0, buy: 400_000, sell: 60_000}));
    const first = netBilling(intervals('june'), 30_000, 0n);
    const second = netBilling(intervals('july'), 30_000, first.creditOutPico);
    expect([june?.duePico, june?.carry.creditPico]).toEqual([first.duePico, first.creditOutPico]);
    expect([july?.duePico, july?.carry.creditPico]).toEqual([second.duePico, second.creditOutPico]);
    expect(june?.duePico).toBe(first.nonBypassPico);
  });
});

describe('setting off inside an interval', () => {
  const bothWays = (settle: string) => {
    const tariffs = configured(`- {import: 0.3, export: 0.1, settle: ${settle}}`);
    const energies = [
      [1000, 400],
      [0, 900],
      [500, 0],
      [0, 200],
    ] as const;
    const slots = slotsFrom('2026-06-01', 30, index => {
      const [bought, sold] = index < 4 ? (energies[index] as readonly [number, number]) : [0, 0];
      return [cell('grid', 'home', bought), cell('solar', 'grid', sold)];
    });
    const lines = billed(tariffs, slots).bills[0]?.lines ?? [];
    return ['import', 'export'].map(kind =>
      lines.filter(line => line.kind === kind).reduce((all, line) => all + (line.energyMilliWh ?? 0), 0),
    );
  };
  // Imported 1500, exported 1500.
  test.each([
    ['registers', [1500, 1500]],
    ['15m', [1100, 1100]],
    ['1h', [0, 0]],
    ['month', [0, 0]],
  ])('%s', (settle, expected) => {
    expect(bothWays(settle)).toEqual(expected);
  });

  test('conserves and never turns a sign', () => {
    const tariffs = configured('- {import: 0.3, export: 0.1, settle: 1h}');
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(5_000_000), fc.nat(5_000_000)), {minLength: 96, maxLength: 96}), amounts => {
        const slots = slotsFrom('2026-06-01', 1, index => {
          const [bought, sold] = amounts[index] as [number, number];
          return [cell('grid', 'home', bought), cell('solar', 'grid', sold)];
        });
        const [bill] = billed(tariffs, slots).bills;
        const energy = (kind: string): number =>
          (bill?.lines ?? []).filter(line => line.kind === kind).reduce((all, line) => all + (line.energyMilliWh ?? 0), 0);
        const difference = amounts.reduce((all, [bought, sold]) => all + bought - sold, 0);
        expect(energy('import') - energy('export')).toBe(difference);
        expect(bill?.complete).toBe(false);
      }),
      {numRuns: 200},
    );
  });
});

describe('what is not paid, not known, not used', () => {
  test('only paid origins earn', () => {
    const tariffs = configured('- {import: 0.3, export: 0.1, paid_origins: [solar]}');
    const {sum, bills} = billed(tariffs, [
      {startMs: dayStart(ZONE, '2026-06-01'), cells: [cell('solar', 'grid', 1000), cell('battery', 'grid', 700, 'grid', 'battery')]},
    ]);
    expect(sum.credit).toBe(100_000_000n);
    expect(sum.exportMilliWh).toBe(1700);
    expect(bills[0]?.lines).toMatchObject([{kind: 'export', energyMilliWh: 1000}]);
  });

  test('a quarter hour without a price is counted, and left out of every sum', () => {
    const tariffs = configured('periods: [{import: {series: spot}, export: 0.1}]\nseries: {spot: {file: x.csv}}');
    const startMs = dayStart(ZONE, '2026-06-01');
    const walk = walkOf(tariffs, [], ((_: string, at: number) => (at === startMs ? 200_000 : undefined)) as never);
    const sum = noMoney();
    for (let index = 0; index < 3; index++)
      addMoney(sum, walk.take({startMs: startMs + index * SLOT_MS, cells: [cell('grid', 'home', 1000)]}, true).money);
    expect(sum).toMatchObject({cost: 200_000_000n, importMilliWh: 3000, unpricedImportMilliWh: 2000, unpricedQuarterHours: 2});
    expect(walk.end(startMs + 3 * SLOT_MS).bills[0]).toMatchObject({unpricedMilliWh: 2000, duePico: 200_000_000n});
  });

  test('a demand charge is on the highest quarter hour of its hours, the first of equals', () => {
    const tariffs = configured('- {import: 0.3, demand: {per_kw: 4.12, hours: "17:00-18:00"}}');
    const startMs = dayStart(ZONE, '2026-06-01');
    const at = (time: number, energy: number): MoneySlot => ({startMs: startMs + time * 3_600_000, cells: [cell('grid', 'home', energy)]});
    const {bills} = billed(tariffs, [at(12, 3_000_000), at(17, 1_200_000), at(17.25, 1_750_000), at(17.5, 1_750_000)]);
    expect(bills[0]?.peak).toEqual({startMs: startMs + 17.25 * 3_600_000, milliW: 7_000_000});
    // 7 kW x 4.12, as in acceptance case I05.
    expect(cents(bills[0]?.lines.find(line => line.kind === 'demand')?.pico ?? 0n)).toBe(2884);
  });
});

describe('a battery', () => {
  const tariffs = configured('- {import: [{name: night, price: 0.1, hours: "00:00-06:00"}, {name: day, price: 0.4}], export: 0.08}');
  const startMs = dayStart(ZONE, '2026-06-01');
  const walk = () =>
    startWalk({tariffs, zone: ZONE, series: () => undefined, batteries: ['battery'], efficiencyPpm: 800_000, stocksFromMs: 0, bills: true});

  test('what it holds has cost what was paid for it, and loads cost what they took of it', () => {
    const one = walk();
    one.take({startMs, cells: [cell('grid', 'battery', 5_000_000)]}, true); // 5 kWh at 0.10
    one.take({startMs: startMs + 12 * 3_600_000, cells: [cell('solar', 'battery', 5_000_000)]}, true); // 5 kWh that would have earned 0.08
    const evening = {
      startMs: startMs + 19 * 3_600_000,
      cells: [cell('battery', 'heat_pump', 2_000_000, 'grid', 'battery'), cell('battery', 'home', 2_000_000, 'solar', 'battery')],
    };
    one.take(evening, true);
    const {sinks, stocks} = one.end(startMs + 86_400_000);
    // 4 kWh at the terminals are 5 kWh of what was charged: half of either, each with its own money.
    expect(stocks['battery']).toEqual({
      energyMilliWh: 5_000_000,
      originMilliWh: {grid: 2_500_000, solar: 2_500_000},
      paidPico: 250_000_000_000n,
      foregonePico: 200_000_000_000n,
    });
    expect(sinks['heat_pump']).toMatchObject({paidPico: 250_000_000_000n, foregonePico: 0n, originMilliWh: {grid: 2_000_000}});
    expect(sinks['home']).toMatchObject({paidPico: 0n, foregonePico: 200_000_000_000n, originMilliWh: {solar: 2_000_000}});
    expect(sinks['battery']).toMatchObject({paidPico: 500_000_000_000n, energyMilliWh: 10_000_000});
  });

  test('that was found empty holds nothing, its money is told as lost, and a measured round trip is used from then on', () => {
    const one = walk();
    one.take({startMs, cells: [cell('grid', 'battery', 5_000_000)]}, true);
    one.take({startMs: startMs + SLOT_MS, cells: [cell('battery', 'home', 2_000_000, 'grid', 'battery')]}, true); // takes 2.5 kWh along
    const notes = [
      {kind: 'empty', battery: 'battery'},
      {kind: 'efficiency', battery: 'battery', ppm: 500_000},
    ] as const;
    one.take({startMs: startMs + 2 * SLOT_MS, notes, cells: [cell('grid', 'battery', 1_000_000)]}, true);
    one.take({startMs: startMs + 3 * SLOT_MS, cells: [cell('battery', 'home', 500_000, 'grid', 'battery')]}, true);
    const {stocks, lost, sinks} = one.end(startMs + 86_400_000);
    expect(lost['battery']).toMatchObject({energyMilliWh: 2_500_000, paidPico: 250_000_000_000n});
    expect(stocks['battery']).toMatchObject({energyMilliWh: 0, paidPico: 0n});
    // 0.10 for each of 2.5 and 1 kWh that were withdrawn for it: with the loss, all that was paid.
    expect(sinks['home']?.paidPico).toBe(350_000_000_000n);
    expect(sinks['battery']?.paidPico).toBe(600_000_000_000n);
  });

  test('what it gave though nobody saw it charged has no known price', () => {
    const one = walk();
    one.take({startMs, cells: [cell('battery', 'home', 1000, 'unknown', 'battery')]}, true);
    expect(one.end(startMs).sinks['home']).toMatchObject({energyMilliWh: 1000, unpricedMilliWh: 1000, paidPico: 0n});
  });

  test('earns the difference to the same house without it', () => {
    const one = walk();
    const sum = noMoney();
    addMoney(sum, one.take({startMs, cells: [cell('grid', 'battery', 5_000_000), cell('grid', 'home', 100_000)]}, true).money);
    addMoney(
      sum,
      one.take({startMs: startMs + 19 * 3_600_000, cells: [cell('battery', 'home', 4_000_000, 'grid', 'battery')]}, true).money,
    );
    // Without: 0.1 kWh at night, 4 kWh in the evening. With: 5.1 kWh at night.
    expect(sum.withoutBattery).toBe(10_000_000_000n + 1_600_000_000_000n);
    expect(sum.withoutBattery - (sum.cost - sum.credit)).toBe(1_100_000_000_000n);
    expect(sum.withoutOwn).toBe(sum.withoutBattery);
    expect(sum.saved).toBe(0n);
  });
});

describe('bill months', () => {
  test.each([
    ['2026-01-01', 1, '2026-01'],
    ['2026-01-14', 15, '2025-12'],
    ['2026-01-15', 15, '2026-01'],
    ['2026-03-01', 28, '2026-02'],
  ])('%s with bills from day %i belongs to %s', (day, billingDay, month) => {
    expect(billMonth(day, billingDay)).toBe(month);
    const {fromDay, toDay} = billSpan(month, billingDay);
    expect(fromDay <= day && day < toDay).toBe(true);
  });
});

describe('a bill whose tariff changes inside it', () => {
  const [before, after] = [dayStart(ZONE, '2026-06-10'), dayStart(ZONE, '2026-06-20')];
  const quarter = (startMs: number, imported: number, exported = 0): MoneySlot => ({
    startMs,
    cells: [cell('grid', 'home', imported), cell('solar', 'grid', exported)],
  });
  const walked = (yaml: string, slots: readonly MoneySlot[], untilDay = '2026-07-01') => {
    const walk = walkOf(configured(yaml));
    for (const slot of slots) walk.take(slot, true);
    return walk.end(dayStart(ZONE, untilDay)).bills;
  };

  test('has one demand charge, at the price of its highest quarter hour', () => {
    const [bill] = walked('- {import: 0.3, demand: {per_kw: 4}}\n- {from: 2026-06-15, import: 0.3, demand: {per_kw: 5}}', [
      quarter(before, 1_000_000),
      quarter(after, 900_000),
    ]);
    expect(bill?.lines.filter(line => line.kind === 'demand')).toEqual([
      {kind: 'demand', name: 'demand', energyMilliWh: null, pico: 16_000_000_000_000n},
    ]);
  });

  test('is set off over the whole month, each rest at its own price', () => {
    const [bill] = walked('- {import: 0.3, export: 0.1, settle: month}\n- {from: 2026-06-15, import: 0.4, export: 0.1, settle: month}', [
      quarter(before, 3_000_000),
      quarter(after, 1_000_000, 2_000_000),
    ]);
    // 4 kWh bought, 2 sold: half of each quarter hour's import is left.
    expect(bill?.duePico).toBe(1_500_000n * 300_000n + 500_000n * 400_000n);
  });

  test('has its fixed charge by the days of each, whether the ledger has them or not', () => {
    const [bill] = walked('- {import: 0.3, fixed: {per_month: 30}}\n- {from: 2026-06-21, import: 0.3, fixed: {per_month: 60}}', [
      quarter(before, 1),
      quarter(dayStart(ZONE, '2026-06-30'), 1),
    ]);
    expect(bill?.lines.find(line => line.kind === 'fixed')?.pico).toBe(20_000_000_000_000n + 20_000_000_000_000n);
  });

  test('charges contracted kW by their days, each with its price', () => {
    const [bill] = walked('- {import: 0.3, tax: 1.21, capacity: [{kw: 4.6, per_kw_day: 0.1}, {kw: 3.45, per_kw_month: 2}]}', [
      quarter(before, 1),
    ]);
    expect(bill?.lines.find(line => line.kind === 'capacity')?.pico).toBe(30n * 556_600_000_000n + 8_349_000_000_000n);
  });

  test('charges the mean of the highest of several bills, and at least a least', () => {
    const slots = [1_000_000, 100_000, 2_000_000].map((energy, month) => quarter(dayStart(ZONE, `2026-0${month + 4}-10`), energy));
    const bills = walked('- {import: 0, demand: {per_kw: 3, least_kw: 2.5, average_of: 2}}', slots);
    // 4 kW, then 2.5 instead of 0.4, then 8: means of 4, 3.25 and 5.25.
    expect(bills.map(bill => bill.duePico)).toEqual([12_000_000_000_000n, 9_750_000_000_000n, 15_750_000_000_000n]);
    expect(bills.map(bill => bill.peak?.milliW)).toEqual([4_000_000, 400_000, 8_000_000]);
  });

  test('begins to charge on the day of the first tariff', () => {
    const [bill] = walked('- {from: 2026-06-16, import: 0.3, fixed: {per_month: 30}}', [quarter(after, 1)]);
    expect(bill?.lines.find(line => line.kind === 'fixed')?.pico).toBe(15_000_000_000_000n);
  });

  test('is there without a single quarter hour, and its true-up as well', () => {
    const bills = walked(
      '- {import: 0.3, fixed: {per_month: 10}, settle: {net_metering: {true_up: jul, price: 0.03}}}',
      [quarter(before, 0, 5_000_000)],
      '2026-09-01',
    );
    expect(bills.map(bill => [bill.month, bill.duePico, bill.quarterHours.stored])).toEqual([
      ['2026-06', 10_000_000_000_000n, 1],
      ['2026-07', 10_000_000_000_000n - 150_000_000_000n, 0],
      ['2026-08', 10_000_000_000_000n, 0],
    ]);
  });
});

test('an hour of setting off is one of the local clock, also where it begins at half past', () => {
  const tariffs = configured('- {import: 0.3, export: 0.1, settle: 1h}');
  const walk = startWalk({
    tariffs,
    zone: 'Asia/Kolkata',
    series: () => undefined,
    batteries: [],
    efficiencyPpm: 1_000_000,
    stocksFromMs: 0,
    bills: true,
  });
  // 12:30 and 13:00 UTC are 18:00 and 18:30 of one local hour; 13:30 is the next.
  const startMs = Date.parse('2026-06-01T12:30:00Z');
  walk.take({startMs, cells: [cell('grid', 'home', 1000)]}, true);
  walk.take({startMs: startMs + 2 * SLOT_MS, cells: [cell('solar', 'grid', 600)]}, true);
  walk.take({startMs: startMs + 4 * SLOT_MS, cells: [cell('solar', 'grid', 300)]}, true);
  const lines = walk.end(startMs + 8 * SLOT_MS).bills[0]?.lines ?? [];
  expect(lines.map(line => [line.kind, line.energyMilliWh])).toEqual([
    ['import', 400],
    ['export', 300],
  ]);
});

test('each bill tells what it would have been without the battery, and without sun and battery', () => {
  const tariffs = configured('- {import: 0.4, export: 0.1, settle: {net_metering: {}}}');
  const startMs = dayStart(ZONE, '2026-06-01');
  const walk = walkOf(tariffs, ['battery']);
  walk.take({startMs, cells: [cell('solar', 'battery', 5_000_000), cell('solar', 'home', 1_000_000)]}, true);
  walk.take(
    {startMs: startMs + 40 * SLOT_MS, cells: [cell('battery', 'home', 4_000_000, 'solar', 'battery'), cell('grid', 'home', 2_000_000)]},
    true,
  );
  const [bill] = walk.end(dayStart(ZONE, '2026-07-01')).bills;
  // One to one, the battery only loses: without it 5 kWh are banked against 6 kWh that are used.
  expect([bill?.duePico, bill?.withoutBatteryPico, bill?.withoutOwnPico]).toEqual([800_000_000_000n, 400_000_000_000n, 2_800_000_000_000n]);
});
