// The house on a terminal: one block of text made from what was published last. Pure; the caller moves the cursor.

import type {Health} from '../core/health.ts';
import type {TickRecord} from '../core/sink.ts';

type ScreenFacts = {
  readonly scenario: string;
  readonly speed: number;
  readonly timezone: string;
  readonly record: TickRecord;
  readonly health: Health;
  /** What stands at the foot: label and address. */
  readonly places: readonly (readonly [string, string])[];
};
type ScreenStyle = {readonly columns: number; readonly colour: boolean};

/** What the colours of a terminal stand for, in the demo and in reports. */
export const COLOURS = {
  solar: '38;5;208',
  battery: '38;5;73',
  grid: '38;5;68',
  home: '38;5;141',
  dim: '2',
  bold: '1',
  bad: '31',
  good: '32',
} as const;
type Colour = keyof typeof COLOURS;

const BAR_FROM_W = 25;
const FULL_BAR_W = 6000;
const BAR_COLUMNS = 18;

/** The block's lines, none longer than `columns`. */
export function screenLines(facts: ScreenFacts, style: ScreenStyle): string[] {
  const {record, health} = facts;
  const paint = (colour: Colour, text: string): string => (style.colour ? `\x1b[${COLOURS[colour]}m${text}\x1b[0m` : text);
  const state = record.state ?? {};
  const at = clockText(record.tick.wallMs, facts.timezone);
  const well = health.ok ? paint('good', 'all well') : paint('bad', health.problems[0] ?? 'not well');
  const lines = [`${paint('bold', 'wattledger')} ${facts.scenario}  ${at}${facts.speed === 1 ? '' : `  ${facts.speed}x`}  ${well}`, ''];

  const soc = numberOf(state['battery_soc_pct']);
  const power = (name: string): number | null => numberOf(state[`${name}_power_w`]);
  const battery = power('battery');
  const loads = Object.keys(state)
    .filter(key => key.endsWith('_power_w'))
    .map(key => key.slice(0, -'_power_w'.length))
    .filter(name => !KNOWN.has(name));
  lines.push(
    bar('solar', power('solar'), 'solar', paint, ''),
    bar('battery', battery, 'battery', paint, `${soc === null ? '' : `${soc.toFixed(0)} %  `}${direction(battery, 'gives', 'takes')}`),
    bar('grid', power('grid'), 'grid', paint, direction(power('grid'), 'buying', 'selling')),
    bar('home', power('home'), 'home', paint, ''),
    ...loads.map(name => bar(name.replaceAll('_', ' '), power(name), 'home', paint, '')),
    '',
  );

  const cells = Object.entries(state)
    .filter(([key, value]) => key.includes('_to_') && (numberOf(value) ?? 0) >= 0.5)
    .sort((a, b) => Number(b[1]) - Number(a[1]))
    .map(([key, value]) => `${key.slice(0, -2).replaceAll('_to_', ' → ').replaceAll('_', ' ')} ${watts(numberOf(value))}`);
  lines.push(...wrapped('flows', cells.length > 0 ? cells : ['-'], style.columns, paint));
  lines.push(
    ...wrapped(
      'labels',
      [
        ['used here', 'btm_consumed_w'],
        ['stored', 'stored_w'],
        ['exported', 'btm_exported_w'],
        ['imported', 'imported_w'],
        ['unexplained', 'unexplained_w'],
      ].map(([label, key]) => `${label} ${watts(numberOf(state[key as string]))}`),
      style.columns,
      paint,
    ),
  );
  const energy = record.energy ?? {};
  lines.push(
    ...wrapped(
      'totals',
      ['solar', 'grid_import', 'grid_export', 'battery_charge', 'battery_discharge', 'home'].map(
        name => `${name.replaceAll('_', ' ')} ${kwh(numberOf(energy[`${name}_kwh`]))}`,
      ),
      style.columns,
      paint,
    ),
    '',
  );
  lines.push(
    ...wrapped(
      'devices',
      health.devices.map(device => {
        const word = device.state === 'good' ? paint('good', 'ok') : paint('bad', device.state);
        return `${device.id} ${word}${device.latencyMs === null ? '' : ` ${device.latencyMs} ms`}`;
      }),
      style.columns,
      paint,
    ),
    ...wrapped(
      'outlets',
      health.sinks.map(sink => `${sink.name} ${sink.state === 'open' ? paint('good', 'ok') : paint('bad', sink.lastError ?? sink.state)}`),
      style.columns,
      paint,
    ),
  );
  for (const [label, place] of facts.places) lines.push(`${paint('dim', label.padEnd(9))}${place}`);
  lines.push('', paint('dim', 'Ctrl-C ends it and compares the ledger with the house.'));
  return lines.map(line => clip(line, style.columns));
}

const KNOWN = new Set(['grid', 'solar', 'battery', 'home']);

const numberOf = (value: unknown): number | null => (typeof value === 'number' ? value : null);
const watts = (value: number | null): string => (value === null ? 'unknown' : `${grouped(value)} W`);
const kwh = (value: number | null): string => (value === null ? '-' : `${value.toFixed(3)} kWh`);
const grouped = (value: number): string => (Math.round(value) + 0).toString().replace(/\B(?=(\d{3})+$)/g, ' ');
const direction = (value: number | null, plus: string, minus: string): string =>
  value === null || Math.abs(value) < BAR_FROM_W ? '' : value > 0 ? plus : minus;

function bar(name: string, value: number | null, colour: Colour, paint: (colour: Colour, text: string) => string, note: string): string {
  const size = value === null ? 0 : Math.min(BAR_COLUMNS, Math.round((Math.abs(value) / FULL_BAR_W) * BAR_COLUMNS * 8) / 8);
  const eighths = Math.round((size % 1) * 8);
  const blocks = '█'.repeat(Math.floor(size)) + (eighths > 0 ? '▏▎▍▌▋▊▉'[eighths - 1] : '');
  return `${name.padEnd(10).slice(0, 10)}${watts(value).padStart(10)}  ${paint(colour, blocks.padEnd(BAR_COLUMNS))}  ${note}`.trimEnd();
}

/** Items behind a label, on as many lines as they need. */
function wrapped(label: string, items: readonly string[], columns: number, paint: (colour: Colour, text: string) => string): string[] {
  const lines: string[] = [];
  let line = '';
  for (const item of items) {
    const next = line === '' ? item : `${line} · ${item}`;
    if (line !== '' && visible(next) + 9 > columns) {
      lines.push(line);
      line = item;
    } else {
      line = next;
    }
  }
  lines.push(line);
  return lines.map((text, index) => `${paint('dim', (index === 0 ? label : '').padEnd(9))}${text}`);
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: the escape character is what is looked for
const ESCAPES = /\x1b\[[0-9;]*m/g;
const visible = (text: string): number => text.replace(ESCAPES, '').length;

/** Cuts a line to so many visible columns, escapes left whole. */
function clip(line: string, columns: number): string {
  if (visible(line) <= columns) return line;
  let seen = 0;
  let result = '';
  for (let i = 0; i < line.length && seen < columns - 1; ) {
    ESCAPES.lastIndex = i;
    const found = ESCAPES.exec(line);
    if (found && found.index === i) {
      result += found[0];
      i += found[0].length;
    } else {
      result += line[i];
      seen++;
      i++;
    }
  }
  return `${result}…${result.includes('\x1b[') ? '\x1b[0m' : ''}`;
}

const clockText = (wallMs: number, timezone: string): string =>
  new Intl.DateTimeFormat('en-GB', {timeZone: timezone, hour: '2-digit', minute: '2-digit', second: '2-digit'}).format(wallMs);

/** One line now and then, for a pipe or a log. */
export function statusLine({record, timezone}: Pick<ScreenFacts, 'record' | 'timezone'>): string {
  const state = record.state ?? {};
  const energy = record.energy ?? {};
  const soc = numberOf(state['battery_soc_pct']);
  return [
    clockText(record.tick.wallMs, timezone),
    `solar ${watts(numberOf(state['solar_power_w']))}`,
    `battery ${watts(numberOf(state['battery_power_w']))}${soc === null ? '' : ` (${soc.toFixed(0)} %)`}`,
    `grid ${watts(numberOf(state['grid_power_w']))}`,
    `home ${watts(numberOf(state['home_power_w']))}`,
    `bought ${kwh(numberOf(energy['grid_import_kwh']))}`,
    `sold ${kwh(numberOf(energy['grid_export_kwh']))}`,
  ].join('  ');
}
