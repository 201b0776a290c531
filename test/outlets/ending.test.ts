// The daemon as a process, and how it leaves: what the broker says of it afterwards, whatever the broker does.

import {setTimeout as sleep} from 'node:timers/promises';
import {describe, expect, test} from 'vitest';
import {start, tempFolder} from '../support/cli.ts';
import {type Broker, haveMosquitto, WITHOUT_MOSQUITTO} from '../support/programs.ts';
import {brokerWith, listener} from './outlet.ts';

const demo = (broker: Broker) => start(['demo', '--data', tempFolder(), '--port', '0', '--mqtt', broker.url]);

// They mostly wait.
describe.skipIf(!haveMosquitto).concurrent(`the end of the daemon${WITHOUT_MOSQUITTO}`, () => {
  test('in good order: offline, everywhere; killed: the will says it', async () => {
    const broker = await brokerWith();
    const heard = await listener(broker.url, 'wattledger/#');
    const online = (topic: string) => heard.until(topic, text => text === 'online');
    const offline = (topic: string) => heard.until(topic, text => text === 'offline');
    const first = demo(broker);
    for (const topic of ['wattledger/status', 'wattledger/site/availability', 'wattledger/device/meter/availability']) await online(topic);
    first.child.kill('SIGTERM');
    for (const topic of ['wattledger/status', 'wattledger/site/availability', 'wattledger/device/meter/availability']) await offline(topic);
    expect((await first.ended).code).toBe(0);
    const second = demo(broker);
    await online('wattledger/status');
    second.child.kill('SIGKILL');
    await offline('wattledger/status');
  });

  test.each([
    ['fell asleep', async (broker: Broker) => broker.pause(), async () => {}],
    ['slept from the beginning', async () => {}, async (broker: Broker) => broker.pause()],
    ['is gone', async (broker: Broker) => broker.kill(), async () => {}],
  ])('does not wait for a broker that %s', async (_name, happens, before) => {
    const broker = await brokerWith();
    await before(broker);
    const daemon = demo(broker);
    await daemon.saying('page');
    await sleep(1000); // connected, or waiting for an answer
    await happens(broker);
    daemon.child.kill('SIGTERM');
    // The library's own time-outs are 20 seconds and more.
    const end = await Promise.race([daemon.ended, sleep(15_000, null)]);
    expect(end?.code).toBe(0);
  });
});
