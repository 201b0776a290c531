// The simulated home as physical truth. The whole daemon reads it over real Modbus, day after day as fast as it can; then its ledger is held
// against the house's own books, hour by hour and cell by cell, beside what "latest value, cut off at zero" makes of the same readings.

import {mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync} from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import {setTimeout as sleep} from 'node:timers/promises';
import {type AppInfo, runApp} from '../src/app/app.ts';
import {createLogger} from '../src/app/logger.ts';
import {dataFolder} from '../src/config/folder.ts';
import {parseConfig} from '../src/config/load.ts';
import type {Sink} from '../src/core/sink.ts';
import {createComparison} from '../src/demo/comparison.ts';
import {createLatest} from '../src/demo/latest.ts';
import {diceFrom} from '../src/demo/random.ts';
import {type Scenario, type SimDevice, scenarioNamed} from '../src/demo/scenarios.ts';
import {serveHouse} from '../src/demo/serve.ts';
import {demoConfig} from '../src/demo/settings.ts';
import {createSimulation} from '../src/demo/simulation.ts';
import type {Compared} from '../src/demo/summary.ts';
import {openReader} from '../src/store/queries.ts';
import {optionsOf} from './options.ts';
import {createHastyClock, type HastyClock} from './oracle/clock.ts';
import {type Apart, apart, createHours} from './oracle/hours.ts';

const USAGE = `npm run oracle -- [--days 1] [--every 2,10,30] [--scenario villa,hybrid] [--seed 1]
Days (in whole hours: 0.125 is three) of the simulated home through the daemon, polled every so many seconds, beside its own books.
Ends with 1 where a measured total is not its register's.`;
const values = optionsOf(USAGE, {
  days: {type: 'string', default: '1'},
  every: {type: 'string', default: '2,10,30'},
  scenario: {type: 'string', default: 'villa,hybrid'},
  seed: {type: 'string', default: '1'},
});
const [days, seed] = [Number(values.days), Number(values.seed)];
const paces = values.every.split(',').map(Number);
if (!(days > 0 && Number.isInteger(days * 24)) || !Number.isSafeInteger(seed) || !paces.every(pace => pace >= 1)) {
  console.error(`expected whole hours, at least a second, and a whole seed\n${USAGE}`);
  process.exit(2);
}
function scenariosOf(names: string): Scenario[] {
  try {
    return names.split(',').map(scenarioNamed);
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : error}\n${USAGE}`);
    process.exit(2);
  }
}
const scenarios = scenariosOf(values.scenario);

/** Both ends of a span may stand anywhere inside a step of the register. */
const STEPS_APART = 2;
const DAY_MS = 86_400_000;
/** A clear day in June, UTC: sun, night charging and evening export are all in it. */
const START_MS = Date.UTC(2026, 5, 10);
/** The second and the third device answer this much after the meter, and up to a second more. */
const skewMs = (everyS: number): number => (everyS >= 30 ? 5000 : everyS >= 10 ? 4000 : 500);
const HEATING_MS = 200;
const WATCH = 'oracle';
/** So many beats may wait for the comparison before the house goes on: it remembers half an hour. */
const MOST_QUEUED = 20;
/** Rows that wait for their commit are no reason to wait, but so many are. */
const MOST_ROWS = 4000;

/** The meter answers at once, every other device so much after it in its first request of a sweep. */
function tardy(everyS: number, clock: HastyClock): (device: SimDevice) => Promise<void> {
  const dice = diceFrom(seed + 17);
  const sweeps = new Map<string, number>();
  /** Beats fall on whole multiples of their pace. */
  const sweep = (): number => Math.floor(clock.monoMs() / (everyS * 1000));
  const isNew = (id: string): boolean => sweeps.get(id) !== sweep();
  let meter: string | null = null;
  const afterMeter: (() => void)[] = [];
  return async ({id, plays}) => {
    const first = isNew(id);
    sweeps.set(id, sweep());
    if (plays === 'grid') {
      meter = id;
      for (const go of afterMeter.splice(0)) go();
    } else if (first) {
      if (meter === null || isNew(meter)) await new Promise<void>(go => afterMeter.push(go));
      await clock.delay(plays === 'heat_pump' ? HEATING_MS : skewMs(everyS) + dice.whole(0, 999));
      sweeps.set(id, sweep());
    }
  };
}

/** The meters' own profile, but for the pause a serial line needs between two units: in real time it would last longer than all the rest. */
function withoutPauses(folder: string): void {
  const name = 'eastron-sdm630.yaml';
  mkdirSync(folder);
  const text = readFileSync(path.join(dataFolder('profiles'), name), 'utf8');
  writeFileSync(path.join(folder, name), text.replace(/unit_pause_ms: \d+/, 'unit_pause_ms: 0'));
}

type Outcome = {readonly totals: Compared; readonly apart: Apart; readonly realS: number};

async function live(scenario: Scenario, everyS: number): Promise<Outcome> {
  const began = performance.now();
  const folder = mkdtempSync(path.join(os.tmpdir(), 'wattledger-oracle-'));
  const ended = new AbortController();
  let info: AppInfo | null = null;
  const isBehind = (): boolean =>
    (info?.health().sinks ?? []).some(({name, queued}) => queued > (name === WATCH ? MOST_QUEUED : MOST_ROWS));
  const clock = createHastyClock(START_MS, days * DAY_MS + 1000, ended, async () => {
    while (isBehind()) await sleep(1);
  });
  const simulation = createSimulation({
    plan: scenario.plan,
    scenario: scenario.name,
    seed,
    startS: START_MS / 1000,
    saved: null,
    strideS: 3600,
    store: () => {},
  });
  const served = await serveHouse(scenario, simulation, () => clock.wallMs(), seed, tardy(everyS, clock));
  const text = demoConfig({scenario, devices: served.devices, everyMs: everyS * 1000, listen: '127.0.0.1:0', mqttUrl: '', mqttBase: ''})
    .replace(/, counters: \d+ms/, '')
    .replace(/commit_every: \d+s/, 'commit_every: 1s')
    .replace(/^mqtt:.*\n/m, '')
    .concat('profiles: profiles\n');
  withoutPauses(path.join(folder, 'profiles'));
  writeFileSync(path.join(folder, 'wattledger.yaml'), text);
  const config = parseConfig(text, path.join(folder, 'wattledger.yaml'));
  const latest = createLatest(config.site);
  const hours = createHours(simulation, latest);
  const comparison = createComparison(config.site, simulation, monoMs => START_MS + monoMs, served.shownAt);
  const watch: Sink = {
    name: WATCH,
    open: async () => {},
    write: async records => {
      for (const record of records) {
        comparison.take(record);
        latest.take(record);
        hours.pass(record.tick.wallMs);
      }
    },
    close: async () => {},
  };
  await runApp({
    config,
    clock,
    log: createLogger({level: 'error', to: 2}),
    signal: ended.signal,
    sinks: [watch],
    onReady: ready => {
      info = ready;
    },
  });
  await served.close();
  const {totals} = comparison.result(config.store.path);
  const reader = openReader(config.store.path);
  const rows = reader.flows({fromMs: START_MS, toMs: START_MS + days * DAY_MS, step: '1h', zone: 'UTC', policy: config.site.flows.policy});
  reader.close();
  rmSync(folder, {recursive: true, force: true});
  return {totals, apart: apart(hours.list, rows), realS: (performance.now() - began) / 1000};
}

const f = (value: number, width: number): string => value.toFixed(1).padStart(width);
const line = (name: string, ...columns: readonly string[]): void => console.log(`  ${name.padEnd(34)}${columns.join('')}`);

/** True where every measured total is its register's, to the step. */
function tell(scenario: Scenario, everyS: number, {totals, apart, realS}: Outcome): boolean {
  console.log(
    `\n${scenario.name}, ${days} d, read every ${everyS} s, skew ${skewMs(everyS) / 1000} to ${skewMs(everyS) / 1000 + 1} s, registers of ${scenario.counterWh} Wh; took ${realS.toFixed(0)} s`,
  );
  line('total, Wh', 'ledger'.padStart(12), 'house'.padStart(12), 'apart'.padStart(8));
  let exact = true;
  for (const [name, {ledger_wh, house_wh}] of Object.entries(totals)) {
    const off = Math.abs(ledger_wh - house_wh) > STEPS_APART * scenario.counterWh && name !== 'home';
    if (off) exact = false;
    line(name, f(ledger_wh, 12), f(house_wh, 12), f(ledger_wh - house_wh, 8), off ? '  not its register' : '');
  }
  line('cell, mean error, Wh an hour', 'ours'.padStart(12), 'latest'.padStart(12));
  for (const [name, {ours, latest}] of Object.entries(apart.cells)) line(name.replace('_to_', ' -> '), f(ours, 12), f(latest, 12));
  line('all cells', f(apart.ours, 12), f(apart.latest, 12), `   ${(apart.ours / apart.latest).toFixed(2)} of it, over ${apart.hours} h`);
  line('home a day, Wh', f(apart.oursHome, 12), f(apart.latestHome, 12));
  return exact;
}

let exact = true;
for (const scenario of scenarios)
  for (const everyS of paces) if (!tell(scenario, everyS, await live(scenario, everyS)) && !scenario.faults) exact = false;
process.exit(exact ? 0 : 1);
