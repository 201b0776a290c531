// `scan` knows each device by its registers: every profile's own capture behind a socket, looked at with all profiles.

import {expect, test} from 'vitest';
import {discover} from '../../src/cli/discover.ts';
import {listProfiles, loadProfile} from '../../src/config/profiles.ts';
import {parseLinkUrl} from '../../src/core/linkurl.ts';
import {bankOf, readCapture} from '../../src/device/capture.ts';
import {startModbusServer} from '../../src/link/server.ts';
import {afterTest} from '../support/after.ts';

/** Meters with one and the same map: their registers do not tell them apart. */
const ALIKE: Readonly<Record<string, readonly string[]>> = {'eastron-sdm120': ['eastron-sdm230'], 'eastron-sdm230': ['eastron-sdm120']};

/** All of it answers at once, on a machine that stands still for a while too. */
const PATIENCE_MS = 30_000;

test.each(listProfiles().map(({id}) => id))('%s', async id => {
  const server = await startModbusServer({host: '127.0.0.1', port: 0, units: bankOf(readCapture(`test/captures/${id}.json`), () => 0)});
  afterTest(() => server.close());
  const {unit} = loadProfile(id).defaults;
  const link = parseLinkUrl(`tcp://127.0.0.1:${server.port}`);
  const {found} = await discover(link, [unit], [], new AbortController().signal, () => {}, PATIENCE_MS);
  expect(found).toHaveLength(1);
  expect([id, ...(ALIKE[id] ?? [])]).toContain(found[0]?.profile.id);
});
