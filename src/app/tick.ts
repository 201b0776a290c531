// The heartbeat: the only polling loop. What it does in order is how the data flows.

import type {Board} from '../core/board.ts';
import {observe} from '../core/board.ts';
import {advance, type FlowState, serialiseFlow} from '../core/flow/advance.ts';
import {type LedgerCorrection, takeCorrection} from '../core/flow/corrections.ts';
import type {FlowEvent} from '../core/flow/model.ts';
import {storedByOrigin} from '../core/flow/origin.ts';
import type {TickRecord} from '../core/sink.ts';
import type {Site} from '../core/site.ts';
import type {MoneyNow} from '../core/tariff/now.ts';
import type {Clock} from '../core/time.ts';
import type {Poller} from './poll.ts';
import type {ClockTrust} from './trust.ts';

type TickDeps = {
  readonly clock: Clock;
  readonly site: Site;
  readonly poller: Poller;
  readonly trusted: ClockTrust;
  /** Events of devices and of the program since the last tick. */
  readonly drainEvents: () => readonly FlowEvent[];
  /** Corrections of history since the last tick. */
  readonly corrections: () => readonly LedgerCorrection[];
  /** True when the state is due to be stored. */
  readonly flushDue: () => boolean;
  /** True when an outlet would pass on totals now. */
  readonly totalsWanted: () => boolean;
  /** Money as it stands; null without tariffs, or before the first look. */
  readonly money: () => MoneyNow | null;
  /** Returns at once, whatever the outlets do. */
  readonly offer: (record: TickRecord) => void;
};

/** Share of the beat after which it goes on without what is still missing. */
const DEADLINE_SHARE = 0.85;
/** A value is shown as held for this many beats, then as missing. */
const HELD_BEATS = 5;
/** Totals are no older than this for those who do not ask for them, such as the page. */
const TOTALS_EVERY_MS = 10_000;

/** A sweep under way at the stop is read to its end, so that powers and counters are of one moment; for so long, real ms. */
const SWEEP_GRACE_MS = 500;

function aWhileAfter(signal: AbortSignal): AbortSignal {
  const later = new AbortController();
  signal.addEventListener('abort', () => void setTimeout(() => later.abort(), SWEEP_GRACE_MS).unref(), {once: true});
  return later.signal;
}

/** Beats until the signal aborts; the last record carries the whole state. */
export async function runTicks(deps: TickDeps, initial: FlowState, stop: AbortSignal): Promise<void> {
  const {clock, site, poller} = deps;
  const everyMs = site.pollEveryMs;
  const hurry = aWhileAfter(stop);
  let flow = initial;
  let board: Board = new Map();
  let totalsDueMs = Number.NEGATIVE_INFINITY;

  for (let seq = 0; !stop.aborted; seq++) {
    const dueMs = seq === 0 ? clock.monoMs() : (Math.floor(clock.monoMs() / everyMs) + 1) * everyMs;
    await clock.sleepUntilMono(dueMs, stop).catch(() => {});
    const readings = stop.aborted ? [] : await poller.sweep(dueMs, dueMs + everyMs * DEADLINE_SHARE, hurry);

    const monoMs = clock.monoMs();
    const tick = {seq, monoMs, wallMs: clock.wallMs(), lateMs: Math.max(0, monoMs - dueMs)};
    board = observe(board, readings, tick.monoMs, everyMs * HELD_BEATS);
    const flush = stop.aborted || deps.flushDue();
    const trust = deps.trusted(tick.wallMs, tick.monoMs);
    for (const correction of deps.corrections()) takeCorrection(site, flow, correction);
    const totals = monoMs >= totalsDueMs || deps.totalsWanted();
    const step = advance(site, flow, {tick, readings, clockTrusted: trust.slots, flush, totals});
    flow = step.state;
    // The nearest beat, not the one after it.
    if (step.energy) totalsDueMs = monoMs + TOTALS_EVERY_MS - everyMs / 2;
    deps.offer({
      tick,
      readings,
      board,
      nodes: step.nodes,
      slots: step.slots,
      events: [...deps.drainEvents(), ...step.events],
      state: step.siteState,
      energy: step.energy,
      day: step.day,
      stored: storedByOrigin(flow.pools[site.flows.policy]),
      money: deps.money(),
      flowState: flush ? serialiseFlow(flow) : null,
      clockTrusted: trust.rows,
    });
  }
}
