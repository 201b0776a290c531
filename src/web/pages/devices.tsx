// Devices: how each one is, what it tells with its raw registers, and how it is read.

import {ask, now, presentMs} from '../data.ts';
import {said} from '../said.ts';
import {Scroll} from '../scroll.tsx';
import {justClock, moment, number, t, wordOf} from '../text.ts';
import {Events} from './events.tsx';
import {Figures} from './figures.tsx';
import {type Event, type Finding, Findings} from './findings.tsx';
import {useAnswer} from './load.ts';
import {type Point, PointTable} from './points.tsx';

type Device = {
  readonly id: string;
  readonly link: string;
  readonly state: string;
  readonly since: string;
  readonly last_good: string | null;
  readonly profile: string;
  readonly unit: number;
  readonly manufacturer: string | null;
  readonly model: string | null;
  readonly serial: string | null;
  readonly firmware: string | null;
  readonly polls: number;
  readonly faults: Readonly<Record<string, number>>;
  readonly last_fault: string | null;
  readonly latency_ms: number | null;
  readonly points: readonly Point[];
  readonly plan: readonly {
    readonly class: string;
    readonly unit: number;
    readonly fc: number;
    readonly start: number;
    readonly count: number;
    readonly ms: number;
  }[];
};
type Link = {
  readonly name: string;
  readonly url: string;
  readonly state: string;
  readonly requests: number;
  readonly busLoad: number | null;
  readonly latencyMs: number | null;
  readonly lastError: string | null;
};
export type Answer = {
  readonly devices: readonly Device[];
  readonly links: readonly Link[];
  readonly findings: readonly Finding[];
};

export function DevicesPage() {
  const {data, error} = useAnswer('devices', () => ask<Answer>('devices'), 3000);
  const events = useAnswer('events', () => ask<{events: readonly Event[]}>('events', {limit: '500'}), 15_000);
  const zone = now.value?.site.timezone ?? 'UTC';
  if (error && !data) return <p class="warning">{error}</p>;
  if (!data) return <p class="quiet">…</p>;
  return (
    <>
      <Findings devices={data.devices} findings={data.findings} events={events.data?.events ?? []} zone={zone} />
      {data.devices.map(device => (
        <DeviceCard
          key={device.id}
          device={device}
          zone={zone}
          busLoad={data.links.find(link => link.name === device.link)?.busLoad ?? null}
        />
      ))}
      <Links links={data.links} />
      {events.data && <Events list={events.data.events} zone={zone} />}
    </>
  );
}

/** Buses and connections: how busy, how quick, and what went wrong last. */
function Links({links}: {readonly links: readonly Link[]}) {
  return (
    <section class="card">
      <h2>{t('links')}</h2>
      <Scroll name={t('links')}>
        <table>
          <thead>
            <tr>
              <th scope="col">{t('link')}</th>
              <th scope="col">{t('state')}</th>
              <th scope="col">{t('busLoad')}</th>
              <th scope="col">{t('latency')}</th>
              <th scope="col">{t('requests')}</th>
              <th scope="col">{t('lastError')}</th>
            </tr>
          </thead>
          <tbody>
            {links.map(link => (
              <tr key={link.name}>
                <th scope="row">
                  {link.name} <span class="mono quiet">{link.url}</span>
                </th>
                <td>{wordOf(link.state)}</td>
                <td>
                  <Load share={link.busLoad} />
                </td>
                <td>{link.latencyMs === null ? '–' : `${number(link.latencyMs)} ms`}</td>
                <td>{number(link.requests)}</td>
                <td>{link.lastError === null ? '–' : said(link.lastError)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </Scroll>
    </section>
  );
}

function Load({share}: {readonly share: number | null}) {
  if (share === null) return <>–</>;
  return (
    <>
      <svg class={`load ${share > 0.8 ? 'much' : ''}`} viewBox="0 0 60 8" aria-hidden="true">
        <rect width="60" height="8" rx="4" class="bed" />
        <rect width={Math.max(2, Math.min(60, 60 * share))} height="8" rx="4" />
      </svg>{' '}
      {number(Math.round(share * 1000) / 10)}
      {'\u00a0%'}
    </>
  );
}

function DeviceCard({device, zone, busLoad}: {readonly device: Device; readonly zone: string; readonly busLoad: number | null}) {
  const faults = Object.entries(device.faults);
  const facts: [string, string][] = [
    [t('lastGood'), device.last_good ? justClock(device.last_good, zone, presentMs()) : '–'],
    [t('latency'), device.latency_ms === null ? '–' : `${number(device.latency_ms)} ms`],
    [t('polls'), number(device.polls)],
    [t('faults'), faults.length === 0 ? '0' : faults.map(([kind, count]) => `${number(count)}× ${wordOf(kind)}`).join(', ')],
    [t('busLoad'), busLoad === null ? '–' : `${number(Math.round(busLoad * 1000) / 10)}\u00a0%`],
    [t('firmware'), device.firmware ?? '–'],
  ];
  return (
    <section class="card">
      <h2>
        {device.id} <span class={`badge ${device.state}`}>{wordOf(device.state)}</span>
      </h2>
      <p class="quiet">
        {[device.manufacturer, device.model].filter(Boolean).join(' ')}
        {device.serial ? ` · ${t('serial')} ${device.serial}` : ''} · {device.profile} · {device.link}, {t('unit', {n: device.unit})} ·{' '}
        {t('since_', {at: moment(device.since, zone)})}
      </p>
      {device.last_fault && device.state !== 'good' && <p class="warning">{said(device.last_fault)}</p>}
      <Figures list={facts} small />
      <details>
        <summary>
          {t('points')} ({device.points.length})
        </summary>
        <PointTable points={device.points} of={device.id} />
      </details>
      <details>
        <summary>
          {t('plan')} ({device.plan.length})
        </summary>
        <ul class="mono">
          {device.plan.map(request => (
            <li key={`${request.class} ${request.unit} ${request.fc} ${request.start}`}>
              {request.class}: FC {request.fc}, {request.start}–{request.start + request.count - 1}, {request.ms} ms
            </li>
          ))}
        </ul>
      </details>
    </section>
  );
}
