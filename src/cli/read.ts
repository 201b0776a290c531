// `wattledger read`: one sweep of one device, or one after the other.

import {setTimeout as sleep} from 'node:timers/promises';
import {AppError} from '../core/errors.ts';
import type {Reading} from '../core/reading.ts';
import type {FullSweep} from '../device/device.ts';
import {type Command, flagOption, textOption} from './command.ts';
import {deviceHelp, deviceOptions, durationOf, measuredJson, openDevice, readingLines} from './devices.ts';
import {canPaint} from './painter.ts';

/** Whatever the device does, the answer comes so long after the start of the process, or of a further sweep. */
const DEADLINE_MS = 16_500;

export const command: Command = {
  name: 'read',
  summary: 'one sweep of one device: identity, every point, its quality, the requests it took',
  usage: '--link LINK --unit N --profile ID [--json] [--watch]',
  options: {...deviceOptions, json: {type: 'boolean'}, watch: {type: 'boolean', short: 'w'}, every: {type: 'string'}},
  help: `${deviceHelp}
  --json           one JSON document on stdout (with --watch one line a sweep)
  --watch          again and again, until Ctrl-C
  --every T        with --watch: the pace (default 2s)

Positive is power into the house: grid import, battery discharge and generation are +.
Exit code 1 where the device does not answer.`,

  async run(context) {
    const everyMs = durationOf(textOption(context, 'every') ?? '2s', 'every');
    const {link, device} = openDevice(context);
    const json = flagOption(context, 'json');
    const watch = flagOption(context, 'watch');
    let startupMs = performance.now();
    try {
      for (;;) {
        const deadline = new AbortController();
        const timer = setTimeout(() => deadline.abort(), DEADLINE_MS - startupMs);
        startupMs = 0;
        const at = new Date();
        const sweep = await device.sweep(AbortSignal.any([context.signal, deadline.signal]));
        clearTimeout(timer);
        if (json) context.out(JSON.stringify(document(sweep, at), null, watch ? undefined : 2));
        else for (const line of lines(sweep, at, watch && context.tty && canPaint())) context.out(line);
        if (sweep.fault) {
          const reason = deadline.signal.aborted
            ? `no whole answer within ${Math.round(DEADLINE_MS / 1000)} s`
            : (sweep.reason ?? 'no answer');
          const where = `${textOption(context, 'link')} unit ${sweep.identity.unit}`;
          if (!watch) throw new AppError('DEVICE_SILENT', where, reason);
          context.err(`${where}: ${reason}`);
        }
        if (!watch) return 0;
        if (context.signal.aborted) return 0;
        await sleep(everyMs, undefined, {signal: context.signal}).catch(() => {});
        if (context.signal.aborted) return 0;
      }
    } finally {
      await link.close();
    }
  },
};

function document(sweep: FullSweep, at: Date): unknown {
  const {profile, unit, manufacturer, model, serial, firmware} = sweep.identity;
  return {
    schema: 1,
    device: {profile, unit, manufacturer, model, serial, firmware},
    at: at.toISOString(),
    bus: sweep.bus,
    points: Object.fromEntries(sweep.readings.map((reading: Reading) => [reading.point, measuredJson(reading.measured)])),
    ...(sweep.against.length > 0 ? {warnings: sweep.against} : {}),
    ...(sweep.fault ? {error: sweep.reason} : {}),
  };
}

function lines(sweep: FullSweep, at: Date, clear: boolean): string[] {
  if (sweep.fault) return [];
  const {manufacturer, model, serial, firmware, unit} = sweep.identity;
  const name = [manufacturer, model].filter(Boolean).join(' ') || sweep.identity.profile;
  const {requests, registers, ms} = sweep.bus;
  return [
    `${clear ? '\u001b[H\u001b[2J' : ''}${name}${serial ? `, serial ${serial}` : ''}${firmware ? `, firmware ${firmware}` : ''}, unit ${unit}`,
    ...sweep.against.map(why => `  ! this may be another device: ${why}; \`wattledger scan\` tells which profile fits`),
    ...readingLines(sweep.readings),
    `  ${requests} requests, ${registers} registers, ${Math.round(ms)} ms at ${at.toISOString()}`,
  ];
}
