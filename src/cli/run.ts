// `wattledger run`: the daemon. SIGHUP reads the configuration again.

import {realClock} from '../app/clock.ts';
import {createLogger} from '../app/logger.ts';
import {loadConfigApart} from '../config/apart.ts';
import type {AppConfig} from '../config/load.ts';
import {AppError} from '../core/errors.ts';
import type {Log} from '../core/log.ts';
import {type Command, DEFAULT_CONFIG, textOption} from './command.ts';

/** Lines of the log that the page can show. */
const TAIL_LINES = 200;

export const command: Command = {
  name: 'run',
  summary: 'the daemon, until SIGTERM or SIGINT',
  usage: '--config FILE',
  options: {config: {type: 'string', short: 'c'}},
  help: `  --config FILE   the configuration (default ${DEFAULT_CONFIG})

Logs one JSON line an event to stdout. SIGHUP checks the file again and continues with it without losing a slot; a wrong file
changes nothing. SIGTERM and SIGINT write what is there and end within seconds; a second one ends at once.
A device or a broker that is not there is waited for.`,

  async run(context) {
    const fileName = textOption(context, 'config') ?? DEFAULT_CONFIG;
    let previous: AppConfig | null = null;
    let next: AppConfig | null = null;
    let reload = new AbortController();
    // One after the other, the first one too: the last one read is the last one written.
    const up = Promise.withResolvers<Log>();
    let reading: Promise<unknown> = up.promise;
    const onHangup = (): void => {
      reading = reading.then(readAgain);
    };
    process.on('SIGHUP', onHangup);
    async function readAgain(): Promise<void> {
      const log = await up.promise;
      try {
        const read = await loadConfigApart(fileName);
        if (context.signal.aborted) return;
        next = read;
        log.info({part: 'config', file: fileName}, 'configuration read again');
        reload.abort();
      } catch (error) {
        if (context.signal.aborted) return;
        log.error(
          {part: 'config', code: error instanceof AppError ? error.code : undefined},
          `the new configuration is wrong, the old one stays: ${(error as Error).message}`,
        );
      }
    }

    let config = await loadConfigApart(fileName);
    // Only now: what stays would settle between what goes, and keep its memory from being given back.
    const {runApp} = await import('../app/app.ts');
    const tail: string[] = [];
    const log = createLogger({
      level: config.logLevel,
      to: 1,
      // Set by systemd where stdout goes to the journal.
      priorities: process.env['JOURNAL_STREAM'] !== undefined,
      onLine: line => {
        tail.push(line);
        if (tail.length > TAIL_LINES) tail.shift();
      },
    });
    up.resolve(log);
    for (;;) {
      next = null;
      reload = new AbortController();
      log.setLevel(config.logLevel);
      try {
        log.info({part: 'tick', file: fileName, devices: config.devices.length, everyMs: config.site.pollEveryMs}, 'starting');
        await runApp({
          config,
          clock: realClock,
          log,
          signal: AbortSignal.any([context.signal, reload.signal]),
          goesOn: () => !context.signal.aborted && next !== null,
          logTail: () => tail,
          onReady: info => log.info({part: 'tick', database: info.database, dashboard: info.dashboard}, 'first tick done'),
        });
      } catch (error) {
        // A reload that checks out but cannot start (a taken port) falls back to what ran before.
        if (!(error instanceof AppError) || !previous) throw error;
        log.error({part: 'config', code: error.code}, `the new configuration cannot start, back to the old one: ${error.message}`);
        next = previous;
        previous = null;
      }
      if (context.signal.aborted || next === null) break;
      [previous, config] = [config, next];
    }
    process.off('SIGHUP', onHangup);
    log.info({part: 'tick'}, 'stopped, everything is stored');
    return 0;
  },
};
