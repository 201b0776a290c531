// Which device plays which part in the house.

import {AppError} from '../../core/errors.ts';
import {nearest} from '../../core/nearest.ts';
import {choice, type Dialog, wrong, yesNo} from './dialog.ts';
import {type FoundDevice, partsOf, type Role, rolesFor} from './site-yaml.ts';

type Roles = {readonly roles: ReadonlyMap<string, Role>; readonly loads: ReadonlyMap<string, string>};

const MEANS: Readonly<Record<Role, string>> = {
  grid: 'the meter at the utility connection: all that is bought and sold',
  load: 'a single consumer, such as a heat pump',
  solar: 'what the sun makes',
  hybrid: 'solar and battery behind one inverter',
  'grid and hybrid': 'solar and battery, and it knows the meter at the utility connection as well',
  battery: 'a battery with an inverter of its own',
  'grid and solar': 'what the sun makes, and it knows the meter at the utility connection as well',
  none: 'not used',
};
const HELP =
  'one device must be the meter at the utility connection. A meter that belongs to an inverter is read through that inverter: "grid and …"';
const isGrid = (role: Role): boolean => role.startsWith('grid');

/** `fixed` are the roles that options name, by device. Throws AppError where no meter is left for the utility connection. */
export async function chooseRoles(dialog: Dialog, devices: readonly FoundDevice[], fixed: ReadonlyMap<string, Role>): Promise<Roles> {
  for (;;) {
    const roles = new Map<string, Role>(fixed);
    const loads = new Map<string, string>();
    for (const device of devices) {
      const parts = partsOf(device);
      const free = rolesFor(parts).filter(role => !isGrid(role) || ![...roles.values()].some(isGrid));
      const possible: readonly Role[] = [...free, 'none'];
      const role =
        fixed.get(device.id) ??
        (await dialog.ask(
          choice(
            `What does ${device.id} measure? It is a ${device.model || device.profile.name}, and tells of ${parts.join(', ') || 'no power'}.`,
            possible.map(word => ({word, means: MEANS[word]})),
            possible[0] as Role,
            HELP,
          ),
        ));
      roles.set(device.id, role);
      if (role === 'load') loads.set(device.id, await consumerName(dialog, device, new Set(loads.values())));
    }
    if ([...roles.values()].some(isGrid)) return {roles, loads};
    const none =
      'none of these is the meter at the utility connection, and without one nothing can be told of import and export; often the inverter knows it (an energy meter connected to it), or a meter has to be added';
    if (dialog.silent) throw new AppError('SITE_INCONSISTENT', 'init', none);
    dialog.say(none);
    if (!(await dialog.ask(yesNo('Go through them again', 'yes', 'no ends here; nothing is written'))))
      throw new AppError('SITE_INCONSISTENT', 'init', 'without a meter at the utility connection; nothing was written');
  }
}

/** Words that are rows or columns of the house already. */
const TAKEN = ['solar', 'wind', 'generator', 'battery', 'grid', 'home', 'standby', 'loss', 'hybrid', 'unexplained', 'unknown', 'direct'];
const PART_WORDS = ['meter', 'load', 'pv', 'inverter'];

const consumerName = (dialog: Dialog, device: FoundDevice, used: ReadonlySet<string>): Promise<string> =>
  dialog.ask({
    text: 'What is it, in a word, such as heat_pump or wallbox',
    otherwise: device.id,
    help: 'the consumer gets a name of its own in every figure: solar_to_heat_pump',
    read(answer) {
      const id = answer
        .toLowerCase()
        .replace(/[^a-z0-9]+/g, '_')
        .replace(/^_+|_+$/g, '');
      if (id === '') return wrong(`"${answer}" has no letter from a to z`);
      if (TAKEN.includes(id) || PART_WORDS.includes(id) || used.has(id)) return wrong(`"${id}" is taken; another word`);
      return id;
    },
  });

/** `--role ID=ROLE` for these devices. Throws AppError USAGE. */
export function rolesOf(texts: readonly string[], devices: readonly FoundDevice[]): ReadonlyMap<string, Role> {
  const ids = devices.map(device => device.id);
  return new Map(
    texts.map(text => {
      const [id = '', role = ''] = text.split('=').map(one => one.trim());
      const device = devices.find(one => one.id === id);
      if (!device) {
        const near = nearest(id, ids);
        throw new AppError('USAGE', '--role', `no device "${id}"${near ? `; did you mean "${near}"?` : ''}; found were ${ids.join(', ')}`);
      }
      const possible: readonly Role[] = [...rolesFor(partsOf(device)), 'none'];
      const known = possible.find(one => one === role);
      if (!known) throw new AppError('USAGE', '--role', `${id} cannot be "${role}"; it can be ${possible.join(', ')}`);
      return [id, known] as const;
    }),
  );
}
