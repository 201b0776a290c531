// `wattledger demo` as a whole: its ledger against the house's books, both policies, a kill in between.

import {spawn} from 'node:child_process';
import {once} from 'node:events';
import path from 'node:path';
import {describe, expect, test} from 'vitest';
import {openReader} from '../../src/store/queries.ts';
import {run, start, tempFolder} from '../support/cli.ts';
import {sitDown} from '../support/person.ts';
import {haveMosquitto, mosquitto, WITHOUT_MOSQUITTO} from '../support/programs.ts';
import {haveSocat, WITHOUT_SOCAT} from '../support/pty.ts';
import {subscribe} from '../support/subscriber.ts';

type Summary = {
  simulated_s: number;
  resolution_wh: number;
  totals: Record<string, {ledger_wh: number; house_wh: number}>;
  cells: Record<string, {ledger_wh: number; house_wh: number}>;
  data: {database: string; dashboard: string; mqtt: string};
};

/**
 * On a busy machine the last registers may be three seconds old, most of a minute of the house's time: so long the ledger goes by powers.
 * That totals are exact is shown where time waits for the readings.
 */
const LATE_WH = 60;
/** Both ends of a span may stand anywhere inside a step of the register; `home` is the sum of five registers. */
const stepsOf = (total: string): number => (total === 'home' ? 5 : 2);

// They mostly wait.
describe.concurrent('a demo of ten simulated minutes', () => {
  test.each(['villa', 'hybrid', 'night-charging', 'three-phase', 'island'])("%s: totals are the house's own", async scenario => {
    const folder = tempFolder();
    const {code, stdout, stderr} = await run([
      'demo',
      '--scenario',
      scenario,
      '--data',
      folder,
      '--seconds',
      '40',
      '--speed',
      '15',
      '--port',
      '0',
      '--json',
    ]);
    expect(stderr).not.toMatch(/fault of the program/);
    expect(code).toBe(0);
    const summary = JSON.parse(stdout) as Summary;
    expect(summary.simulated_s).toBe(600);
    for (const [name, {ledger_wh, house_wh}] of Object.entries(summary.totals)) {
      const mostWh = LATE_WH + stepsOf(name) * summary.resolution_wh;
      expect(Math.abs(ledger_wh - house_wh), `${name}: ${ledger_wh} and ${house_wh}`).toBeLessThanOrEqual(mostWh);
    }
    const sum = Object.values(summary.cells).reduce((total, cell) => total + cell.ledger_wh, 0);
    const given = ['grid_import', 'solar', 'battery_discharge'].reduce((total, name) => total + (summary.totals[name]?.house_wh ?? 0), 0);
    expect(sum).toBeGreaterThan(0);
    expect(Math.abs(sum - given)).toBeLessThan(3 * LATE_WH + 10 * summary.resolution_wh);

    const reader = openReader(summary.data.database);
    const range = {fromMs: 0, toMs: 4e12, step: '1y', zone: 'Europe/Berlin'} as const;
    const totalOf = (policy: 'solar-first' | 'proportional'): number =>
      reader.flows({...range, policy}).reduce((total, row) => total + row.energyMilliWh, 0);
    expect(totalOf('proportional')).toBe(totalOf('solar-first'));
    reader.close();
    expect(path.dirname(summary.data.database)).toBe(folder);
  });

  test('noisy: lies, losses and delays move no measured total', async () => {
    const {stdout} = await run([
      'demo',
      '--scenario',
      'noisy',
      '--data',
      tempFolder(),
      '--seconds',
      '24',
      '--speed',
      '15',
      '--port',
      '0',
      '--json',
    ]);
    const summary = JSON.parse(stdout) as Summary;
    for (const name of ['grid_import', 'grid_export', 'solar', 'battery_charge', 'battery_discharge']) {
      const {ledger_wh, house_wh} = summary.totals[name] as {ledger_wh: number; house_wh: number};
      expect(Math.abs(ledger_wh - house_wh), `${name}: ${ledger_wh} and ${house_wh}`).toBeLessThanOrEqual(LATE_WH);
    }
  });
});

test('into a pipe it tells a line now and then, totals and all', async () => {
  const {stdout} = await run(['demo', '--data', tempFolder(), '--seconds', '16', '--port', '0']);
  const lines = stdout.split('\n').filter(line => /^\d\d:\d\d:\d\d /.test(line));
  expect(lines.length).toBeGreaterThan(1);
  for (const line of lines.slice(1)) expect(line).toMatch(/bought \d+\.\d+ kWh +sold \d+\.\d+ kWh$/);
});

test('started by npm, it hears the signal that npm got, and ends in order', async () => {
  // It ends by itself some day, so that one that heard nothing does not outlive the tests for long.
  const args = ['demo', '--data', tempFolder(), '--port', '0', '--seconds', '120', '--json'];
  const npm = spawn('npm', ['run', '-s', 'wattledger', '--', ...args], {stdio: ['ignore', 'pipe', 'pipe']});
  const said = {stdout: '', stderr: ''};
  npm.stdout.on('data', chunk => {
    said.stdout += chunk;
  });
  const closed = once(npm, 'close');
  await new Promise<void>(resolve => {
    npm.stderr.on('data', chunk => {
      said.stderr += chunk;
      if (said.stderr.includes('database')) resolve();
    });
    void closed.then(() => resolve());
  });
  npm.kill('SIGTERM');
  expect(await closed, said.stderr).toEqual([0, null]);
  expect(JSON.parse(said.stdout)).toMatchObject({scenario: 'villa'});
});

test.skipIf(!haveMosquitto)(`killed and continued, what was published never goes back${WITHOUT_MOSQUITTO}`, async () => {
  const broker = await mosquitto();
  const listener = await subscribe(broker.url, 'wattledger/#');
  const folder = tempFolder();
  const args = ['demo', '--data', folder, '--speed', '15', '--port', '0', '--mqtt', broker.url];
  for (let round = 0; round < 2; round++) {
    const demo = start([...args, '--seconds', '1800']);
    const before = listener.heard.length;
    await listener.until(
      'wattledger/site/energy',
      () => listener.heard.slice(before).filter(one => one.topic === 'wattledger/site/energy' && !one.retain).length >= 7,
    );
    demo.child.kill('SIGKILL');
    await demo.ended;
  }
  const last = await run([...args, '--seconds', '12', '--json']);
  expect(last.code).toBe(0);
  const summary = JSON.parse(last.stdout) as Summary;
  for (const {ledger_wh, house_wh} of ['grid_import', 'solar', 'battery_charge'].map(
    name => summary.totals[name] as {ledger_wh: number; house_wh: number},
  ))
    expect(Math.abs(ledger_wh - house_wh)).toBeLessThanOrEqual(LATE_WH);

  const newest = new Map<string, number>();
  for (const {topic, payload} of listener.heard) {
    if (!/\/energy$/.test(topic)) continue;
    for (const [key, value] of Object.entries(JSON.parse(payload) as Record<string, unknown>)) {
      if (typeof value !== 'number') continue;
      const name = `${topic} ${key}`;
      expect(value, name).toBeGreaterThanOrEqual(newest.get(name) ?? 0);
      newest.set(name, value);
    }
  }
  expect(newest.size).toBeGreaterThan(10);
  expect(listener.last('wattledger/status')).toBe('offline');
  await listener.end();
  await broker.kill();
});

test.skipIf(!haveSocat).each([
  // terminal   the cursor moves
  ['dumb', false],
  ['xterm', true],
])(`on a terminal that calls itself %s${WITHOUT_SOCAT}`, async (terminal, moves) => {
  const demo = sitDown(['demo', '--data', tempFolder(), '--port', '0', '--seconds', '3'], {TERM: terminal});
  expect(await demo.ended).toBe(0);
  expect(demo.screen()).toContain('villa');
  expect(demo.raw().includes('\u001b')).toBe(moves);
});
