// The threads of the store: whoever has closed it may end the process at once, for none of them is inside the database any more.

import {existsSync, readdirSync, readFileSync} from 'node:fs';
import {setTimeout as sleep} from 'node:timers/promises';
import {expect, test} from 'vitest';
import {createAsking} from '../../src/store/asking.ts';
import {bench, never, until} from './harness.ts';
import {record, START_MS, slot} from './house.ts';

const TASKS = '/proc/self/task';
const canSee = existsSync(TASKS);
function nameOf(task: string): string {
  try {
    return readFileSync(`${TASKS}/${task}/comm`, 'utf8').trim();
  } catch {
    return ''; // it has just ended
  }
}
const threads = (): string[] =>
  readdirSync(TASKS)
    .map(nameOf)
    .filter(name => name.startsWith('store-'));

test.skipIf(!canSee)(
  `a closed store has no threads, not even one that was about to leave${canSee ? '' : ' (skipped: needs /proc)'}`,
  async () => {
    const place = bench();
    for (let round = 0; round < 16; round++) {
      const store = place.open();
      await store.start();
      await store.write([record(round, START_MS, {slots: [slot(START_MS, 1)]})], never);
      await store.query('bills');
      expect(threads()).toContain('store-writer');
      // The thread that checks the file leaves when it is done: closed a little later each time, it is on its way out some time.
      await sleep(3 * round);
      await store.close(never);
      expect(threads()).toEqual([]);
    }
  },
);

test.skipIf(!canSee)(
  `the thread that answers leaves when nobody asks, and the next question finds another${canSee ? '' : ' (skipped: needs /proc)'}`,
  async () => {
    const place = bench();
    const store = place.open();
    await store.start();
    await store.write([record(0, START_MS, {slots: [slot(START_MS, 1)]})], never);
    await store.close(never);
    const asking = createAsking({path: place.file}, thread => void thread.leave(), 1);
    for (let round = 0; round < 3; round++) {
      const answers = await Promise.all([asking.ask('size', []), asking.ask('size', [])]);
      expect(answers).toEqual([expect.objectContaining({slots: 1}), expect.objectContaining({slots: 1})]);
      while (threads().length > 0) await sleep(5);
    }
  },
);

test('what the daemon asks by itself is answered by the thread that writes, behind the commits', async () => {
  const place = bench();
  const store = place.open();
  await store.start();
  await store.write([record(0, START_MS, {slots: [slot(START_MS, 1)]})], never);
  expect(await store.queryBehind('bills')).toEqual([]);
  if (canSee) expect(threads()).not.toContain('store-reader');
  await store.close(never);
  await expect(store.queryBehind('bills')).rejects.toMatchObject({code: 'STORE_UNUSABLE'});
});

test('a stop that cannot wait for the commit under way: what came after it is stored behind it', async () => {
  const place = bench();
  const store = place.open({commitEveryMs: 20});
  await store.start();
  await until(() => store.flushDue(), Boolean);
  // This one is due and goes at once; the next one has to wait for it.
  await store.write([record(1, START_MS, {flowState: '{"n":1}'})], never);
  await store.write([record(2, START_MS, {flowState: '{"n":2}', slots: [slot(START_MS, 9)]})], never);
  await store.close(AbortSignal.abort());
  const {flowState} = await place.open().start();
  expect(flowState).toBe('{"n":2}');
});
