// The devices of a house, for somebody who knows an address at most: adapters that are plugged in, ports and speeds that are usual.

import {existsSync, readdirSync} from 'node:fs';
import {realClock} from '../../app/clock.ts';
import {AppError} from '../../core/errors.ts';
import {type LinkUrl, parseLinkUrl} from '../../core/linkurl.ts';
import type {Reading} from '../../core/reading.ts';
import type {Link} from '../../link/link.ts';
import {openLink} from '../../link/open.ts';
import {deviceByHand} from '../devices.ts';
import {type Discovered, deviceId, discover, USUAL_UNITS} from '../discover.ts';
import {type Dialog, type Question, wrong, yesNo} from './dialog.ts';
import type {FoundDevice} from './site-yaml.ts';

type Found = {readonly links: readonly {readonly name: string; readonly url: LinkUrl}[]; readonly devices: readonly FoundDevice[]};
type FindOptions = {
  /** Links that are known already; without any, they are asked for. */
  readonly links: readonly string[];
  readonly units: readonly number[] | null;
  /** Further folders of profiles. */
  readonly folders: readonly string[];
};

/** Ports on which inverters and gateways speak Modbus TCP, the standard's first. */
const PORTS = [502, 1502, 6607];
/** What a serial bus may run at, the commonest first. */
const SPEEDS = ['baud=9600', 'baud=19200', 'baud=9600&parity=even', 'baud=38400', 'baud=115200', 'baud=19200&parity=even', 'baud=2400'];
const SWEEP_MS = 15_000;
const SAY_EVERY_MS = 2000;

/** Serial ports of this machine, by the name that stays. `/dev/serial0` is the UART on the header of a Raspberry Pi. */
function serialPorts(): string[] {
  const folder = '/dev/serial/by-id';
  return [
    ...(existsSync(folder)
      ? readdirSync(folder)
          .sort()
          .map(name => `${folder}/${name}`)
      : []),
    ...['/dev/serial0'].filter(name => existsSync(name)),
  ];
}

export async function findDevices(dialog: Dialog, options: FindOptions): Promise<Found> {
  const links: {name: string; url: LinkUrl}[] = [];
  const devices: FoundDevice[] = [];
  const taken = new Set<string>();
  const add = async (candidates: readonly LinkUrl[]): Promise<void> => {
    const known = links.find(({url}) => candidates.some(one => one.text === url.text));
    if (known) return dialog.say(`  ${known.url.text} was looked at already`);
    const hit = await firstThatAnswers(candidates, dialog, options);
    if (!hit) return;
    const name = `bus${links.length + 1}`;
    links.push({name, url: hit.url});
    for (const one of hit.found) {
      const id = deviceId(one, taken);
      taken.add(id);
      devices.push(await lookAt(id, name, one, hit.url, dialog.signal));
    }
  };
  for (const text of options.links) await add([parseLinkUrl(text, 'link')]);
  if (options.links.length === 0) {
    const ports = serialPorts();
    if (ports.length > 0) dialog.say(`Serial ports here:\n${ports.map((port, index) => `  ${index + 1}  ${port}`).join('\n')}`);
    else dialog.say('No serial adapter is plugged in here; devices on the network can be named by their address.');
    for (;;) {
      const candidates = await dialog.ask(whereQuestion(ports, devices.length > 0));
      if (candidates === null) {
        if (devices.length > 0 || dialog.silent) break;
        const again = await dialog.ask(
          yesNo('No device was found yet, so there is nothing to write. Try another address', 'yes', 'no ends here; nothing is written'),
        );
        if (!again) break;
      } else await add(candidates);
    }
  }
  return {links, devices};
}

/** The links that an answer may mean, in the order to try; null for "done". */
const whereQuestion = (ports: readonly string[], some: boolean): Question<readonly LinkUrl[] | null> => ({
  text: some
    ? 'Where is another device? (empty: there is none)'
    : 'Where is a device? A host such as 192.168.1.40, or a number from the list',
  otherwise: '',
  help: `the address of the inverter, meter or gateway as the router or its display shows it${ports.length > 0 ? '; or the number of a serial port above' : ''}; or a whole link such as rtu:///dev/ttyUSB0?baud=9600. Each bus or host once, however many devices are on it`,
  read: answer => (answer === '' ? null : candidatesOf(answer, ports)),
});

/** A whole link is taken as it is; a port or a host is tried in the usual ways. Throws AppError. */
function candidatesOf(answer: string, ports: readonly string[]): readonly LinkUrl[] {
  const link = (text: string): LinkUrl => parseLinkUrl(text, 'link');
  if (answer.includes('://')) return [link(answer)];
  if (/^\d{1,2}$/.test(answer) && ports.length === 0) return wrong('there is no list of serial ports to choose from; give an address');
  const path = /^\d{1,2}$/.test(answer) ? (ports[Number(answer) - 1] ?? wrong(`there is no serial port ${answer} in the list`)) : answer;
  if (path.startsWith('/')) return SPEEDS.map(speed => link(`rtu://${path}?${speed}`));
  if (!/^[A-Za-z0-9._-]+(:\d+)?$/.test(path) && !/^\[[0-9a-fA-F:]+\](:\d+)?$/.test(path))
    return wrong(`"${answer}" is no host; an address such as 192.168.1.40 or inverter.local`);
  if (/:\d+$/.test(path)) return [link(`tcp://${path}`)];
  return [...PORTS.map(port => link(`tcp://${path}:${port}`)), link(`goodwe+udp://${path}`)];
}

async function firstThatAnswers(
  candidates: readonly LinkUrl[],
  dialog: Dialog,
  {units, folders}: FindOptions,
): Promise<{readonly url: LinkUrl; readonly found: readonly Discovered[]} | null> {
  let voice: LinkUrl | null = null;
  for (const [index, url] of candidates.entries()) {
    if (dialog.signal.aborted) break;
    if (index === 1 && 'serial' in url) {
      const more = yesNo(
        'Try other speeds as well',
        'yes',
        'devices leave the factory at 9600 baud, some at another speed; takes a minute',
      );
      if (!(await dialog.ask(more))) break;
    }
    dialog.say(`looking at ${url.text} …`);
    let lastMs = performance.now();
    try {
      // GoodWe's own protocol has one unit only, and a host without it answers nothing: once is enough.
      const usual = url.kind === 'goodwe+udp' ? [247] : USUAL_UNITS;
      const {found, unknown} = await discover(url, units ?? usual, folders, dialog.signal, (unit, at) => {
        if (performance.now() - lastMs < SAY_EVERY_MS) return;
        lastMs = performance.now();
        dialog.say(`  unit ${unit} (${at + 1} of ${(units ?? usual).length})`);
      });
      for (const one of found) dialog.say(`  unit ${one.unit}: ${titleOf(one)} (${one.profile.id}), because ${one.why.join('; ')}`);
      if (unknown.length > 0)
        dialog.say(`  unit ${unknown.join(', ')} answers, but no profile fits; \`wattledger capture\` records its registers`);
      if (found.length > 0) return {url, found};
      if (unknown.length > 0) voice = url;
      else dialog.say('  nobody answers');
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      dialog.say(`  ${error.what}`);
      // A port that cannot be opened opens at no other speed.
      if ('serial' in url) break;
    }
    if (voice) break;
  }
  if (!voice && !dialog.signal.aborted)
    dialog.say(
      'serial' in (candidates[0] as LinkUrl)
        ? '  Silence: swap the wires A and B, look for the unit id and the speed on the display of the device.'
        : '  Look for "Modbus TCP" in the settings of the device or its app; some must be told to switch it on.',
    );
  return null;
}

const titleOf = ({identity, profile}: Discovered): string =>
  [identity.manufacturer, identity.model].filter(Boolean).join(' ') || profile.name;

/** One sweep: what the device can really tell, and what it tells now. */
async function lookAt(id: string, link: string, one: Discovered, url: LinkUrl, signal: AbortSignal): Promise<FoundDevice> {
  const own = openLink(link, url, {clock: realClock});
  try {
    const readings = await sweepOf(id, one, own, url, signal);
    const [{manufacturer, model}, {unit, profile}] = [one.identity, one];
    return {id, link, url, unit, profile, model: [manufacturer, model].filter(Boolean).join(' '), readings};
  } finally {
    await own.close();
  }
}

async function sweepOf(
  id: string,
  {profile, unit}: Pick<FoundDevice, 'profile' | 'unit'>,
  link: Link,
  linkUrl: LinkUrl,
  signal: AbortSignal,
): Promise<readonly Reading[]> {
  const device = deviceByHand({id, profile, link, linkUrl, unit, units: {}, options: {}});
  return (await device.sweep(AbortSignal.any([signal, AbortSignal.timeout(SWEEP_MS)]))).readings;
}

/** The device again, as it reads now. */
export async function readAgain(device: FoundDevice, signal: AbortSignal): Promise<FoundDevice> {
  const link = openLink(device.link, device.url, {clock: realClock});
  try {
    const readings = await sweepOf(device.id, device, link, device.url, signal);
    return readings.length > 0 ? {...device, readings} : device;
  } finally {
    await link.close();
  }
}
