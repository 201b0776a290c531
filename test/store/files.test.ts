// Files that are not what they should be, copies, and schemas of the past.

import {execFileSync} from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import Database from 'better-sqlite3';
import {describe, expect, test} from 'vitest';
import {findDamage} from '../../src/store/backup.ts';
import {openReadWrite} from '../../src/store/connect.ts';
import {backupFile, restoreFile} from '../../src/store/copies.ts';
import {migrate} from '../../src/store/migrate.ts';
import {openReader} from '../../src/store/queries.ts';
import {MIGRATIONS, SCHEMA_VERSION} from '../../src/store/schema.ts';
import {type Bench, bench, hasShell, never, shellTitle, until} from './harness.ts';
import {good, record, SLOT_MS, START_MS, slot} from './house.ts';
import {overwrite} from './overwrite.ts';

async function fill(place: Bench, from = 0, count = 8, more: Parameters<Bench['open']>[0] = {}): Promise<void> {
  const store = place.open(more);
  await store.start();
  for (let n = from; n < from + count; n++) {
    await store.write(
      [
        record(n, START_MS + n * SLOT_MS, {
          readings: [good('meter', 'grid.power_w', n), good('meter', 'inverter.state', `s${n}`)],
          slots: [slot(START_MS + n * SLOT_MS, n)],
          flowState: `{"n":${n}}`,
          energy: {grid_import_kwh: n},
        }),
      ],
      never,
    );
  }
  await store.close(never);
}
const slotCount = (file: string): number => {
  const reader = openReader(file);
  try {
    return reader.size().slots;
  } finally {
    reader.close();
  }
};

describe('a file that is not ours is refused in words and not touched', () => {
  test.each<[string, (file: string) => void, RegExp]>([
    [
      'a picture',
      file => writeFileSync(file, Buffer.from('ffd8ffe000104a464946', 'hex')),
      /is not a database; wattledger does not touch it/,
    ],
    [
      'the database of another program',
      file => {
        const db = new Database(file);
        db.exec('CREATE TABLE states (id INTEGER); CREATE TABLE events (id INTEGER); INSERT INTO states VALUES (1)');
        db.close();
      },
      /is a database of another program/,
    ],
    ['a directory', file => mkdirSync(file), /is a directory/],
  ])('%s', async (_what, make, words) => {
    const place = bench();
    make(place.file);
    const before =
      existsSync(place.file) && !readdirSync(place.folder, {withFileTypes: true})[0]?.isDirectory() ? readFileSync(place.file) : null;
    await expect(place.open().start()).rejects.toMatchObject({code: 'STORE_UNUSABLE', what: expect.stringMatching(words)});
    if (before) expect(readFileSync(place.file)).toEqual(before);
    expect(() => openReader(place.file)).toThrow(expect.objectContaining({code: 'STORE_UNUSABLE'}));
  });

  test('a database of a later version: refused with its version, by the daemon and by readers', async () => {
    const place = bench();
    await fill(place);
    const db = new Database(place.file);
    db.pragma(`user_version = ${SCHEMA_VERSION + 7}`);
    db.close();
    await expect(place.open().start()).rejects.toMatchObject({
      code: 'STORE_NEWER',
      what: expect.stringContaining(`schema ${SCHEMA_VERSION + 7}`),
    });
    expect(() => openReader(place.file)).toThrow(expect.objectContaining({code: 'STORE_NEWER'}));
  });

  test('a folder that does not exist yet is made', async () => {
    const place = bench();
    const deep = path.join(place.folder, 'a', 'b', 'wattledger.db');
    const store = place.open({path: deep});
    await store.start();
    await store.close(never);
    expect(existsSync(deep)).toBe(true);
  });
});

describe('damage', () => {
  const corruptFiles = (place: Bench): string[] => readdirSync(place.folder).filter(name => /\.corrupt-[^.]*Z$/.test(name));

  test.each<[string, (file: string) => void]>([
    ['a header of zeros', file => overwrite(file, 0, Buffer.alloc(512))],
    ['a file that is cut in half', file => truncateSync(file, Math.floor(readFileSync(file).length / 8192) * 4096)],
    ['a first page of garbage', file => overwrite(file, 0, Buffer.alloc(4096, 'garbage '))],
  ])('%s: set aside, a new file goes on, and an event says so', async (_what, damage) => {
    const place = bench();
    await fill(place);
    damage(place.file);
    const store = place.open({commitEveryMs: 50});
    await store.start();
    await store.write([record(0, START_MS + 100 * SLOT_MS, {slots: [slot(START_MS + 100 * SLOT_MS, 1)], flowState: '{}'})], never);
    // The last word of the rescue.
    await until(
      () => store.query('events', {fromMs: 0, toMs: Number.MAX_SAFE_INTEGER, limit: 100}).catch(() => []),
      events => events.some(event => event.kind === 'store-salvaged'),
    );
    await store.close(never);
    expect(corruptFiles(place)).toHaveLength(1);
    const reader = openReader(place.file);
    const kinds = reader.events({fromMs: 0, toMs: Number.MAX_SAFE_INTEGER, limit: 100}).map(event => event.kind);
    expect(kinds).toContain('store-corrupt');
    expect(reader.slot(START_MS + 100 * SLOT_MS)).not.toBeNull();
    reader.close();
  });

  test('a few destroyed pages cost what was in them and nothing else', async () => {
    const place = bench();
    // Enough that most pages hold cells and raw rows.
    const store = place.open({bufferRows: 100_000});
    await store.start();
    const count = 3000;
    for (let n = 0; n < count; n++) {
      await store.write(
        [
          record(n, START_MS + n * 60_000, {
            readings: [good('meter', 'grid.power_w', n), good('meter', 'grid.voltage_l1_v', 230 + (n % 7))],
            slots: n % 15 === 0 ? [slot(START_MS + n * 60_000, n)] : [],
            flowState: `{"n":${n}}`,
          }),
        ],
        never,
      );
    }
    await store.close(never);
    const pages = readFileSync(place.file).length / 4096;
    const seed = 20_261_124;
    let state = seed;
    const random = (below: number): number => {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
      return Math.floor((state / 2 ** 32) * below);
    };
    // Data pages only: the roots at the beginning belong to every table.
    for (let i = 0; i < 3; i++)
      overwrite(place.file, (Math.floor(pages / 2) + random(Math.floor(pages / 2) - 1)) * 4096, Buffer.alloc(4096, 0xa5));
    const again = place.open({commitEveryMs: 50});
    const state0 = await again.start();
    expect(state0.flowState === null || state0.flowState === `{"n":${count - 1}}`).toBe(true);
    // A reader of everything meets the damage; so does the check after an unclean stop. Here the store is told by its own housekeeping.
    const found = new Database(place.file, {readonly: true});
    expect(findDamage(found)).not.toBeNull();
    found.close();
    await again.close(never);
    const db = new Database(place.file);
    db.exec("UPDATE wl_meta SET value = '1' WHERE key = 'running'");
    db.close();
    const third = place.open({commitEveryMs: 50});
    expect((await third.start()).uncleanStop).toBe(true);
    const told = await until(
      async () => {
        await third.write([record(0, START_MS + 10_000 * SLOT_MS, {flowState: '{"late":1}'})], never);
        return third.query('events', {fromMs: 0, toMs: Number.MAX_SAFE_INTEGER, limit: 100}).catch(() => []);
      },
      events => events.some(event => event.kind === 'store-salvaged'),
    );
    expect(told.map(event => event.kind)).toEqual(expect.arrayContaining(['store-corrupt', 'unclean-stop']));
    await third.close(never);
    const reader = openReader(place.file);
    const rows = reader.rawAround({device: 'meter', fromMs: 0, toMs: Number.MAX_SAFE_INTEGER, limit: 1_000_000});
    expect(rows.length).toBeGreaterThan(count * 0.8);
    expect(rows.every(row => row.values['grid.power_w'] === (row.atMs - START_MS) / 60_000)).toBe(true);
    expect(reader.size().slots).toBeGreaterThan((count / 15) * 0.8);
    reader.close();
  });
});

test.skipIf(!hasShell)(
  shellTitle('a program that opens the database and leaves again takes nothing away from under the daemon'),
  async () => {
    const place = bench();
    const store = place.open();
    await store.start();
    const told = (n: number) =>
      record(n, START_MS + n * SLOT_MS, {
        readings: [good('meter', 'grid.power_w', n)],
        slots: [slot(START_MS + n * SLOT_MS, n)],
        flowState: '{}',
      });
    await store.write([told(0)], never);
    await store.backup(`${place.file}.1`); // commits; a thread reads the file
    await store.query('size');
    const log = statSync(`${place.file}-wal`).ino;
    for (let n = 1; n < 4; n++) {
      // Not read-only: the last one to leave a database takes its log away, and who is the last one is a matter of locks.
      execFileSync('sqlite3', [place.file, 'SELECT count(*) FROM wl_slot']);
      expect(statSync(`${place.file}-wal`).ino).toBe(log);
      await store.write([told(n)], never);
      await store.backup(`${place.file}.${n + 1}`);
      await store.query('size');
    }
    await store.close(never);
    const db = new Database(place.file, {readonly: true});
    expect(db.pragma('integrity_check', {simple: true})).toBe('ok');
    expect(db.prepare('SELECT grid_power_w FROM meter ORDER BY ts').pluck().all()).toEqual([0, 1, 2, 3]);
    db.close();
  },
);

describe('copies', () => {
  test('a backup while the store runs is sound, complete and never half there', async () => {
    const place = bench();
    const store = place.open();
    await store.start();
    await store.write([record(0, START_MS, {slots: [slot(START_MS, 1)], flowState: '{}'})], never);
    const copy = path.join(place.folder, 'copy.db');
    expect(await store.backup(copy)).toMatchObject({file: copy, slots: 1});
    await expect(store.backup(copy)).rejects.toMatchObject({code: 'FILE_EXISTS'});
    await expect(store.backup(path.join(place.folder, 'no', 'such', 'folder.db'))).rejects.toMatchObject({code: 'FILE_UNWRITABLE'});
    expect(readdirSync(place.folder).filter(name => name.endsWith('.part'))).toEqual([]);
  });

  test('restore is refused while the daemon runs, and keeps what was there', async () => {
    const place = bench();
    await fill(place, 0, 4);
    const copy = path.join(place.folder, 'copy.db');
    backupFile(place.file, copy);
    await fill(place, 4, 4);
    const running = place.open();
    await running.start();
    expect(() => restoreFile(copy, place.file, START_MS)).toThrow(expect.objectContaining({code: 'STORE_BUSY'}));
    await running.close(never);
    const {slots, kept} = restoreFile(copy, place.file, START_MS);
    expect([slots, slotCount(place.file), slotCount(kept ?? '')]).toEqual([4, 4, 8]);
    const after = place.open();
    expect(await after.start()).toMatchObject({uncleanStop: false, flowState: '{"n":3}', energy: {grid_import_kwh: 3}});
  });

  test('a database behind a link: by either name it is the same one, and the link stays', async () => {
    const place = bench();
    await fill(place, 0, 4);
    const copy = path.join(place.folder, 'copy.db');
    backupFile(place.file, copy);
    const link = path.join(place.folder, 'link.db');
    symlinkSync('wattledger.db', link);
    const running = place.open({path: link});
    await running.start();
    for (const name of [place.file, link]) {
      expect(() => restoreFile(copy, name, START_MS)).toThrow(expect.objectContaining({code: 'STORE_BUSY'}));
      await expect(place.open({path: name}).start()).rejects.toMatchObject({code: 'STORE_BUSY'});
    }
    await running.close(never);
    await fill(place, 4, 4);
    const {database, kept} = restoreFile(copy, link, START_MS);
    expect(database).toBe(place.file);
    expect([lstatSync(link).isSymbolicLink(), lstatSync(kept ?? '').isSymbolicLink()]).toEqual([true, false]);
    expect([slotCount(link), slotCount(place.file), slotCount(kept ?? '')]).toEqual([4, 4, 8]);
    expect(() => restoreFile(link, place.file, START_MS)).toThrow(/is the database itself/);
  });

  test.each<[string, (place: Bench) => string]>([
    ['into a folder that is not there yet', place => path.join(place.folder, 'new', 'machine', 'wattledger.db')],
    [
      'where a link leads, to a file that is not there yet',
      place => {
        mkdirSync(path.join(place.folder, 'disk'));
        symlinkSync(path.join('disk', 'ledger.db'), path.join(place.folder, 'link.db'));
        return path.join(place.folder, 'link.db');
      },
    ],
  ])('restore %s', async (_where, nameIn) => {
    const place = bench();
    await fill(place, 0, 4);
    const name = nameIn(place);
    restoreFile(place.file, name, START_MS);
    expect(slotCount(name)).toBe(4);
    expect(lstatSync(name).isSymbolicLink()).toBe(name.endsWith('link.db'));
  });

  test('a damaged copy is not restored', async () => {
    const place = bench();
    await fill(place);
    const copy = path.join(place.folder, 'copy.db');
    copyFileSync(place.file, copy);
    truncateSync(copy, 4096 * 6);
    expect(() => restoreFile(copy, place.file, START_MS)).toThrow(expect.objectContaining({code: 'STORE_UNUSABLE'}));
    expect(slotCount(place.file)).toBe(8);
  });

  test('a copy in which somebody has left a trigger is not restored', async () => {
    const place = bench();
    await fill(place);
    const copy = path.join(place.folder, 'copy.db');
    backupFile(place.file, copy);
    const db = new Database(copy);
    db.exec('CREATE TRIGGER gone AFTER INSERT ON wl_slot BEGIN DELETE FROM wl_total; END');
    db.close();
    expect(() => restoreFile(copy, place.file, START_MS)).toThrow(expect.objectContaining({code: 'STORE_UNUSABLE'}));
    expect(slotCount(place.file)).toBe(8);
  });
});

describe('schemas', () => {
  test.each(MIGRATIONS.map(step => step.version))('a file of schema %i opens, with every figure, after a verified copy', async version => {
    const place = bench();
    const db = openReadWrite(place.file);
    // The schema as it was released, not as the program would make it today.
    db.exec(readFileSync(path.resolve(`test/store/schemas/${String(version).padStart(4, '0')}.sql`), 'utf8'));
    db.pragma(`user_version = ${version}`);
    db.close();
    const store = place.open();
    const state = await store.start();
    expect(state).toMatchObject({flowState: '{"from":"the release"}', newestSlotMs: Date.parse('2026-03-28T22:00:00Z')});
    await store.close(never);
    const reader = openReader(place.file);
    const [row] = reader.flows({fromMs: START_MS, toMs: START_MS + 1, step: '1d', policy: 'solar-first', zone: 'Europe/Berlin'});
    expect(row).toMatchObject({day: '2026-03-28', origin: 'solar', sink: 'home', energyMilliWh: 123_456, label: 'btm_consumed'});
    expect(reader.latestRaw('meter')?.values).toEqual({'grid.power_w': -1234.5});
    reader.close();
    expect(readdirSync(place.folder).some(name => name.includes(`.v${version}-`))).toBe(version < SCHEMA_VERSION);
  });

  test.each(MIGRATIONS.map(step => step.version))('the steps up to %i still make the tables that were released', version => {
    const tables = (make: (db: Database.Database) => void): unknown[] => {
      const db = new Database(':memory:');
      make(db);
      const found = db
        .prepare("SELECT name, sql FROM sqlite_schema WHERE type IN ('table', 'index') AND name NOT LIKE 'wl_raw_meter' ORDER BY name")
        .all() as {name: string; sql: string | null}[];
      db.close();
      return found.map(({name, sql}) => [name, sql?.replace(/\s+/g, ' ')]);
    };
    const released = tables(
      db => void db.exec(readFileSync(path.resolve(`test/store/schemas/${String(version).padStart(4, '0')}.sql`), 'utf8')),
    );
    const made = tables(db => {
      for (const step of MIGRATIONS) if (step.version <= version) db.exec(step.sql);
    });
    expect(made).toEqual(released);
  });

  test('a device with the name of a view that came later keeps its values, under another name', async () => {
    const place = bench();
    const db = openReadWrite(place.file);
    db.exec(readFileSync(path.resolve('test/store/schemas/0001.sql'), 'utf8'));
    db.exec(`INSERT INTO wl_device VALUES (77, 'bills', 'bills', 'wl_raw_bills');
CREATE TABLE wl_raw_bills (ts INTEGER PRIMARY KEY, grid_power_w INTEGER) STRICT;
INSERT INTO wl_raw_bills VALUES (${START_MS / 1000}, 5);
INSERT INTO wl_point VALUES (777, 77, 'grid.power_w', 'grid_power_w', 'w', 'gauge', 10);
PRAGMA user_version = 1`);
    db.close();
    const store = place.open();
    await store.start();
    await store.close(never);
    const after = new Database(place.file, {readonly: true});
    expect(after.prepare('SELECT grid_power_w FROM bills_device').pluck().all()).toEqual([0.5]);
    expect(after.prepare('SELECT due FROM bills').all()).toEqual([]);
    expect(after.prepare("SELECT count(*) FROM about WHERE view = 'bills_device'").pluck().get()).toBe(4);
    after.close();
  });

  test('a step that fails leaves the file as it was, beside a sound copy', async () => {
    const place = bench();
    await fill(place);
    const db = openReadWrite(place.file);
    const broken = [
      ...MIGRATIONS,
      {version: SCHEMA_VERSION + 1, what: 'adds a table', sql: 'CREATE TABLE wl_new (a INTEGER); INSERT INTO wl_nowhere VALUES (1)'},
    ];
    expect(() => migrate(db, place.file, START_MS, broken)).toThrow(/adds a table.*nothing was changed/);
    expect(db.pragma('user_version', {simple: true})).toBe(SCHEMA_VERSION);
    expect(db.prepare("SELECT count(*) FROM sqlite_schema WHERE name = 'wl_new'").pluck().get()).toBe(0);
    const good = [...MIGRATIONS, {version: SCHEMA_VERSION + 1, what: 'adds a table', sql: 'CREATE TABLE wl_new (a INTEGER)'}];
    const {backup} = migrate(db, place.file, START_MS, good);
    expect(db.prepare('SELECT count(*) FROM energy_15m').pluck().get()).toBe(64);
    db.close();
    expect(slotCount(backup ?? '')).toBe(8);
  });

  test('the steps are numbered from one without a hole', () => {
    expect(MIGRATIONS.map(step => step.version)).toEqual(MIGRATIONS.map((_, index) => index + 1));
  });
});
