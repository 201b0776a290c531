// Somebody who listens to a broker, as a dashboard or Home Assistant does.

import mqtt from 'mqtt';

export type Heard = {readonly topic: string; readonly payload: string; readonly retain: boolean};
export type Subscriber = {
  readonly heard: readonly Heard[];
  /** The newest payload of a topic, or undefined. */
  last(topic: string): string | undefined;
  /** The newest payload of a topic that satisfies; waits for it. */
  until(topic: string, good?: (payload: string) => boolean): Promise<string>;
  publish(topic: string, payload: string, options?: {retain: boolean}): Promise<unknown>;
  end(): Promise<void>;
};

export async function subscribe(url: string, ...topics: string[]): Promise<Subscriber> {
  const client = await mqtt.connectAsync(url, {reconnectPeriod: 100, timerVariant: 'native'});
  const heard: Heard[] = [];
  const watchers = new Set<() => void>();
  client.on('message', (topic, payload, packet) => {
    heard.push({topic, payload: payload.toString(), retain: packet.retain});
    for (const watch of watchers) watch();
  });
  client.on('error', () => {});
  await client.subscribeAsync(topics, {qos: 1});
  const last = (topic: string): string | undefined => heard.findLast(one => one.topic === topic)?.payload;
  return {
    heard,
    last,
    until: (topic, good = () => true) =>
      new Promise(resolve => {
        const look = (): void => {
          const payload = last(topic);
          if (payload === undefined || !good(payload)) return;
          watchers.delete(look);
          resolve(payload);
        };
        watchers.add(look);
        look();
      }),
    publish: (topic, payload, {retain} = {retain: false}) => client.publishAsync(topic, payload, {qos: 1, retain}),
    end: () => client.endAsync(true),
  };
}
