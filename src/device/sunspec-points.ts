// A SunSpec device's points from the models it was found to have: which model tells what, and what its vendor means by it.

import type {Field, PointDef, PointSource} from '../core/profile.ts';
import {pointInfo, usualPace} from '../core/vocabulary.ts';
import {type Found, type FoundModel, fieldOf, reaches} from './sunspec-fields.ts';
import {type ModuleSources, moduleSources} from './sunspec-modules.ts';

/** The first source that has a value; null of none. */
function first(...sources: readonly (PointSource | null)[]): PointSource | null {
  const present = sources.filter(source => source !== null);
  return present.length === 0 ? null : present.length === 1 ? (present[0] as PointSource) : {kind: 'first', of: present};
}

// Two encodings of the same values may stand side by side (Kostal: 103 and 113): the float one is asked first, they are never added up.
const INVERTERS = [111, 112, 113, 701, 101, 102, 103];
const FLOAT_METERS = [211, 212, 213, 214];
const METERS = [201, 202, 203, 204];
const ONE_PHASE_INVERTERS = [101, 111];
const PHASES = [
  ['l1', 'A'],
  ['l2', 'B'],
  ['l3', 'C'],
] as const;
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
/** The same words of model 701 count from zero. Source: sunspec/models, model_701.json, point InvSt. */
const STATES_701 = Object.fromEntries(Object.entries(STATES).map(([number, word]) => [String(Number(number) - 1), word]));

type Vendor = {
  /** Its meters count export as positive. */
  readonly metersTurned: boolean;
  /** Its accumulators run below zero where the energy goes out. */
  readonly counters: 'plain' | 'below-zero';
};
/**
 * What the identity block's manufacturer means by its registers.
 * Sources: SolarEdge's sign by a log beside the registers (evcc issue 15445); Kostal's counters by evcc issue 18358 and mbmd, pull request 97.
 */
const vendorOf = (manufacturer: string): Vendor => ({
  metersTurned: /solaredge/i.test(manufacturer),
  counters: /kostal/i.test(manufacturer) ? 'below-zero' : 'plain',
});

/** All points that the models tell. */
export function pointsOf(device: Found): PointDef[] {
  const {models, table, manufacturer} = device;
  const vendor = vendorOf(manufacturer);
  const points: PointDef[] = [];
  const add = (name: string, source: PointSource | null, extra: Partial<PointDef> = {}): void => {
    if (!source) return;
    const between = pointInfo(name).plausible;
    points.push({name, source, unitKey: null, every: usualPace(name), between, words: null, note: null, ...extra});
  };
  const of = (found: FoundModel | undefined, name: string, turned = false): PointSource | null => {
    const point = found && table.get(found.id)?.points[name];
    if (!found || !point || !reaches(found, point)) return null;
    const field = {...fieldOf(found, point), invert: turned};
    return point.type === 'acc32' && vendor.counters === 'below-zero' ? belowZero(field) : {kind: 'field', field};
  };
  const modelOf = (id: number): FoundModel | undefined => models.find(model => model.id === id);
  const inverters = INVERTERS.flatMap(id => models.filter(model => model.id === id));
  const any = (name: string): PointSource | null => first(...inverters.map(found => of(found, name)));

  const [inverter] = inverters;
  if (inverter) {
    add('inverter.power_w', any('W'));
    add('inverter.energy_wh', first(any('WH'), any('TotWhInj'), of(modelOf(122), 'ActWh')));
    add('inverter.frequency_hz', any('Hz'));
    add('inverter.apparent_power_va', any('VA'));
    add('inverter.reactive_power_var', any('VAr'));
    add('inverter.power_factor', any('PF'));
    add('inverter.temperature_c', first(any('TmpCab'), any('TmpSnk'), any('TmpTrns'), any('TmpOt')));
    if (inverter.id === 701) add('inverter.state', of(inverter, 'InvSt'), {words: STATES_701});
    else add('inverter.state', any('St'), {words: STATES});
    const onePhase = ONE_PHASE_INVERTERS.includes(inverter.id) || (inverter.id === 701 && device.onePhase);
    for (const [phase, letter] of PHASES) {
      const only = phase === 'l1' && onePhase;
      add(`inverter.power_${phase}_w`, any(`Wph${letter}`));
      add(`inverter.voltage_${phase}_v`, first(any(`PhVph${letter}`), phase === 'l1' ? any('LNV') : null));
      add(`inverter.current_${phase}_a`, first(any(`Aph${letter}`), only ? any('A') : null));
    }
  }

  const dc = moduleSources(device);
  const allPorts = dc.from === 714 && dc.onlyPv ? of(modelOf(714), 'DCW') : null;
  add('pv.power_w', dc.storage ? dc.pvPower : first(any('DCW'), allPorts, dc.pvPower));
  add('pv.energy_wh', dc.pvEnergy);
  dc.strings.forEach((string, index) => {
    add(`pv.string${index + 1}_power_w`, string.power);
    add(`pv.string${index + 1}_voltage_v`, string.voltage);
    add(`pv.string${index + 1}_current_a`, string.current);
  });
  addBattery(add, of, modelOf, dc);

  const floats = models.filter(model => FLOAT_METERS.includes(model.id));
  const meters = floats.length > 0 ? floats : models.filter(model => METERS.includes(model.id));
  meters.forEach((meter, index) => {
    const part = meterPart(index, inverter !== undefined);
    add(`${part}.power_w`, of(meter, 'W', vendor.metersTurned));
    add(`${part}.import_energy_wh`, of(meter, 'TotWhImp'));
    add(`${part}.export_energy_wh`, of(meter, 'TotWhExp'));
    add(`${part}.frequency_hz`, of(meter, 'Hz'));
    add(`${part}.power_factor`, of(meter, 'PF'));
    add(`${part}.apparent_power_va`, of(meter, 'VA'));
    add(`${part}.reactive_power_var`, of(meter, 'VAR'));
    for (const [phase, letter] of PHASES) {
      add(`${part}.power_${phase}_w`, of(meter, `Wph${letter}`, vendor.metersTurned));
      add(`${part}.voltage_${phase}_v`, of(meter, `PhVph${letter}`));
      add(`${part}.current_${phase}_a`, of(meter, `Aph${letter}`));
    }
  });
  return points;
}

/** Behind an inverter the first meter is the site's; on a unit of its own it is whatever the map says. */
function meterPart(index: number, behindInverter: boolean): string {
  if (behindInverter && index === 0) return 'grid';
  const place = behindInverter ? index : index + 1;
  return place === 1 ? 'meter' : `meter${place}`;
}

function addBattery(
  add: (name: string, source: PointSource | null, extra?: Partial<PointDef>) => void,
  of: (found: FoundModel | undefined, name: string) => PointSource | null,
  modelOf: (id: number) => FoundModel | undefined,
  dc: ModuleSources,
): void {
  const [bank, cells, storage, capacity] = [modelOf(802), modelOf(803), modelOf(124), modelOf(713)];
  add('battery.power_w', first(dc.storage?.power ?? null, of(bank, 'W')));
  add('battery.charge_energy_wh', dc.storage?.charged ?? null);
  add('battery.discharge_energy_wh', dc.storage?.discharged ?? null);
  add('battery.soc_pct', first(of(bank, 'SoC'), of(capacity, 'SoC'), of(storage, 'ChaState')));
  add('battery.voltage_v', first(of(bank, 'V'), of(storage, 'InBatV')));
  add('battery.current_a', of(bank, 'A'));
  add('battery.temperature_c', first(of(cells, 'ModTmpAvg'), of(cells, 'ModTmpMax')));
  add('battery.capacity_wh', first(of(bank, 'WHRtg'), of(capacity, 'WHRtg')));
}

/** An accumulator that may count downwards from zero: its size, whichever way it runs. Zero still means that there is none. */
function belowZero(field: Field): PointSource {
  const signed: Field = {...field, type: 's32', absent: [0n]};
  return {kind: 'flagged', magnitude: signed, flag: signed, negativeWhen: [], positiveWhen: [], otherwise: 'positive'};
}
