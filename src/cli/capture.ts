// `wattledger capture`: raw registers of a device to a capture file.

import {existsSync, writeFileSync} from 'node:fs';
import {setTimeout as sleep} from 'node:timers/promises';
import {realClock} from '../app/clock.ts';
import {loadProfile} from '../config/profiles.ts';
import {AppError} from '../core/errors.ts';
import {parseLinkUrl} from '../core/linkurl.ts';
import {fieldsOf, type Span, spansOf} from '../core/planner.ts';
import type {DeviceProfile, Field} from '../core/profile.ts';
import type {Block, Capture} from '../device/capture.ts';
import {describeFault, timingOf} from '../device/device.ts';
import {sunspecSpans} from '../device/sunspec.ts';
import {newLearned, readSpans, type Sweep} from '../device/words.ts';
import {openLink} from '../link/open.ts';
import {type Command, flagOption, textOption} from './command.ts';
import {deviceHelp, deviceOptions, durationOf, listOption, requireText, wholeNumber} from './devices.ts';

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
  --redact                 removes serial numbers (with --profile)
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
    const profile = profileId === undefined ? null : loadProfile(profileId, listOption(context, 'profiles'));
    const unitText = textOption(context, 'unit');
    const unit = unitText === undefined ? (profile?.defaults.unit ?? 1) : wholeNumber(unitText, 'unit', 0, 255);
    const count = wholeNumber(textOption(context, 'count') ?? '1', 'count', 1, 100_000);
    const everyMs = durationOf(textOption(context, 'every') ?? '2s', 'every');
    if (output !== '-' && existsSync(output) && !flagOption(context, 'force'))
      throw new AppError('FILE_EXISTS', output, 'it is there already; --force overwrites it');

    const link = openLink('link', url, {clock: realClock});
    const bus = timingOf(url);
    const limits = profile?.limits ?? {maxRegisters: 125, maxGap: 0, barriers: [], forbidden: [], single: []};
    const timing = profile?.timing ?? {connectDelayMs: 0, minGapMs: 0, unitPauseMs: 0, timeoutMs: 3000};
    const learned = newLearned();
    const read = async (at: number, words: number) =>
      link.read(unit, {fc: 3, at, words}, context.signal, {
        timeoutMs: timing.timeoutMs,
        minGapMs: timing.minGapMs,
        connectDelayMs: timing.connectDelayMs,
      });
    const serials: Span[] = [];
    const blocks: Block[] = [];
    const started = performance.now();
    try {
      const spans = profile ? await spansOfProfile(profile, read, serials) : ranges;
      for (let i = 0; i < count && !context.signal.aborted; i++) {
        const atMs = Math.round(performance.now() - started);
        const sweep = await readSpans(spans, {link, unit, limits, timing, bus, learned, monoMs: 0}, context.signal);
        if (sweep.answered === 0)
          throw new AppError('DEVICE_SILENT', `${url.text} unit ${unit}`, sweep.broken ? describeFault(sweep.broken) : 'no answer');
        blocks.push(...blocksOf(unit, spans, sweep).map(block => (count > 1 ? {...block, at_ms: atMs} : block)));
        if (count > 1) context.err(`sweep ${i + 1} of ${count}`);
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

/** Longer ranges are read in parts. */
function parseRange(text: string): Span[] {
  const match = /^([34]):(0x[0-9a-fA-F]+|\d+):(\d+)$/.exec(text);
  const at = Number(match?.[2]);
  const words = Number(match?.[3]);
  if (!match || at > 0xffff || words < 1 || at + words > 0x10000)
    throw new AppError('USAGE', '--range', `found "${text}", expected FC:START:COUNT such as 3:40000:100`);
  const fc = Number(match[1]) as 3 | 4;
  return Array.from({length: Math.ceil(words / PART_WORDS)}, (_, i) => ({
    fc,
    at: at + i * PART_WORDS,
    words: Math.min(PART_WORDS, words - i * PART_WORDS),
  }));
}

const PART_WORDS = 100;

type Read = Parameters<typeof sunspecSpans>[0];

/** Every register that the profile can ask for, identity included. */
async function spansOfProfile(profile: DeviceProfile, read: Read, serials: Span[]): Promise<Span[]> {
  const spans = (fields: readonly Field[]): Span[] => fields.flatMap(field => [...spansOf(field, profile.limits)]);
  const identity = Object.entries(profile.identity).flatMap(([key, one]) => (typeof one === 'object' ? [{key, field: one as Field}] : []));
  for (const {key, field} of identity) if (key === 'serial') serials.push(...spans([field]));
  const own = [
    ...spans([...profile.points, ...profile.variants.flatMap(variant => variant.points)].flatMap(point => [...fieldsOf(point.source)])),
    ...spans(identity.map(one => one.field)),
    ...spans(profile.identify.map(rule => rule.field)),
    ...spans(profile.variants.flatMap(variant => ('field' in variant.when ? [variant.when.field] : []))),
  ];
  if (profile.driver !== 'sunspec') return own;
  const walked = await sunspecSpans(read);
  serials.push(...walked.serials);
  return [...walked.spans, ...own];
}

/** Runs of adjacent registers that were answered. Ranges longer than one request were read in parts. */
function blocksOf(unit: number, spans: readonly Span[], sweep: Sweep): Block[] {
  const addresses = [...new Set(spans.flatMap(span => Array.from({length: span.words}, (_, i) => span.fc * 0x10000 + span.at + i)))].sort(
    (a, b) => a - b,
  );
  const blocks: {unit: number; fc: 3 | 4; start: number; registers: (number | null)[]}[] = [];
  for (const key of addresses) {
    const fc = Math.floor(key / 0x10000) as 3 | 4;
    const at = key % 0x10000;
    const word = sweep.word(fc, at);
    if (!word) continue;
    const last = blocks.at(-1);
    if (last && last.fc === fc && last.start + last.registers.length === at) last.registers.push(word.value);
    else blocks.push({unit, fc, start: at, registers: [word.value]});
  }
  return blocks;
}

/** Digits and letters of a serial number become the character 0. */
function redacted(block: Block, serials: readonly Span[]): Block {
  const hidden = (at: number): boolean => serials.some(span => span.fc === block.fc && at >= span.at && at < span.at + span.words);
  const zero = 0x3030;
  return {...block, registers: block.registers.map((word, i) => (word !== null && word !== 0 && hidden(block.start + i) ? zero : word))};
}
