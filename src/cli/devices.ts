// What the commands on single devices share: opening one by link, unit and profile, and showing it.

import {realClock} from '../app/clock.ts';
import {loadProfile} from '../config/profiles.ts';
import {AppError} from '../core/errors.ts';
import {describeFault} from '../core/faults.ts';
import {parseLinkUrl} from '../core/linkurl.ts';
import {silentLog} from '../core/log.ts';
import type {DeviceProfile} from '../core/profile.ts';
import type {Measured, Reading} from '../core/reading.ts';
import {parsePoint, QUANTITIES} from '../core/vocabulary.ts';
import {createDevice, type Device} from '../device/device.ts';
import type {Link} from '../link/link.ts';
import {openLink} from '../link/open.ts';
import {type CommandContext, textOption} from './command.ts';

export const deviceOptions = {
  link: {type: 'string', short: 'l'},
  unit: {type: 'string', short: 'u'},
  profile: {type: 'string', short: 'p'},
  option: {type: 'string', multiple: true},
  profiles: {type: 'string', multiple: true},
} as const;

export const deviceHelp = `  --link LINK      tcp://HOST[:502], rtu:///dev/…?baud=9600, rtu+tcp://HOST:PORT, rtu+udp://HOST:PORT, ascii:///dev/…,
                   goodwe+udp://HOST, solarman+tcp://HOST?serial=LOGGER
  --unit N         the unit id (the profile's usual one if left out)
  --profile ID     what the device is: \`wattledger profiles\`
  --option K=V     an option of the profile; units as well: --option unit.meter=200
  --profiles DIR   a further folder of profiles`;

export function requireText(context: CommandContext, name: string, example: string): string {
  const value = textOption(context, name);
  if (value === undefined || value === '') throw new AppError('USAGE', `--${name}`, `expected --${name} ${example}`);
  return value;
}

export function wholeNumber(text: string, name: string, least: number, most: number): number {
  const value = /^(\d+|0x[0-9a-fA-F]+)$/.test(text) ? Number(text) : Number.NaN;
  if (!Number.isInteger(value) || value < least || value > most)
    throw new AppError('USAGE', `--${name}`, `found "${text}", expected a whole number from ${least} to ${most}`);
  return value;
}

/** `2s`, `500ms`, `5min` in ms. */
export function durationOf(text: string, name: string): number {
  const match = /^(\d+(?:\.\d+)?)(ms|s|min|m|h)$/.exec(text);
  const unit = {ms: 1, s: 1000, min: 60_000, m: 60_000, h: 3_600_000}[match?.[2] ?? ''];
  if (!match || !unit || Number(match[1]) === 0)
    throw new AppError('USAGE', `--${name}`, `found "${text}", expected a duration such as 2s or 500ms`);
  return Number(match[1]) * unit;
}

export const listOption = (context: CommandContext, name: string): string[] => {
  const value = context.values[name];
  return Array.isArray(value) ? value.map(String) : typeof value === 'string' ? [value] : [];
};

export type DeviceSettings = {
  readonly unit: number;
  readonly units: Readonly<Record<string, number>>;
  readonly options: Readonly<Record<string, string | number | boolean>>;
};

/** Unit ids and options of the profile as the command line has them. Throws AppError. */
export function deviceSettings(context: CommandContext, profile: DeviceProfile): DeviceSettings {
  const options: Record<string, string | number | boolean> = {};
  const units: Record<string, number> = {};
  for (const pair of listOption(context, 'option')) {
    const [key = '', ...rest] = pair.split('=');
    const value = rest.join('=');
    const isUnit = key.startsWith('unit.');
    const name = isUnit ? key.slice(5) : key;
    const known = isUnit ? profile.units : profile.options;
    if (!Object.hasOwn(known, name))
      throw new AppError(
        'USAGE',
        '--option',
        `${profile.id} has no ${isUnit ? 'unit' : 'option'} "${name}"; known: ${Object.keys(known).join(', ') || 'none'}`,
      );
    if (isUnit) units[name] = wholeNumber(value, 'option', 0, 255);
    else options[name] = optionValue(profile, name, value);
  }
  const unitText = textOption(context, 'unit');
  return {unit: unitText === undefined ? profile.defaults.unit : wholeNumber(unitText, 'unit', 0, 255), units, options};
}

/** One option as the profile has it: a text, a number, yes or no. Throws AppError USAGE. */
function optionValue(profile: DeviceProfile, name: string, text: string): string | number | boolean {
  const {default: usual, values} = profile.options[name] as DeviceProfile['options'][string];
  const fail = (expected: string): never => {
    throw new AppError('USAGE', '--option', `${name}: found "${text}", expected ${expected}`);
  };
  const plain = (): string | number | boolean => {
    if (typeof usual === 'boolean') return text === 'true' || (text === 'false' ? false : fail('true or false'));
    if (typeof usual !== 'number') return text;
    return text.trim() !== '' && Number.isFinite(Number(text)) ? Number(text) : fail('a number');
  };
  const value = plain();
  return values.length === 0 || values.includes(value) ? value : fail(`one of ${values.join(', ')}`);
}

/** A device that is swept by hand, without a pace: nothing is logged, nobody told, and it is never night. */
export const deviceByHand = (device: Omit<Parameters<typeof createDevice>[0], 'everyMs' | 'slowEveryMs'>): Device =>
  createDevice({...device, everyMs: 0, slowEveryMs: 0}, {clock: realClock, log: silentLog, note() {}, localHour: () => 12});

/** The link and the device that the options name. Throws AppError. */
export function openDevice(context: CommandContext): {link: Link; device: Device} {
  const linkUrl = parseLinkUrl(requireText(context, 'link', 'tcp://HOST:502'), '--link');
  const profile = loadProfile(requireText(context, 'profile', 'ID'), listOption(context, 'profiles'));
  const settings = deviceSettings(context, profile);
  const link = openLink('link', linkUrl, {clock: realClock});
  return {link, device: deviceByHand({id: profile.id, profile, link, linkUrl, ...settings})};
}

/** A measured value as \`read --json\` shows it. */
export function measuredJson(measured: Measured): Record<string, unknown> {
  return measured.kind === 'missing'
    ? {value: null, quality: 'missing', fault: measured.fault.kind}
    : {value: measured.value, quality: measured.kind};
}

const SYMBOL: Readonly<Record<string, string>> = {
  w: 'W',
  wh: 'Wh',
  v: 'V',
  a: 'A',
  hz: 'Hz',
  pct: '%',
  c: '°C',
  va: 'VA',
  var: 'var',
  none: '',
};

/** Readings as aligned lines for people. */
export function readingLines(readings: readonly Reading[]): string[] {
  const width = Math.max(0, ...readings.map(reading => reading.point.length));
  return readings.map(({point, measured}) => {
    const unit = SYMBOL[QUANTITIES[parsePoint(point)?.quantity ?? 'state'].unit] ?? '';
    const value =
      measured.kind === 'missing'
        ? `-  (${describeFault(measured.fault)})`
        : `${measured.value}${unit ? ` ${unit}` : ''}${measured.kind === 'held' ? '  (held)' : ''}`;
    return `  ${point.padEnd(width)}  ${value}`;
  });
}
