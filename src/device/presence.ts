// Whether a device is there: good, partial, asleep or lost, by what its sweeps came to. One log line and one event a transition.

import {describeFault} from '../core/faults.ts';
import type {FlowEvent} from '../core/flow/model.ts';
import type {DeviceHealth} from '../core/health.ts';
import type {Log} from '../core/log.ts';
import type {DeviceProfile, PointDef} from '../core/profile.ts';
import type {Fault, Reading} from '../core/reading.ts';
import {type EventKind, type Said, say} from '../core/sentences/say.ts';
import type {Clock} from '../core/time.ts';
import type {Sweep} from './words.ts';

export type PresenceDeps = {
  readonly clock: Clock;
  readonly log: Log;
  /** Told of changes; kinds `device-lost`, `device-back`, `device-asleep`, `firmware-changed`, `device-replaced`, `profile-doubtful`. */
  readonly note: (event: FlowEvent) => void;
  /** Hour of the day at the site, 0 to 23: an inverter that may sleep is believed to sleep in the dark. */
  readonly localHour: () => number;
};
type Presence = {
  health(): Pick<DeviceHealth, 'state' | 'sinceMs' | 'lastGoodMs' | 'faults' | 'lastFault'>;
  /** Nothing came at all: readings that say why. */
  silent(fault: Fault, points: readonly PointDef[]): readonly Reading[];
  /** Something came: the readings as they stand, a sleeping inverter's powers marked as such. */
  heard(readings: readonly Reading[], sweeps: readonly Sweep[]): readonly Reading[];
};

/** Sweeps without any answer after which a device is lost. */
const LOST_AFTER = 3;
/** Below this power before the silence, dusk is the likelier reason, W. */
const DUSK_W = 100;
const DARK_FROM_HOUR = 16;
const DARK_UNTIL_HOUR = 9;
const SUN_POWER = /^pv\d*\.(string\d+_)?power_w$/;
/** What only says something of the sun: a device that also has others does not sleep. */
const DAY_PART = /^(pv|inverter)\d*\./;

export function createPresence(
  id: string,
  profile: DeviceProfile,
  {clock, log, note, localHour}: PresenceDeps,
  back: () => void,
): Presence {
  let state: DeviceHealth['state'] = 'starting';
  let sinceMs = clock.wallMs();
  let lastGoodMs: number | null = null;
  let lastPowerW: number | null = null;
  let lastFault: Said | null = null;
  let silences = 0;
  const faults: Record<string, number> = {};

  function become(next: DeviceHealth['state'], why: Said | null): void {
    if (next === state) return;
    const before = state;
    const lastedS = Math.round((clock.wallMs() - sinceMs) / 1000);
    [state, sinceMs] = [next, clock.wallMs()];
    const event = (kind: EventKind, detail: Said): void => note({kind, monoMs: clock.monoMs(), about: id, detail});
    if (next === 'lost') {
      log.warn({part: 'device', device: id, fault: why}, `${id} does not answer`);
      event('device-lost', why ?? say('no answer'));
    } else if (next === 'asleep') {
      log.info({part: 'device', device: id}, `${id} is asleep`);
      event('device-asleep', why ?? say('nothing to tell in the dark'));
    } else if (before === 'lost' || before === 'asleep') {
      log.info({part: 'device', device: id, seconds: lastedS}, `${id} is back`);
      event('device-back', say('after {s} s', {s: lastedS}));
      back();
    }
  }

  function count(fault: Fault): void {
    // What was not even asked is no further fault.
    if (fault.kind === 'timeout' && fault.afterMs === 0) return;
    faults[fault.kind] = (faults[fault.kind] ?? 0) + 1;
    lastFault = describeFault(fault);
  }

  const isDark = (): boolean => localHour() >= DARK_FROM_HOUR || localHour() < DARK_UNTIL_HOUR;
  const mayBeNight = (): boolean => profile.night !== 'answers' && (lastPowerW === null ? isDark() : Math.abs(lastPowerW) <= DUSK_W);

  /** Asleep, or no sun at all where the profile says that this is what its silence means. */
  const sleeping = (point: string): Reading =>
    profile.night === 'silent-pv-zero' && SUN_POWER.test(point)
      ? {device: id, point, measured: {kind: 'good', value: 0, monoMs: clock.monoMs()}}
      : {device: id, point, measured: {kind: 'missing', fault: {kind: 'asleep'}}};

  return {
    health: () => ({state, sinceMs, lastGoodMs, faults: {...faults}, lastFault}),

    silent(fault, points) {
      silences++;
      count(fault);
      if (silences >= LOST_AFTER || state === 'lost' || state === 'asleep') become(mayBeNight() ? 'asleep' : 'lost', lastFault);
      return points
        .filter(point => point.every !== 'once')
        .map(({name}) => (state === 'asleep' ? sleeping(name) : {device: id, point: name, measured: {kind: 'missing', fault}}));
    },

    heard(readings, sweeps) {
      silences = 0;
      const broken = sweeps.flatMap(sweep => sweep.broken ?? []);
      for (const fault of broken) count(fault);
      const powers = readings.filter(({point}) => point.endsWith('power_w') && !point.includes('string'));
      if (
        powers.length > 0 &&
        powers.every(({measured}) => measured.kind === 'missing' && measured.fault.kind === 'absent') &&
        mayBeNight()
      ) {
        become('asleep', null);
        return readings.map(reading => (powers.includes(reading) ? sleeping(reading.point) : reading));
      }
      const main = powers.find(({point, measured}) => (point === 'inverter.power_w' || point === 'pv.power_w') && measured.kind === 'good');
      if (main?.measured.kind === 'good' && typeof main.measured.value === 'number') lastPowerW = main.measured.value;
      if (readings.some(({measured}) => measured.kind === 'good')) lastGoodMs = clock.wallMs();
      // Zeros are an answer too: nothing but the sun's own powers, and all of them nothing.
      const dark =
        powers.length > 0 && powers.every(({point, measured}) => DAY_PART.test(point) && measured.kind === 'good' && measured.value === 0);
      become(dark && mayBeNight() && isDark() ? 'asleep' : broken.length > 0 ? 'partial' : 'good', dark ? null : lastFault);
      return readings;
    },
  };
}
