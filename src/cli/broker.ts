// Whether a broker takes us: a real login, with the settings of the daemon.

import {setTimeout as sleep} from 'node:timers/promises';
import type {ConfigMqtt} from '../config/load.ts';
import {silentLog} from '../core/log.ts';
import {createConnection} from '../outlets/mqtt/connection.ts';

type BrokerLogin = Pick<ConfigMqtt, 'url' | 'username' | 'password' | 'tls' | 'protocol'>;
type Heard = {readonly topic: string; readonly payload: string};
/** `problem` is null where the broker took the login; `heard` are the retained messages of the topics asked for. */
type BrokerTold = {readonly problem: string | null; readonly protocol: 4 | 5; readonly heard: readonly Heard[]};

const PATIENCE_MS = 8000;
/** Retained messages come at once after a subscription. */
const LISTEN_MS = 500;
const LOOK_MS = 25;

/** Logs in, listens for a moment, and leaves without a trace. Never throws. */
export async function tryBroker(
  {url, username, password, tls, protocol}: BrokerLogin,
  topics: readonly string[],
  signal: AbortSignal,
): Promise<BrokerTold> {
  const heard: Heard[] = [];
  const connection = createConnection(
    {
      url,
      clientId: `wattledger-check-${process.pid}`,
      protocol,
      tls,
      // Never said: this connection says goodbye.
      will: {topic: `wattledger-check/${process.pid}`, payload: ''},
      ...(username === undefined ? {} : {username}),
      ...(password === undefined ? {} : {password}),
    },
    {log: silentLog, onConnect() {}, onMessage: ({topic, payload}) => void heard.push({topic, payload})},
  );
  const began = performance.now();
  connection.start();
  try {
    while (!connection.connected() && connection.status().lastError === null && performance.now() - began < PATIENCE_MS && !signal.aborted)
      await sleep(LOOK_MS);
    const {lastError, protocol: spoken} = connection.status();
    if (!connection.connected()) return {problem: lastError ?? 'no answer', protocol: spoken, heard};
    if (topics.length > 0 && (await connection.subscribe(topics))) await sleep(LISTEN_MS);
    return {problem: null, protocol: spoken, heard};
  } finally {
    await connection.close([]);
  }
}
