// A real Chromium for the tests of the page.

import {existsSync} from 'node:fs';
import {type Browser, chromium as playwright} from 'playwright-core';
import {chromium, WITHOUT_CHROMIUM} from './programs.ts';

const built = existsSync('dist/web/index.html');
export const canBrowse = chromium !== null && built;
/** For the title of a group that is skipped. */
export const WITHOUT_BROWSER = `${WITHOUT_CHROMIUM}${built ? '' : ' (skipped: the page is not built)'}`;

export const launch = (): Promise<Browser> =>
  playwright.launch({
    executablePath: `/usr/bin/${chromium}`,
    timeout: 100_000,
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  });
