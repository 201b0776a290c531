// The configuration file: one schema that checks it, types it, and prints the JSON Schema for editors.

import {isIP} from 'node:net';
import {validate} from 'node-cron';
import {z} from 'zod';
import {MOST_REGISTERS} from '../core/modbus.ts';
import {nearestZone} from '../core/nearest.ts';
import {POLICIES, WITHDRAWALS} from '../core/site.ts';
import {tariffsSchema} from './tariffs.ts';
import {duration, id, partName, partRef, pointRef, secret} from './values.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;
const DAY_MS = 86_400_000;

const isZone = (zone: string): boolean => {
  // A zone by its offset may be one that no quarter hour fits.
  if (/^[+-]/.test(zone)) return false;
  try {
    new Intl.DateTimeFormat('en', {timeZone: zone});
    return true;
  } catch {
    return false;
  }
};
const timezone = z.string().refine(isZone, {
  error: ({input}) => {
    const near = nearestZone(String(input));
    return `expected an IANA time zone, such as Europe/Berlin${near === null ? '' : `; did you mean "${near}"?`}`;
  },
});

/** `HOST:PORT` to listen on, with a port that exists. */
const listenAt = (example: string) =>
  z
    .string()
    .regex(/^(\[[0-9a-fA-F:.]+\]|[^:\s]+):\d{1,5}$/, `expected HOST:PORT, such as ${example}`)
    .refine(text => Number(/\d+$/.exec(text)?.[0]) <= 65_535, 'expected a port up to 65535');
const nonEmpty = z.string().min(1);

const site = z.strictObject({
  id: id.default('home').describe('Part of every MQTT unique id; never change it.'),
  name: z.string().min(1).default('Home'),
  timezone: timezone.default(() => Intl.DateTimeFormat().resolvedOptions().timeZone).describe('Days are local days of this zone.'),
  currency: z
    .string()
    .regex(/^[A-Z]{3}$/, 'expected a currency code such as EUR')
    .default('EUR'),
});

const link = z.strictObject({
  url: z.string().describe('tcp://HOST[:502], rtu:///dev/serial/by-id/NAME?baud=9600, rtu+tcp://HOST:PORT, …'),
  timeout: duration(50, MINUTE_MS).optional().describe('Longest wait for an answer.'),
  min_gap: duration(0, 10_000).optional().describe('Pause between two requests.'),
});

const device = z.strictObject({
  profile: z.string(),
  link: id,
  unit: z.int().min(0).max(255).optional().describe("The device's unit id; the profile's usual one if left out."),
  units: z.record(z.string(), z.int().min(0).max(255)).default({}).describe('Further unit ids, as the profile names them.'),
  options: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])).default({}),
  invert: z
    .union([partName.transform(part => [part]), z.array(partName)])
    .default([])
    .describe('Parts that are mounted the other way round, such as meter: powers change sign, counters change places.'),
  max_registers: z.int().min(1).max(MOST_REGISTERS).optional().describe('Largest block a gateway in between can carry.'),
  every: duration(500, HOUR_MS).optional().describe('Slower than `poll.every` for this device.'),
  plausible: z
    .record(
      z.string(),
      z.tuple([z.number(), z.number()]).refine(([least, most]) => least < most, 'expected the least value, then the greatest: [-30, 80]'),
    )
    .default({})
    .describe("Ranges outside of which a value is not believed, by point, in place of the profile's: {battery.temperature_c: [-30, 80]}."),
});

const refs = z.union([partRef.transform(ref => [ref]), z.array(partRef)]);

const map = z.strictObject({
  grid: z
    .union([
      partRef.transform(meter => ({meter, at: 'grid' as const, state: undefined})),
      z.strictObject({
        meter: partRef,
        at: z.enum(['grid', 'load']).default('grid').describe('load: the meter measures the house, the grid is derived.'),
        state: pointRef.optional().describe('A point that says whether the grid is there.'),
      }),
    ])
    .optional()
    .describe("The meter at the utility's boundary: + import."),
  hybrid: z
    .array(z.strictObject({id, pv: refs.default([]), battery: refs.default([]), ac: partRef}))
    .default([])
    .describe('Inverters with solar and battery on one DC bus; losses are booked.'),
  solar: refs.default([]).describe('AC-side generation.'),
  wind: refs.default([]),
  generator: refs.default([]),
  battery: refs.default([]).describe('AC-side batteries.'),
  loads: z.record(id, partRef).default({}).describe('Metered loads.'),
  home: partRef.optional().describe('A meter of the whole house.'),
  cascade: z
    .strictObject({meter: partRef, loads: z.array(id).min(1)})
    .optional()
    .describe('A second meter below the grid meter; these loads hang above it.'),
});

const ids = z.array(id).default([]);
const flows = z.strictObject({
  policy: z.enum(POLICIES).default('solar-first'),
  netting: z.enum(['net', 'per-phase']).default('net').describe('How the utility counts the three phases.'),
  withdrawal: z.enum(WITHDRAWALS).default('proportional').describe('Which energy leaves a battery first.'),
  source_order: ids.describe('Sources that serve first, in this order.'),
  sink_order: ids.describe('Sinks that are served first, in this order.'),
  efficiency: z.number().gt(0.3).lte(1).default(0.85).describe('Round-trip efficiency of batteries until it has been measured.'),
  limits: z.record(id, z.number().positive()).default({}).describe('Largest believable power of a channel, W.'),
  sigma: z
    .record(
      id,
      z.union([
        z
          .number()
          .nonnegative()
          .transform(w => ({w, share: 0})),
        z.strictObject({w: z.number().nonnegative().default(0), share: z.number().min(0).max(1).default(0)}),
      ]),
    )
    .default({})
    .describe('Uncertainty (one standard deviation) of a channel: watts, or {w, share}.'),
  age: z
    .record(id, duration(0, MINUTE_MS))
    .default({})
    .describe('How old the registers of a channel are when read; learned at night where left out.'),
});

const store = z.strictObject({
  path: nonEmpty.optional().describe('The database file.'),
  commit_every: duration(1000, 15 * MINUTE_MS)
    .default(MINUTE_MS)
    .describe('What a power cut may cost, against what the SD card wears.'),
  keep_raw: duration(DAY_MS, 3660 * DAY_MS)
    .default(30 * DAY_MS)
    .describe('How long every single reading is kept.'),
  keep_quarters: duration(31 * DAY_MS, 36_600 * DAY_MS)
    .optional()
    .describe('How long quarter hours of single points are kept, else for ever; their days and the ledger stay in any case.'),
  archive: z.boolean().default(false).describe('Keep all raw readings compressed.'),
  backup: z
    .strictObject({
      folder: nonEmpty.describe('Where copies go; best on another disk.'),
      cron: z
        .string()
        .regex(/^(\S+\s+){4}\S+$/, 'expected five fields of a cron expression, such as "17 3 * * *"')
        .refine(text => validate(text), 'is no cron expression; expected minute, hour, day, month and weekday, such as "17 3 * * *"')
        .default('17 3 * * *')
        .describe("When, in the site's time zone."),
      keep: z.int().min(1).max(1000).default(7),
    })
    .optional()
    .describe('Verified copies of the database, by the clock.'),
  budget_mb_per_day: z
    .number()
    .positive()
    .optional()
    .describe('Commits are put further apart, up to 15 min, where more than this would be written in a day.'),
});

/** Whole levels, no wildcards, and none of the broker's own (`$SYS`). */
const topic = z
  .string()
  .regex(/^[^#+\s/$][^#+\s/]*(\/[^#+\s/]+)*$/, 'expected a topic without wildcards and empty levels, such as home/wattledger');

const mqtt = z.strictObject({
  url: z
    .string()
    .regex(/^(mqtts?|wss?|tcp|ssl):\/\//, 'expected mqtt://HOST:1883, mqtts://, ws:// or wss://')
    .refine(url => URL.canParse(url) && new URL(url).hostname !== '', 'is no URL; expected mqtt://HOST:1883, mqtts://, ws:// or wss://'),
  base: topic.default('wattledger'),
  client_id: z.string().optional(),
  username: z.string().optional(),
  password: secret.optional(),
  homeassistant: z
    .union([
      z.boolean(),
      z.strictObject({
        prefix: topic.default('homeassistant'),
        status_topic: topic.optional(),
        style: z.enum(['device', 'single']).default('device'),
      }),
    ])
    .default(true),
  history: z.boolean().default(false).describe('Store and forward quarter hours, in order, at least once.'),
  protocol: z.union([z.literal('auto'), z.literal(5), z.literal(4)]).default('auto'),
  min_interval: duration(0, HOUR_MS).default(1000).describe('Shortest time between two state messages of one topic.'),
  energy_interval: duration(0, HOUR_MS)
    .default(10_000)
    .describe(
      'Shortest time between two messages of the totals; at each quarter hour they come at once. Whoever records every change is spared.',
    ),
  tls: z
    .strictObject({
      ca: z.string().optional().describe('File with the certificate authority.'),
      cert: z.string().optional(),
      key: z.string().optional(),
      servername: z.string().optional(),
      verify: z.boolean().default(true),
    })
    .default({verify: true}),
});

const http = z.strictObject({
  listen: listenAt('127.0.0.1:8080').default('127.0.0.1:8080'),
  hosts: z
    .array(z.string().regex(/^([^\s:/*[\]]+|[0-9a-fA-F:]+)$/, 'expected the name of a machine, without http:// and without a port'))
    .default([])
    .describe('Further names under which the page is opened.'),
  password: secret.optional(),
  token: secret.optional(),
  trust_proxy: z
    .array(z.string().refine(text => isIP(text) !== 0, 'expected the address of one machine, such as 192.168.1.2'))
    .default([])
    .describe('Addresses of reverse proxies whose headers are believed.'),
});

const every = duration(500, HOUR_MS);

const proxy = z.strictObject({
  listen: listenAt('127.0.0.1:1502').describe(
    'Where other programs read this link as Modbus TCP. It only reads; anybody who reaches it can.',
  ),
  cache: duration(0, MINUTE_MS).default(1000).describe('Answers this young are given again without asking the device.'),
});

export const configSchema = z.strictObject({
  version: z.literal(1, {error: 'expected `version: 1`'}),
  site: site.prefault({}),
  profiles: z
    .union([z.string().transform(path => [path]), z.array(z.string())])
    .default([])
    .describe('Your own folders of device profiles.'),
  links: z.record(id, link).default({}),
  devices: z.record(id, device).default({}),
  map: map.prefault({}),
  poll: z
    .strictObject({
      every: every.default(2000).describe('The beat: powers are read, flows are solved, outlets are told.'),
      counters: every.default(MINUTE_MS).describe('Energy counters, temperatures and the like; also at each quarter hour.'),
    })
    .prefault({}),
  flows: flows.prefault({}),
  tariffs: tariffsSchema,
  store: store.prefault({}),
  mqtt: z.union([z.literal(false), mqtt, z.array(mqtt)]).default(false),
  http: z.union([z.literal(false), http]).prefault({}),
  proxy: z.record(id, proxy).default({}).describe('Links offered to other programs, by the name of the link.'),
  log: z.strictObject({level: z.enum(['debug', 'info', 'warn', 'error']).default('info')}).prefault({}),
});
export type ConfigFile = z.infer<typeof configSchema>;

/** The JSON Schema for editors, as published in config/site.schema.json. */
export const configJsonSchema = (): unknown => z.toJSONSchema(configSchema, {io: 'input', unrepresentable: 'any'});
