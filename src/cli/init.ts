// `wattledger init`: asks, finds devices, tries them, writes a configuration with comments. Never overwrites.

import {randomBytes} from 'node:crypto';
import {accessSync, constants, existsSync, readFileSync, statSync} from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import {parseConfig} from '../config/load.ts';
import {AppError} from '../core/errors.ts';
import {nearestZone} from '../core/nearest.ts';
import {makeFolder} from '../store/folder.ts';
import {type Command, type CommandContext, DEFAULT_CONFIG, flagOption, textOption} from './command.ts';
import {listOption} from './devices.ts';
import {unitList} from './discover.ts';
import {nearestFolder} from './findings.ts';
import {chooseBroker} from './init/broker.ts';
import {type Dialog, openDialog, type Question, silentDialog, wrong, yesNo} from './init/dialog.ts';
import {findDevices} from './init/find.ts';
import {chooseRoles, rolesOf} from './init/roles.ts';
import {offerStart, writePrivate} from './init/service.ts';
import {checkSigns} from './init/signs.ts';
import {siteYaml} from './init/site-yaml.ts';

const BROKER_FILE = 'mqtt-password';
const PAGE_FILE = 'page-password';
const SHORTEST_PASSWORD = 8;

export const command: Command = {
  name: 'init',
  summary: 'asks, finds devices, tries them, writes a configuration with comments',
  usage: '[-o FILE] [--link LINK …] [--role ID=ROLE …] [--mqtt URL] [--yes]',
  options: {
    output: {type: 'string', short: 'o'},
    link: {type: 'string', short: 'l', multiple: true},
    units: {type: 'string', short: 'u'},
    role: {type: 'string', multiple: true},
    mqtt: {type: 'string'},
    'mqtt-user': {type: 'string'},
    'mqtt-password-file': {type: 'string'},
    'page-password-file': {type: 'string'},
    name: {type: 'string'},
    timezone: {type: 'string'},
    profiles: {type: 'string', multiple: true},
    start: {type: 'boolean'},
    'no-start': {type: 'boolean'},
    yes: {type: 'boolean', short: 'y'},
  },
  help: `  -o FILE         where to write (default ${DEFAULT_CONFIG}); an existing file is never touched
  --link LINK     where devices are, once per bus or host; asked for if left out
  --units LIST    unit ids to try (default: those devices usually have)
  --role ID=ROLE  what a device measures: grid, solar, battery, hybrid, load, "grid and hybrid", "grid and solar" or none
  --mqtt URL      the broker, such as mqtt://homeassistant.local:1883; a login is tried
  --mqtt-user NAME, --mqtt-password-file FILE
                  the login there; the file is named in the configuration, never its content
  --page-password-file FILE
                  opens the page to other machines, with the password in the file
  --name NAME     the site's name
  --timezone ZONE the site's time zone (default: this machine's)
  --start, --no-start
                  starts the service, or does not ask
  --yes           asks nothing: the first meter is the grid's, every inverter is used, the live values are shown for you to compare

Only reads from devices. An empty answer takes what stands in brackets, ? explains, Ctrl-C ends without writing anything.
What it wrote can be changed by hand; \`wattledger check\` tells whether it still makes sense.`,

  async run(context) {
    const file = path.resolve(textOption(context, 'output') ?? DEFAULT_CONFIG);
    if (existsSync(file)) throw new AppError('FILE_EXISTS', file, 'there is a configuration already');
    requirePlace(file); // not only found out after all questions
    const links = listOption(context, 'link');
    const dialog = flagOption(context, 'yes') ? silentDialog(context.err, context.signal) : openDialog(context.signal);
    try {
      return await guide(context, dialog, file, links);
    } finally {
      dialog.close();
    }
  },
};

/** Throws AppError where this user could not write the file, or make its folder. */
function requirePlace(file: string): void {
  const folder = nearestFolder(path.dirname(file));
  const trouble = writeTrouble(folder);
  if (trouble !== null) throw new AppError('FILE_UNWRITABLE', file, `${folder} ${trouble}; name another place with -o FILE`);
}

function writeTrouble(folder: string): string | null {
  if (!statSync(folder).isDirectory()) return 'is no directory';
  try {
    accessSync(folder, constants.W_OK | constants.X_OK);
    return null;
  } catch {
    return 'cannot be written by this user';
  }
}

async function guide(context: CommandContext, dialog: Dialog, file: string, given: readonly string[]): Promise<number> {
  if (!dialog.silent)
    dialog.say('An empty answer takes what stands in brackets, ? explains, Ctrl-C ends without writing anything.\n\n1/5  The site');
  const name = textOption(context, 'name') ?? (await dialog.ask(NAME));
  const zone = zoneOf(textOption(context, 'timezone') ?? (await dialog.ask(ZONE)));

  dialog.say('\n2/5  The devices');
  const units = textOption(context, 'units');
  const {links, devices} = await findDevices(dialog, {
    links: given,
    units: units === undefined ? null : unitList(units),
    folders: listOption(context, 'profiles'),
  });
  if (dialog.signal.aborted) throw new AppError('FAILED', 'wattledger init', 'stopped; nothing was written');
  if (devices.length === 0) throw new AppError('DEVICE_SILENT', 'init', 'no device was found, so there is nothing to write');

  dialog.say('\n3/5  Who plays which part');
  const roles = await chooseRoles(dialog, devices, rolesOf(listOption(context, 'role'), devices));
  for (const device of devices) dialog.say(`  ${device.id}: ${roles.roles.get(device.id)}`);

  dialog.say('\n4/5  What they say right now');
  const signs = await checkSigns(dialog, devices, roles);

  dialog.say('\n5/5  Who gets the values');
  const folder = path.dirname(file);
  const brokerFile = fileOption(context, 'mqtt-password-file');
  const broker = await chooseBroker(dialog, {
    url: textOption(context, 'mqtt') ?? null,
    username: textOption(context, 'mqtt-user') ?? null,
    password: brokerFile === null ? null : secretIn(brokerFile),
  });
  const newFile = freeName(folder, BROKER_FILE);
  const page = await choosePage(dialog, folder, fileOption(context, 'page-password-file'));

  const text = siteYaml({
    name,
    zone,
    links,
    devices,
    ...roles,
    ...signs,
    broker: broker && {...broker, passwordFile: broker.password === null ? null : (brokerFile ?? newFile)},
    page: page && {passwordFile: page.file, hosts: [os.hostname(), `${os.hostname()}.local`]},
  });
  const secrets = [
    ...(broker?.password != null && brokerFile === null ? [{file: path.join(folder, newFile), text: broker.password}] : []),
    ...(page?.password != null ? [{file: path.join(folder, PAGE_FILE), text: page.password}] : []),
  ];
  if (!(await dialog.ask(yesNo(`Write ${file}`, 'yes', 'no ends here; nothing is written'))))
    throw new AppError('FAILED', 'wattledger init', 'stopped; nothing was written');
  makeFolder(folder);
  for (const secret of secrets) writePrivate(secret.file, `${secret.text}\n`);
  parseConfig(text, file); // what is written can be read
  writePrivate(file, text);
  context.out(`${file} is written.`);
  const start = flagOption(context, 'start') ? true : flagOption(context, 'no-start') ? false : null;
  const running = await offerStart(dialog, file, start);
  const address = `http://${page ? `${os.hostname()}.local` : '127.0.0.1'}:8080`;
  context.out(
    running
      ? `The service runs: ${address}, \`journalctl -u wattledger\`.`
      : `Next: \`wattledger check --config ${file} --online\`, then \`wattledger run --config ${file}\`; the page is ${address}.`,
  );
  return 0;
}

const NAME: Question<string> = {
  text: 'Name of the site',
  otherwise: 'Home',
  help: 'stands on the page and in Home Assistant',
  read: answer => answer,
};
const ZONE: Question<string> = {
  text: 'Time zone',
  otherwise: Intl.DateTimeFormat().resolvedOptions().timeZone,
  help: 'a day is a day of this zone: region and city, such as Europe/Berlin',
  read: answer => zoneOf(answer),
};

/** The zone's own name. Throws AppError USAGE. */
function zoneOf(answer: string): string {
  try {
    return new Intl.DateTimeFormat('en', {timeZone: answer}).resolvedOptions().timeZone;
  } catch {
    const near = nearestZone(answer);
    return wrong(`"${answer}" is no time zone${near ? `; did you mean ${near}?` : ', such as Europe/Berlin'}`);
  }
}

/** `password` is null where the file is there already. */
type ChosenPage = {readonly file: string; readonly password: string | null};

async function choosePage(dialog: Dialog, folder: string, passwordFile: string | null): Promise<ChosenPage | null> {
  if (passwordFile !== null) {
    secretIn(passwordFile);
    return {file: passwordFile, password: null};
  }
  const open = yesNo(
    'Open the page to the other machines in the house? It then asks for a password',
    'no',
    'no: only from this machine (http://127.0.0.1:8080). yes: from a phone or a laptop as well; a Pi without a screen needs this',
  );
  if (!(await dialog.ask(open))) return null;
  const password = await dialog.ask<string | null>({
    text: `Password of the page, ${SHORTEST_PASSWORD} characters or more (empty: one is made up)`,
    otherwise: '',
    help: 'is written to a file beside the configuration that only the service can read',
    hidden: true,
    read: answer => (answer === '' ? null : answer.length < SHORTEST_PASSWORD ? wrong('that is too short') : answer),
  });
  const file = freeName(folder, PAGE_FILE);
  if (password !== null) return {file, password};
  const made = randomBytes(9).toString('base64url');
  dialog.say(`  the password of the page is ${made}`);
  return {file, password: made};
}

/** What stands beside the configuration already is never touched. */
function freeName(folder: string, name: string): string {
  let free = name;
  for (let index = 2; existsSync(path.join(folder, free)); index++) free = `${name}-${index}`;
  return free;
}

function fileOption(context: CommandContext, name: string): string | null {
  const file = textOption(context, name);
  return file === undefined ? null : path.resolve(file);
}

/** Throws AppError SECRET_MISSING. */
function secretIn(file: string): string {
  try {
    return readFileSync(file, 'utf8').replace(/\r?\n$/, '');
  } catch (error) {
    throw new AppError('SECRET_MISSING', file, (error as Error).message, {cause: error});
  }
}
