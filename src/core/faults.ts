// A fault as a sentence for people.

import type {Fault} from './reading.ts';

export function describeFault(fault: Fault): string {
  switch (fault.kind) {
    case 'timeout':
      return fault.afterMs > 0 ? `no answer within ${fault.afterMs} ms` : 'no answer';
    case 'disconnected':
      return fault.reason;
    case 'refused':
      return `refused with exception ${fault.exception}${EXCEPTIONS[fault.exception] ? ` (${EXCEPTIONS[fault.exception]})` : ''}`;
    case 'bad_frame':
      return fault.reason;
    case 'absent':
      return 'the device has no such value';
    case 'implausible':
      return `${fault.value} is not plausible`;
    case 'asleep':
      return 'asleep';
  }
}

/** Source: Modbus Application Protocol V1.1b3, section 7. */
const EXCEPTIONS: Readonly<Record<number, string>> = {
  1: 'function',
  2: 'address',
  3: 'value',
  4: 'device failure',
  5: 'acknowledge',
  6: 'busy',
  8: 'memory parity',
  10: 'gateway path',
  11: 'gateway target silent',
};
