// What decides for good, such as the probe of a variant, is not left to one lost request.

import type {Fault} from '../core/reading.ts';
import type {Reader} from './prepare.ts';

/** The exceptions that are about the request; the others may pass, such as that of a busy device. */
const ABOUT_THE_REQUEST = 3;
const saysNo = (fault: Fault): boolean => fault.kind === 'refused' && fault.exception <= ABOUT_THE_REQUEST;

type Patient = {
  readonly read: Reader;
  /** Why the device is not there any more; nothing that was read after that counts. */
  gone(): Fault | null;
};

/**
 * Asks for each range once. Where a request is lost, `knock` tells whether the device is still there; if so, the request is made
 * once more: a register that stays silent beside others that answer does not exist.
 */
export function patient(read: Reader, knock: () => Promise<Fault | null>): Patient {
  const answers = new Map<string, ReturnType<Reader>>();
  let gone: Fault | null = null;

  async function ask(...range: Parameters<Reader>): ReturnType<Reader> {
    if (gone) return {kind: 'fault', fault: gone};
    const answer = await read(...range);
    if (answer.kind === 'words' || saysNo(answer.fault)) return answer;
    gone = await knock();
    return gone ? answer : read(...range);
  }

  return {
    read: (...range) => {
      const key = range.join(' ');
      const answer = answers.get(key) ?? ask(...range);
      answers.set(key, answer);
      return answer;
    },
    gone: () => gone,
  };
}
