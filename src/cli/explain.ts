// `wattledger explain`: from a stored number back through the rule to the raw values, as far back as those are kept.

import {realClock} from '../app/clock.ts';
import {AppError} from '../core/errors.ts';
import {ORIGINS, type SlotQuality} from '../core/flow/model.ts';
import {nearest} from '../core/nearest.ts';
import type {Policy} from '../core/site.ts';
import {utcText} from '../core/time.ts';
import type {CellRow, RawRow, Reader, SlotInfo, TotalRow} from '../store/queries.ts';
import {SLOT_S} from '../store/schema.ts';
import {type Command, flagOption, textOption} from './command.ts';
import {type ExplainedInstant, explainInstant, instantJson, instantLines} from './explain-instant.ts';
import {ledgerHelp, ledgerOptions, openLedger, policyOption} from './ledger-file.ts';
import {localTime, parseWhen, whenHelp} from './when.ts';

/** Raw rows are shown this far around the moment. */
const AROUND_MS = 15_000;
const MOST_ROWS = 100;
const SHOWN_ROWS = 5;
const SLOT_MS = SLOT_S * 1000;

export const command: Command = {
  name: 'explain',
  summary: 'from a stored number back through the rule to the raw values',
  usage: '--at T [--cell solar_to_home] [--policy POLICY] [--json]',
  options: {...ledgerOptions, at: {type: 'string'}, cell: {type: 'string'}, policy: {type: 'string'}, json: {type: 'boolean'}},
  help: `  --at T            a moment; the quarter hour that holds it is explained
  --cell NAME       one cell, SOURCE_to_SINK, as in MQTT and the page; also SOURCE:SINK
  --policy POLICY   solar-first, proportional or battery-first
${ledgerHelp}

${whenHelp}
Raw values are shown around T as long as they are kept. With --config the instant itself is worked out again from them, down to the registers.`,

  async run(context) {
    const {reader, zone, config} = openLedger(context);
    try {
      const at = textOption(context, 'at');
      if (at === undefined) throw new AppError('USAGE', '--at', `expected --at T. ${whenHelp}`);
      const atMs = parseWhen(at, zone, realClock.wallMs(), 'at');
      const explanation = explain(reader, atMs, policyOption(context, config), textOption(context, 'cell')?.replace(':', '_to_') ?? null);
      const instant = config && explainInstant(reader, config.site, config.devices, atMs);
      context.out(flagOption(context, 'json') ? JSON.stringify(jsonOf(explanation, instant)) : textOf(explanation, instant, zone));
      return 0;
    } finally {
      reader.close();
    }
  },
};

const RULES: Readonly<Record<Policy, string>> = {
  'solar-first':
    'At every instant each sink in turn (home, loads, batteries, grid) takes what it can from each source in turn (sun, wind, battery, generator, grid).',
  proportional: 'At every instant every sink takes from all sources in proportion to what they give; a source never serves itself.',
  'battery-first': 'As solar-first, but batteries take their charge before the home does.',
};
const QUALITIES: Readonly<Record<SlotQuality, string>> = {
  ok: 'measured, and in agreement',
  adjusted: 'devices disagreed within their accuracy; the difference was spread over them',
  'skew-corrected': 'devices were read at different moments while power changed; they were brought to one moment',
  'stale-estimated': 'a device was silent for a while; its last value was carried on',
  'grid-derived': 'the grid was calculated from the rest',
  islanded: 'the house ran without the grid',
  suspect: 'devices disagreed beyond their accuracy',
  unanchored: 'no counter of the device confirms the integral of its power',
  stalled: "a device's counter stood still although power flowed",
  gap: 'nothing was measured for a while; the counters before and after give the energy',
  undated: 'the clock could not be trusted at the time',
};

type Explanation = {
  readonly atMs: number;
  readonly slot: SlotInfo;
  readonly policy: Policy;
  readonly cell: string | null;
  readonly cells: readonly CellRow[];
  readonly totals: readonly TotalRow[];
  readonly events: ReturnType<Reader['events']>;
  readonly corrections: ReturnType<Reader['corrections']>;
  readonly raw: readonly {readonly device: string; readonly keptSince: number | null; readonly rows: readonly RawRow[]}[];
};

/** Everything stored about the quarter hour that holds `atMs`. Throws AppError FAILED where there is none, or no such cell, USAGE where no cell is called so. */
export function explain(reader: Reader, atMs: number, policy: Policy, cell: string | null): Explanation {
  const slot = reader.slot(atMs);
  if (!slot) {
    const {firstSlotMs, lastSlotMs} = reader.ledgerBounds();
    const span =
      firstSlotMs === null || lastSlotMs === null
        ? 'the ledger is still empty'
        : `the ledger goes from ${utcText(firstSlotMs)} to ${utcText(lastSlotMs + SLOT_MS)}`;
    throw new AppError('FAILED', '--at', `nothing is stored for ${utcText(atMs)}; ${span}`);
  }
  const {startMs} = slot;
  const cells = reader.slotCells({startMs, policy});
  if (cells.length === 0) throw new AppError('FAILED', '--policy', `this quarter hour was not attributed by ${policy}`);
  const names = [...new Set(cells.map(nameOf))];
  if (cell !== null && !names.includes(cell)) throw noSuchCell(cell, cells, names);
  const all = {fromMs: 0, toMs: Number.MAX_SAFE_INTEGER, limit: 100_000};
  return {
    atMs,
    slot,
    policy,
    cell,
    cells,
    totals: reader.slotTotals(startMs),
    events: reader.events({fromMs: startMs, toMs: startMs + SLOT_MS, limit: 50}).toReversed(),
    corrections: reader.corrections(all).filter(one => one.slotMs === startMs),
    raw: reader.devices().map(({id, firstRawMs}) => ({
      device: id,
      keptSince: firstRawMs,
      rows: nearestRows(reader.rawAround({device: id, fromMs: atMs - AROUND_MS, toMs: atMs + AROUND_MS, limit: MOST_ROWS}), atMs),
    })),
  };
}

/** Every house has these, whatever flows in this quarter hour. */
const SINKS = ['home', 'standby', 'loss', 'grid'];

/** Nothing flowed there, which is an answer; or nothing is called so. */
function noSuchCell(cell: string, cells: readonly CellRow[], names: readonly string[]): AppError {
  const there = `there are ${names.join(', ')}`;
  const [source = '', sink = ''] = cell.split('_to_');
  const ids = [...cells.map(one => one.source), ...cells.map(one => one.sink), ...ORIGINS];
  if (ids.includes(source) && [...ids, ...SINKS].includes(sink))
    return new AppError('FAILED', '--cell', `"${cell}" is zero in this quarter hour; ${there}`);
  // A battery or a load that rests is in none of its cells.
  if ([source, sink].every(id => /^[a-z0-9_]+$/.test(id)) && nearest(cell, names) === null)
    return new AppError('FAILED', '--cell', `"${cell}" is zero in this quarter hour, or no cell of this house; ${there}`);
  const near = nearest(cell, names);
  return new AppError('USAGE', '--cell', `no cell is called "${cell}"${near ? `; did you mean "${near}"?` : ''}; ${there}`);
}

/** Those nearest to the moment, in the order of time. */
const nearestRows = (rows: readonly RawRow[], atMs: number): RawRow[] =>
  rows
    .toSorted((a, b) => Math.abs(a.atMs - atMs) - Math.abs(b.atMs - atMs))
    .slice(0, SHOWN_ROWS)
    .sort((a, b) => a.atMs - b.atMs);

const nameOf = ({source, sink}: CellRow): string => `${source}_to_${sink}`;
const wh = (milliWh: number): string => `${(milliWh / 1000).toFixed(3)} Wh`;
const sum = (cells: readonly CellRow[]): number => cells.reduce((total, one) => total + one.energyMilliWh, 0);

function textOf(it: Explanation, instant: ExplainedInstant | null, zone: string): string {
  const {slot, cells} = it;
  const endMs = slot.startMs + SLOT_MS;
  const lines = [
    `${slot.day}, ${localTime(zone, slot.startMs).slice(0, 5)} to ${localTime(zone, endMs).slice(0, 5)} ${zone} (from ${utcText(slot.startMs)})${slot.closed ? '' : ', still running'}`,
  ];
  const shown = it.cell === null ? cells : cells.filter(one => nameOf(one) === it.cell);
  lines.push('', it.cell === null ? 'Cells' : `${it.cell}: ${wh(sum(shown))}`);
  for (const one of shown) {
    const way = one.via === 'direct' ? 'directly' : `out of ${one.via}`;
    lines.push(`  ${wh(one.energyMilliWh).padStart(14)}  ${nameOf(one)}, from ${one.origin} ${way}: ${one.label}`);
  }
  lines.push(
    '',
    `Rule: ${it.policy}`,
    `  ${RULES[it.policy]}`,
    '  The cells of every instant were added up; none was computed from quarter-hour sums.',
  );
  const [source, sink] = it.cell === null ? [] : [shown[0]?.source, shown[0]?.sink];
  lines.push('', 'What it adds up to');
  for (const id of [...new Set(cells.map(one => one.source))].filter(id => source === undefined || id === source))
    lines.push(
      sideLine(
        `${id} gave`,
        cells.filter(one => one.source === id),
        one => one.sink,
      ),
    );
  for (const id of [...new Set(cells.map(one => one.sink))].filter(id => sink === undefined || id === sink))
    lines.push(
      sideLine(
        `${id} took`,
        cells.filter(one => one.sink === id),
        one => one.source,
      ),
    );
  lines.push(
    '',
    `What the devices counted${''.padEnd(2)}${'ledger'.padStart(14)}${'integral'.padStart(16)}${'counter at the end'.padStart(22)}`,
  );
  for (const one of it.totals) {
    const counter = one.counterWh === null ? 'none' : `${one.counterWh} Wh`;
    lines.push(
      `  ${one.name.padEnd(24)}${wh(one.energyMilliWh).padStart(14)}${wh(one.rawMilliWh).padStart(16)}${counter.padStart(22)}${one.quality === 'ok' ? '' : `  ${one.quality}`}`,
    );
  }
  lines.push('', 'Quality');
  for (const word of slot.quality.split(',') as SlotQuality[]) lines.push(`  ${word}: ${QUALITIES[word] ?? ''}`);
  if (slot.reason !== null) lines.push(`  ${slot.reason}`);
  for (const [name, [low, high]] of Object.entries(slot.bounds ?? {}))
    lines.push(`  ${name}: between ${wh(low)} and ${wh(high)}, whatever happened in the gap`);
  if (it.events.length > 0)
    lines.push(
      '',
      'Events',
      ...it.events.map(
        event => `  ${localTime(zone, event.atMs)}  ${event.kind}${event.about === null ? '' : ` (${event.about})`}: ${event.detail}`,
      ),
    );
  if (it.corrections.length > 0)
    lines.push(
      '',
      'Corrections',
      ...it.corrections.map(one => `  ${utcText(one.atMs)}  ${one.who}: ${one.why}  ${one.before} -> ${one.after}`),
    );
  if (instant) lines.push(...instantLines(instant, it.policy, it.cell, ms => localTime(zone, ms)));
  lines.push('', `Raw values around ${localTime(zone, it.atMs)}`);
  for (const {device, keptSince, rows} of it.raw) {
    if (rows.length === 0)
      lines.push(
        `  ${device}: ${keptSince !== null && keptSince > it.atMs ? `kept since ${utcText(keptSince)} only` : 'no reading at that moment'}`,
      );
    for (const row of rows) {
      const values = Object.entries(row.values).filter(([, value]) => value !== null);
      lines.push(`  ${device}  ${localTime(zone, row.atMs)}  ${values.map(([name, value]) => `${name}=${value}`).join('  ')}`);
    }
  }
  return lines.join('\n');
}

const sideLine = (head: string, cells: readonly CellRow[], other: (cell: CellRow) => string): string => {
  const parts = new Map<string, number>();
  for (const one of cells) parts.set(other(one), (parts.get(other(one)) ?? 0) + one.energyMilliWh);
  return `  ${head.padEnd(20)}${wh(sum(cells)).padStart(14)}  = ${[...parts].map(([id, energy]) => `${id} ${(energy / 1000).toFixed(3)}`).join(' + ')}`;
};

function jsonOf(it: Explanation, instant: ExplainedInstant | null): unknown {
  const {slot} = it;
  return {
    schema: 1,
    at: utcText(it.atMs),
    slot_start_utc: utcText(slot.startMs),
    day: slot.day,
    closed: slot.closed,
    policy: it.policy,
    rule: RULES[it.policy],
    cell: it.cell,
    cells: it.cells
      .filter(one => it.cell === null || nameOf(one) === it.cell)
      .map(({energyMilliWh, ...one}) => ({...one, energy_mwh: energyMilliWh})),
    totals: it.totals.map(one => ({
      name: one.name,
      energy_mwh: one.energyMilliWh,
      raw_mwh: one.rawMilliWh,
      counter_wh: one.counterWh,
      quality: one.quality,
    })),
    quality: slot.quality.split(','),
    reason: slot.reason,
    bounds_mwh: slot.bounds,
    events: it.events.map(({atMs, ...event}) => ({utc: utcText(atMs), ...event})),
    corrections: it.corrections.map(({atMs, slotMs: _slot, ...one}) => ({utc: utcText(atMs), ...one})),
    instant: instant && instantJson(instant, it.policy, utcText),
    raw: it.raw.flatMap(({device, rows}) => rows.map(row => ({device, utc: utcText(row.atMs), points: row.values}))),
  };
}
