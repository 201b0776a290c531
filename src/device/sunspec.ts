// Walks a SunSpec device's own list of models once and returns ordinary points with addresses filled in.

import {type Model, sunspecModels} from '../config/sunspec.ts';
import {decode} from '../core/codec.ts';
import type {Span} from '../core/planner.ts';
import type {Field, PointDef} from '../core/profile.ts';
import type {Fault} from '../core/reading.ts';
import type {PduAnswer} from '../link/pdu.ts';
import {type FoundModel, fieldOf, type Modules, NO_KIND, wordsOf} from './sunspec-fields.ts';
import {pointsOf} from './sunspec-points.ts';

/** Reads a few words, as a device's own link does. */
type ReadWords = (at: number, words: number) => Promise<PduAnswer>;

type SunspecDevice = {
  readonly base: number;
  readonly models: readonly FoundModel[];
  readonly manufacturer: string | null;
  readonly model: string | null;
  readonly serial: string | null;
  readonly firmware: string | null;
  readonly points: readonly PointDef[];
};
type Walk = {readonly kind: 'found'; readonly device: SunspecDevice} | {readonly kind: 'none'; readonly fault: Fault | null};

/** "SunS". Source: SunSpec Device Information Model Specification V1.2, section 6.1. */
const MARKER = [0x5375, 0x6e53];
const BASES = [40_000, 50_000, 0];
const END = 0xffff;
const MOST_MODELS = 100;

/** Finds the base and the models. `none` with a fault where the device did not answer, without one where it speaks no SunSpec. */
export async function walkSunspec(read: ReadWords): Promise<Walk> {
  for (const base of BASES) {
    const marker = await read(base, 2);
    if (marker.kind === 'fault') {
      if (marker.fault.kind !== 'refused') return {kind: 'none', fault: marker.fault};
      continue;
    }
    if (marker.words[0] !== MARKER[0] || marker.words[1] !== MARKER[1]) continue;
    const list = await chain(base + 2, read);
    if ('fault' in list) return {kind: 'none', fault: list.fault};
    return describe(base, list.models, read);
  }
  return {kind: 'none', fault: null};
}

/**
 * Models in the device's order. Some devices have no end model and refuse the address behind the last one, or say nothing; some have an end
 * without a length. A line that broke on the way is no end: half a list would lose points for good.
 */
async function chain(first: number, read: ReadWords): Promise<{readonly models: FoundModel[]} | {readonly fault: Fault}> {
  const models: FoundModel[] = [];
  let at = first;
  while (models.length < MOST_MODELS && at < 0xfffe) {
    let head = await read(at, 2);
    if (head.kind === 'fault') head = await read(at, 1);
    if (head.kind === 'fault' && (head.fault.kind === 'disconnected' || head.fault.kind === 'bad_frame')) return {fault: head.fault};
    if (head.kind === 'fault') break;
    const [id, length] = head.words;
    // Zeros are memory behind the list, not a model; an id with a length of zero is one that has only its head.
    if (id === undefined || id === END || length === undefined || id === 0) break;
    models.push({id, at, length});
    at += length + 2;
  }
  return {models};
}

const text = (field: Field, words: readonly number[]): string | null => {
  const decoded = decode(field, address => words[address - field.at]);
  return decoded.kind === 'text' ? decoded.value : null;
};

async function describe(base: number, models: readonly FoundModel[], read: ReadWords): Promise<Walk> {
  // A line that breaks now would leave a battery among the strings for good: then it is all done again.
  let broken: Fault | null = null;
  const watched: ReadWords = async (at, words) => {
    const answer = await read(at, words);
    if (answer.kind === 'fault' && answer.fault.kind !== 'refused') broken ??= answer.fault;
    return answer;
  };
  const table = sunspecModels();
  const common = models.find(model => model.id === 1);
  const identity = async (name: string): Promise<string | null> => {
    const point = table.get(1)?.points[name];
    if (!common || !point) return null;
    const field = fieldOf(common, point);
    const answer = await watched(field.at, field.words);
    return answer.kind === 'words' ? text(field, answer.words) : null;
  };
  const manufacturer = await identity('Mn');
  const names = {manufacturer, model: await identity('Md'), serial: await identity('SN'), firmware: await identity('Vr')};
  const modules: Modules[] = [];
  for (const found of models) {
    const repeat = table.get(found.id)?.repeat;
    const read = repeat && (await readModules(found, repeat, watched));
    if (read) modules.push(read);
  }
  const wiring = models.find(model => model.id === 701);
  const onePhase = wiring !== undefined && (await word(watched, wiring.at + AC_TYPE)) === ONE_PHASE;
  if (broken) return {kind: 'none', fault: broken};
  const points = pointsOf({models, table, modules, manufacturer: manufacturer ?? '', onePhase});
  return {kind: 'found', device: {base, models, ...names, points}};
}

/** Model 701, point ACType. Source: sunspec/models, model_701.json. */
const AC_TYPE = 2;
const ONE_PHASE = 0;

/** No inverter has more strings. A thousand of them, each a few columns of the database, would keep it busy for good. */
const MOST_MODULES = 64;

/** How many modules there are: what the device says, inside what its length holds. Null for a list that is none. */
async function readModules(found: FoundModel, repeat: NonNullable<Model['repeat']>, read: ReadWords): Promise<Modules | null> {
  const fits = Math.max(0, Math.floor((found.length + 2 - repeat.from) / repeat.length));
  const count = Math.min(fits, (await word(read, found.at + repeat.count)) ?? fits);
  if (count > MOST_MODULES) return null;
  const labels: (string | null)[] = [];
  const kinds: number[] = [];
  const {IDStr: label, PrtTyp: kind} = repeat.points;
  for (let i = 0; i < count; i++) {
    const at = found.at + repeat.from + i * repeat.length;
    const field = label && fieldOf(found, label, at);
    const answer = field && (await read(field.at, field.words));
    labels.push(field && answer?.kind === 'words' ? text(field, answer.words) : null);
    kinds.push((kind && (await word(read, at + kind.offset))) ?? NO_KIND);
  }
  return {found, count, labels, kinds};
}

/** One register, or null where there is none or it says so. */
async function word(read: ReadWords, at: number): Promise<number | null> {
  const answer = await read(at, 1);
  const value = answer.kind === 'words' ? answer.words[0] : undefined;
  return value === undefined || value === NO_KIND ? null : value;
}

/** Every register of a device's model list, in readable spans, and those that hold serial numbers: for captures. */
export async function sunspecSpans(read: ReadWords): Promise<{spans: Span[]; serials: Span[]}> {
  const walk = await walkSunspec(read);
  if (walk.kind === 'none') return {spans: [], serials: []};
  const {base, models} = walk.device;
  const spans: Span[] = [{fc: 3, at: base, words: 2}];
  const serials: Span[] = [];
  for (const {id, at, length} of models) {
    for (let from = at; from < at + length + 2; from += CAPTURE_WORDS)
      spans.push({fc: 3, at: from, words: Math.min(CAPTURE_WORDS, at + length + 2 - from)});
    const serial = sunspecModels().get(id)?.points['SN'];
    if (serial) serials.push({fc: 3, at: at + serial.offset, words: wordsOf(serial)});
  }
  const last = models.at(-1);
  if (last) spans.push({fc: 3, at: last.at + last.length + 2, words: 2});
  return {spans, serials};
}

const CAPTURE_WORDS = 50;
