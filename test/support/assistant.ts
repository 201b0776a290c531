// Somebody who reads discovery and states as Home Assistant does: what it takes, what it ignores, and what its statistics make of it.
// Source: home-assistant/core, components/mqtt (discovery.py, entity.py, sensor.py) and components/sensor/recorder.py.

import mqtt from 'mqtt';
import {discoveryProblems} from '../../src/outlets/mqtt/discovery-rules.ts';

export type Entity = {
  readonly config: Readonly<Record<string, unknown>>;
  /** As shown: a text, `unknown`, or `unavailable`. */
  readonly state: () => string;
  /** Growth since it was first seen, as the long-term statistics of a counter have it. */
  readonly sum: () => number;
  /** Steps back of a counter, which the recorder would warn about, and those it would take for a new meter. */
  readonly dips: () => number;
  readonly resets: () => number;
};
export type Assistant = {
  entity(id: string): Entity | undefined;
  entities(): readonly Entity[];
  problems(): readonly string[];
  /** It starts: it forgets all states, and says so. */
  restart(): Promise<void>;
  /** Waits; rejects with `what` after a minute. */
  until(what: string, good: () => boolean): Promise<void>;
  end(): Promise<void>;
};

const PREFIX = 'homeassistant';

/** One of the two forms of template that we send, with Python's words for what JSON has. */
export function rendered(template: string | undefined, payload: string): string {
  if (template === undefined) return payload;
  const value = JSON.parse(payload) as Record<string, unknown>;
  const plain = /^\{\{ value_json(?:\.([a-z_]\w*)|\['(\w+)'\]) \}\}$/.exec(template);
  if (plain) return inPython(value[plain[1] ?? (plain[2] as string)]);
  const choice = /^\{\{ 'ON' if value_json\.(\w+) else 'OFF' \}\}$/.exec(template);
  if (choice) return value[choice[1] as string] ? 'ON' : 'OFF';
  throw new Error(`a template Home Assistant would render otherwise: ${template}`);
}

function inPython(value: unknown): string {
  if (value === undefined) return ''; // jinja2's Undefined
  if (value === null) return 'None';
  if (typeof value === 'boolean') return value ? 'True' : 'False';
  return String(value);
}

class Sensor implements Entity {
  readonly config: Readonly<Record<string, unknown>>;
  private shown = 'unknown';
  private last: number | null = null;
  private grown = 0;
  private back = 0;
  private anew = 0;
  private readonly available: () => boolean;

  constructor(config: Readonly<Record<string, unknown>>, available: () => boolean) {
    this.config = config;
    this.available = available;
  }
  state = (): string => (this.available() ? this.shown : 'unavailable');
  sum = (): number => this.grown;
  dips = (): number => this.back;
  resets = (): number => this.anew;
  forget(): void {
    this.shown = 'unknown';
  }

  receive(payload: string): void {
    if (payload === '') return;
    const text = rendered(this.config['value_template'] as string | undefined, payload);
    if (text === '') return; // no news: the value before stays
    this.shown = text === 'None' ? 'unknown' : text;
    if (this.config['state_class'] !== 'total_increasing' || text === 'None') return;
    const value = Number(text);
    if (!Number.isFinite(value)) throw new Error(`${this.config['unique_id']}: "${text}" is no number`);
    if (value < 0) return;
    if (this.last !== null) {
      if (value < 0.9 * this.last) {
        this.anew++;
        this.grown += value; // a new meter has begun at zero
      } else {
        if (value < this.last) this.back++;
        this.grown += value - this.last;
      }
    }
    this.last = value;
  }
}

export async function startAssistant(url: string): Promise<Assistant> {
  const client = await mqtt.connectAsync(url, {reconnectPeriod: 50, resubscribe: true, timerVariant: 'native'});
  const sensors = new Map<string, Sensor>();
  const listeners = new Map<string, Set<Sensor>>();
  const words = new Map<string, string>();
  const newest = new Map<string, string>();
  const problems: string[] = [];
  client.on('error', () => {});

  async function discover(topic: string, payload: string): Promise<void> {
    if (payload === '') return;
    problems.push(...discoveryProblems(topic, payload));
    const message = JSON.parse(payload) as {components: Record<string, Record<string, unknown>>};
    for (const config of Object.values(message.components)) {
      const id = config['unique_id'] as string;
      if (sensors.has(id)) continue;
      const waits = (config['availability'] as {topic: string}[] | undefined)?.map(({topic: one}) => one) ?? [];
      const sensor = new Sensor(config, () => waits.every(one => words.get(one) === 'online'));
      sensors.set(id, sensor);
      const stateTopic = config['state_topic'] as string;
      const list = listeners.get(stateTopic) ?? new Set<Sensor>();
      listeners.set(stateTopic, list.add(sensor));
      await client.subscribeAsync([stateTopic, ...waits], {qos: 1}).catch(() => {});
      // A further entity of a topic gets what is retained there; the library asks the broker only once.
      const retained = newest.get(stateTopic);
      if (retained !== undefined) sensor.receive(retained);
    }
  }

  client.on('message', (topic, bytes) => {
    const payload = bytes.toString();
    if (topic.startsWith(`${PREFIX}/device/`)) void discover(topic, payload);
    else if (payload === 'online' || payload === 'offline') words.set(topic, payload);
    if (listeners.has(topic)) newest.set(topic, payload);
    for (const sensor of listeners.get(topic) ?? []) sensor.receive(payload);
  });
  await client.subscribeAsync(`${PREFIX}/device/+/config`, {qos: 1});

  return {
    entity: id => [...sensors.values()].find(sensor => sensor.config['default_entity_id'] === id),
    entities: () => [...sensors.values()],
    problems: () => problems,
    async restart() {
      words.clear();
      for (const sensor of sensors.values()) sensor.forget();
      await client.publishAsync(`${PREFIX}/status`, 'online', {qos: 0});
    },
    async until(what, good) {
      for (let tries = 0; !good(); tries++) {
        if (tries > 6000) throw new Error(`waited in vain for ${what}`);
        await new Promise(resolve => setTimeout(resolve, 10));
      }
    },
    end: () => client.endAsync(true),
  };
}
