// The broker as an outlet: topics of the house, its devices and the daemon; Home Assistant's discovery; history; questions.

import {setTimeout as sleep} from 'node:timers/promises';
import type {SiteEnergy} from '../core/flow/model.ts';
import type {Health} from '../core/health.ts';
import type {Log} from '../core/log.ts';
import type {Sink, SinkHealth, TickRecord} from '../core/sink.ts';
import type {Site} from '../core/site.ts';
import {utcText} from '../core/time.ts';
import {type ConnectionSettings, createConnection, type Message, shown} from './mqtt/connection.ts';
import {type Energies, Floors} from './mqtt/floors.ts';
import {createHistory, type Outbox} from './mqtt/history.ts';
import {discoveries, messagesOf, ownPrefix} from './mqtt/homeassistant.ts';
import {createNewest} from './mqtt/newest.ts';
import {bridgeDevices, bridgeHealth, bridgeInfo, byDevice, deviceCounters, deviceState, energies, energyKey} from './mqtt/payloads.ts';
import {replyTo} from './mqtt/requests.ts';

export type MqttSettings = Omit<ConnectionSettings, 'will' | 'clientId'> & {
  readonly clientId?: string;
  readonly base: string;
  readonly homeassistant: false | {readonly prefix: string; readonly statusTopic: string; readonly style: 'device' | 'single'};
  readonly history: boolean;
  /** Shortest time between two state messages of a topic, real ms. */
  readonly minIntervalMs: number;
};
export type MqttDeps = {
  readonly log: Log;
  readonly site: Site;
  readonly health: () => Health;
  /** The ledger goes on from an earlier run: what the broker still holds of its totals counts. */
  readonly continued: boolean;
  readonly outbox: Outbox;
};

const HEALTH_EVERY_MS = 60_000;
const HEALTH_EXPIRY_S = 180;
/** State older than this is no news to anybody. */
const STATE_EXPIRY_S = 600;
/** What the broker still holds of us arrives within this time after subscribing. */
const LOOK_BACK_MS = 700;
/** Home Assistant says when it has started; everybody answers a little later, not all at once. */
const BIRTH_JITTER_MS = {from: 500, to: 5000} as const;
const EVENTS_KEPT = 100;

/** Writing returns at once, whatever the broker does. */
export function createMqtt(settings: MqttSettings, {log, site, health, continued, outbox}: MqttDeps): Sink {
  const {base, homeassistant} = settings;
  const status = `${base}/status`;
  const siteFloors = new Floors();
  const deviceFloors = new Floors();
  const components = new Map<string, Map<string, string>>();
  const publishedDiscovery = new Map<string, string>();
  const oldDiscovery = new Map<string, string>();
  const events: string[] = [];
  let newestRecord: TickRecord | null = null;
  let lookedBack = false;
  let stateDueMs = 0;
  let healthDueMs = 0;
  let devicesText = '';
  let birthTimer: NodeJS.Timeout | undefined;
  let connectedOnce = 0;
  let ended = false;

  const connection = createConnection(
    {...settings, clientId: settings.clientId ?? `wattledger-${site.id}`, will: {topic: status, payload: 'offline'}},
    {log, onConnect: () => void greet(), onMessage: receive},
  );
  const newest = createNewest(connection);
  const history = settings.history ? createHistory(outbox, connection, base, log) : null;

  const lookBackTopics = [
    `${base}/site/energy`,
    `${base}/device/+/energy`,
    ...(homeassistant
      ? [homeassistant.style === 'device' ? `${homeassistant.prefix}/device/+/config` : `${homeassistant.prefix}/+/+/+/config`]
      : []),
  ];

  /** After each connect: status, what the broker still holds of us, then everything. */
  async function greet(): Promise<void> {
    const round = ++connectedOnce;
    newest.forget();
    publishedDiscovery.clear();
    newest.put(status, 'online');
    await connection.subscribe([`${base}/bridge/request/+`, ...(homeassistant ? [homeassistant.statusTopic] : [])]);
    if (!lookedBack) {
      await connection.subscribe(lookBackTopics);
      await sleep(LOOK_BACK_MS);
      await connection.unsubscribe(lookBackTopics);
      if (round !== connectedOnce || ended) return;
      lookedBack = true;
    }
    const current = health();
    newest.put(`${base}/bridge/info`, bridgeInfo(site, current.startedMs, connection.status().protocol));
    publishAll();
    history?.poke();
  }

  function receive(message: Message): void {
    const {topic, payload, retain} = message;
    if (homeassistant && topic === homeassistant.statusTopic) {
      if (payload === 'online' && !retain) onBirth();
      return;
    }
    if (topic.startsWith(`${base}/bridge/request/`)) {
      void replyTo(message, base, answers).then(reply => {
        if (reply)
          void connection.publish(reply.topic, reply.payload, reply.correlationData ? {correlationData: reply.correlationData} : {});
      });
      return;
    }
    if (lookedBack || !retain || payload === '') return;
    if (homeassistant && topic.startsWith(`${homeassistant.prefix}/`)) {
      if (topic.includes(`/${ownPrefix(site)}`)) oldDiscovery.set(topic, payload);
      return;
    }
    const held = energiesIn(payload);
    if (topic === `${base}/site/energy`) {
      if (continued) siteFloors.remember(held);
    } else {
      const id = topic.slice(`${base}/device/`.length, -'/energy'.length);
      deviceFloors.remember(Object.fromEntries(Object.entries(held).map(([key, kwh]) => [`${id}/${key}`, kwh])));
    }
  }

  const answers = {
    info: () => JSON.parse(bridgeInfo(site, health().startedMs, connection.status().protocol)),
    devices: () => JSON.parse(bridgeDevices(health().devices)),
    health: () => JSON.parse(bridgeHealth(health())),
    state: () => newestRecord?.state ?? null,
    energy: () => newestRecord?.energy ?? null,
    day: () => newestRecord?.day ?? null,
  };

  /** Home Assistant has started: everything again, soon, but not with everybody else at once. */
  function onBirth(): void {
    clearTimeout(birthTimer);
    const {from, to} = BIRTH_JITTER_MS;
    birthTimer = setTimeout(
      () => {
        newest.forget();
        publishedDiscovery.clear();
        newest.put(status, 'online');
        publishAll();
      },
      from + Math.random() * (to - from),
    );
  }

  function publishAll(): void {
    stateDueMs = 0;
    healthDueMs = 0;
    if (newestRecord) publishRecord(newestRecord);
  }

  function publishRecord(record: TickRecord): void {
    if (!connection.connected() || !lookedBack) return;
    const nowMs = performance.now();
    while (events.length > 0) void connection.publish(`${base}/bridge/event`, events.shift() as string);
    if (nowMs < stateDueMs) return;
    stateDueMs = nowMs + settings.minIntervalMs;
    const current = health();
    publishDevices(record, current);
    if (homeassistant) publishDiscovery(record, current, homeassistant);
    newest.put(`${base}/site/availability`, record.state ? 'online' : 'offline');
    if (record.state) newest.put(`${base}/site/state`, JSON.stringify(record.state), {retain: true, expiryS: STATE_EXPIRY_S});
    if (record.energy) newest.put(`${base}/site/energy`, siteEnergy(record.energy));
    if (record.day) newest.put(`${base}/site/day`, JSON.stringify(record.day), {retain: true});
    if (nowMs >= healthDueMs) {
      healthDueMs = nowMs + HEALTH_EVERY_MS;
      newest.put(`${base}/bridge/health`, bridgeHealth(current), {retain: true, expiryS: HEALTH_EXPIRY_S});
      history?.poke();
    }
  }

  const siteEnergy = (energy: SiteEnergy): string =>
    JSON.stringify({...energy, ...Object.fromEntries(energies(energy).map(([key, kwh]) => [key, siteFloors.total(key, kwh)]))});

  function publishDevices(record: TickRecord, current: Health): void {
    const text = bridgeDevices(current.devices);
    if (text !== devicesText) devicesText = text;
    newest.put(`${base}/bridge/devices`, devicesText);
    const readings = byDevice(record.board);
    for (const {id, state} of current.devices) {
      newest.put(`${base}/device/${id}/availability`, state === 'lost' || state === 'starting' ? 'offline' : 'online');
      const own = readings.get(id);
      if (!own) continue;
      newest.put(`${base}/device/${id}/state`, deviceState(own, record.tick.wallMs), {retain: true, expiryS: STATE_EXPIRY_S});
      const told: Record<string, number | string> = {};
      for (const [point, wh] of deviceCounters(own)) {
        const kwh = deviceFloors.counter(`${id}/${energyKey(point)}`, Math.round(wh * 1000) / 1_000_000);
        if (kwh !== null) told[energyKey(point)] = kwh;
      }
      // Without a value there is no message: a placeholder would be booked as energy.
      if (Object.keys(told).length > 0)
        newest.put(`${base}/device/${id}/energy`, JSON.stringify({ts: utcText(record.tick.wallMs), ...told}));
    }
  }

  function publishDiscovery(record: TickRecord, current: Health, {prefix, style}: {prefix: string; style: 'device' | 'single'}): void {
    const keys = (message: object | null): string[] => Object.keys(message ?? {});
    const all = discoveries({
      site,
      base,
      devices: current.devices,
      stateKeys: keys(record.state),
      energyKeys: keys(record.energy),
      dayKeys: keys(record.day),
    });
    const alive = new Set<string>();
    for (const discovery of all) {
      // What once was offered stays: a cell that is not there now will be there again.
      const known = components.get(discovery.id) ?? new Map<string, string>();
      components.set(discovery.id, known);
      for (const [key, component] of Object.entries(discovery.components)) known.set(key, JSON.stringify(component));
      const merged = Object.fromEntries([...known].map(([key, text]) => [key, JSON.parse(text)]));
      for (const {topic, payload} of messagesOf({...discovery, components: merged}, prefix, style)) {
        alive.add(topic);
        if (publishedDiscovery.get(topic) === payload) continue;
        publishedDiscovery.set(topic, payload);
        const buried = buriedComponents(oldDiscovery.get(topic), merged);
        oldDiscovery.delete(topic);
        if (style === 'device' && buried !== null && discovery.id.endsWith('_house') === false) bury(topic, payload, buried);
        else newest.put(topic, payload);
      }
    }
    // Devices that left the configuration leave Home Assistant; those not reached yet stay.
    const configured = new Set(current.devices.map(device => `${ownPrefix(site)}device_${device.id}`));
    for (const topic of oldDiscovery.keys()) {
      const id = topic.split('/').find(level => level.startsWith(ownPrefix(site))) ?? '';
      const waits = configured.has(id) || id === `${ownPrefix(site)}house` || id === `${ownPrefix(site)}bridge`;
      if (alive.has(topic) || (waits && style === 'device')) continue;
      oldDiscovery.delete(topic);
      newest.put(topic, '');
    }
  }

  /** An entity goes away by being told once without anything but its platform. */
  function bury(topic: string, payload: string, gone: Readonly<Record<string, string>>): void {
    const message = JSON.parse(payload) as {components: Record<string, unknown>};
    for (const [key, platform] of Object.entries(gone)) message.components[key] = {platform};
    void connection.publish(topic, JSON.stringify(message), {retain: true}).then(() => newest.put(topic, payload));
  }

  return {
    name: `mqtt ${shown(settings.url)}`,
    async open() {
      connection.start();
    },
    async write(records) {
      for (const record of records) {
        newestRecord = record;
        for (const event of record.events) {
          const {kind, about, detail, evidence} = event;
          events.push(JSON.stringify({ts: utcText(record.tick.wallMs), kind, about, detail, ...(evidence ? {evidence} : {})}));
          if (events.length > EVENTS_KEPT) events.shift();
        }
        if (record.slots.some(slot => slot.closed)) {
          stateDueMs = 0; // totals at the border of a quarter hour are wanted exactly then
          history?.poke();
        }
      }
      if (newestRecord) publishRecord(newestRecord);
    },
    async close() {
      ended = true;
      clearTimeout(birthTimer);
      const devices = health().devices.map(({id}) => ({topic: `${base}/device/${id}/availability`, payload: 'offline'}));
      await connection.close([{topic: status, payload: 'offline'}, {topic: `${base}/site/availability`, payload: 'offline'}, ...devices]);
    },
    health(): Partial<SinkHealth> {
      const {connects, published, protocol, lastError} = connection.status();
      return {
        state: connection.connected() ? 'open' : lastError === null ? 'opening' : 'failing',
        queued: newest.waiting(),
        lastError,
        details: {
          connects,
          published,
          protocol,
          history_sent: history?.sent() ?? 0,
          url: shown(settings.url),
          base,
          homeassistant: homeassistant !== false,
        },
      };
    },
  };
}

function energiesIn(payload: string): Energies {
  try {
    return Object.fromEntries(energies(JSON.parse(payload) as SiteEnergy));
  } catch {
    return {};
  }
}

/** Platforms of the components that an older message had and the new one has not; null for none. */
function buriedComponents(before: string | undefined, now: Readonly<Record<string, unknown>>): Record<string, string> | null {
  if (before === undefined) return null;
  try {
    const {components} = JSON.parse(before) as {components?: Record<string, {platform?: string}>};
    const gone = Object.entries(components ?? {}).filter(([key]) => !(key in now));
    return gone.length === 0 ? null : Object.fromEntries(gone.map(([key, {platform}]) => [key, platform ?? 'sensor']));
  } catch {
    return null;
  }
}
