// A fault as a sentence for people.

import type {Fault} from './reading.ts';
import {quoted, type Said, type Sentence, say} from './sentences/say.ts';

export function describeFault(fault: Fault): Said {
  switch (fault.kind) {
    case 'timeout':
      return fault.afterMs > 0 ? say('no answer within {ms} ms', {ms: fault.afterMs}) : say('no answer');
    case 'disconnected':
      return quoted(fault.reason);
    case 'refused':
      return refusal(fault.exception);
    case 'bad_frame':
      return quoted(fault.reason);
    case 'absent':
      return say('the device has no such value');
    case 'implausible':
      return say('{value} is not plausible', {value: fault.value});
    case 'asleep':
      return say('asleep');
  }
}

function refusal(code: number): Said {
  const meaning = EXCEPTIONS[code];
  return meaning ? say('refused with exception {code} ({meaning})', {code, meaning}) : say('refused with exception {code}', {code});
}

/** Source: Modbus Application Protocol V1.1b3, section 7. */
const EXCEPTIONS: Readonly<Record<number, Sentence>> = {
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
