// Before there is anything to see: what to do next, and what is still missing.

import type {Now} from '../data.ts';
import {said} from '../said.ts';
import {t} from '../text.ts';

/** No device is configured yet. */
export function FirstSteps() {
  const steps: [string, string | null][] = [
    [t('firstScan'), 'wattledger scan --link tcp://192.168.1.50'],
    [t('firstInit'), 'wattledger init -o /etc/wattledger/wattledger.yaml'],
    [t('firstCheck'), 'wattledger check --config /etc/wattledger/wattledger.yaml'],
    [t('firstStart'), 'systemctl restart wattledger'],
  ];
  return (
    <section class="card">
      <h2>{t('first')}</h2>
      <p>{t('firstHelp')}</p>
      <ol class="steps">
        {steps.map(([text, command]) => (
          <li key={text}>
            {text}
            {command && <code>{command}</code>}
          </li>
        ))}
      </ol>
      <p class="quiet">{t('firstDemo')}</p>
    </section>
  );
}

/** Devices are configured, but no picture is complete yet. */
export function Waiting({state}: {readonly state: Now}) {
  return (
    <section class="card">
      <h2>{t('waiting')}</h2>
      <p>
        {t('waitingHelp')} <a href="#/devices">{t('devices')}</a>
      </p>
      <ul>
        {state.problems.map(problem => (
          <li key={problem}>{said(problem)}</li>
        ))}
      </ul>
    </section>
  );
}
