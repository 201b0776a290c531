// `wattledger capture`: raw registers of a device to a capture file.

import {accessSync, constants, existsSync, writeFileSync} from 'node:fs';
import path from 'node:path';
import {setTimeout as sleep} from 'node:timers/promises';
import {realClock} from '../app/clock.ts';
import {loadProfile} from '../config/profiles.ts';
import {AppError} from '../core/errors.ts';
import {describeFault} from '../core/faults.ts';
import {parseLinkUrl} from '../core/linkurl.ts';
import {MOST_REGISTERS} from '../core/modbus.ts';
import {fieldsOf, type Span, spansOf} from '../core/planner.ts';
import type {DeviceProfile, Field, Limits, Timing} from '../core/profile.ts';
import type {Fault} from '../core/reading.ts';
import type {Block, Capture} from '../device/capture.ts';
import {createLearned, type Learned} from '../device/learned.ts';
import {timingOf, unitFinder} from '../device/plan.ts';
import {sunspecSpans} from '../device/sunspec.ts';
import {readSpans, type Sweep} from '../device/words.ts';
import {openLink} from '../link/open.ts';
import {type Command, flagOption, textOption} from './command.ts';
import {deviceHelp, deviceOptions, deviceSettings, durationOf, listOption, requireText, wholeNumber} from './devices.ts';

export const command: Command = {
  name: 'capture',
  summary: 'raw registers of a device to a capture file',
  usage: '--link LINK --unit N (--profile ID | --range FC:START:COUNT …) [--count N --every T] -o FILE',
  options: {
    ...deviceOptions,
    range: {type: 'string', multiple: true, short: 'r'},
    count: {type: 'string'},
    every: {type: 'string'},
    output: {type: 'string', short: 'o'},
    redact: {type: 'boolean'},
    force: {type: 'boolean'},
  },
  help: `${deviceHelp}
  --range FC:START:COUNT   registers by function code (3 or 4), first address and count; may be repeated
  --count N --every T      a series: N sweeps, T apart (default 1, 2s)
  --redact                 removes the digits of serial numbers (with --profile)
  -o, --output FILE        the capture file; - for stdout
  --force                  overwrite it

Registers that the device refuses are left out.`,

  async run(context) {
    const url = parseLinkUrl(requireText(context, 'link', 'tcp://HOST:502'), '--link');
    const output = requireText(context, 'output', 'FILE');
    const ranges = listOption(context, 'range').flatMap(parseRange);
    const profileId = textOption(context, 'profile');
    if ((profileId === undefined) === (ranges.length === 0))
      throw new AppError('USAGE', 'wattledger capture', 'expected either --profile ID or --range FC:START:COUNT');
    if (flagOption(context, 'redact') && profileId === undefined)
      throw new AppError('USAGE', '--redact', 'belongs to --profile, which knows the registers of serial numbers');
    const profile = profileId === undefined ? null : loadProfile(profileId, listOption(context, 'profiles'));
    const unitText = textOption(context, 'unit');
    const unit = unitText === undefined ? (profile?.defaults.unit ?? 1) : wholeNumber(unitText, 'unit', 0, 255);
    const units = profile ? deviceSettings(context, profile).units : {};
    const count = wholeNumber(textOption(context, 'count') ?? '1', 'count', 1, 100_000);
    const everyMs = durationOf(textOption(context, 'every') ?? '2s', 'every');
    if (output !== '-' && existsSync(output) && !flagOption(context, 'force'))
      throw new AppError('FILE_EXISTS', output, 'it is there already; --force overwrites it');
    // Not only found out when a series of an hour is to be written.
    if (output !== '-') checkWritable(output);

    const link = openLink('link', url, {clock: realClock});
    const limits = profile?.limits ?? NO_LIMITS;
    const timing = profile?.timing ?? USUAL_TIMING;
    const bus = timingOf(url, timing);
    const learned = new Map<number, Learned>();
    const blocks: Block[] = [];
    const serials: Serial[] = [];
    const started = performance.now();
    try {
      const wanted = profile
        ? await spansOfProfile(
            profile,
            unitFinder(profile, {unit, units}),
            (at, words) => link.read(unit, {fc: 3, at, words}, context.signal, timing),
            serials,
          )
        : ranges.map(span => ({unit, span}));
      for (let i = 0; i < count && !context.signal.aborted; i++) {
        const atMs = Math.round(performance.now() - started);
        const fresh: Block[] = [];
        let fault: Fault | null = null;
        for (const one of new Set(wanted.map(each => each.unit))) {
          const spans = wanted.filter(each => each.unit === one).map(each => each.span);
          const memory = learned.get(one) ?? createLearned();
          learned.set(one, memory);
          const sweep = await readSpans(spans, {link, unit: one, limits, timing, bus, learned: memory, monoMs: atMs}, context.signal);
          fault ??= sweep.broken;
          fresh.push(...blocksOf(one, sweep).map(block => (count > 1 ? {...block, at_ms: atMs} : block)));
        }
        // A series goes on where the device only misses a sweep.
        if (fresh.length === 0 && blocks.length === 0)
          throw new AppError('DEVICE_SILENT', `${url.text} unit ${unit}`, fault ? describeFault(fault) : 'it has none of these registers');
        blocks.push(...fresh);
        const missed = fault ? describeFault(fault) : fresh.length === 0 ? 'nothing' : null;
        if (count > 1) context.err(`sweep ${i + 1} of ${count}${missed === null ? '' : `: ${missed}`}`);
        else if (missed !== null) context.err(`not all of it: ${missed}`);
        if (i + 1 < count)
          await sleep(Math.max(0, started + (i + 1) * everyMs - performance.now()), undefined, {signal: context.signal}).catch(() => {});
      }
    } finally {
      await link.close();
    }
    const capture: Capture = {
      format: 'wattledger-capture/1',
      device: profile ? profile.name : 'unknown device',
      source: `read over ${url.kind}`,
      taken_at: new Date().toISOString(),
      blocks: flagOption(context, 'redact') ? blocks.map(block => redacted(block, serials)) : blocks,
    };
    const text = `${JSON.stringify(capture)}\n`;
    if (output === '-') context.out(text.trimEnd());
    else {
      try {
        writeFileSync(output, text);
      } catch (error) {
        throw new AppError('FILE_UNWRITABLE', output, (error as Error).message, {cause: error});
      }
      context.err(`${output}: ${blocks.length} blocks, ${blocks.reduce((sum, block) => sum + block.registers.length, 0)} registers`);
    }
    return 0;
  },
};

/** Throws AppError FILE_UNWRITABLE where the file cannot be made. */
function checkWritable(file: string): void {
  try {
    accessSync(existsSync(file) ? file : path.dirname(file), constants.W_OK);
  } catch (error) {
    throw new AppError('FILE_UNWRITABLE', file, (error as Error).message, {cause: error});
  }
}

/** Longer ranges are read in parts; what is refused of one is found out register by register. */
function parseRange(text: string): Span[] {
  const match = /^([34]):(0x[0-9a-fA-F]+|\d+):(\d+)$/.exec(text);
  const at = Number(match?.[2]);
  const words = Number(match?.[3]);
  if (!match || at > 0xffff || words < 1 || at + words > 0x10000)
    throw new AppError('USAGE', '--range', `found "${text}", expected FC:START:COUNT such as 3:40000:100`);
  const fc = Number(match[1]) as 3 | 4;
  return Array.from({length: Math.ceil(words / PART_WORDS)}, (_, i) => {
    const from = at + i * PART_WORDS;
    const length = Math.min(PART_WORDS, words - i * PART_WORDS);
    return {fc, at: from, words: length, parts: Array.from({length}, (_none, n) => ({fc, at: from + n, words: 1}))};
  });
}

const PART_WORDS = 100;

const NO_LIMITS: Limits = {maxRegisters: MOST_REGISTERS, maxGap: 0, barriers: [], forbidden: [], single: [], atomic: []};
const USUAL_TIMING: Timing = {connectDelayMs: 0, minGapMs: 0, unitPauseMs: 0, timeoutMs: 3000};

type UnitSpan = {readonly unit: number; readonly span: Span};
type Serial = UnitSpan & {readonly text: boolean};

/** Every register that the profile can ask for on each of its units, identity included. */
async function spansOfProfile(
  profile: DeviceProfile,
  unitOf: (unitKey: string | null) => number,
  read: Parameters<typeof sunspecSpans>[0],
  serials: Serial[],
): Promise<UnitSpan[]> {
  const own = unitOf(null);
  const on = (unit: number, fields: readonly Field[]): UnitSpan[] =>
    fields.flatMap(field => spansOf(field, profile.limits).map(span => ({unit, span})));
  const identity = Object.entries(profile.identity).flatMap(([key, one]) => (typeof one === 'object' ? [{key, field: one as Field}] : []));
  for (const {key, field} of identity)
    if (key === 'serial') serials.push(...on(own, [field]).map(one => ({...one, text: field.type === 'text'})));
  const wanted = [
    ...[...profile.points, ...profile.variants.flatMap(variant => variant.points)].flatMap(point =>
      on(unitOf(point.unitKey), fieldsOf(point.source)),
    ),
    ...on(own, [
      ...identity.map(one => one.field),
      ...profile.identify.map(rule => rule.field),
      ...profile.variants.flatMap(variant => ('field' in variant.when ? [variant.when.field] : [])),
    ]),
  ];
  if (profile.driver !== 'sunspec') return wanted;
  const walked = await sunspecSpans(read);
  serials.push(...walked.serials.map(span => ({unit: own, span, text: true})));
  return [...walked.spans.map(span => ({unit: own, span})), ...wanted];
}

/** Runs of adjacent registers that were answered. */
function blocksOf(unit: number, sweep: Sweep): Block[] {
  const blocks: {unit: number; fc: 3 | 4; start: number; registers: number[]}[] = [];
  for (const {fc, at, value} of sweep.all()) {
    const last = blocks.at(-1);
    if (last && last.fc === fc && last.start + last.registers.length === at) last.registers.push(value);
    else blocks.push({unit, fc, start: at, registers: [value]});
  }
  return blocks;
}

const ZERO = 0x30;
const isDigit = (byte: number): boolean => byte >= ZERO && byte <= 0x39;

/** Digits of a serial number become 0. Its letters stay: they name the model, and `scan` knows some devices by them. */
function redacted(block: Block, serials: readonly Serial[]): Block {
  const hide = (word: number, at: number): number => {
    const serial = serials.find(
      ({unit, span}) => unit === block.unit && span.fc === block.fc && at >= span.at && at < span.at + span.words,
    );
    if (!serial) return word;
    if (!serial.text) return 0;
    const [high, low] = [word >> 8, word & 0xff].map(byte => (isDigit(byte) ? ZERO : byte)) as [number, number];
    return (high << 8) | low;
  };
  return {...block, registers: block.registers.map((word, i) => (word === null ? null : hide(word, block.start + i)))};
}
