// A USB adapter by vendor, product and serial number: found wherever it is plugged in, never mistaken for its twin.

import {describe, expect, test} from 'vitest';
import {realClock} from '../../src/app/clock.ts';
import {parseLinkUrl} from '../../src/core/linkurl.ts';
import {rtu} from '../../src/link/framing.ts';
import {createLineTransport} from '../../src/link/line.ts';
import {startSerialServer} from '../../src/link/line-server.ts';
import {openLink} from '../../src/link/open.ts';
import {createQueue} from '../../src/link/queue.ts';
import {type ListedPort, pickPort} from '../../src/link/usb.ts';
import {serialWire} from '../../src/link/wire.ts';
import {afterTest} from '../support/after.ts';
import {tempFolder} from '../support/cli.ts';
import {type Cable, cable, haveSocat, WITHOUT_SOCAT} from '../support/pty.ts';

const never = new AbortController().signal;
const PORTS: readonly ListedPort[] = [
  {path: '/dev/ttyS0'},
  {path: '/dev/ttyUSB0', vendorId: '0403', productId: '6001', serialNumber: 'A10KLM'},
  {path: '/dev/ttyUSB1', vendorId: '0403', productId: '6001', serialNumber: 'A10KXY'},
  {path: '/dev/ttyACM0', vendorId: '1A86', productId: '55D3', serialNumber: '5678'},
];
const usbOf = (query: string) => {
  const url = parseLinkUrl(`rtu://usb?${query}`);
  return url.kind === 'rtu' && url.usb ? url.usb : expect.fail('no adapter');
};

describe('which port', () => {
  test.each([
    ['vendor=0403&product=6001&serial=A10KXY', '/dev/ttyUSB1'],
    ['serial=A10KLM', '/dev/ttyUSB0'],
    ['vendor=1a86', '/dev/ttyACM0'],
    ['vendor=0x1A86&product=0x55d3&baud=19200', '/dev/ttyACM0'],
  ])('%s is %s', (query, path) => {
    expect(pickPort(PORTS, usbOf(query))).toEqual({path});
  });
  test('twins are not guessed between, and what is there is told', () => {
    expect(pickPort(PORTS, usbOf('vendor=0403'))).toEqual({reason: expect.stringMatching(/2 USB adapters.*A10KLM.*A10KXY.*add serial=/)});
    expect(pickPort(PORTS, usbOf('vendor=067b'))).toEqual({reason: expect.stringMatching(/no USB adapter vendor 067b.*ttyACM0/)});
    expect(pickPort([], usbOf('serial=1'))).toEqual({reason: 'no USB adapter serial 1 is plugged in'});
  });
  test.each([
    ['rtu://usb', 'expected vendor=, product= or serial='],
    ['rtu://usb?vendor=FTDI', 'four hexadecimal digits'],
    ['rtu://usb?vendor=0403&port=1', 'unknown parameter "port"'],
    ['rtu:///dev/ttyUSB0?vendor=0403', 'unknown parameter "vendor"'],
  ])('%s is refused', (text, message) => {
    expect(() => parseLinkUrl(text)).toThrow(message);
  });
});

test('an adapter that is not there is a fault with its name', async () => {
  const link = openLink('test', parseLinkUrl('rtu://usb?vendor=dead&product=beef'), {clock: realClock});
  afterTest(() => link.close());
  expect(await link.read(1, {fc: 3, at: 0, words: 1}, never)).toMatchObject({
    fault: {kind: 'disconnected', reason: expect.stringContaining('vendor dead, product beef')},
  });
});

test.skipIf(!haveSocat)(`pulled and plugged in elsewhere: found again under its new path${WITHOUT_SOCAT}`, async () => {
  const SERIAL = {baud: 9600, parity: 'none', stop: 1, data: 8} as const;
  let plugged: ListedPort[] = [];
  const plugIn = async (): Promise<{one: Cable; close(): Promise<void>}> => {
    const one = await cable(tempFolder());
    const server = await startSerialServer(one.a, SERIAL, new Map([[1, {read: (_fc, at, words) => new Array(words).fill(at)}]]));
    plugged = [{path: one.b, vendorId: '0403', productId: '6001', serialNumber: 'A10KLM'}];
    return {
      one,
      async close() {
        plugged = [];
        await one.pull();
        await server.close();
      },
    };
  };
  const wire = serialWire(usbOf('serial=A10KLM'), SERIAL, async () => plugged);
  const link = createQueue(createLineTransport(wire, rtu, {silenceMs: 4, afterTrouble: 'drain'}), {
    name: 'test',
    url: 'rtu://usb',
    clock: realClock,
    timeoutMs: 5000,
  });
  afterTest(() => link.close());
  const first = await plugIn();
  expect(await link.read(1, {fc: 3, at: 7, words: 1}, never)).toMatchObject({words: [7]});
  await first.close();
  expect(await link.read(1, {fc: 3, at: 7, words: 1}, never)).toMatchObject({kind: 'fault'});
  const second = await plugIn();
  afterTest(() => second.close());
  expect(second.one.b).not.toBe(first.one.b);
  await expect.poll(() => link.read(1, {fc: 3, at: 8, words: 1}, never), {interval: 50}).toMatchObject({words: [8]});
});
