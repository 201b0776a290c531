// What people do wrong, and what they are told: where, what, what to do, the exit code, and never a stack trace.

import {linkSync, mkdirSync, readFileSync, symlinkSync, writeFileSync} from 'node:fs';
import {createServer, type Server} from 'node:net';
import path from 'node:path';
import {afterEach, describe, expect, test} from 'vitest';
import {startModbusServer} from '../../src/link/server.ts';
import {run, start, tempFolder} from '../support/cli.ts';

const servers: {close(): unknown}[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

const listen = (onConnect: (socket: import('node:net').Socket) => void): Promise<{server: Server; port: number}> =>
  new Promise(resolve => {
    const server = createServer(onConnect).listen(0, '127.0.0.1', () => {
      servers.push(server);
      resolve({server, port: (server.address() as {port: number}).port});
    });
  });

const BASE = (port: number, folder: string): string => `version: 1
site: {timezone: Europe/Berlin}
links:
  bus: {url: "tcp://127.0.0.1:${port}"}
devices:
  meter: {profile: eastron-sdm630, link: bus, unit: 1}
  second: {profile: eastron-sdm630, link: bus, unit: 2}
map:
  grid: meter
store: {path: ${folder}/wattledger.db}
http: false
`;

function configFile(change: (text: string) => string = text => text, port = 1): string {
  const folder = tempFolder();
  const file = path.join(folder, 'site.yaml');
  writeFileSync(file, change(BASE(port, folder)));
  return file;
}

const noTrace = (text: string): void => expect(text).not.toMatch(/^\s+at /m);

describe('a wrong configuration ends with 2 and names the line', () => {
  test.each([
    ['an unknown key', (t: string) => t.replace('http: false', 'htpt: false'), /:\d+.*htpt.*http/s],
    ['a wrong type', (t: string) => t.replace('unit: 1', 'unit: one'), /:6.*unit/s],
    [
      'an unknown profile',
      (t: string) => t.replace('profile: eastron-sdm630, link: bus, unit: 1', 'profile: eastron-sdm360, link: bus, unit: 1'),
      /:6.*eastron-sdm630/s,
    ],
    ['two devices on one unit', (t: string) => t.replace('unit: 2', 'unit: 1'), /:7.*unit 1/s],
    ['a part mapped twice', (t: string) => t.replace('grid: meter', 'grid: meter\n  loads: {pump: meter}'), /meter.*twice|already/s],
    ['no grid meter', (t: string) => t.replace('grid: meter', 'loads: {pump: meter}'), /no grid meter/],
    ['a link that is no link', (t: string) => t.replace('tcp://', 'tpc://'), /:4.*tcp/s],
    ['no such file', () => '', null],
  ] as const)('%s', async (name, change, message) => {
    const file = name === 'no such file' ? '/nonexistent/site.yaml' : configFile(change);
    for (const command of ['run', 'check']) {
      const {code, stdout, stderr} = await run([command, '--config', file]);
      expect(code).toBe(2);
      expect(stderr).toContain(file);
      if (message) expect(stderr).toMatch(message);
      expect(stderr.trim().split('\n').length).toBeLessThanOrEqual(2);
      noTrace(stderr + stdout);
    }
  });
});

describe('a device that is not what it should be', () => {
  test('an unreachable host: read ends with 1, run goes on and waits', async () => {
    const {code, stdout, stderr} = await run([
      'read',
      '--link',
      'tcp://127.0.0.1:1',
      '--unit',
      '1',
      '--profile',
      'eastron-sdm630',
      '--json',
    ]);
    expect(code).toBe(1);
    expect(stderr).toMatch(/127\.0\.0\.1:1.*refuses/);
    expect(JSON.parse(stdout)).toMatchObject({device: {profile: 'eastron-sdm630', unit: 1}});
    noTrace(stderr);

    const daemon = start(['run', '--config', configFile()]);
    await daemon.saying('does not answer');
    daemon.child.kill('SIGTERM');
    const ended = await daemon.ended;
    expect(ended.code).toBe(0);
    noTrace(ended.stdout + ended.stderr);
  });

  test('a wrong unit id: the gateway says that nobody is there', async () => {
    const server = await startModbusServer({
      host: '127.0.0.1',
      port: 0,
      units: new Map([[1, {read: (_fc, _at, words) => new Array(words).fill(0)}]]),
    });
    servers.push(server);
    const {code, stderr} = await run(['read', '--link', `tcp://127.0.0.1:${server.port}`, '--unit', '9', '--profile', 'eastron-sdm630']);
    expect(code).toBe(1);
    expect(stderr).toMatch(/unit 9/);
    noTrace(stderr);
  });

  test('a path that is no serial port', async () => {
    const folder = tempFolder();
    const file = path.join(folder, 'no-port');
    writeFileSync(file, '');
    for (const place of [folder, file]) {
      const {code, stderr} = await run(['read', '--link', `rtu://${place}`, '--profile', 'eastron-sdm630']);
      expect(stderr.split('\n')[0]).toBe(`rtu://${place} unit 1: ${place} is no serial port, or does not know this baud rate`);
      expect(code).toBe(1);
    }
  });

  test('a wrong port: a web server answers', async () => {
    const {port} = await listen(socket => {
      socket.on('data', () => socket.end('HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\n\r\nBad Request'));
      socket.on('error', () => {});
    });
    const {code, stderr} = await run(['read', '--link', `tcp://127.0.0.1:${port}`, '--unit', '1', '--profile', 'eastron-sdm630']);
    expect(code).toBe(1);
    expect(stderr).toMatch(/no Modbus|not Modbus|Modbus/);
    noTrace(stderr);
  });

  test.each([
    // what is typed                                                                what is told, on one line
    [['help', 'constructor'], 'wattledger: no command "constructor"'],
    [['help', 'reed'], 'wattledger: no command "reed"; did you mean "read"?'],
    [['profiles', '--jsno'], "wattledger profiles: Unknown option '--jsno'; did you mean '--json'?"],
    [
      ['demo', '--speed', '-1'],
      "wattledger demo: Option '--speed' argument is ambiguous; a value that begins with a dash is written --speed=VALUE",
    ],
    [['demo', '--seed', '1.5'], '--seed: found "1.5", expected a whole number from 0 to 2147483647'],
    [['profiles', 'sunspec', 'e3dc'], 'wattledger profiles: expected one ID, found sunspec e3dc'],
    [['profiles', '--profiles', '/nowhere'], '/nowhere: no folder of profiles that can be read'],
    [['read', '--link', 'tcp://h', '--profile', 'e3dc', '--unit', ''], '--unit: found "", expected a whole number from 0 to 255'],
    [['plan', '--link', 'tcp://h', '--profile', 'e3dc', '--turnaround', ''], '--turnaround: found "", expected milliseconds'],
    [
      ['plan', '--link', 'tcp://h', '--profile', 'e3dc', '--option', 'constructor=1'],
      '--option: e3dc has no option "constructor"; known: none',
    ],
    [['plan', '--link', 'tcp://h', '--profile', 'e3dc', '--every', '0s'], '--every: found "0s", expected a duration such as 2s or 500ms'],
    [['scan', '--link', 'rtu+tcp://h:1', '--bauds', 'all'], '--bauds: baud rates belong to a serial bus'],
    [['plan', '--config', 'x.yaml', '--profile', 'e3dc'], 'wattledger plan: expected either --profile ID or --config FILE'],
    [['plan', '--link', 'tcp://h', '--profile', 'e3dc', '--option', 'unit.x=1'], '--option: e3dc has no unit "x"; known: none'],
  ])('%j', async (args, told) => {
    const {code, stdout, stderr} = await run(args);
    expect(stderr.split('\n')[0]).toBe(told);
    expect(stderr.trimEnd().split('\n')).toHaveLength(2);
    expect(stdout).toBe('');
    expect(code).toBe(2);
  });

  test.each([
    // what is asked for with --json                                          code
    [['scan', '--link', 'tcp://127.0.0.1:1', '--json'], 'DEVICE_SILENT', 1],
    [['profiles', 'sdm630', '--json'], 'PROFILE_UNKNOWN', 2],
    [['check', '--config', '/nonexistent/site.yaml', '--json'], 'CONFIG_UNREADABLE', 2],
    [['plan', '--json', '--profile'], 'USAGE', 2],
  ])('with --json an error is a document too: %j', async (args, error, exit) => {
    const {code, stdout, stderr} = await run(args);
    expect(JSON.parse(stdout)).toMatchObject({schema: 1, error: {code: error}});
    expect(stderr).toContain(JSON.parse(stdout).error.what);
    expect(code).toBe(exit);
  });

  test('a time that does not exist, or lies beyond all that is measured, is told at once', async () => {
    const folder = tempFolder();
    const db = path.join(folder, 'wattledger.db');
    expect((await run(['demo', '--data', folder, '--seconds', '3', '--speed', '60', '--port', '0', '--json'])).code).toBe(0);
    for (const [args, told] of [
      [['export', '--from', '2026-02-30T10:00:00Z', '--to', 'now'], /--from: found "2026-02-30T10:00:00Z", expected a time/],
      [['export', '--from', 'today', '--to', '9999-12-31'], /--to: found "9999-12-31", expected a time from 1970 to 2199/],
      [['export', '--from', '0000-01-01', '--to', 'now'], /--from: found "0000-01-01", expected a time from 1970 to 2199/],
      [['export', '--from', 'today', '--to', 'now', '--device', 'meter'], /--device: belongs to --what points/],
      [['explain', '--at', '2026-02-29T10:00:00+01:00'], /--at: found "2026-02-29T10:00:00\+01:00", expected a time/],
    ] as const) {
      const {code, stderr} = await run([...args, '--db', db]);
      expect(stderr).toMatch(told);
      expect(code).toBe(2);
    }
  });

  test('a capture that could not be written is not begun', async () => {
    const file = path.join(tempFolder(), 'nowhere', 'x.json');
    const {code, stderr} = await run(['capture', '--link', 'tcp://127.0.0.1:1', '--range', '3:0:1', '-o', file]);
    expect(stderr).toMatch(/nowhere.*no such file/);
    expect(code).toBe(1);
  });

  test('a wrong command, option or number ends with 2', async () => {
    for (const args of [
      ['reed'],
      ['read', '--lnk', 'x'],
      ['read', '--link', 'tcp://h', '--profile', 'eastron-sdm630', '--unit', '999'],
      ['demo', '--scenario', 'vila'],
      ['scan', '--link', 'tcp://h', '--units', 'all'],
    ]) {
      const {code, stderr} = await run(args);
      expect(code, args.join(' ')).toBe(2);
      noTrace(stderr);
    }
  });
});

describe('a machine that does not play along', () => {
  test.skipIf(process.getuid?.() === 0 && !hasReadOnlyFolder())('a database path that cannot be written', async () => {
    const file = configFile(text => text.replace(/path: .*db/, 'path: /proc/wattledger/wattledger.db'));
    const {code, stdout, stderr} = await run(['run', '--config', file]);
    expect(code).toBe(1);
    expect(stderr).toMatch(/\/proc\/wattledger/);
    noTrace(stdout + stderr);
  });

  test('a folder of the database that is a file', async () => {
    const folder = tempFolder();
    writeFileSync(path.join(folder, 'occupied'), '');
    const file = configFile(text => text.replace(/path: .*db/, `path: ${folder}/occupied/wattledger.db`));
    const {code, stderr} = await run(['run', '--config', file]);
    expect(code).toBe(1);
    expect(stderr).toContain('occupied');
    noTrace(stderr);
    const checked = await run(['check', '--config', file]);
    expect(checked.stdout).toContain('occupied is no directory');
    expect(checked.code).toBe(3);
  });

  test('a database that is a folder is found by check, before the daemon meets it', async () => {
    const file = configFile(text => text.replace(/path: .*db/, `path: ${tempFolder()}`));
    const {code, stdout} = await run(['check', '--config', file]);
    expect(stdout).toMatch(/^store\.path: .* cannot be written: it is a directory, expected a file$/m);
    expect(code).toBe(3);
  });

  test('a port of the page that is taken', async () => {
    const {port} = await listen(() => {});
    const file = configFile(text => text.replace('http: false', `http: {listen: "127.0.0.1:${port}"}`));
    const {code, stderr, stdout} = await run(['run', '--config', file]);
    expect(code).toBe(1);
    expect(stderr).toContain(String(port));
    noTrace(stdout + stderr);
    const demo = await run(['demo', '--port', String(port)]);
    expect(demo.code).toBe(1);
    expect(demo.stderr).toContain(String(port));
  });

  test('a backup never takes the place of the database itself, by whatever name', async () => {
    const folder = tempFolder();
    const database = path.join(folder, 'wattledger.db');
    expect((await run(['demo', '--data', folder, '--seconds', '3', '--speed', '60', '--port', '0', '--json'])).code).toBe(0);
    symlinkSync(database, path.join(folder, 'link.db'));
    linkSync(database, path.join(folder, 'hard.db'));
    writeFileSync(`${database}-wal`, '');
    const before = readFileSync(database);
    for (const [name, told] of [
      ['wattledger.db', 'is the database itself'],
      ['link.db', 'is the database itself'],
      ['hard.db', 'is the database itself'],
      ['wattledger.db-wal', 'belongs to the database'],
      ['.', 'is no file'],
    ] as const) {
      const target = path.join(folder, name);
      const {code, stderr} = await run(['backup', target, '--replace', '--db', database]);
      expect([code === 0, stderr.split('\n')[0]]).toEqual([false, `${target}: ${told}`]);
    }
    expect(readFileSync(database).equals(before)).toBe(true);
  });

  test('a demo that cannot start says why, and ends', async () => {
    const folder = tempFolder();
    expect((await run(['demo', '--data', folder, '--seconds', '2', '--port', '0', '--json'])).code).toBe(0);
    for (const [args, told] of [
      [['--mqtt', 'http://broker'], /wattledger\.yaml:\d+:\d+: mqtt\.url: expected mqtt:/],
      [['--data', folder, '--seed', '7'], /--seed: .* holds the house of seed 1; continue that one/],
      [['--data', folder, '--scenario', 'hybrid'], /--scenario: .* holds a house of the scenario villa/],
      [['--data', ''], /--data: expected --data DIR/],
    ] as const) {
      const {code, stderr} = await run(['demo', '--port', '0', '--seconds', '2', ...args]);
      expect(stderr).toMatch(told);
      expect(code).toBe(2);
    }
  });

  test('two daemons on one database: the second one leaves', async () => {
    const file = configFile();
    const first = start(['run', '--config', file]);
    await first.saying('first tick done');
    const {code, stderr} = await run(['run', '--config', file]);
    expect(code).toBe(1);
    expect(stderr).toMatch(/another|already|in use/i);
    noTrace(stderr);
  });
});

/** /proc refuses new folders to everybody. */
function hasReadOnlyFolder(): boolean {
  try {
    mkdirSync('/proc/wattledger');
    return false;
  } catch {
    return true;
  }
}
