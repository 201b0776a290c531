// The repeated blocks of a SunSpec device: strings of model 160, ports of model 714, and a battery where the vendor puts one among them.

import type {Field, PointSource} from '../core/profile.ts';
import {type Found, fieldOf, type Modules, NO_KIND} from './sunspec-fields.ts';

type StringSources = {readonly power: PointSource | null; readonly voltage: PointSource | null; readonly current: PointSource | null};
export type ModuleSources = {
  /** The model they are from, or null of none. */
  readonly from: 160 | 714 | null;
  readonly pvPower: PointSource | null;
  readonly pvEnergy: PointSource | null;
  readonly strings: readonly StringSources[];
  /** No battery, car or other thing is among the modules. */
  readonly onlyPv: boolean;
  readonly storage: {
    readonly power: PointSource | null;
    readonly charged: PointSource | null;
    readonly discharged: PointSource | null;
  } | null;
};
const NONE: ModuleSources = {from: null, pvPower: null, pvEnergy: null, strings: [], onlyPv: true, storage: null};

/** Port types of model 714. Source: sunspec/models, model_714.json, point PrtTyp. */
const PORT_PV = 0;
const PORT_BATTERY = 1;
/** A hybrid of Fronius has its strings (two or more) and then these two. */
const FRONIUS_STORAGE = 2;

export function moduleSources({modules: all, table, models, manufacturer}: Found): ModuleSources {
  const strings = all.find(one => one.found.id === 160);
  const modules = strings ?? all.find(one => one.found.id === 714);
  const repeat = modules && table.get(modules.found.id)?.repeat;
  if (!modules || !repeat) return NONE;
  const field = (index: number | undefined, name: string): Field | null => {
    const point = repeat.points[name];
    return point && index !== undefined ? fieldOf(modules.found, point, modules.found.at + repeat.from + index * repeat.length) : null;
  };
  const source = (index: number | undefined, name: string): PointSource | null => {
    const one = field(index, name);
    return one && {kind: 'field', field: one};
  };
  const sum = (list: readonly number[], name: string): PointSource | null => {
    const fields = list.flatMap(index => field(index, name) ?? []);
    return fields.length > 0 ? {kind: 'sum', fields} : null;
  };
  const indices = Array.from({length: modules.count}, (_, index) => index);
  const stringsOf = (list: readonly number[]): StringSources[] =>
    list.map(index => ({power: source(index, 'DCW'), voltage: source(index, 'DCV'), current: source(index, 'DCA')}));

  if (!strings) {
    const batteries = indices.filter(index => modules.kinds[index] === PORT_BATTERY);
    const pv = indices.filter(index => modules.kinds[index] === PORT_PV || modules.kinds[index] === NO_KIND);
    return {
      from: 714,
      pvPower: sum(pv, 'DCW'),
      pvEnergy: sum(pv, 'DCWhInj'),
      strings: stringsOf(pv),
      onlyPv: pv.length === indices.length,
      storage:
        batteries.length === 0
          ? null
          : {power: sum(batteries, 'DCW'), charged: sum(batteries, 'DCWhAbs'), discharged: sum(batteries, 'DCWhInj')},
    };
  }
  const hasStorage = models.some(model => model.id === 124);
  const storage = storageModules(modules, /fronius/i.test(manufacturer), hasStorage);
  const pv = indices.filter(index => index !== storage?.charge && index !== storage?.discharge);
  const [plus, minus] = [field(storage?.discharge, 'DCW'), field(storage?.charge, 'DCW')];
  return {
    from: 160,
    pvPower: sum(pv, 'DCW'),
    pvEnergy: sum(pv, 'DCWH'),
    strings: stringsOf(pv),
    onlyPv: storage === null,
    storage: storage && {
      power: plus && minus && {kind: 'difference', plus: [plus], minus: [minus]},
      charged: source(storage.charge, 'DCWH'),
      discharged: source(storage.discharge, 'DCWH'),
    },
  };
}

/**
 * Fronius tells charge and discharge as the last two modules of model 160, named StCha and StDisCha.
 * Sources: evcc templates fronius-gen24 (modules 3 and 4) and fronius-vertoplus (4 and 5); callifo/fronius_modbus.
 */
function storageModules({labels, count}: Modules, fronius: boolean, hasStorage: boolean): {charge: number; discharge: number} | null {
  const charge = labels.findIndex(label => /^St_?Cha/i.test(label ?? ''));
  const discharge = labels.findIndex(label => /^St_?DisCha/i.test(label ?? ''));
  if (charge >= 0 && discharge >= 0) return {charge, discharge};
  // Without such names: four trackers of an inverter without a battery look alike, but are called MPPT and come without a storage model.
  const named = labels.slice(-FRONIUS_STORAGE).some(label => /mppt|string/i.test(label ?? ''));
  const fits = fronius && count >= 2 + FRONIUS_STORAGE && (hasStorage || !named);
  return fits ? {charge: count - 2, discharge: count - 1} : null;
}
