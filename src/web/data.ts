// What the daemon tells: the stream of the present, and questions about the past. All addresses are relative, so any prefix works.

import {signal} from '@preact/signals';

export type Now = Readonly<Record<string, unknown>> & {
  readonly ts: string | null;
  readonly energy: Readonly<Record<string, number | string>> | null;
  readonly day: Readonly<Record<string, number | string | null>> | null;
  readonly site: {
    readonly id: string;
    readonly name: string;
    readonly timezone: string;
    readonly currency: string;
    readonly policy: string;
    /** Whether `money` can be asked for. */
    readonly tariffs: boolean;
  };
  readonly money: Readonly<Record<string, number | string | null>> | null;
  /** Points of the states of charge, of batteries that tell theirs. */
  readonly soc: readonly {readonly id: string; readonly device: string; readonly point: string}[];
  readonly roles: {readonly batteries: readonly string[]; readonly loads: readonly string[]};
  readonly ok: boolean;
  readonly problems: readonly string[];
  readonly devices: readonly {readonly id: string; readonly state: string; readonly age_s: number | null}[];
  readonly poll_every_ms: number;
  /** By node: how old its power is, and which points of which devices told it. */
  readonly freshness: Readonly<Record<string, Told>>;
  /** By battery: what it holds, Wh by origin. */
  readonly stored: Readonly<Record<string, Readonly<Record<string, number>>>>;
};
type Told = {
  readonly devices: readonly string[];
  /** As `device/point`. */
  readonly points: readonly string[];
  readonly age_s: number | null;
  readonly quality: 'good' | 'asleep' | 'held' | 'missing';
};
export type Cell = {
  readonly origin: string;
  readonly via: string;
  readonly source: string;
  readonly sink: string;
  readonly wh: number;
  readonly label: string;
};
export type Slot = {
  readonly start: string;
  readonly day: string | null;
  readonly cells: readonly Cell[];
  readonly totals: Readonly<Record<string, number>>;
  readonly quality: readonly string[];
};
export type Flows = {readonly step: string; readonly policy: string; readonly zone: string; readonly slots: readonly Slot[]};

export const now = signal<Now | null>(null);
export const connected = signal(false);
export const locked = signal(false);

export class Refused extends Error {
  readonly status: number;
  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/** The answer of `api/v1/PATH`. Throws Refused. */
export async function ask<T>(path: string, parameters: Readonly<Record<string, string>> = {}): Promise<T> {
  const query = new URLSearchParams(parameters).toString();
  const response = await fetch(`api/v1/${path}${query ? `?${query}` : ''}`, {credentials: 'same-origin'});
  if (response.status === 401) locked.value = true;
  const body = (await response.json()) as T & {error?: string};
  if (!response.ok) throw new Refused(response.status, body.error ?? response.statusText);
  return body;
}

/** The status of the answer: 204 where the password was right. */
export async function login(password: string): Promise<number> {
  const {ok, status} = await fetch('login', {
    method: 'POST',
    headers: {'content-type': 'application/json'},
    body: JSON.stringify({password}),
  });
  if (ok) {
    locked.value = false;
    listen();
  }
  return status;
}

export async function logout(): Promise<void> {
  await fetch('logout', {method: 'POST', headers: {'content-type': 'application/json'}, body: '{}'});
  source?.close();
  locked.value = true;
}

let source: EventSource | null = null;
let newsAtMs = performance.now();
let openedAtMs = newsAtMs;
/** Seconds since the last news: ages grow while nothing comes. */
const sinceNewsS = signal(0);
/** A stream may look open while nobody is at its other end, for instance after a sleep of this machine. */
const DEAF_S = 20;
/** A page nobody looks at keeps its stream for so long; a browser has few of them. */
const UNSEEN_MS = 30_000;
const AGAIN_MS = 3000;

const tell = (state: Now): void => {
  now.value = state;
  newsAtMs = performance.now();
  sinceNewsS.value = 0;
  connected.value = true;
};

/** Opens the stream; the browser comes back by itself when the daemon does. */
function listen(): void {
  source?.close();
  const mine = new EventSource('api/v1/stream');
  source = mine;
  openedAtMs = performance.now();
  mine.addEventListener('now', event => tell(JSON.parse((event as MessageEvent<string>).data) as Now));
  mine.onerror = () => {
    connected.value = false;
    // A refused stream is not tried again by the browser: ask instead (the answer says why, or is the news), and come back.
    if (mine.readyState !== EventSource.CLOSED) return;
    ask<Now>('now')
      .then(tell, () => {})
      .finally(() => {
        if (!locked.value && source === mine) setTimeout(listen, AGAIN_MS);
      });
  };
}

/** The first picture came inside the document, or is asked for where it did not; the stream goes on from there. */
export function begin(): void {
  const told = document.getElementById('told')?.textContent;
  if (told) tell(JSON.parse(told) as Now);
  else
    ask<Now>('now').then(
      state => {
        if (!now.value) tell(state);
      },
      () => {},
    );
  listen();
  watch();
}

/** Keeps the stream honest while the page is open. */
function watch(): void {
  setInterval(() => {
    sinceNewsS.value = Math.floor((performance.now() - newsAtMs) / 1000);
    const deafS = (performance.now() - Math.max(newsAtMs, openedAtMs)) / 1000;
    if (document.hidden || locked.value || deafS <= Math.max(DEAF_S, now.value ? lateS(now.value) : 0)) return;
    connected.value = false;
    listen();
  }, 1000);
  // A stream that stands while the network went away brings nothing and breaks late; where the daemon is on this machine, the next news say so.
  addEventListener('offline', () => {
    connected.value = false;
  });
  addEventListener('online', () => {
    if (!locked.value) listen();
  });
  let leaving: ReturnType<typeof setTimeout> | undefined;
  document.addEventListener('visibilitychange', () => {
    clearTimeout(leaving);
    if (document.hidden) leaving = setTimeout(() => source?.close(), UNSEEN_MS);
    else if (source?.readyState === EventSource.CLOSED && !locked.value) listen();
  });
}

export const watt = (state: Now | null, key: string): number | null => {
  const value = state?.[key];
  return typeof value === 'number' ? value : null;
};

export type Fresh = 'fresh' | 'asleep' | 'held' | 'missing';

/** From how old on a value is called so, seconds. */
export const lateS = (state: Now): number => Math.max(15, (3 * state.poll_every_ms) / 1000);

/** Seconds, as of this moment. */
export const ageOf = ({age_s}: {readonly age_s: number | null}): number | null => (age_s === null ? null : age_s + sinceNewsS.value);

/** How far a node's number can be believed; a derived one, such as the home's, is as fresh as the worst of the others. */
export function freshnessOf(state: Now, id: string): Fresh {
  const judge = (told: Told): Fresh => (told.quality === 'good' ? ((ageOf(told) ?? 0) > lateS(state) ? 'held' : 'fresh') : told.quality);
  const own = state.freshness[id];
  if (own) return judge(own);
  return Object.values(state.freshness).some(one => ['held', 'missing'].includes(judge(one))) ? 'held' : 'fresh';
}

/** This moment by the daemon's clock: that of the browser may be wrong. */
export const presentMs = (): number => (now.value?.ts ? Date.parse(now.value.ts) + sinceNewsS.value * 1000 : Date.now());
