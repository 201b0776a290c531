// One file for whoever helps: everything the API tells about this installation, secrets masked by the daemon.

import {useState} from 'preact/hooks';
import {ask} from '../data.ts';
import {t} from '../text.ts';

const PARTS = ['setup', 'health', 'devices', 'events', 'now'] as const;

export function Support() {
  const [error, setError] = useState<string | null>(null);
  const save = (): void => {
    setError(null);
    collect().then(download, (problem: Error) => setError(problem.message));
  };
  return (
    <section class="card">
      <h2>{t('support')}</h2>
      <p>{t('supportHelp')}</p>
      <p>
        <button type="button" onClick={save}>
          {t('supportFile')}
        </button>
      </p>
      {error && <p class="warning">{error}</p>}
      <p class="quiet">
        {t('apiHelp')}: <a href="openapi.json">openapi.json</a> · <a href="metrics">metrics</a> · <a href="healthz">healthz</a>
      </p>
    </section>
  );
}

async function collect(): Promise<string> {
  const answers = await Promise.all(PARTS.map(part => ask<object>(part)));
  return JSON.stringify(Object.fromEntries(PARTS.map((part, index) => [part, answers[index]])), null, 1);
}

function download(text: string): void {
  const address = URL.createObjectURL(new Blob([text], {type: 'application/json'}));
  const link = document.createElement('a');
  link.href = address;
  link.download = 'wattledger-support.json';
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}
