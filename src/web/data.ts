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
  readonly roles: {readonly batteries: readonly string[]; readonly loads: readonly string[]};
  readonly ok: boolean;
  readonly problems: readonly string[];
  readonly devices: readonly {readonly id: string; readonly state: string; readonly age_s: number | null}[];
  readonly poll_every_ms: number;
  /** By node: how old its power is. */
  readonly freshness: Readonly<
    Record<string, {readonly devices: readonly string[]; readonly age_s: number | null; readonly quality: 'good' | 'held' | 'missing'}>
  >;
  /** By battery: what it holds, Wh by origin. */
  readonly stored: Readonly<Record<string, Readonly<Record<string, number>>>>;
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

export async function login(password: string): Promise<boolean> {
  const response = await fetch('login', {method: 'POST', headers: {'content-type': 'application/json'}, body: JSON.stringify({password})});
  if (!response.ok) return false;
  locked.value = false;
  listen();
  return true;
}

let source: EventSource | null = null;

/** Opens the stream; the browser comes back by itself when the daemon does. */
export function listen(): void {
  source?.close();
  source = new EventSource('api/v1/stream');
  source.addEventListener('now', event => {
    now.value = JSON.parse((event as MessageEvent<string>).data) as Now;
    connected.value = true;
  });
  source.onerror = () => {
    connected.value = false;
    // A refused stream is not tried again by the browser: ask why, and come back.
    if (source?.readyState !== EventSource.CLOSED) return;
    void ask<Now>('now')
      .catch(() => {})
      .finally(() => {
        if (!locked.value) setTimeout(listen, 3000);
      });
  };
}

export const watt = (state: Now | null, key: string): number | null => {
  const value = state?.[key];
  return typeof value === 'number' ? value : null;
};

/** How far a node's number can be believed; a derived one, such as the home's, is as fresh as the worst of the others. */
export function freshnessOf(state: Now, id: string): 'fresh' | 'held' | 'missing' {
  const late = Math.max(15, (3 * state.poll_every_ms) / 1000);
  const judge = (one: Now['freshness'][string]): 'fresh' | 'held' | 'missing' =>
    one.quality === 'missing' ? 'missing' : one.quality === 'held' || (one.age_s ?? 0) > late ? 'held' : 'fresh';
  const own = state.freshness[id];
  if (own) return judge(own);
  return Object.values(state.freshness).some(one => judge(one) !== 'fresh') ? 'held' : 'fresh';
}

/** Signals of the site's own day: `2026-11-24` and neighbours. */
export const dayOf = (ms: number, zone: string): string => new Intl.DateTimeFormat('en-CA', {timeZone: zone}).format(ms);
export const shiftDay = (day: string, days: number): string =>
  new Date(Date.parse(`${day}T12:00:00Z`) + days * 86_400_000).toISOString().slice(0, 10);
