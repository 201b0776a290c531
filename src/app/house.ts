// The links and devices of a configuration, opened and ready to be polled.

import type {AppConfig} from '../config/load.ts';
import type {FlowEvent} from '../core/flow/model.ts';
import type {DeviceHealth} from '../core/health.ts';
import type {Log} from '../core/log.ts';
import type {Clock} from '../core/time.ts';
import {createDevice, type Device} from '../device/device.ts';
import type {Link, LinkHealth} from '../link/link.ts';
import {openLink} from '../link/open.ts';
import {type LinkProxy, startProxy} from '../link/proxy.ts';
import {type Shared, shareLink} from '../link/shared.ts';
import type {Polled} from './poll.ts';

export type House = {
  readonly polled: readonly Polled[];
  devices(): readonly DeviceHealth[];
  links(): readonly LinkHealth[];
  device(id: string): Device | undefined;
  /** Opens what other programs connect to. Throws AppError PORT_TAKEN or PORT_FORBIDDEN. */
  start(): Promise<void>;
  close(): Promise<void>;
};

export type HouseDeps = {readonly clock: Clock; readonly log: Log; readonly note: (event: FlowEvent) => void};

/** Nothing is connected yet: the first poll does. */
export function openHouse(config: AppConfig, {clock, log, note}: HouseDeps): House {
  const links = new Map<string, Link>();
  const shared = new Map<string, Shared>();
  const proxies: LinkProxy[] = [];
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
    links: () => [...links.values()].map(link => link.health()),
    device: id => devices.find(device => device.id === id),
    async start() {
      for (const {link, host, port, cacheMs} of config.proxies) {
        proxies.push(await startProxy(shared.get(link) as Shared, {host, port, cacheMs}));
        log.info({part: 'link', link, host, port}, `${link} is offered to other programs`);
      }
    },
    close: async () => void (await Promise.allSettled([...proxies, ...links.values()].map(one => one.close()))),
  };
}
