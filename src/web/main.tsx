// The page: five views behind a small navigation, one stream of news.

import {signal} from '@preact/signals';
import {render} from 'preact';
import {useState} from 'preact/hooks';
import {begin, connected, locked, login, now} from './data.ts';
import {DayPage} from './pages/day.tsx';
import {DevicesPage} from './pages/devices.tsx';
import {EnergyPage} from './pages/energy.tsx';
import {NowPage} from './pages/now.tsx';
import {SetupPage} from './pages/setup.tsx';
import {learnSentences} from './said.ts';
import {clock, language, t} from './text.ts';

const PAGES = {now: NowPage, day: DayPage, energy: EnergyPage, devices: DevicesPage, setup: SetupPage} as const;
type PageName = keyof typeof PAGES;
const ICONS: Readonly<Record<PageName, string>> = {
  now: 'M13 3 6 14h5l-1 7 8-12h-6z',
  day: 'M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8M12 2v3M12 19v3M2 12h3M19 12h3M5 5l2 2M17 17l2 2M19 5l-2 2M7 17l-2 2',
  energy: 'M4 20h16M6 20v-7M11 20V5M16 20v-11',
  devices: 'M5 4h14v12H5zM9 16v4M15 16v4M9 8h6M9 12h3',
  setup: 'M4 7h9M17 7h3M4 17h3M11 17h9M15 5v4M9 15v4',
};

const pageOf = (hash: string): PageName => {
  const name = hash.replace(/^#\/?/, '');
  return name in PAGES ? (name as PageName) : 'now';
};
const page = signal<PageName>(pageOf(location.hash));
addEventListener('hashchange', () => {
  page.value = pageOf(location.hash);
  scrollTo(0, 0);
});

function App() {
  const site = now.value?.site;
  const Page = PAGES[page.value];
  if (locked.value) return <Login />;
  return (
    <>
      <button type="button" class="skip" onClick={skip}>
        {t(page.value)}
      </button>
      <header>
        <h1>{site?.name ?? 'wattledger'}</h1>
        <p class="quiet">
          <span class={`dot ${connected.value ? 'good' : now.value ? 'bad' : ''}`} />{' '}
          {connected.value ? (now.value?.ts && site ? clock(now.value.ts, site.timezone) : t('live')) : now.value ? t('reconnecting') : '…'}
        </p>
        <nav>
          {(Object.keys(PAGES) as PageName[]).map(name => (
            <a key={name} href={`#/${name}`} aria-current={page.value === name ? 'page' : undefined}>
              <svg viewBox="0 0 24 24" aria-hidden="true">
                <path d={ICONS[name]} />
              </svg>
              {t(name)}
            </a>
          ))}
        </nav>
      </header>
      <main tabIndex={-1}>
        <Page />
      </main>
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
begin();
now.subscribe(state => {
  if (state) learnSentences();
});
render(<App />, document.getElementById('page') as HTMLElement);
