// Writes docs/devices.md and one page a profile, docs/devices/ID.md: `node tools/device-pages.ts`. A test keeps them current.

import {mkdirSync, readdirSync, rmSync, writeFileSync} from 'node:fs';
import path from 'node:path';
import {registersText, remarks, variantText} from '../src/cli/profile-text.ts';
import {listProfiles, loadProfile} from '../src/config/profiles.ts';
import {sunspecModels} from '../src/config/sunspec.ts';
import type {DeviceProfile} from '../src/core/profile.ts';

/** Pages by file name, from the root of the repository. */
export function devicePages(): ReadonlyMap<string, string> {
  const profiles = listProfiles().map(({id}) => loadProfile(id));
  return new Map([
    ['docs/devices.md', overview(profiles)],
    ...profiles.map(profile => [`docs/devices/${profile.id}.md`, page(profile)] as const),
  ]);
}

function overview(profiles: readonly DeviceProfile[]): string {
  const rows = profiles.map(profile => {
    const {id, name, night, defaults} = profile;
    return `| [\`${id}\`](devices/${id}.md) | ${name} | ${partsOf(profile)} | ${defaults.unit} | ${portOf(profile)} | ${night === 'answers' ? '' : 'may sleep'} |`;
  });
  return `# Devices

${profiles.length} profiles, each with a page: how Modbus is switched on, what the device tells, with which sign, its limits and quirks, and the documents
it was made from. \`wattledger profiles ID\` shows the same in a terminal; [profiles.md](profiles.md) tells how to write another.
A device that speaks SunSpec needs no profile of its own: \`sunspec\` asks it.

| id | device | parts | usual unit | port | at night |
| --- | --- | --- | --- | --- | --- |
${rows.join('\n')}
`;
}

const partsOf = ({driver, points}: DeviceProfile): string =>
  driver === 'sunspec' ? 'what its model list says' : [...new Set(points.map(point => point.name.split('.')[0]))].join(', ');
const portOf = ({defaults: {port, baud}}: DeviceProfile): string => `${port}${baud === null ? '' : `, ${baud} baud`}`;

function page(profile: DeviceProfile): string {
  const {id, name, setup, notes, source} = profile;
  const sections: readonly (readonly [string, readonly string[]])[] = [
    ['Switching Modbus on', list(setup)],
    ['In the configuration', configuration(profile)],
    ['Connection and limits', connection(profile)],
    ['What it tells', points(profile)],
    ['Variants', list(profile.variants.map(variant => variantText(variant, text => `\`${text}\``)))],
    ['Good to know', list(notes)],
    ['Made from', list(source)],
  ];
  const body = sections.filter(([, lines]) => lines.length > 0).map(([title, lines]) => `## ${title}\n\n${lines.join('\n')}\n`);
  return `# ${name}

Profile \`${id}\`. This page is made from it; [all devices](../devices.md), [what the numbers mean](../numbers.md).

${body.join('\n')}`;
}

/** Where a Solarman stick listens. */
const STICK_PORT = 8899;

const list = (texts: readonly string[]): string[] => texts.map(text => `- ${text}`);

function configuration({id, units, options, defaults}: DeviceProfile): string[] {
  const further = Object.entries(units).map(([key, unit]) => `${key}: ${unit.default}`);
  const chosen = Object.entries(options).map(([key, option]) => `${key}: ${JSON.stringify(option.default)}`);
  const entry = [
    `profile: ${id}`,
    'link: bus',
    `unit: ${defaults.unit}`,
    ...(further.length > 0 ? [`units: {${further.join(', ')}}`] : []),
    ...(chosen.length > 0 ? [`options: {${chosen.join(', ')}}`] : []),
  ];
  const url =
    defaults.baud !== null && defaults.port === 502 && Object.keys(units).length === 0
      ? [`  # on a serial bus: rtu:///dev/serial/by-id/ADAPTER?baud=${defaults.baud}&parity=${defaults.parity}`]
      : [];
  return [
    '```yaml',
    'links:',
    ...url,
    `  bus: {url: "${defaults.port === STICK_PORT ? 'solarman+tcp://192.168.1.40?serial=LOGGER' : `tcp://192.168.1.40:${defaults.port}`}"}`,
    'devices:',
    `  device: {${entry.join(', ')}}`,
    '```',
    ...Object.entries(units).map(([key, unit]) => `- \`units.${key}\`: ${unit.label || key}, usually ${unit.default}`),
    ...Object.entries(options).map(
      ([key, option]) =>
        `- \`options.${key}\`: ${option.label || key}; ${option.values.map(value => `\`${value}\``).join(', ')}, usually \`${option.default}\``,
    ),
  ];
}

function connection({limits, timing, defaults, night, side, energyNetting, identity, identify}: DeviceProfile): string[] {
  const sides = Object.entries(side).map(([part, where]) => `${part} ${where === 'ac' ? 'AC' : 'DC'}`);
  return list([
    `unit id ${defaults.unit}, TCP port ${defaults.port}${defaults.baud === null ? '' : `; serial ${defaults.baud} baud, parity ${defaults.parity}`}`,
    `at most ${limits.maxRegisters} registers a request, reading over up to ${limits.maxGap} that are not wanted`,
    ...(limits.forbidden.length > 0 ? [`never touched: ${limits.forbidden.map(([from, to]) => `${from} to ${to}`).join(', ')}`] : []),
    ...(limits.single.length > 0 ? [`read alone: ${limits.single.join(', ')}`] : []),
    [
      `an answer is waited for ${timing.timeoutMs} ms`,
      ...(timing.minGapMs > 0 ? [`${timing.minGapMs} ms between requests`] : []),
      ...(timing.unitPauseMs > 0 ? [`${timing.unitPauseMs} ms when the unit changes`] : []),
      ...(timing.connectDelayMs > 0 ? [`${timing.connectDelayMs} ms after connecting`] : []),
    ].join(', '),
    {
      answers: 'answers all night',
      silent: 'may not answer in the dark: that is sleep, no fault',
      'silent-pv-zero': 'may tell no power in the dark: that is sleep, no fault',
    }[night],
    ...(sides.length > 0 ? [`powers are measured on the side: ${sides.join(', ')}`] : []),
    `its energies over three phases are ${{net: 'netted', 'per-phase': 'added up phase by phase', unknown: 'netted or not, that is not known'}[energyNetting]}`,
    ...(Object.keys(identity).length > 0 ? [`it tells its ${Object.keys(identity).join(', ')}`] : []),
    ...(identify.length > 0
      ? [`\`scan\` knows it by register${identify.length > 1 ? 's' : ''} ${[...new Set(identify.map(({field}) => field.at))].join(', ')}`]
      : []),
  ]);
}

function points(profile: DeviceProfile): string[] {
  if (profile.driver === 'sunspec')
    return [
      'What its own model list offers. The models that are known:',
      '',
      ...[...sunspecModels()].map(([id, model]) => `- ${id} ${model.name}`),
    ];
  return [
    'Positive is power into the house: import, discharge and production are +. "Turned" is where the device counts the other way.',
    '',
    '| point | registers | read | sign and range |',
    '| --- | --- | --- | --- |',
    ...profile.points.map(
      point =>
        `| \`${point.name}\` | ${registersText(point.source)} | ${{fast: 'each poll', slow: 'slowly', once: 'once'}[point.every]} | ${remarks(point)} |`,
    ),
  ];
}

if (process.argv[1]?.endsWith('device-pages.ts')) {
  const pages = devicePages();
  mkdirSync('docs/devices', {recursive: true});
  for (const file of readdirSync('docs/devices')) if (!pages.has(`docs/devices/${file}`)) rmSync(path.join('docs/devices', file));
  for (const [file, text] of pages) writeFileSync(file, text);
}
