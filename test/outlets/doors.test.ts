// Every door a broker may have: plain and WebSocket, TLS with an authority of one's own, a certificate for the client, logins.

import {spawnSync} from 'node:child_process';
import {mkdtempSync, readFileSync, rmSync, writeFileSync} from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import {beforeAll, describe, expect, test} from 'vitest';
import {afterTest} from '../support/after.ts';
import {freePort, haveMosquitto, WITHOUT_MOSQUITTO} from '../support/programs.ts';
import {record} from './house.ts';
import {brokerWith, listener, never, outlet, untilOpen} from './outlet.ts';

const haveOpenssl = spawnSync('openssl', ['version']).status === 0;
const folder = mkdtempSync(path.join(os.tmpdir(), 'wattledger-doors-'));
const file = (name: string): string => path.join(folder, name);
const pem = (name: string): string => readFileSync(file(`${name}.pem`), 'utf8');
const openssl = (...args: string[]): void => expect(spawnSync('openssl', args, {cwd: folder}).status).toBe(0);
/** The broker gives up its rights, so it must be us. */
const US = `user ${os.userInfo().username}`;

beforeAll(() => {
  const key = ['-newkey', 'rsa:2048', '-nodes'];
  if (haveOpenssl) {
    openssl('req', '-x509', ...key, '-days', '2', '-subj', '/CN=authority', '-keyout', 'ca.key', '-out', 'ca.pem');
    for (const name of ['broker', 'client']) {
      writeFileSync(file('names'), `subjectAltName=DNS:${name}.lan`);
      openssl('req', ...key, '-subj', `/CN=${name}`, '-keyout', `${name}.key`, '-out', `${name}.csr`);
      const by = ['-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial', '-days', '2', '-extfile', 'names'];
      openssl('x509', '-req', '-in', `${name}.csr`, ...by, '-out', `${name}.pem`);
    }
  }
  return () => rmSync(folder, {recursive: true, force: true});
});

const secure = (): string[] => [
  `cafile ${file('ca.pem')}`,
  `certfile ${file('broker.pem')}`,
  `keyfile ${file('broker.key')}`,
  'require_certificate true',
  US,
];
const known = () => ({verify: true, ca: pem('ca'), cert: pem('client'), key: readFileSync(file('client.key'), 'utf8')});

describe.skipIf(!haveMosquitto || !haveOpenssl)(
  `with certificates${WITHOUT_MOSQUITTO}${haveOpenssl ? '' : ' (skipped: no openssl)'}`,
  () => {
    test.each(['mqtts', 'wss'])(
      '%s: an authority of our own, a certificate of ours, a name that is not that of the address',
      async scheme => {
        // A plain door beside it, for the test itself.
        const door = await freePort();
        const kind = scheme === 'wss' ? ['protocol websockets'] : [];
        const broker = await brokerWith([`listener ${door} 127.0.0.1`, 'allow_anonymous true', ...kind, ...secure()]);
        const url = `${scheme}://127.0.0.1:${door}`;
        const sink = outlet(url, {tls: {...known(), servername: 'broker.lan'}});
        await sink.open(never);
        await untilOpen(sink);
        await sink.write([record(1, 10)], never);
        const heard = await listener(broker.url, 'wattledger/site/state');
        expect(JSON.parse(await heard.until('wattledger/site/state'))).toMatchObject({grid_power_w: 420.5});
      },
    );

    test.each([
      ['the authority is not known', () => ({verify: true}), /self.signed|unable to verify|unable to get/],
      ['the certificate is for another name', () => known(), /does not match|not in the cert/],
      [
        'nothing is shown to it',
        () => ({verify: true, ca: pem('ca'), servername: 'broker.lan'}),
        /handshake|certificate required|broke|closed|reset/i,
      ],
    ])('refused where %s', async (_name, tls, why) => {
      const broker = await brokerWith(secure());
      const sink = outlet(broker.url.replace('mqtt:', 'mqtts:'), {tls: tls()});
      await sink.open(never);
      await untilOpen(sink, 'failing');
      expect(sink.health?.().lastError).toMatch(why);
    });
  },
);

describe.skipIf(!haveMosquitto)(`without${WITHOUT_MOSQUITTO}`, () => {
  test('a WebSocket with a path', async () => {
    const door = await freePort();
    const broker = await brokerWith([`listener ${door} 127.0.0.1`, 'protocol websockets', 'allow_anonymous true']);
    const sink = outlet(`ws://127.0.0.1:${door}/mqtt`);
    await sink.open(never);
    await untilOpen(sink);
    const heard = await listener(broker.url, 'wattledger/status');
    expect(await heard.until('wattledger/status')).toBe('online');
  });

  test.each([
    ['in the settings', (url: string) => outlet(url, {username: 'me', password: 'a:b@c/ö%'})],
    ['in the address', (url: string) => outlet(url.replace('//', `//me:${encodeURIComponent('a:b@c/ö%')}@`))],
    ['one here, one there', (url: string) => outlet(url.replace('//', '//me@'), {password: 'a:b@c/ö%'})],
  ])('a password with everything in it, %s', async (_name, make) => {
    const passwords = file('passwords');
    afterTest(async () => rmSync(passwords));
    writeFileSync(passwords, '');
    spawnSync('mosquitto_passwd', ['-b', passwords, 'me', 'a:b@c/ö%']);
    const {url} = await brokerWith(['allow_anonymous false', `password_file ${passwords}`, US]);
    const sink = make(url);
    await sink.open(never);
    await untilOpen(sink);
    expect(sink.name).toBe(`mqtt ${url}`);
  });
});
