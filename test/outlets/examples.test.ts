// The examples for other programs, held against what is really published, stored and offered.

import {spawnSync} from 'node:child_process';
import {readFileSync} from 'node:fs';
import {runInNewContext} from 'node:vm';
import {describe, expect, test} from 'vitest';
import {parse} from 'yaml';
import {quoted} from '../../src/core/sentences/say.ts';
import {metricsText} from '../../src/http/metrics.ts';
import {discoveries} from '../../src/outlets/mqtt/homeassistant.ts';
import {bench, hasShell, shell, shellTitle} from '../store/harness.ts';
import {good, START_MS, slot, record as stored} from '../store/house.ts';
import {HEALTH, record, SITE} from './house.ts';

const example = (name: string): string => readFileSync(`docs/examples/${name}`, 'utf8');
const beat = record(1, 10);
/** Keys that the house publishes, by the last two levels of the topic. */
const KEYS: Readonly<Record<string, readonly string[]>> = {
  'wattledger/site/state': Object.keys(beat.state ?? {}),
  'wattledger/site/energy': Object.keys(beat.energy ?? {}),
};

describe('evcc', () => {
  const {meters, site} = parse(example('evcc.yaml')) as {
    meters: {name: string; type: string; [reading: string]: unknown}[];
    site: {meters: Record<string, string | string[]>};
  };
  test.each(meters.map(meter => [meter.name, meter] as const))('%s reads what is published', (_name, {name: _, type, ...readings}) => {
    expect(type).toBe('custom');
    for (const reading of Object.values(readings) as {source: string; topic: string; jq: string}[]) {
      expect(reading.source).toBe('mqtt');
      expect(KEYS[reading.topic]).toContain(reading.jq.replace(/^\./, ''));
    }
  });
  test('its site uses each meter once', () => {
    expect(Object.values(site.meters).flat().sort()).toEqual(meters.map(({name}) => name).sort());
  });
});

describe("Home Assistant's automations", () => {
  type Automation = {triggers: Record<string, unknown>[]; conditions?: Record<string, unknown>[]; actions: unknown[]};
  const {automation} = parse(example('home-assistant.yaml')) as {automation: Automation[]};
  const offered = discoveries({
    site: {...SITE, id: 'home'},
    base: 'wattledger',
    devices: HEALTH.devices,
    stateKeys: KEYS['wattledger/site/state'] ?? [],
    energyKeys: [],
    dayKeys: [],
    tariffs: false,
  }).flatMap(({components}) => Object.values(components).map(component => component['default_entity_id']));
  test('name entities that are offered and topics that are published', () => {
    const named = automation.flatMap(({triggers, conditions = []}) => [...triggers, ...conditions]).filter(one => one['entity_id']);
    expect(named.length).toBeGreaterThan(2);
    for (const one of named) expect(offered).toContain(one['entity_id']);
    for (const {actions} of automation) expect(actions.length).toBeGreaterThan(0);
  });
});

type Node = {id: string; type: string; z?: string; wires?: string[][]; broker?: string; server?: string; topic?: string; func?: string};
/** Runs a function node as Node-RED does: with its message and its contexts. */
function functionNode(nodes: readonly Node[], id: string): (msg: object) => unknown {
  const {func = ''} = nodes.find(node => node.id === id) ?? {};
  const memory = (): {get(key: string): unknown; set(key: string, value: unknown): void} => {
    const values = new Map<string, string>();
    // Through JSON, as a context store on disk does.
    return {
      get: key => (values.has(key) ? JSON.parse(values.get(key) as string) : undefined),
      set: (key, value) => void values.set(key, JSON.stringify(value)),
    };
  };
  const scope = {flow: memory(), context: memory()};
  return msg => JSON.parse(JSON.stringify(runInNewContext(`(function (msg) {${func}})`, scope)(msg) ?? null));
}

describe.each(['node-red-now.json', 'node-red-history.json'])('Node-RED: %s', name => {
  const nodes = JSON.parse(example(name)) as Node[];
  test('hangs together: ids, tabs, wires, brokers', () => {
    const ids = nodes.map(({id}) => id);
    expect(new Set(ids).size).toBe(ids.length);
    for (const {z, wires = [], broker, server} of nodes)
      for (const target of [z, broker?.startsWith('wattledger') ? broker : undefined, server, ...wires.flat()])
        if (target !== undefined) expect(ids).toContain(target);
    for (const {type, topic} of nodes.filter(node => node.type === 'mqtt in'))
      expect([type, topic]).toEqual(['mqtt in', expect.stringMatching(/^wattledger\/(site\/state|history\/site\/15m)$/)]);
  });
});

test("Node-RED: what goes to Home Assistant's API is taken from the message, in a form the node accepts", () => {
  const api = (JSON.parse(example('node-red-history.json')) as Record<string, unknown>[]).find(({type}) => type === 'ha-api');
  // It knows `json` and `jsonata` and refuses everything else at the first message.
  expect(api).toMatchObject({protocol: 'websocket', dataType: 'jsonata', data: 'payload.data'});
});

test('Node-RED: the boiler goes on with much sun, and off with little; what is not known changes nothing', () => {
  const decide = functionNode(JSON.parse(example('node-red-now.json')), 'wn_sold');
  const grid = (watts: number | null): unknown => decide({payload: {grid_power_w: watts, quality: 'ok'}});
  expect([grid(500), grid(-2500), grid(-900), grid(null), grid(-100), grid(-100)]).toEqual([
    null,
    {payload: true},
    null,
    null,
    {payload: false},
    null,
  ]);
});

test('Node-RED: quarter hours become growing hourly sums; a repeated one counts once, a corrected one shifts all that follow', () => {
  const hours = functionNode(JSON.parse(example('node-red-history.json')), 'wh_sums');
  const at = (minute: number): string => new Date(Date.UTC(2026, 10, 24, 10, minute)).toISOString();
  type Message = {payload: {data: {type: string; metadata: Record<string, unknown>; stats: {start: string; sum: number}[]}}};
  const tell = (minute: number, homeWh: number): {start: string; sum: number}[] => {
    const [messages] = hours({
      payload: {key: `site/${at(minute)}`, slot_start_utc: at(minute), totals: {home_wh: homeWh, grid_import_wh: 1}},
    }) as [Message[]];
    const home = messages.find(({payload}) => payload.data.metadata['statistic_id'] === 'wattledger:home') as Message;
    expect(home.payload.data).toMatchObject({
      type: 'recorder/import_statistics',
      metadata: {source: 'wattledger', unit_of_measurement: 'kWh', unit_class: 'energy', has_sum: true, mean_type: 0},
    });
    return home.payload.data.stats.map(({start, sum}) => ({start, sum}));
  };
  for (const minute of [0, 15, 30]) tell(minute, 250);
  expect(tell(45, 250)).toEqual([{start: at(0), sum: 1}]);
  expect(tell(45, 250)).toEqual([{start: at(0), sum: 1}]);
  expect(tell(60, 500)).toEqual([{start: at(60), sum: 1.5}]);
  expect(tell(30, 1250)).toEqual([
    {start: at(0), sum: 2},
    {start: at(60), sum: 2.5},
  ]);
});

const python = spawnSync('python3', ['-c', 'import tomllib']).status === 0;
test.skipIf(!python)(`Telegraf: the file is TOML and its topics exist${python ? '' : ' (skipped: needs python3 with tomllib)'}`, () => {
  const toml = spawnSync('python3', ['-c', 'import sys, json, tomllib; json.dump(tomllib.load(sys.stdin.buffer), sys.stdout)'], {
    input: example('telegraf.conf'),
    encoding: 'utf8',
  });
  expect(toml.stderr).toBe('');
  const {inputs} = JSON.parse(toml.stdout) as {
    inputs: {mqtt_consumer: {topics: string[]; json_time_key?: string; json_string_fields?: string[]}[]};
  };
  const topics = inputs.mqtt_consumer.flatMap(one => one.topics);
  for (const topic of topics) expect(topic).toMatch(/^wattledger\/(site\/(state|energy)|device\/\+\/(state|energy)|history\/site\/15m)$/);
  expect(KEYS['wattledger/site/state']).toContain(inputs.mqtt_consumer[0]?.json_time_key);
  for (const key of inputs.mqtt_consumer[0]?.json_string_fields ?? []) expect(KEYS['wattledger/site/state']).toContain(key);
});

test.skipIf(!hasShell)(shellTitle('history has what the examples read'), async () => {
  const place = bench();
  const store = place.open({history: true});
  await store.start();
  await store.write([stored(0, START_MS, {slots: [slot(START_MS, 1)]})], new AbortController().signal);
  await store.close(new AbortController().signal);
  const [payload = ''] = shell(place.file, "SELECT payload FROM wl_outbox WHERE topic = 'site/15m'");
  expect(JSON.parse(payload)).toMatchObject({
    key: 'site/2026-03-28T22:00:00.000Z',
    slot_start_utc: '2026-03-28T22:00:00.000Z',
    quality: 'ok',
    totals: {grid_import_wh: expect.any(Number)},
  });
});

type Panel = {title: string; targets: {queryText?: string; expr?: string; timeColumns?: string[]}[]};
const panels = (name: string): Panel[] => (JSON.parse(example(name)) as {panels: Panel[]}).panels;

describe.skipIf(!hasShell)(shellTitle('Grafana on the database'), () => {
  test.each(panels('grafana-sqlite.json').map(panel => [panel.title, panel] as const))('%s', async (_title, {targets}) => {
    const place = bench();
    const store = place.open();
    await store.start();
    const readings = [good('meter', 'grid.power_w', -1234.5)];
    const events = [{kind: 'clock-step', monoMs: 0, about: null, detail: quoted('the clock stepped')}] as const;
    await store.write(
      [stored(0, START_MS, {readings, events, slots: [slot(START_MS, 1), slot(START_MS + 900_000, 2)]})],
      new AbortController().signal,
    );
    await store.close(new AbortController().signal);
    for (const {queryText = '', timeColumns = []} of targets) {
      const query = queryText.replaceAll('$__from', `${START_MS}`).replaceAll('$__to', `${START_MS + 86_400_000}`);
      const rows = shell(place.file, query);
      expect(rows.length).toBeGreaterThan(0);
      if (timeColumns.length > 0) expect(rows[0]).toMatch(new RegExp(`^${START_MS / 1000}\\|`));
    }
  });
});

test.each(panels('grafana-prometheus.json').map(panel => [panel.title, panel] as const))(
  'Grafana on the metrics: %s',
  (_title, {targets}) => {
    const page = metricsText(beat, {...HEALTH, devices: HEALTH.devices.map(device => ({...device, faults: {timeout: 1}}))});
    const offered = new Set([...page.matchAll(/^# TYPE (\w+)/gm)].map(match => match[1]));
    for (const {expr = ''} of targets) {
      const named = expr.match(/\b(wattledger|process)_\w+/g) ?? [];
      expect(named.length).toBeGreaterThan(0);
      for (const name of named) expect(offered).toContain(name);
      for (const label of [...expr.matchAll(/by \(([^)]*)\)/g)].flatMap(match => (match[1] ?? '').split(', ')))
        expect(page).toMatch(new RegExp(`${named[0]}\\{[^}]*${label}=`));
    }
  },
);
