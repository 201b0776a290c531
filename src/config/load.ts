// The configuration of one house, read, checked and resolved: everything that needs no I/O beyond files.

import {readdirSync, readFileSync} from 'node:fs';
import path from 'node:path';
import {AppError} from '../core/errors.ts';
import {type LinkUrl, parseLinkUrl} from '../core/linkurl.ts';
import {nearest} from '../core/nearest.ts';
import type {DeviceProfile} from '../core/profile.ts';
import type {FlowSettings, Site} from '../core/site.ts';
import {turnProfile} from '../core/turn.ts';
import {parsePoint} from '../core/vocabulary.ts';
import {parseYaml, placeOf, textOf, validate, type YamlFile} from './document.ts';
import {requireOwnPorts} from './listeners.ts';
import {loadProfile} from './profiles.ts';
import {type ConfigFile, configSchema} from './schema.ts';
import {keepSecrets, maskSecrets, reasonOf, type Secrets, type SecretsMode, type UnknownSecret} from './secrets.ts';
import {offeredPoints, resolveMap} from './sitemap.ts';
import {type MoneyConfig, resolveTariffs} from './tariffs.ts';
import {upgrade} from './upgrade.ts';

type LinkConfig = {readonly name: string; readonly url: LinkUrl; readonly timeoutMs?: number; readonly minGapMs?: number};
export type DeviceConfig = {
  readonly id: string;
  readonly profile: DeviceProfile;
  readonly link: string;
  readonly unit: number;
  readonly units: Readonly<Record<string, number>>;
  readonly options: Readonly<Record<string, string | number | boolean>>;
  readonly maxRegisters?: number;
  readonly everyMs?: number;
};
export type AppConfig = {
  readonly fileName: string;
  /** The file as written; secrets that stand in it are masked. */
  readonly shownText: string;
  readonly site: Site;
  readonly links: readonly LinkConfig[];
  readonly devices: readonly DeviceConfig[];
  /** Pace of energy counters and other slow points, ms. */
  readonly countersEveryMs: number;
  readonly store: {
    readonly path: string;
    readonly commitEveryMs: number;
    readonly rawDays: number;
    /** Null: quarter hours of points stay for ever. */
    readonly quarterDays: number | null;
    readonly archive: boolean;
    readonly budgetMbPerDay: number | null;
    readonly backup: {readonly folder: string; readonly cron: string; readonly keep: number} | null;
  };
  /** Tariffs and the series they ask for; null without any. */
  readonly money: MoneyConfig | null;
  readonly mqtt: readonly ConfigMqtt[];
  readonly http: ConfigHttp | null;
  readonly proxies: readonly {readonly link: string; readonly host: string; readonly port: number; readonly cacheMs: number}[];
  readonly logLevel: ConfigFile['log']['level'];
  /** Secrets found in clear text, as key paths: `check` warns. */
  readonly clearSecrets: readonly string[];
  /** Secrets that are kept from this process; always empty in the daemon, which needs each of them. */
  readonly unknownSecrets: readonly UnknownSecret[];
};
type MqttFile = Exclude<ConfigFile['mqtt'], false | readonly unknown[]>;
export type ConfigMqtt = Omit<MqttFile, 'password' | 'tls'> & {
  readonly password?: string;
  readonly tls: {ca?: string; cert?: string; key?: string; servername?: string; verify: boolean};
};
type ConfigHttp = {
  readonly listen: string;
  readonly hosts: readonly string[];
  readonly trustProxy: readonly string[];
  readonly password?: string;
  readonly token?: string;
};

/** Reads and checks a file. Throws AppError with file and line. */
export function loadConfig(fileName: string, secrets: SecretsMode = 'all'): AppConfig {
  let bytes: Buffer;
  try {
    bytes = readFileSync(fileName);
  } catch (error) {
    throw new AppError('CONFIG_UNREADABLE', fileName, reasonOf(error), {cause: error});
  }
  return parseConfig(textOf(bytes, fileName), fileName, secrets);
}

/** Checks a configuration text; `fileName` stands in the errors, and relative paths are relative to its folder. */
export function parseConfig(text: string, fileName: string, mode: SecretsMode = 'all'): AppConfig {
  const yaml = parseYaml(text, fileName);
  upgrade(yaml);
  const file = validate(configSchema, yaml);
  const folder = path.dirname(fileName);
  const secrets = keepSecrets(yaml, folder, mode);

  const links = Object.entries(file.links).map(([name, link]) => ({
    name,
    url: parseLinkUrl(link.url, `${placeOf(yaml, ['links', name, 'url'])}: links.${name}.url`),
    ...(link.timeout === undefined ? {} : {timeoutMs: link.timeout}),
    ...(link.min_gap === undefined ? {} : {minGapMs: link.min_gap}),
  }));
  const devices = resolveDevices(file, yaml, folder);
  const profiles = new Map(devices.map(device => [device.id, device.profile]));
  const mqtt = (file.mqtt === false ? [] : Array.isArray(file.mqtt) ? file.mqtt : [file.mqtt]).map((one, index): ConfigMqtt => {
    const at = Array.isArray(file.mqtt) ? ['mqtt', index] : ['mqtt'];
    const {password, tls, ...rest} = one;
    const secret = secrets.read(password, [...at, 'password']);
    if (new URL(one.url).password !== '') secrets.clear.push([...at, 'url'].join('.'));
    const pem = (name: 'ca' | 'cert' | 'key'): Record<string, string> => {
      const text = secrets.readFile(tls[name], [...at, 'tls', name]);
      return text === undefined ? {} : {[name]: text};
    };
    return {
      ...rest,
      ...(secret === undefined ? {} : {password: secret}),
      tls: {
        verify: tls.verify,
        ...(tls.servername === undefined ? {} : {servername: tls.servername}),
        ...pem('ca'),
        ...pem('cert'),
        ...pem('key'),
      },
    };
  });
  const keepers = mqtt.flatMap(({history}, index) => (history ? [index] : []));
  if (keepers.length > 1)
    throw new AppError(
      'CONFIG_INVALID',
      placeOf(yaml, ['mqtt', keepers[1] as number, 'history'], true),
      `mqtt.${keepers[1]}.history: only one broker gets the history, and mqtt.${keepers[0]} has it; a bridge of that broker can pass it on`,
    );
  const http = file.http === false ? null : resolveHttp(file.http, secrets);
  if (file.http !== false) requireProtection(file.http, placeOf(yaml, ['http', 'listen']));
  requireOwnPorts(file, yaml);

  return {
    fileName,
    shownText: maskSecrets(text, yaml, secrets.clear),
    site: {
      id: file.site.id,
      name: file.site.name,
      timezone: file.site.timezone,
      currency: file.site.currency,
      pollEveryMs: file.poll.every,
      map: resolveMap(file.map, profiles, yaml),
      flows: flowSettings(file.flows),
    },
    links,
    devices,
    countersEveryMs: file.poll.counters,
    money: resolveTariffs(file.tariffs, yaml, folder, file.site),
    store: {
      path: path.resolve(folder, file.store.path ?? path.join(process.env['STATE_DIRECTORY'] ?? '/var/lib/wattledger', 'wattledger.db')),
      commitEveryMs: file.store.commit_every,
      rawDays: file.store.keep_raw / 86_400_000,
      quarterDays: file.store.keep_quarters === undefined ? null : file.store.keep_quarters / 86_400_000,
      archive: file.store.archive,
      budgetMbPerDay: file.store.budget_mb_per_day ?? null,
      backup: file.store.backup ? {...file.store.backup, folder: path.resolve(folder, file.store.backup.folder)} : null,
    },
    mqtt,
    http,
    proxies: resolveProxies(file, yaml),
    logLevel: file.log.level,
    clearSecrets: secrets.clear,
    unknownSecrets: secrets.unknown,
  };
}

function resolveProxies(file: ConfigFile, yaml: YamlFile): AppConfig['proxies'] {
  return Object.entries(file.proxy).map(([link, {listen, cache}]) => {
    if (!Object.hasOwn(file.links, link))
      throw new AppError(
        'SITE_INCONSISTENT',
        placeOf(yaml, ['proxy', link], true),
        `proxy.${link}: no link "${link}"; known: ${Object.keys(file.links).join(', ') || 'none'}`,
      );
    const [, host = '', port = ''] = /^(.*):(\d+)$/.exec(listen) ?? [];
    return {link, host: host.replace(/^\[|\]$/g, ''), port: Number(port), cacheMs: cache};
  });
}

/** Throws AppError with the line of a folder of profiles that cannot be read. */
function checkFolders(folders: readonly string[], yaml: YamlFile): void {
  for (const [index, folder] of folders.entries()) {
    try {
      readdirSync(folder);
    } catch (error) {
      const where = placeOf(yaml, yaml.document.hasIn(['profiles', index]) ? ['profiles', index] : ['profiles']);
      throw new AppError('PROFILES_UNREADABLE', where, `profiles: ${folder}: ${reasonOf(error)}`, {cause: error});
    }
  }
}

function resolveDevices(file: ConfigFile, yaml: YamlFile, folder: string): DeviceConfig[] {
  const folders = file.profiles.map(one => path.resolve(folder, one));
  checkFolders(folders, yaml);
  const taken = new Map<string, string>();
  return Object.entries(file.devices).map(([id, device]) => {
    const at = (key: string): string => placeOf(yaml, ['devices', id, key]);
    if (!Object.hasOwn(file.links, device.link)) {
      throw new AppError(
        'SITE_INCONSISTENT',
        at('link'),
        `devices.${id}.link: no link "${device.link}"; known: ${Object.keys(file.links).join(', ') || 'none'}`,
      );
    }
    const profile = namedProfile(device.profile, folders, `${at('profile')}: devices.${id}.profile`);
    const unit = device.unit ?? profile.defaults.unit;
    const units = Object.fromEntries(Object.entries(profile.units).map(([key, info]) => [key, device.units[key] ?? info.default]));
    for (const key of Object.keys(device.units)) {
      if (!Object.hasOwn(profile.units, key))
        throw new AppError(
          'CONFIG_INVALID',
          placeOf(yaml, ['devices', id, 'units', key], true),
          `devices.${id}.units.${key}: ${profile.id} has no such unit; known: ${Object.keys(profile.units).join(', ') || 'none'}`,
        );
    }
    const options = resolveOptions(id, device.options, profile, yaml);
    for (const point of Object.keys(device.plausible)) {
      if (parsePoint(point)) continue;
      const near = nearest(point, offeredPoints(profile));
      throw new AppError(
        'CONFIG_INVALID',
        placeOf(yaml, ['devices', id, 'plausible', point], true),
        `devices.${id}.plausible.${point}: no point has that name${near ? `; did you mean "${near}"?` : ''}`,
      );
    }
    const address = `${device.link} unit ${unit}`;
    const before = taken.get(address);
    if (before !== undefined)
      throw new AppError(
        'SITE_INCONSISTENT',
        placeOf(yaml, ['devices', id], true),
        `devices.${id}: ${address} is already "${before}"; two devices cannot share a unit`,
      );
    taken.set(address, id);
    const parts = [...new Set(offeredPoints(profile).map(point => point.split('.')[0] as string))];
    for (const part of device.invert) {
      if (!parts.includes(part))
        throw new AppError(
          'CONFIG_INVALID',
          placeOf(yaml, ['devices', id, 'invert'], true),
          `devices.${id}.invert: ${profile.id} has no part "${part}"; it has ${parts.join(', ')}`,
        );
    }
    return {
      id,
      profile: {...turnProfile(profile, device.invert), plausible: device.plausible},
      link: device.link,
      unit,
      units,
      options,
      ...(device.max_registers === undefined ? {} : {maxRegisters: device.max_registers}),
      ...(device.every === undefined ? {} : {everyMs: device.every}),
    };
  });
}

/** The profile's own values for what the file says: `3` and `"3"` are the same to whoever writes it. Throws AppError with the line. */
function resolveOptions(
  id: string,
  written: ConfigFile['devices'][string]['options'],
  profile: DeviceProfile,
  yaml: YamlFile,
): DeviceConfig['options'] {
  const entries = Object.entries(written).map(([key, value]): [string, string | number | boolean] => {
    const option = Object.hasOwn(profile.options, key) ? profile.options[key] : undefined;
    const fail = (what: string): never => {
      throw new AppError('CONFIG_INVALID', placeOf(yaml, ['devices', id, 'options', key], true), `devices.${id}.options.${key}: ${what}`);
    };
    if (!option) return fail(`${profile.id} has no such option; known: ${Object.keys(profile.options).join(', ') || 'none'}`);
    if (option.values.length === 0) return [key, value];
    const known = option.values.find(one => String(one) === String(value));
    return known === undefined ? fail(`found ${value}, expected one of ${option.values.join(', ')}`) : [key, known];
  });
  return Object.fromEntries(entries);
}

/** The profile; where its id is unknown the error names the configuration's line instead of the profile folder. */
function namedProfile(id: string, folders: string[], where: string): DeviceProfile {
  try {
    return loadProfile(id, folders);
  } catch (error) {
    if (error instanceof AppError && error.code === 'PROFILE_UNKNOWN')
      throw new AppError('PROFILE_UNKNOWN', where, error.what, {cause: error});
    throw error;
  }
}

function resolveHttp(http: Exclude<ConfigFile['http'], false>, secrets: Secrets): ConfigHttp {
  const password = secrets.read(http.password, ['http', 'password']);
  const token = secrets.read(http.token, ['http', 'token']);
  return {
    listen: http.listen,
    hosts: http.hosts,
    trustProxy: http.trust_proxy,
    ...(password === undefined ? {} : {password}),
    ...(token === undefined ? {} : {token}),
  };
}

function requireProtection(http: Exclude<ConfigFile['http'], false>, where: string): void {
  const host = http.listen.replace(/:\d+$/, '');
  const loopback = host === 'localhost' || host === '[::1]' || /^127\./.test(host);
  if (!loopback && http.password === undefined && http.token === undefined) {
    throw new AppError(
      'HTTP_UNPROTECTED',
      where,
      `http.listen: ${http.listen} is reachable from other machines and needs a password or a token`,
    );
  }
}

function flowSettings(flows: ConfigFile['flows']): FlowSettings {
  return {
    policy: flows.policy,
    netting: flows.netting,
    withdrawal: flows.withdrawal,
    sourceOrder: flows.source_order,
    sinkOrder: flows.sink_order,
    efficiencyPpm: Math.round(flows.efficiency * 1_000_000),
    limitsW: flows.limits,
    sigma: flows.sigma,
    ageMs: flows.age,
  };
}
