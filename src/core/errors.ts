// The errors a person must act on. What a device or a bus does is a Fault in a reading, never thrown.

/** Every code with what to do about it, and the exit code it leads to (contract: 1 failed, 2 wrong usage or configuration, 3 a check found something). */
const ERROR_CODES = {
  USAGE: {exit: 2, hint: 'See `wattledger --help`.'},
  CONFIG_UNREADABLE: {exit: 2, hint: 'Give the path of a configuration file that this user can read.'},
  CONFIG_INVALID: {exit: 2, hint: 'Correct the line; `wattledger check --config FILE` tells whether all is well.'},
  SECRET_MISSING: {exit: 2, hint: 'Name a readable file, a set environment variable or a systemd credential.'},
  PROFILE_UNKNOWN: {exit: 2, hint: '`wattledger profiles` lists the ids.'},
  PROFILES_UNREADABLE: {exit: 2, hint: 'Give the path of a folder with profiles, one YAML file each, that this user can read.'},
  PROFILE_INVALID: {exit: 2, hint: 'Correct the profile file; its fields are described in docs/profiles.md.'},
  SITE_INCONSISTENT: {
    exit: 2,
    hint: 'Correct the line; names under `map:` are those under `devices:`, and each measured part plays one role.',
  },
  LINK_INVALID: {exit: 2, hint: 'A link is a URL such as tcp://HOST:502 or rtu:///dev/serial/by-id/NAME?baud=9600.'},
  LINK_UNUSABLE: {exit: 1, hint: 'Check the cable, the adapter and that this user may open the port.'},
  DEVICE_SILENT: {exit: 1, hint: 'Check address, port and unit id, and that Modbus is switched on in the device.'},
  CAPTURE_INVALID: {exit: 2, hint: 'A capture is JSON with "format": "wattledger-capture/1".'},
  STORE_UNUSABLE: {exit: 1, hint: 'Check the path, its permissions and the free space.'},
  STORE_NEWER: {exit: 1, hint: 'Install that version again, or start with the backup made before its upgrade.'},
  STORE_BUSY: {exit: 1, hint: 'Stop the other daemon first.'},
  SINK_UNREACHABLE: {exit: 1, hint: 'It is tried again by itself; check host and port if it lasts.'},
  SINK_REFUSED: {exit: 1, hint: 'Check user name and password.'},
  PORT_TAKEN: {exit: 1, hint: 'Another program listens there; choose another port.'},
  PORT_FORBIDDEN: {exit: 1, hint: 'Ports below 1024 need a privilege; choose a higher one.'},
  HTTP_UNPROTECTED: {exit: 2, hint: 'Set http.password or http.token, or listen on 127.0.0.1.'},
  FILE_EXISTS: {exit: 1, hint: 'Choose another name, or remove the file first.'},
  FILE_UNWRITABLE: {exit: 1, hint: 'Check the path and its permissions.'},
  NODE_TOO_OLD: {exit: 1, hint: 'Install Node 22.18 or newer.'},
  FAILED: {exit: 1, hint: ''},
} as const satisfies Record<string, {exit: 1 | 2 | 3; hint: string}>;
export type ErrorCode = keyof typeof ERROR_CODES;

/** `where` names a file with its line, a key or a part of the program; `what` says what was found and what was expected. */
export class AppError extends Error {
  readonly code: ErrorCode;
  readonly where: string;
  readonly what: string;

  constructor(code: ErrorCode, where: string, what: string, options?: ErrorOptions) {
    super(`${where}: ${what}`, options);
    this.name = 'AppError';
    this.code = code;
    this.where = where;
    this.what = what;
  }

  get hint(): string {
    return ERROR_CODES[this.code].hint;
  }
  get exitCode(): number {
    return ERROR_CODES[this.code].exit;
  }
}
