// The four methods of a logger that the program uses, so that only one file knows pino.

export type LogFields = Readonly<Record<string, unknown>>;
export type Log = {
  debug(fields: LogFields, message: string): void;
  info(fields: LogFields, message: string): void;
  warn(fields: LogFields, message: string): void;
  error(fields: LogFields, message: string): void;
  /** A logger that adds these fields to each line. */
  child(fields: LogFields): Log;
};

export const silentLog: Log = {debug() {}, info() {}, warn() {}, error() {}, child: () => silentLog};
