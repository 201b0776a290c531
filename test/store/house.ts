// A small made-up house for the tests of the store: records as the daemon tells them, every figure known beforehand.

import type {FlowEvent, SlotCell, SlotRecord, SlotTotal} from '../../src/core/flow/model.ts';
import type {Reading} from '../../src/core/reading.ts';
import {type EventKind, quoted} from '../../src/core/sentences/say.ts';
import type {TickRecord} from '../../src/core/sink.ts';

export const START_MS = Date.parse('2026-03-28T22:00:00Z');
export const SLOT_MS = 900_000;

export const good = (device: string, point: string, value: number | string, monoMs = 0): Reading => ({
  device,
  point,
  measured: {kind: 'good', value, monoMs},
});
export const silent = (device: string, point: string): Reading => ({
  device,
  point,
  measured: {kind: 'missing', fault: {kind: 'timeout', afterMs: 1000}},
});

/** An event that tells which record it came with. */
export const markEvent = (monoMs: number, detail: string): FlowEvent => ({
  kind: 'mark' as EventKind,
  monoMs,
  about: null,
  detail: quoted(detail),
});
export const cell = (
  origin: SlotCell['origin'],
  via: string,
  source: string,
  sink: string,
  energyMilliWh: number,
  label: SlotCell['label'],
): SlotCell => ({
  origin,
  via,
  source,
  sink,
  energyMilliWh,
  label,
});
export const total = (name: string, energyMilliWh: number, counterWh: number | null = null): SlotTotal => ({
  name,
  energyMilliWh,
  rawMilliWh: energyMilliWh + 3,
  counterWh,
  quality: ['ok'],
});

/** A closed quarter hour whose figures follow from `n`, so that any two differ. */
export function slot(startMs: number, n: number, more: Partial<SlotRecord> = {}): SlotRecord {
  const cells = [
    cell('solar', 'direct', 'solar', 'home', 100_000 + n, 'btm_consumed'),
    cell('solar', 'direct', 'solar', 'battery', 20_000 + n, 'stored'),
    cell('grid', 'direct', 'grid', 'home', 3_000 + n, 'imported'),
    cell('solar', 'battery', 'battery', 'home', 700 + n, 'btm_consumed'),
  ];
  return {
    slot: {kind: 'utc', startMs},
    closed: true,
    cells: {'solar-first': cells, proportional: cells.map(one => ({...one, energyMilliWh: one.energyMilliWh + 1}))},
    totals: [total('grid_import', 3_000 + n, 1000 + n), total('solar', 120_000 + 2 * n), total('home', 103_700 + 3 * n)],
    quality: ['ok'],
    reason: null,
    bounds: null,
    ...more,
  };
}

export function record(seq: number, wallMs: number, more: Partial<TickRecord> = {}): TickRecord {
  return {
    tick: {seq, monoMs: seq * 2000, wallMs},
    readings: [],
    board: new Map(),
    nodes: [],
    slots: [],
    events: [],
    state: null,
    energy: null,
    day: null,
    flowState: null,
    ...more,
  };
}
