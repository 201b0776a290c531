// What speaks against a profile: a device that answers, but not as `identify` expects.

import {decode} from '../core/codec.ts';
import type {DeviceProfile, IdentifyRule} from '../core/profile.ts';
import {type Said, say} from '../core/sentences/say.ts';
import type {Reader} from './prepare.ts';

type Saw = {readonly rule: IdentifyRule; readonly value: number | string; readonly holds: boolean};

/**
 * A sentence for each register that says something else than the profile expects; none where the device may well be the one.
 * What is refused, silent or "not available" says nothing: firmware may lack a register. A zero or an empty text says little, such as a
 * frequency in a power cut: it counts where nothing else speaks for the profile, and never on a device that may be asleep.
 */
export async function speaksAgainst(profile: DeviceProfile, read: Reader): Promise<readonly Said[]> {
  const saw: Saw[] = [];
  for (const rule of profile.identify) {
    const {field} = rule;
    const answer = await read(null, field.fc, field.at, field.words);
    if (answer.kind === 'fault') {
      if (answer.fault.kind !== 'refused') break;
      continue;
    }
    const decoded = decode(field, address => answer.words[address - field.at]);
    if (decoded.kind !== 'absent') saw.push({rule, value: decoded.value, holds: fits(rule, decoded.value)});
  }
  const wrong = saw.filter(({holds}) => !holds);
  const clear = wrong.filter(({value}) => value !== 0 && value !== '');
  const nothingFits = profile.night === 'answers' && wrong.length === saw.length;
  return (nothingFits ? wrong : clear).map(({rule, value}) =>
    say('register {at} says {value}, which is not what a {name} tells there', {
      at: rule.field.at,
      value: typeof value === 'string' ? `"${value}"` : value,
      name: profile.name,
    }),
  );
}

export function fits(rule: IdentifyRule, value: number | string): boolean {
  switch (rule.kind) {
    case 'equals':
      return rule.values.includes(value);
    case 'between':
      return typeof value === 'number' && value >= rule.min && value <= rule.max;
    case 'matches':
      return new RegExp(rule.pattern).test(String(value));
  }
}
