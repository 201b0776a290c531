// `tariffs:` of the configuration: prices as people write them, into the tariffs of the core.

import {createRequire} from 'node:module';
import path from 'node:path';
import {z} from 'zod';
import {AppError} from '../core/errors.ts';
import {localInstant, SLOT_MS} from '../core/flow/slots.ts';
import {nearest} from '../core/nearest.ts';
import {type ByTime, type DayKind, type Price, type Settle, type Tariff, type Tariffs, WEEKDAYS, type When} from '../core/tariff/model.ts';
import {type Factor, ONE, OTHERWISE, timesFactor} from '../core/tariff/prices.ts';
import {UNITS} from '../core/tariff/series.ts';
import {placeOf, type YamlFile} from './document.ts';
import {duration, id} from './values.ts';

const PPM = 1_000_000;
const MONTHS = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'] as const;
const MONTH_WORDS: readonly string[] = MONTHS;

/** Currency with up to six decimals, as whole millionths. */
const money = z
  .number({error: 'expected a number, such as 0.3125'})
  .refine(value => Math.abs(value) < 1e9, 'is too large')
  .refine(value => Math.abs(value * PPM - Math.round(value * PPM)) < 1e-4, 'has more than six decimals')
  .transform(value => Math.round(value * PPM) + 0);

/** `nov-feb`, `[jun, jul]`, `mon-fri`: words of a ring; `apart` stand beside it and are in no range. */
const ring = (words: readonly string[], example: string, apart: readonly string[] = []) =>
  z
    .union([z.string().transform(text => text.split(/\s*,\s*/)), z.array(z.string())], {
      error: `expected words such as ${example}, or a list of them`,
    })
    .transform((list, context) => {
      const found: string[] = [];
      for (const text of list) {
        const parts = text
          .toLowerCase()
          .split('-')
          .map(part => part.trim());
        const [from, to = from] = parts.map(part => words.indexOf(part)) as [number, number?];
        const known = parts.length === 1 ? [...words, ...apart] : words;
        const stranger = parts.find(part => !known.includes(part));
        if (stranger !== undefined || parts.length > 2) {
          const near = stranger === undefined ? null : (known.find(word => stranger.startsWith(word)) ?? nearest(stranger, known));
          context.addIssue({
            code: 'custom',
            message: `found "${text}", expected ${[...words, ...apart].join(', ')}, or a range such as ${example}${near ? `; did you mean "${near}"?` : ''}`,
          });
          return z.NEVER;
        }
        if (from < 0) found.push(...parts);
        else for (let at = from; found.push(words[at] as string) && at !== to; ) at = (at + 1) % words.length;
      }
      return found;
    });

const hours = z
  .union([z.string().transform(text => [text]), z.array(z.string())], {error: 'expected "HH:MM-HH:MM", or a list of such'})
  .transform((list, context) =>
    list.map((text): readonly [number, number] => {
      const [, fromHour = '', fromMin = '', toHour = '', toMin = ''] = /^(\d{1,2}):(\d\d)\s*-\s*(\d{1,2}):(\d\d)$/.exec(text) ?? [];
      const from = Number(fromHour) * 60 + Number(fromMin);
      const to = Number(toHour) * 60 + Number(toMin);
      if (fromHour === '' || from % 15 !== 0 || to % 15 !== 0 || from > 1439 || to > 1440 || from === to)
        context.addIssue({code: 'custom', message: 'expected "HH:MM-HH:MM" at quarter hours, such as "22:00-06:00"'});
      return [from, to];
    }),
  );

const whenFields = {
  months: ring(MONTHS, 'nov-feb').optional(),
  days: ring(WEEKDAYS, 'mon-fri', ['holiday']).optional(),
  hours: hours.optional(),
};
type WhenFile = {months?: string[] | undefined; days?: string[] | undefined; hours?: (readonly [number, number])[] | undefined};

const bands = z
  .array(z.strictObject({name: z.string().min(1).optional(), price: money, ...whenFields}))
  .min(1, 'expected at least one band')
  .describe('Time of use: the first that holds, counts; one without months, days and hours is the rest.');
const seriesPrice = z.strictObject({
  series: id.describe('A series of `tariffs.series`.'),
  factor: z.number().positive().max(100).default(1),
  add: money.default(0).describe('On top of each kWh.'),
});
const price = z.union([money, bands, seriesPrice], {error: 'expected a price such as 0.3125, a list of bands, or {series: …}'});

const kilowatts = z
  .number({error: 'expected kW, such as 4.6'})
  .positive('expected kW above zero')
  .max(100_000, 'is too much')
  .refine(value => Math.abs(value * 1000 - Math.round(value * 1000)) < 1e-6, 'has more than three decimals');
const capacity = z.strictObject({
  kw: kilowatts,
  per_kw_day: money.default(0),
  per_kw_month: money.default(0),
  per_kw_year: money.default(0),
});
const AVERAGE = 'expected a number of bills from 1 to 12';
const FACTOR = 'expected a factor from 1 to 3, such as 1.19 for 19 %';
const tax = z.number({error: FACTOR}).min(1, FACTOR).max(3, FACTOR);

const period = z.strictObject({
  name: z.string().min(1).optional(),
  from: z
    .string()
    .regex(/^\d{4}-\d\d-\d\d([T ]\d\d:\d\d)?$/, 'expected a local date such as 2026-01-01, or a time such as 2026-07-01T12:00')
    .optional()
    .describe('First day of this tariff, in the site’s time zone; the first tariff may leave it out.'),
  import: price.optional().describe('Per imported kWh: a price, a list of bands, or {series: …}.'),
  export: price.optional().describe('Per exported kWh.'),
  tax: z
    .union([tax, z.array(tax).min(1, FACTOR)], {error: FACTOR})
    .default(1)
    .describe('Factor on everything that is paid, or several, one on the other; not on what is earned.'),
  non_bypassable: money.default(0).describe('Per imported kWh, whatever is set off.'),
  fixed: z
    .strictObject({per_day: money.default(0), per_month: money.default(0), per_year: money.default(0)})
    .prefault({})
    .describe('Whatever is used.'),
  capacity: z
    .union([capacity, z.array(capacity).min(1, 'expected at least one capacity')], {
      error: 'expected {kw: 4.6, per_kw_month: 2.05}, or a list of such',
    })
    .optional()
    .describe('For contracted kW, whatever is used; several where each period has its own.'),
  demand: z
    .strictObject({
      per_kw: money,
      ...whenFields,
      least_kw: kilowatts.optional().describe('Less is charged as this.'),
      average_of: z.int().min(1, AVERAGE).max(12, AVERAGE).default(1).describe("The mean of so many bills' highest is charged."),
    })
    .optional()
    .describe("Per kW of the bill's highest quarter hour."),
  paid_origins: z
    .array(z.enum(['solar', 'wind', 'generator', 'grid', 'unknown']))
    .optional()
    .describe('Origins whose export is paid; all if left out.'),
  unpaid_below_zero: id.optional().describe('Export earns nothing while this series is negative.'),
  settle: z
    .union(
      [
        z.enum(['registers', '15m', '1h', 'month', 'year', 'net_billing']),
        z.strictObject({year: z.strictObject({from: z.enum(MONTHS).describe('The year begins with the bill of this month.')})}),
        z.strictObject({
          net_metering: z.strictObject({
            true_up: z.enum(MONTHS).optional().describe('The bill of this month pays the bank out.'),
            price: money.optional().describe('For each banked kWh at the true-up.'),
          }),
        }),
      ],
      {error: 'expected registers, 15m, 1h, month, year, net_billing, or {net_metering: {…}}'},
    )
    .default('registers')
    .describe('How import and export are set off against each other.'),
  co2: price.optional().describe('Grams of CO2 in an imported kWh.'),
});

const series = z.strictObject({
  file: z.string().optional().describe('CSV: begin of the price, price.'),
  url: z
    .string()
    .regex(/^https?:\/\//, 'expected http:// or https://')
    .optional(),
  topic: z
    .string()
    .regex(/^[^#+\s/][^#+\s]*$/, 'a topic without wildcards')
    .optional()
    .describe('At the first broker of `mqtt:`; JSON as from a url.'),
  unit: z.string().optional().describe('CURRENCY/kWh (if left out), CURRENCY/MWh, ct/kWh or g/kWh; the currency is that of the site.'),
  list: z.string().default('').describe('Where in the JSON the list of prices is, such as data.prices; empty: the document itself.'),
  start: z.string().default('start').describe('Key of the begin: ISO 8601, or Unix seconds or milliseconds.'),
  price: z.string().default('price').describe('Key of the price.'),
  lasts: z
    .enum(['15m', '1h'])
    .default('1h')
    .describe('How long the last price of a list holds; the others hold until the next, an hour at most.'),
  every: duration(60_000, 86_400_000).default(3_600_000).describe('How often the file or url is read.'),
});

const AT_LEAST_ONE = 'expected at least one tariff';
const BILLING_DAY = 'expected a day from 1 to 28';

const section = z.strictObject({
  periods: z.array(period).min(1, AT_LEAST_ONE),
  billing_day: z.int().min(1, BILLING_DAY).max(28, BILLING_DAY).default(1).describe('A bill begins on this day of the month.'),
  holidays: z
    .union(
      [
        z.string().regex(/^[A-Z]{2}(-[A-Z0-9]{1,5}){0,2}$/, 'expected a country such as ES, or with its region: DE-BY'),
        z.array(z.iso.date('expected a date such as 2026-12-25')),
      ],
      {error: 'expected a country such as ES, a region such as DE-BY, or a list of dates'},
    )
    .default([])
    .describe('On these days only bands with `holiday` among their days, or without days, hold.'),
  series: z.record(id, series).default({}),
});

export const tariffsSchema = z
  .union([z.array(period).min(1, AT_LEAST_ONE), section], {error: 'expected a list of tariffs, or `periods:` with further keys'})
  .optional()
  .describe('What energy costs and earns.');
type TariffsFile = z.infer<typeof tariffsSchema>;

export type SeriesSource = {
  readonly id: string;
  readonly file: string | null;
  readonly url: string | null;
  readonly topic: string | null;
  readonly unit: string;
  readonly list: string;
  readonly start: string;
  readonly price: string;
  readonly lastsMs: number;
  readonly everyMs: number;
};
export type MoneyConfig = {readonly tariffs: Tariffs; readonly series: readonly SeriesSource[]};

type PeriodFile = z.infer<typeof period>;
type SectionFile = z.infer<typeof section>;
type PriceFile = z.infer<typeof price>;

/** Null without tariffs. Throws AppError with the line. */
export function resolveTariffs(
  file: TariffsFile,
  yaml: YamlFile,
  folder: string,
  site: {timezone: string; currency: string},
): MoneyConfig | null {
  if (!file) return null;
  const short = Array.isArray(file);
  const section: SectionFile = short ? {periods: file, billing_day: 1, holidays: [], series: {}} : file;
  const at = (index: number, ...keys: PropertyKey[]): PropertyKey[] => ['tariffs', ...(short ? [] : ['periods']), index, ...keys];
  const fail = (keys: readonly PropertyKey[], what: string): never => {
    throw new AppError('CONFIG_INVALID', placeOf(yaml, keys), `${keys.map(String).join('.')}: ${what}`);
  };
  const knows = (keys: readonly PropertyKey[], name: string): void => {
    const known = Object.keys(section.series);
    const near = nearest(name, known);
    if (!known.includes(name))
      fail(
        keys,
        `no series "${name}"${near ? `; did you mean "${near}"?` : `; known under tariffs.series: ${known.join(', ') || 'none'}`}`,
      );
  };

  const list = section.periods.map((one, index) => {
    const price = (key: 'import' | 'export' | 'co2', factor: Factor): Price | null => {
      const value = one[key];
      if (value === undefined) return null;
      if (typeof value === 'object' && 'series' in value) knows(at(index, key, 'series'), value.series);
      return priceOf(value, factor, what => fail(at(index, key), what));
    };
    const taxes = [one.tax].flat().reduce((all, factor) => product(all, factorOf(factor)), ONE);
    if (one.unpaid_below_zero !== undefined) knows(at(index, 'unpaid_below_zero'), one.unpaid_below_zero);
    const taxed = (micro: number): number => timesFactor(micro, taxes);
    const tariff: Tariff = {
      name: one.name ?? (one.from === undefined ? 'tariff' : `tariff of ${one.from}`),
      fromMs: one.from === undefined ? 0 : momentOf(one.from, site.timezone, what => fail(at(index, 'from'), what)),
      import: price('import', taxes),
      export: price('export', ONE),
      co2: price('co2', ONE),
      paidOrigins: one.paid_origins ?? null,
      unpaidBelowZero: one.unpaid_below_zero ?? null,
      nonBypassable: taxed(one.non_bypassable),
      fixed: {perDay: taxed(one.fixed.per_day), perMonth: taxed(one.fixed.per_month), perYear: taxed(one.fixed.per_year)},
      capacity: capacityOf(one.capacity, taxed),
      demand: one.demand
        ? {
            perKw: taxed(one.demand.per_kw),
            when: always(one.demand) ? null : whenOf(one.demand),
            leastMilliW: Math.round((one.demand.least_kw ?? 0) * 1_000_000),
            averageOf: one.demand.average_of,
          }
        : null,
      settle: settleOf(one.settle),
    };
    if (one.from === undefined && index > 0) fail(at(index), 'expected `from:`; only the first tariff holds since ever');
    return tariff;
  });
  list.forEach((tariff, index) => {
    const before = list[index - 1];
    if (before && tariff.fromMs <= before.fromMs) fail(at(index, 'from'), 'expected a later day than that of the tariff before it');
  });
  const series = Object.entries(section.series).map(([name, one]): SeriesSource => {
    const keys = ['tariffs', 'series', name];
    if ([one.file, one.url, one.topic].filter(source => source !== undefined).length !== 1)
      fail(keys, 'expected one of file, url and topic');
    const unit = one.unit ?? `${site.currency}/kWh`;
    const units = [`${site.currency}/kWh`, `${site.currency}/MWh`, ...Object.keys(UNITS)];
    // Another currency would be taken for the site's own; its rate belongs into `factor`, where a person has seen it.
    if (!units.includes(unit)) fail([...keys, 'unit'], `found "${unit}", expected ${units.join(', ')}`);
    return {
      id: name,
      file: one.file === undefined ? null : path.resolve(folder, one.file),
      url: one.url ?? null,
      topic: one.topic ?? null,
      unit,
      list: one.list,
      start: one.start,
      price: one.price,
      lastsMs: one.lasts === '15m' ? SLOT_MS : 4 * SLOT_MS,
      everyMs: one.every,
    };
  });
  const holidays =
    typeof section.holidays === 'string' ? holidaysOf(section.holidays, what => fail(['tariffs', 'holidays'], what)) : section.holidays;
  return {tariffs: {currency: site.currency, list, holidays, billingDay: section.billing_day}, series};
}

function momentOf(text: string, zone: string, fail: (what: string) => never): number {
  const [, day = '', hour = '0', minute = '0'] = /^(\d{4}-\d\d-\d\d)(?:[T ](\d\d):(\d\d))?$/.exec(text) ?? [];
  if (Number(hour) > 23 || Number(minute) % 15 !== 0 || Number(minute) > 59)
    fail(`found "${text}", expected a quarter hour, such as 2026-07-01T12:00`);
  try {
    return localInstant(zone, day, Number(hour) * 60 + Number(minute));
  } catch {
    return fail(`"${day}" is no date`);
  }
}

function whenOf({months, days, hours}: WhenFile): When {
  return {
    months: months?.map(month => MONTH_WORDS.indexOf(month) + 1) ?? null,
    days: (days as DayKind[] | undefined) ?? null,
    hours: hours ?? null,
  };
}

const always = ({months, days, hours}: WhenFile): boolean => months === undefined && days === undefined && hours === undefined;

/** A number up to a hundred in parts of 10^-12: below 2^53, so that no digit of it is lost. */
const factorOf = (value: number): Factor => BigInt(Math.round(value * 1e12));
const product = (a: Factor, b: Factor): Factor => (2n * a * b + ONE) / (2n * ONE);

function priceOf(value: PriceFile, factor: Factor, fail: (what: string) => never): Price {
  if (typeof value === 'number') return {kind: 'flat', micro: timesFactor(value, factor)};
  if (!Array.isArray(value))
    return {
      kind: 'series',
      series: value.series,
      factor: product(factorOf(value.factor), factor),
      addMicro: timesFactor(value.add, factor),
    };
  const names = new Set<string>();
  const list = value.flatMap((band, index) => {
    const name = band.name ?? (always(band) ? OTHERWISE : `band ${index + 1}`);
    if (names.has(name)) fail(`two bands are called "${name}"`);
    names.add(name);
    if (always(band) && index < value.length - 1) fail(`"${name}" always holds; what stands after it never would`);
    return [{name, micro: timesFactor(band.price, factor), when: whenOf(band)}];
  });
  return {kind: 'bands', bands: list, otherwise: null};
}

/** Prices times kW, each rounded to a millionth once. */
function capacityOf(file: PeriodFile['capacity'], taxed: (micro: number) => number): ByTime {
  const sum = (price: (one: z.infer<typeof capacity>) => number): number =>
    [file ?? []].flat().reduce((all, one) => all + timesFactor(taxed(price(one)), BigInt(Math.round(one.kw * 1000)) * (ONE / 1000n)), 0);
  return {perDay: sum(one => one.per_kw_day), perMonth: sum(one => one.per_kw_month), perYear: sum(one => one.per_kw_year)};
}

function settleOf(value: PeriodFile['settle']): Settle {
  if (value === 'registers') return {kind: 'registers'};
  if (value === 'net_billing') return {kind: 'net-billing'};
  if (value === 'year') return {kind: 'year', fromMonth: 1};
  if (typeof value === 'string') return {kind: 'interval', every: value};
  if ('year' in value) return {kind: 'year', fromMonth: MONTHS.indexOf(value.year.from) + 1};
  const {true_up: month, price: micro} = value.net_metering;
  return {kind: 'net-metering', trueUpMonth: month === undefined ? null : MONTHS.indexOf(month) + 1, trueUpMicro: micro ?? null};
}

const FIRST_YEAR = 2015;
const LAST_YEAR = 2060;

/** Public holidays of a country or one of its regions, from the library's tables; loaded only where a configuration asks for them. */
function holidaysOf(code: string, fail: (what: string) => never): string[] {
  type Holidays = {getHolidays(year: number): {date: string; type: string}[]; getCountries(): Record<string, string>};
  const Library = createRequire(import.meta.url)('date-holidays') as new (...place: string[]) => Holidays;
  const [country = '', ...region] = code.split('-');
  const known = new Library().getCountries();
  if (!(country in known)) fail(`no holidays are known for "${country}"; list the days instead`);
  const calendar = new Library(country, ...region);
  const days: string[] = [];
  for (let year = FIRST_YEAR; year <= LAST_YEAR; year++)
    for (const {date, type} of calendar.getHolidays(year) ?? []) if (type === 'public') days.push(date.slice(0, 10));
  if (days.length === 0) fail(`no holidays are known for "${code}"; list the days instead`);
  return days;
}
