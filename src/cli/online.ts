// What `check --online` and `doctor --online` find by asking: each device once, each broker with a login, and whether the house adds up.

import {realClock} from '../app/clock.ts';
import type {AppConfig, ConfigMqtt, DeviceConfig} from '../config/load.ts';
import {type Finding, refsOf} from '../core/checks.ts';
import {numberOf, type Reading} from '../core/reading.ts';
import type {ChannelRef} from '../core/site.ts';
import type {FullSweep} from '../device/device.ts';
import type {Link} from '../link/link.ts';
import {openLink} from '../link/open.ts';
import {shown} from '../outlets/mqtt/connection.ts';
import {ownPrefix} from '../outlets/mqtt/homeassistant.ts';
import {balanceOf} from './balance.ts';
import {tryBroker} from './broker.ts';
import {deviceByHand} from './devices.ts';

/** What each told, for people; `findings` are what somebody should act on. */
export type OnlineTold = {
  readonly findings: readonly Finding[];
  readonly devices: readonly DeviceTold[];
  readonly brokers: readonly string[];
  /** What is left for the house; null where a power is missing. */
  readonly homeW: number | null;
};
type DeviceTold = {
  readonly id: string;
  readonly identity: Readonly<Record<string, string | number | null>>;
  readonly good: number;
  readonly missing: readonly string[];
  /** Mean time of a request with its answer, ms. */
  readonly latencyMs: number;
};

const DEVICE_PATIENCE_MS = 15_000;
/** Answers that take longer than this on average point to a weak radio link or a crowded bus, ms. */
const SLOW_MS = 800;

/** `tell` is called as each device is done. */
export async function askAround(config: AppConfig, signal: AbortSignal, tell: (told: DeviceTold) => void): Promise<OnlineTold> {
  const findings: Finding[] = [];
  const devices: DeviceTold[] = [];
  const readings = new Map<string, readonly Reading[]>();
  const serials = new Map<string, string>();
  await Promise.all(
    config.links.map(async ({name, url}) => {
      const link = openLink(name, url, {clock: realClock});
      try {
        for (const device of config.devices.filter(one => one.link === name)) {
          const sweep = await sweepOf(device, link, config, signal);
          const told = judge(device, sweep, config, serials, findings);
          if (!told) continue;
          readings.set(device.id, sweep.readings);
          devices.push(told);
          tell(told);
        }
      } finally {
        await link.close();
      }
    }),
  );
  const homeW = judgeBalance(config, readings, findings);
  const brokers: string[] = [];
  for (const broker of config.mqtt) brokers.push(await judgeBroker(broker, config, signal, findings));
  return {findings, devices, brokers, homeW};
}

function sweepOf(device: DeviceConfig, link: Link, config: AppConfig, signal: AbortSignal): Promise<FullSweep> {
  const linkUrl = config.links.find(one => one.name === device.link)?.url;
  if (!linkUrl) throw new Error(`no link ${device.link}`);
  return deviceByHand({...device, link, linkUrl}).sweep(AbortSignal.any([signal, AbortSignal.timeout(DEVICE_PATIENCE_MS)]));
}

/** Null where the device told nothing. */
function judge(
  {id, profile}: DeviceConfig,
  sweep: FullSweep,
  config: AppConfig,
  serials: Map<string, string>,
  findings: Finding[],
): DeviceTold | null {
  const add = (what: string, todo: string): void => void findings.push({where: `devices.${id}`, what, todo});
  if (sweep.fault) {
    add(sweep.reason ?? 'no answer', 'check address, port and unit id, and that Modbus is switched on in the device');
    return null;
  }
  const missing = sweep.readings.filter(reading => reading.measured.kind === 'missing').map(reading => reading.point);
  const {model, serial, manufacturer, firmware} = sweep.identity;
  const latencyMs = Math.round(sweep.bus.ms / Math.max(1, sweep.bus.requests));
  if (sweep.readings.length > 0 && missing.length === sweep.readings.length)
    add(
      `answers, but tells none of the values of ${profile.id}`,
      'this is probably another device; `wattledger scan` tells which profile fits',
    );
  for (const why of sweep.against)
    add(
      `may be another device than ${profile.id}: ${why}`,
      '`wattledger scan` tells which profile fits; a new model of the same family may have other registers',
    );
  const twin = serial ? serials.get(serial) : undefined;
  if (twin) add(`has the serial number of ${twin}: the same device twice`, 'remove one of them');
  if (serial) serials.set(serial, id);
  if (latencyMs > SLOW_MS)
    add(
      `an answer takes ${latencyMs} ms on average`,
      'use a cable instead of Wi-Fi, or look for a second program that asks the same device',
    );
  for (const ref of refsOf(config.site.map).filter(one => one.device === id)) {
    const power = sweep.readings.find(reading => reading.point === `${ref.part}.power_w`);
    if (power?.measured.kind === 'missing' && power.measured.fault.kind !== 'asleep')
      add(
        `${ref.part}.power_w is missing (${power.measured.fault.kind}), and the house needs it`,
        `see \`wattledger profiles ${profile.id}\` for its notes`,
      );
  }
  return {id, identity: {manufacturer, model, serial, firmware}, good: sweep.readings.length - missing.length, missing, latencyMs};
}

/** The house by one look: what is left for it must not be negative. The looks are not quite of one moment. */
function judgeBalance(config: AppConfig, readings: ReadonlyMap<string, readonly Reading[]>, findings: Finding[]): number | null {
  const {grid, hybrids, solar, wind, generator, batteries, loads} = config.site.map;
  if (!grid || grid.at === 'load') return null;
  const sources = [grid.meter, ...hybrids.map(hybrid => hybrid.ac), ...solar, ...wind, ...generator, ...batteries];
  const flows = [];
  for (const ref of [...sources, ...loads]) {
    const watts = wattsOf(ref, readings.get(ref.device) ?? []);
    if (watts === null) return null;
    flows.push({name: `${ref.device}.${ref.part}`, watts: loads.includes(ref) ? -watts : watts});
  }
  const {homeW, suspects} = balanceOf(flows);
  if (suspects.length > 0)
    findings.push({
      where: 'map',
      what: `${Math.round(-homeW)} W more leave the house than come in (${flows.map(({name, watts}) => `${name} ${Math.round(watts)} W`).join(', ')})`,
      todo: `look for a meter or a clamp that is the other way round: it would add up with ${suspects.join(' or ')} under \`invert:\` of its device; or a generator is not measured`,
    });
  return Math.round(homeW);
}

function wattsOf({part}: ChannelRef, readings: readonly Reading[]): number | null {
  const told = (quantity: string): number | null => numberOf(readings.find(reading => reading.point === `${part}.${quantity}`)?.measured);
  const phases = ['power_l1_w', 'power_l2_w', 'power_l3_w'].map(told).filter(watts => watts !== null);
  return told('power_w') ?? (phases.length > 0 ? phases.reduce((sum, watts) => sum + watts, 0) : null);
}

/** A line for people about a broker and what Home Assistant finds there. */
async function judgeBroker(
  broker: ConfigMqtt,
  {site, mqtt, unknownSecrets}: AppConfig,
  signal: AbortSignal,
  findings: Finding[],
): Promise<string> {
  const {url, base, homeassistant} = broker;
  const passwords = ['mqtt.password', `mqtt.${mqtt.indexOf(broker)}.password`];
  if (unknownSecrets.some(({key}) => passwords.includes(key))) return `${shown(url)}: not tried, its password is not known here`;
  const prefix = typeof homeassistant === 'object' ? homeassistant.prefix : 'homeassistant';
  const topics = [`${base}/status`, ...(homeassistant === false ? [] : [`${prefix}/device/+/config`])];
  const {problem, protocol, heard} = await tryBroker(broker, topics, signal);
  const add = (what: string, todo: string): void => void findings.push({where: 'mqtt', what: `${shown(url)}: ${what}`, todo});
  if (problem !== null) {
    add(problem, /login/.test(problem) ? 'check mqtt.username and mqtt.password' : 'check host and port, and that the broker runs');
    return `${shown(url)}: ${problem}`;
  }
  const online = heard.some(({topic, payload}) => topic === `${base}/status` && payload === 'online');
  const announced = heard.filter(({topic, payload}) => topic.startsWith(`${prefix}/device/${ownPrefix(site)}`) && payload !== '').length;
  const style = typeof homeassistant === 'object' ? homeassistant.style : 'device';
  // Before the first start there is nothing to find.
  if (online && homeassistant !== false && style === 'device' && announced === 0)
    add(
      'the daemon is online, but nothing of this house is announced for Home Assistant',
      `see that nobody deletes retained messages under ${prefix}/device/`,
    );
  const found = homeassistant === false ? 'Home Assistant is switched off' : `Home Assistant finds ${announced} devices of this house`;
  return `${shown(url)}: takes the login, MQTT ${protocol === 5 ? '5' : '3.1.1'}; the daemon is ${online ? 'online' : 'not online'}; ${found}`;
}
