// Which of the serial ports is the USB adapter that was meant. Pure: the list in, a path out.

import type {UsbAdapter} from '../core/linkurl.ts';
import {type Said, say} from '../core/sentences/say.ts';

/** What the system says of a serial port. */
export type ListedPort = {
  readonly path: string;
  readonly vendorId?: string | undefined;
  readonly productId?: string | undefined;
  readonly serialNumber?: string | undefined;
};

/** The one port that fits; a reason for people where there is none, or more than one: two meters must not change places. */
export function pickPort(ports: readonly ListedPort[], usb: UsbAdapter): {readonly path: string} | {readonly reason: Said} {
  const same = (wanted: string | null, has: string | undefined): boolean => wanted === null || wanted.toLowerCase() === has?.toLowerCase();
  const fitting = ports.filter(
    port => same(usb.vendor, port.vendorId) && same(usb.product, port.productId) && same(usb.serial, port.serialNumber),
  );
  const [first, ...more] = fitting;
  if (!first) return {reason: missing(describe(usb), others(ports))};
  if (more.length > 0)
    return {
      reason: say('{n} USB adapters are {adapter}: {those}; add serial=, or use the path', {
        n: fitting.length,
        adapter: describe(usb),
        those: fitting.map(tell).join(', '),
      }),
    };
  return {path: first.path};
}

const missing = (adapter: string, there: string): Said =>
  there === ''
    ? say('no USB adapter {adapter} is plugged in', {adapter})
    : say('no USB adapter {adapter} is plugged in; there is {others}', {adapter, others: there});

const describe = ({vendor, product, serial}: UsbAdapter): string =>
  [vendor && `vendor ${vendor}`, product && `product ${product}`, serial && `serial ${serial}`].filter(Boolean).join(', ');

const tell = ({path, vendorId, productId, serialNumber}: ListedPort): string =>
  `${path} (${[vendorId, productId].filter(Boolean).join(':')}${serialNumber ? `, serial ${serialNumber}` : ''})`;

function others(ports: readonly ListedPort[]): string {
  const adapters = ports.filter(port => port.vendorId !== undefined);
  return adapters.map(tell).join(', ');
}
