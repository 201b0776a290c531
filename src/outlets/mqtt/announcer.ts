// Discovery over the life of a house: sent once and when it changes, kept over restarts, taken back when a device or an entity is gone.

import type {Log} from '../../core/log.ts';
import type {Connection} from './connection.ts';
import {discoveryProblems} from './discovery-rules.ts';
import {type Component, type Discovery, type DiscoveryFacts, discoveries, messagesOf, ownPrefix, RATIOS} from './homeassistant.ts';
import {namesOf} from './names.ts';
import type {Newest} from './newest.ts';

type AnnouncerSettings = {readonly prefix: string; readonly style: 'device' | 'single'};
type Announcer = {
  /** Where an earlier run has left its messages, in either style. */
  readonly lookBackTopics: readonly string[];
  /** A message the broker still holds; those of others are left alone. */
  remember(topic: string, payload: string): void;
  /** Everything goes out again with the next `announce`. */
  forget(): void;
  announce(facts: DiscoveryFacts): void;
};

/** Told to an old topic, Home Assistant lets the entity go to another topic without forgetting it. Source: its MQTT documentation, "Migrating discovery". */
const MIGRATE = JSON.stringify({migrate_discovery: true});
/** Kinds of entities we offer. */
const PLATFORMS = ['sensor', 'binary_sensor'] as const;

export function createAnnouncer({prefix, style}: AnnouncerSettings, connection: Connection, newest: Newest, log: Log): Announcer {
  const components = new Map<string, Record<string, Component>>();
  const old = new Map<string, string>();
  const complained = new Set<string>();
  let announced = '';

  /** Devices that left the configuration leave Home Assistant; those not reached yet stay. */
  function settleOld(facts: DiscoveryFacts, now: ReadonlyMap<string, string>): ReadonlySet<string> {
    const own = ownPrefix(facts.site);
    const configured = new Set([`${own}bridge`, `${own}house`, ...facts.devices.map(({id}) => `${own}device_${id}`)]);
    const moved: string[] = [];
    for (const [topic, payload] of old) {
      const id = objectIdOf(topic);
      if (!isOurs(facts, id, payload)) old.delete(topic);
      else if (now.has(topic)) {
        old.delete(topic);
        bury(topic, now.get(topic) as string, payload);
      } else if (!configured.has(id)) {
        old.delete(topic);
        newest.put(topic, '');
      } else if (styleOf(topic) !== style) {
        moved.push(topic);
      } else if (style === 'single' && components.has(id) && !mayReturn(facts, id, topic.split('/').at(-2) ?? '')) {
        old.delete(topic);
        newest.put(topic, '');
      }
    }
    const moving = new Set(moved.map(objectIdOf).filter(id => components.has(id)));
    const topics = moved.filter(topic => moving.has(objectIdOf(topic)));
    for (const topic of topics) old.delete(topic);
    void migrate(
      topics,
      [...now].filter(([topic]) => moving.has(objectIdOf(topic))),
    );
    return moving;
  }

  /** From one message per entity to one per device, or back: nothing is renamed, no history is lost. */
  async function migrate(topics: readonly string[], now: readonly (readonly [string, string])[]): Promise<void> {
    for (const topic of topics) await connection.publish(topic, MIGRATE, {retain: true});
    for (const [topic, payload] of now) await connection.publish(topic, payload, {retain: true});
    for (const topic of topics) await connection.publish(topic, '', {retain: true});
  }

  /** An entity goes away by being told once without anything but its platform. */
  function bury(topic: string, payload: string, before: string): void {
    if (style === 'single') return;
    const message = JSON.parse(payload) as {components: Record<string, unknown>};
    const gone = Object.entries(componentsIn(before)).filter(([key]) => !(key in message.components));
    if (gone.length === 0) return;
    for (const [key, {platform}] of gone) message.components[key] = {platform: platform === 'binary_sensor' ? platform : 'sensor'};
    void connection.publish(topic, JSON.stringify(message), {retain: true});
  }

  /** What once was offered stays while it may return: from this run, or from the one before. */
  function merged(facts: DiscoveryFacts, discovery: Discovery): Discovery {
    const {id} = discovery;
    const all = {...earlier(facts, id), ...components.get(id), ...discovery.components};
    components.set(id, all);
    return {...discovery, components: all};
  }

  function earlier(facts: DiscoveryFacts, id: string): Record<string, Component> {
    const before = componentsIn(old.get(`${prefix}/device/${id}/config`) ?? '');
    return Object.fromEntries(
      Object.entries(before).filter((entry): entry is [string, Component] => isComponent(entry[1]) && mayReturn(facts, id, entry[0])),
    );
  }

  return {
    lookBackTopics: [`${prefix}/device/+/config`, ...PLATFORMS.map(platform => `${prefix}/${platform}/+/+/config`)],
    remember(topic, payload) {
      // Others may have thousands of entities.
      if (objectIdOf(topic).startsWith('wattledger_')) old.set(topic, payload);
    },
    forget() {
      announced = '';
    },
    announce(facts) {
      // Every beat asks; only a change is worth the work.
      const {devices, stateKeys, energyKeys, dayKeys, moneyKeys} = facts;
      const offered = devices.map(({id, identity, points, lastGoodMs}) => [
        id,
        lastGoodMs !== null,
        points.length,
        Object.values(identity),
      ]);
      const wanted = JSON.stringify([offered, stateKeys, energyKeys, dayKeys, moneyKeys]);
      if (wanted === announced) return;
      announced = wanted;
      const now = new Map<string, string>();
      for (const discovery of discoveries(facts))
        for (const {topic, payload} of messagesOf(merged(facts, discovery), prefix, style)) now.set(topic, payload);
      const moving = settleOld(facts, now);
      for (const [topic, payload] of now) {
        for (const problem of discoveryProblems(topic, payload)) {
          if (!complained.has(problem)) log.warn({part: 'mqtt', problem}, 'Home Assistant would refuse this entity');
          complained.add(problem);
        }
        if (!moving.has(objectIdOf(topic))) newest.put(topic, payload);
      }
    },
  };
}

/**
 * What the newest messages need not have and the next may: an empty cell, a ratio before the first use of a day, money before its
 * first sums. Home Assistant would forget all that its user changed on an entity that is taken away and offered again.
 */
function mayReturn({site, tariffs}: DiscoveryFacts, id: string, key: string): boolean {
  if (id !== `${ownPrefix(site)}house`) return false;
  if (/_price$|^(today|month|year)_/.test(key)) return tariffs;
  return RATIOS.includes(key) || (key.includes('_to_') && namesOf(site).has(key.replace(/_(w|kwh)$/, '')));
}

const styleOf = (topic: string): 'device' | 'single' => (topic.split('/').at(-3) === 'device' ? 'device' : 'single');
/** `PREFIX/device/ID/config` or `PREFIX/PLATFORM/ID/KEY/config`; a prefix may have levels of its own. */
const objectIdOf = (topic: string): string => topic.split('/').at(styleOf(topic) === 'device' ? -2 : -3) ?? '';

/** By its id and by what it says: a site `home` must not take what belongs to a site `home_2` on the same broker. */
function isOurs({site, base}: DiscoveryFacts, id: string, payload: string): boolean {
  const own = ownPrefix(site);
  const rest = id.startsWith(own) ? id.slice(own.length) : '';
  return /^(house|bridge|device_[a-z0-9_]+)$/.test(rest) && (payload === MIGRATE || payload.includes(`"${base}/status"`));
}

type Found = Readonly<Record<string, unknown>>;
/** What a message of ours offers, as far as it can be read: anybody may have written it. */
function componentsIn(payload: string): Readonly<Record<string, Found>> {
  try {
    const {components} = JSON.parse(payload) as {components?: unknown};
    return Object.fromEntries(Object.entries(components ?? {}).map(([key, one]: [string, unknown]) => [key, Object(one) as Found]));
  } catch {
    return {};
  }
}

const isComponent = (found: Found): found is Component =>
  (found['platform'] === 'sensor' || found['platform'] === 'binary_sensor') && typeof found['unique_id'] === 'string';
