// What happened, newest first. The same that happens again and again is one line: it must not hide what happened once.

import {useState} from 'preact/hooks';
import {kindOf} from '../said.ts';
import {moment, number, t} from '../text.ts';
import {type Event, saidAbout} from './findings.tsx';

/** So many lines are read; the rest is in the API. */
const MOST = 50;

export function Events({list, zone}: {readonly list: readonly Event[]; readonly zone: string}) {
  return (
    <section class="card">
      <h2>{t('events')}</h2>
      {list.length === 0 && <p class="quiet">{t('noEvents')}</p>}
      <ul class="events">
        {runsOf(list)
          .slice(0, MOST)
          .map(run => (
            <Line key={run[0].id} run={run} zone={zone} />
          ))}
      </ul>
    </section>
  );
}

function Line({run: [newest, ...before], zone}: {readonly run: Run; readonly zone: string}) {
  const [open, setOpen] = useState(false);
  return (
    <li>
      <One event={newest} zone={zone} />
      {before.length > 0 && (
        <details onToggle={event => setOpen(event.currentTarget.open)}>
          <summary>{t('andBefore', {n: number(before.length), at: moment(before.at(-1)?.at ?? 0, zone)})}</summary>
          {open &&
            before.map(event => (
              <p key={event.id}>
                <One event={event} zone={zone} />
              </p>
            ))}
        </details>
      )}
    </li>
  );
}

const One = ({event, zone}: {readonly event: Event; readonly zone: string}) => (
  <>
    <span class="quiet">{moment(event.at, zone)}</span> <b>{kindOf(event.kind)}</b> <span class="what">{saidAbout(event)}</span>
  </>
);

type Run = [Event, ...Event[]];

/** Neighbours of one kind together. */
function runsOf(list: readonly Event[]): Run[] {
  const runs: Run[] = [];
  for (const event of list) {
    const last = runs.at(-1);
    if (last?.[0].kind === event.kind) last.push(event);
    else runs.push([event]);
  }
  return runs;
}
