// What a test has opened is closed when it ends, the last thing first; also where tests run side by side.

import {AsyncLocalStorage} from 'node:async_hooks';
import {aroundEach} from 'vitest';

type Close = () => unknown;
const running = new AsyncLocalStorage<Close[]>();

aroundEach(async runTest => {
  const closes: Close[] = [];
  try {
    await running.run(closes, runTest);
  } finally {
    for (const close of closes.reverse()) await close();
  }
});

/** To be called while a test runs. */
export function afterTest(close: Close): void {
  const closes = running.getStore();
  if (!closes) throw new Error('there is no test whose end could be waited for');
  closes.push(close);
}
