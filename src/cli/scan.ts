// `wattledger scan`: what answers on a bus or a host, which profile fits and why, and the YAML to paste.

import {AppError} from '../core/errors.ts';
import {type LinkUrl, parseLinkUrl} from '../core/linkurl.ts';
import {type Command, flagOption, textOption} from './command.ts';
import {listOption, requireText} from './devices.ts';
import {type Discovered, type Discovery, deviceId, discover, USUAL_UNITS, unitList} from './discover.ts';

export const command: Command = {
  name: 'scan',
  summary: 'what answers there, which profile fits and why, and the YAML to paste',
  usage: '--link LINK [--units 1-247] [--bauds LIST] [--json]',
  options: {
    link: {type: 'string', short: 'l'},
    units: {type: 'string', short: 'u'},
    bauds: {type: 'string'},
    profiles: {type: 'string', multiple: true},
    json: {type: 'boolean'},
  },
  help: `  --link LINK      tcp://HOST[:502], rtu:///dev/serial/by-id/NAME?baud=9600, …
  --units LIST     unit ids to try, such as 1-247 or 1,3,71 (default: those devices usually have)
  --bauds LIST     on a serial bus: baud rates to try one after the other, such as 9600,19200,38400; \`all\` tries all
                   common ones, each without parity and with even parity
  --profiles DIR   a further folder of profiles
  --json           as JSON

Only reads. A SunSpec device tells what it is; others are known by their identity registers or by values that make sense.
A gateway that answers for one device under several unit ids is listed once: known by its serial number, else by its counters or values. Exit code 1 where nothing answers.`,

  async run(context) {
    const text = requireText(context, 'link', 'tcp://HOST:502');
    const units = textOption(context, 'units') === undefined ? USUAL_UNITS : unitList(textOption(context, 'units') as string);
    const json = flagOption(context, 'json');
    const urls = linksToTry(text, textOption(context, 'bauds'));
    let url = urls[0] as LinkUrl;
    let result: Discovery = {found: [], unknown: []};
    for (const one of urls) {
      url = one;
      let lastLine = 0;
      result = await discover(one, units, listOption(context, 'profiles'), context.signal, (unit, index) => {
        const now = performance.now();
        if (now - lastLine < 1000 && index > 0) return;
        lastLine = now;
        context.err(`${urls.length > 1 ? `${one.text} ` : ''}unit ${unit} (${index + 1} of ${units.length})`);
      });
      if (context.signal.aborted || result.found.length > 0 || result.unknown.length > 0) break;
    }
    const taken = new Set<string>();
    const named = result.found.map(found => {
      const id = deviceId(found, taken);
      taken.add(id);
      return {id, found};
    });
    if (json)
      context.out(
        JSON.stringify(
          {
            schema: 1,
            link: url.text,
            devices: named.map(({id, found}) => document(id, found)),
            unknown_units: result.unknown,
            yaml: named.length === 0 ? '' : yamlOf(url, named),
          },
          null,
          2,
        ),
      );
    else {
      for (const {found} of named) for (const line of lines(found)) context.out(line);
      if (result.unknown.length > 0)
        context.out(`unit ${result.unknown.join(', ')}: answers, but no profile fits; \`wattledger capture\` records its registers`);
      if (named.length > 0) context.out(`\nFor the configuration:\n\n${yamlOf(url, named)}`);
    }
    if (context.signal.aborted) throw new AppError('FAILED', url.text, 'stopped before the end');
    if (named.length === 0 && result.unknown.length === 0)
      throw new AppError(
        'DEVICE_SILENT',
        url.text,
        `nobody answers at unit ${units.length > 12 ? `${units[0]} to ${units.at(-1)}` : units.join(', ')}`,
      );
    return 0;
  },
};

/** The commonest first. */
const COMMON_BAUDS = ['9600', '19200', '115200', '38400', '57600', '4800', '2400', '1200'];

function linksToTry(text: string, bauds: string | undefined): LinkUrl[] {
  const url = parseLinkUrl(text, '--link');
  if (bauds === undefined) return [url];
  // Behind a gateway the speed is the gateway's business.
  if (url.kind !== 'rtu' && url.kind !== 'ascii') throw new AppError('USAGE', '--bauds', 'baud rates belong to a serial bus');
  const [base = '', query = ''] = text.split('?');
  const speeds = bauds === 'all' ? COMMON_BAUDS.flatMap(baud => [{baud}, {baud, parity: 'even'}]) : bauds.split(',').map(baud => ({baud}));
  return speeds.map(speed => {
    const parameters = new URLSearchParams(query);
    for (const [key, value] of Object.entries(speed)) parameters.set(key, value.trim());
    return parseLinkUrl(`${base}?${parameters}`, '--bauds');
  });
}

type Named = {readonly id: string; readonly found: Discovered};

const document = (id: string, {unit, twins, profile, identity, why, also}: Discovered): unknown => ({
  id,
  unit,
  also_units: twins,
  profile: profile.id,
  name: profile.name,
  manufacturer: identity.manufacturer,
  model: identity.model,
  serial: identity.serial,
  firmware: identity.firmware,
  why,
  also_fits: also,
});

function lines({unit, twins, profile, identity, why, also}: Discovered): string[] {
  const {manufacturer, model, serial} = identity;
  return [
    `unit ${[unit, ...twins].join(', ')}: ${[manufacturer, model].filter(Boolean).join(' ') || profile.name}${serial ? `, serial ${serial}` : ''}`,
    `  profile ${profile.id} (${profile.name}): ${why.join('; ')}`,
    ...(also.length > 0 ? [`  ${also.join(', ')} would fit as well; compare with \`wattledger read\``] : []),
  ];
}

/** Lines for `links:` and `devices:`. */
function yamlOf(url: LinkUrl, named: readonly Named[]): string {
  return [
    'links:',
    `  bus: {url: "${url.text}"}`,
    'devices:',
    ...named.map(({id, found}) => `  ${id}: {profile: ${found.profile.id}, link: bus, unit: ${found.unit}}`),
  ].join('\n');
}
