// What can be asked over MQTT: the daemon, its devices, the house now, totals of the past. Nothing can be changed.

import type {Health} from '../../core/health.ts';
import {EARLIEST_MS, LATEST_MS, MOMENT_FORMS, parseMoment} from '../../core/moment.ts';
import {numberOf, type Reading} from '../../core/reading.ts';
import type {TickRecord} from '../../core/sink.ts';
import type {Site} from '../../core/site.ts';
import {utcText} from '../../core/time.ts';
import {pointKey} from '../../core/vocabulary.ts';
import {bridgeDevices, bridgeHealth, bridgeInfo, byDevice} from './payloads.ts';
import type {Answers} from './requests.ts';

type TotalsStep = '15m' | '1h' | '1d' | '1mo';
/** Totals of slots that begin in [fromMs, toMs), UTC ms, ordered by time. */
export type TotalsQuestion = (
  fromMs: number,
  toMs: number,
  step: TotalsStep,
) => Promise<readonly {readonly startMs: number; readonly name: string; readonly energyMilliWh: number; readonly quality: string}[]>;

type AnswersDeps = {
  readonly site: Site;
  readonly health: () => Health;
  readonly protocol: () => 4 | 5;
  readonly record: () => TickRecord | null;
  readonly totals?: TotalsQuestion;
};

/** A message is no export: at most this many steps in one answer. */
const MOST_STEPS = 1000;
const STEP_MS: Readonly<Record<TotalsStep, number>> = {'15m': 900_000, '1h': 3_600_000, '1d': 86_400_000, '1mo': 28 * 86_400_000};

export function createAnswers({site, health, protocol, record, totals}: AnswersDeps): Answers {
  return {
    info: () => JSON.parse(bridgeInfo(site, health().startedMs, protocol())),
    devices: () => JSON.parse(bridgeDevices(health().devices)),
    health: () => JSON.parse(bridgeHealth(health())),
    state: () => record()?.state ?? null,
    energy: () => record()?.energy ?? null,
    day: () => record()?.day ?? null,
    /** The last sweep of a device, with the quality of each value. */
    read({device}) {
      const known = health().devices.map(({id}) => id);
      if (typeof device !== 'string' || !known.includes(device)) throw new Error(`expected "device": ${known.join(' | ')}`);
      const readings = byDevice(record()?.board ?? new Map()).get(device) ?? [];
      return Object.fromEntries(readings.map(reading => [reading.point, measured(reading)]));
    },
    async history({from, to, step = '15m'}) {
      if (!totals) throw new Error('there is no ledger to ask');
      const fromMs = moment('from', from, site.timezone);
      const toMs = moment('to', to, site.timezone);
      if (typeof step !== 'string' || !Object.hasOwn(STEP_MS, step))
        throw new Error(`expected "step": ${Object.keys(STEP_MS).join(' | ')}`);
      const known = step as TotalsStep;
      if (!(toMs > fromMs)) throw new Error('"to" must be later than "from"');
      if ((toMs - fromMs) / STEP_MS[known] > MOST_STEPS) throw new Error(`more than ${MOST_STEPS} steps; ask for less at a time`);
      const rows = new Map<number, Record<string, number | string>>();
      for (const {startMs, name, energyMilliWh, quality} of await totals(fromMs, toMs, known)) {
        const row = rows.get(startMs) ?? {start: utcText(startMs), quality: 'ok'};
        row['quality'] = wordsOfBoth(String(row['quality']), quality);
        row[`${name}_kwh`] = energyMilliWh / 1_000_000;
        rows.set(startMs, row);
      }
      return [...rows.values()];
    },
  };
}

function measured({point, measured: value}: Reading): object {
  return value.kind === 'missing'
    ? {value: null, quality: 'missing', fault: value.fault.kind}
    : {value: numberOf(value) ?? value.value, quality: value.kind, key: pointKey(point)};
}

/** Every word but `ok` that one of two qualities has, as the database sorts them. */
const wordsOfBoth = (a: string, b: string): string =>
  [...new Set(`${a},${b}`.split(','))]
    .filter(word => word !== 'ok')
    .sort()
    .join() || 'ok';

function moment(name: string, value: unknown, zone: string): number {
  const ms = typeof value === 'string' || typeof value === 'number' ? parseMoment(String(value), zone) : Number.NaN;
  if (!(ms >= EARLIEST_MS && ms <= LATEST_MS)) throw new Error(`expected "${name}": ${MOMENT_FORMS}`);
  return ms;
}
