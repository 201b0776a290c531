// The links and devices of a configuration, opened and ready to be polled.

import type {AppConfig} from '../config/load.ts';
import type {FlowEvent} from '../core/flow/model.ts';
import type {DeviceHealth} from '../core/health.ts';
import type {Log} from '../core/log.ts';
import type {Timing} from '../core/profile.ts';
import type {Clock} from '../core/time.ts';
import {createDevice, type Device} from '../device/device.ts';
import type {Link, LinkHealth} from '../link/link.ts';
import {openLink} from '../link/open.ts';
import {type ClientCounts, type LinkProxy, startProxy} from '../link/proxy.ts';
import {type Shared, shareLink} from '../link/shared.ts';
import type {Polled} from './poll.ts';

/** A link, and the other programs that use it where it is shared. */
export type HouseLink = LinkHealth & {readonly clients: ClientCounts | null};
export type House = {
  readonly polled: readonly Polled[];
  devices(): readonly DeviceHealth[];
  links(): readonly HouseLink[];
  device(id: string): Device | undefined;
  /** Opens what other programs connect to. Throws AppError PORT_TAKEN or PORT_FORBIDDEN. */
  start(): Promise<void>;
  close(): Promise<void>;
};

type HouseDeps = {readonly clock: Clock; readonly log: Log; readonly note: (event: FlowEvent) => void};

/** Nothing is connected yet: the first poll does. */
export function openHouse(config: AppConfig, {clock, log, note}: HouseDeps): House {
  const links = new Map<string, Link>();
  const shared = new Map<string, Shared>();
  const proxies = new Map<string, LinkProxy>();
  for (const {name, url, timeoutMs, minGapMs} of config.links) {
    const link = openLink(name, url, {
      clock,
      ...(timeoutMs === undefined ? {} : {timeoutMs}),
      ...(minGapMs === undefined ? {} : {minGapMs}),
    });
    const own = config.proxies.some(proxy => proxy.link === name) ? shareLink(link) : null;
    if (own) shared.set(name, own);
    links.set(name, own?.link ?? link);
  }
  const hour = new Intl.DateTimeFormat('en-US', {timeZone: config.site.timezone, hour: 'numeric', hourCycle: 'h23'});
  const localHour = (): number => Number(hour.format(clock.wallMs()));
  const urls = new Map(config.links.map(link => [link.name, link.url]));
  const devices = config.devices.map(({id, profile, link, unit, units, options, maxRegisters, everyMs}) => {
    const linkUrl = urls.get(link);
    const own = links.get(link);
    if (!own || !linkUrl) throw new Error(`no link ${link}`);
    return createDevice(
      {
        id,
        profile,
        link: own,
        linkUrl,
        unit,
        units,
        options,
        everyMs: Math.max(config.site.pollEveryMs, everyMs ?? 0),
        slowEveryMs: config.countersEveryMs,
        ...(maxRegisters === undefined ? {} : {maxRegisters}),
      },
      {clock, log, note, localHour},
    );
  });
  return {
    polled: devices,
    devices: () => devices.map(device => device.health()),
    links: () => [...links].map(([name, link]) => ({...link.health(), clients: proxies.get(name)?.clients() ?? null})),
    device: id => devices.find(device => device.id === id),
    async start() {
      for (const {link, host, port, cacheMs} of config.proxies) {
        const timing = strictest(config.devices.filter(device => device.link === link).map(device => device.profile.timing));
        proxies.set(link, await startProxy(shared.get(link) as Shared, {host, port, cacheMs, timing}));
        log.info({part: 'link', link, host, port}, `${link} is offered to other programs`);
      }
    },
    close: async () => void (await Promise.allSettled([...proxies.values(), ...links.values()].map(one => one.close()))),
  };
}

/** What suits each of the devices behind a link: a guest's request may be for any of them. */
const strictest = (timings: readonly Timing[]): Timing => ({
  timeoutMs: Math.max(1000, ...timings.map(one => one.timeoutMs)),
  minGapMs: Math.max(0, ...timings.map(one => one.minGapMs)),
  unitPauseMs: Math.max(0, ...timings.map(one => one.unitPauseMs)),
  connectDelayMs: Math.max(0, ...timings.map(one => one.connectDelayMs)),
});
