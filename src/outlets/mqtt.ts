// The broker as an outlet: topics of the house, its devices and the daemon; Home Assistant's discovery; history; questions.

import {setTimeout as sleep} from 'node:timers/promises';
import type {SiteEnergy, SiteState} from '../core/flow/model.ts';
import type {Health} from '../core/health.ts';
import type {Log} from '../core/log.ts';
import {follow, isFresh, type Picture} from '../core/picture.ts';
import type {Sink, SinkHealth, TickRecord} from '../core/sink.ts';
import type {Site} from '../core/site.ts';
import {utcText} from '../core/time.ts';
import {createAnnouncer} from './mqtt/announcer.ts';
import {createAnswers, type TotalsQuestion} from './mqtt/answers.ts';
import {type ConnectionSettings, createConnection, type Message, shown} from './mqtt/connection.ts';
import {CounterGuard, type Energies, Floors} from './mqtt/floors.ts';
import {createHistory, type Outbox} from './mqtt/history.ts';
import {namesOf} from './mqtt/names.ts';
import {createNewest} from './mqtt/newest.ts';
import {
  bridgeDevices,
  bridgeEvent,
  bridgeHealth,
  bridgeInfo,
  byDevice,
  deviceCounters,
  deviceEnergy,
  deviceState,
  energiesIn,
  energiesOf,
} from './mqtt/payloads.ts';
import {createResponder} from './mqtt/requests.ts';

export type MqttSettings = Omit<ConnectionSettings, 'will'> & {
  readonly base: string;
  readonly homeassistant: false | {readonly prefix: string; readonly statusTopic: string; readonly style: 'device' | 'single'};
  readonly history: boolean;
  /** Shortest time between two state messages of a topic, real ms. */
  readonly minIntervalMs: number;
  /** And between two messages of the totals: Home Assistant writes every change to its database. */
  readonly energyIntervalMs: number;
};
export type MqttDeps = {
  readonly log: Log;
  readonly site: Site;
  readonly health: () => Health;
  /** The ledger goes on from an earlier run: what the broker still holds of its totals counts. */
  readonly continued: boolean;
  readonly outbox: Outbox;
  /** Topics of others that somebody here listens to, such as prices. */
  readonly listens?: {readonly topics: readonly string[]; receive(topic: string, payload: string): boolean};
  /** The configuration has tariffs: there will be money to tell. */
  readonly tariffs: boolean;
  /** Totals of the ledger, for those who ask over MQTT. */
  readonly totals?: TotalsQuestion;
};

const HEALTH_EVERY_MS = 60_000;
const HEALTH_EXPIRY_S = 180;
/** State older than this, or than three intervals, is no news to anybody. */
const STATE_EXPIRY_S = 600;
/** What the broker still holds of us has arrived when nothing came for a while. */
const LOOK_BACK = {turnMs: 50, quietTurns: 14, longestMs: 10_000} as const;
/** Home Assistant says when it has started; everybody answers a little later, not all at once. */
const BIRTH_JITTER_MS = {from: 500, to: 5000} as const;
const EVENTS_KEPT = 100;

/** Writing returns at once, whatever the broker does. */
export function createMqtt(settings: MqttSettings, deps: MqttDeps): Sink {
  const {base, homeassistant} = settings;
  const {log, site, health, continued, outbox, tariffs} = deps;
  const status = `${base}/status`;
  const stateExpiryS = Math.max(STATE_EXPIRY_S, Math.ceil((3 * settings.minIntervalMs) / 1000));
  const siteFloors = new Floors();
  const counters = new CounterGuard();
  /** What each device's energy message says: a counter that cannot be read now keeps its place in it. */
  const deviceEnergies = new Map<string, Record<string, number>>();
  const cells = new Set<string>();
  /** Topics of what is not in the configuration any more: devices, money. */
  const leftOver = new Set<string>();
  const events: string[] = [];
  let picture: Picture | null = null;
  /** The newest record with totals. Not every one has them. */
  let totals: TickRecord | null = null;
  let totalsTold = false;
  let lookedBack = false;
  /** Retained messages of ours that came so far. */
  let held = 0;
  /** Since when the picture stands for nothing any more. */
  let unknownSinceMs: number | null = null;
  let stateDueMs = 0;
  let energyDueMs = 0;
  let healthDueMs = 0;
  let birthTimer: NodeJS.Timeout | undefined;
  let round = 0;
  let ended = false;

  const connection = createConnection(
    {...settings, will: {topic: status, payload: 'offline'}},
    {log, onConnect: () => void greet(), onMessage: receive},
  );
  const newest = createNewest(connection);
  const announcer = homeassistant ? createAnnouncer(homeassistant, connection, newest, log) : null;
  const history = settings.history ? createHistory(outbox, connection, base, log) : null;
  const protocol = (): 4 | 5 => connection.status().protocol;
  const respond = createResponder(
    base,
    createAnswers({...deps, protocol, record: () => picture?.record ?? null}),
    ({topic, payload, correlationData}) => connection.publish(topic, payload, correlationData ? {correlationData} : {}),
    [base, ...(homeassistant ? [homeassistant.prefix, homeassistant.statusTopic] : [])],
  );

  /** After each connect: status, what the broker still holds of us, then everything. */
  async function greet(): Promise<void> {
    const own = ++round;
    newest.forget();
    newest.put(status, 'online');
    await connection.subscribe([`${base}/bridge/request/+`], true);
    await connection.subscribe([status, ...(homeassistant ? [homeassistant.statusTopic] : []), ...(deps.listens?.topics ?? [])]);
    if (!lookedBack) {
      await lookBack();
      if (own !== round || ended || !connection.connected()) return;
      lookedBack = true;
      for (const topic of leftOver) newest.put(topic, '');
      leftOver.clear();
    }
    publishAll();
    history?.poke();
  }

  async function lookBack(): Promise<void> {
    const topics = [`${base}/site/energy`, `${base}/site/money`, `${base}/device/+/+`, ...(announcer?.lookBackTopics ?? [])];
    await connection.subscribe(topics);
    const beganMs = performance.now();
    // Turns of the loop are counted, not time: on a machine that stalls, messages may wait in the socket while time goes by.
    for (let quiet = 0; quiet < LOOK_BACK.quietTurns && performance.now() - beganMs < LOOK_BACK.longestMs && !ended; quiet++) {
      const before = held;
      await sleep(LOOK_BACK.turnMs);
      if (held !== before) quiet = -1;
    }
    await connection.unsubscribe(topics);
  }

  function receive(message: Message): void {
    const {topic, payload, retain} = message;
    if (topic === status) {
      // The will of a connection that broke may come after our greeting on the next one.
      if (payload !== 'online' && !ended) void connection.publish(status, 'online', {retain: true});
    } else if (homeassistant && topic === homeassistant.statusTopic) {
      if (payload === 'online' && !retain) onBirth();
    } else if (topic.startsWith(`${base}/bridge/request/`)) {
      respond(message);
    } else if (deps.listens?.receive(topic, payload)) {
      return;
    } else if (!lookedBack && retain && payload !== '') {
      held++;
      if (topic === `${base}/site/energy`) {
        if (continued) siteFloors.remember(ofThisHouse(energiesIn(payload)));
      } else if (topic === `${base}/site/money`) {
        if (!tariffs) leftOver.add(topic);
      } else if (topic.startsWith(`${base}/device/`)) {
        rememberDevice(topic, payload);
      } else announcer?.remember(topic, payload);
    }
  }

  /** A load that was taken out of the configuration, or a key of somebody else, is not published for ever. */
  const ofThisHouse = (told: Energies): Energies =>
    Object.fromEntries(Object.entries(told).filter(([key]) => namesOf(site).has(key.replace(/_kwh$/, ''))));

  function rememberDevice(topic: string, payload: string): void {
    const [id = '', what] = topic.slice(`${base}/device/`.length).split('/');
    if (!health().devices.some(device => device.id === id)) leftOver.add(topic);
    else if (what === 'energy') {
      const told = energiesIn(payload);
      deviceEnergies.set(id, {...told});
      for (const [key, kwh] of Object.entries(told)) counters.remember(`${id}/${key}`, kwh);
    }
  }

  /** Home Assistant has started: everything again, soon, but not with everybody else at once. */
  function onBirth(): void {
    clearTimeout(birthTimer);
    const {from, to} = BIRTH_JITTER_MS;
    birthTimer = setTimeout(
      () => {
        newest.forget();
        newest.put(status, 'online');
        publishAll();
      },
      from + Math.random() * (to - from),
    );
  }

  function publishAll(): void {
    stateDueMs = 0;
    energyDueMs = 0;
    healthDueMs = 0;
    announcer?.forget();
    newest.put(`${base}/bridge/info`, bridgeInfo(site, health().startedMs, protocol()));
    totalsTold = false;
    if (picture) publishPicture(picture);
  }

  function publishPicture(shown: Picture): void {
    const {record} = shown;
    if (!connection.connected() || !lookedBack) return;
    while (events.length > 0) void connection.publish(`${base}/bridge/event`, events.shift() as string);
    const nowMs = performance.now();
    if (nowMs < stateDueMs) return;
    stateDueMs = nowMs + settings.minIntervalMs;
    const current = health();
    const keys = (message: object | null): string[] => Object.keys(message ?? {});
    announcer?.announce({
      site,
      base,
      devices: current.devices,
      stateKeys: keys(record.state),
      energyKeys: record.energy ? [...new Set([...keys(record.energy), ...siteFloors.keys()])] : [],
      dayKeys: keys(record.day),
      moneyKeys: keys(record.money ?? null),
      tariffs,
    });
    newest.put(`${base}/bridge/devices`, bridgeDevices(current.devices));
    publishDevices(record, current);
    const fresh = isFresh(shown, site.pollEveryMs);
    newest.put(`${base}/site/availability`, fresh ? 'online' : 'offline');
    unknownSinceMs = fresh ? null : (unknownSinceMs ?? record.tick.wallMs);
    if (record.state) newest.put(`${base}/site/state`, siteState(record.state, unknownSinceMs), {retain: true, expiryS: stateExpiryS});
    if (totals && !totalsTold && nowMs >= energyDueMs) {
      // What was told late is old sooner.
      energyDueMs = nowMs + settings.energyIntervalMs - (record.tick.monoMs - totals.tick.monoMs);
      putTotals(totals);
    }
    if (record.money) newest.put(`${base}/site/money`, JSON.stringify(record.money));
    if (nowMs >= healthDueMs) {
      healthDueMs = nowMs + HEALTH_EVERY_MS;
      newest.put(`${base}/bridge/health`, bridgeHealth(current), {retain: true, expiryS: HEALTH_EXPIRY_S});
      history?.poke();
    }
  }

  function putTotals({energy, day}: TickRecord): void {
    if (energy) newest.put(`${base}/site/energy`, JSON.stringify(withFloors(energy)));
    if (day) newest.put(`${base}/site/day`, JSON.stringify(day));
    totalsTold = true;
  }

  /** A cell that was there once, and through which nothing flows now, is a zero and no key that is missing. What is not known any more is null. */
  function siteState(state: SiteState, unknownSinceMs: number | null): string {
    for (const key in state) if (key.includes('_to_')) cells.add(key);
    const idle = [...cells].filter(key => !(key in state)).map(key => [key, 0]);
    const told = {...state, ...Object.fromEntries(idle)};
    if (unknownSinceMs === null) return JSON.stringify(told);
    return JSON.stringify({...Object.fromEntries(Object.keys(told).map(key => [key, null])), ts: utcText(unknownSinceMs)});
  }

  const withFloors = (energy: SiteEnergy): SiteEnergy => ({...energy, ...siteFloors.over(energiesOf(energy))});

  function publishDevices({board, tick}: TickRecord, current: Health): void {
    const readings = byDevice(board);
    for (const {id, state, points} of current.devices) {
      newest.put(`${base}/device/${id}/availability`, state === 'lost' || state === 'starting' ? 'offline' : 'online');
      const own = readings.get(id);
      if (!own) continue;
      newest.put(`${base}/device/${id}/state`, deviceState(own, tick.wallMs), {retain: true, expiryS: stateExpiryS});
      const told = deviceEnergies.get(id) ?? {};
      let grown = !deviceEnergies.has(id);
      for (const {key, kwh, monoMs} of deviceCounters(own)) {
        const counted = counters.read(`${id}/${key}`, kwh, monoMs);
        if (counted.note !== null) keepEvent(bridgeEvent.counter(tick.wallMs, id, key, kwh, counted));
        if (counted.kwh !== null && counted.kwh !== told[key]) {
          told[key] = counted.kwh;
          grown = true;
        }
      }
      deviceEnergies.set(id, told);
      // Without a value there is no message: a placeholder would be booked as energy. And without growth there is no news.
      if (Object.keys(told).length > 0 && (grown || !newest.has(`${base}/device/${id}/energy`)))
        newest.put(`${base}/device/${id}/energy`, deviceEnergy(points, told, tick.wallMs));
    }
  }

  function keepEvent(text: string): void {
    events.push(text);
    if (events.length > EVENTS_KEPT) events.shift();
  }

  return {
    name: `mqtt ${shown(settings.url)}`,
    async open() {
      connection.start();
    },
    async write(records) {
      for (const record of records) {
        picture = follow(picture, record);
        if (record.energy) [totals, totalsTold] = [record, false];
        for (const event of record.events) keepEvent(bridgeEvent.flow(record.tick.wallMs, event));
        if (record.slots.some(slot => slot.closed)) {
          stateDueMs = energyDueMs = 0; // totals at the border of a quarter hour are wanted exactly then
          history?.poke();
        }
      }
      if (picture) publishPicture(picture);
    },
    async close() {
      ended = true;
      clearTimeout(birthTimer);
      const devices = health().devices.map(({id}) => ({topic: `${base}/device/${id}/availability`, payload: 'offline'}));
      if (totals && lookedBack) putTotals(totals);
      await connection.close([{topic: status, payload: 'offline'}, {topic: `${base}/site/availability`, payload: 'offline'}, ...devices]);
    },
    wantsTotals: () => connection.connected() && lookedBack && performance.now() >= Math.max(energyDueMs, stateDueMs),
    health(): Partial<SinkHealth> {
      const {connects, published, lastError} = connection.status();
      return {
        state: connection.connected() ? 'open' : lastError === null ? 'opening' : 'failing',
        queued: newest.waiting(),
        lastError,
        details: {
          connects,
          published,
          protocol: protocol(),
          history_sent: history?.sent() ?? 0,
          url: shown(settings.url),
          base,
          homeassistant: homeassistant !== false,
        },
      };
    },
  };
}
