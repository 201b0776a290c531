// `wattledger profiles`: the devices supported, and what is known of one.

import {listProfiles, loadProfile} from '../config/profiles.ts';
import {AppError} from '../core/errors.ts';
import {fieldsOf} from '../core/planner.ts';
import type {DeviceProfile, Field} from '../core/profile.ts';
import {type Command, flagOption} from './command.ts';
import {listOption} from './devices.ts';
import {registersText, remarks, variantText} from './profile-text.ts';

export const command: Command = {
  name: 'profiles',
  summary: 'the devices supported; for one, its points, limits, sources and known quirks',
  usage: '[ID] [--json]',
  options: {json: {type: 'boolean'}, profiles: {type: 'string', multiple: true}},
  allowPositionals: true,
  help: `  ID               one profile
  --profiles DIR   a further folder of profiles
  --json           as JSON`,

  async run(context) {
    const folders = listOption(context, 'profiles');
    const [id, ...more] = context.positionals;
    if (more.length > 0) throw new AppError('USAGE', 'wattledger profiles', `expected one ID, found ${context.positionals.join(' ')}`);
    if (id === undefined) {
      const all = listProfiles(folders).map(entry => loadProfile(entry.id, folders));
      if (flagOption(context, 'json')) {
        context.out(
          JSON.stringify(
            {
              schema: 1,
              profiles: all.map(({id, name, manufacturer}) => ({id, name, manufacturer, parts: partsOf(loadProfile(id, folders))})),
            },
            null,
            2,
          ),
        );
        return 0;
      }
      const width = Math.max(...all.map(profile => profile.id.length));
      for (const profile of all)
        context.out(`${profile.id.padEnd(width)}  ${profile.name}  [${partsOf(profile).join(', ') || 'by its own model list'}]`);
      return 0;
    }
    const profile = loadProfile(id, folders);
    if (flagOption(context, 'json')) context.out(JSON.stringify(asJson(profile), null, 2));
    else for (const line of lines(profile)) context.out(line);
    return 0;
  },
};

const partsOf = (profile: DeviceProfile): string[] => [...new Set(profile.points.map(point => point.name.split('.')[0] ?? ''))];

function asJson(profile: DeviceProfile): unknown {
  return {
    schema: 1,
    id: profile.id,
    name: profile.name,
    manufacturer: profile.manufacturer,
    driver: profile.driver,
    source: profile.source,
    setup: profile.setup,
    notes: profile.notes,
    connection: profile.defaults,
    limits: {
      max_registers: profile.limits.maxRegisters,
      max_gap: profile.limits.maxGap,
      barriers: profile.limits.barriers,
      forbidden: profile.limits.forbidden,
      single: profile.limits.single,
    },
    timing: {
      connect_delay_ms: profile.timing.connectDelayMs,
      min_gap_ms: profile.timing.minGapMs,
      unit_pause_ms: profile.timing.unitPauseMs,
      timeout_ms: profile.timing.timeoutMs,
    },
    night: profile.night,
    side: profile.side,
    energy_netting: profile.energyNetting,
    units: profile.units,
    options: profile.options,
    points: profile.points.map(point => ({
      name: point.name,
      class: point.every,
      form: point.source.kind,
      registers: fieldsOf(point.source).map(fieldJson),
      ...(point.between ? {between: point.between} : {}),
      ...(point.note ? {note: point.note} : {}),
    })),
    variants: profile.variants.map(variant => ({
      name: variant.name,
      points: variant.points.map(point => point.name),
      without: variant.without,
    })),
  };
}

const fieldJson = (field: Field): unknown => ({
  fc: field.fc,
  at: field.at,
  words: field.words,
  type: field.type,
  ...(field.wordsAt ? {words_at: field.wordsAt} : {}),
  ...(field.wordOrder === 'low-first' && field.words > 1 && field.type !== 'text' ? {word_order: field.wordOrder} : {}),
  ...(field.scale.kind === 'exponentAt' ? {exponent_at: field.scale.at} : field.scale.by === 1 ? {} : {scale: field.scale.by}),
  ...(field.offset === 0 ? {} : {offset: field.offset}),
  ...(field.invert ? {invert: true} : {}),
});

function lines(profile: DeviceProfile): string[] {
  const {limits, timing, defaults} = profile;
  const width = Math.max(0, ...profile.points.map(point => point.name.length));
  const serial = defaults.baud === null ? '' : `, serial ${defaults.baud} baud, parity ${defaults.parity}`;
  return [
    `${profile.id}: ${profile.name}`,
    '',
    `unit ${defaults.unit}, TCP port ${defaults.port}${serial}`,
    `at most ${limits.maxRegisters} registers a request, gaps up to ${limits.maxGap}${timing.minGapMs ? `, ${timing.minGapMs} ms between requests` : ''}${timing.unitPauseMs ? `, ${timing.unitPauseMs} ms on a change of unit` : ''}`,
    ...Object.entries(profile.units).map(([key, unit]) => `unit.${key}: ${unit.label || key} (default ${unit.default})`),
    ...Object.entries(profile.options).map(
      ([key, option]) =>
        `option ${key}: ${option.label || key} (default ${option.default}${option.values.length ? `; ${option.values.join(', ')}` : ''})`,
    ),
    '',
    ...profile.points.map(point =>
      [`  ${point.name.padEnd(width)}  ${point.every.padEnd(4)}  ${registersText(point.source)}`, remarks(point)]
        .filter(Boolean)
        .join('; '),
    ),
    ...(profile.driver === 'sunspec' ? ["  the points follow from the device's own model list"] : []),
    '',
    ...profile.variants.map(variant => `variant: ${variantText(variant, text => text)}`),
    ...profile.setup.map(step => `setup: ${step}`),
    ...profile.notes.map(note => `note: ${note}`),
    ...profile.source.map(source => `source: ${source}`),
  ];
}
