// The only place where parts are made and connected. Start goes from the inside out, stop from the outside in.

import type {AppConfig} from '../config/load.ts';
import {createFlow, restoreFlow} from '../core/flow/advance.ts';
import type {FlowEvent} from '../core/flow/model.ts';
import type {Health} from '../core/health.ts';
import type {Log} from '../core/log.ts';
import type {Sink, TickRecord} from '../core/sink.ts';
import type {Clock} from '../core/time.ts';
import {createRunner, type Runner} from '../outlets/runner.ts';
import {LONGEST_COMMIT_MS} from '../store/pace.ts';
import {createStore} from '../store/store.ts';
import {scheduleBackups} from './backups.ts';
import {onCalendar} from './calendar.ts';
import {type Beat, readHealth} from './health.ts';
import {openHouse} from './house.ts';
import {keepMoney} from './money.ts';
import {createOutlets} from './outlets.ts';
import {createPoller} from './poll.ts';
import {watchPrices} from './prices.ts';
import {createNotifier, keepWaiting} from './systemd.ts';
import {runTicks} from './tick.ts';
import {createClockTrust} from './trust.ts';
import {startWatchdog} from './watchdog.ts';

type AppOptions = {
  readonly config: AppConfig;
  readonly clock: Clock;
  readonly log: Log;
  /** Stop: take no more, write what is there. */
  readonly signal: AbortSignal;
  /** Further outlets of the caller, such as the demo's screen. */
  readonly sinks?: readonly Sink[];
  /** The newest lines of the log, for the page. */
  readonly logTail?: () => readonly string[];
  /** Whether the stop is only for a new configuration, which goes on in this process. */
  readonly goesOn?: () => boolean;
  /** Called once the first tick is done. */
  readonly onReady?: (info: AppInfo) => void;
};
export type AppInfo = {
  readonly database: string;
  /** Address of the page, or null. */
  readonly dashboard: string | null;
  readonly health: () => Health;
};

/** What is still queued gets this long after a stop, real ms; the service manager's last word comes later. */
const DRAIN_MS = 3500;
/** Raw rows kept in memory while the disk is gone: about an hour of five devices at 2 s. */
const BUFFER_ROWS = 10_000;
/** Damage is to be found while the copies are still good: all of the file is read once a week, at a quiet time. */
const CHECK_CRON = '43 4 * * 0';
/** Money follows the ledger's commits, a minute behind at most. */
const MONEY_EVERY_MS = 60_000;

/** The daemon until the signal aborts and everything is stored. Throws AppError where it cannot start. */
export async function runApp(options: AppOptions): Promise<void> {
  const {config, clock, log, signal} = options;
  const {site} = config;
  const startedMs = clock.wallMs();
  const beat: Beat = {seq: 0, lastMonoMs: clock.monoMs(), lastWallMs: startedMs, lateMs: 0, missed: 0, clockSteps: 0};
  const runners: Runner[] = [];
  const events: FlowEvent[] = [];
  const kill = new AbortController();
  const notifier = createNotifier(process.env);

  const store = createStore(
    {...config.store, bufferRows: BUFFER_ROWS, history: config.mqtt.some(broker => broker.history)},
    {clock, log, zone: site.timezone, efficiencyPpm: site.flows.efficiencyPpm},
  );
  const started = keepWaiting(notifier);
  const found = await store.start().finally(started);
  const trust = createClockTrust(found.newestSlotMs);
  let trusted = false;
  // A device logs its changes itself, with more to say; one line is enough.
  const logged = new WeakSet<FlowEvent>();
  const house = openHouse(config, {
    clock,
    log,
    note: event => {
      logged.add(event);
      events.push(event);
    },
  });
  const health = (): Health =>
    readHealth({
      clock,
      startedMs,
      everyMs: site.pollEveryMs,
      devices: house.devices,
      links: house.links,
      sinks: () => [store.health(), ...runners.map(runner => runner.health())],
      store: () => ({...store.health().details, problem: store.health().lastError}),
      beat,
      trusted: () => trusted,
    });

  const note = (event: FlowEvent): void => void events.push(event);
  const prices = config.money && watchPrices(config.money, {clock, log, zone: site.timezone, store, note});
  const outlets = createOutlets(config, {
    prices,
    clock,
    log,
    health,
    house,
    store,
    logTail: options.logTail ?? (() => []),
    continued: found.flowState !== null,
  });
  try {
    // A taken port or a wrong address is for a person to see at once; a broker that is away is waited for.
    await house.start();
    for (const {sink, required} of outlets.list) if (required) await sink.open(kill.signal);
  } catch (error) {
    await Promise.allSettled([house.close(), store.close(kill.signal), ...outlets.list.map(({sink}) => sink.close(kill.signal))]);
    throw error;
  }
  for (const {sink, newestOnly} of [...outlets.list, ...(options.sinks ?? []).map(sink => ({sink, newestOnly: false}))])
    runners.push(createRunner(sink, {log, newestOnly}));
  const stopChecks = onCalendar(CHECK_CRON, {timezone: site.timezone, wallMs: () => clock.wallMs()}, () => store.check());
  const stopBackups = config.store.backup
    ? scheduleBackups(config.store.backup, {log, timezone: site.timezone, wallMs: () => clock.wallMs(), backup: file => store.backup(file)})
    : () => {};
  const money =
    config.money && keepMoney(config.money, {site, clock, log, store, note, everyMs: Math.min(config.store.commitEveryMs, MONEY_EVERY_MS)});
  const stopWatchdog = startWatchdog({
    beat,
    everyMs: site.pollEveryMs,
    stored: () => {
      const {lastError, queued, details} = store.health();
      return lastError === null ? {commits: Number(details?.['commits'] ?? 0), waiting: queued > 0} : null;
    },
    commitEveryMs: config.store.budgetMbPerDay === null ? config.store.commitEveryMs : LONGEST_COMMIT_MS,
    notifier,
    log,
    giveUp: () => process.exit(1),
  });

  const bootId = `${startedMs}`;
  const restored = found.flowState === null ? null : restoreFlow(found.flowState, site, bootId);
  if (found.flowState !== null && restored === null) log.warn({part: 'store'}, 'the stored flow state cannot be read; totals begin anew');
  const gridDevice = site.map.grid?.meter.device ?? site.map.home?.device ?? null;
  const poller = createPoller(house.polled, gridDevice, clock, error =>
    log.error({part: 'device', err: error}, 'a device threw; this is a fault of the program'),
  );

  const offer = (record: TickRecord): void => {
    beat.seq = record.tick.seq + 1;
    beat.lastMonoMs = record.tick.monoMs;
    beat.lastWallMs = record.tick.wallMs;
    beat.missed = poller.skipped();
    beat.clockSteps += record.events.filter(event => event.kind === 'clock-step').length;
    for (const event of record.events)
      if (!logged.has(event)) log.info({part: 'tick', kind: event.kind, about: event.about, ...event.evidence}, event.detail);
    void store.write([record], kill.signal);
    for (const runner of runners) runner.offer(record);
    if (record.tick.seq === 0) {
      notifier.notify('READY=1');
      options.onReady?.({database: config.store.path, dashboard: outlets.dashboard(), health});
    }
  };

  try {
    await runTicks(
      {
        clock,
        site,
        poller,
        trusted: (wallMs, monoMs) => {
          const now = trust(wallMs, monoMs);
          trusted = now.slots;
          return now;
        },
        drainEvents: () => events.splice(0),
        corrections: () => store.takeCorrections(),
        flushDue: () => store.flushDue(),
        totalsWanted: () => outlets.list.some(({sink}) => sink.wantsTotals?.()),
        money: () => money?.now() ?? null,
        offer,
      },
      restored ?? createFlow(site, bootId),
      signal,
    );
  } finally {
    stopWatchdog();
    stopBackups();
    stopChecks();
    money?.stop();
    prices?.stop();
    // systemd takes the word for the end, and ends what is still there a little later.
    if (!options.goesOn?.()) notifier.notify('STOPPING=1');
    const deadline = setTimeout(() => kill.abort(), DRAIN_MS);
    await Promise.allSettled([house.close(), poller.idle()]);
    // Outlets first, the store last: what they hand back to it still counts.
    await Promise.allSettled(runners.map(runner => runner.end(kill.signal)));
    await store.close(kill.signal);
    clearTimeout(deadline);
  }
}
