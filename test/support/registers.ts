// What a profile makes of registers that are written out by hand, read over a socket.

import {expect} from 'vitest';
import {realClock} from '../../src/app/clock.ts';
import {loadProfile} from '../../src/config/profiles.ts';
import {parseLinkUrl} from '../../src/core/linkurl.ts';
import {silentLog} from '../../src/core/log.ts';
import {createDevice} from '../../src/device/device.ts';
import {openLink} from '../../src/link/open.ts';
import {startModbusServer} from '../../src/link/server.ts';
import {afterTest} from './after.ts';

export type Blocks = Readonly<Record<number, readonly number[]>>;
export type Served = {readonly unit: number; readonly fc: 3 | 4; readonly blocks: Blocks};
export type Case = {
  readonly served: readonly Served[];
  readonly options?: Readonly<Record<string, string | number>>;
  readonly expected: Readonly<Record<string, number | string | undefined>>;
};

export const s16 = (value: number): number => value & 0xffff;
export const s32 = (value: number): number[] => [(value >>> 16) & 0xffff, value & 0xffff];
export const lowFirst = (words: readonly number[]): number[] => [...words].reverse();
export const f32 = (value: number): number[] => {
  const view = new DataView(new ArrayBuffer(4));
  view.setFloat32(0, value);
  return [view.getUint16(0), view.getUint16(2)];
};
/** "Not available" on the wire. */
export const NOT_S32 = [0x8000, 0];
export const NOT_U32 = [0xffff, 0xffff];
export const u64 = (value: number): number[] => [0, 0, ...s32(value)];
export const holding = (unit: number, blocks: Blocks): Served => ({unit, fc: 3, blocks});
export const input = (unit: number, blocks: Blocks): Served => ({unit, fc: 4, blocks});

/** The device of the case, read once: each point it is expected to tell has that value, or that fault. */
export async function expectPoints(id: string, {served, options = {}, expected}: Case): Promise<void> {
  const words = new Map(
    served.flatMap(({unit, fc, blocks}) =>
      Object.entries(blocks).flatMap(([at, list]) => list.map((word, i) => [`${unit}/${fc}/${Number(at) + i}`, word] as const)),
    ),
  );
  const source = (unit: number) => ({
    read(fc: 3 | 4, at: number, count: number) {
      const answer = Array.from({length: count}, (_, i) => words.get(`${unit}/${fc}/${at + i}`));
      return answer.every(word => word !== undefined) ? (answer as number[]) : {exception: 2};
    },
  });
  const units = new Map(served.map(({unit}) => [unit, source(unit)]));
  const server = await startModbusServer({host: '127.0.0.1', port: 0, units});
  afterTest(() => server.close());
  const linkUrl = parseLinkUrl(`tcp://127.0.0.1:${server.port}`);
  const link = openLink('test', linkUrl, {clock: realClock, timeoutMs: 30_000, minGapMs: 0});
  afterTest(() => link.close());
  const profile = loadProfile(id);
  const quick = {...profile, timing: {...profile.timing, connectDelayMs: 0, minGapMs: 0, unitPauseMs: 0, timeoutMs: 30_000}};
  const device = createDevice(
    {id, profile: quick, link, linkUrl, unit: profile.defaults.unit, units: {}, options, everyMs: 0, slowEveryMs: 0},
    {clock: realClock, log: silentLog, note() {}, localHour: () => 12},
  );
  const {readings} = await device.sweep(new AbortController().signal);
  const told = new Map(readings.map(({point, measured}) => [point, measured.kind === 'missing' ? measured.fault.kind : measured.value]));
  for (const [point, value] of Object.entries(expected))
    if (typeof value === 'number') expect(told.get(point), point).toBeCloseTo(value, 3);
    else expect(told.get(point), point).toBe(value);
}
