// The outlet and the brokers it is tested against; all of them are gone after the test.

import {setTimeout as sleep} from 'node:timers/promises';
import {expect} from 'vitest';
import type {Health} from '../../src/core/health.ts';
import {type Log, silentLog} from '../../src/core/log.ts';
import type {Sink} from '../../src/core/sink.ts';
import type {Site} from '../../src/core/site.ts';
import type {TotalsQuestion} from '../../src/outlets/mqtt/answers.ts';
import type {Outbox} from '../../src/outlets/mqtt/history.ts';
import {createMqtt, type MqttDeps, type MqttSettings} from '../../src/outlets/mqtt.ts';
import {afterTest} from '../support/after.ts';
import {type Broker, mosquitto} from '../support/programs.ts';
import {type Subscriber, subscribe} from '../support/subscriber.ts';
import {HEALTH, SITE} from './house.ts';

export const never = new AbortController().signal;

const nothingWaits: Outbox = {next: async () => [], done: async () => {}};
type Changes = Partial<MqttSettings> & {
  continued?: boolean;
  tariffs?: boolean;
  outbox?: Outbox;
  site?: Site;
  health?: () => Health;
  log?: Log;
  totals?: TotalsQuestion;
  listens?: MqttDeps['listens'];
};
/** The outlet under test; it is closed after the test. */
export function outlet(url: string, changes: Changes = {}) {
  const {
    continued = false,
    tariffs = false,
    outbox = nothingWaits,
    site = SITE,
    health = () => HEALTH,
    log = silentLog,
    totals,
    listens,
    ...settings
  } = changes;
  const sink = createMqtt(
    {
      url,
      clientId: 'wattledger-test',
      base: 'wattledger',
      protocol: 'auto',
      history: false,
      minIntervalMs: 0,
      energyIntervalMs: 0,
      tls: {verify: true},
      homeassistant: {prefix: 'homeassistant', statusTopic: 'homeassistant/status', style: 'device'},
      ...settings,
    },
    {log, site, health, continued, outbox, tariffs, ...(totals ? {totals} : {}), ...(listens ? {listens} : {})},
  );
  afterTest(async () => sink.close(never));
  return sink;
}
export async function brokerWith(lines: readonly string[] = []): Promise<Broker> {
  const broker = await mosquitto(lines);
  afterTest(() => broker.kill('SIGKILL'));
  return broker;
}
export async function listener(url: string, ...topics: string[]): Promise<Subscriber> {
  const one = await subscribe(url, ...topics);
  afterTest(() => one.end());
  return one;
}
export async function untilOpen(sink: Sink, state = 'open'): Promise<void> {
  for (let tries = 0; tries < 3000 && sink.health?.().state !== state; tries++) await sleep(20);
  expect(sink.health?.().state).toBe(state);
}
