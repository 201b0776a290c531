// Findings and hints: what stands out, on what evidence, and what to do about it.

import {said} from '../said.ts';
import type {TextKey} from '../text/en.ts';
import {moment, number, t, wordOf} from '../text.ts';

export type Event = {
  readonly id: number;
  readonly at: string;
  readonly kind: string;
  readonly about: string | null;
  readonly detail: string;
  readonly evidence: Readonly<Record<string, number | string>> | null;
};
export type Finding = {readonly where: string; readonly what: string; readonly todo: string};
type Trouble = {
  readonly id: string;
  readonly state: string;
  readonly since: string;
  readonly last_fault: string | null;
  readonly faults: Readonly<Record<string, number>>;
};
type Row = {
  readonly key: string;
  readonly where: string;
  readonly what: string;
  readonly evidence: string | null;
  readonly todo: string;
};

/** By what a hint says it is. */
const HINTS: Readonly<Record<string, TextKey>> = {
  'reversed clamp or wrong sign': 'todoTurned',
  'unmetered generation': 'todoPlus',
  'unmetered load or wrong sign': 'todoMinus',
  'swapped phases': 'todoPhases',
};
/** Its evidence, and the unit of it. */
const EVIDENCE: Readonly<Record<string, readonly [TextKey, string]>> = {
  meanW: ['meanPower', 'W'],
  nodes: ['instants', ''],
  steps: ['steps', ''],
  percent: ['agreeing', '%'],
  device_phase: ['devicePhase', ''],
  meter_phase: ['meterPhase', ''],
};

const TODO: readonly [RegExp, TextKey][] = [
  [/timeout|in time|did not answer|no answer/i, 'todoTimeout'],
  [/disconnected|ECONNREFUSED|EHOSTUNREACH|refused the connection|not connected|cannot connect/i, 'todoDisconnected'],
  [/refused|exception/i, 'todoRefused'],
  [/bad_frame|checksum|CRC/i, 'todoBadFrame'],
];

type Props = {
  readonly devices: readonly Trouble[];
  readonly findings: readonly Finding[];
  readonly events: readonly Event[];
  readonly zone: string;
};

export function Findings({devices, findings, events, zone}: Props) {
  const rows: Row[] = [
    ...devices
      .filter(device => device.state === 'lost' || device.state === 'partial')
      .map(device => {
        const worst = Object.entries(device.faults).sort((a, b) => b[1] - a[1])[0]?.[0] ?? '';
        const fault = `${device.last_fault ?? ''} ${worst}`;
        return {
          key: `device ${device.id}`,
          where: device.id,
          what: device.last_fault ? said(device.last_fault) : t('lostDevice', {device: device.id}),
          evidence: `${t('since_', {at: moment(device.since, zone)})}${faultsText(device.faults)}`,
          todo: t(TODO.find(([pattern]) => pattern.test(fault))?.[1] ?? 'todoAny'),
        };
      }),
    ...newestHints(events).map(event => ({
      key: `event ${event.id}`,
      where: moment(event.at, zone),
      what: said(event.detail),
      evidence: evidenceOf(event),
      todo: t(HINTS[String(event.evidence?.['hint'])] ?? 'todoMinus'),
    })),
    ...findings.map(({where, what, todo}) => ({
      key: `finding ${where} ${what}`,
      where,
      what: said(what),
      evidence: null,
      todo: said(todo),
    })),
  ];
  return (
    <section class="card" aria-labelledby="findings">
      <h2 id="findings">{t('findings')}</h2>
      {rows.length === 0 ? (
        <p>
          <span class="dot good" /> {t('noFindings')}
        </p>
      ) : (
        <ul class="findings">
          {rows.map(row => (
            <li key={row.key} class={row.key.startsWith('finding') ? '' : 'bad'}>
              <b>{row.where}</b> {row.what}
              {row.evidence && (
                <span class="quiet">
                  {t('evidence')}: {row.evidence}
                </span>
              )}
              <span>
                <b>{t('todo')}:</b> {withCode(row.todo)}
              </span>
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}

/** What happened, with whom it is about where the sentence does not say so. */
export const saidAbout = ({detail, about}: Event): string =>
  about === null || about === 'store' || detail.includes(about.split('/')[0] as string) ? said(detail) : `${about}: ${said(detail)}`;

const evidenceOf = ({evidence}: Event): string | null =>
  evidence &&
  Object.entries(evidence)
    .filter(([name]) => name !== 'hint')
    .map(([name, value]) => {
      const turned = /^(.*), adds up turned, %$/.exec(name)?.[1];
      const [word, unit] = turned === undefined ? (EVIDENCE[name] ?? [null, '']) : (['addsUpTurned', '%'] as const);
      const label = word === null ? name : t(word, {name: turned ?? ''});
      return `${label} ${typeof value === 'number' ? number(value) : value}${unit && `\u00a0${unit}`}`;
    })
    .join(' · ');

/** Text between backticks as code. */
const withCode = (text: string) => text.split('`').map((part, index) => (index % 2 === 1 ? <code key={part}>{part}</code> : part));

const faultsText = (faults: Readonly<Record<string, number>>): string =>
  Object.entries(faults)
    .map(([kind, count]) => ` · ${number(count)}× ${wordOf(kind)}`)
    .join('');

/** The newest hint of each kind: the same one every evening is one finding. */
function newestHints(events: readonly Event[]): Event[] {
  const seen = new Set<string>();
  return events.filter(event => {
    const key = String(event.evidence?.['hint'] ?? event.about);
    if (event.kind !== 'hint' || seen.has(key)) return false;
    seen.add(key);
    return true;
  });
}
