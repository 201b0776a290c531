// The configuration of the demo's daemon: the file a user would write for such a house, with the simulated addresses.

import type {Scenario} from './scenarios.ts';
import {AGES_MS, type ServedDevice} from './serve.ts';

type DemoSettings = {
  readonly scenario: Scenario;
  readonly devices: readonly ServedDevice[];
  readonly everyMs: number;
  readonly listen: string;
  readonly mqttUrl: string;
  readonly mqttBase: string;
};

/** Stored readings may be this old when the power goes, real seconds. */
const COMMIT_S = 5;

/** YAML text; `wattledger run --config` takes it while the simulated devices are there. */
export function demoConfig({scenario, devices, everyMs, listen, mqttUrl, mqttBase}: DemoSettings): string {
  const links = new Map(devices.map(({link, port}) => [link, port]));
  const named = (plays: string): string | undefined => devices.find(one => one.device.plays === plays)?.device.id;
  const hybrid = named('hybrid');
  const ages = devices
    .filter(one => AGES_MS[one.device.plays] > 0)
    .map(one => [one.device.plays === 'battery' ? 'battery' : one.device.id, AGES_MS[one.device.plays]] as const);
  const lines = [
    `# ${scenario.name}: ${scenario.story}.`,
    '# Written anew by each start of the demo.',
    'version: 1',
    'site: {id: demo, name: Simulated home, timezone: Europe/Berlin, currency: EUR}',
    'links:',
    ...[...links].map(([link, port]) => `  ${link}: {url: "tcp://127.0.0.1:${port}"}`),
    'devices:',
    ...devices.map(({device, link}) => `  ${device.id}: {profile: ${device.profile}, link: ${link}, unit: ${device.unit}}`),
    'map:',
    hybrid && scenario.plan.outage ? `  grid: {meter: ${named('grid')}, state: ${hybrid}.inverter.state}` : `  grid: ${named('grid')}`,
    ...(hybrid ? [`  hybrid: [{id: ${hybrid}, pv: ${hybrid}.pv, battery: ${hybrid}.battery, ac: ${hybrid}.inverter}]`] : []),
    ...(named('solar') ? [`  solar: ${named('solar')}`] : []),
    ...(named('battery') ? [`  battery: ${named('battery')}.battery`] : []),
    ...(named('heat_pump') ? [`  loads: {heat_pump: ${named('heat_pump')}}`] : []),
    `poll: {every: ${everyMs}ms, counters: ${everyMs}ms}`,
    'flows:',
    '  policy: solar-first',
    ...(ages.length > 0
      ? [`  age: {${ages.map(([id, ms]) => `${id}: ${ms}ms`).join(', ')}}  # how old these registers are when they are read`]
      : []),
    'tariffs:',
    '  - import:',
    '      - {name: peak, price: 0.3871, days: mon-fri, hours: "17:00-21:00"}',
    '      - {name: night, price: 0.2214, hours: "23:00-05:00"}',
    '      - {name: day, price: 0.3126}',
    '    export: 0.0786',
    '    paid_origins: [solar]',
    '    fixed: {per_month: 11.9}',
    '    co2: 363  # g/kWh',
    `store: {path: wattledger.db, commit_every: ${COMMIT_S}s}`,
    `mqtt: {url: "${mqttUrl}", base: ${mqttBase}, homeassistant: true, energy_interval: 1s}`,
    `http: {listen: "${listen}"}`,
  ];
  return `${lines.join('\n')}\n`;
}
