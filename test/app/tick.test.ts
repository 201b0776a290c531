// The beat: what it asks the flow core for, and when.

import {describe, expect, test} from 'vitest';
import {createPoller, type Polled} from '../../src/app/poll.ts';
import {runTicks} from '../../src/app/tick.ts';
import {createFlow} from '../../src/core/flow/advance.ts';
import type {TickRecord} from '../../src/core/sink.ts';
import type {Clock} from '../../src/core/time.ts';
import {siteOf} from '../pipeline/house.ts';

const WALL = Date.UTC(2026, 4, 4, 9, 1);

/** So many beats, the last one at the stop, of a house whose time passes as soon as somebody waits for it; waits end a little late. */
async function beats(count: number, everyMs: number, facts: {wanted?: (seq: number) => boolean; flush?: (seq: number) => boolean} = {}) {
  const stop = new AbortController();
  const records: TickRecord[] = [];
  let nowMs = 500;
  const clock: Clock = {
    wallMs: () => WALL + nowMs,
    monoMs: () => nowMs,
    sleepUntilMono: async atMs => {
      nowMs = Math.max(nowMs, atMs + ((records.length * 7) % 11));
      if (records.length === count - 1) stop.abort();
    },
  };
  const device: Polled = {
    id: 'house',
    linkName: 'bus',
    everyMs,
    poll: async () =>
      [
        ['meter', 'meter.power_w', 700],
        ['pv', 'inverter.power_w', 900],
        ['bat', 'battery.power_w', -200],
      ].map(([device, point, value]) => ({
        device,
        point,
        measured: {kind: 'good', value, monoMs: nowMs},
      })) as TickRecord['readings'][number][],
  };
  const site = siteOf({}, everyMs);
  await runTicks(
    {
      clock,
      site,
      poller: createPoller([device], null, {...clock, sleepUntilMono: () => new Promise(() => {})}, () => {}),
      trusted: () => ({slots: true, rows: true}),
      drainEvents: () => [],
      corrections: () => [],
      flushDue: () => facts.flush?.(records.length) ?? false,
      totalsWanted: () => facts.wanted?.(records.length) ?? false,
      money: () => null,
      offer: record => {
        records.push(record);
      },
    },
    createFlow(site, 'boot'),
    stop.signal,
  );
  return records;
}
/** Numbers of the beats that told totals. */
const told = (records: readonly TickRecord[]): number[] => records.flatMap(({energy}, seq) => (energy ? [seq] : []));

describe('totals', () => {
  test.each([
    [1000, [0, 10, 20, 30]],
    [2000, [0, 5, 10, 15, 20, 25, 30]],
    [5000, [0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30]],
    [30_000, Array.from({length: 31}, (_, seq) => seq)],
  ])('of a house polled every %i ms: at once, and then every ten seconds', async (everyMs, expected) => {
    expect(told(await beats(32, everyMs)).slice(0, -1)).toEqual(expected);
  });

  test('sooner where an outlet wants them or the state is stored', async () => {
    const records = await beats(14, 2000, {wanted: seq => seq === 3, flush: seq => seq === 6});
    expect(told(records)).toEqual([0, 3, 6, 11, 13]);
    expect(records[6]?.flowState).not.toBeNull();
  });

  test('once more at the stop', async () => {
    expect(told(await beats(9, 2000))).toEqual([0, 5, 8]);
  });

  test('powers at every beat', async () => {
    expect((await beats(12, 2000)).slice(0, 11).every(({state}) => state !== null)).toBe(true);
  });
});
