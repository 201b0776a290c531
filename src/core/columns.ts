// The columns of a downloaded or exported table, so that one without a row still says what it would have held.

import {moneyRow} from './tariff/shown.ts';
import {noMoney} from './tariff/value.ts';

const COLUMNS = {
  flows: ['policy', 'origin', 'via', 'source', 'sink', 'energy_mwh', 'energy_wh', 'label', 'quality'],
  totals: ['name', 'energy_mwh', 'energy_wh', 'raw_mwh', 'counter_wh', 'quality'],
  samples: ['device', 'point', 'value', 'unit'],
  points: ['device', 'point', 'n', 'avg', 'min', 'max', 'last', 'unit'],
  evidence: [
    ...['policy', 'generation_mwh', 'solar_mwh', 'wind_mwh', 'generator_mwh', 'import_mwh', 'export_mwh', 'charge_mwh', 'discharge_mwh'],
    ...['grid_charged_mwh', 'grid_charged_min_mwh', 'grid_charged_max_mwh', 'unknown_exported_mwh'],
    ...['grid_reexported_mwh', 'grid_reexported_min_mwh', 'grid_reexported_max_mwh'],
  ],
} as const;

/** In order; the first is when: a moment, or a local day, month or year for steps from a day on. */
export function columnsOf(what: 'flows' | 'totals' | 'points' | 'money' | 'evidence', step: string): readonly string[] {
  const when = step === 'raw' ? 'utc' : ['1d', '1mo', '1y'].includes(step) ? 'day' : 'slot_start_utc';
  if (what === 'money') return [when, 'policy', ...Object.keys(moneyRow('', {prices: null, money: noMoney()}, step === '15m'))];
  return [when, ...COLUMNS[what === 'points' && step === 'raw' ? 'samples' : what]];
}
