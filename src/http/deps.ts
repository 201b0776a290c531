// What the page and its API are made from: the narrow view of the daemon that this folder knows.

import type {Health} from '../core/health.ts';
import type {Log} from '../core/log.ts';
import type {Site} from '../core/site.ts';
import type {Tariffs} from '../core/tariff/model.ts';
import type {Answer, QuestionArgs, QuestionName} from '../store/queries.ts';

export type HttpSettings = {
  /** HOST:PORT; an IPv6 address in brackets. */
  readonly listen: string;
  /** Further names under which the page may be opened. */
  readonly hosts: readonly string[];
  /** Addresses of reverse proxies whose headers are believed. */
  readonly trustProxy: readonly string[];
  /** Resolved secrets. */
  readonly password?: string;
  readonly token?: string;
};

type PointView = {
  readonly point: string;
  readonly every: string;
  readonly note: string | null;
  readonly registers: readonly {readonly fc: number; readonly at: number; readonly word: number | null}[];
};
type RequestView = {
  readonly class: string;
  readonly unit: number;
  readonly fc: number;
  readonly start: number;
  readonly count: number;
  readonly ms: number;
};

export type HttpDeps = {
  readonly log: Log;
  readonly site: Site;
  readonly health: () => Health;
  readonly query: <K extends QuestionName>(name: K, ...args: QuestionArgs<K>) => Promise<Answer<K>>;
  /** The configuration in use, secrets masked. */
  readonly configText: string;
  readonly configFile: string;
  /** Newest lines of the log, oldest first. */
  readonly logTail: () => readonly string[];
  /** Points with their raw words, and the read plan; null for an unknown device. */
  readonly details: (id: string) => {readonly points: readonly PointView[]; readonly plan: readonly RequestView[]} | null;
  /** Null without tariffs. */
  readonly money: {readonly tariffs: Tariffs; readonly efficiencyPpm: number} | null;
  /** A verified copy of the database at that path. */
  readonly backup: (file: string) => Promise<unknown>;
  readonly wallMs: () => number;
};
