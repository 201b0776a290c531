// Setup: what runs here, where the data go, and what belongs where in Home Assistant.

import {chooseLanguage, chooseTheme, type Theme, theme} from '../choices.ts';
import {ask, logout, now} from '../data.ts';
import {said} from '../said.ts';
import {Scroll} from '../scroll.tsx';
import {bytes, dateOf, LANGUAGES, language, number, t} from '../text.ts';
import {Entities} from './entities.tsx';
import {useAnswer} from './load.ts';
import {Support} from './support.tsx';

type Setup = {
  readonly version: string;
  readonly config: {readonly file: string; readonly text: string};
  readonly database: {
    readonly path: string;
    readonly fileBytes: number;
    readonly walBytes: number;
    readonly diskFreeBytes: number | null;
    readonly slots: number;
  };
  readonly ledger: {readonly first_day: string | null; readonly last_day: string | null};
  readonly outlets: readonly {
    readonly name: string;
    readonly state: string;
    readonly queued: number;
    readonly dropped: number;
    readonly lastError: string | null;
    readonly details?: Readonly<Record<string, number | string | boolean | null>>;
  }[];
  readonly log: readonly string[];
  /** A password is set, so that one can log out. */
  readonly login: boolean;
};

export function SetupPage() {
  const {data, error} = useAnswer('setup', () => ask<Setup>('setup'), 10_000);
  if (error && !data) return <p class="warning">{error}</p>;
  if (!data) return <p class="quiet">…</p>;
  const {database, ledger} = data;
  const problems = now.value?.problems ?? [];
  return (
    <>
      <section class="card">
        <h2>wattledger {data.version}</h2>
        {problems.length === 0 ? (
          <p>{t('allWell')}</p>
        ) : (
          <>
            <h3>{t('problems')}</h3>
            <ul>
              {problems.map(problem => (
                <li key={problem}>{said(problem)}</li>
              ))}
            </ul>
          </>
        )}
      </section>
      <section class="card">
        <h2>{t('database')}</h2>
        <p class="mono">{database.path}</p>
        <p>
          {bytes(database.fileBytes + database.walBytes)} · {number(database.slots)} {t('slots')}{' '}
          {ledger.first_day ? `${t('since')} ${dateOf(ledger.first_day)}` : ''} ·{' '}
          {database.diskFreeBytes === null ? '?' : bytes(database.diskFreeBytes)} {t('free')}
        </p>
        <p>{writtenText(data.outlets.find(outlet => outlet.name === 'store')?.details)}</p>
        <p>
          <a class="button" href="api/v1/backup">
            {t('backup')}
          </a>
        </p>
      </section>
      <section class="card">
        <h2>{t('outlets')}</h2>
        <ul class="ages">
          {data.outlets.map(outlet => (
            <li key={outlet.name}>
              <span class={`dot ${outlet.state === 'open' ? 'good' : 'bad'}`} /> <b>{outlet.name}</b> {detailsOf(outlet)}
              {outlet.lastError ? <span class="warning">{said(outlet.lastError)}</span> : null}
            </li>
          ))}
        </ul>
        {!data.outlets.some(outlet => outlet.name.startsWith('mqtt')) && <p>{t('noBroker')}</p>}
      </section>
      <Entities />
      <Choices login={data.login} />
      <Support />
      <section class="card">
        <h2>{t('config')}</h2>
        <p class="mono">{data.config.file}</p>
        <Scroll name={t('config')}>
          <pre>{data.config.text}</pre>
        </Scroll>
      </section>
      <section class="card">
        <h2>{t('log')}</h2>
        <p class="quiet">{t('logOrder')}</p>
        <Scroll name={t('log')}>
          <pre>{data.log.map(shortLine).reverse().join('\n')}</pre>
        </Scroll>
      </section>
    </>
  );
}

type Outlet = Setup['outlets'][number];

/** What the disk has to bear. */
function writtenText(details: Outlet['details']): string {
  const [perDay, budget] = [details?.['written_mb_per_day'], details?.['budget_mb_per_day']];
  if (typeof perDay !== 'number') return t('perDayLater');
  return `${number(perDay)} MB ${t('perDay')}${typeof budget === 'number' ? ` ${t('budget', {n: number(budget)})}` : ''}`;
}

function detailsOf({queued, dropped, details, name}: Outlet): string {
  const words = [
    name.startsWith('mqtt') && typeof details?.['published'] === 'number' ? t('published', {n: number(details['published'])}) : null,
    typeof details?.['homeassistant'] === 'boolean' ? t(details['homeassistant'] ? 'haOn' : 'haOff') : null,
    typeof details?.['base'] === 'string' ? `${details['base']}/#` : null,
    queued > 0 ? t('queued', {n: number(queued)}) : null,
    dropped > 0 ? `${number(dropped)} ${t('lost')}` : null,
  ];
  return words.filter(word => word !== null).join(' · ');
}

/** Language and colours of this browser, and the way out. */
function Choices({login}: {readonly login: boolean}) {
  return (
    <section class="card">
      <h2>{t('thisBrowser')}</h2>
      <div class="choices">
        <label>
          {t('language')}{' '}
          <select onChange={event => chooseLanguage(event.currentTarget.value)}>
            {Object.keys(LANGUAGES).map(code => (
              <option key={code} value={code} selected={code === language}>
                {new Intl.DisplayNames([code], {type: 'language'}).of(code)}
              </option>
            ))}
          </select>
        </label>
        <label>
          {t('colours')}{' '}
          <select onChange={event => chooseTheme(event.currentTarget.value as Theme)}>
            {(['auto', 'light', 'dark'] as const).map(one => (
              <option key={one} value={one} selected={one === theme.value}>
                {t(`theme_${one}`)}
              </option>
            ))}
          </select>
        </label>
        {login && (
          <button type="button" onClick={() => void logout()}>
            {t('logout')}
          </button>
        )}
      </div>
    </section>
  );
}

function shortLine(line: string): string {
  try {
    const {time, level, msg} = JSON.parse(line) as {time: string; level: string; msg: string};
    return `${time} ${level.padEnd(5)} ${msg}`;
  } catch {
    return line.trim();
  }
}
