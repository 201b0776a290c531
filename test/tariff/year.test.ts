// A year of quarter hours under every rule of settlement, against rationals: equal to the last 10^-12 of the currency.

import {describe, expect, test} from 'vitest';
import {dayStart} from '../../src/core/flow/slots.ts';
import {startWalk} from '../../src/core/tariff/money.ts';
import {addMoney, type MoneyCell, noMoney} from '../../src/core/tariff/value.ts';
import {configured} from './configured.ts';
import {
  decimalOf,
  isLess,
  type Local,
  least,
  localClock,
  minus,
  picoOf,
  plus,
  type Rational,
  ratio,
  sharedOut,
  sumOf,
  times,
  toMillionth,
  toPico,
  ZERO,
} from './rational.ts';

const ZONE = 'Europe/Berlin';
const QUARTER_MS = 900_000;
const HOLIDAYS = ['12-25', '10-03', '05-01'];
const TAX = decimalOf('1.19');
const gross = (text: string): Rational => toMillionth(times(decimalOf(text), TAX));

/** Two tariffs, the second from the middle of a day in the middle of a month; series for imports in the second half where `dynamic`. */
const yamlOf = (year: number, settle: string, dynamic: boolean): string => `
holidays: [${HOLIDAYS.map(day => `${year}-${day}`).join(', ')}]
series: {spot: {file: spot.csv}}
periods:
  - name: first
    import:
      - {name: winter peak, price: 0.4213, months: oct-mar, days: mon-fri, hours: ["07:00-09:30", "17:00-20:00"]}
      - {name: night, price: 0.180001, hours: "22:00-06:00"}
      - {name: weekend, price: 0.25, days: [sat, sun, holiday]}
      - {name: day, price: 0.310001}
    export: [{name: summer, price: 0.0711, months: apr-sep}, {name: winter, price: 0.0822}]
    tax: 1.19
    non_bypassable: 0.0213
    fixed: {per_day: 0.05, per_month: 12.4, per_year: ${year % 4 === 0 ? 36.6 : 36.5}}
    capacity: [{kw: 5, per_kw_day: 0.0213}, {kw: 2.5, per_kw_day: 0.004}]
    demand: {per_kw: 4.12, days: mon-fri, hours: "16:00-20:00"}
    paid_origins: [solar]
    unpaid_below_zero: spot
    co2: [{name: night, price: 401.5, hours: "22:00-06:00"}, {name: day, price: 363}]
    settle: ${settle}
  - name: second
    from: ${year}-07-15T12:00
    import: ${dynamic ? '{series: spot, factor: 1.05, add: 0.1234}' : '[{name: night, price: 0.2, hours: "22:00-06:00"}, {name: day, price: 0.29}]'}
    export: 0.05
    non_bypassable: 0.01
    fixed: {per_month: 9.3}
    capacity: {kw: 3.45, per_kw_day: 0.1}
    demand: {per_kw: 3.5, least_kw: 7.9, average_of: 4}
    paid_origins: [solar]
    co2: 350
    settle: ${settle}
`;

type Quarter = {
  readonly startMs: number;
  readonly local: Local;
  readonly first: boolean;
  readonly bought: Rational;
  readonly sold: Rational;
  readonly bucket: string;
  readonly buy: Rational | null;
  readonly sell: Rational | null;
  readonly co2: Rational;
};

/** Prices by the tariff's own words, read once more by hand. */
function priced(startMs: number, local: Local, first: boolean, spot: Rational | null, dynamic: boolean) {
  const {day, month, weekday, time} = local;
  const holiday = HOLIDAYS.includes(day.slice(5));
  const working = weekday >= 1 && weekday <= 5 && !holiday;
  const night = time >= '22:00' || time < '06:00';
  if (!first) {
    const price = dynamic
      ? spot
        ? plus(toMillionth(times(spot, decimalOf('1.05'))), decimalOf('0.1234'))
        : null
      : decimalOf(night ? '0.2' : '0.29');
    return {startMs, bucket: dynamic ? 'all day' : night ? 'night' : 'day', buy: price, sell: decimalOf('0.05'), co2: ratio(350)};
  }
  const peak = (month >= 10 || month <= 3) && working && ((time >= '07:00' && time < '09:30') || (time >= '17:00' && time < '20:00'));
  const [bucket, price] = peak
    ? ['winter peak', '0.4213']
    : night
      ? ['night', '0.180001']
      : working
        ? ['day', '0.310001']
        : ['weekend', '0.25'];
  const sell = spot && (isLess(spot, ZERO) ? ZERO : decimalOf(month >= 4 && month <= 9 ? '0.0711' : '0.0822'));
  return {startMs, bucket, buy: gross(price as string), sell, co2: decimalOf(night ? '401.5' : '363')};
}

/** What is due for energy in each month, and what is left at the end of the year. */
function settled(
  rule: string,
  months: readonly (readonly Quarter[])[],
): {due: Rational[]; bank: Record<string, Rational>; credit: Rational} {
  let bank: Record<string, Rational> = {};
  let credit = ZERO;
  const worth = (list: readonly Quarter[], rest: readonly (readonly [Rational, Rational])[]): Rational =>
    sumOf(
      list.map((one, at) => {
        const [bought, sold] = rest[at] as [Rational, Rational];
        return minus(one.buy ? times(bought, one.buy) : ZERO, one.sell ? times(sold, one.sell) : ZERO);
      }),
    );
  const netted = (list: readonly Quarter[], keyOf: (one: Quarter) => string): Rational => {
    const rest = list.map((one): [Rational, Rational] => [one.bought, one.sold]);
    for (const members of Map.groupBy(list.keys(), at => keyOf(list[at] as Quarter)).values()) {
      const [bought, sold] = [members.map(at => rest[at]?.[0] ?? ZERO), members.map(at => rest[at]?.[1] ?? ZERO)];
      const off = least(sumOf(bought), sumOf(sold));
      const [boughtOff, soldOff] = [sharedOut(off, bought), sharedOut(off, sold)];
      members.forEach((at, index) => {
        rest[at] = [minus(bought[index] ?? ZERO, boughtOff[index] ?? ZERO), minus(sold[index] ?? ZERO, soldOff[index] ?? ZERO)];
      });
    }
    return worth(list, rest);
  };
  const yearBegin = rule === 'year' ? 0 : 6;
  const due = months.map((list, month) => {
    switch (rule) {
      case '15m':
        return netted(list, one => `${one.startMs} ${one.bucket}`);
      case '1h':
        return netted(list, one => `${Math.floor(one.startMs / 3_600_000)} ${one.bucket}`);
      case 'month':
        return netted(list, one => one.bucket);
      case 'year':
      case '{year: {from: jul}}': {
        const from = month >= yearBegin ? yearBegin : 0;
        const upTo = (end: number): Rational => netted(months.slice(from, end).flat(), one => one.bucket);
        return minus(upTo(month + 1), month > from ? upTo(month) : ZERO);
      }
      case 'net_billing': {
        const cost = sumOf(list.map(one => (one.buy ? times(one.bought, one.buy) : ZERO)));
        const available = plus(credit, sumOf(list.map(one => (one.sell ? times(one.sold, one.sell) : ZERO))));
        const used = least(cost, available);
        credit = minus(available, used);
        return minus(cost, used);
      }
      case '{net_metering: {true_up: apr, price: 0.031}}': {
        let sum = ZERO;
        for (const [bucket, members] of Map.groupBy(list, one => one.bucket)) {
          const all = sumOf(members.map(one => one.bought));
          const against = plus(sumOf(members.map(one => one.sold)), bank[bucket] ?? ZERO);
          const off = least(all, against);
          bank = {...bank, [bucket]: minus(against, off)};
          const offEach = sharedOut(
            off,
            members.map(one => one.bought),
          );
          sum = plus(sum, sumOf(members.map((one, at) => (one.buy ? times(minus(one.bought, offEach[at] ?? ZERO), one.buy) : ZERO))));
        }
        if (month !== 3) return sum;
        const surplus = sumOf(Object.values(bank));
        bank = {};
        return minus(sum, times(surplus, decimalOf('0.031')));
      }
      default:
        return worth(
          list,
          list.map(one => [one.bought, one.sold]),
        );
    }
  });
  return {due, bank, credit};
}

/** Fixed, non-bypassable and demand charges of each month. */
function charges(months: readonly (readonly Quarter[])[], year: number): Rational[] {
  const peaks: Rational[] = [];
  return months.map((list, month) => {
    const nonBypassable = sumOf(list.map(one => times(one.bought, one.first ? gross('0.0213') : decimalOf('0.01'))));
    let highest: {readonly bought: Rational; readonly first: boolean} = {bought: ratio(-1), first: true};
    for (const {first, local, bought} of list) {
      const working = local.weekday >= 1 && local.weekday <= 5 && !HOLIDAYS.includes(local.day.slice(5));
      if (first && !(working && local.time >= '16:00' && local.time < '20:00')) continue;
      if (isLess(highest.bought, bought)) highest = {bought, first};
    }
    const peakKw = times(highest.bought, ratio(4));
    peaks.push(!highest.first && isLess(peakKw, decimalOf('7.9')) ? decimalOf('7.9') : peakKw);
    const counted = highest.first ? peaks.slice(-1) : peaks.slice(-4);
    const demand = toPico(times(times(sumOf(counted), ratio(1, counted.length)), highest.first ? gross('4.12') : decimalOf('3.5')));
    const capacityPerDay = plus(times(gross('0.0213'), ratio(5)), times(gross('0.004'), decimalOf('2.5')));
    const days = new Date(Date.UTC(year, month + 1, 0)).getUTCDate();
    // The first tariff has the days before 15 July, whose noon the second begins at.
    const own = month < 6 ? days : month === 6 ? 14 : 0;
    const perDay = plus(gross('0.05'), times(gross(year % 4 === 0 ? '36.6' : '36.5'), ratio(1, year % 4 === 0 ? 366 : 365)));
    const fixed = sumOf([
      times(capacityPerDay, ratio(own)),
      times(times(decimalOf('0.1'), decimalOf('3.45')), ratio(days - own)),
      times(perDay, ratio(own)),
      times(gross('12.4'), ratio(own, days)),
      times(decimalOf('9.3'), ratio(days - own, days)),
    ]);
    return sumOf([nonBypassable, demand, fixed]);
  });
}

const cell = (source: string, sink: string, energyMilliWh: number, origin = source, label = 'exported'): MoneyCell =>
  ({origin, via: origin === source ? 'direct' : source, source, sink, energyMilliWh, label}) as MoneyCell;

describe.each([
  [2026, false],
  [2028, true],
])('%i', (year, dynamic) => {
  const clock = localClock(ZONE);
  let seed = year;
  const random = (below: number): number => {
    seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
    return Math.floor((seed / 2_147_483_648) * below);
  };
  const changeMs = dayStart(ZONE, `${year}-07-15`) + 12 * 3_600_000;
  const spots = new Map<number, Rational>();
  const quarters: (Quarter & {readonly cells: MoneyCell[]})[] = [];
  for (let startMs = dayStart(ZONE, `${year}-01-01`); startMs < dayStart(ZONE, `${year + 1}-01-01`); startMs += QUARTER_MS) {
    const local = clock(startMs);
    // One spot price in fifty is missing, one in ten is below zero; every hundredth quarter hour is not in the ledger.
    const spot = random(50) === 0 ? null : ratio(random(300_000) - 30_000, 1_000_000);
    if (spot) spots.set(startMs, spot);
    const night = local.time < '08:00' || local.time >= '18:00';
    const [imported, own, exported, late] = [
      random(night ? 2_000_000 : 300_000),
      random(900_000),
      random(night ? 0 : local.month > 3 && local.month < 10 ? 2_500_000 : 90_000),
      random(50_000),
    ];
    if (random(100) === 0) continue;
    quarters.push({
      ...priced(startMs, local, startMs < changeMs, spot, dynamic),
      local,
      first: startMs < changeMs,
      bought: ratio(imported, 1_000_000),
      sold: ratio(exported, 1_000_000),
      cells: [
        cell('grid', 'home', imported, 'grid', 'imported'),
        cell('solar', 'home', own, 'solar', 'btm_consumed'),
        cell('solar', 'grid', exported),
        cell('battery', 'grid', late, 'grid', 're_exported'),
      ],
    });
  }
  const months = Array.from({length: 12}, (_, month) => quarters.filter(({local}) => local.month === month + 1));
  const charged = charges(months, year);
  const walked = (settle: string) => {
    const tariffs = configured(yamlOf(year, settle, dynamic));
    const series = (_: string, startMs: number): number | undefined => {
      const spot = spots.get(startMs);
      return spot && Number(spot.n);
    };
    const walk = startWalk({tariffs, zone: ZONE, series, batteries: ['battery'], efficiencyPpm: 1_000_000, stocksFromMs: 0, bills: true});
    const sum = noMoney();
    for (const {startMs, cells} of quarters) addMoney(sum, walk.take({startMs, cells}, true).money);
    return {sum, ...walk.end(dayStart(ZONE, `${year + 1}-01-01`))};
  };

  test.each([
    'registers',
    '15m',
    '1h',
    'month',
    'year',
    '{year: {from: jul}}',
    'net_billing',
    '{net_metering: {true_up: apr, price: 0.031}}',
  ])('settled by %s: twelve bills', settle => {
    const {bills} = walked(settle);
    const expected = settled(settle, months);
    expect(bills.map(bill => [bill.month, bill.complete, bill.duePico])).toEqual(
      expected.due.map((due, month) => [`${year}-${String(month + 1).padStart(2, '0')}`, true, picoOf(plus(due, charged[month] ?? ZERO))]),
    );
    expect(bills.at(-1)?.carry.creditPico).toBe(picoOf(expected.credit));
    expect(bills.at(-1)?.carry.bankMilliWh).toEqual(
      Object.fromEntries(Object.entries(expected.bank).map(([bucket, energy]) => [bucket, Number(energy.n)])),
    );
    expect(bills.map(bill => bill.quarterHours.stored)).toEqual(months.map(list => list.length));
  });

  test('cost, credit, savings, CO2 and what has no price', () => {
    const {sum} = walked('registers');
    const over = (worth: (one: Quarter & {cells: MoneyCell[]}) => Rational): Rational => sumOf(quarters.map(worth));
    const tax = ({first}: Quarter): Rational => (first ? gross('0.0213') : decimalOf('0.01'));
    const own = ({cells}: {cells: MoneyCell[]}): Rational => ratio(cells[1]?.energyMilliWh ?? 0, 1_000_000);
    const unpriced = quarters.filter(one => (one.buy === null && one.bought.n > 0n) || (one.sell === null && one.sold.n > 0n));
    expect(sum).toMatchObject({
      cost: picoOf(over(one => (one.buy ? times(one.bought, plus(one.buy, tax(one))) : ZERO))),
      credit: picoOf(over(one => (one.sell ? times(one.sold, one.sell) : ZERO))),
      saved: picoOf(over(one => (one.buy ? times(own(one), plus(one.buy, tax(one))) : ZERO))),
      co2: picoOf(over(one => times(one.bought, one.co2))),
      co2Saved: picoOf(over(one => times(own(one), one.co2))),
      unpricedQuarterHours: unpriced.length,
      notEligibleMilliWh: quarters.reduce((all, {cells}) => all + (cells[3]?.energyMilliWh ?? 0), 0),
    });
    expect(sum.suspendedMilliWh).toBe(
      quarters.reduce((all, {first, startMs, sold}) => all + (first && (spots.get(startMs)?.n ?? 0n) < 0n ? Number(sold.n) : 0), 0),
    );
    expect(unpriced.length).toBeGreaterThan(100);
  });
});
