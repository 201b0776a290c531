// A machine without a clock of its own: started in 1970, set by a time server, set again, set back, over the change to winter time. A meter
// that goes on counting knows how much energy there was: nothing may be lost, nothing may be there twice.

import {writeFileSync} from 'node:fs';
import path from 'node:path';
import {setTimeout as sleep} from 'node:timers/promises';
import Database from 'better-sqlite3';
import {describe, expect, test} from 'vitest';
import {bankOf, readCapture} from '../../src/device/capture.ts';
import {type RegisterSource, startModbusServer} from '../../src/link/server.ts';
import {afterTest} from '../support/after.ts';
import {start, tempFolder} from '../support/cli.ts';
import {fakeClock, haveFaketime, WITHOUT_FAKETIME} from '../support/faketime.ts';

const IMPORT_AT = 0x0048;
const POWER_W = 2477;
const FIRST_KWH = 20;

/** A meter that imports POWER_W for ever, with a counter that knows how much; `toldWh` is what it said, one after the other. */
async function meter(): Promise<{port: number; toldWh: readonly number[]}> {
  const [capture] = [...bankOf(readCapture('test/captures/eastron-sdm630.json'), () => 0).values()];
  const toldWh: number[] = [];
  const source: RegisterSource = {
    async read(fc, at, words) {
      const answer = await (capture as RegisterSource).read(fc, at, words);
      if (!Array.isArray(answer)) return answer;
      if (at > IMPORT_AT || at + words < IMPORT_AT + 2) return answer;
      const wh = (POWER_W * performance.now()) / 3_600_000;
      toldWh.push(wh);
      const counter = Buffer.alloc(4);
      counter.writeFloatBE(FIRST_KWH + wh / 1000);
      return answer.map((word, index) =>
        at + index === IMPORT_AT ? counter.readUInt16BE(0) : at + index === IMPORT_AT + 1 ? counter.readUInt16BE(2) : word,
      );
    },
  };
  const server = await startModbusServer({host: '127.0.0.1', port: 0, units: new Map([[1, source]])});
  afterTest(() => server.close());
  return {port: server.port, toldWh};
}

/** What a wall clock must be ahead by to show this now, s. */
const showing = (utc: string): number => (Date.parse(utc) - Date.now()) / 1000;
const SEGMENT_MS = 3000;
/** Power and counter of a beat are questions of their own, and what is booked ends with the power, Wh. */
const BETWEEN_THEM_WH = 1.5;
/** Answers at both ends that may not have got through: the daemon begins and ends in the middle of a beat, however long that one takes. */
const ON_THEIR_WAY = 4;

/** What a meter that told this has measured, as near to `wh` as it can be meant. */
function measuredOf(toldWh: readonly number[], wh: number): number {
  const spans = toldWh.slice(0, ON_THEIR_WAY).flatMap(first => toldWh.slice(-ON_THEIR_WAY).map(last => last - first));
  return spans.reduce((best, span) => (Math.abs(span - wh) < Math.abs(best - wh) ? span : best), Number.POSITIVE_INFINITY);
}

describe.skipIf(!haveFaketime)(`the wall clock${WITHOUT_FAKETIME}`, () => {
  // They mostly wait.
  test.concurrent.each([
    // what happens                                          what the clock shows, one after the other; `|` is a power cut between them          slots without a date
    ['starts in 1970 and is set', ['1970-01-01T00:01:00Z', '2026-11-25T12:03:00Z'], 0],
    ['starts in 1970 and is never set', ['1970-01-01T00:01:00Z'], 1],
    ['steps back and on within a quarter hour', ['2026-11-25T12:05:00Z', '2026-11-25T12:03:00Z', '2026-11-25T12:06:00Z'], 0],
    ['steps over the end of a quarter hour and back', ['2026-11-25T12:14:57Z', '2026-11-25T12:14:50Z', '2026-11-25T12:15:01Z'], null],
    ['is hours ahead for a while', ['2026-11-25T12:03:00Z', '2026-11-25T17:03:00Z', '2026-11-25T12:04:00Z'], null],
    ['passes the change to winter time', ['2026-10-25T00:59:57Z'], 0],
    [
      'comes back from a power cut in the past and is set',
      ['2026-11-25T12:03:00Z', '|', '2026-11-25T11:17:00Z', '2026-11-25T12:05:00Z'],
      null,
    ],
    ['comes back from a power cut in 1970 and is set', ['2026-11-25T12:03:00Z', '|', '1970-01-01T00:01:00Z', '2026-11-25T12:20:00Z'], null],
  ] as const)('%s: nothing lost, nothing double', async (_, times, undated) => {
    const folder = tempFolder();
    const {port, toldWh} = await meter();
    const file = path.join(folder, 'site.yaml');
    writeFileSync(
      file,
      `version: 1\nsite: {timezone: Europe/Berlin}\nlinks: {bus: {url: "tcp://127.0.0.1:${port}"}}\ndevices: {meter: {profile: eastron-sdm630, link: bus}}\nmap: {grid: meter}\npoll: {every: 500ms, counters: 500ms}\nstore: {path: w.db, commit_every: 1s}\nhttp: false\n`,
    );
    const clock = fakeClock(folder, showing(times[0]));
    const run = () => start(['run', '--config', file], clock.env);
    let daemon = run();
    await daemon.saying('first tick done');

    for (const [index, time] of times.entries()) {
      if (time === '|') {
        daemon.child.kill('SIGKILL');
        await daemon.ended;
        clock.shift(showing(times[index + 1] as string));
        daemon = run();
        await daemon.saying('first tick done');
        continue;
      }
      clock.shift(showing(time));
      await sleep(SEGMENT_MS);
    }
    daemon.child.kill('SIGTERM');
    const {code, stdout} = await daemon.ended;
    expect(code, stdout).toBe(0);
    expect(stdout).not.toMatch(/"level":"error"/);

    const db = new Database(path.join(folder, 'w.db'), {readonly: true});
    const sum = (sql: string): number => (db.prepare(sql).pluck().get() as number | null) ?? 0;
    const dated = sum("SELECT sum(energy_mwh) FROM energy_15m WHERE policy = 'solar-first'") / 1000;
    const without = sum("SELECT sum(energy_mwh) FROM energy_undated WHERE policy = 'solar-first'") / 1000;
    const totals = sum("SELECT sum(energy_mwh) FROM totals_15m WHERE name = 'grid_import'") / 1000;
    const slots = db.prepare("SELECT slot_start_utc, energy_mwh FROM totals_15m WHERE name = 'grid_import'").all();
    // Single readings from before the clock was set have their date as well; where it never was, they are counted.
    const neverSet = times.every(time => time < '2026');
    const lost = sum("SELECT count(*) FROM events WHERE kind = 'rows-undated'");
    const early = neverSet ? 0 : sum("SELECT count(*) FROM meter WHERE utc < '2026'");
    const open = sum('SELECT count(DISTINCT start_mono_ms) FROM wl_undated');
    db.close();
    const measured = measuredOf(toldWh, dated + without);
    const told = `${measured.toFixed(2)} Wh measured, ${dated.toFixed(2)} with a date, ${without.toFixed(2)} without: ${JSON.stringify(slots)}`;
    expect(Math.abs(dated + without - measured), told).toBeLessThan(BETWEEN_THEM_WH);
    expect(totals, told).toBeCloseTo(dated, 3);
    expect(early, told).toBe(0);
    expect(lost, told).toBe(neverSet ? 1 : 0);
    if (undated !== null) expect(open, told).toBe(undated);
  });
});
