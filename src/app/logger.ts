// pino behind the four methods the program knows: one JSON line an event, with the priority prefix journald understands.

import {type DestinationStream, destination, type Logger, pino} from 'pino';
import type {Log, LogFields} from '../core/log.ts';
import {VERSION} from '../core/version.ts';

type LoggerOptions = {
  readonly level: 'debug' | 'info' | 'warn' | 'error' | 'silent';
  /** 1 stdout, 2 stderr, or a stream of one's own. */
  readonly to: 1 | 2 | DestinationStream;
  /** Each line begins with its priority, as journald wants it from what is no journal client: `<4>` is a warning. */
  readonly priorities?: boolean;
  /** Called with every line as well, for the page's log tail. */
  readonly onLine?: (line: string) => void;
};

/** Fields that never reach a log, whoever passes them. */
const REDACTED = ['password', 'token', '*.password', '*.token', 'headers.authorization', 'headers.cookie'];

/** Source: sd-daemon(3), and the levels of syslog. */
const PRIORITIES: Readonly<Record<string, number>> = {debug: 7, info: 6, warn: 4, error: 3};

export function createLogger({
  level,
  to,
  priorities = false,
  onLine,
}: LoggerOptions): Log & {setLevel(level: LoggerOptions['level']): void} {
  const plain = typeof to === 'number' ? destination({dest: to, sync: true}) : to;
  const stream: DestinationStream = priorities
    ? {write: line => plain.write(`<${PRIORITIES[/"level":"(\w+)"/.exec(line)?.[1] ?? ''] ?? 6}>${line}`)}
    : plain;
  const out: DestinationStream = onLine
    ? {
        write(line: string) {
          onLine(line);
          stream.write(line);
        },
      }
    : stream;
  const logger = pino(
    {
      level,
      base: {app: 'wattledger', version: VERSION},
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: {level: label => ({level: label})},
      redact: {paths: REDACTED, censor: '********'},
    },
    out,
  );
  return {
    ...wrap(logger),
    setLevel(next) {
      logger.level = next;
    },
  };
}

const wrap = (logger: Logger): Log => ({
  debug: (fields: LogFields, message: string) => logger.debug(fields, message),
  info: (fields: LogFields, message: string) => logger.info(fields, message),
  warn: (fields: LogFields, message: string) => logger.warn(fields, message),
  error: (fields: LogFields, message: string) => logger.error(fields, message),
  child: (fields: LogFields) => wrap(logger.child(fields)),
});
