// The outlets that a configuration asks for: the page and the brokers.

import type {AppConfig, ConfigMqtt} from '../config/load.ts';
import type {Health} from '../core/health.ts';
import type {Log} from '../core/log.ts';
import type {Sink} from '../core/sink.ts';
import type {Clock} from '../core/time.ts';
import type {HttpDeps} from '../http/deps.ts';
import {createHttp} from '../http/server.ts';
import {createMqtt, type MqttSettings} from '../outlets/mqtt.ts';
import type {Store} from '../store/store.ts';
import type {House} from './house.ts';
import type {Prices} from './prices.ts';

type OutletDeps = {
  readonly clock: Clock;
  readonly log: Log;
  readonly health: () => Health;
  readonly house: House;
  readonly store: Store;
  readonly logTail: () => readonly string[];
  /** The ledger goes on from an earlier run. */
  readonly continued: boolean;
  readonly prices: Prices | null;
};
type Outlet = {
  readonly sink: Sink /** Must open before the daemon starts. */;
  readonly required: boolean;
  readonly newestOnly: boolean;
};

export function createOutlets(config: AppConfig, deps: OutletDeps): {readonly list: readonly Outlet[]; dashboard(): string | null} {
  const {log, health, store, continued, prices} = deps;
  const topics = (config.money?.series ?? []).flatMap(series => series.topic ?? []);
  const brokers = config.mqtt.map((broker, index) =>
    createMqtt(
      {...mqttSettings(broker), clientId: broker.client_id ?? clientIdOf(config.site.id, index)},
      {
        log,
        site: config.site,
        health,
        continued,
        outbox: store.history,
        tariffs: config.money !== null,
        ...(index === 0 && prices && topics.length > 0 ? {listens: {topics, receive: prices.receive}} : {}),
        totals: (fromMs, toMs, step) => store.query('totals', {fromMs, toMs, step, zone: config.site.timezone}),
      },
    ),
  );
  const page = config.http && createHttp(config.http, {...pageDeps(config, deps)});
  return {
    list: [
      ...(page ? [{sink: page, required: true, newestOnly: true}] : []),
      ...brokers.map(sink => ({sink, required: false, newestOnly: false})),
    ],
    dashboard: () => page?.address() ?? null,
  };
}

function pageDeps(config: AppConfig, {clock, log, health, house, store, logTail}: OutletDeps): HttpDeps {
  return {
    log,
    site: config.site,
    health,
    query: (name, ...args) => store.query(name, ...args),
    configText: config.shownText,
    configFile: config.fileName,
    logTail,
    details(id) {
      const device = house.device(id);
      return device
        ? {
            points: device.details(),
            plan: device.plan().map(({class: pace, unit, request}) => ({
              class: pace,
              unit,
              fc: request.fc,
              start: request.at,
              count: request.words,
              ms: Math.round(request.ms * 10) / 10,
            })),
          }
        : null;
    },
    money: config.money && {tariffs: config.money.tariffs, efficiencyPpm: config.site.flows.efficiencyPpm},
    backup: file => store.backup(file),
    wallMs: () => clock.wallMs(),
  };
}

/** Of its own for each connection: two of them may lead to the same broker. */
const clientIdOf = (site: string, index: number): string => `wattledger-${site}${index === 0 ? '' : `-${index + 1}`}`;

function mqttSettings({
  url,
  base,
  username,
  password,
  homeassistant,
  history,
  protocol,
  min_interval,
  energy_interval,
  tls,
}: ConfigMqtt): Omit<MqttSettings, 'clientId'> {
  const assistant = homeassistant === true ? {prefix: 'homeassistant', style: 'device' as const} : homeassistant;
  return {
    url: url.replace(/^tcp:/, 'mqtt:').replace(/^ssl:/, 'mqtts:'),
    base,
    ...(username === undefined ? {} : {username}),
    ...(password === undefined ? {} : {password}),
    homeassistant: assistant && {
      prefix: assistant.prefix,
      style: assistant.style,
      statusTopic: ('status_topic' in assistant ? assistant.status_topic : undefined) ?? `${assistant.prefix}/status`,
    },
    history,
    protocol,
    minIntervalMs: min_interval,
    energyIntervalMs: energy_interval,
    tls,
  };
}
