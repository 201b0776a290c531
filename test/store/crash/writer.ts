// A child process that writes the world until it is killed. Says `acked N` when everything up to cycle N was confirmed.

import {setTimeout as sleep} from 'node:timers/promises';
import {AppError} from '../../../src/core/errors.ts';
import {silentLog} from '../../../src/core/log.ts';
import {createStore} from '../../../src/store/store.ts';
import {WORLD_ZONE, worldRecord} from './world.ts';

const [file = '', commitEveryMs = '10', pauseMs = '1', lastCycle = 'Infinity'] = process.argv.slice(2);
const say = (text: string): void => void process.stdout.write(`${text}\n`);
const never = new AbortController().signal;

const store = createStore(
  {
    path: file,
    commitEveryMs: Number(commitEveryMs),
    rawDays: 3650,
    archive: false,
    budgetMbPerDay: null,
    bufferRows: 100_000,
    history: true,
  },
  {
    clock: {wallMs: () => Date.parse('2026-01-01T00:00:00Z'), monoMs: () => 0, sleepUntilMono: async () => {}},
    log: silentLog,
    zone: WORLD_ZONE,
  },
);
try {
  const {flowState} = await store.start();
  let n = flowState === null ? 0 : (JSON.parse(flowState) as {n: number}).n + 1;
  say(`started ${n}`);
  let commits = 0;
  let pending: number | null = null;
  let during = 0;
  while (n <= Number(lastCycle)) {
    const due = store.flushDue();
    await store.write([worldRecord(n)], never);
    if (due && pending === null) pending = n;
    n++;
    await sleep(Number(pauseMs));
    if (pending !== null) during++;
    const health = store.health();
    if (health.state === 'failing') say(`failing ${health.lastError}`);
    const seen = Number(health.details?.['commits'] ?? 0);
    if (seen === commits) continue;
    commits = seen;
    // A commit that nobody asked for, after a disk that was full, says nothing about the cycle that is asked for next.
    if (pending !== null) say(`acked ${pending} polls ${during}`);
    pending = null;
    during = 0;
  }
  await store.close(never);
  say(`closed ${n - 1}`);
} catch (error) {
  say(`refused ${error instanceof AppError ? `${error.code} ${error.what}` : String(error)}`);
  process.exitCode = 1;
}
