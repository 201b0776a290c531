// Walks a SunSpec device's own list of models once and returns ordinary points with addresses filled in.

import {type Model, type ModelPoint, sunspecModels} from '../config/sunspec.ts';
import {decode} from '../core/codec.ts';
import type {Span} from '../core/planner.ts';
import type {Field, PointDef, PointSource, PollClass, RegisterType} from '../core/profile.ts';
import type {Fault} from '../core/reading.ts';
import {pointInfo} from '../core/vocabulary.ts';

/** Reads a few words, as a device's own link does. */
export type ReadWords = (
  at: number,
  words: number,
) => Promise<{readonly kind: 'words'; readonly words: readonly number[]} | {readonly kind: 'fault'; readonly fault: Fault}>;

export type FoundModel = {readonly id: number; readonly at: number; readonly length: number};
export type SunspecDevice = {
  readonly base: number;
  readonly models: readonly FoundModel[];
  readonly manufacturer: string | null;
  readonly model: string | null;
  readonly serial: string | null;
  readonly firmware: string | null;
  readonly points: readonly PointDef[];
};
export type Walk = {readonly kind: 'found'; readonly device: SunspecDevice} | {readonly kind: 'none'; readonly fault: Fault | null};

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
    return {kind: 'found', device: await describe(base, list.models, read)};
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
    if (id === undefined || id === END || length === undefined || length === 0) break;
    models.push({id, at, length});
    at += length + 2;
  }
  return {models};
}

const text = (field: Field, words: readonly number[]): string | null => {
  const decoded = decode(field, address => words[address - field.at]);
  return decoded.kind === 'text' ? decoded.value : null;
};

async function describe(base: number, models: readonly FoundModel[], read: ReadWords): Promise<SunspecDevice> {
  const table = sunspecModels();
  const common = models.find(model => model.id === 1);
  const identity = async (name: string): Promise<string | null> => {
    const point = table.get(1)?.points[name];
    if (!common || !point) return null;
    const field = fieldOf(common, point);
    const answer = await read(field.at, field.words);
    return answer.kind === 'words' ? text(field, answer.words) : null;
  };
  const manufacturer = await identity('Mn');
  const names = {manufacturer, model: await identity('Md'), serial: await identity('SN'), firmware: await identity('Vr')};
  const modules: Modules[] = [];
  for (const found of models) {
    const repeat = table.get(found.id)?.repeat;
    if (repeat) modules.push(await readModules(found, repeat, table.get(found.id) as Model, read));
  }
  return {base, models, ...names, points: pointsOf(models, table, modules, manufacturer ?? '')};
}

type Modules = {
  readonly found: FoundModel;
  readonly count: number;
  readonly labels: readonly (string | null)[];
  readonly kinds: readonly number[];
};

/** How many modules there are: what the device says, inside what its length holds. */
async function readModules(found: FoundModel, repeat: NonNullable<Model['repeat']>, model: Model, read: ReadWords): Promise<Modules> {
  const fits = Math.max(0, Math.floor((found.length + 2 - repeat.from) / repeat.length));
  const said = await read(found.at + repeat.count, 1);
  const count = said.kind === 'words' && said.words[0] !== undefined && said.words[0] !== END ? Math.min(fits, said.words[0]) : fits;
  const labels: (string | null)[] = [];
  const kinds: number[] = [];
  for (let i = 0; i < count; i++) {
    const at = found.at + repeat.from + i * repeat.length;
    const label = repeat.points['IDStr'];
    const kind = repeat.points['PrtTyp'];
    const labelWords = label ? await read(at + label.offset, 8) : null;
    labels.push(label && labelWords?.kind === 'words' ? text({...fieldOf(found, label), at: at + label.offset}, labelWords.words) : null);
    const kindWord = kind ? await read(at + kind.offset, 1) : null;
    kinds.push(kindWord?.kind === 'words' ? (kindWord.words[0] ?? END) : END);
  }
  void model;
  return {found, count, labels, kinds};
}

const NAN: Readonly<Record<string, bigint>> = {
  u16: 0xffffn,
  s16: 0x8000n,
  u32: 0xffff_ffffn,
  s32: 0x8000_0000n,
  u64: 0xffff_ffff_ffff_ffffn,
};
const WIDTH: Readonly<Record<string, number>> = {u16: 1, s16: 1, u32: 2, s32: 2, f32: 2, acc32: 2, u64: 4, text8: 8, text16: 16};

function fieldOf(found: FoundModel, point: ModelPoint, from = found.at): Field {
  const isText = point.type.startsWith('text');
  return {
    fc: 3,
    at: from + point.offset,
    type: (isText ? 'text' : point.type) as RegisterType,
    words: WIDTH[point.type] ?? 1,
    wordOrder: 'high-first',
    swapBytes: false,
    wordsAt: null,
    bits: null,
    scale: point.exponent === null ? {kind: 'factor', by: 1} : {kind: 'exponentAt', at: found.at + point.exponent},
    offset: 0,
    invert: false,
    absent: NAN[point.type] === undefined ? [] : [NAN[point.type] as bigint],
  };
}

const INVERTERS = [111, 112, 113, 701, 101, 102, 103];
const METERS = [211, 212, 213, 214, 201, 202, 203, 204];
/** Operating states of models 101 to 113. Source: sunspec/models, model_103.json, point St. */
const STATES: Readonly<Record<string, string>> = {
  '1': 'off',
  '2': 'sleeping',
  '3': 'starting',
  '4': 'running',
  '5': 'throttled',
  '6': 'shutting down',
  '7': 'fault',
  '8': 'standby',
};
const STATES_701: Readonly<Record<string, string>> = {'0': 'off', '1': 'on'};

function pointsOf(
  models: readonly FoundModel[],
  table: ReadonlyMap<number, Model>,
  modules: readonly Modules[],
  manufacturer: string,
): PointDef[] {
  const points: PointDef[] = [];
  const add = (name: string, source: PointSource | null, extra: Partial<PointDef> = {}): void => {
    if (!source) return;
    const every: PollClass =
      pointInfo(name).behaves === 'counter' || name.endsWith('temperature_c') || name.endsWith('capacity_wh') ? 'slow' : 'fast';
    points.push({name, source, unitKey: null, every, between: null, words: null, note: null, ...extra});
  };
  const of = (found: FoundModel | undefined, name: string, invert = false): PointSource | null => {
    const point = found && table.get(found.id)?.points[name];
    return found && point ? {kind: 'field', field: {...fieldOf(found, point), invert}} : null;
  };
  const first = (...sources: (PointSource | null)[]): PointSource | null => {
    const present = sources.filter(source => source !== null);
    return present.length === 0 ? null : present.length === 1 ? (present[0] as PointSource) : {kind: 'first', of: present};
  };
  // Two encodings of the same values may stand side by side: the float one is taken, never both.
  const inverter = INVERTERS.map(id => models.find(model => model.id === id)).find(found => found !== undefined);
  const inverters = INVERTERS.flatMap(id => models.filter(model => model.id === id));
  const both = (name: string): PointSource | null => first(...inverters.map(found => of(found, name)));

  if (inverter) {
    add('inverter.power_w', both('W'));
    add('inverter.energy_wh', first(both('WH'), of(inverter, 'TotWhInj')));
    add('inverter.frequency_hz', both('Hz'));
    add('inverter.apparent_power_va', both('VA'));
    add('inverter.power_factor', both('PF'));
    add('inverter.temperature_c', first(both('TmpCab'), both('TmpSnk'), both('TmpTrns'), both('TmpOt')));
    add('inverter.state', both('St'), {words: inverter.id === 701 ? STATES_701 : STATES});
    for (const [phase, letter] of [
      ['l1', 'A'],
      ['l2', 'B'],
      ['l3', 'C'],
    ] as const) {
      add(`inverter.power_${phase}_w`, both(`Wph${letter}`));
      add(`inverter.voltage_${phase}_v`, phase === 'l1' ? first(both('PhVphA'), of(inverter, 'LNV')) : both(`PhVph${letter}`));
      add(
        `inverter.current_${phase}_a`,
        phase === 'l1' && [101, 111].includes(inverter.id) ? first(both('AphA'), both('A')) : both(`Aph${letter}`),
      );
    }
  }

  const dc = moduleSources(table, modules, manufacturer);
  add('pv.power_w', dc.hasBattery ? dc.pvPower : first(both('DCW'), dc.pvPower));
  add('pv.energy_wh', dc.pvEnergy);
  dc.strings.forEach((string, index) => {
    add(`pv.string${index + 1}_power_w`, string.power);
    add(`pv.string${index + 1}_voltage_v`, string.voltage);
    add(`pv.string${index + 1}_current_a`, string.current);
  });
  const battery = models.find(model => model.id === 802);
  const storage = models.find(model => model.id === 124);
  const der = models.find(model => model.id === 713);
  add('battery.power_w', first(dc.batteryPower, of(battery, 'W')));
  add('battery.charge_energy_wh', dc.charged);
  add('battery.discharge_energy_wh', dc.discharged);
  add('battery.soc_pct', first(of(battery, 'SoC'), of(der, 'SoC'), of(storage, 'ChaState')), {between: [0, 100]});
  add('battery.voltage_v', first(of(battery, 'V'), of(storage, 'InBatV')));
  add('battery.current_a', of(battery, 'A'));
  add('battery.capacity_wh', first(of(battery, 'WHRtg'), of(der, 'WHRtg')));

  const meters = METERS.slice(0, 4).flatMap(id => models.filter(model => model.id === id));
  const found = meters.length > 0 ? meters : METERS.slice(4).flatMap(id => models.filter(model => model.id === id));
  found
    .sort((a, b) => a.at - b.at)
    .forEach((meter, index) => {
      // Behind an inverter the first meter is the site's; on a unit of its own it is whatever the map says.
      const part = inverter
        ? index === 0
          ? 'grid'
          : index === 1
            ? 'meter'
            : `meter${index}`
        : index === 0
          ? 'meter'
          : `meter${index + 1}`;
      // SolarEdge counts export as positive. Source: evcc issue 15445, a log beside the registers.
      const turned = /solaredge/i.test(manufacturer);
      add(`${part}.power_w`, of(meter, 'W', turned));
      add(`${part}.import_energy_wh`, of(meter, 'TotWhImp'));
      add(`${part}.export_energy_wh`, of(meter, 'TotWhExp'));
      add(`${part}.frequency_hz`, of(meter, 'Hz'));
      add(`${part}.power_factor`, of(meter, 'PF'));
      add(`${part}.apparent_power_va`, of(meter, 'VA'));
      add(`${part}.reactive_power_var`, of(meter, 'VAR'));
      for (const [phase, letter] of [
        ['l1', 'A'],
        ['l2', 'B'],
        ['l3', 'C'],
      ] as const) {
        add(`${part}.power_${phase}_w`, of(meter, `Wph${letter}`, turned));
        add(`${part}.voltage_${phase}_v`, of(meter, `PhVph${letter}`));
        add(`${part}.current_${phase}_a`, of(meter, `Aph${letter}`));
      }
    });
  return points;
}

type StringSources = {readonly power: PointSource | null; readonly voltage: PointSource | null; readonly current: PointSource | null};
type ModuleSources = {
  readonly pvPower: PointSource | null;
  readonly pvEnergy: PointSource | null;
  readonly strings: readonly StringSources[];
  readonly hasBattery: boolean;
  readonly batteryPower: PointSource | null;
  readonly charged: PointSource | null;
  readonly discharged: PointSource | null;
};

/** Model 160 and the ports of model 714: strings, and a battery where the vendor puts one there. */
function moduleSources(table: ReadonlyMap<number, Model>, all: readonly Modules[], manufacturer: string): ModuleSources {
  const modules = all.find(one => one.found.id === 160) ?? all.find(one => one.found.id === 714);
  const repeat = modules && table.get(modules.found.id)?.repeat;
  if (!modules || !repeat)
    return {pvPower: null, pvEnergy: null, strings: [], hasBattery: false, batteryPower: null, charged: null, discharged: null};
  const field = (index: number, name: string): Field | null => {
    const point = repeat.points[name];
    return point ? fieldOf(modules.found, point, modules.found.at + repeat.from + index * repeat.length) : null;
  };
  const source = (index: number, name: string): PointSource | null => {
    const one = field(index, name);
    return one && {kind: 'field', field: one};
  };
  const indices = Array.from({length: modules.count}, (_, index) => index);
  // Fronius hybrids: the last two modules are charge and discharge. Source: evcc templates fronius-gen24, fronius-vertoplus.
  const labelled = indices.filter(index => /^StDisCha|^StCha|bat/i.test(modules.labels[index] ?? ''));
  const fronius = modules.found.id === 160 && /fronius/i.test(manufacturer) && modules.count >= 4;
  const storage =
    modules.found.id === 714
      ? indices.filter(index => modules.kinds[index] === 1)
      : labelled.length === 2
        ? labelled
        : fronius
          ? indices.slice(-2)
          : [];
  const pv = indices.filter(
    index => !storage.includes(index) && !(modules.found.id === 714 && modules.kinds[index] !== 0 && modules.kinds[index] !== END),
  );
  const fields = (list: readonly number[], name: string): Field[] => list.flatMap(index => field(index, name) ?? []);
  const sum = (list: Field[]): PointSource | null => (list.length > 0 ? {kind: 'sum', fields: list} : null);
  const [charge, release] = storage;
  const pair = modules.found.id === 160 && charge !== undefined && release !== undefined;
  return {
    pvPower: sum(fields(pv, 'DCW')),
    pvEnergy: sum(fields(pv, modules.found.id === 160 ? 'DCWH' : 'DCWhInj')),
    strings: pv.map(index => ({power: source(index, 'DCW'), voltage: source(index, 'DCV'), current: source(index, 'DCA')})),
    hasBattery: storage.length > 0,
    batteryPower: pair
      ? {kind: 'difference', plus: fields([release], 'DCW'), minus: fields([charge], 'DCW')}
      : storage.length > 0
        ? sum(fields(storage, 'DCW'))
        : null,
    charged: pair ? source(charge, 'DCWH') : storage[0] === undefined ? null : source(storage[0], 'DCWhAbs'),
    discharged: pair ? source(release, 'DCWH') : storage[0] === undefined ? null : source(storage[0], 'DCWhInj'),
  };
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
    if (serial) serials.push({fc: 3, at: at + serial.offset, words: WIDTH[serial.type] ?? 16});
  }
  const last = models.at(-1);
  if (last) spans.push({fc: 3, at: last.at + last.length + 2, words: 2});
  return {spans, serials};
}

const CAPTURE_WORDS = 50;
