// `wattledger init`: asks, finds devices, tries them, writes a configuration with comments. Never overwrites.

import {existsSync, writeFileSync} from 'node:fs';
import path from 'node:path';
import {createInterface, type Interface} from 'node:readline/promises';
import {parseConfig} from '../config/load.ts';
import {AppError} from '../core/errors.ts';
import {type LinkUrl, parseLinkUrl} from '../core/linkurl.ts';
import {makeFolder} from '../store/folder.ts';
import {type Command, type CommandContext, flagOption, textOption} from './command.ts';
import {listOption} from './devices.ts';
import {type Discovered, deviceId, discover, USUAL_UNITS, unitList} from './discover.ts';
import {type FoundDevice, partsOf, type Role, rolesFor, siteYaml} from './site-yaml.ts';

const DEFAULT_FILE = '/etc/wattledger/wattledger.yaml';

export const command: Command = {
  name: 'init',
  summary: 'asks, finds devices, tries them, writes a configuration with comments',
  usage: '[-o FILE] [--link LINK …] [--units LIST] [--mqtt URL] [--yes]',
  options: {
    output: {type: 'string', short: 'o'},
    link: {type: 'string', short: 'l', multiple: true},
    units: {type: 'string', short: 'u'},
    mqtt: {type: 'string'},
    name: {type: 'string'},
    timezone: {type: 'string'},
    profiles: {type: 'string', multiple: true},
    yes: {type: 'boolean', short: 'y'},
  },
  help: `  -o FILE         where to write (default ${DEFAULT_FILE}); an existing file is never touched
  --link LINK     where devices are, once per bus or host; asked for if left out
  --units LIST    unit ids to try (default: those devices usually have)
  --mqtt URL      the broker, such as mqtt://homeassistant.local:1883
  --name NAME     the site's name
  --timezone ZONE the site's time zone (default: this machine's)
  --yes           asks nothing: the first meter is the grid's, every inverter is used

Only reads from devices. What it wrote can be changed by hand; \`wattledger check\` tells whether it still makes sense.`,

  async run(context) {
    const file = textOption(context, 'output') ?? DEFAULT_FILE;
    if (existsSync(file)) throw new AppError('FILE_EXISTS', file, 'there is a configuration already');
    const yes = flagOption(context, 'yes');
    const dialog = yes ? null : openDialog(context);
    const ask = async (question: string, otherwise: string): Promise<string> =>
      dialog ? (await dialog.question(`${question}${otherwise ? ` [${otherwise}]` : ''}: `)).trim() || otherwise : otherwise;
    try {
      const zone = textOption(context, 'timezone') ?? (await ask('Time zone', Intl.DateTimeFormat().resolvedOptions().timeZone));
      const name = textOption(context, 'name') ?? (await ask('Name of the site', 'Home'));
      const devices: FoundDevice[] = [];
      const taken = new Set<string>();
      const links: {name: string; url: LinkUrl}[] = [];
      const asked = listOption(context, 'link');
      for (let index = 0; ; index++) {
        const text =
          index < asked.length
            ? (asked[index] as string)
            : asked.length > 0 || !dialog
              ? ''
              : await ask(
                  index === 0
                    ? 'Address of the first device, such as 192.168.1.40 or rtu:///dev/ttyUSB0?baud=9600'
                    : 'Another one (empty: done)',
                  '',
                );
        if (text === '') break;
        const url = parseLinkUrl(/:\/\//.test(text) ? text : `tcp://${text}`, 'link');
        const link = `bus${links.length + 1}`;
        const found = await search(context, url);
        if (found === null) continue;
        links.push({name: link, url});
        for (const one of found) {
          const id = deviceId(one, taken);
          taken.add(id);
          devices.push({
            id,
            link,
            unit: one.unit,
            profile: one.profile,
            model: [one.identity.manufacturer, one.identity.model].filter(Boolean).join(' '),
          });
        }
      }
      if (devices.length === 0) throw new AppError('DEVICE_SILENT', 'init', 'no device was found, so there is nothing to write');
      const roles = await chooseRoles(devices, dialog ? ask : null, context);
      const mqtt = textOption(context, 'mqtt') ?? (await ask('MQTT broker, such as mqtt://homeassistant.local:1883 (empty: none)', ''));
      const text = siteYaml({name, zone, links, devices, roles, mqtt: mqtt || null});
      parseConfig(text, file); // what is written can be read
      write(file, text);
      context.out(`${file} is written. Next: \`wattledger check --config ${file} --online\`, then \`wattledger run --config ${file}\`.`);
      return 0;
    } finally {
      dialog?.close();
    }
  },
};

function openDialog(context: CommandContext): Interface {
  if (!process.stdin.isTTY && listOption(context, 'link').length === 0)
    throw new AppError('USAGE', 'wattledger init', 'there is no terminal to ask on; give --link LINK and --yes');
  const dialog = createInterface({input: process.stdin, output: process.stderr});
  context.signal.addEventListener('abort', () => dialog.close(), {once: true});
  return dialog;
}

/** The devices of one link; null where nothing answers, which is told. */
async function search(context: CommandContext, url: LinkUrl): Promise<readonly Discovered[] | null> {
  const text = textOption(context, 'units');
  context.err(`looking at ${url.text} …`);
  try {
    const {found, unknown} = await discover(
      url,
      text === undefined ? USUAL_UNITS : unitList(text),
      listOption(context, 'profiles'),
      context.signal,
      () => {},
    );
    for (const one of found)
      context.err(
        `  unit ${one.unit}: ${[one.identity.manufacturer, one.identity.model].filter(Boolean).join(' ') || one.profile.name} (${one.profile.id})`,
      );
    if (found.length > 0) return found;
    context.err(unknown.length > 0 ? `  unit ${unknown.join(', ')} answers, but no profile fits` : '  nobody answers');
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    context.err(`  ${error.what}`);
  }
  return null;
}

async function chooseRoles(
  devices: readonly FoundDevice[],
  ask: ((question: string, otherwise: string) => Promise<string>) | null,
  context: CommandContext,
): Promise<ReadonlyMap<string, Role>> {
  const roles = new Map<string, Role>();
  for (const device of devices) {
    const possible = rolesFor(device.profile).filter(role => role !== 'grid' || ![...roles.values()].includes('grid'));
    const [first = 'none'] = possible;
    let role = first;
    if (ask && possible.length > 1) {
      const answer = await ask(
        `${device.id} (${device.model || device.profile.name}; ${partsOf(device.profile).join(', ')}) is: ${possible.join(', ')} or none`,
        first,
      );
      role = [...possible, 'none' as const].find(one => one === answer) ?? first;
      if (role !== answer) context.err(`  "${answer}" is none of these; taken as ${role}`);
    }
    roles.set(device.id, role);
  }
  return roles;
}

function write(file: string, text: string): void {
  try {
    makeFolder(path.dirname(file));
    writeFileSync(file, text, {flag: 'wx', mode: 0o640});
  } catch (error) {
    const {code, message} = error as NodeJS.ErrnoException;
    throw code === 'EEXIST'
      ? new AppError('FILE_EXISTS', file, 'there is a configuration already', {cause: error})
      : new AppError('FILE_UNWRITABLE', file, message, {cause: error});
  }
}
