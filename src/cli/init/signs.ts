// Live values as sentences, so that somebody who looks at the house can tell whether a sign is right.

import {numberOf} from '../../core/reading.ts';
import {balanceOf, type Flow} from '../balance.ts';
import {type Dialog, type Question, wrong, yesNo} from './dialog.ts';
import {readAgain} from './find.ts';
import {type FoundDevice, partsOf, type Role, solarRef} from './site-yaml.ts';

type Signs = {readonly inverted: ReadonlyMap<string, readonly string[]>; readonly doubts: ReadonlyMap<string, string>};

type Kind = 'grid' | 'solar' | 'battery' | 'load';
/** One power that plays a part in the house. */
type Claim = {readonly device: string; readonly part: string; readonly kind: Kind; readonly name: string};

/** Below this a direction cannot be seen by a person, W. */
const LITTLE_W = 50;

/** What each device says now; what is said to be the other way round is kept as `inverted`. */
export async function checkSigns(
  dialog: Dialog,
  found: readonly FoundDevice[],
  {roles, loads}: {readonly roles: ReadonlyMap<string, Role>; readonly loads: ReadonlyMap<string, string>},
): Promise<Signs> {
  const devices = new Map<string, FoundDevice>();
  const inverted = new Map<string, string[]>();
  const doubts = new Map<string, string>();
  for (const device of found) devices.set(device.id, await readAgain(device, dialog.signal));
  const wattsOf = ({device, part}: Claim): number | null => {
    const own = devices.get(device) as FoundDevice;
    const told = (point: string): number | null => numberOf(own.readings.find(reading => reading.point === `${part}.${point}`)?.measured);
    const phases = [1, 2, 3].map(phase => told(`power_l${phase}_w`)).filter(watts => watts !== null);
    const watts = told('power_w') ?? (phases.length > 0 ? phases.reduce((sum, one) => sum + one, 0) : null);
    return watts !== null && inverted.get(device)?.includes(part) ? 0 - watts : watts;
  };
  const turn = ({device, part}: Claim): void => void inverted.set(device, [...(inverted.get(device) ?? []), part]);

  const claims = found.flatMap(device => claimsOf(device, roles.get(device.id) ?? 'none', loads));
  for (const claim of claims) {
    for (;;) {
      const watts = wattsOf(claim);
      if (watts === null || Math.abs(watts) < LITTLE_W) {
        const told = watts === null ? 'tells no power right now' : `reads ${Math.round(watts)} W, too little to tell a direction`;
        dialog.say(`${capital(claim.name)} ${told}.`);
        if (dialog.silent || !(await dialog.ask(yesNo('Read it again', 'no', AGAIN)))) break;
      } else if (dialog.silent) {
        dialog.say(`  ${statement(claim, watts)}`);
        break;
      } else {
        const answer = await dialog.ask(isItSo(question(claim, watts)));
        if (answer === 'yes' || answer === 'skip') break;
        if (answer === 'no') {
          if (await dialog.ask(yesNo(`Then the other way round: ${statement(claim, -watts)}`, 'yes', OTHER))) {
            turn(claim);
            dialog.say(`  noted: ${claim.device} gets \`invert: ${claim.part}\``);
          } else {
            doubts.set(
              claim.device,
              `${claim.part}.power_w read ${Math.round(watts)} W and was called wrong: compare with the device's display`,
            );
            dialog.say(`  noted as a comment. \`wattledger scan\` tells which other profiles fit ${claim.device}.`);
          }
          break;
        }
      }
      devices.set(claim.device, await readAgain(devices.get(claim.device) as FoundDevice, dialog.signal));
    }
  }
  await checkBalance(dialog, claims, wattsOf, turn);
  return {inverted, doubts};
}
const AGAIN = 'yes asks the device once more: switch something on, or wait for the sun';
const OTHER = 'a clamp or a meter can be mounted the wrong way round; yes turns the sign in the configuration, nothing in the device';

/** What is left for the house must not be negative; one sign that would explain it is named. */
async function checkBalance(
  dialog: Dialog,
  claims: readonly Claim[],
  wattsOf: (claim: Claim) => number | null,
  turn: (claim: Claim) => void,
): Promise<void> {
  const flows = claims.flatMap((claim): (Flow & {claim: Claim})[] => {
    const watts = wattsOf(claim);
    return watts === null ? [] : [{name: claim.name, watts: claim.kind === 'load' ? -watts : watts, claim}];
  });
  if (flows.length < claims.length) return;
  const {homeW, suspects} = balanceOf(flows);
  if (homeW > -LITTLE_W) return dialog.say(`That leaves ${kilowatts(homeW)} for the rest of the house.`);
  dialog.say(`More leaves the house than comes in, by ${kilowatts(-homeW)}: a sign is wrong, or a generator is not measured.`);
  for (const suspect of suspects) {
    const {claim} = flows.find(flow => flow.name === suspect) as (typeof flows)[number];
    const turned = `It would add up with ${suspect} turned around: ${statement(claim, -(wattsOf(claim) as number))}. Is that so`;
    if (!dialog.silent && (await dialog.ask(yesNo(turned, 'no', OTHER)))) {
      turn(claim);
      return dialog.say(`  noted: ${claim.device} gets \`invert: ${claim.part}\``);
    }
    if (dialog.silent) dialog.say(`  it would add up with ${suspect} turned around (\`invert: ${claim.part}\` at ${claim.device})`);
  }
}

function claimsOf(device: FoundDevice, role: Role, loads: ReadonlyMap<string, string>): Claim[] {
  const claim = (kind: Kind, part: string, name: string): Claim => ({device: device.id, part, kind, name});
  const parts = partsOf(device);
  const grid = role.startsWith('grid') ? [claim('grid', parts.includes('grid') ? 'grid' : 'meter', 'the grid meter')] : [];
  switch (role) {
    case 'none':
      return [];
    case 'grid':
      return grid;
    case 'hybrid':
    case 'grid and hybrid':
      return [...grid, claim('solar', 'pv', `the sun on ${device.id}`), claim('battery', 'battery', `the battery of ${device.id}`)];
    case 'solar':
    case 'grid and solar':
      return [...grid, claim('solar', solarRef(device).split('.')[1] ?? 'meter', `the sun on ${device.id}`)];
    case 'battery':
      return [claim('battery', 'battery', `the battery of ${device.id}`)];
    case 'load':
      return [claim('load', parts.includes('load') ? 'load' : 'meter', loads.get(device.id) ?? device.id)];
  }
}

/** `watts` as its owner would say it: who, and what it does. */
function spoken({kind, name}: Claim, watts: number): readonly [subject: string, does: string] {
  const much = kilowatts(Math.abs(watts));
  switch (kind) {
    case 'grid':
      return ['the house', `${watts > 0 ? 'buying' : 'selling'} ${much}`];
    case 'solar':
      return watts > 0 ? ['the sun', `making ${much}`] : ['the solar inverter', `taking ${much}, as if the sun took power`];
    case 'battery':
      return [name, watts > 0 ? `giving ${much}` : `being charged with ${much}`];
    case 'load':
      return [name, watts > 0 ? `drawing ${much}` : `giving ${much} back`];
  }
}
const question = (claim: Claim, watts: number): string => `Is ${spoken(claim, watts).join(' ')} right now`;
const statement = (claim: Claim, watts: number): string => spoken(claim, watts).join(' is ');
const capital = (text: string): string => `${text[0]?.toUpperCase()}${text.slice(1)}`;

const kilowatts = (watts: number): string => (Math.abs(watts) < 1000 ? `${Math.round(watts)} W` : `${(watts / 1000).toFixed(1)} kW`);

const isItSo = (text: string): Question<'yes' | 'no' | 'again' | 'skip'> => ({
  text: `${text}? (yes, no, again, skip)`,
  otherwise: 'yes',
  help: 'look at the display of the device or its app. no: another direction or another number; again: reads once more; skip: cannot be told now',
  read: answer =>
    (['yes', 'no', 'again', 'skip'] as const).find(word => word === answer.toLowerCase() || word[0] === answer.toLowerCase()) ??
    wrong(`"${answer}" is none of yes, no, again, skip`),
});
