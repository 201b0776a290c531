// A connection to a broker that never dies for good: one client an attempt, back-off, a fall-back to MQTT 3.1.1 and back, nothing queued in the library.

import mqtt, {type IClientOptions, type IConnackPacket, type IPublishPacket, type MqttClient} from 'mqtt';
import type {Log} from '../../core/log.ts';
import {quoted, type Said, say} from '../../core/sentences/say.ts';
import {createGate} from './gate.ts';

export type ConnectionSettings = {
  readonly url: string;
  readonly clientId: string;
  readonly username?: string;
  readonly password?: string;
  readonly protocol: 'auto' | 5 | 4;
  readonly tls: {
    readonly ca?: string;
    readonly cert?: string;
    readonly key?: string;
    readonly servername?: string;
    readonly verify: boolean;
  };
  readonly will: {readonly topic: string; readonly payload: string};
};
export type Message = {
  readonly topic: string;
  readonly payload: string;
  readonly retain: boolean;
  /** Properties of MQTT 5: the topic to answer on, what to send back with it. */
  readonly responseTopic?: string;
  readonly correlationData?: Buffer;
};
export type Outgoing = {
  readonly retain?: boolean;
  /** Seconds after which a broker of MQTT 5 forgets it. */
  readonly expiryS?: number;
  readonly correlationData?: Buffer;
};
type ConnectionEvents = {
  readonly log: Log;
  /** Called after each connect; what it publishes goes out first. */
  readonly onConnect: () => void;
  readonly onMessage: (message: Message) => void;
};
export type Connection = {
  readonly connected: () => boolean;
  readonly status: () => {
    readonly connects: number;
    readonly published: number;
    readonly protocol: 4 | 5;
    readonly lastError: string | null;
  };
  /** Resolves true once the broker has it; false where it is not connected or the connection broke first. Never rejects. */
  publish(topic: string, payload: string, outgoing?: Outgoing): Promise<boolean>;
  /** `asPublished`: a message that was sent as retained is known as such even while we listen (MQTT 5). */
  subscribe(topics: readonly string[], asPublished?: boolean): Promise<boolean>;
  unsubscribe(topics: readonly string[]): Promise<boolean>;
  start(): void;
  /** Says the last word where it can, and is gone within two seconds whatever the broker does. */
  close(lastWords: readonly {readonly topic: string; readonly payload: string}[]): Promise<void>;
};

const KEEPALIVE_S = 30;
const CONNECT_MS = 10_000;
const FIRST_PAUSE_MS = 1000;
const LONGEST_PAUSE_MS = 15_000;
/** A refused login is tried so many times slower, up to a minute: brokers lock out those who hammer. */
const REFUSED_SLOWER = 5;
const LONGEST_REFUSED_PAUSE_MS = 60_000;
/** The library has time-outs of its own; an attempt that outlives them is given up. */
const ATTEMPT_MS = 25_000;
/** An answer to a publish that takes longer counts as lost. */
const ACK_MS = 15_000;
const LAST_WORDS_MS = 1500;
const GOODBYE_MS = 300;
/** A broker that drops us this often before its first answer may not know this version of the protocol; most know 5. */
const SILENT_DROPS = {5: 3, 4: 1} as const;
/** A broker may learn MQTT 5 without breaking a connection. */
const RETRY_NEWER_MS = 6 * 3_600_000;
/** Messages on their way to a broker that does not say how many it takes. */
const IN_FLIGHT = 64;
/** What a packet has besides topic and payload, no more than. */
const PACKET_EXTRA_BYTES = 200;
/** CONNACK codes for "unacceptable protocol version": MQTT 3.1.1 (3.2.2.3) and MQTT 5 (3.2.2.2). */
const WRONG_VERSION = [1, 132];
/** And for refused logins. */
const REFUSED = [4, 5, 134, 135, 138];
/** DISCONNECT of MQTT 5: another client came with the same client id (3.14.2.1). */
const TAKEN_OVER = 142;
/** Connections in a row that break this soon, without a reason, look like a quarrel of two clients over one id. */
const BRIEF = {ms: 5000, times: 3} as const;

export function createConnection(settings: ConnectionSettings, {log, onConnect, onMessage}: ConnectionEvents): Connection {
  const login = {...loginIn(settings.url), ...settings};
  let client: MqttClient | null = null;
  let up = false;
  let ended = false;
  let protocol: 4 | 5 = settings.protocol === 4 ? 4 : 5;
  let drops = 0;
  /** Whether the broker let us guess that it does not know MQTT 5, instead of saying so. */
  let guessed = false;
  let briefs = 0;
  let pauseMs = FIRST_PAUSE_MS;
  let timer: NodeJS.Timeout | undefined;
  let connects = 0;
  let published = 0;
  let lastError: string | null = null;
  let gate = createGate(IN_FLIGHT);
  let largestBytes = Number.POSITIVE_INFINITY;
  let retains = true;
  /** A broker that refuses one message refuses many; it is told once a connection. */
  let refusalTold = false;

  function optionsOf(): IClientOptions {
    const {tls, will, clientId} = settings;
    const {username, password} = login;
    // The library knows this option of a socket, but not that a WebSocket takes it too.
    const sni = tls.servername === undefined ? null : ({servername: tls.servername} as object);
    return {
      clientId,
      protocolVersion: protocol,
      clean: true,
      keepalive: KEEPALIVE_S,
      connectTimeout: CONNECT_MS,
      reconnectPeriod: 0, // each attempt is a client of its own: nothing of an old one can come back
      resubscribe: false,
      queueQoSZero: false,
      timerVariant: 'native',
      writeCache: false, // a buffer for each number of 16 bits, 8 MB of them
      will: {topic: will.topic, payload: Buffer.from(will.payload), qos: 1, retain: true},
      ...(username === undefined ? {} : {username}),
      ...(password === undefined ? {} : {password}),
      ...(tls.ca === undefined ? {} : {ca: tls.ca}),
      ...(tls.cert === undefined ? {} : {cert: tls.cert}),
      ...(tls.key === undefined ? {} : {key: tls.key}),
      ...(sni && {...sni, wsOptions: sni}),
      rejectUnauthorized: tls.verify,
      ...(protocol === 5 ? {properties: {sessionExpiryInterval: 0}} : {}),
    };
  }

  function attempt(): void {
    if (ended) return;
    let own: MqttClient;
    try {
      own = mqtt.connect(shown(settings.url), optionsOf());
    } catch (error) {
      failed(quoted((error as Error).message));
      again(pauseMs);
      return;
    }
    client = own;
    own.setMaxListeners(0); // one listener for each message in flight
    let greeted = false;
    let code: number | null = null;
    let reason: Said | null = null;
    let reset = false;
    let greetedMs = 0;
    const giveUp = setTimeout(() => {
      reason = say('no answer');
      own.end(true);
      gone();
    }, ATTEMPT_MS);
    let retry: NodeJS.Timeout | undefined;
    own.on('connect', ({properties}: IConnackPacket) => {
      clearTimeout(giveUp);
      gate = createGate(Math.min(IN_FLIGHT, properties?.receiveMaximum ?? IN_FLIGHT));
      largestBytes = properties?.maximumPacketSize ?? Number.POSITIVE_INFINITY;
      retains = properties?.retainAvailable !== false;
      refusalTold = false;
      if (settings.protocol === 'auto' && protocol === 4)
        retry = setTimeout(() => {
          reason = quoted('asked for MQTT 5 again');
          own.end();
        }, RETRY_NEWER_MS);
      greeted = true;
      greetedMs = performance.now();
      up = true;
      drops = 0;
      if (briefs < BRIEF.times) pauseMs = FIRST_PAUSE_MS;
      connects++;
      if (lastError !== null || connects === 1) log.info({part: 'mqtt', url: shown(settings.url), protocol}, 'connected to the broker');
      lastError = null;
      onConnect();
    });
    own.on('message', (topic: string, payload: Buffer, packet: IPublishPacket) => {
      const {responseTopic, correlationData} = packet.properties ?? {};
      onMessage({
        topic,
        payload: payload.toString('utf8'),
        retain: packet.retain,
        ...(responseTopic === undefined ? {} : {responseTopic}),
        ...(correlationData === undefined ? {} : {correlationData}),
      });
    });
    own.on('error', (error: Error & {code?: number | string}) => {
      if (typeof error.code === 'number') code = error.code;
      reset = error.code === 'ECONNRESET' || error.code === 'EPIPE';
      reason = quoted(error.message || String(error.code ?? 'unknown error'));
      if (!greeted) own.end(true);
    });
    own.on('disconnect', ({reasonCode}) => {
      reason =
        reasonCode === TAKEN_OVER
          ? say('another client came with the id {id}; each needs an id of its own (mqtt.client_id)', {id: settings.clientId})
          : say('the broker says goodbye (code {code})', {code: reasonCode ?? 0});
    });
    own.once('close', gone);

    function gone(): void {
      clearTimeout(giveUp);
      clearTimeout(retry);
      if (client !== own) return;
      up = false;
      client = null;
      gate.open();
      own.removeAllListeners();
      own.on('error', () => {});
      own.end(true);
      if (ended) return;
      if (!greeted && code === null && (reason === null || reset)) drops++;
      if (greeted) briefs = reason === null && performance.now() - greetedMs < BRIEF.ms ? briefs + 1 : 0;
      if (settings.protocol === 'auto') {
        if (greeted && protocol === 4) {
          // It may be another broker by now; one that never says what it does not know is asked only once.
          protocol = 5;
          drops = guessed ? SILENT_DROPS[5] - 1 : 0;
        } else if (wrongVersion(code)) {
          guessed = code === null;
          protocol = protocol === 5 ? 4 : 5;
          drops = 0;
          log.info({part: 'mqtt', url: shown(settings.url), protocol}, `going on with MQTT ${protocol === 5 ? '5' : '3.1.1'}`);
          again(protocol === 4 ? 0 : pauseMs);
          return;
        }
      }
      const refused = code !== null && REFUSED.includes(code);
      failed(
        refused
          ? say('the broker refuses the login ({reason}); check mqtt.username and mqtt.password', {reason: reason ?? ''})
          : (reason ?? (briefs >= BRIEF.times ? quarrel() : say(greeted ? 'the connection broke' : 'the broker closed before it greeted'))),
      );
      again(refused ? Math.min(LONGEST_REFUSED_PAUSE_MS, REFUSED_SLOWER * pauseMs) : pauseMs);
    }
  }

  const quarrel = (): Said =>
    say('the broker ends each connection soon; perhaps another client has the id {id}: each needs an id of its own (mqtt.client_id)', {
      id: settings.clientId,
    });

  /** Said by the broker, or shown by dropping us: then it may have been a restart as well, and the other version has its turn. */
  const wrongVersion = (code: number | null): boolean => (code !== null && WRONG_VERSION.includes(code)) || drops >= SILENT_DROPS[protocol];

  function failed(reason: Said): void {
    if (reason !== lastError) log.warn({part: 'mqtt', url: shown(settings.url)}, `broker: ${reason}`);
    lastError = reason;
  }

  function again(ms: number): void {
    clearTimeout(timer);
    timer = setTimeout(attempt, ms * (1 + 0.2 * Math.random()));
    pauseMs = Math.min(LONGEST_PAUSE_MS, pauseMs * 2);
  }

  /**
   * True once the broker took it; its words where it refused; null where nothing came of it. The library's callback may never come: the
   * connection may break, or the broker may be asleep.
   */
  function settled(
    own: MqttClient,
    act: (done: (error?: (Error & {code?: unknown}) | null) => void) => void,
  ): Promise<true | string | null> {
    return new Promise(resolve => {
      const finish = (outcome: true | string | null): void => {
        clearTimeout(deadline);
        own.off('close', onClose);
        resolve(outcome);
      };
      const onClose = (): void => finish(null);
      const deadline = setTimeout(() => finish(null), ACK_MS);
      own.once('close', onClose);
      act(error => finish(error ? (typeof error.code === 'number' ? error.message : null) : true));
    });
  }

  function refusedMessage(topic: string, why: string): void {
    if (refusalTold) return;
    refusalTold = true;
    failed(say('the broker does not take messages such as {topic} ({why})', {topic, why}));
  }

  async function publish(topic: string, payload: string, {retain = false, expiryS, correlationData}: Outgoing = {}): Promise<boolean> {
    const own = client;
    if (!own || !up) return false;
    // Where there is a limit, a message beyond it would cost us the connection, again and again.
    if (topic.length + Buffer.byteLength(payload) + PACKET_EXTRA_BYTES > largestBytes) {
      refusedMessage(topic, say('it takes {n} bytes at most', {n: largestBytes}));
      return false;
    }
    const properties =
      protocol === 5
        ? {
            properties: {
              ...(payload === '' ? {} : {contentType: /^[[{]/.test(payload) ? 'application/json' : 'text/plain'}),
              ...(expiryS === undefined ? {} : {messageExpiryInterval: expiryS}),
              ...(correlationData === undefined ? {} : {correlationData}),
            },
          }
        : {};
    const turn = gate;
    await turn.enter();
    if (client !== own) return false;
    const outcome = await settled(own, done => own.publish(topic, payload, {qos: 1, retain: retain && retains, ...properties}, done));
    turn.leave();
    if (outcome === true) published++;
    else if (outcome !== null) refusedMessage(topic, outcome);
    return outcome === true;
  }

  return {
    connected: () => up,
    status: () => ({connects, published, protocol, lastError}),
    publish,
    async subscribe(topics, asPublished = false) {
      const own = client;
      const options = {qos: 1, ...(protocol === 5 ? {rap: asPublished} : {})} as const;
      return own !== null && up && (await settled(own, done => own.subscribe([...topics], options, done))) === true;
    },
    async unsubscribe(topics) {
      const own = client;
      return own !== null && up && (await settled(own, done => own.unsubscribe([...topics], done))) === true;
    },
    start: attempt,
    async close(lastWords) {
      if (ended) return;
      clearTimeout(timer);
      const own = client;
      let said = false;
      if (own && up) {
        let deadline: NodeJS.Timeout | undefined;
        said = await Promise.race([
          Promise.all(lastWords.map(({topic, payload}) => publish(topic, payload, {retain: true}))).then(() => true),
          new Promise<false>(resolve => {
            deadline = setTimeout(() => resolve(false), LAST_WORDS_MS);
          }),
        ]);
        clearTimeout(deadline);
      }
      ended = true;
      up = false;
      client = null;
      gate.open();
      if (!own) return;
      // A clean goodbye where the broker listens, so that the will stays unsaid.
      if (said)
        await new Promise<void>(resolve => {
          const enough = setTimeout(resolve, GOODBYE_MS);
          own.end(false, {}, () => {
            clearTimeout(enough);
            resolve();
          });
        });
      own.end(true);
      own.stream.destroy(); // a client that waits to say goodbye takes no second end, and its socket would keep the process alive
    },
  };
}

/** An address without what must not be read by others. */
export const shown = (url: string): string => url.replace(/\/\/[^/]*@/, '//');

/** User and password that stand in the address. The library would cut a password that has a colon. */
function loginIn(url: string): {readonly username?: string; readonly password?: string} {
  const {username, password} = new URL(url);
  if (username === '') return {};
  return {username: decoded(username), ...(password === '' ? {} : {password: decoded(password)})};
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text; // a percent sign that stands for itself
  }
}
