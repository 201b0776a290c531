// What root does to the service's database, with `sudo wattledger restore`, must not keep the service out of it.

import {chownSync, readdirSync, statSync} from 'node:fs';
import path from 'node:path';
import {expect, test} from 'vitest';
import {run, tempFolder} from '../support/cli.ts';

const root = process.getuid?.() === 0;
const SERVICE = 12_345;

test.skipIf(!root)(
  `a restored database and its lock belong to whoever owns the folder${root ? '' : ' (skipped: needs root)'}`,
  async () => {
    const folder = tempFolder();
    const demo = await run(['demo', '--data', folder, '--seconds', '3', '--speed', '60', '--port', '0', '--json']);
    expect(demo.code).toBe(0);
    const copy = path.join(folder, 'copy.db');
    expect((await run(['backup', '--db', path.join(folder, 'wattledger.db'), copy])).code).toBe(0);
    const state = tempFolder();
    chownSync(state, SERVICE, SERVICE);
    for (const _ of ['into an empty folder', 'over what is there'])
      expect(await run(['restore', copy, '--db', path.join(state, 'wattledger.db')])).toMatchObject({code: 0, stderr: ''});
    expect(readdirSync(state).map(name => [name, statSync(path.join(state, name)).uid])).toEqual(
      readdirSync(state).map(name => [name, SERVICE]),
    );
    expect(readdirSync(state).length).toBeGreaterThan(2);
  },
);
