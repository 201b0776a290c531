// The page: five views behind a small navigation, one stream of news.

import {effect, signal} from '@preact/signals';
import {type JSX, render} from 'preact';
import {useState} from 'preact/hooks';
import {begin, connected, locked, login, now} from './data.ts';
import {NowPage} from './pages/now.tsx';
import {PAGES, type PageName, place} from './place.ts';
import {learnSentences} from './said.ts';
import {clock, language, t} from './text.ts';

/** What is there to be shown; all but the first come after the first numbers. */
const pages = signal<Partial<Record<PageName, () => JSX.Element>>>({now: NowPage});
const AGAIN_MS = 10_000;
const ICONS: Readonly<Record<PageName, string>> = {
  now: 'M13 3 6 14h5l-1 7 8-12h-6z',
  day: 'M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8M12 2v3M12 19v3M2 12h3M19 12h3M5 5l2 2M17 17l2 2M19 5l-2 2M7 17l-2 2',
  energy: 'M4 20h16M6 20v-7M11 20V5M16 20v-11',
  devices: 'M5 4h14v12H5zM9 16v4M15 16v4M9 8h6M9 12h3',
  setup: 'M4 7h9M17 7h3M4 17h3M11 17h9M15 5v4M9 15v4',
};

function App() {
  const site = now.value?.site;
  const {page} = place.value;
  const Page = pages.value[page];
  if (locked.value) return <Login />;
  return (
    <>
      <button type="button" class="skip" onClick={skip}>
        {t('skip')}
      </button>
      <header>
        <h1>{site?.name ?? 'wattledger'}</h1>
        <p class="quiet">
          <span class={`dot ${connected.value ? 'good' : now.value ? 'bad' : ''}`} />{' '}
          {connected.value ? (now.value?.ts && site ? clock(now.value.ts, site.timezone) : t('live')) : now.value ? t('reconnecting') : '…'}
        </p>
        <nav>
          {PAGES.map(name => (
            <a key={name} href={`#/${name}`} aria-current={page === name ? 'page' : undefined}>
              <svg viewBox="0 0 24 24" aria-hidden="true">
                <path d={ICONS[name]} />
              </svg>
              {t(name)}
            </a>
          ))}
        </nav>
      </header>
      <main tabIndex={-1}>{Page ? <Page /> : <p class="quiet">…</p>}</main>
    </>
  );
}

function skip(): void {
  document.querySelector<HTMLElement>('main')?.focus();
}

function Login() {
  const [status, setStatus] = useState(204);
  const submit = (event: SubmitEvent): void => {
    event.preventDefault();
    const password = String(new FormData(event.currentTarget as HTMLFormElement).get('password') ?? '');
    void login(password).then(setStatus);
  };
  return (
    <main class="login">
      <form class="card" onSubmit={submit}>
        <h1>wattledger</h1>
        {/* Keepers of passwords want a name to file it under. */}
        <input name="username" type="text" autocomplete="username" value="wattledger" hidden readOnly />
        <label>
          {t('password')} <input name="password" type="password" autocomplete="current-password" required />
        </label>
        {status !== 204 && (
          <p class="warning" role="alert">
            {t(status === 429 ? 'tooMany' : 'wrong')}
          </p>
        )}
        <button type="submit" class="first">
          {t('login')}
        </button>
      </form>
    </main>
  );
}

document.documentElement.lang = language;
// A bookmark, the list behind the way back, and whoever hears the page know it by its title.
effect(() => {
  document.title = [t(place.value.page), now.value?.site.name ?? 'wattledger'].join(' · ');
});
begin();
render(<App />, document.getElementById('page') as HTMLElement);
if (place.value.page === 'now') setTimeout(rest);
else rest();

const isReload = (): boolean =>
  (performance.getEntriesByType('navigation')[0] as PerformanceNavigationTiming | undefined)?.type === 'reload';

/** What the first numbers do not need. A daemon that was renewed meanwhile has it under other names: the page then begins again, once. */
function rest(): void {
  learnSentences();
  import('./pages/others.ts').then(
    others => {
      pages.value = {now: NowPage, ...others.others};
    },
    () => setTimeout(() => (connected.value && !isReload() ? location.reload() : rest()), AGAIN_MS),
  );
}
